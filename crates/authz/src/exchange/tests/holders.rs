//! X2, X3, X9, X12: whose token it is. Threats T3, T14, T16.

use serde_json::{Value, json};

use super::world::*;
use super::*;
use crate::token::{Proof, Subject, TokenHash};

const X3: &str = "subject-not-for-requester";
const X9: &str = "holder-unproven";
const X12: &str = "grant-dead";

/// T14: each kind of token at this entrance.
#[tokio::test]
async fn x2_only_an_access_token_of_a_trusted_issuer_is_exchanged() {
    let world = world();
    let typed = |typ: &str, claims: &Value| {
        request(1, 2, &KEYS.idp.sign(typ, claims).unwrap(), &KEYS.agent)
    };
    for typ in [
        "JWT",
        "id_token+jwt",
        "oauth-id-jag+jwt",
        "txntoken+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "client-authentication+jwt",
        "logout+jwt",
    ] {
        assert_eq!(world.code(&typed(typ, &root())).await, "subject-invalid", "{typ}");
    }
    world.ok(&typed("application/at+jwt", &root())).await;
    for (what, token) in [
        ("an assertion", assertion(1)),
        ("a proof", own_proof(1, NOW_S)),
        ("opaque", "0123456789abcdef".into()),
        ("nothing", "".into()),
        ("another's key", KEYS.other_idp.sign("at+jwt", &root()).unwrap()),
        (
            "another issuer",
            KEYS.idp.sign("at+jwt", &with(root(), "iss", json!("https://evil.test"))).unwrap(),
        ),
        (
            "ours, by another's key",
            KEYS.idp.sign("at+jwt", &with(root(), "iss", json!(STS))).unwrap(),
        ),
    ] {
        assert_eq!(
            world.code(&request(1, 2, &token, &KEYS.agent)).await,
            "subject-invalid",
            "{what}"
        );
    }
    for (name, value) in [
        ("exp", json!(NOW_S - 301)),
        ("exp", json!(1.8e9 + 0.5)),
        ("nbf", json!(NOW_S + 301)),
        ("sub", Value::Null),
        ("client_id", Value::Null),
        ("cnf", json!({ "kid": "x" })),
    ] {
        let asked = first_of(&with(root(), name, value.clone()));
        assert_eq!(world.code(&asked).await, "subject-invalid", "{name} {value}");
    }
}

/// T3: a token is exchanged by the one server that it is for.
#[tokio::test]
async fn x3_a_token_of_another_hop_is_refused() {
    let world = world();
    let root_token = signed(&root());
    let mut stolen = request(2, 3, &root_token, &KEYS.agent);
    stolen.subject_token_proof = Some(relay(&KEYS.agent, 1, &root_token, NOW_S));
    assert_eq!(world.code(&stolen).await, X3, "hop 2 presents hop 1's token");
    let hop2 = world.ok(&first()).await.token;
    assert_eq!(world.code(&request(1, 2, &hop2, &KEYS.hops[1])).await, X3, "its own, for the next");
    assert_eq!(world.code(&request(3, 4, &hop2, &KEYS.hops[1])).await, X3);
    for aud in [
        json!([uri(1), uri(2)]),
        json!([uri(1), uri(1)]),
        json!([]),
        json!(uri(2)),
        json!(format!("{}/", uri(1))),
        json!("https://HOP1.a.test/mcp"),
        json!("https://hop1.a.test:443/mcp"),
        json!("https://hop1.a.test/"),
        json!("hop1"),
        Value::Null,
    ] {
        assert_eq!(world.code(&first_of(&with(root(), "aud", aud.clone()))).await, X3, "{aud}");
    }
    world.ok(&first_of(&with(root(), "aud", json!([uri(1)])))).await;
}

#[tokio::test]
async fn x3_the_audience_is_what_the_issuer_stamps_where_that_is_configured() {
    let mut file = file();
    file["servers"][0]["audience"] = json!("1b4e28ba-2fa1-11d2-883f-0016d3cca427");
    let world = world_of(&file, |_| ());
    assert_eq!(world.code(&first()).await, X3);
    world.ok(&first_of(&with(root(), "aud", file["servers"][0]["audience"].clone()))).await;
}

