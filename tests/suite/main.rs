//! The black-box suites.

mod authz;
mod bytes;
mod clients;
mod conformance;
mod log;
mod lying;
mod process;
mod real_servers;
mod registry;
mod sarif;

use serde_json::Value;

/// The changes in a report of `check --json`: every object with a code, a place and a severity.
fn changes(report: &Value) -> Vec<Value> {
    match report {
        Value::Object(members) => {
            let is_change =
                ["code", "place", "severity"].iter().all(|key| members.contains_key(*key));
            if is_change {
                vec![report.clone()]
            } else {
                members.values().flat_map(changes).collect()
            }
        }
        Value::Array(items) => items.iter().flat_map(changes).collect(),
        _ => Vec::new(),
    }
}
