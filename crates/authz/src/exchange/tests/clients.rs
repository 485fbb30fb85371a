//! X1 and X8: who asks, and what the new token is bound to. Threats T9, T10.

use serde_json::{Value, json};

use super::world::*;
use super::*;
use crate::limits;
use crate::token::{Algorithm, Proof, TokenHash};

const X1: &str = "client-unauthenticated";
const X8: &str = "binding-downgrade";

fn asserted(claims: &Value) -> Request {
    let mut asked = first();
    asked.client_assertion = Some(KEYS.hops[1].sign("JWT", claims).unwrap());
    asked
}

#[tokio::test]
async fn x1_an_assertion_is_the_clients_for_us_now_and_once() {
    let world = world();
    let good = || assertion_claims(1);
    for (name, value) in [
        ("sub", json!("hop2")),
        ("sub", Value::Null),
        ("iss", json!("hop9x")),
        ("iss", Value::Null),
        ("aud", json!(ENDPOINT)),
        ("aud", json!([STS, ENDPOINT])),
        ("aud", json!(format!("{STS}/"))),
        ("aud", Value::Null),
        ("jti", Value::Null),
        ("jti", json!("")),
        ("jti", json!("j".repeat(limits::JTI_BYTES_MAX + 1))),
        ("exp", Value::Null),
        ("exp", json!("1")),
        ("exp", json!(NOW_S - limits::SKEW_S_MAX)),
        ("exp", json!(NOW_S + limits::ASSERTION_LIFE_S_MAX + 1)),
        ("iat", json!(NOW_S + limits::SKEW_S_MAX + 1)),
        ("nbf", json!(NOW_S + limits::SKEW_S_MAX + 1)),
        ("iat", json!(0.5)),
    ] {
        let asked = asserted(&with(good(), name, value.clone()));
        assert_eq!(world.code(&asked).await, X1, "{name} {value}");
    }
    for (name, value) in [
        ("aud", json!([STS])),
        ("jti", json!("j".repeat(limits::JTI_BYTES_MAX))),
        ("exp", json!(NOW_S - limits::SKEW_S_MAX + 1)),
        ("exp", json!(NOW_S + limits::ASSERTION_LIFE_S_MAX)),
        ("iat", json!(NOW_S + limits::SKEW_S_MAX)),
    ] {
        world.ok(&asserted(&with(good(), name, value))).await;
    }
    let claims = good();
    world.ok(&asserted(&claims)).await;
    assert_eq!(world.code(&asserted(&claims)).await, X1, "its `jti` was used");
    let mut other = with(assertion_claims(2), "jti", claims["jti"].clone());
    other["exp"] = claims["exp"].clone();
    let mut asked = first();
    asked.client_assertion = Some(KEYS.hops[2].sign("JWT", &other).unwrap());
    assert_ne!(world.code(&asked).await, X1, "one client's names are not another's");
}

#[tokio::test]
async fn x1_a_client_without_a_key_of_its_own_is_none() {
    let world = world();
    let claims = || assertion_claims(1);
    let as_client = |token: Secret| Request { client_assertion: Some(token), ..first() };
    let signer = &KEYS.hops[1];
    for (what, asked) in [
        ("no assertion", Request { client_assertion: None, ..first() }),
        (
            "only a name",
            Request { client_assertion: None, client_id: Some("hop1".to_owned()), ..first() },
        ),
        ("another's key", as_client(KEYS.hops[2].sign("JWT", &claims()).unwrap())),
        ("a key it brings", as_client(signer.sign_with_jwk("JWT", &claims()).unwrap())),
        ("another's name", Request { client_id: Some("hop2".to_owned()), ..first() }),
        ("an access token", as_client(signer.sign("at+jwt", &claims()).unwrap())),
        ("a proof", as_client(signer.sign("dpop+jwt", &claims()).unwrap())),
        ("no token at all", as_client("client_secret".into())),
        ("the subject token", as_client(signed(&root()))),
    ] {
        assert_eq!(world.code(&asked).await, X1, "{what}");
    }
    for typ in ["JWT", "client-authentication+jwt"] {
        world.ok(&as_client(signer.sign(typ, &claims()).unwrap())).await;
    }
    world.ok(&Request { client_id: Some("hop1".to_owned()), ..first() }).await;
    let id = world.exchange.authenticate(&first(), ENDPOINT, NOW_S).await.unwrap();
    assert_eq!(id, "hop1");
}

