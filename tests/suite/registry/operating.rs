//! What the operator of `countersign up` asks of it while it runs.

use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::{HttpClient, Liar, Registry, Scratch};
use serde_json::{Value, json};

use super::feeds::{header, publish, receive};
use super::watching::wait;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A file that only its owner can read.
fn secret(scratch: &Scratch, name: &str, text: &str) -> String {
    let path = scratch.join(name);
    std::fs::write(&path, text).expect("written");
    let chmod = Command::new("chmod").arg("600").arg(&path).status();
    assert!(chmod.is_ok_and(|status| status.success()));
    path.to_str().expect("paths are UTF-8").to_owned()
}

/// Asks, with a token, and gives status and answer.
fn ask(registry: &Registry, path: &str, token: &str, body: Option<&Value>) -> (u16, Value) {
    let headers = [("Authorization".to_owned(), format!("Bearer {token}"))];
    let url = format!("{}/v0.1/countersign/operator/{path}", registry.url);
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.map(Value::to_string).unwrap_or_default();
    let answer = HttpClient::new(&url).send(method, &headers, body.as_bytes());
    let status = answer.status;
    (status, serde_json::from_slice(&answer.bytes()).unwrap_or_default())
}

#[test]
fn the_operator_has_a_server_looked_at_now_and_nobody_else_has() {
    let scratch = Scratch::new();
    let lie = scratch.join("lie");
    let liar = Liar::with("tool-description")
        .set("when", "file")
        .set("file", lie.to_str().expect("paths are UTF-8"))
        .listen();
    let listener = liar.url().trim_start_matches("http://").trim_end_matches("/mcp");
    let token = secret(&scratch, "token", TOKEN);
    let registry = Registry::start(&format!(
        "[operator]\ntoken_file = '{token}'\n\
         [monitor]\nclients = ['ordinary-client/2']\nexceptions = ['{listener}']\n\
         [[monitor.server]]\nname = 'io.github.acme/letters'\nendpoint = '{}'\n",
        liar.url()
    ));
    wait(&registry, |it| it["predicate"]["of"]["kind"] == "surface");
    let body = json!({ "server": "io.github.acme/letters" });
    for token in ["", "0123456789abcdef0123456789abcdee", &TOKEN[1..]] {
        let (status, refused) = ask(&registry, "looks", token, Some(&body));
        assert_eq!((status, &refused["code"]), (401, &json!("operator.token")), "{token}");
    }
    // The next look is due in an hour; this one is now.
    std::fs::write(&lie, "").expect("written");
    let (status, answer) = ask(&registry, "looks", TOKEN, Some(&body));
    assert_eq!(status, 200, "{answer}");
    let look = &answer["looks"][0];
    assert_eq!(
        (&look["endpoint"], &look["client"]),
        (&json!(liar.url()), &json!("ordinary-client/2"))
    );
    assert_eq!(
        (&look["outcome"], &look["changes"][0]["severity"]),
        (&json!("surface"), &json!("critical"))
    );
    assert!(look["index"].is_u64(), "it is stated: {look}");
    let unknown = json!({ "server": "io.github.acme/none" });
    assert_eq!(ask(&registry, "looks", TOKEN, Some(&unknown)).0, 404);
    assert_eq!(ask(&registry, "looks", TOKEN, Some(&json!({}))).0, 400);
}

#[test]
fn without_a_token_there_is_no_operator() {
    let registry = Registry::start("");
    for token in ["", TOKEN] {
        assert_eq!(ask(&registry, "dead-letters", token, None).0, 404);
        assert_eq!(ask(&registry, "looks", token, Some(&json!({ "server": "a/b" }))).0, 404);
    }
}

#[test]
fn the_operator_sees_what_was_given_up_and_has_it_sent_again() {
    let scratch = Scratch::new();
    let token = secret(&scratch, "token", TOKEN);
    let text = format!("whsec_{}\n", STANDARD.encode([7; 32]));
    let hook = secret(&scratch, "secret", &text);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, told) = channel();
    receive(listener, &["410 Gone"], sender);
    let registry = Registry::start(&format!(
        "[operator]\ntoken_file = '{token}'\n\
         [[webhook]]\nname = 'team'\nurl = 'http://{address}/'\nsecret_file = '{hook}'\n\
         kind = 'publish.countersigned'\nexceptions = ['{address}']\n"
    ));
    publish(&registry, &scratch, "1.0.0");
    let (head, _) = told.recv_timeout(Duration::from_secs(30)).expect("a delivery");
    let first = header(&head, "webhook-id").to_owned();
    let deadline = Instant::now() + Duration::from_secs(20);
    let letter = loop {
        let (status, letters) = ask(&registry, "dead-letters", TOKEN, None);
        assert_eq!(status, 200);
        if let Some(letter) = letters["deadLetters"].get(0) {
            break letter.clone();
        }
        assert!(Instant::now() < deadline, "it was not given up");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!((&letter["webhook"], &letter["outcome"]), (&json!("team"), &json!("410")));
    let again = json!({ "webhook": "team", "changeId": letter["changeId"] });
    assert_eq!(ask(&registry, "dead-letters", "x", Some(&again)).0, 401);
    let (status, sent) = ask(&registry, "dead-letters", TOKEN, Some(&again));
    assert_eq!((status, &sent["redelivered"]), (200, &json!(1)), "{sent}");
    let (head, _) = told.recv_timeout(Duration::from_secs(30)).expect("it comes again");
    assert_eq!(header(&head, "webhook-id"), first, "as the same delivery");
    let (_, letters) = ask(&registry, "dead-letters", TOKEN, None);
    assert_eq!(letters["deadLetters"], json!([]));
}