/// T3, T9: who has the token and not its key gets nothing; nor does a hop that was not called.
#[tokio::test]
async fn x9_the_holder_called_this_hop_with_this_token_just_now() {
    let world = world();
    let token = signed(&root());
    let ask = |proof: Option<Secret>| Request {
        subject_token_proof: proof,
        ..request(1, 2, &token, &KEYS.agent)
    };
    let hash = TokenHash::of(token.expose());
    let other = TokenHash::of(signed(&root()).expose());
    let make = |signer: &Signer, method: &str, uri: &str, hash: Option<&TokenHash>, now_s| {
        Some(Proof::make(signer, method, uri, hash, None, now_s).unwrap())
    };
    let agent = &KEYS.agent;
    let used = relay(agent, 1, &token, NOW_S);
    world.ok(&ask(Some(used.clone()))).await;
    for (what, proof) in [
        ("none", None),
        ("the thief's key", make(&KEYS.hops[1], "POST", &uri(1), Some(&hash), NOW_S)),
        ("another method", make(agent, "GET", &uri(1), Some(&hash), NOW_S)),
        ("another hop", make(agent, "POST", &uri(2), Some(&hash), NOW_S)),
        ("another token", make(agent, "POST", &uri(1), Some(&other), NOW_S)),
        ("no token", make(agent, "POST", &uri(1), None, NOW_S)),
        ("61 s ago", make(agent, "POST", &uri(1), Some(&hash), NOW_S - 61)),
        ("in 61 s", make(agent, "POST", &uri(1), Some(&hash), NOW_S + 61)),
        ("used", Some(used.clone())),
        ("the token itself", Some(token.clone())),
    ] {
        assert_eq!(world.code(&ask(proof)).await, X9, "{what}");
    }
    for now_s in [NOW_S - 60, NOW_S + 60] {
        world.ok(&ask(make(agent, "POST", &uri(1), Some(&hash), now_s))).await;
    }
    // A nonce of ours says that it is of now, whatever the client's clock says.
    let nonces = Nonces::new([7; 32]);
    let nonced = |nonce: String| {
        Some(Proof::make(agent, "POST", &uri(1), Some(&hash), Some(&nonce), 7).unwrap())
    };
    world.ok(&ask(nonced(nonces.issue(NOW_S - 60)))).await;
    assert_eq!(world.code(&ask(nonced(nonces.issue(NOW_S - 61)))).await, X9);
    assert_eq!(world.code(&ask(nonced(Nonces::new([8; 32]).issue(NOW_S)))).await, X9);
}

#[tokio::test]
async fn x9_one_proof_serves_each_target_once() {
    let mut file = file();
    file["edges"].as_array_mut().unwrap().push(edge(1, 3, &json!({ "read": ["read"] })));
    let world = world_of(&file, |_| ());
    let token = signed(&root());
    let proof = relay(&KEYS.agent, 1, &token, NOW_S);
    let to = |hop| Request {
        subject_token_proof: Some(proof.clone()),
        ..request(1, hop, &token, &KEYS.agent)
    };
    world.ok(&to(2)).await;
    world.ok(&to(3)).await;
    assert_eq!(world.code(&to(2)).await, X9);
    assert_eq!(world.code(&to(3)).await, X9);
}

#[tokio::test]
async fn x9_an_edge_may_refuse_bound_tokens_or_take_their_audience_for_enough() {
    let mode = |word: &str| {
        let mut file = file();
        file["edges"][0]["bound_subject"] = json!(word);
        world_of(&file, |_| ())
    };
    assert_eq!(mode("refuse").code(&first()).await, X9);
    let unproven = || Request { subject_token_proof: None, ..first() };
    let world = mode("audience_only");
    world.ok(&unproven()).await;
    assert_eq!(world.last().lapses, ["audience-only"], "recorded each time");
    let x5t = with(root(), "cnf", json!({ "x5t#S256": TokenHash::of("a certificate").0 }));
    assert_eq!(mode("relay").code(&first_of(&x5t)).await, X9, "nothing to relay");
    assert_eq!(mode("refuse").code(&first_of(&x5t)).await, X9);
    world.ok(&first_of(&x5t)).await;
}

