//! Issuers that the guard asks: for keys, and what an opaque token is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use authz::token::{Algorithm, KeySet, Signer};
use harness::http::recorder::Recorder;
use harness::lying_log::Reply;
use harness::{Guard, Loopback, Others};
use serde_json::json;

use super::{ISSUER, RESOURCE, claims, listen, ping, said, signed, write_private};

#[test]
fn an_issuer_rotates_its_keys_while_the_guard_runs() {
    let [one, two, thief] = [0; 3].map(|_| Signer::generate(Algorithm::Es256).expect("a key"));
    let jwks = |signer: &Signer| KeySet(vec![signer.public().clone()]).jwks().to_string();
    let says = Arc::new(Mutex::new(Some(jwks(&one))));
    let (told, asked) = (Arc::clone(&says), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    let issuer = Loopback::answering(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        match told.lock().expect("nobody panics").clone() {
            Some(jwks) => Reply::Is(200, "application/json", jwks.into_bytes()),
            None => Reply::Is(500, "text/plain", Vec::new()),
        }
    });
    let address = issuer.url.trim_start_matches("http://");
    let config = format!(
        "resource = \"{RESOURCE}\"\nexceptions = [\"{address}\"]\n[[trusted]]\n\
         issuer = \"{ISSUER}\"\njwks_url = \"{}/jwks\"\n",
        issuer.url
    );
    let (folder, upstream) = (Guard::new(), Recorder::start());
    let guard = listen(&folder, &config, &upstream);
    let shown = |signer: &Signer| {
        let bearer = format!("Bearer {}", signed(signer, &claims()));
        said(ping(guard.url(), &[("Authorization", &bearer)]))
    };
    let refused = (401, "authz.guard.key-refused".to_owned());
    while asked.load(Ordering::SeqCst) == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    // The answer is on its way: a token that comes before it would have the keys fetched once more.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(shown(&one).0, 200);
    // A flood of made-up keys before, during and after the change costs one question.
    *says.lock().expect("nobody panics") = Some(jwks(&two));
    let before = asked.load(Ordering::SeqCst);
    assert_eq!(shown(&two).0, 200, "fetched when a token named it");
    assert_eq!(shown(&one), refused, "withdrawn");
    for _ in 0..50 {
        assert_eq!(shown(&thief), refused);
    }
    let after = asked.load(Ordering::SeqCst);
    assert!(after <= before + 2, "{before} to {after}: once for a token, and once by the clock");
    // An issuer that fails takes nothing away.
    *says.lock().expect("nobody panics") = None;
    assert_eq!(shown(&thief), refused);
    assert_eq!(shown(&two).0, 200);
}

#[test]
fn tokens_of_oidc_provider_are_let_in_as_jwt_and_opaque() {
    let opaque = "http://127.0.0.1:9009/opaque";
    let mut others = Others::start(&json!({ RESOURCE: "a", opaque: "a" }));
    let (issuer, address) = (others.issuer.clone(), others.address.clone());
    let (folder, upstream) = (Guard::new(), Recorder::start());
    let of = |resource: &str, more: &str| {
        format!(
            "resource = \"{resource}\"\nscopes = [\"a\"]\ndpop_required = true\n\
             exceptions = [\"{address}\"]\n[[trusted]]\nissuer = \"{issuer}\"\n{more}\n"
        )
    };
    let jwt = listen(&folder, &of(RESOURCE, &format!("jwks_url = \"{issuer}/jwks\"")), &upstream);
    let token = others.login("alice", RESOURCE, "a", "agent");
    let dpop = format!("DPoP {token}");
    let proof = others.proof("agent", RESOURCE, &token);
    let shown = [("Authorization", dpop.as_str()), ("DPoP", proof.as_str())];
    assert_eq!(ping(jwt.url(), &shown).status, 200, "{}", jwt.stderr());
    assert_eq!(said(ping(jwt.url(), &shown)).1, "authz.guard.proof-invalid", "used twice");

    let folder = Guard::new();
    write_private(&folder, "secret", "canary-client-secret-0123456789\n");
    let asks = format!(
        "introspection = \"{issuer}/token/introspection\"\nclient_id = \"doctor\"\n\
         client_secret = \"secret\""
    );
    let guard = listen(&folder, &of(opaque, &asks), &upstream);
    let token = others.login("alice", opaque, "a", "agent");
    assert!(!token.contains('.'), "an opaque token");
    let dpop = format!("DPoP {token}");
    let mut shown = |uri: &str, by: &str| {
        let proof = others.proof(by, uri, &token);
        said(ping(guard.url(), &[("Authorization", &dpop), ("DPoP", &proof)]))
    };
    assert_eq!(shown(opaque, "agent").0, 200, "{}", guard.stderr());
    assert_eq!(shown(opaque, "thief"), (401, "authz.guard.proof-invalid".to_owned()));
    let bearer = format!("Bearer {token}");
    let stolen = said(ping(guard.url(), &[("Authorization", &bearer)]));
    assert_eq!(stolen, (401, "authz.guard.binding-missing".to_owned()));
    let unknown = said(ping(guard.url(), &[("Authorization", "Bearer made-up")]));
    assert_eq!(unknown, (401, "authz.guard.token-inactive".to_owned()));
    // What is kept outlives the issuer a minute; whatever is not is refused, not guessed.
    let other = others.login("bob", opaque, "a", "agent");
    let proof = others.proof("agent", opaque, &other);
    drop(others);
    let other = format!("DPoP {other}");
    let answer = said(ping(guard.url(), &[("Authorization", &other), ("DPoP", &proof)]));
    assert_eq!(answer, (503, "authz.guard.unavailable".to_owned()));
    let written = guard.stderr();
    assert!(!written.contains(&token) && !written.contains("canary"), "{written}");
    assert!(!upstream.seen().contains(&token));
}
