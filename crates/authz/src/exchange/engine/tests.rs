use policy::{Policies, Reason};

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
fn an_exchange_is_asked_with_the_new_chain_and_the_sign_ins_age() {
    let (from, to) = (resource("https://hop1.a.test/mcp"), resource("https://hop2.a.test/mcp"));
    let (parent, scopes) = (access(), set("doc:get"));
    let exchanged = Exchanged {
        parent: &parent,
        presenter: "hop1",
        from: &from,
        to: &to,
        requested: &scopes,
        allowed: &scopes,
        is_bound: true,
        is_destructive: false,
    };
    let engine = engine();
    let request = engine.exchange_request(&exchanged, false, NOW_S).unwrap();
    let name = |text| Name::parse(text).unwrap();
    let chain = vec![name("https://sts.a.test#hop1"), name("https://idp.a.test#agent")];
    assert_eq!((request.facts.depth, &request.facts.chain), (1, &chain));
    assert_eq!(request.facts.auth_age_s, Some(60));
    assert!(engine.exchange(&exchanged, false, NOW_S).is_allowed());
    let revoked = engine.exchange(&exchanged, true, NOW_S);
    assert_eq!(revoked.policies(), ["nothing-after-revocation"]);
    let unbound = Exchanged { is_bound: false, ..exchanged };
    assert_eq!(engine.exchange(&unbound, false, NOW_S).policies(), ["no-binding-is-lost"]);
    let other = Exchanged { presenter: "hop2", ..exchanged };
    assert_eq!(engine.exchange(&other, false, NOW_S).reason, Reason::Unmatched);
    let more = set("files:read");
    let more = Exchanged { requested: &more, ..exchanged };
    assert_eq!(engine.exchange(&more, false, NOW_S).reason, Reason::Unmatched);
    let mut early = access();
    early.auth_time_s = Some(NOW_S + 1);
    let early = Exchanged { parent: &early, ..exchanged };
    assert_eq!(engine.exchange_request(&early, false, NOW_S).unwrap().facts.auth_age_s, None);
    let mut nameless = access();
    nameless.subject.iss = "https://idp.a.test#alice".into();
    let nameless = Exchanged { parent: &nameless, ..exchanged };
    assert!(!engine.exchange(&nameless, false, NOW_S).is_allowed(), "no name is made of two");
}

#[test]
fn a_call_is_asked_with_the_tokens_own_chain() {
    let server = resource("https://hop1.a.test/mcp");
    let (access, needs) = (access(), set("files:read"));
    let called = Called {
        access: &access,
        server: &server,
        tool: "read",
        needs: &needs,
        is_proven: true,
        is_destructive: false,
    };
    let engine = engine();
    assert!(engine.call(&called, false, NOW_S).is_allowed());
    assert!(!engine.call(&called, true, NOW_S).is_allowed());
    assert!(!engine.call(&Called { is_proven: false, ..called }, false, NOW_S).is_allowed());
    let unknown = engine.call(&Called { tool: "rm", ..called }, false, NOW_S);
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
}
