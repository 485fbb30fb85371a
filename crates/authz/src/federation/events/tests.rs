#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use serde_json::json;

use super::*;
use crate::token::{Algorithm, Signer};

const NOW_S: u64 = 1_764_000_000;
const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";

/// A transmitter that may speak of the subjects of `idp`.
fn transmitter(key: &Signer) -> Transmitter {
    Transmitter {
        iss: "https://ssf.a.test".to_owned(),
        keys: Arc::new(watch::Sender::new(KeySet(vec![key.public().clone()]))),
        audience: "https://sts.a.test".to_owned(),
        subjects: BTreeSet::from(["https://idp.a.test".to_owned()]),
    }
}

fn claims(kind: &str) -> Value {
    json!({
        "iss": "https://ssf.a.test", "aud": "https://sts.a.test", "jti": "e1", "iat": NOW_S - 5,
        "sub_id": { "format": "iss_sub", "iss": "https://idp.a.test", "sub": "alice" },
        "events": { format!("{CAEP}{kind}"): { "event_timestamp": NOW_S - 9 } },
    })
}

fn verify(claims: &Value) -> Result<Event, EventError> {
    verify_as("secevent+jwt", claims)
}

fn verify_as(typ: &str, claims: &Value) -> Result<Event, EventError> {
    let key = Signer::generate(Algorithm::Es256).unwrap();
    let set = key.sign(typ, claims).unwrap();
    Event::verify(set.expose(), &[transmitter(&key)], NOW_S)
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut claims = claims("session-revoked");
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = claims.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(name)
    } else {
        parent.insert(name.to_owned(), value)
    };
    claims
}

#[test]
fn four_events_end_what_was_granted_before_them() {
    let alice = Subject { iss: "https://idp.a.test".to_owned(), sub: "alice".to_owned() };
    for kind in
        ["session-revoked", "credential-change", "token-claims-change", "device-compliance-change"]
    {
        let event = verify(&claims(kind)).unwrap();
        assert_eq!(event.ends, Some((alice.clone(), NOW_S - 9)), "{kind}");
    }
    for kind in ["assurance-level-change", "session-established", "session-presented"] {
        assert_eq!(verify(&claims(kind)).unwrap().ends, None, "{kind}");
    }
    let mut claims = claims("device-compliance-change");
    let event = claims["events"].as_object_mut().unwrap().values_mut().next().unwrap();
    event["current_status"] = json!("compliant");
    assert_eq!(verify(&claims).unwrap().ends, None);
}

#[test]
fn the_time_is_the_events_then_the_tokens() {
    let of = |claims: &Value| verify(claims).map(|event| event.ends.unwrap().1);
    let kind = format!("{CAEP}session-revoked");
    let mut claims = claims("session-revoked");
    claims["events"] = json!({ &kind: {} });
    assert_eq!(of(&claims), Ok(NOW_S - 5));
    claims["toe"] = json!(NOW_S - 60);
    assert_eq!(of(&claims), Ok(NOW_S - 60));
    for (time, is_fine) in [
        (json!(NOW_S + limits::SKEW_S_MAX), true),
        (json!(NOW_S + limits::SKEW_S_MAX + 1), false),
        (json!("1764000000"), false),
        (json!(1.5), false),
    ] {
        claims["events"] = json!({ &kind: { "event_timestamp": time } });
        assert_eq!(of(&claims).is_ok(), is_fine, "{claims}");
    }
}

#[test]
fn a_subject_has_an_issuer_and_is_the_transmitters_to_speak_of() {
    let user = json!({ "format": "iss_sub", "iss": "https://idp.a.test", "sub": "alice" });
    let complex =
        json!({ "format": "complex", "user": user, "session": { "format": "opaque", "id": "s" } });
    assert_eq!(verify(&changed("/sub_id", complex)).unwrap().ends.unwrap().0.sub, "alice");
    let mut old = changed("/sub_id", Value::Null);
    old["events"].as_object_mut().unwrap().values_mut().next().unwrap()["subject"] = user;
    assert_eq!(verify(&old).unwrap().ends.unwrap().0.sub, "alice");
    for (pointer, value, error) in [
        ("/sub_id/iss", json!("https://idp.b.test"), EventError::Issuer),
        ("/sub_id/format", json!("email"), EventError::Subject),
        ("/sub_id/sub", json!(""), EventError::Subject),
        ("/sub_id/sub", json!("x".repeat(limits::NAME_BYTES_MAX + 1)), EventError::Subject),
        ("/sub_id", Value::Null, EventError::Subject),
    ] {
        assert_eq!(verify(&changed(pointer, value)), Err(error), "{pointer}");
    }
    assert!(verify(&changed("/sub_id/sub", json!("x".repeat(limits::NAME_BYTES_MAX)))).is_ok());
}

