#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Mutex as Held;
use std::time::Duration;

use harness::http::server::{Server, answer};
use serde_json::json;

use super::*;
use crate::net::{Rules, System};
use crate::token::{Algorithm, Issuer, Signer, Typ};

const NOW_S: u64 = 1_800_000_000;
const ISS: &str = "https://as.test";

/// An issuer whose answer can be changed.
struct Published {
    server: Server,
    says: Arc<Held<(&'static str, Vec<u8>)>>,
}

impl Published {
    async fn of(keys: &[&Signer]) -> Self {
        let says = Arc::new(Held::new(("200 OK", jwks(keys))));
        let told = Arc::clone(&says);
        let server = Server::start(move |_| {
            let (status, body) = told.lock().unwrap().clone();
            answer(status, "", &body)
        });
        Self { server: server.await, says }
    }

    fn now(&self, status: &'static str, body: Vec<u8>) {
        *self.says.lock().unwrap() = (status, body);
    }

    fn asked(&self) -> usize {
        self.server.heads().len()
    }

    fn renewals(&self) -> (Renewals, Verifier, Pinned) {
        let url = format!("http://{}/jwks", self.server.address).parse().unwrap();
        let pinned = Pinned::by_url(url);
        let rules = Rules { exceptions: vec![self.server.address], ..Rules::default() };
        let client = Client::new(rules, Arc::new(System)).unwrap();
        let issuer = Issuer {
            iss: ISS.to_owned(),
            keys: Arc::clone(&pinned.keys),
            typ: Typ::AtJwt,
            scope_claim: "scope".to_owned(),
            client_claims: vec!["client_id".to_owned()],
            is_own: false,
        };
        let verifier =
            Verifier { issuers: vec![issuer], audience: "https://hop1.test/mcp".to_owned() };
        (Renewals::new(client, vec![(ISS.to_owned(), pinned.clone())]), verifier, pinned)
    }
}

fn jwks(keys: &[&Signer]) -> Vec<u8> {
    let keys: Vec<_> = keys.iter().map(|key| key.public().jwk()).collect();
    json!({ "keys": keys }).to_string().into_bytes()
}

fn key() -> Signer {
    Signer::generate(Algorithm::Es256).unwrap()
}

fn token(by: &Signer, iss: &str) -> crate::token::Secret {
    let claims = json!({
        "iss": iss, "sub": "alice", "aud": "https://hop1.test/mcp", "client_id": "agent",
        "exp": NOW_S + 60, "scope": "read",
    });
    by.sign("at+jwt", &claims).unwrap()
}

const UNKNOWN: AccessError = AccessError::Key(JwtError::UnknownKey);

#[tokio::test]
async fn a_key_that_nobody_knows_is_looked_for_once_a_minute() {
    let (old, new, never) = (key(), key(), key());
    let issuer = Published::of(&[&old]).await;
    let (renewals, verifier, pinned) = issuer.renewals();
    let verify = async |by: &Signer| {
        renewals.verify(&verifier, token(by, ISS).expose(), NOW_S).await.map(|it| it.client_id)
    };
    assert!(pinned.fetch(&renewals.client).await.unwrap());
    assert!(!pinned.fetch(&renewals.client).await.unwrap(), "the same keys");
    assert_eq!(verify(&old).await.as_deref(), Ok("agent"));
    assert_eq!(issuer.asked(), 2, "what is known is not looked for");
    issuer.now("200 OK", jwks(&[&old, &new]));
    assert_eq!(verify(&new).await.as_deref(), Ok("agent"));
    assert_eq!(issuer.asked(), 3);
    // Ten thousand made-up names cost one request a minute, whoever sends them.
    for _ in 0..20 {
        assert_eq!(verify(&never).await, Err(UNKNOWN));
    }
    assert_eq!(issuer.asked(), 3);
    *pinned.demanded.lock().await = Instant::now().checked_sub(limits::JWKS_GAP);
    assert_eq!(verify(&never).await, Err(UNKNOWN));
    assert_eq!(verify(&never).await, Err(UNKNOWN));
    assert_eq!(issuer.asked(), 4);
    let just_under = limits::JWKS_GAP.checked_sub(Duration::from_secs(5)).unwrap();
    *pinned.demanded.lock().await = Instant::now().checked_sub(just_under);
    assert_eq!(verify(&never).await, Err(UNKNOWN));
    assert_eq!(issuer.asked(), 4, "not before the minute is over");
}

#[tokio::test]
async fn only_an_unknown_key_of_a_known_issuer_makes_anybody_ask() {
    let (own, other) = (key(), key());
    let issuer = Published::of(&[&own]).await;
    let (renewals, verifier, _) = issuer.renewals();
    let stranger = token(&own, "https://stranger.test");
    let refused = renewals.verify(&verifier, stranger.expose(), NOW_S).await;
    assert_eq!(refused, Err(AccessError::Issuer));
    let refused = renewals.verify(&verifier, "no token", NOW_S).await;
    assert!(matches!(refused, Err(AccessError::Malformed(_))));
    assert_eq!(issuer.asked(), 0);
    // Keys of a file are asked nowhere.
    let mut pinned = verifier.clone();
    pinned.issuers[0].keys =
        Arc::clone(&Pinned::by_file(KeySet(vec![other.public().clone()])).keys);
    let of_file = Renewals::new(renewals.client.clone(), Vec::new());
    let refused = of_file.verify(&pinned, token(&own, ISS).expose(), NOW_S).await;
    assert_eq!(refused, Err(UNKNOWN));
    assert_eq!(issuer.asked(), 0);
}

#[tokio::test]
async fn what_fails_leaves_the_keys_that_were_fetched_last() {
    let own = key();
    let issuer = Published::of(&[&own]).await;
    let (renewals, verifier, pinned) = issuer.renewals();
    pinned.fetch(&renewals.client).await.unwrap();
    let long = json!({ "keys": [], "pad": "x".repeat(limits::JWKS_BYTES_MAX) });
    for (status, body) in [
        ("500 Internal Server Error", jwks(&[&own])),
        ("302 Found", Vec::new()),
        ("200 OK", b"{\"keys\":[]}".to_vec()),
        ("200 OK", b"<html>".to_vec()),
        ("200 OK", long.to_string().into_bytes()),
    ] {
        issuer.now(status, body);
        assert!(pinned.fetch(&renewals.client).await.is_err(), "{status}");
        let read = renewals.verify(&verifier, token(&own, ISS).expose(), NOW_S).await;
        assert!(read.is_ok(), "{status}");
    }
    // A key that was withdrawn is gone: keys are replaced, never added up.
    let next = key();
    issuer.now("200 OK", jwks(&[&next]));
    assert!(pinned.fetch(&renewals.client).await.unwrap());
    let read = renewals.verify(&verifier, token(&own, ISS).expose(), NOW_S).await;
    assert_eq!(read, Err(UNKNOWN));
}

#[tokio::test]
async fn those_who_come_together_ask_once() {
    let (old, new) = (key(), key());
    let issuer = Published::of(&[&old]).await;
    let (renewals, verifier, pinned) = issuer.renewals();
    pinned.fetch(&renewals.client).await.unwrap();
    issuer.now("200 OK", jwks(&[&new]));
    let mut all = JoinSet::new();
    for _ in 0..16 {
        let (renewals, verifier) = (renewals.clone(), verifier.clone());
        let token = token(&new, ISS);
        all.spawn(async move { renewals.verify(&verifier, token.expose(), NOW_S).await.is_ok() });
    }
    assert!(all.join_all().await.into_iter().all(|is_read| is_read));
    assert_eq!(issuer.asked(), 2);
}
