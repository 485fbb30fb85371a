//! `countersign policy`: what is wrong and where, what is decided and why.

use serde_json::{Value, json};

use crate::schemas::assert_valid;
use crate::shell::Shell;

const HOP1: &str = "https://hop1.a.test/mcp";
const HOP2: &str = "https://hop2.a.test/mcp";

fn edges() -> Value {
    json!({
        "version": 1,
        "servers": [
            { "resource": HOP1, "scopes": ["files:read"], "client": "hop1" },
            { "resource": HOP2, "scopes": ["doc:get", "doc:put"] },
        ],
        "edges": [
            { "from": HOP1, "client": "hop1", "to": HOP2, "scopes": { "files:read": ["doc:get"] } },
        ],
    })
}

fn request(scope: &str) -> Value {
    json!({
        "subject": { "type": "Principal", "id": "https://idp.a.test#alice" },
        "action": { "name": "exchange" },
        "resource": { "type": "Edge", "id": format!("{HOP1} -> {HOP2}") },
        "context": {
            "agent": "https://sts.a.test#hop1", "depth": 1,
            "chain": ["https://sts.a.test#hop1", "https://idp.a.test#agent"],
            "requested": [scope], "allowed": ["doc:get"], "parent_bound": true,
            "child_bound": true, "auth_age_s": 60, "revoked": false, "destructive": false,
        },
    })
}

fn shell() -> Shell {
    let shell = Shell::new();
    shell.write("edges.json", &edges());
    let reads = json!({
        "name": "reads", "request": request("doc:get"), "expect": "allow",
        "policies": ["exchange-within-authority"],
    });
    let writes = json!({ "name": "writes", "request": request("doc:put"), "expect": "deny" });
    let cases = json!({
        "issuer": "https://sts.a.test", "edges": "edges.json", "cases": [reads, writes],
    });
    assert_valid("policy-cases", &cases);
    shell.write("cases.json", &cases);
    shell
}

/// The cases with one member changed.
fn but(shell: &Shell, pointer: &str, value: Value) {
    let mut cases: Value = serde_json::from_str(&shell.read("cases.json")).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    cases.pointer_mut(parent).unwrap()[name] = value;
    shell.write("cases.json", &cases);
}

#[test]
fn the_built_in_policies_are_a_start_that_is_valid() {
    let shell = shell();
    assert_eq!(shell.run(&["policy", "init", "own.cedar"]).exit, 0);
    assert_eq!(shell.run(&["policy", "init", "own.cedar"]).exit, 1, "nothing is written over");
    assert_eq!(shell.read("own.cedar"), shell.run(&["policy", "init"]).out);
    assert!(shell.run(&["policy", "init", "--schema"]).out.contains("entity Principal;"));
    let ran = shell.run(&["policy", "check", "own.cedar"]);
    assert_eq!((ran.exit, ran.out.lines().count()), (0, 5), "{}", ran.err);
    assert_valid("policy-check", &shell.json(&["policy", "check", "--json", "own.cedar"]));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let shell = shell();
    let text = "@id(\"a\")\nforbid (principal, action, resource)\nwhen { context.depht > 3 };\n\
                permit (principal, action, resource);\n";
    std::fs::write(shell.path().join("bad.cedar"), text).unwrap();
    let ran = shell.run(&["policy", "check", "bad.cedar"]);
    assert_eq!(ran.exit, 3);
    assert!(
        ran.out.contains("bad.cedar:3:8: ") && ran.out.contains("[policy.invalid]"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("bad.cedar:4:1: ") && ran.out.contains("[policy.unnamed]"),
        "{}",
        ran.out
    );
    let told = shell.json(&["policy", "check", "--json", "bad.cedar"]);
    assert_valid("policy-check", &told);
    assert_eq!(told["policies"], json!([]));
    let ran = shell.run(&["policy", "test", "cases.json", "--policy", "bad.cedar"]);
    assert_eq!(ran.exit, 3, "{}", ran.err);
    assert!(ran.err.contains("bad.cedar:4:1"), "{}", ran.err);
    std::fs::write(shell.path().join("bytes.cedar"), b"// \xff").unwrap();
    let ran = shell.run(&["policy", "check", "bytes.cedar"]);
    assert!(ran.exit == 3 && ran.err.contains("[policy.file]"), "{}", ran.err);
}

#[test]
fn a_case_that_is_not_as_expected_is_exit_3() {
    let shell = shell();
    let ran = shell.run(&["policy", "test", "cases.json"]);
    assert_eq!(ran.exit, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("allow  permitted by `exchange-within-authority`"), "{}", ran.out);
    let told = shell.json(&["policy", "test", "--json", "cases.json"]);
    assert_valid("policy-test", &told);
    assert_eq!(told["failed"], 0);
    but(&shell, "/cases/0/policies", json!(["another"]));
    let ran = shell.run(&["policy", "test", "cases.json"]);
    assert!(ran.exit == 3 && ran.out.contains("expected allow by `another`"), "{}", ran.out);
    but(&shell, "/cases/1/expect", json!("allow"));
    let told = shell.json(&["policy", "test", "--json", "cases.json"]);
    assert_eq!((&told["failed"], &told["cases"][1]["passed"]), (&json!(2), &json!(false)));
    assert_eq!(told["cases"][1]["code"], "policy.unmatched");
}

#[test]
fn an_explanation_shows_the_condition_that_failed_and_what_it_read() {
    let shell = shell();
    let ran = shell.run(&["policy", "explain", "cases.json", "writes"]);
    assert_eq!(ran.exit, 3, "{}", ran.err);
    assert!(
        ran.out.starts_with("writes: deny, no policy permits it [policy.unmatched]\n"),
        "{}",
        ran.out
    );
    let failed = "  false  when { context.allowed.containsAll(context.requested) }\n";
    assert!(ran.out.contains(failed), "{}", ran.out);
    assert!(ran.out.contains("context.requested = [\"doc:put\"]"), "{}", ran.out);
    assert_valid(
        "policy-explain",
        &shell.json(&["policy", "explain", "--json", "cases.json", "reads"]),
    );
    let ran = shell.run(&["policy", "explain", "cases.json"]);
    assert!(ran.exit == 2 && ran.err.contains("one of: reads, writes"), "{}", ran.err);
}

#[test]
fn cases_are_read_in_one_way_only() {
    for (pointer, value) in [
        ("/cases/0/expected", json!("allow")),
        ("/cases/0/expect", json!("maybe")),
        ("/cases/0/request", json!({})),
        ("/other", json!(1)),
        ("/issuer", json!("https://sts.a.test#x")),
    ] {
        let shell = shell();
        but(&shell, pointer, value);
        let ran = shell.run(&["policy", "test", "cases.json"]);
        assert!(ran.exit == 3 && ran.err.contains("[policy.cases]"), "{pointer}: {}", ran.err);
    }
    let shell = shell();
    let twice = shell.read("cases.json").replacen('{', "{\"issuer\":\"https://x.test\",", 1);
    std::fs::write(shell.path().join("cases.json"), twice).unwrap();
    let ran = shell.run(&["policy", "test", "cases.json"]);
    assert!(ran.exit == 3 && ran.err.contains("same key twice"), "{}", ran.err);
}
