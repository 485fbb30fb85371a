//! Requests to the policy engine, as the decision endpoint reads them: whatever is allowed is within
//! what the facts allow, and is explained by the verdict that decided it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use policy::{Asked, Declared, Edge, Name, Policies, Request, Server, World};
use wire::Document;

static ENGINE: LazyLock<(Policies, World)> = LazyLock::new(|| {
    let server = |resource: &str| Server {
        resource: resource.to_owned(),
        audience: resource.to_owned(),
        scopes: ["a".to_owned(), "b".to_owned()].into(),
        tools: [("t".to_owned(), ["a".to_owned()].into())].into(),
    };
    let edge = Edge {
        from: "https://1.test/".to_owned(),
        to: "https://2.test/".to_owned(),
        client: Name::parse("https://s.test#1").expect("a name"),
        via: "local".to_owned(),
        bound_subject: "relay".to_owned(),
        ttl_s: 300,
        may_cycle: false,
    };
    let servers = vec![server("https://1.test/"), server("https://2.test/")];
    let world = World::new(&Declared { servers, edges: vec![edge] }).expect("a world");
    (Policies::built_in().expect("valid policies"), world)
});

fuzz_target!(|data: &[u8]| {
    let Ok(document) = Document::parse(data, &wire::Policy::default()) else { return };
    let Ok(value) = surface::json::exact(document.root()) else { return };
    let Ok(request) = Request::from_json(&value) else { return };
    let (policies, world) = &*ENGINE;
    let verdict = policies.decide(world, &request);
    assert_eq!(policies.explain(world, &request).verdict, verdict);
    if verdict.is_allowed() {
        let facts = &request.facts;
        assert!(!facts.revoked && (facts.child_bound || !facts.parent_bound));
        match &request.asked {
            Asked::Exchange { .. } | Asked::ReadResource { .. } | Asked::GetPrompt { .. } => {
                assert!(facts.requested.is_subset(&facts.allowed));
            }
            Asked::CallTool { tool, .. } => assert!(tool == "t" && facts.allowed.contains("a")),
        }
    }
});
