//! The leaf of the log that states the map's root.

use crate::checkpoint::decimal;
use crate::hash::Hash;

/// The leaf that states the map's root: canonical JSON
/// `{"_type":"…/map/v1","covers":N-1,"root":"<base64>"}`, the last leaf of every published size N.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapLeaf {
    /// How many leaves before it the map covers: its own index.
    pub covers: u64,
    /// The root of the map.
    pub root: Hash,
}

impl MapLeaf {
    /// The entry.
    pub fn to_entry(self) -> Vec<u8> {
        format!("{START}{}{MIDDLE}{}{END}", self.covers, self.root).into_bytes()
    }

    /// Reads an entry; `None` if it is another kind of leaf.
    pub fn parse(entry: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(entry).ok()?.strip_prefix(START)?.strip_suffix(END)?;
        let (covers, root) = text.split_once(MIDDLE)?;
        Some(Self { covers: decimal(covers)?, root: root.parse().ok()? })
    }
}

const START: &str = "{\"_type\":\"https://countersign.dev/map/v1\",\"covers\":";
const MIDDLE: &str = ",\"root\":\"";
const END: &str = "\"}";
