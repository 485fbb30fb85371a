#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use serde_json::json;

use super::*;
use crate::token::{Algorithm, Signer};

const NOW_S: u64 = 1_764_000_000;
const US: &str = "https://sts.b.test";
const HOP: &str = "https://hop3.b.test/mcp";

fn claims() -> Value {
    json!({
        "iss": "https://sts.a.test", "sub": "pairwise-1", "aud": US, "client_id": "hop2-at-b",
        "jti": "j1", "iat": NOW_S, "exp": NOW_S + 300, "resource": HOP, "scope": "doc:put doc:get",
        "auth_time": NOW_S - 60, "acr": "mfa",
    })
}

fn changed(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name)
    } else {
        members.insert(name.to_owned(), value)
    };
    claims
}

fn verify(claims: &Value) -> Result<Assertion, AssertionError> {
    verify_as(TYP, claims, None)
}

fn verify_as(
    typ: &str,
    claims: &Value,
    resource: Option<&str>,
) -> Result<Assertion, AssertionError> {
    let key = Signer::generate(Algorithm::EdDsa).unwrap();
    let asserter = Asserter {
        iss: "https://sts.a.test".to_owned(),
        keys: Arc::new(watch::Sender::new(KeySet(vec![key.public().clone()]))),
        resources: BTreeSet::from([Resource::parse(HOP).unwrap()]),
        may_return: false,
    };
    let text = key.sign(typ, claims).unwrap();
    Assertion::verify(text.expose(), &[asserter], US, "hop2-at-b", resource, NOW_S)
}

#[test]
fn an_assertion_says_who_for_what_and_how_long() {
    let assertion = verify(&claims()).unwrap();
    let subject = Subject { iss: "https://sts.a.test".to_owned(), sub: "pairwise-1".to_owned() };
    assert_eq!(assertion.subject, subject);
    assert_eq!(assertion.resource.as_str(), HOP);
    assert_eq!(assertion.scopes.unwrap().len(), 2);
    assert_eq!((assertion.issued_s, assertion.expires_s), (NOW_S, NOW_S + 300));
    assert_eq!((assertion.acr.as_deref(), assertion.auth_time_s), (Some("mfa"), Some(NOW_S - 60)));
    assert!(assertion.jkt.is_none() && assertion.details.is_empty());
    let bound = verify(&changed("cnf", json!({ "jkt": "k" }))).unwrap();
    assert!(bound.is_for(&Confirmation::Jkt(Thumbprint("k".to_owned()))));
    assert!(!bound.is_for(&Confirmation::Jkt(Thumbprint("l".to_owned()))));
    assert!(!bound.is_for(&Confirmation::X5t("k".to_owned())));
}

#[test]
fn one_resource_may_be_a_list_of_one() {
    let of = |resource: Value| verify(&changed("resource", resource));
    assert_eq!(of(json!([HOP])).unwrap().resource.as_str(), HOP);
    for wrong in [json!([]), json!([HOP, HOP]), json!([1]), json!({ "0": HOP })] {
        assert_eq!(of(wrong.clone()), Err(AssertionError::Resource), "{wrong}");
    }
}

#[test]
fn each_refusal_has_a_code_of_the_table() {
    for error in [
        AssertionError::Malformed(JwtError::TooLong),
        AssertionError::Type,
        AssertionError::Issuer,
        AssertionError::Key(JwtError::Signature),
        AssertionError::Audience,
        AssertionError::Client,
        AssertionError::Time,
        AssertionError::Resource,
        AssertionError::Constraint,
        AssertionError::Claim("sub"),
        AssertionError::Holder,
        AssertionError::Replayed,
    ] {
        assert!(crate::federation::CODES.iter().any(|(code, _)| *code == error.code()), "{error}");
    }
}

#[test]
fn another_token_is_no_assertion() {
    for typ in ["JWT", "at+jwt", "dpop+jwt", "secevent+jwt", "client-authentication+jwt"] {
        assert_eq!(verify_as(typ, &claims(), None), Err(AssertionError::Type), "{typ}");
    }
    let key = Signer::generate(Algorithm::EdDsa).unwrap();
    let stranger = key.sign(TYP, &claims()).unwrap();
    let error = Assertion::verify(stranger.expose(), &[], US, "hop2-at-b", None, NOW_S);
    assert_eq!(error, Err(AssertionError::Issuer));
}

#[test]
fn each_claim_has_to_be_what_it_has_to_be() {
    use AssertionError::{Audience, Claim, Client, Constraint, Issuer, Resource, Time};
    for (name, value, error) in [
        ("iss", json!("https://sts.c.test"), Issuer),
        ("iss", Value::Null, Issuer),
        ("aud", json!([US, "https://sts.c.test"]), Audience),
        ("aud", json!("https://sts.b.test/"), Audience),
        ("aud", Value::Null, Audience),
        ("client_id", json!("hop1"), Client),
        ("client_id", Value::Null, Client),
        ("jti", Value::Null, Claim("jti")),
        ("jti", json!(""), Claim("jti")),
        ("sub", Value::Null, Claim("sub")),
        ("sub", json!("x".repeat(limits::NAME_BYTES_MAX + 1)), Claim("sub")),
        ("exp", Value::Null, Time),
        ("exp", json!(NOW_S), Time),
        ("exp", json!("1764000300"), Time),
        ("exp", json!(NOW_S + limits::ID_JAG_LIFE_S_MAX + 1), Time),
        ("iat", Value::Null, Time),
        ("iat", json!(NOW_S + limits::SKEW_S_MAX + 1), Time),
        ("nbf", json!(NOW_S + limits::SKEW_S_MAX + 1), Time),
        ("nbf", json!("now"), Time),
        ("resource", Value::Null, Resource),
        ("resource", json!("https://hop4.b.test/mcp"), Resource),
        ("resource", json!([HOP, HOP]), Resource),
        ("resource", json!(1), Resource),
        ("scope", json!(["doc:get"]), Claim("scope")),
        ("scope", json!("a  b\u{1}"), Claim("scope")),
        ("cnf", json!({ "x5t#S256": "k" }), Constraint),
        ("cnf", json!({ "jkt": "k", "jwe": "l" }), Constraint),
        ("cnf", json!("k"), Constraint),
        ("act", json!({ "sub": "agent" }), Constraint),
        ("aud_tenant", json!("t"), Constraint),
        ("authorization_details", json!([{ "type": "payment" }]), Constraint),
        (
            "authorization_details",
            json!([{ "type": "mcp_tool", "server": HOP, "tool": "t", "until": 1 }]),
            Constraint,
        ),
    ] {
        assert_eq!(verify(&changed(name, value.clone())), Err(error), "{name}: {value}");
    }
    assert!(verify(&changed("exp", json!(NOW_S + limits::ID_JAG_LIFE_S_MAX))).is_ok());
    assert!(verify(&changed("sub", json!("x".repeat(limits::NAME_BYTES_MAX)))).is_ok());
}

#[test]
fn the_request_names_the_resource_if_the_assertion_does_not_and_never_another() {
    let silent = changed("resource", Value::Null);
    assert!(verify_as(TYP, &silent, Some(HOP)).is_ok());
    assert!(verify_as(TYP, &claims(), Some(HOP)).is_ok());
    for other in ["https://hop4.b.test/mcp", "https://hop3.b.test/mcp/", "nothing"] {
        assert_eq!(verify_as(TYP, &claims(), Some(other)), Err(AssertionError::Resource));
        assert_eq!(verify_as(TYP, &silent, Some(other)), Err(AssertionError::Resource));
    }
}
