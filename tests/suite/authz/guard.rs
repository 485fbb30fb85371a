//! Tokens before a guarded remote server: who is let in, and what the server is shown of it.

mod asked;
mod shown;

use authz::token::{Algorithm, KeySet, Signer};
use harness::guard::{Guard, Listening};
use harness::http::recorder::Recorder;
use harness::http::{Answer, HttpClient};
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.a.test";
const RESOURCE: &str = "https://hop1.a.test/mcp";

/// The claims of a token that is let in.
fn claims() -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now_s = now.expect("a clock").as_secs();
    json!({
        "iss": ISSUER, "sub": "user", "aud": RESOURCE, "client_id": "agent", "scope": "a",
        "iat": now_s, "exp": now_s + 300, "jti": "1",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn signed(signer: &Signer, claims: &Value) -> String {
    signer.sign("at+jwt", claims).expect("a key signs").expose().to_owned()
}

fn token(signer: &Signer, audience: &Value) -> String {
    signed(signer, &with("aud", audience.clone()))
}

/// A guard whose one issuer has a pinned key; `more` is configuration before the issuer's.
fn guarded(signer: &Signer, more: &str, upstream: &Recorder) -> (Guard, Listening) {
    let guard = Guard::new();
    let jwks = KeySet(vec![signer.public().clone()]).jwks().to_string();
    std::fs::write(guard.file("idp.json"), jwks).expect("a scratch file");
    let trusted = format!("[[trusted]]\nissuer = \"{ISSUER}\"\njwks = \"idp.json\"\n");
    let listening =
        listen(&guard, &format!("resource = \"{RESOURCE}\"\n{more}\n{trusted}"), upstream);
    (guard, listening)
}

fn listen(guard: &Guard, config: &str, upstream: &Recorder) -> Listening {
    std::fs::write(guard.file("authorize.toml"), config).expect("a scratch file");
    let options = ["--mode", "observe", "--authorize", "authorize.toml"];
    guard.listen(&options, &upstream.url)
}

fn write_private(guard: &Guard, name: &str, text: &str) {
    std::fs::write(guard.file(name), text).expect("a scratch file");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(guard.file(name), mode).expect("a scratch file");
}

/// The status of an answer, and the code in it.
fn said(answer: Answer) -> (u16, String) {
    let status = answer.status;
    let body: Value = serde_json::from_slice(&answer.bytes()).expect("JSON");
    let code = body["error"]["data"]["code"].as_str();
    (status, code.unwrap_or_default().to_owned())
}

fn ping(url: &str, shown: &[(&str, &str)]) -> Answer {
    post(url, shown, br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
}

fn post(url: &str, shown: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut headers = vec![
        ("Accept".to_owned(), "application/json, text/event-stream".to_owned()),
        ("Content-Type".to_owned(), "application/json".to_owned()),
    ];
    headers.extend(shown.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
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
    let upstream = Recorder::start();
    let options = ["--mode", "observe", "--authorize", "authorize.toml"];
    let listening = guard.listen(&options, &upstream.url);

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
    assert_eq!(upstream.seen(), "", "the server was asked");

    let good = token(&signer, &json!(RESOURCE));
    let shown = [
        ("Authorization", &*format!("Bearer {good}")),
        ("Cookie", "canary-cookie"),
        ("Txn-Token", "canary-txn"),
        ("X-Forwarded-Client-Cert", "canary-cert"),
    ];
    assert_eq!(ping(listening.url(), &shown).status, 200);
    let seen = upstream.seen();
    assert!(seen.contains("ping"), "the call arrived: {seen}");
    for secret in ["canary", good.as_str()] {
        assert!(!seen.contains(secret), "the server saw {secret}");
        assert!(!listening.stderr().contains(secret), "{secret} is in the events");
    }
    listening.event(|event| event.to_string().contains("authz.guard.audience-mismatch"));
}