/// T16: what was revoked, or ended by an event, is exchanged no more; nor do its descendants live on.
#[tokio::test]
async fn x12_a_dead_grant_gives_nothing_to_any_hop() {
    let world = world();
    let root_token = signed(&root());
    let child = world.ok(&request(1, 2, &root_token, &KEYS.agent)).await.token;
    let txn = read(&child)["txn"].as_str().unwrap().to_owned();
    world.grants.revoke(&txn, "asked", NOW_S).await.unwrap();
    assert_eq!(world.code(&request(1, 2, &root_token, &KEYS.agent)).await, X12, "no second grant");
    assert_eq!(world.code(&request(2, 3, &child, &KEYS.hops[1])).await, X12);
    assert!(!world.last().checks.contains(&"X9"), "before the proof is looked at");
    let unproven = Request { subject_token_proof: None, ..request(2, 3, &child, &KEYS.hops[1]) };
    assert_eq!(world.code(&unproven).await, X12);
    world.ok(&first()).await;
}

#[tokio::test]
async fn x12_an_event_ends_what_was_issued_before_it_and_nothing_newer() {
    let world = world();
    let alice = Subject { iss: IDP.to_owned(), sub: "alice".to_owned() };
    let at = |issued_s: u64| first_of(&with(root(), "iat", json!(issued_s)));
    let child = world.ok(&at(NOW_S - 100)).await.token;
    world.grants.end_before(&alice, NOW_S - 50).await.unwrap();
    assert_eq!(world.code(&request(2, 3, &child, &KEYS.hops[1])).await, X12);
    assert_eq!(world.code(&at(NOW_S - 51)).await, X12);
    assert_eq!(world.code(&at(NOW_S - 50)).await, X12, "issued in the second of the event");
    assert_eq!(
        world.code(&first_of(&with(root(), "iat", Value::Null))).await,
        X12,
        "no `iat` is 0"
    );
    world.ok(&at(NOW_S - 49)).await;
    let bob = with(root(), "sub", json!("bob"));
    world.ok(&first_of(&with(bob, "iat", json!(NOW_S - 100)))).await;
    let other = with(root(), "iss", json!(OTHER_IDP));
    world.ok(&first_of(&with(other, "iat", json!(NOW_S - 100)))).await;
    // A clock that runs ahead at the provider does not carry a token over a later event.
    let ahead = at(NOW_S + 200);
    let child = world.ok(&ahead).await.token;
    world.grants.end_before(&alice, NOW_S).await.unwrap();
    assert_eq!(world.code(&request(2, 3, &child, &KEYS.hops[1])).await, X12);
}

#[tokio::test]
async fn x12_a_token_of_ours_belongs_to_the_grant_that_it_names() {
    let world = world();
    let claims = with(root(), "iss", json!(STS));
    let claims = with(claims, "act", json!({ "iss": STS, "sub": "hop7" }));
    let ours =
        |claims: &Value| request(1, 2, &KEYS.sts.sign("at+jwt", claims).unwrap(), &KEYS.agent);
    assert_eq!(world.code(&ours(&claims)).await, X12, "none");
    assert_eq!(world.code(&ours(&with(claims.clone(), "txn", json!("unknown")))).await, X12);
    // What we would never issue: of ours, without a chain.
    let child = world.ok(&first()).await.token;
    let chainless = with(claims.clone(), "txn", read(&child)["txn"].clone());
    let chainless = with(chainless, "act", Value::Null);
    assert_eq!(world.code(&ours(&chainless)).await, "actor-chain-invalid");
    // A `txn` of another issuer says nothing: the token founds a grant of its own.
    let foreign = world.ok(&first_of(&with(root(), "txn", json!("theirs")))).await;
    assert_ne!(read(&foreign.token)["txn"], json!("theirs"));
}
