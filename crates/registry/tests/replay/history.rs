//! A history of changes, as states of an upstream.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// What a mirror should tell of an entry in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Expected {
    Edited,
    Added,
    Restored,
    Vanished,
}

pub(crate) struct History {
    records: Vec<Value>,
    at: usize,
    entries: BTreeMap<String, Value>,
    /// What was there once.
    known: BTreeSet<String>,
    pub(crate) steps: usize,
    pub(crate) expected: BTreeMap<Expected, usize>,
}

impl Expected {
    /// Codes of which exactly one has to be told once.
    pub(crate) const fn codes(self) -> &'static [&'static str] {
        match self {
            Self::Edited => &["entry.rewritten"],
            Self::Added => &["entry.added"],
            Self::Restored => &["entry.restored"],
            Self::Vanished => &["entry.vanished"],
        }
    }

    /// Whether a code may be told beside.
    pub(crate) fn allows(self, code: &str) -> bool {
        let beside: &[&str] = match self {
            Self::Edited => &["entry.repointed"],
            // What comes back may be other than what went.
            Self::Restored => &["entry.rewritten", "entry.repointed"],
            Self::Added | Self::Vanished => &[],
        };
        self.codes().contains(&code) || beside.contains(&code)
    }
}

impl History {
    /// Reads one change a line. What an entry was before its first change is where it begins.
    pub(crate) fn read(text: &str) -> Self {
        let records: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let mut entries = BTreeMap::new();
        let mut begun = BTreeSet::new();
        for record in &records {
            let name = name(record);
            if begun.insert(name.clone()) && record["change"] != "server-added" {
                let mut state = json!({});
                set(&mut state, &record["before"], &fields(record, "before"));
                entries.insert(name, state);
            }
        }
        let known = entries.keys().cloned().collect();
        Self { records, at: 0, entries, known, steps: 0, expected: BTreeMap::new() }
    }

    /// The next commit: what it changes.
    pub(crate) fn next_step(&mut self) -> Option<BTreeMap<String, Expected>> {
        let commit = self.records.get(self.at)?["commit"].clone();
        let mut step = BTreeMap::new();
        while let Some(record) = self.records.get(self.at).filter(|it| it["commit"] == commit) {
            let name = name(record);
            let expected = match record["change"].as_str().unwrap() {
                "server-added" => {
                    self.entries.insert(name.clone(), record["after"].clone());
                    let is_new = self.known.insert(name.clone());
                    if is_new { Expected::Added } else { Expected::Restored }
                }
                "server-removed" => {
                    self.entries.remove(&name).expect("what is removed was there");
                    Expected::Vanished
                }
                _ => {
                    let state = self.entries.get_mut(&name).expect("what is modified is there");
                    set(state, &record["after"], &fields(record, "after"));
                    Expected::Edited
                }
            };
            assert_eq!(step.insert(name, expected), None, "one change of an entry in a commit");
            *self.expected.entry(expected).or_default() += 1;
            self.at += 1;
        }
        self.steps += 1;
        Some(step)
    }

    /// The upstream as it is now: entries with one version each.
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.entries.iter().map(|(name, state)| row(name, state)).collect()
    }
}

/// An entry in the form of the official registry; all that it has no place for stays with the
/// publisher's own metadata.
pub(crate) fn row(name: &str, state: &Value) -> Value {
    let mut server = json!({
        "name": name, "version": "1.0.0",
        "description": state["description"].as_str().unwrap_or("-"),
        "_meta": { "io.modelcontextprotocol.registry/publisher-provided": { "state": state } },
    });
    if let Some(image) = state["image"].as_str() {
        let package = json!({
            "registryType": "oci", "identifier": image, "transport": { "type": "stdio" } });
        server["packages"] = json!([package]);
    }
    let remote = state["url"].as_str().or_else(|| state["remote"]["url"].as_str());
    if let Some(url) = remote {
        server["remotes"] = json!([{ "type": "streamable-http", "url": url }]);
    }
    server
}

fn name(record: &Value) -> String {
    let kind = match record["source"].as_str().unwrap() {
        "docker/mcp-registry server.yaml" => "com.docker.catalogue",
        _ if record["kind"] == "remote" => "dev.toolhive.remote",
        _ => "dev.toolhive.container",
    };
    format!("{kind}/{}", record["server"].as_str().unwrap())
}

fn fields(record: &Value, of: &str) -> Vec<String> {
    let named = record["fields"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let named: Vec<_> = named.map(str::to_owned).collect();
    let all = || record[of].as_object().into_iter().flat_map(Map::keys).cloned().collect();
    if named.is_empty() { all() } else { named }
}

/// Sets fields, named by dotted paths; one without a value is removed.
fn set(state: &mut Value, values: &Value, fields: &[String]) {
    for field in fields {
        let mut parts: Vec<&str> = field.split('.').collect();
        let last = parts.pop().unwrap();
        let mut at = &mut *state;
        for part in parts {
            if !at[part].is_object() {
                at[part] = json!({});
            }
            at = &mut at[part];
        }
        let at = at.as_object_mut().unwrap();
        match &values[field.as_str()] {
            Value::Null => drop(at.remove(last)),
            value => drop(at.insert(last.to_owned(), value.clone())),
        }
    }
}
