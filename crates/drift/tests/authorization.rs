//! Who may use a tool: what weakens it is critical, what asks for more is not, wherever it stands.

#![allow(clippy::expect_used, reason = "a test that cannot read its rows fails")]

use drift::{Severity, compare};
use serde_json::{Value, json};
use surface::{Era, Kind, Place, Surface};

fn surface(tool: Value) -> Surface {
    Surface { era: Era::Modern, items: [(Place::new(Kind::Tool, "pay"), tool)].into() }
}

/// The worst change and its code.
fn worst(before: Value, after: Value) -> (Severity, String) {
    let changes = compare(&surface(before), &surface(after), &[]);
    let worst = changes.iter().max_by_key(|change| change.severity).expect("something differs");
    (worst.severity, worst.code.trim_start_matches("surface.tool.").to_owned())
}

/// A tool with schemes on it, or under `_meta` as the Apps documentation repeats them.
fn with_schemes(schemes: &Value, is_meta: bool) -> Value {
    match (schemes, is_meta) {
        (Value::Null, _) => json!({"inputSchema": {"type": "object"}}),
        (_, false) => json!({"inputSchema": {"type": "object"}, "securitySchemes": schemes}),
        (_, true) => {
            json!({"inputSchema": {"type": "object"}, "_meta": {"securitySchemes": schemes}})
        }
    }
}

#[test]
fn a_scheme_that_asks_for_less_is_critical_and_one_that_asks_for_more_is_noted() {
    let oauth = |scopes: &[&str]| json!({"type": "oauth2", "scopes": scopes});
    let noauth = || json!({"type": "noauth"});
    let rows = [
        ("scheme removed", json!([oauth(&["a"])]), Value::Null, "security-weakened"),
        ("list emptied", json!([oauth(&["a"])]), json!([]), "security-weakened"),
        ("scope removed", json!([oauth(&["a", "b"])]), json!([oauth(&["a"])]), "security-weakened"),
        (
            "scopes removed",
            json!([oauth(&["a"])]),
            json!([{"type": "oauth2"}]),
            "security-weakened",
        ),
        ("scope replaced", json!([oauth(&["a"])]), json!([oauth(&["b"])]), "security-weakened"),
        (
            "noauth added",
            json!([oauth(&["a"])]),
            json!([oauth(&["a"]), noauth()]),
            "security-weakened",
        ),
        ("noauth instead", json!([oauth(&["a"])]), json!([noauth()]), "security-weakened"),
        ("noauth where nothing was", Value::Null, json!([noauth()]), "security-weakened"),
        (
            "another way in",
            json!([oauth(&["a"])]),
            json!([oauth(&["a"]), oauth(&["b"])]),
            "security-weakened",
        ),
        ("no list any more", json!([oauth(&["a"])]), json!("none"), "security-altered"),
        ("scheme added", Value::Null, json!([oauth(&["a"])]), "security-changed"),
        ("scope added", json!([oauth(&["a"])]), json!([oauth(&["a", "b"])]), "security-changed"),
        (
            "noauth gone",
            json!([oauth(&["a"]), noauth()]),
            json!([oauth(&["a"])]),
            "security-changed",
        ),
        (
            "a way gone",
            json!([oauth(&["a"]), oauth(&["b"])]),
            json!([oauth(&["b"])]),
            "security-changed",
        ),
    ];
    for (what, before, after, code) in rows {
        let severity =
            if code == "security-changed" { Severity::Notice } else { Severity::Critical };
        for is_meta in [false, true] {
            let (before, after) = (with_schemes(&before, is_meta), with_schemes(&after, is_meta));
            let found = worst(before, after);
            assert_eq!(found, (severity, code.to_owned()), "{what}, in `_meta`: {is_meta}");
        }
    }
}

/// A tool with a mapping in its input schema, as COAZ-MCP has it, or beside it.
fn with_mapping(mapping: &Value, is_beside: bool) -> Value {
    match (mapping, is_beside) {
        (Value::Null, _) => json!({"inputSchema": {"type": "object"}}),
        (_, false) => json!({"inputSchema": {"type": "object", "x-authzen-mapping": mapping}}),
        (_, true) => json!({"inputSchema": {"type": "object"}, "x-authzen-mapping": mapping}),
    }
}

#[test]
fn a_mapping_that_asks_another_question_is_critical_wherever_it_stands() {
    let body = json!({
        "action": {"name": "pay"},
        "resource": {"type": "account", "id": "$params.arguments.from"},
    });
    let but = |place: &str, value: Value| {
        let mut body = body.clone();
        *body.pointer_mut(place).expect("it is there") = value;
        json!({"evaluation": body})
    };
    let plain = json!({"evaluation": body.clone()});
    let mut named = body.clone();
    named["subject"] = json!({"type": "identity", "id": "$params.arguments.who"});
    let mut bare = body.clone();
    bare.as_object_mut().expect("an object").remove("resource");
    let first = json!({"action": {"name": "debit"}, "resource": {"type": "a", "id": "b"}});
    let second = json!({"action": {"name": "credit"}, "resource": {"type": "a", "id": "c"}});
    let several = |list: &[&Value]| json!({"evaluations": {"evaluations": list}});
    let rows = [
        ("removed", plain.clone(), Value::Null, "security-weakened"),
        ("another envelope", plain.clone(), several(&[&first]), "security-weakened"),
        ("resource removed", plain.clone(), json!({"evaluation": bare}), "security-weakened"),
        ("a question gone", several(&[&first, &second]), several(&[&first]), "security-weakened"),
        ("another action", plain.clone(), but("/action/name", json!("look")), "security-altered"),
        ("another type", plain.clone(), but("/resource/type", json!("page")), "security-altered"),
        ("another id", plain.clone(), but("/resource/id", json!("mine")), "security-altered"),
        ("a subject named", plain.clone(), json!({"evaluation": named}), "security-altered"),
        ("no object any more", plain.clone(), json!("none"), "security-altered"),
        ("new", Value::Null, plain, "security-changed"),
        ("one more question", several(&[&first]), several(&[&first, &second]), "security-changed"),
    ];
    for (what, before, after, code) in rows {
        let severity =
            if code == "security-changed" { Severity::Notice } else { Severity::Critical };
        for is_beside in [false, true] {
            let found = worst(with_mapping(&before, is_beside), with_mapping(&after, is_beside));
            assert_eq!(
                found,
                (severity, code.to_owned()),
                "{what}, beside the schema: {is_beside}"
            );
        }
    }
}
