//! Over stdio.

use std::collections::HashSet;
use std::io::Write;
use std::time::{Duration, Instant};

use harness::{Client, Guard, StdioClient, Tape};
use serde_json::{Value, json};

use super::exchanges;

#[test]
fn each_message_arrives_as_it_was_sent() {
    let guard = pinned();
    let exchanges = exchanges(1, 400);
    let mut tape = Tape::new();
    for exchange in &exchanges {
        tape.answer(&exchange.request, &[&exchange.answer[..], b"\n"].concat());
    }
    let mut client = open(&guard, &tape);
    for exchange in &exchanges {
        client.send_bytes(&[&exchange.request[..], b"\n"].concat());
        assert_line(&mut client, &exchange.answer);
    }
    assert_arrived(&guard, &exchanges.iter().map(|one| &one.request[..]).collect::<Vec<_>>());
}

#[test]
fn order_survives_a_full_pipe() {
    let guard = pinned();
    let exchanges = exchanges(2, 5_000);
    let mut tape = Tape::new();
    for exchange in &exchanges {
        tape.answer(&exchange.request, &[&exchange.answer[..], b"\n"].concat());
    }
    let mut client = open(&guard, &tape);
    send_from_a_thread(&mut client, exchanges.iter().map(|one| one.request.clone()).collect());
    for exchange in &exchanges {
        assert_line(&mut client, &exchange.answer);
    }
    assert_arrived(&guard, &exchanges.iter().map(|one| &one.request[..]).collect::<Vec<_>>());
}

#[test]
fn thousands_of_requests_in_flight_are_answered_in_any_order() {
    let guard = pinned();
    let exchanges = exchanges(3, 4_000);
    let mut tape = Tape::new().set("gather", exchanges.len());
    for exchange in &exchanges {
        tape.answer(&exchange.request, &[&exchange.answer[..], b"\n"].concat());
    }
    let mut client = open(&guard, &tape);
    send_from_a_thread(&mut client, exchanges.iter().map(|one| one.request.clone()).collect());
    for exchange in exchanges.iter().rev() {
        assert_line(&mut client, &exchange.answer);
    }
}

#[test]
fn split_writes_and_crlf_change_nothing() {
    let guard = pinned();
    let exchanges = exchanges(4, 60);
    let mut tape = Tape::new().set("split", 3);
    for exchange in &exchanges {
        tape.answer(&exchange.request, &[&exchange.answer[..], b"\r\n"].concat());
    }
    let mut client = open(&guard, &tape);
    for exchange in &exchanges {
        for piece in [&exchange.request[..], b"\r\n"].concat().chunks(5) {
            client.send_bytes(piece);
        }
        assert_line(&mut client, &exchange.answer);
    }
    assert_arrived(&guard, &exchanges.iter().map(|one| &one.request[..]).collect::<Vec<_>>());
}

#[test]
fn a_result_of_four_mebibytes_passes_and_a_larger_one_is_refused_alone() {
    let guard = pinned();
    let mut tape = Tape::new();
    let requests = [call("full"), call("over")];
    let answers =
        [result_of_size("full", MESSAGE_BYTES_MAX), result_of_size("over", MESSAGE_BYTES_MAX + 1)];
    for (request, answer) in requests.iter().zip(&answers) {
        tape.answer(request, &[&answer[..], b"\n"].concat());
    }
    let mut client = open(&guard, &tape);
    client.send_bytes(&[&requests[0][..], b"\n"].concat());
    assert_line(&mut client, &answers[0]);
    client.send_bytes(&[&requests[1][..], b"\n"].concat());
    client.event(|event| event["event"] == "refusal");
    assert_alive(&mut client);
}

