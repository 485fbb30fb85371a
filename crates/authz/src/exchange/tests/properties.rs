//! T4: for random graphs of edges and random chains, a descendant's authority is within its ancestor's
//! under the maps, its life ends no later, no chain grows too deep or passes anybody twice.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::*;
use super::*;

const HOPS: usize = 5;
const SCOPES: [&str; 4] = ["a", "b", "c", "d"];

/// What each scope at one hop gives at another, as bits.
type Map = Vec<u8>;

#[derive(Debug, Clone)]
struct Graph {
    /// From, to, map, cycle, life.
    edges: BTreeMap<(usize, usize), (Map, bool, u64)>,
    known: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Step {
    to: usize,
    scopes: u8,
}

fn bits(bits: u8) -> BTreeSet<String> {
    let chosen = SCOPES.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0);
    chosen.map(|(_, scope)| (*scope).to_owned()).collect()
}

fn graph() -> impl Strategy<Value = Graph> {
    let pair = (1..=HOPS, 1..=HOPS).prop_filter("two hops", |(from, to)| from != to);
    let map = proptest::collection::vec(0_u8..16, 4);
    let edge = (map, proptest::bool::weighted(0.3), 5_u64..=300);
    let edges = proptest::collection::btree_map(pair, edge, 4..16);
    let known = proptest::collection::vec(1_u8..16, HOPS);
    (edges, known).prop_map(|(edges, known)| Graph { edges, known })
}

impl Graph {
    fn file(&self) -> Value {
        let known = |hop: usize| bits(self.known[hop - 1]);
        let servers: Vec<_> = (1..=HOPS)
            .map(|hop| {
                json!({
                    "resource": uri(hop), "client": format!("hop{hop}"), "scopes": known(hop),
                })
            })
            .collect();
        let edges: Vec<_> = self
            .edges
            .iter()
            .map(|(&(from, to), (map, cycle, ttl_s))| {
                let scopes: serde_json::Map<_, _> = SCOPES
                    .iter()
                    .zip(map)
                    .filter(|(scope, _)| known(from).contains(**scope))
                    .map(|(scope, gives)| {
                        ((*scope).to_owned(), json!(bits(gives & self.known[to - 1])))
                    })
                    .collect();
                let mut edge = edge(from, to, &Value::Object(scopes));
                edge["cycle"] = json!(cycle);
                edge["ttl_s"] = json!(ttl_s);
                edge
            })
            .collect();
        json!({ "version": 1, "servers": servers, "edges": edges })
    }

    /// The map of an edge, by the definition.
    fn map(&self, from: usize, to: usize, held: &BTreeSet<String>) -> BTreeSet<String> {
        let (map, ..) = &self.edges[&(from, to)];
        let gives = SCOPES.iter().zip(map).filter(|(scope, _)| held.contains(**scope));
        let gives = gives.fold(0, |all, (_, gives)| all | gives);
        bits(gives & self.known[to - 1])
    }
}

/// A token on its way: where it is, who shows it, what it may.
struct Held {
    token: Secret,
    hop: usize,
    holder: &'static Signer,
    scopes: BTreeSet<String>,
    expires_s: u64,
    /// Hops that acted.
    acted: Vec<usize>,
}

fn scopes_of(claims: &Value) -> BTreeSet<String> {
    crate::token::scope::parse(claims["scope"].as_str().unwrap()).unwrap()
}

async fn walk(graph: &Graph, root_scopes: u8, steps: &[Step], depth_max: u8) -> usize {
    let world = world_of(&graph.file(), |config| config.depth_max = depth_max);
    let scopes: BTreeSet<_> =
        bits(root_scopes).intersection(&bits(graph.known[0])).cloned().collect();
    let listed = crate::token::scope::join(&scopes);
    let claims = with(root(), "scope", json!(listed));
    let ceiling = edges(&graph.file()).closure(&resource(1), &scopes, depth_max);
    let token = signed(&claims);
    let expires_s = claims["exp"].as_u64().unwrap();
    let mut held = Held { token, hop: 1, holder: &KEYS.agent, scopes, expires_s, acted: vec![] };
    let mut issued_count = 0;
    for step in steps {
        let mut asked = request(held.hop, step.to, &held.token, held.holder);
        asked.scope = Some(crate::token::scope::join(&bits(step.scopes)));
        let Ok(issued) = world.ask(&asked).await else { continue };
        issued_count += 1;
        let claims = read(&issued.token);
        let edge = graph.edges.get(&(held.hop, step.to)).expect("no edge, no token");
        let scopes = scopes_of(&claims);
        assert_eq!(claims["aud"], json!(uri(step.to)), "one audience, the target");
        assert_eq!(scopes, bits(step.scopes), "what was asked for, and no more");
        assert!(scopes.is_subset(&graph.map(held.hop, step.to, &held.scopes)), "within the map");
        assert!(scopes.is_subset(&ceiling[&resource(step.to)]), "within the ceiling");
        let expires_s = claims["exp"].as_u64().unwrap();
        assert!(expires_s <= held.expires_s && expires_s <= NOW_S + edge.2, "no longer life");
        let mut acted = vec![held.hop];
        acted.extend(&held.acted);
        assert!(acted.len() <= usize::from(depth_max), "no deeper chain");
        let is_again = held.acted.contains(&held.hop) || held.acted.contains(&step.to);
        assert!(edge.1 || !is_again, "nobody twice, unless the edge says so");
        let mut act = &claims["act"];
        for hop in &acted {
            assert_eq!(act["sub"], json!(format!("hop{hop}")));
            act = &act["act"];
        }
        assert_eq!(*act, json!({ "iss": IDP, "sub": "agent" }));
        held = Held {
            token: issued.token,
            holder: &KEYS.hops[held.hop],
            hop: step.to,
            scopes,
            expires_s,
            acted,
        };
    }
    issued_count
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn t4_a_descendant_has_no_more_than_its_ancestor_passed_on(
        graph in graph(),
        root_scopes in 1_u8..16,
        steps in proptest::collection::vec((1..=HOPS, 1_u8..16), 1..10),
        depth_max in 1_u8..=4,
    ) {
        let steps: Vec<_> = steps.into_iter().map(|(to, scopes)| Step { to, scopes }).collect();
        runtime().block_on(walk(&graph, root_scopes, &steps, depth_max));
    }

    /// The same of chains that ask for what there is: most of them get somewhere.
    #[test]
    fn t4_chains_that_follow_edges_stay_within_them(
        graph in graph(),
        picks in proptest::collection::vec((any::<prop::sample::Index>(), 1_u8..16), 1..8),
        depth_max in 1_u8..=4,
    ) {
        let (mut at, mut held, mut steps) = (1, bits(graph.known[0]), Vec::new());
        for (pick, wish) in picks {
            let next: Vec<_> = graph.edges.keys().filter(|(from, _)| *from == at).collect();
            if next.is_empty() { break; }
            let to = pick.get(&next).1;
            let gives = graph.map(at, to, &held);
            let chosen: BTreeSet<_> = gives.intersection(&bits(wish)).cloned().collect();
            let chosen = if chosen.is_empty() { gives } else { chosen };
            let scopes = SCOPES.iter().enumerate().filter(|(_, scope)| chosen.contains(**scope));
            steps.push(Step { to, scopes: scopes.fold(0, |all, (at, _)| all | 1 << at) });
            (at, held) = (to, chosen);
        }
        let asks_something = steps.first().is_some_and(|step| step.scopes != 0);
        let issued = runtime().block_on(walk(&graph, 15, &steps, depth_max));
        prop_assert!(!asks_something || issued > 0, "the first step is allowed");
    }
}
