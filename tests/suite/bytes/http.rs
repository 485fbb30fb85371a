//! Over Streamable HTTP.

use harness::guard::Listening;
use harness::tape::ListeningTape;
use harness::{Client, Guard, HttpClient, Tape};

use super::exchanges;

#[test]
fn bodies_arrive_as_they_were_sent() {
    let guard = Guard::new();
    let exchanges = exchanges(5, 300);
    let mut tape = Tape::new();
    for (number, exchange) in exchanges.iter().enumerate() {
        if number % 2 == 0 {
            tape.answer_http(&exchange.request, "application/json", &exchange.answer);
        } else {
            tape.answer_http(
                &exchange.request,
                "text/event-stream",
                &stream(number, &exchange.answer),
            );
        }
    }
    let (listening, _tape) = listen(&guard, tape);
    let mut client = HttpClient::new(listening.url());
    client.open();
    for (number, exchange) in exchanges.iter().enumerate() {
        let answer = client.post(&exchange.request);
        assert_eq!(answer.status, 200, "{}", listening.stderr());
        let body = answer.bytes();
        let expected = match number % 2 {
            0 => exchange.answer.clone(),
            _ => stream(number, &exchange.answer),
        };
        assert_eq!(String::from_utf8_lossy(&body), String::from_utf8_lossy(&expected));
    }
    let arrived = Tape::arrived(&guard);
    for exchange in &exchanges {
        assert!(arrived.contains(&exchange.request), "it did not arrive as it was sent");
    }
}

#[test]
fn clients_with_the_same_ids_do_not_meet() {
    let guard = Guard::new();
    let (listening, _tape) = listen(&guard, Tape::new());
    let url = listening.url();
    std::thread::scope(|scope| {
        for number in 0..32 {
            scope.spawn(move || {
                let mut client = HttpClient::new(url);
                client.open();
                for call in 0..20 {
                    let arguments = serde_json::json!({ "client": number, "call": call });
                    let response = client.call("echo", &arguments);
                    let text = harness::rpc::text_of(&response);
                    let echoed: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
                    assert_eq!(echoed, arguments, "{response:#}");
                }
            });
        }
    });
}

#[test]
fn a_body_past_the_limit_is_refused_and_the_next_one_passes() {
    let guard = Guard::new();
    let (listening, _tape) = listen(&guard, Tape::new());
    let mut client = HttpClient::new(listening.url());
    client.open();
    let text = "x".repeat(4 << 20);
    let params = serde_json::json!({ "name": "echo", "arguments": { "text": text } });
    let body = harness::rpc::request(9, "tools/call", params).to_string();
    let answer = client.post(body.as_bytes());
    assert!((400..500).contains(&answer.status), "status {}", answer.status);
    assert!(!Tape::arrived(&guard).contains(&body.into_bytes()), "it arrived");
    let response = client.call("echo", &serde_json::json!({}));
    assert!(response["result"].is_object(), "{response:#}");
}

fn listen(guard: &Guard, tape: Tape) -> (Listening, ListeningTape) {
    let tape = tape.listen(guard);
    guard.pin_url(tape.url());
    (guard.listen(&["--mode", "fixed"], tape.url()), tape)
}

/// A stream as servers write it: a comment, an event with an id, then the answer.
fn stream(number: usize, answer: &[u8]) -> Vec<u8> {
    let head = format!(
        ": hello\n\nid: {number}-0\nretry: 1500\ndata: \n\nevent: message\nid: {number}-1\ndata: \
         {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"level\":\"info\",\
         \"data\":1.50}}}}\n\nevent: message\nid: {number}-2\ndata: "
    );
    [head.as_bytes(), answer, b"\n\n"].concat()
}
