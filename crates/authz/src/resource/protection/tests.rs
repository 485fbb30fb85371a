#![allow(clippy::unwrap_used)]

use http::HeaderValue;
use serde_json::json;

use super::*;
use crate::token::replay::Memory;
use crate::token::tests::fixture::{
    KEYS, NOW_S, OWN, RESOURCE, STRICT, claims, token, verifier, with,
};
use crate::token::{Algorithm, Proof, Signer, TokenHash};

pub(in crate::resource) fn protection() -> Protection {
    Protection {
        resource: Resource::parse(RESOURCE).unwrap(),
        verifier: verifier(),
        scopes: BTreeSet::from(["files:read".to_owned()]),
        must_be_bound: false,
        nonces: None,
        denied: BTreeSet::from([Actor { iss: OWN.to_owned(), sub: "bad".to_owned() }]),
        policing: None,
        replay: Arc::new(Memory::new(|| NOW_S)),
        now_s: || NOW_S,
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    });
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

async fn code(protection: &Protection, shown: &[(&'static str, &str)]) -> (u16, &'static str) {
    let refused = protection.admit("POST", &headers(shown)).await.unwrap_err();
    (refused.status.as_u16(), refused.code)
}

#[tokio::test]
async fn one_token_for_this_server_is_let_in_and_no_other() {
    let all = protection();
    let bearer = |text: String| format!("Bearer {text}");
    let good = bearer(token(STRICT, &claims(STRICT)));
    let access = all.admit("POST", &headers(&[("authorization", &good)])).await.unwrap();
    assert_eq!((access.subject.iss.as_str(), access.subject.sub.as_str()), (STRICT, "user"));
    let none = all.admit("POST", &HeaderMap::new()).await.unwrap_err();
    let place = "https://hop1.a.test/.well-known/oauth-protected-resource/mcp";
    let expected = format!(r#"Bearer scope="files:read", resource_metadata="{place}""#);
    assert_eq!((none.status.as_u16(), none.challenge), (401, Some(expected)));
    let twice = [("authorization", good.as_str()), ("authorization", good.as_str())];
    assert_eq!(code(&all, &twice).await, (400, "authz.guard.credential-malformed"));
    for audience in
        [json!("https://hop1.a.test/mcp/"), json!([RESOURCE, "b"]), json!("https://hop1.a.test")]
    {
        let wrong = bearer(token(OWN, &with(OWN, "aud", audience)));
        let shown = [("authorization", wrong.as_str())];
        assert_eq!(code(&all, &shown).await, (401, "authz.guard.audience-mismatch"));
    }
    let narrow = bearer(token(STRICT, &with(STRICT, "scope", json!("files:write"))));
    let refused = all.admit("POST", &headers(&[("authorization", &narrow)])).await.unwrap_err();
    assert_eq!((refused.status.as_u16(), refused.code), (403, "authz.guard.scope-missing"));
    let challenge = refused.challenge.unwrap();
    assert!(challenge.contains(r#"error="insufficient_scope", scope="files:read""#), "{challenge}");
    let act = json!({"sub": "hop", "act": {"sub": "bad"}});
    let denied = bearer(token(OWN, &with(OWN, "act", act)));
    let shown = [("authorization", denied.as_str())];
    assert_eq!(code(&all, &shown).await, (403, "authz.guard.actor-denied"));
}

#[tokio::test]
async fn a_bound_token_needs_a_proof_that_was_never_used() {
    let mut all = protection();
    let holder = Signer::generate(Algorithm::Es256).unwrap();
    let jkt = holder.public().thumbprint().0;
    let bound = token(OWN, &with(OWN, "cnf", json!({ "jkt": jkt })));
    let hash = TokenHash::of(&bound);
    let prove = |signer: &Signer, method: &str, nonce: Option<&str>| {
        let proof = Proof::make(signer, method, RESOURCE, Some(&hash), nonce, NOW_S).unwrap();
        proof.expose().to_owned()
    };
    let authorization = format!("DPoP {bound}");
    let good = prove(&holder, "POST", None);
    let shown = [("authorization", authorization.as_str()), ("dpop", good.as_str())];
    assert!(all.admit("POST", &headers(&shown)).await.is_ok());
    assert_eq!(code(&all, &shown).await, (401, "authz.guard.proof-invalid"), "used twice");
    for wrong in [prove(&KEYS.own, "POST", None), prove(&holder, "GET", None)] {
        let shown = [("authorization", authorization.as_str()), ("dpop", wrong.as_str())];
        assert_eq!(code(&all, &shown).await, (401, "authz.guard.proof-invalid"));
    }
    let bearer = format!("Bearer {bound}");
    let shown = [("authorization", bearer.as_str())];
    assert_eq!(code(&all, &shown).await, (401, "authz.guard.binding-missing"));
    all.nonces = Some(Nonces::new([7; 32]));
    let fresh = prove(&holder, "POST", None);
    let shown = [("authorization", authorization.as_str()), ("dpop", fresh.as_str())];
    let refused = all.admit("POST", &headers(&shown)).await.unwrap_err();
    assert!(refused.challenge.unwrap().contains(r#"error="use_dpop_nonce""#));
    let healed = prove(&holder, "POST", refused.nonce.as_deref());
    let shown = [("authorization", authorization.as_str()), ("dpop", healed.as_str())];
    assert!(all.admit("POST", &headers(&shown)).await.is_ok());
}
