//! Threats that concern more than one kind of credential: T10, T14, T17.

#![allow(clippy::unwrap_used)]

pub(crate) mod fixture;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use self::fixture::{
    KEYS, LAX, NOW_S, OWN, RESOURCE, SHARED_KID, STRICT, claims, named, rsa_key, rsa_signed, token,
    typed, under, verifier,
};
use super::access::AccessError;
use super::proof::{Expected, Proof, ProofError};
use super::{Access, JwtError, KeySet};

fn verify(text: &str) -> Result<Access, AccessError> {
    verifier().verify(text, NOW_S)
}

fn own_header() -> Value {
    json!({"alg": "ES256", "typ": "at+jwt", "kid": KEYS.own.public().id()})
}

/// T17: the header chooses nothing but among the issuer's pinned keys.
#[test]
fn t17_no_header_brings_or_points_to_a_key() {
    assert!(verify(&under(&KEYS.own, &own_header(), &claims(OWN))).is_ok());
    let mallory = &KEYS.strict;
    let jwk = mallory.public().jwk();
    for (name, value) in [
        ("jwk", jwk.clone()),
        ("jku", json!("https://evil.test/jwks")),
        ("x5u", json!("https://evil.test/cert")),
        ("x5c", json!(["MII"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
    ] {
        for signer in [&KEYS.own, mallory] {
            let mut header = own_header();
            header[name] = value.clone();
            let refused = verify(&under(signer, &header, &claims(OWN)));
            assert_eq!(refused, Err(AccessError::Key(JwtError::Header(name))), "{name}");
        }
    }
}

#[test]
fn t17_a_kid_is_a_name_in_the_issuers_set_and_nothing_else() {
    for kid in [
        "../../dev/null",
        "/dev/null",
        "https://evil.test/key",
        "' OR 1=1 --",
        "' UNION SELECT 'AA' --",
        "",
        "2026-11\0",
        "\u{2e}\u{2e}",
        " 2026-11",
    ] {
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
        let refused = verify(&under(&KEYS.strict, &header, &claims(STRICT)));
        assert_eq!(refused, Err(AccessError::Key(JwtError::UnknownKey)), "{kid:?}");
    }
    let header = json!({"alg": "ES256", "typ": "at+jwt"});
    assert!(verify(&under(&KEYS.own, &header, &claims(OWN))).is_ok(), "the only key there is");
}

#[test]
fn t17_one_kid_at_two_issuers_is_two_keys() {
    let header = |typ: &str| json!({"alg": "ES256", "typ": typ, "kid": SHARED_KID});
    assert!(verify(&under(&KEYS.strict, &header("at+jwt"), &claims(STRICT))).is_ok());
    assert!(verify(&under(&KEYS.lax, &header("at+jwt"), &claims(LAX))).is_ok());
    for (signer, iss) in [(&KEYS.lax, STRICT), (&KEYS.strict, LAX)] {
        let refused = verify(&under(signer, &header("at+jwt"), &claims(iss)));
        assert_eq!(refused, Err(AccessError::Key(JwtError::Signature)), "{iss}");
    }
}

#[test]
fn t17_an_algorithm_is_the_keys() {
    let rsa = |alg: &str| json!({"alg": alg, "typ": "at+jwt", "kid": "rsa"});
    assert!(verify(&rsa_signed(&rsa("RS256"), &claims(STRICT))).is_ok());
    for alg in ["PS256", "ES256", "EdDSA", "ES384"] {
        let refused = verify(&rsa_signed(&rsa(alg), &claims(STRICT)));
        assert_eq!(refused, Err(AccessError::Key(JwtError::Algorithm)), "{alg}");
    }
    for alg in ["none", "None", "nOnE", "HS256", "HS384", "RS384", "RS1", ""] {
        let refused = verify(&rsa_signed(&rsa(alg), &claims(STRICT)));
        assert_eq!(refused, Err(AccessError::Key(JwtError::Algorithm)), "{alg}");
    }
    // No signature at all.
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for alg in ["none", "RS256", "ES256"] {
        let text = format!("{}.{}.", encode(&rsa(alg)), encode(&claims(STRICT)));
        assert!(matches!(verify(&text), Err(AccessError::Key(_))), "{alg}");
    }
}

#[test]
fn t17_a_public_key_is_no_shared_secret() {
    let jwk = rsa_key().jwk();
    let n = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let secrets = [jwk.to_string().into_bytes(), n, jwk["n"].to_string().into_bytes()];
    for secret in secrets {
        for alg in ["HS256", "RS256"] {
            let header = json!({"alg": alg, "typ": "at+jwt", "kid": "rsa"});
            let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", encode(&header), encode(&claims(STRICT)));
            let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
            let text = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
            assert!(matches!(verify(&text), Err(AccessError::Key(_))), "{alg}");
        }
    }
}

#[test]
fn t17_a_withdrawn_key_is_withdrawn_at_once() {
    let verifier = verifier();
    let text = token(STRICT, &claims(STRICT));
    assert!(verifier.verify(&text, NOW_S).is_ok());
    let issuer = verifier.issuers.iter().find(|issuer| issuer.iss == STRICT).unwrap();
    let next = named(KEYS.lax.public(), "2026-12");
    issuer.keys.send_replace(KeySet(vec![next]));
    let refused = verifier.verify(&text, NOW_S);
    assert_eq!(refused, Err(AccessError::Key(JwtError::UnknownKey)));
    issuer.keys.send_replace(KeySet::default());
    assert!(verifier.verify(&text, NOW_S).is_err(), "no keys, no tokens");
}

/// One credential of each kind that an issuer signs: its `typ` and what its claims have that an
/// access token's have not.
fn kinds() -> Vec<(&'static str, &'static str, Value)> {
    let hash = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    let events = json!({"https://schemas.openid.net/secevent/caep/event-type/session-revoked": {}});
    vec![
        ("an ID token", "JWT", json!({"nonce": "n", "azp": "agent", "client_id": null})),
        ("an ID token of a code", "JWT", json!({"c_hash": hash, "azp": "agent"})),
        ("an ID token with a hash", "JWT", json!({"at_hash": hash, "azp": "agent"})),
        ("an ID token without either", "JWT", json!({"aud": "agent"})),
        ("an ID token of Cognito", "JWT", json!({"token_use": "id"})),
        ("a refresh token of Keycloak", "JWT", json!({"typ": "Refresh"})),
        ("an ID-JAG", "oauth-id-jag+jwt", json!({})),
        ("a transaction token", "txntoken+jwt", json!({"txn": "t", "purp": "read"})),
        ("a security event", "secevent+jwt", json!({"events": events})),
        ("a logout token", "logout+jwt", json!({"events": events})),
        ("a security event without type", "JWT", json!({"events": events})),
        ("a proof", "dpop+jwt", json!({"htm": "POST", "htu": RESOURCE})),
        ("a client assertion", "JWT", json!({"client_id": null, "sub": LAX})),
        ("a client assertion of the draft", "client-authentication+jwt", json!({})),
        ("an introspection answer", "token-introspection+jwt", json!({})),
        ("a logout token without type", "JWT", json!({"events": events, "sid": "s"})),
    ]
}

/// Each kind at each entrance for access tokens: with the type that it has, and with none. Whoever
/// signs it is trusted, so the kind alone refuses it.
#[test]
fn t14_no_other_credential_is_an_access_token() {
    for (what, typ, more) in kinds() {
        for iss in [OWN, STRICT, LAX] {
            let mut claims = claims(iss);
            for (name, value) in more.as_object().unwrap() {
                claims[name] = value.clone();
                if value.is_null() {
                    claims.as_object_mut().unwrap().remove(name);
                }
            }
            let refused = verify(&typed(iss, typ, &claims)).unwrap_err();
            let is_kind = matches!(refused, AccessError::Type(_));
            // An ID token's audience is the client, and that is what tells it apart.
            let is_audience = iss == LAX && more.get("aud").is_some();
            assert!(
                is_kind || is_audience && refused == AccessError::Audience,
                "{what}: {refused:?}"
            );
        }
    }
}

#[test]
fn t14_what_an_issuer_says_of_its_access_tokens_is_no_other_kind() {
    for (name, value) in
        [("typ", json!("Bearer")), ("typ", json!("DPoP")), ("token_use", json!("access"))]
    {
        assert!(verify(&token(LAX, &fixture::with(LAX, name, value))).is_ok(), "{name}");
    }
    for (name, value) in [("typ", json!("ID")), ("typ", json!(1)), ("token_use", json!("id"))] {
        let refused = verify(&token(LAX, &fixture::with(LAX, name, value)));
        assert!(matches!(refused, Err(AccessError::Type(_))), "{name}");
    }
}

#[test]
fn t14_an_issuer_that_says_at_jwt_says_nothing_else() {
    for typ in ["JWT", "jwt", "", "at", "at+jws", "at+jwt+x", "x/at+jwt"] {
        for iss in [OWN, STRICT] {
            let refused = verify(&typed(iss, typ, &claims(iss)));
            assert!(matches!(refused, Err(AccessError::Type(_))), "{iss} {typ}");
        }
    }
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        assert!(verify(&typed(STRICT, typ, &claims(STRICT))).is_ok(), "{typ}");
        assert!(verify(&typed(LAX, typ, &claims(LAX))).is_ok(), "{typ}");
    }
    let no_typ = json!({"alg": "ES256", "kid": SHARED_KID});
    assert!(verify(&under(&KEYS.lax, &no_typ, &claims(LAX))).is_ok());
    let refused = verify(&under(&KEYS.strict, &no_typ, &claims(STRICT)));
    assert!(matches!(refused, Err(AccessError::Type(_))));
}

/// Each kind, and an access token, where a proof is expected.
#[test]
fn t14_t10_no_other_credential_is_a_proof() {
    let expected =
        Expected { method: "POST", uri: RESOURCE, token: None, age_s_max: 300, nonce: None };
    let mut claims = claims(OWN);
    for (name, value) in [("htm", json!("POST")), ("htu", json!(RESOURCE)), ("iat", json!(NOW_S))] {
        claims[name] = value;
    }
    let verify = |typ: &str| {
        let header = json!({"alg": "ES256", "typ": typ, "jwk": KEYS.own.public().jwk()});
        Proof::verify(&under(&KEYS.own, &header, &claims), &expected, NOW_S)
    };
    assert!(verify("dpop+jwt").is_ok());
    for typ in kinds().into_iter().map(|(_, typ, _)| typ).chain(["at+jwt"]) {
        assert!(typ == "dpop+jwt" || verify(typ) == Err(ProofError::Type), "{typ}");
    }
}

/// T10: nothing that fails says what was shown.
#[test]
fn t10_t21_no_error_quotes_a_credential() {
    let mut text = token(STRICT, &fixture::with(OWN, "sub", json!("canary-sub")));
    text.push('x');
    let error = verify(&text).unwrap_err();
    let shown = format!("{error} {error:?} {}", error.code());
    assert!(!shown.contains("canary") && !text.split('.').any(|part| shown.contains(part)));
    let secret = super::Secret::from(text.as_str());
    assert_eq!(format!("{secret:?}"), "Secret");
}

#[test]
fn the_table_holds_every_code_once_and_no_other() {
    use std::collections::BTreeSet;
    let sources = [
        include_str!("access.rs"),
        include_str!("credential.rs"),
        include_str!("holder.rs"),
        include_str!("introspection.rs"),
        include_str!("../resource/pinned.rs"),
        include_str!("../resource/protection.rs"),
    ];
    let texts = sources.iter().flat_map(|source| source.split('"').skip(1).step_by(2));
    let written: BTreeSet<_> = texts.filter(|text| text.starts_with("authz.guard.")).collect();
    let listed: Vec<_> = super::CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), written);
    assert_eq!(listed.len(), written.len());
}
