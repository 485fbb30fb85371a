//! The steps on a schema, one function each.

use serde_json::{Map, Value};

use super::inline;
use super::keyword::{self, Holds, holds};

/// The semantic form of a schema; `None` when it is left as sent, because its references cannot
/// be replaced.
pub(super) fn normalize(schema: &Value) -> Option<Value> {
    let mut schema = inline::inline(schema)?;
    apply(&mut schema);
    Some(schema)
}

/// Children first, so that each step sees the forms of what is inside.
fn apply(schema: &mut Value) {
    let Value::Object(node) = schema else { return };
    for (keyword, value) in node.iter_mut() {
        match (holds(keyword), value) {
            (Holds::Schemas, Value::Array(list)) => list.iter_mut().for_each(apply),
            (Holds::Schemas, one) => apply(one),
            (Holds::Named, Value::Object(named)) => {
                for (name, child) in named {
                    apply(child);
                    if keyword == "properties" {
                        drop_generated_title(name, child);
                    }
                }
            }
            // What `inline` leaves of a reference that has constraints beside it.
            (Holds::Data, target @ Value::Object(_)) if keyword == "$ref" => apply(target),
            _ => {}
        }
    }
    sort_required(node);
    drop_idle(node);
    write_nullable(node);
    write_null_branch(node);
    sort_types(node);
    drop_null_default(node);
}

/// Drops what a serialiser adds beside whatever else is there, also beside a `$ref`.
pub(super) fn drop_idle(node: &mut Map<String, Value>) {
    drop_closed(node);
    drop_safe_bounds(node);
    drop_known_dialect(node);
}

fn sort_required(node: &mut Map<String, Value>) {
    sort_strings(node, "required");
}

fn sort_types(node: &mut Map<String, Value>) {
    sort_strings(node, "type");
}

fn sort_strings(node: &mut Map<String, Value>, keyword: &str) {
    if let Some(Value::Array(list)) = node.get_mut(keyword)
        && list.iter().all(Value::is_string)
    {
        list.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
}

fn drop_closed(node: &mut Map<String, Value>) {
    if node.get("additionalProperties").is_some_and(Value::is_boolean) {
        node.remove("additionalProperties");
    }
}

fn drop_safe_bounds(node: &mut Map<String, Value>) {
    let bounds = [
        ("minimum", -SAFE_INTEGER_MAX),
        ("exclusiveMinimum", -SAFE_INTEGER_MAX),
        ("maximum", SAFE_INTEGER_MAX),
        ("exclusiveMaximum", SAFE_INTEGER_MAX),
    ];
    for (keyword, bound) in bounds {
        if node.get(keyword).and_then(Value::as_i64) == Some(bound) {
            node.remove(keyword);
        }
    }
}

fn drop_known_dialect(node: &mut Map<String, Value>) {
    let dialect = node.get("$schema").and_then(Value::as_str);
    if dialect.is_some_and(|dialect| KNOWN_DIALECTS.contains(&dialect.trim_end_matches('#'))) {
        node.remove("$schema");
    }
}

/// `nullable: true` (`OpenAPI` 3.0) adds `null` to the type beside it.
fn write_nullable(node: &mut Map<String, Value>) {
    if node.get("nullable") != Some(&Value::Bool(true)) {
        return;
    }
    if let Some(types) = node.get("type").and_then(with_null) {
        node.insert("type".to_owned(), types);
        node.remove("nullable");
    }
}

/// `anyOf: [T, {"type": "null"}]` becomes T that may be null, where that says the same: T binds
/// values of its own type only, nothing but annotations stands beside, and no text moves.
fn write_null_branch(node: &mut Map<String, Value>) {
    let is_beside = |keyword: &String| keyword == "anyOf" || keyword::is_annotation(keyword);
    if !node.keys().all(is_beside) {
        return;
    }
    let Some([Value::Object(branch), null]) =
        node.get("anyOf").and_then(Value::as_array).map(Vec::as_slice)
    else {
        return;
    };
    let is_null =
        |value: &Value| value.as_object().is_some_and(|n| n.len() == 1 && is_type_null(n));
    let is_plain = branch.keys().all(|keyword| keyword::is_of_one_type(keyword));
    if !is_null(null) || !is_plain || carries_text(branch) {
        return;
    }
    let Some(types) = branch.get("type").and_then(with_null) else { return };
    let mut branch = branch.clone();
    branch.insert("type".to_owned(), types);
    node.remove("anyOf");
    node.append(&mut branch);
}

/// A `type` with `null` among what it allows; `None` for what is no type.
fn with_null(types: &Value) -> Option<Value> {
    let mut list = match types {
        Value::String(_) => vec![types.clone()],
        Value::Array(list) if list.iter().all(Value::is_string) => list.clone(),
        _ => return None,
    };
    if !list.iter().any(|name| name == "null") {
        list.push("null".into());
    }
    Some(Value::Array(list))
}

fn carries_text(node: &Map<String, Value>) -> bool {
    let is_text = |keyword: &str| matches!(keyword, "title" | "description" | "$comment");
    node.keys().any(|keyword| is_text(keyword))
        || keyword::children(node).any(|child| child.as_object().is_some_and(carries_text))
}

fn drop_null_default(node: &mut Map<String, Value>) {
    let may_be_null = |value: &Value| value.as_object().is_some_and(is_type_null);
    let branches =
        ["anyOf", "oneOf"].into_iter().filter_map(|keyword| node.get(keyword)?.as_array());
    let is_nullable = match node.get("type") {
        Some(Value::Array(types)) => types.iter().any(|name| name == "null"),
        _ => branches.flatten().any(may_be_null),
    };
    if is_nullable && node.get("default").is_some_and(Value::is_null) {
        node.remove("default");
    }
}

fn is_type_null(node: &Map<String, Value>) -> bool {
    node.get("type").is_some_and(|name| name == "null")
}

fn drop_generated_title(name: &str, property: &mut Value) {
    let Value::Object(node) = property else { return };
    if node.get("title").and_then(Value::as_str).is_some_and(|title| title == title_case(name)) {
        node.remove("title");
    }
}

/// As Pydantic makes titles: `max_results` to `Max Results`, `userId` to `Userid`.
fn title_case(name: &str) -> String {
    let mut follows_letter = false;
    let cased = name.chars().map(|letter| {
        let cased = match (letter, follows_letter) {
            ('_', _) => ' ',
            (_, true) => letter.to_ascii_lowercase(),
            (_, false) => letter.to_ascii_uppercase(),
        };
        follows_letter = letter.is_alphabetic();
        cased
    });
    cased.collect::<String>().trim().to_owned()
}

const SAFE_INTEGER_MAX: i64 = (1 << 53) - 1;

const KNOWN_DIALECTS: [&str; 4] = [
    "https://json-schema.org/draft/2020-12/schema",
    "http://json-schema.org/draft/2020-12/schema",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft-07/schema",
];