/// A client of a metadata document says who it is by its proofs.
#[tokio::test]
async fn x1_a_client_of_a_document_proves_one_of_its_keys() {
    let url = "https://client.test/me.json";
    let document = |change: fn(&mut Value)| {
        let jwks = KeySet(vec![KEYS.hops[1].public().clone()]).jwks();
        let mut value = json!({ "client_id": "https://client.test/me.json", "jwks": jwks });
        change(&mut value);
        Client::from_document("https://client.test/me.json", value.to_string().as_bytes())
    };
    let refused: [fn(&mut Value); 7] = [
        |it| it["client_id"] = json!("https://client.test/other.json"),
        |it| drop(it.as_object_mut().unwrap().remove("jwks")),
        |it| it["jwks"] = json!({ "keys": [] }),
        |it| it["jwks"] = json!([]),
        |it| it["token_endpoint_auth_method"] = json!("none"),
        |it| it["token_endpoint_auth_method"] = json!("client_secret_basic"),
        |it| it["token_endpoint_auth_method"] = json!(7),
    ];
    for (index, change) in refused.into_iter().enumerate() {
        assert!(document(change).is_err(), "{index}");
    }
    let client =
        document(|it| it["token_endpoint_auth_method"] = json!("private_key_jwt")).unwrap();
    let mut file = file();
    file["servers"][0]["client"] = json!(url);
    file["edges"][0]["client"] = json!(url);
    let world = world_of(&file, |config| {
        config.clients.add(client);
    });
    let by_proof = |proof: Option<Secret>| Request {
        client_assertion: None,
        client_id: Some(url.to_owned()),
        proof,
        ..first()
    };
    let issued = world.ok(&by_proof(Some(own_proof(1, NOW_S)))).await;
    assert_eq!(read(&issued.token)["client_id"], json!(url));
    assert_eq!(read(&issued.token)["cnf"]["jkt"], json!(KEYS.hops[1].public().thumbprint().0));
    let used = own_proof(1, NOW_S);
    world.ok(&by_proof(Some(used.clone()))).await;
    for (what, proof) in [
        ("none", None),
        ("another's", Some(own_proof(2, NOW_S))),
        ("used", Some(used)),
        ("old", Some(own_proof(1, NOW_S - 301))),
        (
            "for another place",
            Some(Proof::make(&KEYS.hops[1], "POST", STS, None, None, NOW_S).unwrap()),
        ),
    ] {
        assert_eq!(world.code(&by_proof(proof)).await, X1, "{what}");
    }
    let client = document(|_| ()).unwrap();
    let strict = world_of(&file, |config| {
        config.clients.add(client);
        config.needs_nonce = true;
    });
    let error = strict.ask(&by_proof(Some(own_proof(1, NOW_S)))).await.unwrap_err();
    assert_eq!(error.oauth_error(), "use_dpop_nonce", "whoever has its key is told");
    let error = strict.ask(&by_proof(Some(own_proof(2, NOW_S)))).await.unwrap_err();
    assert_eq!(error.oauth_error(), "invalid_client", "and nobody else");
    let nonce = Nonces::new([7; 32]).issue(NOW_S);
    let nonced = Proof::make(&KEYS.hops[1], "POST", ENDPOINT, None, Some(&nonce), NOW_S).unwrap();
    strict.ok(&by_proof(Some(nonced))).await;
}

/// T9: whatever the parent is bound to, the child is bound to who asks.
#[tokio::test]
async fn x8_without_a_proof_of_its_own_nobody_gets_a_token() {
    let world = world();
    let (mut unbound, mut bound) = (file(), first());
    unbound["edges"][0]["assurance"] = json!({ "bound": false });
    bound.proof = None;
    assert_eq!(world.code(&bound).await, X8, "T9: bound in, no proof");
    let lax = world_of(&unbound, |_| ());
    let mut asked = first_of(&with(root(), "cnf", Value::Null));
    asked.subject_token_proof = None;
    asked.proof = None;
    assert_eq!(lax.code(&asked).await, X8, "not even of a parent that is a bearer token");
    asked.proof = Some(own_proof(1, NOW_S));
    asked.client_assertion = Some(assertion(1));
    let issued = lax.ok(&asked).await;
    assert!(issued.is_dpop && read(&issued.token)["cnf"]["jkt"].is_string());
    assert_eq!(lax.last().lapses, ["unbound-subject"]);
}

