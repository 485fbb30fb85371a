//! Proofs: G8, each claim changed in turn.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::token::tests::fixture::{rsa_key, rsa_signed};

const NOW_S: u64 = 1_795_600_000;
const URI: &str = "https://hop1.a.test/mcp";

fn expected() -> Expected<'static> {
    Expected { method: "POST", uri: URI, token: None, age_s_max: 300, nonce: None }
}

fn claims() -> Value {
    json!({"jti": "j", "htm": "POST", "htu": URI, "iat": NOW_S})
}

fn signer() -> Signer {
    Signer::generate(Algorithm::Es256).unwrap()
}

fn verify(claims: &Value, expected: &Expected<'_>) -> Result<Proof, ProofError> {
    let proof = signer().sign_with_jwk(TYP, claims).unwrap();
    Proof::verify(proof.expose(), expected, NOW_S)
}

#[test]
fn what_is_made_verifies_with_either_algorithm() {
    let nonces = Nonces::new([1; 32]);
    let nonce = nonces.issue(NOW_S);
    let hash = TokenHash::of("token");
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let signer = Signer::generate(algorithm).unwrap();
        let uri = format!("{URI}?a=b#c");
        let text = Proof::make(&signer, "POST", &uri, Some(&hash), Some(&nonce), NOW_S).unwrap();
        let expected = Expected { token: Some(&hash), nonce: Some(&nonces), ..expected() };
        let proof = Proof::verify(text.expose(), &expected, NOW_S).unwrap();
        assert_eq!(proof.jkt, signer.public().thumbprint());
        assert_eq!((proof.issued_s, proof.nonce.as_deref()), (NOW_S, Some(nonce.as_str())));
        assert_eq!(proof.is_of(&signer.public().thumbprint()), Ok(()));
        let other = self::signer().public().thumbprint();
        assert_eq!(proof.is_of(&other), Err(ProofError::OtherKey));
    }
}

/// RFC 9449 §4.1, the first example: its time is long ago, all else holds.
#[test]
fn the_example_of_rfc_9449_verifies_at_its_time() {
    let text = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMz\
        R0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY\
        5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCI\
        sImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vf\
        rg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let expected = Expected { uri: "https://server.example.com/token", ..expected() };
    let proof = Proof::verify(text, &expected, 1_562_262_616).unwrap();
    assert_eq!(proof.jti, "-BwC3ESc6acc2lTc");
    // The thumbprint that §6.1 of the RFC binds tokens to.
    assert_eq!(proof.jkt.0, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    assert_eq!(Proof::verify(text, &expected, NOW_S), Err(ProofError::Time));
}

#[test]
fn each_claim_has_to_be_what_it_has_to_be() {
    for (name, value, refused) in [
        ("jti", Value::Null, "jti"),
        ("jti", json!(""), "jti"),
        ("jti", json!(1), "jti"),
        ("jti", json!("a".repeat(limits::JTI_BYTES_MAX + 1)), "jti"),
        ("htm", Value::Null, "htm"),
        ("htm", json!("GET"), "htm"),
        ("htm", json!("post"), "htm"),
        ("htu", Value::Null, "htu"),
        ("htu", json!("https://hop2.a.test/mcp"), "htu"),
        ("htu", json!("http://hop1.a.test/mcp"), "htu"),
        ("htu", json!("https://hop1.a.test:8443/mcp"), "htu"),
        ("htu", json!("https://hop1.a.test/mcp/"), "htu"),
        ("htu", json!("https://hop1.a.test/MCP"), "htu"),
        ("htu", json!("https://hop1.a.test/"), "htu"),
        ("htu", json!("https://hop1.a.test/mcp2"), "htu"),
        ("htu", json!("https://hop1.a.test\\mcp"), "htu"),
        ("htu", json!("https://u@hop1.a.test/mcp"), "htu"),
        ("htu", json!("https://hop1.a.test/x/../mcp"), "htu"),
        ("iat", Value::Null, "iat"),
        ("iat", json!("1795600000"), "iat"),
        ("iat", json!(1_795_600_000.5), "iat"),
    ] {
        let mut claims = claims();
        claims[name] = value.clone();
        assert_eq!(verify(&claims, &expected()), Err(ProofError::Claim(refused)), "{name} {value}");
    }
    for (name, value) in [
        ("jti", json!("a".repeat(limits::JTI_BYTES_MAX))),
        ("htu", json!("HTTPS://HOP1.A.TEST:443/mcp?x=1#y")),
        ("ath", json!("of a token that is not expected")),
        ("more", json!({"of": "it"})),
    ] {
        let mut claims = claims();
        claims[name] = value.clone();
        assert!(verify(&claims, &expected()).is_ok(), "{name} {value}");
    }
}

#[test]
fn a_proof_is_of_this_token() {
    let hash = TokenHash::of("token");
    let expected = Expected { token: Some(&hash), ..expected() };
    for (ath, accepted) in [
        (json!(hash.0), true),
        (Value::Null, false),
        (json!(TokenHash::of("tokeN").0), false),
        (json!("token"), false),
        (json!([hash.0]), false),
    ] {
        let mut claims = claims();
        claims["ath"] = ath;
        let result = verify(&claims, &expected);
        assert_eq!(result.is_ok(), accepted);
        assert!(accepted || result == Err(ProofError::Claim("ath")));
    }
    assert_eq!(verify(&claims(), &expected), Err(ProofError::Claim("ath")), "without `ath`");
}

#[test]
fn a_proof_is_of_now_or_its_nonce_is() {
    for (iat, accepted) in [
        (NOW_S - 300, true),
        (NOW_S - 301, false),
        (NOW_S + 300, true),
        (NOW_S + 301, false),
        (0, false),
    ] {
        let mut claims = claims();
        claims["iat"] = json!(iat);
        let result = verify(&claims, &expected());
        assert_eq!(result.is_ok(), accepted, "{iat}");
        assert!(accepted || result == Err(ProofError::Time));
    }
    let nonces = Nonces::new([1; 32]);
    let expected = Expected { nonce: Some(&nonces), age_s_max: 60, ..expected() };
    for (nonce, iat, accepted) in [
        (json!(nonces.issue(NOW_S)), NOW_S, true),
        (json!(nonces.issue(NOW_S)), 7, true), // a client's wrong clock
        (json!(nonces.issue(NOW_S - 60)), NOW_S, true),
        (json!(nonces.issue(NOW_S - 61)), NOW_S, false),
        (json!(Nonces::new([2; 32]).issue(NOW_S)), NOW_S, false),
        (Value::Null, NOW_S, false),
        (json!([nonces.issue(NOW_S)]), NOW_S, false),
    ] {
        let mut claims = claims();
        claims["nonce"] = nonce;
        claims["iat"] = json!(iat);
        let result = verify(&claims, &expected);
        assert_eq!(result.is_ok(), accepted, "{claims}");
        assert!(accepted || result == Err(ProofError::Nonce));
    }
}

/// A proof under a header of one's own, signed rightly.
fn under(signer: &Signer, header: &Value) -> String {
    let proof = signer.sign_raw(header, &claims()).unwrap();
    proof.expose().to_owned()
}

#[test]
fn the_header_brings_one_public_key_and_names_its_algorithm() {
    let signer = signer();
    let jwk = signer.public().jwk();
    let verify = |header: &Value| Proof::verify(&under(&signer, header), &expected(), NOW_S);
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk});
    assert!(verify(&header).is_ok());
    let changed = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        verify(&header)
    };
    for typ in ["JWT", "at+jwt", "dpop", "dpop+jwt ", "dpop-proof+jwt"] {
        assert_eq!(changed("typ", json!(typ)), Err(ProofError::Type), "{typ}");
    }
    let mut private = jwk.clone();
    private["d"] = json!("AA");
    let mut enc = jwk.clone();
    enc["use"] = json!("enc");
    for jwk in
        [Value::Null, json!({}), json!("key"), private, enc, json!({"kty": "oct", "k": "AA"})]
    {
        assert_eq!(changed("jwk", jwk), Err(ProofError::Key));
    }
    let other = Signer::generate(Algorithm::Es256).unwrap().public().jwk();
    assert_eq!(changed("jwk", other), Err(ProofError::Jwt(JwtError::Signature)));
    for alg in ["none", "HS256", "EdDSA", "ES384"] {
        assert_eq!(changed("alg", json!(alg)), Err(ProofError::Jwt(JwtError::Algorithm)), "{alg}");
    }
    for name in ["jku", "x5u", "x5c", "crit"] {
        let refused = Err(ProofError::Jwt(JwtError::Header(name)));
        assert_eq!(changed(name, json!(["a"])), refused);
    }
    let mut without = header.clone();
    without.as_object_mut().unwrap().remove("jwk");
    assert_eq!(verify(&without), Err(ProofError::Key));
}

