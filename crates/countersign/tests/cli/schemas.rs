//! What programs read: every output against its published schema, and the generated reference.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::shell::{Shell, drifted};

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

pub(crate) fn assert_valid(schema: &str, value: &Value) {
    let text = std::fs::read_to_string(docs(&format!("schema/{schema}.json"))).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{value:#}");
}

fn pinned() -> Shell {
    let shell = Shell::new();
    assert_eq!(shell.run_server(&["pin", "--name", "mail"], "shown.json").exit, 0);
    shell.write("new.json", &drifted());
    shell
}

#[test]
fn surfaces_and_pins_fit_their_schemas() {
    let shell = pinned();
    assert_valid("surface", &shell.json(&["surface", "new.json", "--json"]));
    assert_valid("surface", &shell.json(&["surface", "new.json", "--json", "--fields"]));
    assert_valid("lock", &shell.json(&["lock", "--json"]));
    let beside: Value = serde_json::from_str(&shell.read("mcp.lock.d/mail.json")).unwrap();
    assert_valid("surface", &beside);
}

#[test]
fn checks_fit_their_schema_whatever_they_find() {
    let shell = pinned();
    let same = shell.json(&["check", "--json"]);
    assert_valid("check", &same);
    assert_eq!(same["servers"][0]["status"], "same");
    let drift = shell.json(&["check", "--json", "--name", "mail", "new.json"]);
    assert_valid("check", &drift);
    assert_eq!((&drift["exit"], &drift["servers"][0]["status"]), (&json!(3), &json!("drift")));
    let failed = shell.json(&["check", "--json", "--name", "mail", "missing.json"]);
    assert_valid("check", &failed);
    assert_eq!(failed["servers"][0]["status"], "failed");
    std::fs::write(shell.path().join("bad.json"), r#"{"tools":[{"name":"a","name":"b"}]}"#)
        .unwrap();
    let refused = shell.json(&["check", "--json", "--name", "mail", "bad.json"]);
    assert_valid("check", &refused);
    assert_eq!(refused["servers"][0]["error"]["code"], "wire.json.duplicate-key");
}

#[test]
fn changes_fit_their_schema() {
    let shell = pinned();
    let changes = shell.json(&["diff", "mail", "new.json", "--json"]);
    assert_valid("diff", &changes);
    assert!(changes.as_array().is_some_and(|changes| changes.len() > 1));
    assert_valid("diff", &shell.json(&["diff", "new.json", "new.json", "--json"]));
}

#[test]
fn a_finding_in_sarif_points_into_the_lock_file() {
    let shell = pinned();
    let log = shell.json(&["check", "--sarif", "--name", "mail", "new.json"]);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(results.iter().all(|found| rules.iter().any(|rule| rule["id"] == found["ruleId"])));
    let found = results.iter().find(|found| {
        found["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
            == "mail/tools/send_email/description"
    });
    let at = &found.unwrap()["locations"][0]["physicalLocation"];
    assert_eq!(at["artifactLocation"]["uri"], "mcp.lock");
    let line = usize::try_from(at["region"]["startLine"].as_u64().unwrap()).unwrap();
    let lock = shell.read("mcp.lock");
    assert!(lock.lines().nth(line - 1).unwrap().contains("item.\"tools/send_email\""), "{lock}");
}

#[test]
fn the_reference_is_what_the_binary_says() {
    let shell = Shell::new();
    let mut command = shell.command(&["reference"]);
    let output = command.env_clear().output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let written = std::fs::read_to_string(docs("reference/cli.md")).unwrap_or_default();
    assert!(said == written, "run `countersign reference > docs/reference/cli.md`");
    for shell_name in ["bash", "zsh", "fish"] {
        assert!(shell.run(&["completions", shell_name]).out.contains("countersign"));
    }
}
