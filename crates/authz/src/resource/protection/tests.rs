#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod asked;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::net::{Client, Rules, System};
use crate::resource::CertificateForm;
use crate::token::replay::Memory;
use crate::token::tests::fixture::{
    KEYS, LAX, NOW_S, OWN, RESOURCE, STRICT, claims, token, verifier, with,
};
use crate::token::{Algorithm, Proof, Signer, TokenHash};

/// All keys are pinned: nothing is fetched.
fn renewals() -> Renewals {
    Renewals::new(Client::new(Rules::default(), Arc::new(System)).unwrap(), Vec::new())
}

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

pub(in crate::resource) fn protection() -> Protection {
    Protection {
        resource: Resource::parse(RESOURCE).unwrap(),
        verifier: verifier(),
        renewals: renewals(),
        opaque: None,
        terminator: None,
        ended: None,
        allowed: None,
        is_for_apps: false,
        policing: None,
        scopes: BTreeSet::from(["files:read".to_owned()]),
        must_be_bound: false,
        nonces: None,
        denied: BTreeSet::from([Actor { iss: OWN.to_owned(), sub: "bad".to_owned() }]),
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
    let refused = protection.admit("POST", &headers(shown), HERE).await.unwrap_err();
    (refused.status.as_u16(), refused.code)
}

#[tokio::test]
async fn one_token_for_this_server_is_let_in_and_no_other() {
    let all = protection();
    let bearer = |text: String| format!("Bearer {text}");
    let good = bearer(token(STRICT, &claims(STRICT)));
    let access = all.admit("POST", &headers(&[("authorization", &good)]), HERE).await.unwrap();
    assert_eq!((access.subject.iss.as_str(), access.subject.sub.as_str()), (STRICT, "user"));
    let none = all.admit("POST", &HeaderMap::new(), HERE).await.unwrap_err();
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
    let refused =
        all.admit("POST", &headers(&[("authorization", &narrow)]), HERE).await.unwrap_err();
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
    assert!(all.admit("POST", &headers(&shown), HERE).await.is_ok());
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
    let refused = all.admit("POST", &headers(&shown), HERE).await.unwrap_err();
    assert!(refused.challenge.unwrap().contains(r#"error="use_dpop_nonce""#));
    let healed = prove(&holder, "POST", refused.nonce.as_deref());
    let shown = [("authorization", authorization.as_str()), ("dpop", healed.as_str())];
    assert!(all.admit("POST", &headers(&shown), HERE).await.is_ok());
}

#[tokio::test]
async fn g12_only_the_outermost_actor_is_on_the_allow_list_and_any_on_the_deny_list() {
    let mut all = protection();
    let actor = |sub: &str| Actor { iss: OWN.to_owned(), sub: sub.to_owned() };
    all.allowed = Some(BTreeSet::from([actor("hop1"), actor("agent"), actor("bad")]));
    let shown = |name: &str, value: serde_json::Value| {
        format!("Bearer {}", token(OWN, &with(OWN, name, value)))
    };
    let denied = (403, "authz.guard.actor-denied");
    for (name, value, expected) in [
        // A token without `act` is its client's.
        ("client_id", json!("agent"), None),
        ("client_id", json!("stranger"), Some(denied)),
        ("client_id", json!("bad"), Some(denied)),
        ("act", json!({"sub": "hop1", "act": {"sub": "anybody"}}), None),
        ("act", json!({"sub": "anybody", "act": {"sub": "hop1"}}), Some(denied)),
        ("act", json!({"sub": "hop1", "act": {"sub": "bad"}}), Some(denied)),
        ("act", json!({"sub": "hop1", "iss": "https://other.test"}), Some(denied)),
    ] {
        let text = shown(name, value.clone());
        let admitted = all.admit("POST", &headers(&[("authorization", &text)]), HERE).await;
        let found = admitted.err().map(|refused| {
            assert_eq!(refused.challenge, None, "there is no token to ask for");
            (refused.status.as_u16(), refused.code)
        });
        assert_eq!(found, expected, "{name} {value}");
    }
}

#[tokio::test]
async fn g9_a_token_that_is_bound_to_a_certificate_is_shown_with_it_through_the_terminator() {
    let mut all = protection();
    let mut der = vec![0x30, 0x82, 1, 0];
    der.extend([7; 256]);
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&der));
    let field = format!(":{}:", STANDARD.encode(&der));
    let bound = token(OWN, &with(OWN, "cnf", json!({ "x5t#S256": hash })));
    let bearer = format!("Bearer {bound}");
    let shown = [("authorization", bearer.as_str()), ("client-cert", field.as_str())];
    let refused = (401, "authz.guard.certificate-mismatch");
    assert_eq!(code(&all, &shown).await, refused, "nobody is believed");
    all.terminator = Some(Terminator {
        header: http::HeaderName::from_static("client-cert"),
        form: CertificateForm::Rfc9440,
        peers: vec![HERE],
    });
    assert!(all.admit("POST", &headers(&shown), HERE).await.is_ok());
    let elsewhere = IpAddr::from([192, 0, 2, 1]);
    let from_there = all.admit("POST", &headers(&shown), elsewhere).await.unwrap_err();
    assert_eq!(from_there.code, refused.1);
    assert_eq!(code(&all, &shown[..1]).await, refused, "without it");
    *der.last_mut().unwrap() = 8;
    let other = format!(":{}:", STANDARD.encode(&der));
    let shown = [("authorization", bearer.as_str()), ("client-cert", other.as_str())];
    assert_eq!(code(&all, &shown).await, refused, "another one");
    assert!(all.metadata().is_certificate_bound);
}

#[test]
fn a_challenge_for_apps_always_says_what_is_wrong() {
    let refused = Refused {
        status: StatusCode::UNAUTHORIZED,
        code: "authz.guard.credential-malformed",
        sentence: "the request shows no token".to_owned(),
        challenge: Some(r#"Bearer scope="a", resource_metadata="https://b.test""#.to_owned()),
        nonce: None,
    };
    let expected = r#"Bearer error="invalid_token", error_description="the request shows no token", scope="a", resource_metadata="https://b.test""#;
    assert_eq!(refused.for_apps().as_deref(), Some(expected));
    let wider = Refused {
        challenge: Some(r#"DPoP error="insufficient_scope", scope="a""#.to_owned()),
        ..refused.clone()
    };
    assert!(wider.for_apps().unwrap().starts_with(r#"DPoP error="insufficient_scope", error_d"#));
    assert_eq!(Refused { challenge: None, ..refused }.for_apps(), None);
}
