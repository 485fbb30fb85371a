use serde_json::json;

use super::client::{Guarded, call, is_held, message, modern, with_headers};
use super::fixture::{Canned, Fixture, Kind, json_type};

const MODERN: [(&str, &str); 3] =
    [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "echo")];

#[tokio::test]
async fn hosts_and_origins_of_others_are_refused() {
    let guarded = Guarded::opened(Fixture::start(Kind::Legacy).await).await;
    for (header, value, status) in [
        ("host", "evil.example", 403),
        ("host", "127.0.0.1.evil.example", 403),
        ("host", "localhost:1", 200),
        ("host", "[::1]:1", 200),
        ("origin", "http://evil.example", 403),
        ("origin", "null", 403),
        ("origin", "http://localhost.evil.example", 403),
        ("origin", "http://app.example", 403),
        ("origin", "https://app.example", 200),
        ("origin", "http://localhost:5173", 200),
    ] {
        let request = with_headers(guarded.request(&call("echo")), &[(header, value)]);
        assert_eq!(guarded.send(request).await.status, status, "{header}: {value}");
    }
    let mut twice = guarded.request(&call("echo"));
    twice.headers_mut().append("origin", "http://localhost".parse().unwrap());
    twice.headers_mut().append("origin", "http://evil.example".parse().unwrap());
    assert_eq!(guarded.send(twice).await.status, 403);
    assert_eq!(guarded.fixture.calls_arrived().len(), 4);
}

#[tokio::test]
async fn requests_that_are_none_are_refused_and_the_session_survives() {
    let guarded = Guarded::opened(Fixture::start(Kind::Legacy).await).await;
    let long = format!("\"{}\"", "a".repeat(wire::limits::MESSAGE_BYTES_MAX));
    for (body, status, code) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#,
            400,
            "wire.json.duplicate-key",
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"} {}"#, 400, "wire.json.trailing"),
        ("", 400, "wire.json.truncated"),
        (&long, 413, "wire.json.size"),
    ] {
        let answer = guarded.post(body).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["data"]["code"]),
            (status, &json!(code))
        );
    }
    let plain = with_headers(guarded.request(&call("echo")), &[("content-type", "text/plain")]);
    assert_eq!(guarded.send(plain).await.status, 415);
    let zipped = with_headers(guarded.request(&call("echo")), &[("content-encoding", "gzip")]);
    assert_eq!(guarded.send(zipped).await.status, 415);
    let line = "a".repeat(crate::limits::HEADER_LINE_BYTES_MAX + 1);
    let long_line = with_headers(guarded.request(&call("echo")), &[("x-long", &line)]);
    assert_eq!(guarded.send(long_line).await.status, 431);
    let utf7 = [("content-type", "application/json; charset=utf-7")];
    let in_utf7 = with_headers(guarded.request(&call("echo")), &utf7);
    assert_eq!(guarded.send(in_utf7).await.status, 415);
    let mut elsewhere = guarded.request(&call("echo"));
    *elsewhere.uri_mut() = "/other".parse().unwrap();
    assert_eq!(guarded.send(elsewhere).await.status, 404);
    let mut put = guarded.request(&call("echo"));
    *put.method_mut() = http::Method::PUT;
    assert_eq!(guarded.send(put).await.status, 405);
    assert!(guarded.fixture.calls_arrived().is_empty());
    assert!(!is_held(&guarded.call("echo").await.json()));
    assert!(guarded.events().await.contains("wire.json.duplicate-key"));
}

