//! Whoever else has to be asked: issuers for keys and about tokens, the token service for what ended.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use http::header::AUTHORIZATION as SHOWN;
use serde_json::Value;
use tokio::sync::watch;
use url::Url;

use super::*;
use crate::resource::protection::opaque::ClientKey;
use crate::sts::{Fetch, FetchError, Fetched};
use crate::token::tests::fixture::under;
use crate::token::{Claims, KeySet, Secret, Subject};

/// Answers as it is told, and counts.
struct Outside {
    answer: Mutex<Option<(u16, Vec<u8>)>>,
    asked: Mutex<Vec<(Url, HeaderMap, String)>>,
}

impl Outside {
    fn new() -> Arc<Self> {
        Arc::new(Self { answer: Mutex::new(None), asked: Mutex::default() })
    }

    fn says(&self, status: u16, body: &Value) {
        *self.answer.lock().unwrap() = Some((status, body.to_string().into_bytes()));
    }

    fn is_silent(&self) {
        *self.answer.lock().unwrap() = None;
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl Fetch for Outside {
    async fn fetch(
        &self,
        _method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        bytes_max: usize,
    ) -> Result<Fetched, FetchError> {
        let text = String::from_utf8(body.to_vec()).unwrap();
        self.asked.lock().unwrap().push((url.clone(), headers, text));
        let answer = self.answer.lock().unwrap().clone();
        let (status, body) = answer.ok_or_else(|| FetchError("no route to it".into()))?;
        assert!(body.len() <= bytes_max);
        Ok(Fetched { status: StatusCode::from_u16(status).unwrap(), body: body.into() })
    }
}

fn url() -> Url {
    Url::parse("https://idp.a.test/there").unwrap()
}

async fn shows(all: &Protection, token: &str) -> (u16, &'static str) {
    let shown = format!("Bearer {token}");
    match all.admit("POST", &headers(&[("authorization", &shown)]), HERE).await {
        Ok(_) => (200, ""),
        Err(refused) => (refused.status.as_u16(), refused.code),
    }
}

/// The token of a key that nobody knows yet.
fn by(signer: &Signer) -> String {
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": signer.public().id().unwrap()});
    under(signer, &header, &claims(STRICT))
}

#[tokio::test]
async fn g3_a_new_key_is_fetched_once_a_minute_and_a_failure_changes_nothing() {
    static CLOCK_S: AtomicU64 = AtomicU64::new(NOW_S);
    let (outside, mut all) = (Outside::new(), protection());
    all.now_s = || CLOCK_S.load(Ordering::SeqCst);
    let keys = Arc::new(watch::Sender::new(KeySet::default()));
    all.verifier.issuers[1].keys = Arc::clone(&keys);
    all.sources =
        vec![Arc::new(Source::new(STRICT.to_owned(), url(), keys, Arc::clone(&outside) as _))];
    let jwks = |list: &[&Signer]| {
        KeySet(list.iter().map(|signer| signer.public().clone()).collect()).jwks()
    };
    let [one, two, wild] = [0; 3].map(|_| Signer::generate(Algorithm::Es256).unwrap());
    let refused = (401, "authz.guard.key-refused");
    assert_eq!(shows(&all, &by(&one)).await, refused, "the issuer is out of reach");
    assert_eq!(shows(&all, &by(&one)).await, refused);
    assert_eq!(outside.count(), 1, "not asked again at once");
    outside.says(200, &jwks(&[&one]));
    CLOCK_S.fetch_add(limits::KEYS_RETRY_S, Ordering::SeqCst);
    assert_eq!(shows(&all, &by(&one)).await, (200, ""));
    assert_eq!(outside.count(), 2);
    // The issuer rotates; and somebody makes up keys.
    outside.says(200, &jwks(&[&two]));
    for _ in 0..20 {
        assert_eq!(shows(&all, &by(&wild)).await, refused);
    }
    assert_eq!(outside.count(), 2, "what was read is young");
    CLOCK_S.fetch_add(limits::KEYS_AGE_S - 1, Ordering::SeqCst);
    assert_eq!(shows(&all, &by(&two)).await, refused, "at the limit");
    CLOCK_S.fetch_add(1, Ordering::SeqCst);
    assert_eq!(shows(&all, &by(&two)).await, (200, ""));
    assert_eq!(shows(&all, &by(&one)).await, refused, "withdrawn");
    // What fails, or is none, takes nothing away.
    let private = json!({"keys": [{"kty": "oct", "k": "AAAA"}]});
    for bad in [(500, json!({})), (200, json!({"keys": []})), (200, json!([])), (200, private)] {
        outside.says(bad.0, &bad.1);
        CLOCK_S.fetch_add(limits::KEYS_AGE_S, Ordering::SeqCst);
        let before = outside.count();
        assert_eq!(shows(&all, &by(&wild)).await, refused);
        assert_eq!(outside.count(), before + 1, "asked");
        assert_eq!(shows(&all, &by(&two)).await, (200, ""), "{bad:?}");
    }
    // A `kid` of nobody's issuer is nobody's to fetch.
    let before = outside.count();
    CLOCK_S.fetch_add(limits::KEYS_AGE_S, Ordering::SeqCst);
    let foreign = json!({"alg": "ES256", "typ": "at+jwt", "kid": "x"});
    let foreign = under(&wild, &foreign, &with(STRICT, "iss", json!("https://evil.test")));
    assert_eq!(shows(&all, &foreign).await, (401, "authz.guard.issuer-unknown"));
    assert_eq!(outside.count(), before);
}

fn active() -> Value {
    let mut answer = claims(STRICT);
    answer["active"] = json!(true);
    answer["token_type"] = json!("Bearer");
    answer
}

fn asking(outside: &Arc<Outside>, by: ClientKey) -> Protection {
    let mut all = protection();
    let fetch = Arc::clone(outside) as _;
    all.opaque = Some(Opaque::new(STRICT.to_owned(), url(), "gu:ard".to_owned(), by, fetch));
    all
}

#[tokio::test]
async fn g10_an_opaque_token_is_what_its_issuer_says_for_a_minute_at_most() {
    static CLOCK_S: AtomicU64 = AtomicU64::new(NOW_S);
    let outside = Outside::new();
    let mut all = asking(&outside, ClientKey::Secret("s%cret".into()));
    all.now_s = || CLOCK_S.load(Ordering::SeqCst);
    outside.says(200, &active());
    assert_eq!(shows(&all, "opaque").await, (200, ""));
    assert_eq!(shows(&all, "opaque").await, (200, ""));
    assert_eq!(outside.count(), 1, "kept");
    let (_, asked, form) = outside.asked.lock().unwrap()[0].clone();
    assert_eq!(form, "token=opaque&token_type_hint=access_token");
    let expected = format!("Basic {}", STANDARD.encode("gu%3Aard:s%25cret"));
    assert_eq!(asked[SHOWN], expected);
    assert!(asked[SHOWN].is_sensitive());
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
    let outside = Outside::new();
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
    let (_, asked, form) = outside.asked.lock().unwrap()[0].clone();
    assert!(!asked.contains_key(SHOWN));
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
    let (outside, mut all) = (Outside::new(), protection());
    all.now_s = || CLOCK_S.load(Ordering::SeqCst);
    let ended = Arc::new(Ended::new(url(), Secret::from("key"), Arc::clone(&outside) as _));
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
    let (asked, shown, _) = outside.asked.lock().unwrap()[1].clone();
    assert_eq!((asked.query(), &shown[SHOWN]), (Some("since=0"), &"Bearer key".parse().unwrap()));
    // A grant by its name, and by the token that founded it.
    let other = TokenHash::of("other").0;
    let one = json!({"txn": "t1", "root": other, "exp": NOW_S + 300});
    outside.says(200, &answer(json!([one]), json!([])));
    ended.ask(NOW_S).await.unwrap();
    let asked = outside.asked.lock().unwrap()[2].0.clone();
    assert_eq!(asked.query(), Some(&*format!("since={}", NOW_S - limits::ENDED_OVERLAP_S)));
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
    let outside = Outside::new();
    let ended = Ended::new(url(), Secret::from("key"), Arc::clone(&outside) as _);
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
