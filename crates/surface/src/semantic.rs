//! The semantic form: an item without the differences that only a serialiser makes.
//!
//! Every step, and where it applies; nothing else is touched, and no text ever is:
//!
//! | Step | Where |
//! |---|---|
//! | annotations equal to the protocol's default dropped | `annotations` of a tool |
//! | `taskSupport: "forbidden"` dropped | `execution` of a tool |
//! | `required` and lists of `type` sorted | schemas of a tool |
//! | boolean `additionalProperties` dropped | schemas |
//! | bounds at ±(2^53 - 1), the ends of safe integers, dropped | schemas |
//! | `anyOf: [T, {"type": "null"}]` and `nullable: true` written as a list of `type` | schemas |
//! | `$schema` of 2020-12 or draft-07 dropped | schemas |
//! | `title` that is the property's name in title case dropped | properties of schemas |
//! | `default: null` beside a nullable type dropped | schemas |
//! | local `$ref` replaced by what it names | schemas |
//!
//! Schemas are `inputSchema` and `outputSchema`, and what is a schema inside them: a property may be
//! named `required`, and what stands under `enum`, `const`, `default`, `examples` or an unknown
//! keyword is data. The order of keys and of items is no part of either digest.

mod inline;
mod keyword;
mod schema;

use serde_json::{Map, Value, json};

use crate::model::Kind;

/// The semantic form of an item. The form of a form is itself.
pub fn normalize(kind: Kind, item: &Value) -> Value {
    let (Kind::Tool, Value::Object(tool)) = (kind, item) else { return item.clone() };
    let mut form = Map::new();
    for (name, value) in tool {
        let is_schema = matches!(name.as_str(), "inputSchema" | "outputSchema");
        let normal = if is_schema { schema::normalize(value) } else { None };
        form.insert(name.clone(), normal.unwrap_or_else(|| value.clone()));
    }
    drop_defaults(&mut form, "annotations", &ANNOTATION_DEFAULTS.map(|(n, v)| (n, json!(v))));
    drop_defaults(&mut form, "execution", &[("taskSupport", json!("forbidden"))]);
    Value::Object(form)
}

/// Drops members of `tool[name]` that say what their absence says, and the object if it is left
/// empty.
fn drop_defaults(tool: &mut Map<String, Value>, name: &str, defaults: &[(&str, Value)]) {
    let Some(Value::Object(members)) = tool.get_mut(name) else { return };
    members.retain(|key, value| !defaults.iter().any(|(n, v)| n == key && v == value));
    if members.is_empty() {
        tool.remove(name);
    }
}

/// 2025-03-26 schema, `ToolAnnotations`.
const ANNOTATION_DEFAULTS: [(&str, bool); 4] = [
    ("readOnlyHint", false),
    ("destructiveHint", true),
    ("idempotentHint", false),
    ("openWorldHint", true),
];

#[cfg(test)]
mod tests;
