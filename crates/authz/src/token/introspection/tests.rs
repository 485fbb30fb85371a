//! G10: what an issuer answers, each member changed in turn.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::token::tests::fixture::{LAX, NOW_S, OWN, RESOURCE, STRICT, claims, verifier};

fn read(response: &Value) -> Result<Introspected, IntrospectionError> {
    access(&verifier(), STRICT, response.to_string().as_bytes(), "opaque", NOW_S)
}

/// A token's claims with one changed, and active; `null` takes it away.
fn with(name: &str, value: Value) -> Value {
    let mut response = claims(STRICT);
    response["active"] = json!(true);
    response["token_type"] = json!("Bearer");
    response[name] = value;
    if response[name].is_null() {
        response.as_object_mut().unwrap().remove(name);
    }
    response
}

#[test]
fn an_active_token_is_what_its_issuer_says() {
    let introspected = read(&with("x", json!(1))).unwrap();
    assert_eq!(introspected.access.subject.sub, "user");
    assert_eq!(introspected.access.hash, TokenHash::of("opaque"));
    assert_eq!(introspected.cache_until_s, NOW_S + 60, "no longer than a minute");
    let short = read(&with("exp", json!(NOW_S + 20))).unwrap();
    assert_eq!(short.cache_until_s, NOW_S + 20, "nor than the token");
    assert!(read(&with("iss", Value::Null)).is_ok(), "who was asked is known");
    assert!(read(&with("token_type", Value::Null)).is_ok());
    assert!(read(&with("token_type", json!("bearer"))).is_ok());
}

#[test]
fn what_is_not_active_or_no_answer_is_refused() {
    assert_eq!(read(&json!({"active": false})), Err(IntrospectionError::Inactive));
    assert_eq!(read(&with("active", json!(false))), Err(IntrospectionError::Inactive));
    for active in [Value::Null, json!("true"), json!(1), json!([true])] {
        let refused = read(&with("active", active));
        assert!(matches!(refused, Err(IntrospectionError::Malformed(_))));
    }
    for bytes in [
        &b""[..],
        b"[]",
        b"true",
        b"<html>",
        br#"{"active": true, "active": false}"#,
        br#"{"active": true} {"active": true}"#,
        b"{\"active\": true, \"sub\": \"\xff\"}",
    ] {
        let refused = access(&verifier(), STRICT, bytes, "opaque", NOW_S);
        assert!(matches!(refused, Err(IntrospectionError::Malformed(_))), "{bytes:?}");
        assert_eq!(refused.unwrap_err().code(), "authz.guard.token-inactive");
    }
}

#[test]
fn an_active_token_is_checked_as_any_other() {
    let hash = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    for (name, value, error) in [
        ("iss", json!(LAX), AccessError::Issuer),
        ("iss", json!(format!("{STRICT}/")), AccessError::Issuer),
        ("exp", Value::Null, AccessError::Time("it never expires")),
        ("exp", json!(NOW_S - 300), AccessError::Time("it has expired")),
        ("exp", json!("1795600200"), AccessError::Time("no whole seconds")),
        ("nbf", json!(NOW_S + 301), AccessError::Time("it is not valid yet")),
        ("aud", Value::Null, AccessError::Audience),
        ("aud", json!([RESOURCE, "https://hop2.a.test/mcp"]), AccessError::Audience),
        ("aud", json!("https://hop2.a.test/mcp"), AccessError::Audience),
        ("cnf", json!({"kid": "a"}), AccessError::Confirmation),
        ("token_type", json!("DPoP"), AccessError::Confirmation),
        ("token_type", json!("N_A"), AccessError::Type("its `token_type` is another one")),
        ("token_type", json!(1), AccessError::Type("its `token_type` is another one")),
        ("typ", json!("Refresh"), AccessError::Type("its claim `typ` is another one")),
        ("events", json!({}), AccessError::Type("events")),
        ("client_id", Value::Null, AccessError::Type("it names no client")),
        ("sub", Value::Null, AccessError::Claim("sub")),
        ("act", json!([]), AccessError::Actors("a level is no object")),
    ] {
        let refused = read(&with(name, value.clone()));
        assert_eq!(refused, Err(IntrospectionError::Access(error)), "{name} {value}");
    }
    let mut bound = with("token_type", json!("DPoP"));
    bound["cnf"] = json!({"jkt": hash});
    assert!(read(&bound).unwrap().access.confirmation.is_some());
}

#[test]
fn an_answer_is_one_issuers_and_bounded() {
    let response = with("iss", Value::Null).to_string();
    let read = |iss: &str, size: usize| {
        let padded = response.clone() + &" ".repeat(size - response.len());
        access(&verifier(), iss, padded.as_bytes(), "opaque", NOW_S)
    };
    assert_eq!(read(OWN, 1_000).unwrap().access.subject.iss, OWN);
    let unknown = read("https://evil.test", 1_000);
    assert_eq!(unknown, Err(IntrospectionError::Access(AccessError::Issuer)));
    assert!(read(STRICT, limits::INTROSPECTION_BYTES_MAX).is_ok());
    assert!(read(STRICT, limits::INTROSPECTION_BYTES_MAX + 1).is_err());
}
