//! `countersign auth doctor`: before real authorization servers, before servers that are wrong in one
//! way each, and before a host that wants to harm whoever asks.

mod hostile;
mod real;
mod tokens;

use std::path::Path;

use harness::{Output, Program};
use serde_json::Value;

const SECRET: &str = "canary-client-secret-0123456789";

/// A command, and the report that it printed; it fits its schema, and holds no secret.
#[track_caller]
fn examine(arguments: &[&str]) -> (Output, Value) {
    let program = Program::countersign().args(["auth", "doctor", "--json"]).args(arguments);
    let output = program.env("DOCTOR_SECRET", SECRET).run();
    for text in [&output.stdout, &output.stderr] {
        assert!(!text.contains(SECRET), "the secret is in the output");
        // What a JWT begins with: no token, no proof.
        assert!(!text.contains("eyJ"), "a token is in the output: {text}");
        assert!(!text.contains('\u{1b}'), "a terminal is steered: {text:?}");
    }
    if output.code == Some(1) || output.code == Some(2) {
        return (output, Value::Null);
    }
    let report = output.json();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/auth-doctor.json");
    let schema = std::fs::read_to_string(path).expect("the schema");
    let schema: Value = serde_json::from_str(&schema).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let errors: Vec<_> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{report:#}");
    let worst = report["worst"].as_u64();
    let expected = if worst.is_some_and(|rank| rank <= 2) { 3 } else { 0 };
    assert_eq!(output.code, Some(expected), "{report:#}");
    (output, report)
}

/// The codes of root causes, or of everything, without their family.
fn codes(report: &Value, is_all: bool) -> Vec<String> {
    let mut codes = Vec::new();
    for finding in report["findings"].as_array().expect("findings") {
        let effects = finding["consequences"].as_array().expect("consequences");
        for one in std::iter::once(finding).chain(effects.iter().filter(|_| is_all)) {
            let code = one["code"].as_str().expect("a code");
            codes.push(code.trim_start_matches("authz.doctor.").to_owned());
        }
    }
    codes
}

/// A finding, wherever it stands.
#[track_caller]
fn finding<'r>(report: &'r Value, code: &str) -> &'r Value {
    let code = format!("authz.doctor.{code}");
    let list = report["findings"].as_array().expect("findings");
    let effects = |one: &'r Value| one["consequences"].as_array().expect("consequences").iter();
    let all = list.iter().flat_map(|one| std::iter::once(one).chain(effects(one)));
    let found = all.into_iter().find(|one| one["code"] == code.as_str());
    found.unwrap_or_else(|| panic!("no {code} in {report:#}"))
}
