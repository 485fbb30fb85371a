//! Whoever else has to be asked: an issuer about opaque tokens, the token service for what ended.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::*;
use crate::net::{Client, Rules, System};
use crate::resource::protection::opaque::ClientKey;
use crate::token::{Claims, Jwt, Secret, Subject};

/// A service that answers as it is told, and keeps what it is asked.
struct Outside {
    address: SocketAddr,
    answer: Mutex<Option<(u16, String)>>,
    asked: Mutex<Vec<(String, String)>>,
}

impl Outside {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, asked) = (Mutex::new(None), Mutex::default());
        let outside = Arc::new(Self { address, answer, asked });
        let told = Arc::clone(&outside);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                told.serve(stream).await;
            }
        });
        outside
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        let (head, body) = loop {
            let mut chunk = [0; 4096];
            let count = stream.read(&mut chunk).await.unwrap_or_default();
            if count == 0 {
                return;
            }
            bytes.extend_from_slice(&chunk[..count]);
            let text = String::from_utf8(bytes.clone()).unwrap();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let size = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= size.map_or(0, |size| size.parse().unwrap()) {
                break (head.to_owned(), body.to_owned());
            }
        };
        self.asked.lock().unwrap().push((head, body));
        let Some((status, body)) = self.answer.lock().unwrap().clone() else { return };
        let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: ");
        let answer = format!("{head}{}\r\n\r\n{body}", body.len());
        drop(stream.write_all(answer.as_bytes()).await);
    }

    fn says(&self, status: u16, body: &Value) {
        *self.answer.lock().unwrap() = Some((status, body.to_string()));
    }

    fn is_silent(&self) {
        *self.answer.lock().unwrap() = None;
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The head and the body of a question.
    fn question(&self, at: usize) -> (String, String) {
        self.asked.lock().unwrap()[at].clone()
    }

    fn client(&self) -> Client {
        let rules = Rules { exceptions: vec![self.address], ..Rules::default() };
        Client::new(rules, Arc::new(System)).unwrap()
    }

    fn url(&self) -> Url {
        Url::parse(&format!("http://{}/there", self.address)).unwrap()
    }
}

async fn shows(all: &Protection, token: &str) -> (u16, &'static str) {
    let shown = format!("Bearer {token}");
    match all.admit("POST", &headers(&[("authorization", &shown)]), HERE).await {
        Ok(_) => (200, ""),
        Err(refused) => (refused.status.as_u16(), refused.code),
    }
}

fn active() -> Value {
    let mut answer = claims(STRICT);
    answer["active"] = json!(true);
    answer["token_type"] = json!("Bearer");
    answer
}

fn asking(outside: &Arc<Outside>, by: ClientKey) -> Protection {
    let mut all = protection();
    let (client, url) = (outside.client(), outside.url());
    all.opaque = Some(Opaque::new(STRICT.to_owned(), url, "gu:ard".to_owned(), by, client));
    all
}

#[tokio::test]
async fn g10_an_opaque_token_is_what_its_issuer_says_for_a_minute_at_most() {
    static CLOCK_S: AtomicU64 = AtomicU64::new(NOW_S);
    let outside = Outside::start().await;
    let mut all = asking(&outside, ClientKey::Secret("s%cret".into()));
    all.now_s = || CLOCK_S.load(Ordering::SeqCst);
    outside.says(200, &active());
    assert_eq!(shows(&all, "opaque").await, (200, ""));
    assert_eq!(shows(&all, "opaque").await, (200, ""));
    assert_eq!(outside.count(), 1, "kept");
    let (head, form) = outside.question(0);
    assert_eq!(form, "token=opaque&token_type_hint=access_token");
    let pair = STANDARD.encode("gu%3Aard:s%25cret");
    assert!(head.contains(&format!("authorization: Basic {pair}\r\n")), "{head}");
    // Revoked: it lives here a minute and no longer; and whatever its `exp`, not past it.
    outside.says(200, &json!({"active": false}));
    CLOCK_S.fetch_add(limits::INTROSPECTION_CACHE_S - 1, Ordering::SeqCst);
    assert_eq!(shows(&all, "opaque").await, (200, ""), "at the limit");
    CLOCK_S.fetch_add(1, Ordering::SeqCst);
    let inactive = (401, "authz.guard.token-inactive");
    assert_eq!(shows(&all, "opaque").await, inactive);
    assert_eq!(shows(&all, "opaque").await, inactive);
    assert_eq!(outside.count(), 2, "a second long");
    outside.says(200, &active());
    CLOCK_S.fetch_add(limits::INACTIVE_CACHE_S, Ordering::SeqCst);
    assert_eq!(shows(&all, "opaque").await, (200, ""), "active again");
    // A token of one person is never another's answer.
    outside.says(200, &json!({"active": false}));
    assert_eq!(shows(&all, "another").await, inactive);
    // A JWT is verified, never asked about: its issuer would learn others' tokens.
    let before = outside.count();
    assert_eq!(shows(&all, "eyJ.broken").await, (401, "authz.guard.credential-malformed"));
    assert_eq!(shows(&all, &token(LAX, &claims(LAX))).await, (200, ""));
    assert_eq!(outside.count(), before);
}

