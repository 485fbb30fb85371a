//! Policies as users meet them: what is refused at load, what is decided, and why.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "policy/decide.rs"]
mod decide;
#[path = "policy/explain.rs"]
mod explain;
#[path = "policy/load.rs"]
mod load;
#[path = "policy/request.rs"]
mod request;
#[path = "policy/vectors.rs"]
mod vectors;

use std::collections::{BTreeMap, BTreeSet};

use policy::{
    Asked, Declared, Edge, Facts, Name, Policies, Request, Server, Source, Subject, World,
};

const HOP1: &str = "https://hop1.a.test/mcp";
const HOP2: &str = "https://hop2.a.test/mcp";
const STS: &str = "https://sts.a.test";

fn set(scopes: &[&str]) -> BTreeSet<String> {
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn hop1() -> Name {
    Name::new(STS, "hop1").unwrap()
}

fn server(resource: &str, scopes: &[&str], tools: &[(&str, &[&str])]) -> Server {
    let tools = tools.iter().map(|(tool, needs)| ((*tool).to_owned(), set(needs)));
    Server {
        resource: resource.to_owned(),
        audience: resource.to_owned(),
        scopes: set(scopes),
        tools: tools.collect::<BTreeMap<_, _>>(),
    }
}

fn edge(from: &str, to: &str, client: Name) -> Edge {
    Edge {
        from: from.to_owned(),
        to: to.to_owned(),
        client,
        via: "local".to_owned(),
        bound_subject: "relay".to_owned(),
        ttl_s: 300,
        may_cycle: false,
    }
}

fn world() -> World {
    let servers = vec![
        server(HOP1, &["files:read", "files:write"], &[("read_file", &["files:read"])]),
        server(HOP2, &["doc:get", "doc:put"], &[("get", &["doc:get"]), ("ping", &[])]),
    ];
    let edges = vec![edge(HOP1, HOP2, hop1())];
    World::new(&Declared { servers, edges }).unwrap()
}

/// An exchange that the built-in policies allow.
fn exchange() -> Request {
    Request {
        subject: Subject::Principal(name("https://idp.a.test#alice")),
        asked: Asked::Exchange { from: HOP1.to_owned(), to: HOP2.to_owned() },
        facts: Facts {
            agent: hop1(),
            depth: 1,
            chain: vec![hop1(), name("https://idp.a.test#agent")],
            requested: set(&["doc:get"]),
            allowed: set(&["doc:get", "doc:put"]),
            parent_bound: true,
            child_bound: true,
            auth_age_s: Some(120),
            revoked: false,
            destructive: false,
            mapped: None,
        },
    }
}

/// A call that the built-in policies allow.
fn call() -> Request {
    let mut request = exchange();
    request.asked = Asked::CallTool { server: HOP2.to_owned(), tool: "get".to_owned() };
    request.facts.allowed = set(&["doc:get"]);
    request
}

fn parse(text: &str) -> Policies {
    Policies::parse(&[Source { name: "p.cedar", text }]).unwrap_or_else(|e| panic!("{e}"))
}

/// The built-in policies and more.
fn with(more: &str) -> Policies {
    let default = Source { name: "default.cedar", text: policy::DEFAULT };
    Policies::parse(&[default, Source { name: "more.cedar", text: more }])
        .unwrap_or_else(|e| panic!("{e}"))
}
