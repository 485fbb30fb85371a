//! One form for entries of all schema versions: what a renaming of keys changes, and no more.

use serde_json::{Map, Value};

/// An entry with the names of schema 2025-12-11: `registry_type`, and before that `registry_name`,
/// is `registryType`. What names nothing in an entry, such as keys that a publisher chose, keeps its
/// form, and no value changes.
pub(super) fn current(server: &Value) -> Value {
    let Value::Object(members) = server else { return server.clone() };
    let mut current = renamed(members);
    // Which schema an entry follows is not what it says.
    current.remove("$schema");
    if let Some(Value::Object(detail)) = current.remove("versionDetail")
        && let Some(version) = detail.get("version")
    {
        current.entry("version").or_insert_with(|| version.clone());
    }
    each(&mut current, "packages", &package);
    each(&mut current, "remotes", &remote);
    Value::Object(current)
}

fn package(package: &mut Map<String, Value>) {
    rename(package, "registryName", "registryType");
    if !package.contains_key("identifier") {
        rename(package, "name", "identifier");
    }
    // Later schemas say of a package how it is spoken to, and earlier ones meant stdio.
    let stdio = Value::Object(Map::from_iter([("type".to_owned(), "stdio".into())]));
    package.entry("transport").or_insert(stdio);
}

fn remote(remote: &mut Map<String, Value>) {
    rename(remote, "transportType", "type");
    if remote.get("type").and_then(Value::as_str) == Some("streamable") {
        remote.insert("type".to_owned(), "streamable-http".into());
    }
}

fn rename(members: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = members.remove(from) {
        members.entry(to).or_insert(value);
    }
}

fn each(members: &mut Map<String, Value>, name: &str, change: &dyn Fn(&mut Map<String, Value>)) {
    let elements = members.get_mut(name).and_then(Value::as_array_mut);
    for element in elements.into_iter().flatten() {
        if let Value::Object(element) = element {
            change(element);
        }
    }
}

/// The members with their keys in camel case, except below a member whose keys are a publisher's.
fn renamed(members: &Map<String, Value>) -> Map<String, Value> {
    let of = |(key, value): (&String, &Value)| {
        let key = camel(key);
        let value = if CHOSEN.contains(&key.as_str()) { value.clone() } else { below(value) };
        (key, value)
    };
    members.iter().map(of).collect()
}

fn below(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(renamed(members)),
        Value::Array(elements) => Value::Array(elements.iter().map(below).collect()),
        other => other.clone(),
    }
}

fn camel(key: &str) -> String {
    let mut parts = key.split('_');
    let first = parts.next().unwrap_or_default();
    // What begins or ends with an underscore (`_meta`) is no name of two words.
    if first.is_empty() || key.ends_with('_') {
        return key.to_owned();
    }
    let upper = |part: &str| {
        let mut chars = part.chars();
        chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
    };
    parts.fold(first.to_owned(), |name, part| name + &upper(part))
}

/// Members whose own keys are a publisher's.
const CHOSEN: [&str; 2] = ["variables", "_meta"];
