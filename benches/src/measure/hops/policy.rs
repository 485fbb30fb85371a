//! A policy decision, facts in and reasons out, beside Cedar alone over a request and entities that
//! are ready made, and beside SHA-256 of the request.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet};
use policy::{
    Asked, Declared, Edge, Facts, Name, Policies, Request, Server, Source, Subject, World,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::Outcome;
use crate::args::Options;
use crate::bars::Bars;
use crate::measure::{interleave, keep};
use crate::table::{Cell, Report, Table};

/// One decision is too short for a clock.
const REPEATS: u32 = 100;

const SERVERS: usize = 34;

pub(in crate::measure) fn run(
    options: &Options,
    report: &mut Report,
    bars: &mut Bars,
) -> Outcome<()> {
    let columns = ["over", "decide µs", "Cedar alone µs", "× Cedar", "× SHA-256"];
    let mut table = Table::new("Policy decisions: an exchange that is allowed", &columns);
    for (edges, rules) in [(1, 0), (1_000, 0), (1_000, 50)] {
        let world = World::new(&declared(edges)?)?;
        let text = rules_text(rules);
        let policies = Policies::parse(&[Source { name: "bench", text: &text }])?;
        let request = request()?;
        if !policies.decide(&world, &request).is_allowed() {
            return Err("the exchange is not allowed".into());
        }
        let alone = Alone::new(&text, edges)?;
        if alone.decide() != Decision::Allow {
            return Err("Cedar alone does not allow it".into());
        }
        let bytes = serde_json::to_vec(&json!(format!("{request:?}")))?;
        let many = |work: &dyn Fn()| (0..REPEATS).for_each(|_| work());
        let times = interleave(
            options.pick(10, 200),
            [
                &mut || many(&|| keep(policies.decide(&world, &request))),
                &mut || many(&|| keep(alone.decide())),
                &mut || many(&|| keep(Sha256::digest(&bytes))),
            ],
        );
        let [ours, cedar, sha] = times.map(|time| time / f64::from(REPEATS) * 1e6);
        let cells = [ours, cedar, ours / cedar, ours / sha].map(Cell::from);
        table.row(format!("{edges} edges, {} policies", policies.ids().len()), cells);
        if edges == 1_000 && rules == 0 {
            bars.at_most("policy decision at 1,000 edges", ours, 50.0, "µs");
        }
    }
    report.tables.push(table);
    Ok(())
}

/// The built-in policies, and rules of a user that do not apply.
fn rules_text(count: usize) -> String {
    let rule = |n: usize| {
        format!(
            "@id(\"rule-{n}\") forbid (principal, action, resource) when {{ context.issuer == \
             \"https://{n}.test\" && context.depth > {n} }};\n"
        )
    };
    format!("{}\n{}", policy::DEFAULT, (0..count).map(rule).collect::<Vec<_>>().concat())
}

fn resource(n: usize) -> String {
    format!("https://hop{n}.a.test/mcp")
}

/// Pairs of servers, the first of them from 0 to 1.
fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    let all = (0..SERVERS).flat_map(|from| (0..SERVERS).map(move |to| (from, to)));
    all.filter(|(from, to)| from != to).take(count)
}

fn scopes(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn declared(edges: usize) -> Outcome<Declared> {
    let servers = (0..SERVERS).map(|n| Server {
        resource: resource(n),
        audience: resource(n),
        scopes: scopes(&["doc:get", "doc:put", "doc:list"]),
        tools: BTreeMap::from([("get".to_owned(), scopes(&["doc:get"]))]),
    });
    let edges = pairs(edges).map(|(from, to)| {
        Ok(Edge {
            from: resource(from),
            to: resource(to),
            client: Name::new("https://sts.a.test", &format!("hop{from}"))?,
            via: "local".to_owned(),
            bound_subject: "relay".to_owned(),
            ttl_s: 300,
            may_cycle: false,
        })
    });
    Ok(Declared { servers: servers.collect(), edges: edges.collect::<Outcome<_>>()? })
}

fn request() -> Outcome<Request> {
    let agent = Name::new("https://sts.a.test", "hop0")?;
    let root = Name::new("https://idp.a.test", "agent")?;
    Ok(Request {
        subject: Subject::Principal(Name::new("https://idp.a.test", "alice")?),
        asked: Asked::Exchange { from: resource(0), to: resource(1) },
        facts: Facts {
            agent: agent.clone(),
            depth: 1,
            chain: vec![agent, root],
            requested: scopes(&["doc:get"]),
            allowed: scopes(&["doc:get", "doc:list"]),
            parent_bound: true,
            child_bound: true,
            auth_age_s: Some(120),
            revoked: false,
            destructive: false,
            mapped: None,
        },
    })
}

/// Cedar over the same, nothing of it made at the time.
struct Alone {
    request: cedar_policy::Request,
    policies: PolicySet,
    entities: Entities,
}

impl Alone {
    fn new(text: &str, edges: usize) -> Outcome<Self> {
        let entity = |kind: &str, id: &str| json!({ "__entity": { "type": kind, "id": id } });
        let mut entities: Vec<_> = (0..SERVERS)
            .map(|n| {
                json!({
                    "uid": entity("Server", &resource(n)),
                    "attrs": { "audience": resource(n), "scopes": ["doc:get", "doc:put", "doc:list"] },
                    "parents": [],
                })
            })
            .collect();
        entities.extend(pairs(edges).map(|(from, to)| {
            json!({
                "uid": entity("Edge", &format!("{} -> {}", resource(from), resource(to))),
                "attrs": {
                    "from": entity("Server", &resource(from)), "to": entity("Server", &resource(to)),
                    "client": entity("Agent", &format!("https://sts.a.test#hop{from}")),
                },
                "parents": [],
            })
        }));
        let entities = Entities::from_json_value(entities.into(), None)?;
        let context = json!({
            "agent": entity("Agent", "https://sts.a.test#hop0"), "issuer": "https://idp.a.test",
            "depth": 1, "requested": ["doc:get"], "allowed": ["doc:get", "doc:list"],
            "parent_bound": true, "child_bound": true, "auth_age_s": 120, "revoked": false,
        });
        let context = Context::from_json_value(context, None)?;
        let uid = |text: &str| -> Outcome<EntityUid> { Ok(text.parse()?) };
        let edge = format!("Edge::\"{} -> {}\"", resource(0), resource(1));
        let request = cedar_policy::Request::new(
            uid("Principal::\"https://idp.a.test#alice\"")?,
            uid("Action::\"exchange\"")?,
            uid(&edge)?,
            context,
            None,
        )?;
        Ok(Self { request, policies: text.parse()?, entities })
    }

    fn decide(&self) -> Decision {
        Authorizer::new().is_authorized(&self.request, &self.policies, &self.entities).decision()
    }
}
