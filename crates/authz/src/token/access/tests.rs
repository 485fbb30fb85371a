//! Access tokens: G2 to G7, each claim changed in turn.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::token::tests::fixture::{
    KEYS, LAX, NOW_S, OWN, RESOURCE, STRICT, claims, token, verifier, with,
};

const EACH: [&str; 3] = [OWN, STRICT, LAX];

fn verify(iss: &str, claims: &Value) -> Result<Access, AccessError> {
    verifier().verify(&token(iss, claims), NOW_S)
}

fn with_claim(iss: &str, name: &str, value: &Value) -> Result<Access, AccessError> {
    verify(iss, &with(iss, name, value.clone()))
}

#[test]
fn a_token_says_who_it_is_for_and_what_it_allows() {
    for iss in EACH {
        let text = token(iss, &claims(iss));
        let access = verifier().verify(&text, NOW_S).unwrap();
        assert_eq!(access.subject, Subject { iss: iss.to_owned(), sub: "user".to_owned() });
        assert_eq!((access.client_id.as_str(), access.audience.as_str()), ("agent", RESOURCE));
        assert_eq!(access.scopes, ["files:read", "files:write"].map(str::to_owned).into());
        assert_eq!((access.issued_s, access.expires_s), (NOW_S - 10, NOW_S + 200));
        assert_eq!(access.hash, TokenHash::of(&text));
        assert!(access.actors.is_empty() && access.details.is_empty());
        assert!(access.confirmation.is_none() && access.may_act.is_none() && access.txn.is_none());
    }
}

#[test]
fn g2_an_issuer_is_compared_byte_for_byte() {
    for iss in [
        json!(null),
        json!("https://sts.a.test/"),
        json!("https://STS.a.test"),
        json!("https://sts.a.test:443"),
        json!("http://sts.a.test"),
        json!("https://evil.test"),
        json!(["https://sts.a.test"]),
        json!({"a": 1}),
    ] {
        assert_eq!(with_claim(OWN, "iss", &iss), Err(AccessError::Issuer), "{iss}");
    }
}

#[test]
fn g5_times_are_whole_seconds_and_now() {
    let over = Err(AccessError::Time("it has expired"));
    let (later, future) =
        (AccessError::Time("it is not valid yet"), AccessError::Time("it is issued in the future"));
    // Our own clocks may differ by 30 seconds, others' by 300.
    for (iss, skew_s) in [(OWN, 30), (STRICT, 300), (LAX, 300)] {
        assert!(with_claim(iss, "exp", &json!(NOW_S - skew_s + 1)).is_ok());
        assert_eq!(with_claim(iss, "exp", &json!(NOW_S - skew_s)), over);
        for (name, error) in [("nbf", &later), ("iat", &future)] {
            assert!(with_claim(iss, name, &json!(NOW_S + skew_s)).is_ok(), "{iss} {name}");
            let refused = with_claim(iss, name, &json!(NOW_S + skew_s + 1));
            assert_eq!(refused.as_ref(), Err(error), "{iss} {name}");
        }
        for name in ["exp", "nbf", "iat"] {
            let good = if name == "exp" { NOW_S + 100 } else { NOW_S - 100 };
            for value in [
                json!(1_795_600_100.5),
                json!(good.to_string()),
                json!([good]),
                json!({"a": good}),
                json!(true),
                json!(-1),
            ] {
                let refused = with_claim(iss, name, &value);
                assert_eq!(refused, Err(AccessError::Time("no whole seconds")), "{name} {value}");
            }
        }
    }
    assert_eq!(with_claim(OWN, "exp", &Value::Null), Err(AccessError::Time("it never expires")));
    assert_eq!(with_claim(OWN, "iat", &Value::Null).unwrap().issued_s, 0);
    assert!(with_claim(OWN, "exp", &json!((1_u64 << 53) - 1)).is_ok(), "no overflow");
}