#[test]
fn what_a_server_prints_beside_messages_is_refused_and_not_forwarded() {
    let guard = pinned();
    let mut tape = Tape::new();
    let request = call("noisy");
    let answer = br#"{"jsonrpc":"2.0","id":"noisy","result":{"content":[]}}"#;
    let noise = b"Server running on stdio\n\n[12:00] ready\n\xff\xfe\n";
    tape.answer(&request, &[&noise[..], answer, b"\n"].concat());
    let mut client = open(&guard, &tape);
    client.send_bytes(&[&request[..], b"\n"].concat());
    assert_line(&mut client, answer);
    let event = client.event(|event| event["event"] == "refusal");
    let code = event["reasons"][0]["code"].as_str().unwrap_or_default().to_owned();
    assert!(code.starts_with("wire."), "{event:#}");
    assert_alive(&mut client);
}

#[test]
fn a_broken_response_fails_its_request_and_nothing_else() {
    let guard = pinned();
    let mut tape = Tape::new();
    let request = call("broken");
    let broken =
        b"{\"jsonrpc\":\"2.0\",\"id\":\"broken\",\"result\":{\"content\":[]},\"result\":{}}";
    tape.answer(&request, &[&broken[..], b"\n"].concat());
    let mut client = open(&guard, &tape);
    client.send_bytes(&[&request[..], b"\n"].concat());
    let response = client.response(&json!("broken"));
    assert!(response["error"]["code"].is_i64(), "{response:#}");
    client.event(|event| event["reasons"][0]["code"] == "wire.json.duplicate-key");
    assert_alive(&mut client);
}

#[test]
fn bad_bytes_of_a_client_are_answered_and_stop_nothing() {
    let guard = pinned();
    let mut client = open(&guard, &Tape::new());
    let bad: [&[u8]; 4] = [
        b"not json\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"id\":2}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":\"\xff\",\"method\":\"ping\"}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}\n",
    ];
    for bytes in bad {
        client.send_bytes(bytes);
        let response = client.message();
        assert!(response["error"]["code"].is_i64(), "{response:#}");
    }
    assert_alive(&mut client);
    for message in Tape::arrived(&guard) {
        assert!(!bad.iter().any(|bytes| bytes.strip_suffix(b"\n") == Some(&message[..])));
    }
}

#[test]
fn an_id_in_flight_is_refused_a_second_time_and_free_afterwards() {
    let guard = pinned();
    let mut tape = Tape::new();
    let first = call("twice");
    tape.answer(&first, b"");
    let end = br#"{"jsonrpc":"2.0","method":"notifications/test/end"}"#;
    let answer = br#"{"jsonrpc":"2.0","id":"twice","result":{"content":[]}}"#;
    tape.answer(end, &[&answer[..], b"\n"].concat());
    let mut client = open(&guard, &tape);
    client.send_bytes(&[&first[..], b"\n", &first, b"\n"].concat());
    let refusal = client.message();
    assert!(refusal["error"]["code"].is_i64(), "{refusal:#}");
    assert!(refusal["id"].is_null(), "it would end the first use: {refusal:#}");
    client.send_bytes(&[&end[..], b"\n"].concat());
    assert_line(&mut client, answer);
    let again = client.request("tools/call", json!({ "name": "echo", "arguments": {} }));
    assert!(again["result"].is_object(), "{again:#}");
    let uses = Tape::arrived(&guard).iter().filter(|message| **message == first).count();
    assert_eq!(uses, 1, "the second use arrived");
}

#[test]
fn requests_progress_and_cancellation_pass_both_ways() {
    let guard = pinned();
    let mut tape = Tape::new();
    let request = br#"{"jsonrpc":"2.0","id":"long","method":"tools/call","params":{"name":"echo","arguments":{},"_meta":{"progressToken":"t\u0031"}}}"#;
    let lines: [&[u8]; 5] = [
        br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t1","progress":1.50}}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}"#,
        br#"{"jsonrpc":"2.0","id":"long","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{}}}}"#,
        br#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":{"n":1e3}}}"#,
    ];
    tape.answer(request, &lines.map(|line| [line, b"\n"].concat()).concat());
    let cancel = br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"long","reason":"\u0065nough"}}"#;
    tape.answer(cancel, b"");
    let mut client = open(&guard, &tape);
    client.send_bytes(&[&request[..], b"\n"].concat());
    for line in lines {
        assert_line(&mut client, line);
    }
    let answers: [&[u8]; 4] = [
        br#"{"jsonrpc":"2.0","id":1,"result":{"role":"assistant","content":{"type":"text","text":"\u0061"},"model":"m"}}"#,
        br#"{"jsonrpc":"2.0","id":"long","result":{"action":"decline"}}"#,
        br#"{"jsonrpc":"2.0","id":2,"result":{ }}"#,
        cancel,
    ];
    for answer in answers {
        client.send_bytes(&[answer, b"\n"].concat());
    }
    assert_arrived(&guard, &[&[&request[..]], &answers[..]].concat());
    assert_alive(&mut client);
}

