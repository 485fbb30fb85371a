//! What is not held arrives with the same bytes, in the same order, in both directions.

mod http;
mod stdio;

use harness::random::Random;

/// A request and the answer to it, as texts that no serialiser would write.
struct Exchange {
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// A recorded corpus: shapes that real servers and clients send, odd but harmless.
const CORPUS: &[(&str, &str)] = &[
    (
        r#"{"jsonrpc":"2.0","id":"half","method":"tools/call","params":{"name":"echo","arguments":{"text":"cut \ud83d"}}}"#,
        r#"{"jsonrpc":"2.0","id":"half","result":{"content":[{"type":"text","text":"\ud83d cut"}]}}"#,
    ),
    (
        r#"{"id":"wide","method":"tools/call","jsonrpc":"2.0","params":{"arguments":{"id":9223372036854775807},"name":"echo"}}"#,
        r#"{"result":{"structuredContent":{"id":18446744073709551615,"f":1e400},"content":[]},"id":"wide","jsonrpc":"2.0"}"#,
    ),
    (
        r#"{ "jsonrpc" : "2.0" , "id" : "spaced" , "method" : "tools/call" , "params" : { "name" : "echo" } }"#,
        "{\t\"jsonrpc\":\"2.0\",\"id\":\"spaced\",\"result\":{\"content\":[ ]}  }",
    ),
    (
        r#"{"jsonrpc":"2.0","id":"unknown","method":"vendor/thing","params":{"list":[1,2.50,"\u00e9"]}}"#,
        r#"{"jsonrpc":"2.0","id":"unknown","result":{"vendor":{"\u0061":1.0}}}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","id":"binary","method":"tools/call","params":{"name":"echo","arguments":{}}}"#,
        r#"{"jsonrpc":"2.0","id":"binary","result":{"content":[{"type":"image","data":"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ\/+==","mimeType":"image/png"}]}}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","id":"failed","method":"tools/call","params":{"name":"echo","arguments":{"x":null}}}"#,
        r#"{"jsonrpc":"2.0","id":"failed","error":{"code":-32000,"message":"no\/no","data":{"e":-0}}}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","id":-5,"method":"tools/call","params":{"name":"echo","arguments":{"_":{"":{"":""}}}}}"#,
        r#"{"jsonrpc":"2.0","id":-5,"result":{"content":[{"type":"vendor","x":[[[]]]}],"isError":false}}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","id":"read","method":"resources/read","params":{"uri":"tape://one","_meta":{"progressToken":"p"}}}"#,
        r#"{"jsonrpc":"2.0","id":"read","result":{"contents":[{"uri":"tape://one","blob":"AAEC\u0041w=="}]}}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","id":"prompt","method":"prompts/get","params":{"name":"greeting"}}"#,
        r#"{"jsonrpc":"2.0","id":"prompt","result":{"messages":[],"description":"\u2028"}}"#,
    ),
];

/// The corpus, then `count` random exchanges of the seed.
fn exchanges(seed: u64, count: usize) -> Vec<Exchange> {
    let recorded = CORPUS.iter().map(|(request, answer)| Exchange {
        request: request.as_bytes().to_vec(),
        answer: answer.as_bytes().to_vec(),
    });
    let mut random = Random::new(seed);
    let made: Vec<Exchange> = (0..count).map(|number| exchange(&mut random, number)).collect();
    recorded.chain(made).collect()
}

fn exchange(random: &mut Random, number: usize) -> Exchange {
    let id = match random.below(3) {
        0 => format!("{number}"),
        1 => format!("\"n{number}\""),
        _ => format!("\"\\u0078\\/{number}\""),
    };
    let (arguments, value) = (random.json(5), random.json(6));
    let space = random.pick(&["", " ", "\t"]);
    let request = random.pick(&[
        "{\"jsonrpc\":\"2.0\",\"id\":ID,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"v\":VALUE}}}",
        "{\"method\":\"tools\\/call\",\"params\":{\"arguments\":{\"v\":VALUE},\"name\":\"ech\\u006f\"},\"id\":ID,\"jsonrpc\":\"2.0\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":ID,\"method\":\"vendor/thing\",\"params\":{\"v\":VALUE}}",
    ]);
    let answer = random.pick(&[
        "{\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{\"content\":[],\"structuredContent\":{\"v\":VALUE}}}",
        "{\"result\":{\"_meta\":{\"v\":VALUE},\"content\":[]},\"jsonrpc\":\"2.0\",\"id\":ID}",
        "{\"id\":ID,\"error\":{\"message\":\"m\",\"code\":-32000,\"data\":VALUE},\"jsonrpc\":\"2.0\"}",
    ]);
    // The value comes last: its text must stay as generated, and only the frame gets spaces.
    let fill = |frame: &str, value: &str| {
        let frame = frame.replace("ID", &id).replace("\":", &format!("\"{space}:"));
        frame.replace("VALUE", value)
    };
    let request = fill(request, &arguments);
    let answer = fill(answer, &value);
    Exchange { request: request.into_bytes(), answer: answer.into_bytes() }
}