#[test]
fn g6_t2_exactly_one_audience_that_is_ours() {
    let hop2 = "https://hop2.a.test/mcp";
    for iss in EACH {
        assert!(with_claim(iss, "aud", &json!([RESOURCE])).is_ok(), "a list of one is one");
        for aud in [
            json!(null),
            json!(hop2),
            json!([RESOURCE, hop2]),
            json!([hop2, RESOURCE]),
            json!([RESOURCE, RESOURCE]),
            json!([RESOURCE, 1]),
            json!([[RESOURCE]]),
            json!([]),
            json!(""),
            json!({ RESOURCE: true }),
            json!(1),
            json!(true),
            json!("https://hop1.a.test"),
            json!("https://hop1.a.test/"),
            json!("https://hop1.a.test/mc"),
            json!("https://hop1.a.test/mcp2"),
            json!("https://hop1.a.test/mcp/"),
            json!("https://hop1.a.test/mcp/sub"),
            json!("https://hop1.a.test/MCP"),
            json!("https://HOP1.a.test/mcp"),
            json!("HTTPS://hop1.a.test/mcp"),
            json!("https://hop1.a.test:443/mcp"),
            json!("https://hop1.a.test:8443/mcp"),
            json!("http://hop1.a.test/mcp"),
            json!("https://hop1.a.test/mcp?"),
            json!("https://hop1.a.test/mcp#"),
            json!(" https://hop1.a.test/mcp"),
            json!("https://hop1.a.test/mcp https://hop2.a.test/mcp"),
            json!("*"),
        ] {
            assert_eq!(with_claim(iss, "aud", &aud), Err(AccessError::Audience), "{iss} {aud}");
        }
    }
}

/// The three issuers' tokens for either of two servers, shown at both.
#[test]
fn t2_a_token_is_good_at_one_server_alone() {
    let servers = [RESOURCE, "https://hop2.a.test/mcp"];
    for iss in EACH {
        for at in servers {
            for target in servers {
                let verifier = Verifier { audience: at.to_owned(), ..verifier() };
                let text = token(iss, &with(iss, "aud", json!(target)));
                assert_eq!(verifier.verify(&text, NOW_S).is_ok(), at == target);
            }
        }
    }
}

#[test]
fn g7_bound_in_one_way_that_is_understood_or_not_at_all() {
    let jkt = KEYS.own.public().thumbprint();
    let bound = with_claim(OWN, "cnf", &json!({"jkt": jkt.0})).unwrap().confirmation;
    assert_eq!(bound, Some(Confirmation::Jkt(jkt.clone())));
    let bound = with_claim(OWN, "cnf", &json!({"x5t#S256": jkt.0})).unwrap().confirmation;
    assert_eq!(bound, Some(Confirmation::X5t(jkt.0.clone())));
    for cnf in [
        json!({}),
        json!("jkt"),
        json!([{"jkt": jkt.0}]),
        json!({"jkt": ""}),
        json!({"jkt": [jkt.0]}),
        json!({"jkt": format!("{}=", jkt.0)}),
        json!({"jkt": &jkt.0[1..]}),
        json!({"jkt": jkt.0, "x5t#S256": jkt.0}),
        json!({"jkt": jkt.0, "kid": "a"}),
        json!({"jwk": KEYS.own.public().jwk()}),
        json!({"kid": "a"}),
        json!({"jku": "https://evil.test"}),
        json!({"JKT": jkt.0}),
    ] {
        let refused = with_claim(OWN, "cnf", &cnf);
        assert_eq!(refused, Err(AccessError::Confirmation), "{cnf}");
    }
    // `null` is no absence: another parser may see a token that is bound to nothing.
    let mut null = claims(OWN);
    null["cnf"] = Value::Null;
    assert_eq!(verify(OWN, &null), Err(AccessError::Confirmation));
}

#[test]
fn names_are_texts_that_are_there_and_bounded() {
    let long = "a".repeat(limits::NAME_BYTES_MAX + 1);
    for (name, error) in
        [("sub", AccessError::Claim("sub")), ("client_id", AccessError::Claim("client_id"))]
    {
        assert!(with_claim(OWN, name, &json!(long[1..])).is_ok());
        for value in [json!(null), json!(""), json!(7), json!(["a"]), json!(long)] {
            assert_eq!(with_claim(OWN, name, &value), Err(error.clone()), "{name} {value}");
        }
    }
    let text = with(OWN, "client_id", json!(null));
    let mut other = text.clone();
    other["azp"] = json!("agent");
    assert_eq!(
        verify(OWN, &other).unwrap().client_id,
        "agent",
        "the second claim that may name it"
    );
}

