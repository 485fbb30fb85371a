//! G7 to G9: what a token is bound to x how it is shown, all pairs.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::token::nonce::Nonces;
use crate::token::tests::fixture::{NOW_S, OWN, RESOURCE, claims, token, verifier, with};
use crate::token::{Algorithm, Secret, Signer, TokenHash};

const CERTIFICATE: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";

fn expected() -> Expected<'static> {
    Expected { method: "POST", uri: RESOURCE, token: None, age_s_max: 300, nonce: None }
}

struct Shown {
    access: Access,
    credential: Credential,
}

/// A token bound by `cnf`, shown with a proof of `signer` for the hash of `of`.
fn shown(cnf: Value, scheme: Scheme, signer: Option<&Signer>, of: Option<&str>) -> Shown {
    let text = token(OWN, &if cnf.is_null() { claims(OWN) } else { with(OWN, "cnf", cnf) });
    let hash = TokenHash::of(of.unwrap_or(&text));
    let make = |signer| Proof::make(signer, "POST", RESOURCE, Some(&hash), None, NOW_S).unwrap();
    Shown {
        access: verifier().verify(&text, NOW_S).unwrap(),
        credential: Credential { scheme, token: Secret::from(text), proof: signer.map(make) },
    }
}

fn check(shown: &Shown, certificate: Option<&str>, must: bool) -> Result<bool, HolderError> {
    let holder = Holder {
        credential: &shown.credential,
        certificate,
        expected: expected(),
        must_be_bound: must,
    };
    shown.access.held_by(&holder, NOW_S).map(|proof| proof.is_some())
}

#[test]
fn each_binding_is_shown_in_its_one_way() {
    let signer = Signer::generate(Algorithm::EdDsa).unwrap();
    let jkt = json!({"jkt": signer.public().thumbprint().0});
    let x5t = json!({"x5t#S256": CERTIFICATE});
    let missing =
        |result: Result<bool, HolderError>| matches!(result, Err(HolderError::Missing(_)));
    let (dpop, bearer) = (Scheme::Dpop, Scheme::Bearer);
    let certificate = Some(CERTIFICATE);

    assert_eq!(check(&shown(jkt.clone(), dpop, Some(&signer), None), None, true), Ok(true));
    // RFC 9449 §7.2, T9: with or without the proof beside it.
    assert!(missing(check(&shown(jkt.clone(), bearer, None, None), certificate, false)));
    assert!(missing(check(&shown(jkt.clone(), bearer, Some(&signer), None), certificate, false)));
    assert!(missing(check(&shown(jkt.clone(), dpop, None, None), certificate, false)));

    assert_eq!(check(&shown(x5t.clone(), bearer, None, None), certificate, true), Ok(false));
    for other in [None, Some("A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v1"), Some("")] {
        let refused = check(&shown(x5t.clone(), bearer, None, None), other, false);
        assert_eq!(refused, Err(HolderError::Certificate));
    }
    assert!(missing(check(&shown(x5t, dpop, Some(&signer), None), certificate, false)));

    assert_eq!(check(&shown(Value::Null, bearer, None, None), None, false), Ok(false));
    assert!(missing(check(&shown(Value::Null, bearer, None, None), certificate, true)));
    assert!(missing(check(&shown(Value::Null, dpop, Some(&signer), None), None, false)));
}

#[test]
fn t10_a_proof_is_by_the_key_and_of_the_token() {
    let signer = Signer::generate(Algorithm::Es256).unwrap();
    let other = Signer::generate(Algorithm::Es256).unwrap();
    let jkt = json!({"jkt": signer.public().thumbprint().0});
    let result = check(&shown(jkt.clone(), Scheme::Dpop, Some(&other), None), None, false);
    assert_eq!(result, Err(HolderError::Proof(ProofError::OtherKey)));
    let result =
        check(&shown(jkt, Scheme::Dpop, Some(&signer), Some("another token")), None, false);
    assert_eq!(result, Err(HolderError::Proof(ProofError::Claim("ath"))));
}

#[test]
fn a_nonce_is_asked_for() {
    let signer = Signer::generate(Algorithm::Es256).unwrap();
    let jkt = json!({"jkt": signer.public().thumbprint().0});
    let shown = shown(jkt, Scheme::Dpop, Some(&signer), None);
    let nonces = Nonces::new([3; 32]);
    let expected = Expected { nonce: Some(&nonces), ..expected() };
    let holder =
        Holder { credential: &shown.credential, certificate: None, expected, must_be_bound: false };
    let refused = shown.access.held_by(&holder, NOW_S);
    assert_eq!(refused, Err(HolderError::Proof(ProofError::Nonce)));
    assert_eq!(refused.unwrap_err().code(), "authz.guard.proof-invalid");
}
