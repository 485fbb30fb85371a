//! Assertions for other domains, and what a record holds of what nobody declared.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::world::*;
use super::*;
use crate::exchange::assertion::ID_JAG;
use crate::federation::Domain;

const THERE: &str = "https://there.b.test/mcp";
const B: &str = "https://sts.b.test";

/// The world with a way from hop 1 into domain B.
fn two() -> World {
    let mut file = file();
    let far = json!({ "resource": THERE, "scopes": ["read"] });
    file["servers"].as_array_mut().unwrap().push(far);
    let mut way = edge(1, 2, &json!({ "read": ["read"] }));
    way["to"] = json!(THERE);
    way["via"] = json!("id-jag");
    way["profile"] = json!("b");
    file["edges"].as_array_mut().unwrap().push(way);
    let mut world = world_of(&file, |_| ());
    let resources = BTreeSet::from([Resource::parse(THERE).unwrap()]);
    let clients = BTreeMap::from([("hop1".to_owned(), "hop1-at-b".to_owned())]);
    let domain = Domain::new(B.to_owned(), resources, clients, [3; 32]);
    world.exchange = world.exchange.with_domains(vec![domain]);
    world
}

fn of_type(request: Request, asked: Option<&str>) -> Request {
    Request { requested_token_type: asked.map(str::to_owned), ..request }
}

fn there() -> Request {
    Request { resource: vec![THERE.to_owned()], ..first() }
}

#[tokio::test]
async fn an_edge_into_another_domain_gives_assertions_and_any_other_gives_none() {
    let world = two();
    let issued = world.ok(&of_type(there(), Some(ID_JAG))).await;
    assert!(issued.is_assertion && !issued.is_dpop);
    let claims = read(&issued.token);
    assert_eq!((&claims["aud"], &claims["client_id"]), (&json!(B), &json!("hop1-at-b")));
    assert_eq!(claims["resource"], THERE);
    assert_ne!(claims["sub"], "alice", "nobody is called there as here");
    assert!(claims["cnf"]["jkt"].is_string(), "it is bound");
    assert_eq!(world.code(&of_type(there(), None)).await, "edge-missing");
    assert_eq!(world.code(&of_type(first(), Some(ID_JAG))).await, "edge-missing");
    assert!(!world.ok(&first()).await.is_assertion);
    let far = Resource::parse(THERE).unwrap();
    assert_eq!(world.exchange.domain_of(&far).unwrap().issuer, B);
    assert!(world.exchange.domain_of(&resource(2)).is_none());
}

#[tokio::test]
async fn a_record_holds_only_what_was_declared() {
    const SECRET: &str = "what-a-client-put-at-the-wrong-place";
    let world = world();
    let request = Request { scope: Some(format!("read {SECRET}")), ..first() };
    assert_eq!(world.code(&request).await, "authority-exceeded");
    assert_eq!(world.last().requested, BTreeSet::from(["read".to_owned()]));
    let request = Request { resource: vec![format!("https://x.test/{SECRET}")], ..first() };
    assert_eq!(world.code(&request).await, "edge-missing");
    let record = world.last();
    assert_eq!((record.aud.as_ref(), record.requested.len()), (None, 0));
    let all: Vec<Value> = world.kept.records.lock().unwrap().iter().map(|it| json!(it)).collect();
    assert!(!json!(all).to_string().contains(SECRET));
}
