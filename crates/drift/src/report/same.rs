//! Equality as the digests see it.

use serde_json::Value;

/// Whether two semantic forms have the same canonical bytes: numbers are equal when their doubles
/// are, everything else is equal as it stands.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The same for values that may be absent.
pub(crate) fn same_or_absent(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// The keys of either value, each once, in order; empty for what is not an object.
pub(crate) fn keys<'v>(a: Option<&'v Value>, b: Option<&'v Value>) -> Vec<&'v str> {
    let keys = |value: Option<&'v Value>| value.and_then(Value::as_object).map(|o| o.keys());
    let all = keys(a).into_iter().flatten().chain(keys(b).into_iter().flatten());
    let mut all: Vec<_> = all.map(String::as_str).collect();
    all.sort_unstable();
    all.dedup();
    all
}