#[tokio::test]
async fn g10_who_does_not_answer_lets_nobody_in_and_nothing_of_it_is_kept() {
    let outside = Outside::start().await;
    let signer = Arc::new(Signer::generate(Algorithm::Es256).unwrap());
    let all = asking(&outside, ClientKey::Signer(Arc::clone(&signer)));
    let unavailable = (503, "authz.guard.unavailable");
    assert_eq!(shows(&all, "opaque").await, unavailable);
    outside.says(500, &active());
    assert_eq!(shows(&all, "opaque").await, unavailable);
    outside.says(401, &json!({}));
    assert_eq!(shows(&all, "opaque").await, unavailable);
    let refused = |name: &str, value: Value| {
        let mut answer = active();
        answer[name] = value;
        answer
    };
    let inactive = (401, "authz.guard.token-inactive");
    for (answer, expected) in [
        (json!([]), inactive),
        (refused("active", json!("true")), inactive),
        (refused("aud", json!("https://hop2.a.test/mcp")), (401, "authz.guard.audience-mismatch")),
        (refused("aud", json!([RESOURCE, "b"])), (401, "authz.guard.audience-mismatch")),
        (refused("aud", Value::Null), (401, "authz.guard.audience-mismatch")),
        (refused("iss", json!(OWN)), (401, "authz.guard.issuer-unknown")),
        (refused("exp", json!(NOW_S - 400)), (401, "authz.guard.time-invalid")),
        (refused("cnf", json!({"jkt": "x".repeat(43)})), (401, "authz.guard.binding-missing")),
    ] {
        outside.says(200, &answer);
        assert_eq!(shows(&all, "opaque").await, expected, "{answer}");
    }
    outside.says(200, &active());
    assert_eq!(shows(&all, "another").await, (200, ""));
    outside.is_silent();
    assert_eq!(shows(&all, "another").await, (200, ""), "kept");
    // Who asks is known by a key.
    let (head, form) = outside.question(0);
    assert!(!head.to_ascii_lowercase().contains("authorization"), "{head}");
    let form: std::collections::BTreeMap<_, _> =
        url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let jwt = Jwt::parse(&form["client_assertion"], limits::TOKEN_CHARS_MAX).unwrap();
    let Claims(said) = jwt.verify(signer.public()).unwrap();
    assert_eq!((&said["iss"], &said["sub"]), (&json!("gu:ard"), &json!("gu:ard")));
    assert_eq!((&said["aud"], &said["exp"]), (&json!(STRICT), &json!(NOW_S + 60)));
    assert_eq!(form["client_id"], "gu:ard");
}

