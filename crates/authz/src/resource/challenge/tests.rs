//! Challenges, as they are written and as strangers write them.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::limits;

fn read(values: &[&str]) -> Result<Vec<Challenge>, ChallengeError> {
    Challenge::parse(values.iter().map(|value| value.as_bytes()))
}

fn challenge() -> Challenge {
    Challenge {
        error: Some("insufficient_scope".to_owned()),
        scope: ["files:write", "files:read"].map(str::to_owned).into(),
        resource_metadata: Some("https://a.test/.well-known/oauth-protected-resource".to_owned()),
        algs: ["ES256", "EdDSA"].map(str::to_owned).into(),
        ..Challenge::new(Scheme::Dpop)
    }
}

#[test]
fn a_challenge_is_written_in_one_form() {
    assert_eq!(
        challenge().text().unwrap(),
        "DPoP error=\"insufficient_scope\", scope=\"files:read files:write\", \
         resource_metadata=\"https://a.test/.well-known/oauth-protected-resource\", \
         algs=\"ES256 EdDSA\""
    );
    assert_eq!(Challenge::new(Scheme::Bearer).text().unwrap(), "Bearer");
    let step_up = Challenge {
        error: Some("insufficient_user_authentication".to_owned()),
        error_description: Some(r#"say "\o/""#.to_owned()),
        max_age_s: Some(300),
        acr_values: vec!["urn:mfa".to_owned(), "urn:hw".to_owned()],
        ..Challenge::new(Scheme::Bearer)
    };
    assert_eq!(
        step_up.text().unwrap(),
        r#"Bearer error="insufficient_user_authentication", error_description="say \"\\o/\"", max_age="300", acr_values="urn:mfa urn:hw""#
    );
    for text in ["a\r\nSet-Cookie: x", "a\0", "é", "\u{7f}"] {
        let bad = Challenge { error: Some(text.to_owned()), ..challenge() };
        assert_eq!(bad.header(), Err(ChallengeError::Unwritable), "{text:?}");
    }
}

/// The examples of RFC 9110 §11.6.1, RFC 6750 §3, RFC 9449 §7.1, RFC 9470 §3 and RFC 9728 §5.1.
#[test]
fn the_examples_of_the_rfcs_are_read() {
    let rfc9110 =
        r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#;
    assert_eq!(read(&[rfc9110]), Ok(vec![]), "neither is one of ours");
    let rfc6750 = r#"Bearer realm="example",
                       error="invalid_token",
                       error_description="The access token expired""#
        .replace('\n', " ");
    let [one] = read(&[&rfc6750]).unwrap().try_into().unwrap();
    assert_eq!(one.error.as_deref(), Some("invalid_token"));
    assert_eq!(one.error_description.as_deref(), Some("The access token expired"));
    let rfc9449 = r#"Bearer, DPoP algs="ES256 PS256""#;
    let [bearer, dpop] = read(&[rfc9449]).unwrap().try_into().unwrap();
    assert_eq!(bearer, Challenge::new(Scheme::Bearer));
    assert_eq!(dpop.algs, ["ES256", "PS256"]);
    let rfc9470 =
        r#"Bearer error="insufficient_user_authentication", max_age="5", acr_values="a b""#;
    let [one] = read(&[rfc9470]).unwrap().try_into().unwrap();
    assert_eq!((one.max_age_s, one.acr_values.len()), (Some(5), 2));
    let rfc9728 =
        r#"Bearer resource_metadata="https://a.test/.well-known/oauth-protected-resource""#;
    let [one] = read(&[rfc9728]).unwrap().try_into().unwrap();
    assert!(one.resource_metadata.unwrap().ends_with("oauth-protected-resource"));
}

#[test]
fn several_challenges_in_one_header_or_in_several() {
    for bare in ["Bearer ", "Bearer , ", ",\tBearer\t,"] {
        assert_eq!(read(&[bare]), Ok(vec![Challenge::new(Scheme::Bearer)]), "{bare:?}");
    }
    let text = challenge().text().unwrap();
    for values in [
        &[text.as_str(), "Bearer scope=\"a\""][..],
        &[&format!("{text}, Bearer scope=a")],
        &[&format!("Negotiate YWJj==, {text},, ,\tBearer scope=\"a\",")],
        &["Negotiate", &format!("{text}, Basic realm=x, Bearer SCOPE = \"a\"")],
        &[&format!("{text},Bearer   scope=\"\\a\""), "Negotiate YWJj/+-._~"],
    ] {
        let [one, two] = read(values).unwrap().try_into().unwrap();
        assert_eq!(one, challenge(), "{values:?}");
        assert_eq!((two.scheme, two.scope), (Scheme::Bearer, ["a".to_owned()].into()));
    }
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    for value in [
        "Bearer scope=\"a\", scope=\"b\"",
        "Bearer scope=\"a\", SCOPE=\"b\"",
        "scope=\"a\"",
        "Bearer scope=\"a",
        "Bearer scope=\"a\\",
        "Bearer scope=\"a\" error=\"b\"",
        "Bearer scope=\"a\"x",
        "Bearer scope=",
        "Bearer scope",
        "Bearer abc==, scope=a",
        "Bearer abc",
        "Bearer scope=\"a\0\"",
        "Bearer scope=\"a\n\"",
        "Bearer\tscope=a",
        "Bearer \"scope\"=a",
        "Bearer =a",
        "Bearer scope==a",
        "Bear\u{e9}r scope=a",
        "Bearer {}",
        "Other/abc",
        "Other ==",
        "Other abc x=y",
    ] {
        let refused = read(&[value]);
        assert!(matches!(refused, Err(ChallengeError::Malformed(_))), "{value:?} {refused:?}");
    }
    // A parameter is never of a challenge in another header.
    assert!(read(&["Bearer", "scope=\"a\""]).is_err());
    for (value, name) in [
        ("Bearer scope=\"a\tb\"", "scope"),
        ("Bearer max_age=\"-1\"", "max_age"),
        ("Bearer max_age=1.5", "max_age"),
        ("Bearer max_age=\"99999999999999999999\"", "max_age"),
        ("Bearer max_age=\"\"", "max_age"),
    ] {
        assert_eq!(read(&[value]), Err(ChallengeError::Param(name)), "{value}");
    }
}

#[test]
fn challenges_are_bounded() {
    let schemes = |count: usize| vec!["Bearer"; count].join(", ");
    assert_eq!(read(&[&schemes(limits::CHALLENGES_MAX)]).unwrap().len(), limits::CHALLENGES_MAX);
    assert_eq!(read(&[&schemes(limits::CHALLENGES_MAX + 1)]), Err(ChallengeError::TooMuch));
    let params = |count: usize| {
        let list: Vec<String> = (0..count).map(|at| format!("p{at}=x")).collect();
        format!("Bearer {}", list.join(","))
    };
    assert!(read(&[&params(limits::CHALLENGE_PARAMS_MAX)]).is_ok());
    assert_eq!(read(&[&params(limits::CHALLENGE_PARAMS_MAX + 1)]), Err(ChallengeError::TooMuch));
    let long = |size: usize| format!("Bearer x=\"{}\"", "a".repeat(size - 11));
    assert!(read(&[&long(limits::CHALLENGE_BYTES_MAX)]).is_ok());
    assert_eq!(read(&[&long(limits::CHALLENGE_BYTES_MAX), "a"]), Err(ChallengeError::TooMuch));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        dpop in any::<bool>(),
        error in proptest::option::of("[ -~]{0,40}"),
        scope in proptest::collection::btree_set("[!#-\\[\\]-~]{1,12}", 0..6),
        uri in proptest::option::of("[ -~]{0,40}"),
        algs in proptest::collection::vec("[A-Z0-9]{1,6}", 0..4),
        max_age_s in proptest::option::of(any::<u64>()),
    ) {
        let scheme = if dpop { Scheme::Dpop } else { Scheme::Bearer };
        let challenge = Challenge {
            error, scope, resource_metadata: uri, algs, max_age_s, ..Challenge::new(scheme)
        };
        let text = challenge.text().unwrap();
        prop_assert_eq!(read(&[&text]).unwrap(), vec![challenge.clone()]);
        let twice = format!("{text}, {text}");
        prop_assert_eq!(read(&[&twice]).unwrap(), vec![challenge.clone(), challenge]);
    }
}
