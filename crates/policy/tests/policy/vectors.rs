use policy::{Declared, Policies, Request, Source, World};
use serde_json::Value;

use super::{edge, hop1, server};

/// The vectors are what this engine decides; that another build of Cedar decides the same is checked
/// by `vectors/policy.mjs`.
#[test]
fn the_published_decisions_are_made_again() {
    let path = format!("{}/../../vectors/policy.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let [one, two] = ["https://hop1.a.test/mcp", "https://hop2.a.test/mcp"];
    let tools: [(&str, &[&str]); 3] = [("get", &["doc:get"]), ("put", &["doc:put"]), ("ping", &[])];
    let mut second = server(two, &["doc:get", "doc:put"], &tools);
    second.audience = "api://hop2".to_owned();
    let servers = vec![server(one, &["files:read"], &[]), second];
    let world = World::new(&Declared { servers, edges: vec![edge(one, two, hop1())] }).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 400);
    for (name, text) in file["sets"].as_object().unwrap() {
        let policies = Policies::parse(&[Source { name, text: text.as_str().unwrap() }]).unwrap();
        let mut seen = [0, 0];
        for case in cases.iter().filter(|case| case["set"] == **name) {
            let verdict = policies.decide(&world, &Request::from_json(&case["request"]).unwrap());
            assert_eq!(verdict.is_allowed(), case["allowed"], "{case}");
            assert_eq!(serde_json::json!(verdict.policies()), case["policies"], "{case}");
            seen[usize::from(verdict.is_allowed())] += 1;
        }
        assert!(seen.iter().all(|count| *count > 5), "{name} decides both ways: {seen:?}");
    }
}