#[tokio::test]
async fn g11_a_token_of_what_ended_is_refused_and_so_is_everybody_if_nobody_knows() {
    static CLOCK_S: AtomicU64 = AtomicU64::new(NOW_S);
    let (outside, mut all) = (Outside::start().await, protection());
    all.now_s = || CLOCK_S.load(Ordering::SeqCst);
    let ended = Arc::new(Ended::new(outside.url(), Secret::from("key"), outside.client()));
    all.ended = Some(Arc::clone(&ended));
    let root = token(STRICT, &claims(STRICT));
    let own = token(OWN, &with(OWN, "txn", json!("t1")));
    let (unavailable, dead) = ((503, "authz.guard.unavailable"), (401, "authz.guard.grant-dead"));
    assert_eq!(shows(&all, &own).await, unavailable, "before anything is known");
    assert!(ended.ask(NOW_S).await.is_err());
    let answer =
        |grants: Value, epochs: Value| json!({"now": NOW_S, "grants": grants, "epochs": epochs});
    outside.says(200, &answer(json!([]), json!([])));
    ended.ask(NOW_S).await.unwrap();
    assert_eq!(shows(&all, &own).await, (200, ""));
    assert_eq!(shows(&all, &root).await, (200, ""));
    let (head, _) = outside.question(1);
    assert!(head.starts_with("GET /there?since=0 "), "{head}");
    assert!(head.contains("authorization: Bearer key\r\n"), "{head}");
    // A grant by its name, and by the token that founded it.
    let other = TokenHash::of("other").0;
    let one = json!({"txn": "t1", "root": other, "exp": NOW_S + 300});
    outside.says(200, &answer(json!([one]), json!([])));
    ended.ask(NOW_S).await.unwrap();
    let since = format!("since={} ", NOW_S - limits::ENDED_OVERLAP_S);
    assert!(outside.question(2).0.contains(&since));
    assert_eq!(shows(&all, &own).await, dead);
    assert_eq!(shows(&all, &root).await, (200, ""), "another grant");
    let two = json!({"txn": "t2", "root": TokenHash::of(&root).0, "exp": NOW_S + 300});
    outside.says(200, &answer(json!([two]), json!([])));
    ended.ask(NOW_S).await.unwrap();
    assert_eq!(shows(&all, &root).await, dead);
    // An event of the subject: what was issued before it, and nothing newer; nobody else's `user`.
    let issued_s = claims(LAX)["iat"].as_u64().unwrap();
    let lax = token(LAX, &claims(LAX));
    for (iss, epoch_s, expected) in
        [(LAX, issued_s - 1, (200, "")), (STRICT, issued_s, (200, "")), (LAX, issued_s, dead)]
    {
        let epochs = json!([{"iss": iss, "sub": "user", "epoch": epoch_s}]);
        outside.says(200, &answer(json!([]), epochs));
        ended.ask(NOW_S).await.unwrap();
        assert_eq!(shows(&all, &lax).await, expected, "{iss} {epoch_s}");
    }
    let undated = token(LAX, &with(LAX, "iat", Value::Null));
    assert_eq!(shows(&all, &undated).await, dead, "no `iat` counts as none");
    // Silence is not innocence.
    outside.is_silent();
    let newest = token(LAX, &with(LAX, "sub", json!("other")));
    CLOCK_S.fetch_add(limits::ENDED_AGE_S_MAX, Ordering::SeqCst);
    assert_eq!(shows(&all, &newest).await, (200, ""), "at the limit");
    CLOCK_S.fetch_add(1, Ordering::SeqCst);
    assert!(ended.ask(NOW_S).await.is_err());
    assert_eq!(shows(&all, &newest).await, unavailable);
}

#[tokio::test]
async fn g11_an_answer_that_is_none_or_does_not_go_on_is_no_knowledge() {
    let outside = Outside::start().await;
    let ended = Ended::new(outside.url(), Secret::from("key"), outside.client());
    let grant = json!({"txn": "t", "root": "r", "exp": 1});
    let many = |count: usize| json!({"now": 1, "grants": vec![grant.clone(); count], "epochs": []});
    for wrong in [
        json!([]),
        json!({"now": 1, "grants": []}),
        json!({"now": "1", "grants": [], "epochs": []}),
        json!({"now": 1, "grants": [{"txn": "t", "root": "r"}], "epochs": []}),
        json!({"now": 1, "grants": [], "epochs": [{"iss": "a", "sub": 1, "epoch": 1}]}),
        json!({"now": 1, "grants": [], "epochs": [], "next": 0}),
        json!({"now": 1, "grants": [], "epochs": [], "next": "1"}),
        many(limits::ENDED_MAX + 1),
    ] {
        outside.says(200, &wrong);
        assert!(ended.ask(NOW_S).await.is_err(), "{wrong}");
    }
    outside.says(200, &many(limits::ENDED_MAX));
    assert!(ended.ask(NOW_S).await.is_ok());
    outside.says(403, &many(0));
    assert!(ended.ask(NOW_S).await.is_err());
    assert!(!format!("{ended:?}").contains("key"));
    let access = Access {
        subject: Subject { iss: OWN.to_owned(), sub: "u".to_owned() },
        ..protection().verifier.verify(&token(OWN, &claims(OWN)), NOW_S).unwrap()
    };
    assert_eq!(ended.check(&access, NOW_S), Ok(()));
}
