//! Any item has a semantic form, and the form of the form is itself; canonical bytes mean the item.

#![no_main]

use libfuzzer_sys::fuzz_target;
use surface::{Kind, canonical, json, semantic};
use wire::json::{Document, Policy};
use wire::refusal::Code;

fuzz_target!(|data: &[u8]| {
    let Some(item) = read(data) else { return };
    let form = semantic::normalize(Kind::Tool, &item);
    assert_eq!(semantic::normalize(Kind::Tool, &form), form);
    let bytes = canonical::to_vec(&item);
    let document = Document::parse(&bytes, &Policy::default()).expect("canonical bytes are JSON");
    // `22e15` is canonically an integer that parsers read differently.
    if document.notes().iter().all(|note| note.code != Code::Integer) {
        assert_eq!(json::exact(document.root()), Ok(item));
    }
});

fn read(data: &[u8]) -> Option<serde_json::Value> {
    let document = Document::parse(data, &Policy::default()).ok()?;
    json::exact(document.root()).ok()
}