#[test]
fn a_transaction_is_our_own_issuers_word_alone() {
    assert_eq!(with_claim(OWN, "txn", &json!("t")).unwrap().txn.as_deref(), Some("t"));
    assert_eq!(with_claim(STRICT, "txn", &json!("t")).unwrap().txn, None);
}

#[test]
fn scopes_are_a_list_in_a_text_or_an_array() {
    let mut verifier = verifier();
    for issuer in &mut verifier.issuers {
        issuer.scope_claim = "scp".to_owned();
    }
    for (scp, read) in [
        (json!("a b"), Some(2)),
        (json!(["a", "b"]), Some(2)),
        (json!(["a", 1]), None),
        (json!(["a b"]), None),
        (json!("a\tb"), None),
        (json!({}), None),
        (json!(1), None),
    ] {
        let access = verifier.verify(&token(OWN, &with(OWN, "scp", scp.clone())), NOW_S);
        assert_eq!(access.map(|access| access.scopes.len()).ok(), read, "{scp}");
    }
    let access = verifier.verify(&token(OWN, &claims(OWN)), NOW_S);
    assert!(access.unwrap().scopes.is_empty(), "`scope` is not this issuer's claim");
}

/// `act` of `levels` levels.
fn chain(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, level| match inner {
        Value::Null => json!({"sub": level.to_string()}),
        inner => json!({"sub": level.to_string(), "iss": "https://a.test", "act": inner}),
    })
}

#[test]
fn x6_t7_a_chain_of_actors_is_one_at_each_level() {
    let act =
        json!({"sub": "hop1", "exp": 7, "more": {"x": 1}, "act": {"sub": "agent", "iss": STRICT}});
    let actors = with_claim(OWN, "act", &act).unwrap().actors;
    let actor = |iss: &str, sub: &str| Actor { iss: iss.to_owned(), sub: sub.to_owned() };
    assert_eq!(
        actors,
        [actor(OWN, "hop1"), actor(STRICT, "agent")],
        "newest first, `iss` by default"
    );
    for act in [
        json!("hop1"),
        json!([]),
        json!([{"sub": "hop1"}]),
        json!({}),
        json!({"iss": OWN}),
        json!({"sub": ""}),
        json!({"sub": 1}),
        json!({"sub": "a", "iss": ""}),
        json!({"sub": "a", "iss": null}),
        json!({"sub": "a", "act": null}),
        json!({"sub": "a", "act": "b"}),
        json!({"sub": "a", "act": {"iss": "b"}}),
        json!({"sub": "a".repeat(limits::NAME_BYTES_MAX + 1)}),
    ] {
        let refused = with_claim(OWN, "act", &act);
        assert!(matches!(refused, Err(AccessError::Actors(_))), "{act} {refused:?}");
    }
    let mut null = claims(OWN);
    null["act"] = Value::Null;
    assert!(matches!(verify(OWN, &null), Err(AccessError::Actors(_))));
    let levels_max = usize::from(limits::DEPTH_MAX) + 1;
    assert_eq!(with_claim(OWN, "act", &chain(levels_max)).unwrap().actors.len(), levels_max);
    let deep = with_claim(OWN, "act", &chain(levels_max + 1));
    assert_eq!(deep, Err(AccessError::Actors("it is too deep")));
}

#[test]
fn x6_t7_a_chain_is_bounded_in_bytes() {
    // Of what is dropped too: a token that is mostly `act` is an attack on whoever keeps it.
    let act = |size: usize| {
        let bare = r#"{"more":"","sub":"a"}"#.len();
        json!({"sub": "a", "more": "x".repeat(size - bare)})
    };
    let result = |size| with_claim(OWN, "act", &act(size));
    assert!(result(limits::ACT_BYTES_MAX).is_ok());
    let large = result(limits::ACT_BYTES_MAX + 1);
    assert_eq!(large, Err(AccessError::Actors("it is too large")));
}

