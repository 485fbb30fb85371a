//! What is a JWT, and what is none.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::token::Signer;

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn with_header(header: &str) -> String {
    format!("{}.{}.{}", encode(header), encode("{}"), encode("s"))
}

fn refused(text: &str) -> JwtError {
    Jwt::parse(text, 4_096).unwrap_err()
}

#[test]
fn the_compact_form_has_three_parts_of_strict_base64url_and_json() {
    let (header, claims, signature) = (encode(r#"{"alg":"ES256"}"#), encode("{}"), encode("s"));
    assert!(Jwt::parse(&format!("{header}.{claims}.{signature}"), 4_096).is_ok());
    for text in [
        String::new(),
        header.clone(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!(" {header}.{claims}.{signature}"),
        format!("{header}.{claims}.{signature}\n"),
        format!("{header}.{claims}==.{signature}"),
        format!("{header}.{claims}.{}", "cx"), // other bits behind the last byte
        format!("{header}..{signature}"),
        format!("{header}.{}.{signature}", encode("[]")),
        format!("{header}.{}.{signature}", encode("{} {}")),
        format!("{header}.{}.{signature}", encode(r#"{"a":1,"a":1}"#)),
        format!("{header}.{}.{signature}", encode(r#"{"cnf":{"jkt":"a","\u006akt":"b"}}"#)),
        format!("{header}.{}.{signature}", encode(r#"{"act":{"sub":"a","sub":"b"}}"#)),
        format!("{header}.{}.{signature}", encode(r#"{"sub":"\ud800"}"#)),
        format!("{header}.{}.{signature}", encode(r#"{"exp":9007199254740993}"#)),
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(b"{\"a\":\"\xff\"}")),
    ] {
        assert!(matches!(refused(&text), JwtError::Malformed(_)), "{text}");
    }
}

#[test]
fn a_jwt_is_bounded() {
    let text = with_header(r#"{"alg":"ES256"}"#);
    assert!(Jwt::parse(&text, text.len()).is_ok());
    assert_eq!(Jwt::parse(&text, text.len() - 1).unwrap_err(), JwtError::TooLong);
}

#[test]
fn no_header_chooses_a_key_or_what_is_understood() {
    for name in ["crit", "jku", "x5u", "x5c", "b64", "zip", "enc", "cty"] {
        let header = json!({"alg": "ES256", name: "https://evil.test/jwks"}).to_string();
        assert_eq!(refused(&with_header(&header)), JwtError::Header(name));
    }
    for (name, value) in [("kid", json!(1)), ("kid", json!(["a"])), ("typ", json!({}))] {
        let header = json!({"alg": "ES256", name: value}).to_string();
        assert_eq!(refused(&with_header(&header)), JwtError::Header(name));
    }
    // What Entra and PingFederate write beside it means nothing here.
    for name in ["x5t", "x5t#S256", "pi.atm"] {
        let header = json!({"alg": "ES256", name: "1"}).to_string();
        assert!(Jwt::parse(&with_header(&header), 4_096).is_ok(), "{name}");
    }
}

#[test]
fn no_algorithm_without_a_key_pair() {
    for alg in ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "RS1", "es256", "ES256K"] {
        let header = json!({"alg": alg}).to_string();
        assert_eq!(refused(&with_header(&header)), JwtError::Algorithm, "{alg}");
    }
    assert_eq!(refused(&with_header("{}")), JwtError::Algorithm);
    assert_eq!(refused(&with_header(r#"{"alg":["ES256"]}"#)), JwtError::Algorithm);
}

#[test]
fn the_algorithm_is_the_keys_and_each_bit_is_signed() {
    let (ec, ed) = (Signer::generate(Algorithm::Es256), Signer::generate(Algorithm::EdDsa));
    let (ec, ed) = (ec.unwrap(), ed.unwrap());
    let token = ec.sign("JWT", &json!({"iss": "a"})).unwrap();
    let parse = || Jwt::parse(token.expose(), 4_096).unwrap();
    assert_eq!(parse().verify(ed.public()), Err(JwtError::Algorithm));
    let other = Signer::generate(Algorithm::Es256).unwrap();
    assert_eq!(parse().verify(other.public()), Err(JwtError::Signature));
    let set = KeySet(vec![other.public().clone(), ed.public().clone()]);
    assert_eq!(parse().verify_by(&set), Err(JwtError::UnknownKey));
    let text = token.expose();
    for at in 0..text.len() {
        let mut bytes = text.as_bytes().to_vec();
        if let Some(byte) = bytes.get_mut(at) {
            *byte = if *byte == b'A' { b'B' } else { b'A' };
        }
        let changed = String::from_utf8(bytes).unwrap();
        let result = Jwt::parse(&changed, 4_096).and_then(|jwt| jwt.verify(ec.public()));
        assert!(result.is_err(), "{at}");
    }
}

#[test]
fn a_type_is_compared_without_case_and_prefix() {
    for (typ, read) in [
        ("at+jwt", "at+jwt"),
        ("application/at+jwt", "at+jwt"),
        ("AT+JWT", "at+jwt"),
        ("JWT", "jwt"),
    ] {
        let text = with_header(&json!({"alg": "ES256", "typ": typ}).to_string());
        assert_eq!(Jwt::parse(&text, 4_096).unwrap().typ(), Some(read));
    }
}

#[test]
fn claims_are_exact() {
    let claims = |value: Value| Claims(value.as_object().unwrap().clone());
    for (exp, read) in [
        (json!(7), Some(7)),
        (json!(7.5), None),
        (json!("7"), None),
        (json!(-7), None),
        (json!(null), None),
        (json!([7]), None),
        (json!(true), None),
    ] {
        assert_eq!(claims(json!({"exp": exp})).seconds("exp"), read, "{exp}");
    }
    for (aud, read) in [
        (json!("a"), Some("a")),
        (json!(["a"]), Some("a")),
        (json!(["a", "b"]), None),
        (json!(["a", "a"]), None),
        (json!([]), None),
        (json!([["a"]]), None),
        (json!({"a": 1}), None),
        (json!(1), None),
    ] {
        assert_eq!(claims(json!({"aud": aud})).audience(), read, "{aud}");
    }
}
