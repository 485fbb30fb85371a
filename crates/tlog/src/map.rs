//! The latest leaf of each name: a Patricia trie over SHA-256 keys whose every node's hash commits
//! to the node's own label, so that absence is provable.

use crate::hash::Hash;

/// What the map holds for a key: the newest leaf of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest {
    /// The leaf's hash.
    pub leaf: Hash,
    /// The leaf's index.
    pub index: u64,
}

/// The map. At a million keys it takes some 258 MB.
#[derive(Debug, Default)]
pub struct Map {
    _private: (),
}

impl Map {
    /// The key of a name: SHA-256 of its UTF-8 bytes.
    pub fn key(name: &str) -> [u8; 32] {
        let _ = name;
        unimplemented!()
    }

    /// Sets what a key holds, and gives what it held.
    pub fn insert(&mut self, key: [u8; 32], latest: Latest) -> Option<Latest> {
        let _ = (key, latest);
        unimplemented!()
    }

    /// The root. The hashes of changed nodes are made here, once for a batch of inserts.
    pub fn root(&mut self) -> Hash {
        unimplemented!()
    }

    /// The proof of what the map holds for a key, present or absent; call [`Map::root`] first.
    pub fn prove(&self, key: &[u8; 32]) -> MapProof {
        let _ = key;
        unimplemented!()
    }
}

/// A proof of presence or absence: well-formed, not verified. Has a binary form for bundles
/// (`to_bytes`, `parse`), which is bounded and has one encoding for each proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapProof {
    _private: (),
}

impl MapProof {
    /// What the map with `root` holds for `key`; `None` if it is proved to hold nothing.
    ///
    /// # Errors
    /// A proof that leads to another root or is of another key.
    pub fn verify(&self, root: Hash, key: &[u8; 32]) -> Result<Option<Latest>, MapProofError> {
        let _ = (root, key);
        unimplemented!()
    }
}

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
        unimplemented!()
    }

    /// Reads an entry; `None` if it is another kind of leaf.
    pub fn parse(entry: &[u8]) -> Option<Self> {
        let _ = entry;
        unimplemented!()
    }
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapProofError {
    /// The bytes are no proof.
    #[error("not a map proof: {0}")]
    Malformed(&'static str),
    /// It leads to another root.
    #[error("the map proof leads to another root")]
    Root,
}
