//! Tokens before a guarded remote server: who is let in, and what the server is shown of it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use authz::token::{Algorithm, KeySet, Signer};
use harness::guard::Guard;
use harness::http::{Answer, HttpClient};
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.a.test";
const RESOURCE: &str = "https://hop1.a.test/mcp";

/// A server that keeps what it is sent, and answers everything alike.
pub(super) fn recorder() -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    let seen = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&seen);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = [0; 16 << 10];
            let count = stream.read(&mut bytes).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes[..count]);
            kept.lock().expect("no writer panics").push_str(&text);
            let body = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    (url, seen)
}

fn token(signer: &Signer, audience: &Value) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now_s = now.expect("a clock").as_secs();
    let claims = json!({
        "iss": ISSUER, "sub": "user", "aud": audience, "client_id": "agent", "scope": "a",
        "iat": now_s, "exp": now_s + 300, "jti": "1",
    });
    signer.sign("at+jwt", &claims).expect("a key signs").expose().to_owned()
}

fn ping(url: &str, shown: &[(&str, &str)]) -> Answer {
    let mut headers = vec![
        ("Accept".to_owned(), "application/json, text/event-stream".to_owned()),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    headers.extend(shown.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    HttpClient::new(url).send("POST", &headers, body)
}

#[test]
fn a_server_never_sees_the_token_that_let_a_client_in() {
    let (guard, signer) = (Guard::new(), Signer::generate(Algorithm::Es256).expect("a key"));
    let jwks = KeySet(vec![signer.public().clone()]).jwks().to_string();
    std::fs::write(guard.file("idp.json"), jwks).expect("a scratch file");
    let config = format!(
        "resource = \"{RESOURCE}\"\nscopes = [\"a\"]\n[[trusted]]\nissuer = \"{ISSUER}\"\njwks = \"idp.json\"\n"
    );
    std::fs::write(guard.file("authorize.toml"), config).expect("a scratch file");
    let (upstream, seen) = recorder();
    let options = ["--mode", "observe", "--authorize", "authorize.toml"];
    let listening = guard.listen(&options, &upstream);

    let none = ping(listening.url(), &[]);
    let challenge = none.header("www-authenticate").expect("a challenge").to_owned();
    let place = "https://hop1.a.test/.well-known/oauth-protected-resource/mcp";
    assert_eq!(none.status, 401);
    assert_eq!(challenge, format!(r#"Bearer scope="a", resource_metadata="{place}""#));

    let origin = listening.url().trim_end_matches("/mcp");
    let metadata = HttpClient::new(&format!("{origin}/.well-known/oauth-protected-resource/mcp"));
    let metadata: Value = serde_json::from_slice(&metadata.get().bytes()).expect("JSON");
    assert_eq!(metadata["resource"], RESOURCE);
    assert_eq!(metadata["authorization_servers"], json!([ISSUER]));

    for audience in [
        json!([RESOURCE, "https://b.test"]),
        json!("https://hop1.a.test/mcp/"),
        json!("https://hop1.a.test/MCP"),
        json!("https://hop1.a.test:443/mcp"),
        json!("https://hop1.a.test"),
        json!("https://hop1.a.test/mcp2"),
    ] {
        let wrong = format!("Bearer {}", token(&signer, &audience));
        let answer = ping(listening.url(), &[("Authorization", &wrong)]);
        assert_eq!(answer.status, 401, "{audience}");
        let said = String::from_utf8_lossy(&answer.bytes()).into_owned();
        assert!(said.contains("authz.guard.audience-mismatch"), "{audience}: {said}");
    }
    assert_eq!(*seen.lock().expect("no writer panics"), "", "the server was asked");

    let good = token(&signer, &json!(RESOURCE));
    let shown = [
        ("Authorization", &*format!("Bearer {good}")),
        ("Cookie", "canary-cookie"),
        ("Txn-Token", "canary-txn"),
        ("X-Forwarded-Client-Cert", "canary-cert"),
    ];
    assert_eq!(ping(listening.url(), &shown).status, 200);
    let seen = seen.lock().expect("no writer panics").clone();
    assert!(seen.contains("ping"), "the call arrived: {seen}");
    for secret in ["canary", good.as_str()] {
        assert!(!seen.contains(secret), "the server saw {secret}");
        assert!(!listening.stderr().contains(secret), "{secret} is in the events");
    }
    listening.event(|event| event.to_string().contains("authz.guard.audience-mismatch"));
}
