//! A note, a key, a tile's path and the log's leaf for its map have one form each; no checkpoint is
//! read that says anything else than its note.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tlog::map::MapLeaf;
use tlog::tile::Tile;
use tlog::{Note, Policy, VerifierKey, Verify};

fuzz_target!(|data: &[u8]| {
    if let Ok(note) = Note::parse(data) {
        let lines = note.signatures().iter().map(|signature| format!("{signature}\n"));
        let again = format!("{}\n{}", note.text(), lines.collect::<String>());
        assert_eq!(again.as_bytes(), data);
        if let Ok(verified) = POLICY.open(data, &Everything) {
            assert_eq!(verified.checkpoint.text(), note.text());
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(tile) = text.parse::<Tile>() {
        assert_eq!(tile.to_string(), text);
    }
    if let Some(leaf) = MapLeaf::parse(data) {
        assert_eq!(leaf.to_entry(), data);
    }
});

/// Takes every signature, so that what stands behind one is reached.
struct Everything;

impl Verify for Everything {
    fn ed25519(&self, _: &[u8], _: &[u8], _: &[u8]) -> bool {
        true
    }

    fn ml_dsa_44(&self, _: &[u8], _: &[u8], _: &[u8]) -> bool {
        true
    }
}

/// The log and witness of the seeds.
static POLICY: LazyLock<Policy> =
    LazyLock::new(|| include_str!("../../corpus/policy/witnesses").parse().expect("a policy"));
