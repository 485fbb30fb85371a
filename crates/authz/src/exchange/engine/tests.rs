use policy::Policies;

use super::*;
use crate::token::{Confirmation, Subject as Who, TokenHash};

const NOW_S: u64 = 1_000_000;

const EDGES: &str = r#"{"version": 1,
  "servers": [
    {"resource": "https://hop1.a.test/mcp", "scopes": ["files:read"], "client": "hop1",
      "tools": {"read": {"scopes": ["files:read"], "destructive": false}}},
    {"resource": "https://hop2.a.test/mcp", "scopes": ["doc:get"], "client": "hop2",
      "tools": {"get": {"scopes": ["doc:get"], "destructive": false}}}
  ],
  "edges": [{"from": "https://hop1.a.test/mcp", "client": "hop1", "to": "https://hop2.a.test/mcp",
    "scopes": {"files:read": ["doc:get"]}}]}"#;

pub(crate) fn engine() -> Engine {
    let edges = Edges::parse(EDGES.as_bytes()).unwrap();
    Engine::new(Policies::built_in().unwrap(), &edges, "https://sts.a.test").unwrap()
}

fn access() -> Access {
    Access {
        subject: Who { iss: "https://idp.a.test".into(), sub: "alice".into() },
        client_id: "agent".into(),
        audience: "https://hop1.a.test/mcp".into(),
        scopes: ["files:read".to_owned()].into(),
        details: Vec::new(),
        actors: Vec::new(),
        may_act: None,
        confirmation: Some(Confirmation::X5t("x".into())),
        expires_s: NOW_S + 300,
        issued_s: NOW_S,
        txn: None,
        acr: None,
        auth_time_s: Some(NOW_S - 60),
        hash: TokenHash("h".into()),
    }
}

fn resource(text: &str) -> Resource {
    Resource::parse(text).unwrap()
}

fn set(scope: &str) -> BTreeSet<String> {
    [scope.to_owned()].into()
}

#[test]
fn a_call_is_asked_with_the_tokens_own_chain() {
    let server = resource("https://hop1.a.test/mcp");
    let (access, needs) = (access(), set("files:read"));
    let called = Called {
        access: &access,
        server: &server,
        what: What::Tool("read"),
        needs: &needs,
        mapped: None,
        is_proven: true,
        is_destructive: false,
    };
    let engine = engine();
    assert!(engine.call(&called, false, NOW_S).is_allowed());
    assert!(!engine.call(&called, true, NOW_S).is_allowed());
    assert!(!engine.call(&Called { is_proven: false, ..called }, false, NOW_S).is_allowed());
    let unknown = engine.call(&Called { what: What::Tool("rm"), ..called }, false, NOW_S);
    assert_eq!(unknown.code(), Some("policy.failed"), "a tool that nobody pinned");
    let mut chained = access.clone();
    let actor = |iss: &str, sub: &str| Actor { iss: iss.into(), sub: sub.into() };
    chained.actors =
        vec![actor("https://sts.a.test", "hop0"), actor("https://idp.a.test", "agent")];
    let request = call_request(&Called { access: &chained, ..called }, false, NOW_S).unwrap();
    assert_eq!(request.facts.agent.to_string(), "https://sts.a.test#hop0");
    assert_eq!((request.facts.depth, request.facts.chain.len()), (1, 2));
    let mut own = access.clone();
    own.subject.sub = own.client_id.clone();
    let request = call_request(&Called { access: &own, ..called }, false, NOW_S).unwrap();
    assert!(matches!(request.subject, Subject::Agent(_)), "a client for itself");
    own.actors = vec![actor("https://sts.a.test", "hop0")];
    let request = call_request(&Called { access: &own, ..called }, false, NOW_S).unwrap();
    assert!(matches!(request.subject, Subject::Principal(_)), "somebody acts for the client");
}

#[test]
fn facts_of_a_call_are_the_tokens() {
    let server = resource("https://hop1.a.test/mcp");
    let needs = set("files:read");
    let facts = |access: &Access| {
        let called = Called {
            access,
            server: &server,
            what: What::Tool("read"),
            needs: &needs,
            mapped: None,
            is_proven: true,
            is_destructive: false,
        };
        call_request(&called, false, NOW_S).unwrap().facts
    };
    let mut access = access();
    assert_eq!((facts(&access).depth, facts(&access).auth_age_s), (0, Some(60)));
    let actor = |at: u8| Actor { iss: "https://sts.a.test".into(), sub: format!("hop{at}") };
    access.actors = (0..4).map(actor).collect();
    access.auth_time_s = Some(NOW_S + 1);
    assert_eq!((facts(&access).depth, facts(&access).auth_age_s), (3, None), "nobody knows when");
    access.auth_time_s = None;
    assert_eq!(facts(&access).auth_age_s, None);
}
