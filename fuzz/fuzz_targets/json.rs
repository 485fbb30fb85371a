//! What is accepted is JSON to `serde_json` too and means the same; the values tile the bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::json::{Document, Kind, Policy, Value};
use wire::refusal::Code;

fuzz_target!(|data: &[u8]| {
    let lenient = Document::parse(data, &Policy::default());
    let theirs = serde_json::from_slice::<serde_json::Value>(data);
    let document = match &lenient {
        Ok(document) => document,
        Err(refusal) => {
            assert!(refusal.offset <= data.len(), "{refusal}");
            let is_ours_alone = matches!(refusal.code, Code::DuplicateKey | Code::Depth);
            assert!(theirs.is_err() || is_ours_alone, "{refusal}");
            return;
        }
    };
    whole(document.root());
    let exact = document.root().exact();
    match (&theirs, exact) {
        (Ok(theirs), Ok(ours)) => same(ours, theirs),
        (Err(error), Ok(_)) => panic!("exact, yet serde_json refuses it: {error}"),
        // A lone surrogate or a number out of range.
        (_, Err(note)) => assert_eq!(Some(&note), document.notes().first()),
    }
    let strict = Policy { strict_scalars: true, fold_keys: true, ..Policy::default() };
    match Document::parse(data, &strict) {
        Ok(_) => assert!(document.notes().is_empty()),
        Err(refusal) if refusal.code == Code::FoldedKey => {}
        Err(refusal) => assert_eq!(Some(&refusal), document.notes().first()),
    }
    // Folding everywhere refuses at least what folding outside a schema's names refuses.
    let folded = Document::parse(data, &Policy { fold_keys: true, ..Policy::default() });
    if document.root().distinct().is_err() {
        assert_eq!(folded.err().map(|refusal| refusal.code), Some(Code::FoldedKey));
    }
    // The bytes of any value are a document that reads the same.
    let raw = document.root().raw();
    let again = Document::parse(raw, &Policy::default()).expect("the root parses alone");
    assert_eq!(again.root().raw(), raw);
    assert_eq!(again.notes().len(), document.notes().len());
});

/// Every value lies inside its parent, after its elder sibling, and is found by its key.
fn whole(value: Value<'_>) {
    let mut at = value.start();
    let mut inside = |child: Value<'_>| {
        assert!(at < child.start() && child.end() < value.end());
        at = child.end();
    };
    for element in value.elements() {
        inside(element);
        whole(element);
    }
    for (key, member) in value.members() {
        inside(key);
        inside(member);
        if let Some(text) = key.as_str() {
            assert_eq!(value.get(&text).map(Value::start), Some(member.start()));
            assert!(value.member(&text).is_err() || key.is_text(&text));
        }
        whole(member);
    }
}

fn same(ours: Value<'_>, theirs: &serde_json::Value) {
    match theirs {
        serde_json::Value::Null => assert!(ours.is_null()),
        serde_json::Value::Bool(truth) => assert_eq!(ours.as_bool(), Some(*truth)),
        serde_json::Value::Number(number) => {
            let text = ours.as_number().expect("a number");
            if let Some(integer) = number.as_i64() {
                assert_eq!(ours.as_integer(), Some(integer), "{text}");
            }
            let double = number.as_f64().expect("a double");
            // `serde_json` may miss the nearest double by one unit in the last place.
            let nearest: f64 = text.parse().expect("a double");
            assert!((double - nearest).abs() <= nearest.abs() * f64::EPSILON, "{text}");
        }
        serde_json::Value::String(text) => assert_eq!(ours.as_str().as_deref(), Some(&text[..])),
        serde_json::Value::Array(elements) => {
            assert_eq!(ours.kind(), Kind::Array);
            assert_eq!(ours.elements().count(), elements.len());
            ours.elements().zip(elements).for_each(|(ours, theirs)| same(ours, theirs));
        }
        serde_json::Value::Object(members) => {
            assert_eq!(ours.members().count(), members.len());
            for (key, theirs) in members {
                same(ours.get(key).expect("the same keys"), theirs);
            }
        }
    }
}
