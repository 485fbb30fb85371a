//! An entry that passes reads back the same, holds no receipt, and has one digest in every form.
//!
//! The module is taken in by its path: the crate around it brings databases and sockets.

#![no_main]
#![allow(dead_code, unused_imports, unreachable_pub)]

#[path = "../../crates/registry/src/limits/publish.rs"]
mod limits;

#[path = "../../crates/registry/src/publish"]
mod publish {
    pub mod server_json;
}

use libfuzzer_sys::fuzz_target;
use publish::server_json::{RECEIPT_SUFFIX, ServerJson};
use surface::{Digest, canonical};

fuzz_target!(|data: &[u8]| {
    let Ok(entry) = ServerJson::parse(data) else { return };
    let again = ServerJson::parse(entry.bytes()).expect("what is kept passes");
    assert_eq!(again.value(), entry.value());
    assert_eq!(again.bytes(), entry.bytes());
    let canonical = canonical::to_vec(entry.value());
    assert_eq!(Digest::of_bytes(&canonical), entry.digest());
    let other = ServerJson::parse(&canonical).expect("the canonical form passes");
    assert_eq!(other.digest(), entry.digest());
    let text = String::from_utf8_lossy(&canonical);
    assert!(!text.contains(&format!("{RECEIPT_SUFFIX}\":")));
    assert!(!entry.name().is_empty() && !entry.version().is_empty());
});
