//! Whole states of registries: each entry in the names of the newest schema, and as it was.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::history::row;

/// A few entries of the registry's first seed (modelcontextprotocol/registry, MIT); with
/// `REPLAY_STATES`, the whole states in that folder.
pub(crate) fn all() -> Vec<(String, Vec<(Value, Value)>)> {
    let Some(folder) = std::env::var_os("REPLAY_STATES").map(PathBuf::from) else {
        let seed: Value = serde_json::from_str(include_str!("seed.json")).expect("JSON");
        return vec![("seed".to_owned(), seeds(&seed))];
    };
    let read = |name: &str| -> Value {
        let text = std::fs::read_to_string(folder.join(name)).expect(name);
        serde_json::from_str(&text).expect("JSON")
    };
    let docker = read("docker_registry_last.json");
    let toolhive = read("toolhive_registry_last.json");
    let toolhive = &toolhive["registry"];
    let mut rows = named("dev.toolhive.container", &toolhive["servers"]);
    rows.extend(named("dev.toolhive.remote", &toolhive["remote_servers"]));
    vec![
        ("seed".to_owned(), seeds(&read("registry_seed_2025-05-16.json"))),
        ("docker".to_owned(), named("com.docker.catalogue", &docker)),
        ("toolhive".to_owned(), rows),
    ]
}

/// Entries of the first seed, in today's names and in their own; one of each name and version.
fn seeds(seed: &Value) -> Vec<(Value, Value)> {
    let mut names = BTreeSet::new();
    let mut rows = Vec::new();
    for entry in seed.as_array().expect("a list") {
        let version = entry["version_detail"]["version"].as_str().expect("a version");
        let name = entry["name"].as_str().expect("a name").to_owned();
        // Seven entries of the seed have no name, and nothing else either.
        if !names.insert(name) {
            continue;
        }
        // The upstream of that time gave the version in both places.
        let mut old = entry.clone();
        old["version"] = json!(version);
        rows.push((renamed(&old), old));
    }
    rows
}

/// An entry as a registry of today would list it: by hand for the keys that the seed has.
fn renamed(old: &Value) -> Value {
    let mut new = old.clone();
    new.as_object_mut().unwrap().remove("version_detail");
    new["$schema"] =
        json!("https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json");
    for package in list(&mut new, "packages") {
        let package = package.as_object_mut().unwrap();
        for (from, to) in [
            ("registry_name", "registryType"),
            ("name", "identifier"),
            ("environment_variables", "environmentVariables"),
            ("package_arguments", "packageArguments"),
            ("runtime_arguments", "runtimeArguments"),
            ("runtime_hint", "runtimeHint"),
        ] {
            if let Some(value) = package.remove(from) {
                package.insert(to.to_owned(), value);
            }
        }
        for list in ["environmentVariables", "packageArguments", "runtimeArguments"] {
            for input in package.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                let input = input.as_object_mut().unwrap();
                for (from, to) in [
                    ("is_required", "isRequired"),
                    ("is_secret", "isSecret"),
                    ("is_repeated", "isRepeated"),
                    ("value_hint", "valueHint"),
                ] {
                    if let Some(value) = input.remove(from) {
                        input.insert(to.to_owned(), value);
                    }
                }
            }
        }
        package.insert("transport".to_owned(), json!({ "type": "stdio" }));
    }
    for remote in list(&mut new, "remotes") {
        let remote = remote.as_object_mut().unwrap();
        if let Some(value) = remote.remove("transport_type") {
            remote.insert("type".to_owned(), value);
        }
    }
    new
}

fn list<'v>(entry: &'v mut Value, name: &str) -> impl Iterator<Item = &'v mut Value> {
    entry.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

fn named(prefix: &str, entries: &Value) -> Vec<(Value, Value)> {
    let entries = entries.as_object().into_iter().flatten();
    let rows = entries.map(|(name, state)| row(&format!("{prefix}/{name}"), state));
    rows.map(|row| (row.clone(), row)).collect()
}
