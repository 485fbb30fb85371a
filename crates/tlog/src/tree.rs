//! Merkle trees of RFC 6962: appending, and proofs.

use crate::hash::Hash;

/// The right edge of a tree: enough to append to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// The roots of the perfect subtrees, largest first.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        unimplemented!()
    }

    /// Adds a leaf. `node` is called with the level and index of each node that it completes, the
    /// leaf (level 0) first.
    pub fn append(&mut self, leaf: Hash, node: impl FnMut(u8, u64, Hash)) {
        let _ = (leaf, node);
        unimplemented!()
    }
}

/// Verifies an inclusion proof (RFC 9162 section 2.1.3.2).
///
/// # Errors
/// A proof of another shape, or one that leads to another root.
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    hashes: &[Hash],
    root: Hash,
) -> Result<(), ProofError> {
    let _ = (leaf, index, size, hashes, root);
    unimplemented!()
}

/// Verifies a consistency proof (RFC 9162 section 2.1.4.2).
///
/// # Errors
/// A proof of another shape, or one that leads to another root.
pub fn verify_consistency(
    old_size: u64,
    old_root: Hash,
    size: u64,
    root: Hash,
    hashes: &[Hash],
) -> Result<(), ProofError> {
    let _ = (old_size, old_root, size, root, hashes);
    unimplemented!()
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The index is not in the tree, or the old tree is larger.
    #[error("the index or size is past the tree")]
    OutOfRange,
    /// There are more or fewer hashes than the shape asks.
    #[error("the proof has the wrong number of hashes")]
    Length,
    /// The hashes lead elsewhere.
    #[error("the proof leads to another root")]
    Root,
}
