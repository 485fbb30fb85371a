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

    /// The right edge of a tree of `size` leaves whose perfect subtrees have these roots, largest
    /// first; `None` if it has another number of them.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// The roots of the perfect subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev().copied();
        let Some(smallest) = peaks.next() else { return Hash::of_nothing() };
        peaks.fold(smallest, |right, left| Hash::of_node(left, right))
    }

    /// Adds a leaf. `node` is called with the level and index of each node that it completes, the
    /// leaf (level 0) first.
    pub fn append(&mut self, leaf: Hash, mut node: impl FnMut(u8, u64, Hash)) {
        let mut hash = leaf;
        let mut level = 0;
        let mut index = self.size;
        node(level, index, hash);
        // A completed left sibling is the last peak, for as long as the index is odd.
        while index % 2 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = Hash::of_node(left, hash);
            index /= 2;
            level += 1;
            node(level, index, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
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
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in hashes {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node % 2 == 1 || node == last {
            hash = Hash::of_node(*sibling, hash);
            while node % 2 == 0 && node != 0 {
                node /= 2;
                last /= 2;
            }
        } else {
            hash = Hash::of_node(hash, *sibling);
        }
        node /= 2;
        last /= 2;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if hash == root { Ok(()) } else { Err(ProofError::Root) }
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
    if old_size > size {
        return Err(ProofError::OutOfRange);
    }
    if old_size == size || old_size == 0 {
        let is_old_root =
            if old_size == 0 { old_root == Hash::of_nothing() } else { old_root == root };
        return match (hashes, is_old_root) {
            ([], true) => Ok(()),
            ([], false) => Err(ProofError::Root),
            _ => Err(ProofError::Length),
        };
    }
    let mut hashes = hashes.iter().copied();
    // A perfect old tree is a node of the new one, and is not repeated in the proof.
    let first = if old_size.is_power_of_two() { Some(old_root) } else { hashes.next() };
    let first = first.ok_or(ProofError::Length)?;
    let (mut node, mut last) = (old_size - 1, size - 1);
    while node % 2 == 1 {
        node /= 2;
        last /= 2;
    }
    let (mut old, mut new) = (first, first);
    for hash in hashes {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node % 2 == 1 || node == last {
            old = Hash::of_node(hash, old);
            new = Hash::of_node(hash, new);
            while node % 2 == 0 && node != 0 {
                node /= 2;
                last /= 2;
            }
        } else {
            new = Hash::of_node(new, hash);
        }
        node /= 2;
        last /= 2;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if old == old_root && new == root { Ok(()) } else { Err(ProofError::Root) }
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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
