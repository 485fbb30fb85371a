//! The one door for JSON: from a strict document to an owned value, or a refusal.

use serde_json::{Map, Number, Value};
use wire::{Kind, Refusal};

/// The owned form of a value whose every scalar all parsers read alike.
///
/// INVARIANT: members stand in the order of their names, whichever a serialiser wrote: what is found first
/// in a value, and what is printed of it, depends on nothing else.
///
/// # Errors
/// The first lone surrogate, unsafe integer or number out of range inside `value`.
pub fn exact(value: wire::Value<'_>) -> Result<Value, Refusal> {
    value.exact().map(owned)
}

/// The same of what a server shows, where no object may have two keys that lenient parsers merge
/// either.
///
/// # Errors
/// As [`exact`], and the later of two keys that differ in case or Unicode form alone.
pub fn shown(value: wire::Value<'_>) -> Result<Value, Refusal> {
    value.exact()?.distinct().map(owned)
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
            let mut members = Map::new();
            for (key, member) in value.members() {
                members.insert(string(key), owned(member));
            }
            members.sort_keys();
            Value::Object(members)
        }
    }
}

fn string(value: wire::Value<'_>) -> String {
    value.as_str().map(std::borrow::Cow::into_owned).unwrap_or_default()
}

/// `str::parse` finds the nearest double; `serde_json` without `float_roundtrip` may not.
///
/// INVARIANT: numbers that are equal have one form, an integer up to 2^53 - 1 and a double beyond;
/// so values are equal exactly when their canonical forms are.
fn number(text: &str) -> Value {
    integer(text).unwrap_or_else(|| {
        let double: f64 = text.parse().unwrap_or_default();
        integer(ryu_js::Buffer::new().format(double))
            .unwrap_or_else(|| Number::from_f64(double).map_or(Value::Null, Value::Number))
    })
}

fn integer(text: &str) -> Option<Value> {
    let integer = text.parse::<i64>().ok()?;
    (integer.unsigned_abs() <= SAFE_INTEGER_MAX).then(|| Value::Number(integer.into()))
}

const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::{Document, Policy};

    use super::*;

    fn read(text: &str) -> Value {
        let document = Document::parse(text.as_bytes(), &Policy::default()).expect("JSON");
        exact(document.root()).expect("exact JSON")
    }

    #[test]
    fn members_stand_in_the_order_of_their_names() {
        let value = read(r#"{"b":{"d":1,"c":[{"f":2,"e":3}]},"a":4}"#);
        assert_eq!(value.to_string(), r#"{"a":4,"b":{"c":[{"e":3,"f":2}],"d":1}}"#);
    }

    #[test]
    fn equal_numbers_have_one_form_and_print_so_that_they_read_back() {
        for (texts, value) in [
            (&["1", "1.0", "10e-1"][..], json!(1)),
            (&["0", "-0", "-0.0", "0e9"], json!(0)),
            (&["9007199254740991", "9007199254740991.0"], json!(9_007_199_254_740_991_i64)),
            (&["22e21", "2.2e22", "22000000000000000000000.0"], json!(2.2e22)),
            (&["0.5", "5e-1"], json!(0.5)),
        ] {
            for text in texts {
                assert_eq!(read(text), value, "{text}");
            }
            assert_eq!(read(&value.to_string()), value);
        }
    }
}