#[test]
fn only_a_security_event_token_of_a_pinned_transmitter_for_us_counts() {
    for typ in ["JWT", "at+jwt", "dpop+jwt", "oauth-id-jag+jwt", "logout+jwt"] {
        let error = verify_as(typ, &claims("session-revoked")).unwrap_err();
        assert_eq!(error, EventError::Type, "{typ}");
    }
    for (pointer, value, error) in [
        ("/iss", json!("https://ssf.b.test"), EventError::Issuer),
        ("/iss", Value::Null, EventError::Issuer),
        ("/aud", json!(["https://sts.a.test", "https://sts.b.test"]), EventError::Audience),
        ("/aud", json!("https://sts.a.test/"), EventError::Audience),
        ("/aud", Value::Null, EventError::Audience),
        ("/jti", Value::Null, EventError::Claim("jti")),
        ("/jti", json!(""), EventError::Claim("jti")),
        ("/iat", Value::Null, EventError::Time),
        ("/iat", json!(NOW_S + limits::SKEW_S_MAX + 1), EventError::Time),
        ("/events", Value::Null, EventError::Type),
        ("/events", json!({}), EventError::Type),
        ("/events", json!({ format!("{CAEP}session-revoked"): true }), EventError::Type),
    ] {
        let claims = changed(pointer, value);
        assert_eq!(verify(&claims), Err(error), "{claims}");
    }
    // Another's key, under the name of a transmitter.
    let (one, other) =
        (Signer::generate(Algorithm::Es256).unwrap(), Signer::generate(Algorithm::Es256).unwrap());
    let set = other.sign("secevent+jwt", &claims("session-revoked")).unwrap();
    let error = Event::verify(set.expose(), &[transmitter(&one)], NOW_S).unwrap_err();
    assert!(matches!(error, EventError::Key(_)), "{error}");
}

#[test]
fn a_token_and_its_events_are_bounded() {
    let many = |count: usize| -> Value {
        let events: Map<_, _> = (0..count).map(|at| (format!("urn:{at}"), json!({}))).collect();
        changed("/events", events.into())
    };
    assert_eq!(verify(&many(limits::EVENTS_MAX)).unwrap().ends, None);
    assert_eq!(verify(&many(limits::EVENTS_MAX + 1)), Err(EventError::Type));
    let key = Signer::generate(Algorithm::Es256).unwrap();
    let of = |length: usize| {
        let claims = changed("/reason", json!("x".repeat(length)));
        key.sign("secevent+jwt", &claims).unwrap()
    };
    let rest = of(0).expose().len();
    let fits = (limits::EVENT_CHARS_MAX - rest) / 4 * 3;
    assert!(Event::verify(of(fits).expose(), &[transmitter(&key)], NOW_S).is_ok());
    let error = Event::verify(of(fits + 9).expose(), &[transmitter(&key)], NOW_S).unwrap_err();
    assert_eq!(error, EventError::Malformed(JwtError::TooLong));
}

#[test]
fn names_and_times_of_a_token_are_bounded() {
    let jti = |length: usize| verify(&changed("/jti", json!("j".repeat(length))));
    assert!(jti(limits::NAME_BYTES_MAX).is_ok());
    assert_eq!(jti(limits::NAME_BYTES_MAX + 1), Err(EventError::Claim("jti")));
    assert!(verify(&changed("/iat", json!(NOW_S + limits::SKEW_S_MAX))).is_ok());
}

#[test]
fn the_newest_of_several_events_counts_and_all_are_of_one_subject() {
    let of = |first: &Value, second: &Value| {
        let mut claims = changed("/sub_id", Value::Null);
        claims["events"] = json!({
            format!("{CAEP}credential-change"): first, format!("{CAEP}session-revoked"): second,
        });
        verify(&claims).map(|event| event.ends.unwrap().1)
    };
    let event = |sub: &str, before_s: u64| {
        json!({ "event_timestamp": NOW_S - before_s,
                "subject": { "format": "iss_sub", "iss": "https://idp.a.test", "sub": sub } })
    };
    let (old, new) = (event("alice", 90), event("alice", 9));
    assert_eq!((of(&old, &new), of(&new, &old)), (Ok(NOW_S - 9), Ok(NOW_S - 9)));
    assert_eq!(of(&old, &event("bob", 9)), Err(EventError::Subject));
}

#[tokio::test]
async fn an_event_is_new_once_and_ends_what_is_older() {
    let grants = crate::grant::Memory::new();
    let event = verify(&claims("session-revoked")).unwrap();
    assert!(event.apply(&grants, NOW_S).await.unwrap(), "new");
    let (subject, event_s) = event.ends.clone().unwrap();
    assert_eq!(grants.epoch(&subject).await.unwrap(), event_s);
    assert!(!event.apply(&grants, NOW_S).await.unwrap(), "known");
}

#[test]
fn each_refusal_has_a_code_of_the_table() {
    for error in [
        EventError::Malformed(JwtError::TooLong),
        EventError::Type,
        EventError::Issuer,
        EventError::Key(JwtError::Signature),
        EventError::Audience,
        EventError::Subject,
        EventError::Time,
        EventError::Claim("jti"),
    ] {
        assert!(crate::federation::CODES.iter().any(|(code, _)| *code == error.code()));
    }
}
