//! What is issued and recorded, and what the world is told of a refusal.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::world::*;
use super::*;
use crate::grant::{Fault, Memory, Step};
use crate::token::{AccessError, ProofError, TokenHash};

#[tokio::test]
async fn a_hop_token_says_exactly_what_it_has_to() {
    let world = world();
    let root = signed(&root());
    let mut asked = request(1, 2, &root, &KEYS.agent);
    asked.scope = Some("write  read".to_owned());
    asked.traceparent = Some(format!("00-{}-{}-01", "a".repeat(32), "b".repeat(16)));
    let issued = world.ok(&asked).await;
    assert_eq!((issued.scope.as_str(), issued.is_dpop), ("read write", true));
    assert_eq!((issued.expires_in_s, issued.authorization_details.clone()), (300, None));
    let kid = KEYS.sts.public().id().unwrap();
    assert_eq!(part(&issued.token, 0), json!({ "typ": "at+jwt", "alg": "ES256", "kid": kid }));
    let claims = read(&issued.token);
    let txn = claims["txn"].as_str().unwrap();
    let jti = claims["jti"].as_str().unwrap();
    assert!(txn.len() == 22 && jti.len() == 22 && txn != jti, "128 random bits");
    assert_eq!(
        claims,
        json!({
            "iss": STS, "sub": "alice", "aud": uri(2), "client_id": "hop1", "scope": "read write",
            "act": { "iss": STS, "sub": "hop1", "act": { "iss": IDP, "sub": "agent" } },
            "cnf": { "jkt": KEYS.hops[1].public().thumbprint().0 },
            "txn": txn, "pth": TokenHash::of(root.expose()).0, "jti": jti,
            "iat": NOW_S, "exp": NOW_S + 300, "acr": "mfa", "auth_time": NOW_S - 100,
        })
    );
    let record = world.last();
    let scopes: BTreeSet<String> = ["read", "write"].map(str::to_owned).into();
    let checks =
        ["X1", "X2", "X3", "X12", "X9", "X4", "X6", "X7", "X11", "X5", "X8", "X10", "X13", "X14"];
    assert_eq!(
        record,
        Record {
            time_s: NOW_S,
            txn: Some(txn.to_owned()),
            hop: Some(uri(1)),
            actor: Some("hop1".to_owned()),
            depth: Some(1),
            aud: Some(uri(2)),
            requested: scopes.clone(),
            granted: scopes,
            pth: Some(TokenHash::of(root.expose()).0),
            hash: Some(TokenHash::of(issued.token.expose()).0),
            checks: checks.to_vec(),
            lapses: vec![],
            policies: vec!["permit-all".to_owned()],
            code: None,
            configuration: edges(&file()).digest().to_owned(),
            traceparent: asked.traceparent.clone(),
        }
    );
    let again = world.ok(&request(1, 2, &root, &KEYS.agent)).await;
    let again = read(&again.token);
    assert_eq!(again["txn"], claims["txn"], "one grant for one root token");
    assert_ne!(again["jti"], claims["jti"]);
}

#[tokio::test]
async fn the_chain_grows_by_one_actor_at_each_hop_and_the_grant_stays() {
    let world = world();
    let first = world.ok(&first()).await;
    let second = world.ok(&request(2, 3, &first.token, &KEYS.hops[1])).await;
    let (one, two) = (read(&first.token), read(&second.token));
    for name in ["sub", "txn", "acr", "auth_time"] {
        assert_eq!(one[name], two[name], "{name}");
    }
    assert_eq!(two["pth"], json!(TokenHash::of(first.token.expose()).0));
    assert_eq!(two["act"], json!({ "iss": STS, "sub": "hop2", "act": one["act"] }));
    assert_eq!(two["cnf"]["jkt"], json!(KEYS.hops[2].public().thumbprint().0));
    assert_eq!((&two["aud"], &two["client_id"]), (&json!(uri(3)), &json!("hop2")));
}

