//! Writes `vectors/policy.json`: requests and what is decided of them, for other implementations of
//! Cedar to decide again. The same each time.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;

use policy::{Declared, Edge, Name, Policies, Request, Server, Source, World};
use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    let world = World::new(&declared()).unwrap();
    let mut draw = Draw(0x2545_f491_4f6c_dd1d);
    let mut cases = Vec::new();
    for (set, text) in sets() {
        let policies = Policies::parse(&[Source { name: set, text: &text }]).unwrap();
        for _ in 0..CASES_OF_EACH {
            let request = request(&mut draw);
            let verdict = policies.decide(&world, &Request::from_json(&request).unwrap());
            cases.push(json!({
                "set": set, "request": request,
                "allowed": verdict.is_allowed(), "policies": verdict.policies(),
            }));
        }
    }
    let sets: serde_json::Map<String, Value> =
        sets().into_iter().map(|(name, text)| (name.to_owned(), json!(text))).collect();
    let lines: Vec<_> = cases.iter().map(|case| format!("    {case}")).collect();
    let text = format!(
        "{{\n  \"sets\": {},\n  \"world\": {WORLD},\n  \"cases\": [\n{}\n  ]\n}}\n",
        Value::Object(sets),
        lines.join(",\n")
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/policy.json");
    std::fs::write(path, text)
}

/// The built-in policies, alone and beside policies that fail, forbid or permit.
fn sets() -> Vec<(&'static str, String)> {
    let with = |more: &str| format!("{}\n{more}", policy::DEFAULT);
    vec![
        ("default", policy::DEFAULT.to_owned()),
        (
            "a forbid that overflows",
            with(
                r#"@id("x") forbid (principal, action, resource) when { context.auth_age_s * 9223372036854775 > 3 };"#,
            ),
        ),
        (
            "a forbid about what is gone",
            with(
                r#"@id("x") forbid (principal == Principal::"https://idp.a.test#alice", action, resource) unless { Server::"https://gone.test".scopes.isEmpty() };"#,
            ),
        ),
        (
            "a permit that fails",
            with(
                r#"@id("x") permit (principal, action, resource) when { context.depth + 9223372036854775805 > 3 };"#,
            ),
        ),
        (
            "rules of a user",
            with(
                r#"
            @id("only-from-home") forbid (principal, action, resource) when { context.issuer != "https://idp.a.test" };
            @id("fresh-for-harm") forbid (principal, action == Action::"call_tool", resource in Server::"https://hop2.a.test/mcp") when { context.destructive && context.auth_age_s > 300 };
            @id("not-through-hop2") forbid (principal, action, resource) when { context.chain.contains(Agent::"https://sts.a.test#hop2") } unless { context.depth < 2 };
            @id("help") permit (principal, action == Action::"call_tool", resource == Tool::"https://hop2.a.test/mcp#ping");"#,
            ),
        ),
    ]
}

fn request(draw: &mut Draw) -> Value {
    let scopes = ["doc:get", "doc:put", "files:read"];
    let some =
        |draw: &mut Draw| -> Vec<&str> { scopes.into_iter().filter(|_| draw.one_in(2)).collect() };
    let agents = ["https://sts.a.test#hop1", "https://sts.a.test#hop2", "https://idp.a.test#agent"];
    let subjects =
        ["https://idp.a.test#alice", "https://idp.a.test#bob", "https://idp.b.test#alice"];
    let is_call = draw.one_in(2);
    let edges = [
        "https://hop1.a.test/mcp -> https://hop2.a.test/mcp",
        "https://hop2.a.test/mcp -> https://hop1.a.test/mcp",
    ];
    let tools = ["get", "put", "ping", "rm"].map(|tool| format!("https://hop2.a.test/mcp#{tool}"));
    let resource = if is_call {
        json!({ "type": "Tool", "id": tools[draw.below(4)] })
    } else {
        json!({ "type": "Edge", "id": edges[usize::from(draw.one_in(6))] })
    };
    let chain: Vec<_> = agents.into_iter().filter(|_| draw.one_in(2)).collect();
    let ages = [0, 1, 60, 3600, policy::AGE_UNKNOWN_S];
    json!({
        "subject": {
            "type": if draw.one_in(5) { "Agent" } else { "Principal" },
            "id": subjects[draw.below(3)],
        },
        "action": { "name": if is_call { "call_tool" } else { "exchange" } },
        "resource": resource,
        "context": {
            "agent": agents[usize::from(draw.one_in(4))], "depth": draw.below(4), "chain": chain,
            "requested": some(draw), "allowed": some(draw),
            "parent_bound": draw.one_in(2), "child_bound": !draw.one_in(4),
            "auth_age_s": ages[draw.below(5)], "revoked": draw.one_in(8),
            "destructive": draw.one_in(2),
        },
    })
}

/// The world of the vectors, from the JSON that stands in the file.
fn declared() -> Declared {
    let world: Value = serde_json::from_str(WORLD).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let set = |value: &Value| value.as_array().unwrap().iter().map(text).collect();
    let servers = world["servers"].as_array().unwrap().iter().map(|server| Server {
        resource: text(&server["resource"]),
        audience: text(&server["audience"]),
        scopes: set(&server["scopes"]),
        tools: {
            let tools = server["tools"].as_object().unwrap().iter();
            tools.map(|(name, scopes)| (name.clone(), set(scopes))).collect()
        },
    });
    let edges = world["edges"].as_array().unwrap().iter().map(|edge| Edge {
        from: text(&edge["from"]),
        to: text(&edge["to"]),
        client: Name::parse(edge["client"].as_str().unwrap()).unwrap(),
        via: text(&edge["via"]),
        bound_subject: text(&edge["bound_subject"]),
        ttl_s: edge["ttl_s"].as_u64().unwrap(),
        may_cycle: edge["may_cycle"].as_bool().unwrap(),
    });
    Declared { servers: servers.collect(), edges: edges.collect() }
}

/// A xorshift: the same numbers each time.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or_default() % bound
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}

const CASES_OF_EACH: usize = 80;

const WORLD: &str = r#"{
    "servers": [
      {"resource": "https://hop1.a.test/mcp", "audience": "https://hop1.a.test/mcp", "scopes": ["files:read"], "tools": {}},
      {"resource": "https://hop2.a.test/mcp", "audience": "api://hop2", "scopes": ["doc:get", "doc:put"], "tools": {"get": ["doc:get"], "put": ["doc:put"], "ping": []}}
    ],
    "edges": [
      {"from": "https://hop1.a.test/mcp", "to": "https://hop2.a.test/mcp", "client": "https://sts.a.test#hop1", "via": "local", "bound_subject": "relay", "ttl_s": 300, "may_cycle": false}
    ]
  }"#;
