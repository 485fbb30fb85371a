//! What was found as SARIF 2.1.0, for code scanning: one result for each change, at the line of
//! the lock file that pins what changed.

use std::collections::BTreeMap;

use drift::tripwire::RULES_VERSION;
use drift::{Change, Severity};
use serde_json::{Value, json};

use super::Outcome;
use crate::codes;
use crate::failure::Failure;
use crate::lock::{Key, Lines};

/// The log of one run.
pub(crate) fn log(outcomes: &[Outcome], lock: &Lines) -> Value {
    let mut rules: BTreeMap<&str, &str> = BTreeMap::new();
    let mut results = Vec::new();
    for outcome in outcomes {
        match &outcome.result {
            Ok(comparison) => {
                for change in &comparison.changes {
                    rules
                        .entry(change.code)
                        .or_insert("What a server shows is not what was pinned.");
                    results.push(of_change(&outcome.key, change, lock));
                }
            }
            Err(failure) => {
                let code = failure.code.unwrap_or(codes::NOT_ASKED);
                rules.entry(code).or_insert("A server's surface could not be compared.");
                results.push(of_failure(&outcome.key, code, failure, lock));
            }
        }
    }
    let rule =
        |(id, text): (&&str, &&str)| json!({ "id": id, "shortDescription": { "text": text } });
    let driver = json!({
        "name": "countersign",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "properties": { "rulesVersion": RULES_VERSION },
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": rules.iter().map(rule).collect::<Vec<_>>(),
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "results": results }],
    })
}

fn of_change(key: &Key, change: &Change, lock: &Lines) -> Value {
    let level = match change.severity {
        Severity::Info | Severity::Notice => "note",
        Severity::Warning => "warning",
        Severity::Critical => "error",
    };
    json!({
        "ruleId": change.code,
        "level": level,
        "message": { "text": format!("{key}: {} ({})", change.sentence, change.place) },
        "locations": [location(key, &change.place, lock.line_of(key, Some(&change.item)), lock)],
        "partialFingerprints": { "change/v1": fingerprint(key, change) },
        "properties": {
            "severity": change.severity,
            "score": change.score,
            "because": change.because,
            "before": change.before,
            "after": change.after,
        },
    })
}

fn of_failure(key: &Key, code: &str, failure: &Failure, lock: &Lines) -> Value {
    json!({
        "ruleId": code,
        "level": "error",
        "message": { "text": format!("{key}: {failure}") },
        "locations": [location(key, "", lock.line_of(key, None), lock)],
    })
}

fn location(key: &Key, place: &str, line: usize, lock: &Lines) -> Value {
    let name = if place.is_empty() { key.to_string() } else { format!("{key}/{place}") };
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": lock.uri() },
            "region": { "startLine": line },
        },
        "logicalLocations": [{ "fullyQualifiedName": name }],
    })
}

/// The same change has the same fingerprint in every run, whatever else changed.
fn fingerprint(key: &Key, change: &Change) -> String {
    let identity = json!([key.to_string(), change.code, change.place, change.after]);
    surface::Digest::of(&identity).to_string()
}