#[tokio::test]
async fn modern_headers_say_what_the_body_says() {
    let guarded = Guarded::before(Fixture::start(Kind::Modern).await).await;
    let body = modern("tools/call", json!({ "name": "echo" }));
    let send = async |body: &str, headers: &[(&'static str, &str)]| {
        let answer = guarded.send(with_headers(guarded.request(body), headers)).await;
        (answer.status, answer.json()["error"]["code"].as_i64())
    };
    assert_eq!(send(&body, &MODERN).await, (200, None));
    let arrived = guarded.fixture.calls_arrived().len();
    for (at, value) in [(0, "2025-11-25"), (1, "tools/list"), (2, "sum"), (2, "Echo")] {
        let mut headers = MODERN;
        headers[at].1 = value;
        assert_eq!(send(&body, &headers).await, (400, Some(-32_020)), "{headers:?}");
        let missing: Vec<_> =
            MODERN.into_iter().filter(|(name, _)| *name != MODERN[at].0).collect();
        assert_eq!(send(&body, &missing).await, (400, Some(-32_020)), "{missing:?}");
    }
    let later = body.replace("2026-07-28", "2027-01-01");
    assert_eq!(send(&later, &[("mcp-protocol-version", "2027-01-01")]).await, (400, Some(-32_022)));
    assert_eq!(send(&later, &MODERN).await, (400, Some(-32_020)), "two versions");
    assert_eq!(send(&call("echo"), &MODERN).await, (400, Some(-32_602)), "no `_meta`");
    assert_eq!(guarded.fixture.calls_arrived().len(), arrived, "nothing was sent");
}

#[tokio::test]
async fn answers_that_cannot_be_trusted_become_errors() {
    let guarded = Guarded::opened(Fixture::start(Kind::Legacy).await).await;
    let json = |status, text: &str| Canned::Whole(status, vec![json_type()], text.to_owned());
    let with = |status, name, value: &str| {
        Canned::Whole(status, vec![json_type(), (name, value.to_owned())], "{}".to_owned())
    };
    for (canned, status, code) in [
        (
            json(200, r#"{"jsonrpc":"2.0","id":$ID,"result":{"a":1,"a":2}}"#),
            200,
            "wire.json.duplicate-key",
        ),
        (json(200, r#"{"jsonrpc":"2.0","id":8,"result":{}}"#), 200, "http.response-id"),
        (json(200, "<html>"), 200, "wire.json.syntax"),
        (
            json(400, r#"{"jsonrpc":"2.0","id":$ID,"result":{},"result":{}}"#),
            400,
            "wire.json.duplicate-key",
        ),
        (
            Canned::Whole(200, vec![("content-type", "text/html".to_owned())], "<p>".to_owned()),
            200,
            "http.content-type",
        ),
        (json(200, ""), 200, "http.content-type"),
        (with(302, "location", "https://evil.example/x"), 502, "http.upstream-answer"),
        (with(308, "location", "/mcp/"), 502, "http.upstream-answer"),
        (with(200, "content-encoding", "gzip"), 502, "http.upstream-answer"),
        (
            Canned::Whole(
                200,
                ["identity", "br"].map(|e| ("content-encoding", e.to_owned())).into(),
                "{}".to_owned(),
            ),
            502,
            "http.upstream-answer",
        ),
        (with(200, "content-type", "text/event-stream"), 502, "http.upstream-answer"),
        (
            Canned::Whole(
                200,
                vec![("content-type", "application/json; charset=utf-7".to_owned())],
                r#"{"jsonrpc":"2.0","id":$ID,"result":{}}"#.to_owned(),
            ),
            502,
            "http.upstream-answer",
        ),
        (with(200, "x-long", &"a".repeat(9 << 10)), 502, "http.upstream-answer"),
        (
            json(200, &format!("\"{}\"", "a".repeat(wire::limits::MESSAGE_BYTES_MAX))),
            502,
            "http.upstream-answer",
        ),
    ] {
        guarded.fixture.can("echo", canned);
        let answer = guarded.call("echo").await;
        let (said, seen) = (answer.json(), answer.status);
        assert_eq!((seen, &said["error"]["data"]["code"]), (status, &json!(code)), "{said}");
        assert_eq!(said["id"], 7);
        assert!(!answer.headers.contains_key("location"));
    }
    assert!(!guarded.events().await.contains("hush"));
}

#[tokio::test]
async fn errors_that_are_no_messages_pass_as_they_are() {
    let guarded = Guarded::opened(Fixture::start(Kind::Legacy).await).await;
    for (status, kind, text) in [
        (404, "text/plain", "no such path"),
        (405, "text/plain", ""),
        (429, "application/json", r#"{"error":"slow_down"}"#),
        (
            400,
            "application/json",
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no"}}"#,
        ),
        (500, "text/html", "<h1>oops</h1>"),
    ] {
        let headers = vec![("content-type", kind.to_owned())];
        guarded.fixture.can("sum", Canned::Whole(status, headers, text.to_owned()));
        let answer = guarded.call("sum").await;
        assert_eq!((answer.status, answer.text().as_str()), (status, text));
        assert_eq!(answer.headers["content-type"], kind);
        if status == 404 {
            // The server says that the session is gone.
            assert_eq!(guarded.call("sum").await.status, 404);
            let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {},
                "clientInfo": { "name": "test", "version": "1" } });
            assert_eq!(guarded.post(&message("initialize", &params)).await.status, 200);
        }
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_said_to_be_so() {
    let guarded = Guarded::opened(Fixture::start(Kind::Legacy).await).await;
    guarded.fixture.can("echo", Canned::Abort);
    let answer = guarded.call("echo").await;
    assert_eq!((answer.status, &answer.json()["id"]), (502, &json!(7)));
    assert_eq!(answer.json()["error"]["data"]["code"], "http.upstream");
    assert!(!is_held(&guarded.call("sum").await.json()), "the session survives");
}