/// An RSA key could be for two algorithms: the message would choose.
#[test]
fn no_rsa_key_proves() {
    let jwk = rsa_key().jwk();
    let header = json!({"typ": "dpop+jwt", "alg": "RS256", "jwk": jwk});
    let text = rsa_signed(&header, &claims());
    assert!(Jwt::parse(&text, 4_096).unwrap().verify(&rsa_key()).is_ok(), "it is signed rightly");
    assert_eq!(Proof::verify(&text, &expected(), NOW_S), Err(ProofError::Key));
}

#[test]
fn a_proof_is_bounded() {
    let text = |size: usize| {
        let mut claims = claims();
        claims["x"] = json!("");
        let signer = signer();
        let bare = signer.sign_with_jwk(TYP, &claims).unwrap().expose().len();
        // Three bytes are four characters; the last group may be shorter.
        let fit = (0..).map(|more| (size - bare) * 3 / 4 + more - 4).find_map(|fill: usize| {
            claims["x"] = json!("x".repeat(fill));
            let proof = signer.sign_with_jwk(TYP, &claims).unwrap();
            (proof.expose().len() >= size).then_some(proof)
        });
        fit.unwrap()
    };
    let at_limit = text(limits::PROOF_CHARS_MAX);
    assert_eq!(at_limit.expose().len(), limits::PROOF_CHARS_MAX);
    assert!(Proof::verify(at_limit.expose(), &expected(), NOW_S).is_ok());
    let past = text(limits::PROOF_CHARS_MAX + 1);
    let refused = Proof::verify(past.expose(), &expected(), NOW_S);
    assert_eq!(refused, Err(ProofError::Jwt(JwtError::TooLong)));
}

#[test]
fn what_is_remembered_is_of_one_key_one_identifier_and_one_target() {
    let proof = verify(&claims(), &expected()).unwrap();
    let other_key = verify(&claims(), &expected()).unwrap();
    let keys: std::collections::BTreeSet<String> = [
        proof.use_key("a"),
        proof.use_key("b"),
        other_key.use_key("a"),
        Proof { jti: "ja".to_owned(), ..proof.clone() }.use_key(""),
        Proof { jti: "j".to_owned(), ..proof.clone() }.use_key("a"),
    ]
    .into();
    assert_eq!(keys.len(), 4, "the first and the last are one");
}