/// T10: each claim of the proof changed in turn; a relayed proof is no proof of one's own.
#[tokio::test]
async fn x8_a_proof_is_for_this_service_now_and_once() {
    let world = world();
    let signer = &KEYS.hops[1];
    let make = |method, uri, now_s| Proof::make(signer, method, uri, None, None, now_s).unwrap();
    let root = signed(&root());
    let hash = TokenHash::of(root.expose());
    let used = own_proof(1, NOW_S);
    world.ok(&Request { proof: Some(used.clone()), ..first() }).await;
    for (what, proof) in [
        ("method", make("GET", ENDPOINT, NOW_S)),
        ("place", make("POST", "https://sts.a.test/revoke", NOW_S)),
        ("old", make("POST", ENDPOINT, NOW_S - 301)),
        ("future", make("POST", ENDPOINT, NOW_S + 301)),
        (
            "relayed as own",
            Proof::make(&KEYS.agent, "POST", &uri(1), Some(&hash), None, NOW_S).unwrap(),
        ),
        ("own as relayed would be", relay(signer, 1, &root, NOW_S)),
        ("another type", signer.sign_with_jwk("JWT", &json!({})).unwrap()),
        ("used", used),
        ("none at all", "x".into()),
    ] {
        assert_eq!(world.code(&Request { proof: Some(proof), ..first() }).await, X8, "{what}");
    }
    for now_s in [NOW_S - 300, NOW_S + 300] {
        world.ok(&Request { proof: Some(make("POST", ENDPOINT, now_s)), ..first() }).await;
    }
    for (proof, why) in [
        (make("POST", ENDPOINT, NOW_S - 301), "not of now"),
        (make("POST", "https://sts.a.test/revoke", NOW_S), "not for this service"),
    ] {
        let error = world.ask(&Request { proof: Some(proof), ..first() }).await.unwrap_err();
        assert!(error.public_text().contains(why), "{error}");
    }
    let eddsa = Signer::generate(Algorithm::EdDsa).unwrap();
    let proof = Proof::make(&eddsa, "POST", ENDPOINT, None, None, NOW_S).unwrap();
    let issued = world.ok(&Request { proof: Some(proof), ..first() }).await;
    assert_eq!(read(&issued.token)["cnf"]["jkt"], json!(eddsa.public().thumbprint().0));
}

#[tokio::test]
async fn x8_where_a_nonce_is_needed_it_has_to_be_ours_and_heals_a_wrong_clock() {
    let nonces = Nonces::new([7; 32]);
    let make = |nonce: Option<&str>, now_s| Request {
        proof: Some(Proof::make(&KEYS.hops[1], "POST", ENDPOINT, None, nonce, now_s).unwrap()),
        ..first()
    };
    let strict = world_of(&file(), |config| config.needs_nonce = true);
    let foreign = Nonces::new([8; 32]).issue(NOW_S);
    for nonce in [None, Some(foreign.as_str()), Some(nonces.issue(NOW_S - 301).as_str())] {
        let error = strict.ask(&make(nonce, NOW_S)).await.unwrap_err();
        assert_eq!(error.oauth_error(), "use_dpop_nonce", "{nonce:?}");
    }
    strict.ok(&make(Some(&nonces.issue(NOW_S)), NOW_S)).await;
    for world in [strict, world()] {
        world.ok(&make(Some(&nonces.issue(NOW_S - 299)), NOW_S - 9_000)).await;
        assert_eq!(world.code(&make(None, NOW_S - 9_000)).await, X8);
        assert_eq!(world.code(&make(Some(&foreign), NOW_S - 9_000)).await, X8);
    }
}

#[tokio::test]
async fn x8_a_certificate_binds_as_well() {
    let world = world();
    let hash = TokenHash::of("a certificate").0;
    let asked = Request { proof: None, certificate: Some(hash.clone()), ..first() };
    let issued = world.ok(&asked).await;
    assert!(!issued.is_dpop);
    assert_eq!(read(&issued.token)["cnf"], json!({ "x5t#S256": hash }));
    let both = Request { certificate: Some(hash), ..first() };
    assert!(world.ok(&both).await.is_dpop, "a proof comes first");
    let bad = Request { proof: Some("x".into()), ..asked };
    let bad = Request { client_assertion: Some(assertion(1)), ..bad };
    assert_eq!(world.code(&bad).await, X8, "a bad proof is not passed over");
}
