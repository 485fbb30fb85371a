//! The committed vectors are what this crate makes, and what Python makes without any code of ours.
#![allow(clippy::unwrap_used)]

#[path = "vectors/made.rs"]
mod made;

use std::process::Command;

#[test]
fn the_vectors_are_what_rust_and_python_make() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors");
    let committed = std::fs::read_to_string(format!("{folder}/audit.json")).unwrap();
    assert_eq!(made::text(), committed);
    let output = Command::new("python3").arg(format!("{folder}/audit.py")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