/// No token, proof, name or assertion is in a record, an error or what prints a request.
#[tokio::test]
async fn t21_records_and_errors_hold_hashes_alone() {
    let world = world();
    let good = first();
    let issued = world.ok(&good).await;
    let mut requests = vec![good];
    let changes: [fn(&mut Request); 5] = [
        |it| it.subject_token_proof = None,
        |it| it.scope = Some("admin".to_owned()),
        |it| it.proof = None,
        |it| it.client_assertion = None,
        |it| it.traceparent = Some("canary-trace".to_owned()),
    ];
    let mut shown = format!("{:?}", world.exchange);
    for change in changes {
        let mut asked = first();
        change(&mut asked);
        if let Err(error) = world.ask(&asked).await {
            shown += &format!("{error} {error:?} {}", error.public_text());
        }
        requests.push(asked);
    }
    for record in world.kept.records.lock().unwrap().iter() {
        shown += &serde_json::to_string(record).unwrap();
    }
    shown += &format!("{requests:?} {issued:?}");
    let secrets = requests.iter().flat_map(|it| {
        [&it.subject_token, &it.subject_token_proof, &it.client_assertion, &it.proof]
    });
    let secrets = secrets.flatten().chain([&issued.token]);
    for part in secrets.flat_map(|secret| secret.expose().split('.').skip(1)) {
        assert!(part.len() > 20 && !shown.contains(part), "a part of a credential is shown");
    }
    let records = serde_json::to_string(&*world.kept.records.lock().unwrap()).unwrap();
    assert!(!records.contains("alice") && !records.contains("canary-trace"));
}

#[tokio::test]
async fn subjects_of_two_issuers_with_one_name_are_two_people() {
    let world = world();
    let alice = read(&world.ok(&first()).await.token);
    let of = |iss: &str, sub: &str| {
        let claims = with(root(), "iss", json!(iss));
        first_of(&with(claims, "sub", json!(sub)))
    };
    let other = read(&world.ok(&of(OTHER_IDP, "alice")).await.token);
    let again = read(&world.ok(&of(OTHER_IDP, "alice")).await.token);
    let bob = read(&world.ok(&of(OTHER_IDP, "bob")).await.token);
    assert_eq!(alice["sub"], json!("alice"));
    assert_eq!(other["sub"], again["sub"], "pairwise, and the same each time");
    assert!(other["sub"] != alice["sub"] && other["sub"] != bob["sub"]);
    assert_eq!(other["sub"].as_str().unwrap().len(), 43);
    let key = |key| Names::new(None, key).of(&Actor { iss: IDP.into(), sub: "alice".into() });
    assert_ne!(key([1; 32]), key([2; 32]));
}

#[tokio::test]
async fn a_request_of_another_form_is_refused() {
    let world = world();
    let changes: [fn(&mut Request); 9] = [
        |it| it.subject_token = None,
        |it| it.subject_token_type = None,
        |it| it.subject_token_type = Some("urn:ietf:params:oauth:token-type:id_token".to_owned()),
        |it| {
            it.requested_token_type =
                Some("urn:ietf:params:oauth:token-type:refresh_token".to_owned());
        },
        |it| it.requested_token_type = Some("urn:ietf:params:oauth:token-type:jwt".to_owned()),
        |it| it.has_audience = true,
        |it| it.resource.clear(),
        |it| it.resource.push(uri(3)),
        |it| it.resource.push(uri(2)),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut asked = first();
        change(&mut asked);
        assert_eq!(world.code(&asked).await, "request-malformed", "{index}");
    }
    let mut asked = first();
    asked.requested_token_type = Some(ID_JAG.to_owned());
    assert_eq!(world.code(&asked).await, "edge-missing", "the edge is of our own domain");
    let mut asked = first();
    asked.requested_token_type = Some(ACCESS_TOKEN.to_owned());
    world.ok(&asked).await;
}

