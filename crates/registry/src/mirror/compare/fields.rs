//! Which fields of an entry differ, and which of them decide what runs or where data goes.

use std::collections::BTreeSet;

use serde_json::Value;

/// JSON pointers to what differs: members that are there on one side only, and values that differ.
/// Below that nothing is listed.
pub(super) fn changed(before: &Value, after: &Value) -> Vec<String> {
    let mut changed = Vec::new();
    walk(before, after, &mut String::new(), &mut changed);
    changed
}

/// Whether a field is an identifier, URL, hash, header, argument or environment variable; the text
/// that explains one of these to people is not.
pub(super) fn decides(pointer: &str) -> bool {
    let is_wiring = ["/packages", "/remotes"].iter().any(|part| pointer.starts_with(part));
    let is_explanation = pointer.rsplit('/').next().is_some_and(|last| EXPLAINS.contains(&last));
    is_wiring && !is_explanation
}

fn walk(before: &Value, after: &Value, at: &mut String, changed: &mut Vec<String>) {
    if before == after {
        return;
    }
    let length = at.len();
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            // In one order, whichever side has a member, and however `serde_json` keeps them.
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                at.push('/');
                at.push_str(&key.replace('~', "~0").replace('/', "~1"));
                pair(old.get(key), new.get(key), at, changed);
                at.truncate(length);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for index in 0..old.len().max(new.len()) {
                at.push('/');
                at.push_str(&index.to_string());
                pair(old.get(index), new.get(index), at, changed);
                at.truncate(length);
            }
        }
        _ => changed.push(at.clone()),
    }
}

fn pair(before: Option<&Value>, after: Option<&Value>, at: &mut String, changed: &mut Vec<String>) {
    match (before, after) {
        (Some(before), Some(after)) => walk(before, after, at, changed),
        _ => changed.push(at.clone()),
    }
}

/// Members that explain an input to people.
const EXPLAINS: [&str; 2] = ["description", "placeholder"];