#[test]
fn who_may_act_has_a_name() {
    let may_act = with_claim(OWN, "may_act", &json!({"sub": "hop1"})).unwrap().may_act;
    assert_eq!(may_act, Some(Actor { iss: OWN.to_owned(), sub: "hop1".to_owned() }));
    for value in
        [json!("hop1"), json!({}), json!({"sub": ""}), json!([]), json!({"client_id": "a"})]
    {
        let refused = with_claim(OWN, "may_act", &value);
        assert_eq!(refused, Err(AccessError::Claim("may_act")), "{value}");
    }
}

#[test]
fn details_are_of_the_one_type_that_is_understood() {
    let detail = json!({
        "type": "mcp_tool", "server": RESOURCE, "tool": "read",
        "arguments": {"path": {"enum": ["a", "b"]}, "mode": {"const": 1}},
    });
    let bare = json!({"type": "mcp_tool", "server": RESOURCE, "tool": "read"});
    let list = json!([detail, bare]);
    let read = with_claim(OWN, "authorization_details", &list).unwrap().details;
    assert_eq!(Value::Array(read.iter().map(Detail::to_value).collect()), list);
    let changed = |name: &str, value: Value| {
        let mut detail = detail.clone();
        detail[name] = value;
        json!([detail])
    };
    for list in [
        detail.clone(),
        json!(["mcp_tool"]),
        json!([{"type": "payment", "amount": 1}, bare]),
        changed("type", json!(null)),
        changed("server", json!("")),
        changed("tool", json!(1)),
        changed("actions", json!(["read"])),
        changed("arguments", json!([])),
        changed("arguments", json!({"path": "a"})),
        changed("arguments", json!({"path": {"enum": []}})),
        changed("arguments", json!({"path": {"enum": "a"}})),
        changed("arguments", json!({"path": {"pattern": "a"}})),
        changed("arguments", json!({"path": {"enum": ["a"], "const": "b"}})),
    ] {
        let refused = with_claim(OWN, "authorization_details", &list);
        assert_eq!(refused, Err(AccessError::Claim("authorization_details")), "{list}");
    }
    let many = |count| Detail::parse(&json!(vec![bare.clone(); count]));
    assert_eq!(many(limits::DETAILS_MAX).unwrap().len(), limits::DETAILS_MAX);
    assert!(many(limits::DETAILS_MAX + 1).is_err());
}

#[test]
fn how_the_person_signed_in_is_read_strictly() {
    let access = verify(OWN, &with(OWN, "acr", json!("urn:mfa"))).unwrap();
    assert_eq!(access.acr.as_deref(), Some("urn:mfa"));
    assert_eq!(with_claim(OWN, "auth_time", &json!(7)).unwrap().auth_time_s, Some(7));
    for (name, value) in [("acr", json!(1)), ("auth_time", json!("7")), ("auth_time", json!(7.5))] {
        assert_eq!(with_claim(OWN, name, &value).unwrap_err(), AccessError::Claim(name));
    }
}

#[test]
fn a_token_is_bounded() {
    let padded = |size: usize| {
        let bare = token(OWN, &with(OWN, "x", json!(""))).len();
        (0..).map(|more| (size - bare) * 3 / 4 + more - 4).find_map(|fill: usize| {
            let text = token(OWN, &with(OWN, "x", json!("x".repeat(fill))));
            (text.len() >= size).then_some(text)
        })
    };
    let at_limit = padded(limits::TOKEN_CHARS_MAX).unwrap();
    assert_eq!(at_limit.len(), limits::TOKEN_CHARS_MAX);
    assert!(verifier().verify(&at_limit, NOW_S).is_ok());
    let past = verifier().verify(&padded(limits::TOKEN_CHARS_MAX + 1).unwrap(), NOW_S);
    assert_eq!(past, Err(AccessError::Malformed(JwtError::TooLong)));
}
