//! A page of an upstream: its rows are those of a lenient reader, each reads alone as it reads in the
//! page, and none carries a receipt of ours.
//!
//! The module is taken in by its path: the crate around it brings databases and sockets.

#![no_main]
#![allow(dead_code, unused_imports, unreachable_pub)]

// The bounds on names are those of statements.
extern crate self as seal;

#[path = "../../crates/registry/src/limits/outside.rs"]
mod outside;
#[path = "../../crates/seal/src/limits.rs"]
mod statement;

pub mod limits {
    pub use crate::outside::*;
    pub use crate::statement::*;
}

#[path = "../../crates/registry/src/mirror/page.rs"]
mod page;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use page::Row;
use serde_json::Value;
use surface::{Digest, canonical};

const OWN: &str = "com.example.registry/countersign";

fuzz_target!(|data: &[u8]| {
    let bytes = Bytes::copy_from_slice(data);
    let Ok(page) = page::read(&bytes, OWN) else { return };
    let mut are_entries = true;
    for row in &page.rows {
        let raw = match row {
            Row::Entry(entry) => {
                assert_eq!(entry.digest, Digest::of(&entry.server));
                let text = String::from_utf8(canonical::to_vec(&entry.server)).expect("UTF-8");
                assert!(!text.contains(&format!("\"{OWN}\":")));
                assert_eq!(page::server_of(&entry.raw, OWN).as_ref(), Some(&entry.server));
                entry.raw.clone()
            }
            Row::Refused(refused) => {
                are_entries = false;
                refused.raw.clone()
            }
        };
        assert_eq!(page::row(raw, OWN), *row);
    }
    if are_entries {
        let lenient: Value = serde_json::from_slice(data).expect("rows and page are JSON");
        let servers = lenient["servers"].as_array().expect("a list");
        assert_eq!(servers.len(), page.rows.len());
    }
});