/// The largest message.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

fn pinned() -> Guard {
    let guard = Guard::new();
    let server = Tape::new().command(&guard);
    guard.pin(&server);
    std::fs::remove_file(guard.file("tape.log")).expect("the capture was recorded");
    guard
}

fn open(guard: &Guard, tape: &Tape) -> StdioClient {
    let mut client = guard.stdio(&["--mode", "fixed"], &tape.command(guard));
    client.open();
    client
}

fn call(id: &str) -> Vec<u8> {
    let params = json!({ "name": "echo", "arguments": { "of": id } });
    harness::rpc::request(id, "tools/call", params).to_string().into_bytes()
}

fn result_of_size(id: &str, size: usize) -> Vec<u8> {
    let text = |body: &str| {
        let content = json!([{ "type": "text", "text": body }]);
        let response = json!({ "jsonrpc": "2.0", "id": id, "result": { "content": content } });
        response.to_string().into_bytes()
    };
    text(&"x".repeat(size - text("").len()))
}

#[track_caller]
fn assert_line(client: &mut StdioClient, expected: &[u8]) {
    let line = client.line();
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line != expected {
        let text =
            |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
        panic!(
            "got      {}\nexpected {}\nstderr:\n{}",
            text(line),
            text(expected),
            client.stderr()
        );
    }
}

/// What was sent arrived in this order; beside it only what the guard asks by itself.
#[track_caller]
fn assert_arrived(guard: &Guard, sent: &[&[u8]]) {
    let wanted: HashSet<&[u8]> = sent.iter().copied().collect();
    let deadline = Instant::now() + Duration::from_secs(5);
    let is_ours = |message: &&Vec<u8>| wanted.contains(message.as_slice());
    let mut arrived = Tape::arrived(guard);
    while arrived.iter().filter(is_ours).count() < sent.len() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
        arrived = Tape::arrived(guard);
    }
    let (ours, others): (Vec<&[u8]>, Vec<&[u8]>) =
        arrived.iter().map(Vec::as_slice).partition(|message| wanted.contains(message));
    assert_eq!(ours.len(), sent.len(), "messages that arrived");
    for (arrived, sent) in ours.iter().zip(sent) {
        assert_eq!(String::from_utf8_lossy(arrived), String::from_utf8_lossy(sent));
    }
    for other in others {
        let message: Value = serde_json::from_slice(other).expect("the guard speaks JSON");
        let method = message["method"].as_str().unwrap_or_default();
        let asked = method.ends_with("/list") || OPENING.contains(&method);
        assert!(asked, "nobody sent {message}");
    }
}

#[track_caller]
fn assert_alive(client: &mut StdioClient) {
    let response = client.call("echo", &json!({ "still": "here" }));
    assert_eq!(harness::rpc::text_of(&response), "{\"still\": \"here\"}", "{response:#}");
}

fn send_from_a_thread(client: &mut StdioClient, messages: Vec<Vec<u8>>) {
    let mut stdin = client.take_stdin();
    std::thread::spawn(move || {
        for message in messages {
            if stdin.write_all(&[&message[..], b"\n"].concat()).is_err() {
                return;
            }
        }
        let _ = stdin.flush();
        // Kept open until the process ends: the end of stdin ends the session.
        std::mem::forget(stdin);
    });
}

const OPENING: [&str; 5] = [
    "initialize",
    "notifications/initialized",
    "server/discover",
    "subscriptions/listen",
    "resources/read",
];