/// What fails refuses; a token whose record may be lost does not leave.
#[tokio::test]
async fn a_store_that_fails_gives_no_token() {
    for step in [Step::Found, Step::Take, Step::Once] {
        for fault in [Fault::Lost, Fault::Applied] {
            let grants = Memory::with_faults(Arc::new(move |it| (it == step).then_some(fault)));
            let world = world_of(&file(), |config| config.grants = Arc::new(grants));
            assert_eq!(world.code(&first()).await, "unavailable", "{step:?} {fault:?}");
        }
    }
    let world = world();
    world.kept.fails.store(true, Ordering::SeqCst);
    let error = world.ask(&first()).await.unwrap_err();
    assert_eq!((error.code(), error.status().as_u16()), ("authz.exchange.unavailable", 503));
    let mut refused = first();
    refused.scope = Some("admin".to_owned());
    let error = world.ask(&refused).await.unwrap_err();
    assert_eq!(error.code(), "authz.exchange.authority-exceeded", "a refusal stays what it is");
}

#[test]
fn what_is_told_outward_is_in_one_table() {
    let of = |error: ExchangeError| {
        (
            error.public_code().strip_prefix("authz.exchange.").unwrap(),
            error.oauth_error(),
            error.status().as_u16(),
            error.retry_s(),
        )
    };
    let refused = ("subject-refused", "invalid_request", 400, None);
    for error in [
        ExchangeError::Subject(AccessError::Issuer),
        ExchangeError::NotForRequester,
        ExchangeError::Holder("x"),
        ExchangeError::HolderProof(ProofError::OtherKey),
        ExchangeError::GrantDead("x"),
    ] {
        assert_eq!(error.public_text(), "the subject token is refused");
        assert_ne!(error.code(), error.public_code());
        assert_eq!(of(error), refused, "X2, X3, X9 and X12 are one");
    }
    for (error, expected) in [
        (ExchangeError::Request("x"), ("request-malformed", "invalid_request", 400, None)),
        (ExchangeError::Client("x"), ("client-unauthenticated", "invalid_client", 401, None)),
        (ExchangeError::Edge("x"), ("edge-missing", "invalid_target", 400, None)),
        (ExchangeError::Authority("x"), ("authority-exceeded", "invalid_scope", 400, None)),
        (
            ExchangeError::Details("x"),
            ("authority-exceeded", "invalid_authorization_details", 400, None),
        ),
        (ExchangeError::Chain("x"), ("actor-chain-invalid", "invalid_request", 400, None)),
        (ExchangeError::Cycle, ("cycle", "invalid_target", 400, None)),
        (ExchangeError::Binding("x"), ("binding-downgrade", "invalid_dpop_proof", 400, None)),
        (ExchangeError::Nonce, ("binding-downgrade", "use_dpop_nonce", 400, None)),
        (ExchangeError::Lifetime, ("lifetime-exhausted", "invalid_request", 400, None)),
        (ExchangeError::Actor("x"), ("actor-mismatch", "invalid_request", 400, None)),
        (
            ExchangeError::Rate { what: "x", retry_s: 7 },
            ("rate-exceeded", "invalid_request", 429, Some(7)),
        ),
        (ExchangeError::Policy("x".into()), ("policy-denied", "invalid_target", 400, None)),
        (
            ExchangeError::unavailable("x", "y"),
            ("unavailable", "temporarily_unavailable", 503, Some(1)),
        ),
    ] {
        assert_ne!(error.public_text(), "the subject token is refused");
        assert_eq!(of(error), expected);
    }
    for error in
        [ExchangeError::Client("it is not known"), ExchangeError::Client("`jti` is missing")]
    {
        assert_eq!(error.public_text(), "the client is not authenticated", "one body before X1");
    }
}

#[test]
fn every_code_has_its_sentence() {
    let source = include_str!("../error.rs");
    for (code, sentence) in CODES {
        assert!(!sentence.is_empty());
        assert_eq!(source.matches(&format!("\"{code}\"")).count(), 2, "{code}");
    }
}
