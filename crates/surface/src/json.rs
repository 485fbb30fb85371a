//! The one door for JSON: from a strict document to an owned value, or a refusal.

use serde_json::{Map, Number, Value};
use wire::{Kind, Refusal};

/// The owned form of a value whose every scalar all parsers read alike.
///
/// # Errors
/// The first lone surrogate, unsafe integer or number out of range inside `value`.
pub fn exact(value: wire::Value<'_>) -> Result<Value, Refusal> {
    value.exact().map(owned)
}

/// Recursion is bounded by the depth limit of the scan.
fn owned(value: wire::Value<'_>) -> Value {
    match value.kind() {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Bool(value.as_bool().unwrap_or_default()),
        Kind::Number => number(value.as_number().unwrap_or_default()),
        Kind::String => Value::String(string(value)),
        Kind::Array => Value::Array(value.elements().map(owned).collect()),
        Kind::Object => {
            let members = value.members().map(|(key, member)| (string(key), owned(member)));
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}

fn string(value: wire::Value<'_>) -> String {
    value.as_str().map(std::borrow::Cow::into_owned).unwrap_or_default()
}

/// `str::parse` finds the nearest double; `serde_json` without `float_roundtrip` may not.
///
/// INVARIANT: numbers that are equal have one form, as `1.0` becomes `1`; so values are equal
/// exactly when their canonical forms are.
fn number(text: &str) -> Value {
    let integer =
        |text: &str| text.parse::<i64>().ok().map(|integer| Value::Number(integer.into()));
    integer(text).unwrap_or_else(|| {
        let double: f64 = text.parse().unwrap_or_default();
        integer(ryu_js::Buffer::new().format(double))
            .unwrap_or_else(|| Number::from_f64(double).map_or(Value::Null, Value::Number))
    })
}
