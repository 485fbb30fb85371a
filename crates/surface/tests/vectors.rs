//! The published vectors hold for this implementation.
#![allow(clippy::expect_used, reason = "a test may panic, and so may what it calls")]

use serde_json::{Value, json};
use surface::{CacheScope, Digest, Digests, Kind, canonical, digest, document, semantic};
use wire::{Document, Policy};

fn vectors(text: &str) -> Value {
    serde_json::from_str(text).expect("vectors are JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn exact(input: &str) -> Result<Value, wire::Refusal> {
    surface::json::exact(Document::parse(input.as_bytes(), &Policy::default())?.root())
}

#[test]
fn canonical_forms_hold() {
    let vectors = vectors(include_str!("../../../vectors/canonical.json"));
    assert!(list(&vectors["accepted"]).len() > 500);
    for case in list(&vectors["accepted"]) {
        let value = exact(text(&case["input"])).expect("accepted");
        let form = canonical::to_vec(&value);
        assert_eq!(String::from_utf8(form).expect("UTF-8"), text(&case["canonical"]));
        assert_eq!(json!(Digest::of(&value)), case["digest"]);
    }
    for case in list(&vectors["refused"]) {
        let refusal = exact(text(&case["input"])).expect_err("refused");
        assert_eq!(
            json!([refusal.code.as_str(), refusal.offset]),
            json!([case["code"], case["offset"]])
        );
    }
}

#[test]
fn semantic_steps_hold() {
    let vectors = vectors(include_str!("../../../vectors/semantic.json"));
    for step in list(&vectors) {
        let first = &step["same"][0]["digests"]["semantic"];
        for (which, is_same) in [("same", true), ("different", false)] {
            for case in list(&step[which]) {
                let tool = exact(&case["tool"].to_string()).expect("accepted");
                assert_eq!(
                    semantic::normalize(Kind::Tool, &tool),
                    case["form"],
                    "{}",
                    step["step"]
                );
                assert_eq!(json!(Digests::of_item(Kind::Tool, &tool)), case["digests"]);
                assert_eq!(case["digests"]["semantic"] == *first, is_same, "{}", step["step"]);
            }
        }
    }
}

#[test]
fn surfaces_hold() {
    let vectors = vectors(include_str!("../../../vectors/surface.json"));
    for case in list(&vectors) {
        for form in ["document", "printed"] {
            let text = case[form].to_string();
            let scanned = Document::parse(text.as_bytes(), &document::POLICY).expect("accepted");
            let surface = document::read(scanned.root()).expect("a surface");
            let printed = document::write(&surface, CacheScope::Private, document::Detail::Fields);
            assert_eq!(printed, case["printed"]);
            assert_eq!(json!(digest::mtl1(&surface)), case["mtl1"]);
        }
    }
}
