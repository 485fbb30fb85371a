//! What the map holds for one key, provably, present or absent.

use super::{
    Branch, Key, Latest, Leaf, bit, first_difference, hash_of_branch, hash_of_leaf, label,
};
use crate::hash::Hash;

/// A proof of presence or absence: well-formed, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapProof {
    /// The branches on the way, from the root: which bit each looks at, and the hash of the side
    /// not taken.
    path: Vec<(u8, Hash)>,
    /// Where the way ends; `None` in an empty map.
    end: Option<End>,
}

/// The node at which a way ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// A leaf: that of the key, or the only one where the key would be.
    Leaf { key: Key, latest: Latest },
    /// A branch whose label rules the key out.
    Branch { bit: u8, label: Key, left: Hash, right: Hash },
}

impl End {
    pub(super) const fn of_leaf(leaf: &Leaf) -> Self {
        Self::Leaf { key: leaf.key, latest: leaf.latest }
    }

    pub(super) fn of_branch(branch: &Branch, below: &Key) -> Self {
        Self::Branch {
            bit: branch.bit,
            label: label(below, branch.bit),
            left: branch.left.hash(),
            right: branch.right.hash(),
        }
    }
}

impl MapProof {
    pub(super) const fn new(path: Vec<(u8, Hash)>, end: Option<End>) -> Self {
        Self { path, end }
    }

    /// What the map with `root` holds for `key`; `None` if it is proved to hold nothing.
    ///
    /// # Errors
    /// A proof that leads to another root or is of another key.
    pub fn verify(&self, root: Hash, key: &Key) -> Result<Option<Latest>, MapProofError> {
        let Some(end) = &self.end else {
            let is_empty = self.path.is_empty() && root == Hash::of_nothing();
            return if is_empty { Ok(None) } else { Err(MapProofError::Root) };
        };
        // Down the way the labels only get longer.
        if !self.path.is_sorted_by(|(above, _), (below, _)| above < below) {
            return Err(MapProofError::Malformed("branches out of order"));
        }
        let last = self.path.last().map(|(bit, _)| *bit);
        let (end, held) = match end {
            End::Leaf { key: found, latest } if found == key => {
                (hash_of_leaf(found, latest), Some(*latest))
            }
            End::Leaf { key: found, latest } => {
                is_elsewhere(first_difference(found, key), last)?;
                (hash_of_leaf(found, latest), None)
            }
            End::Branch { bit, label, left, right } => {
                let differs = first_difference(label, &super::label(key, *bit));
                // Before its own bit and after the way's last: so its bit is after that too.
                is_elsewhere(differs.filter(|differs| differs < bit), last)?;
                (hash_of_branch(*bit, label, *left, *right), None)
            }
        };
        if self.climb(end, key) == root { Ok(held) } else { Err(MapProofError::Root) }
    }

    /// The root that the map with `root` has once `key` holds `latest`: what anyone can compute
    /// without the map.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn insert(&self, root: Hash, key: &Key, latest: Latest) -> Result<Hash, MapProofError> {
        self.verify(root, key)?;
        let leaf = hash_of_leaf(key, &latest);
        let (found, there) = match &self.end {
            None => return Ok(leaf),
            Some(End::Leaf { key: found, latest }) => (*found, hash_of_leaf(found, latest)),
            Some(End::Branch { bit, label, left, right }) => {
                (*label, hash_of_branch(*bit, label, *left, *right))
            }
        };
        // What was verified rules out that a branch's label differs only past its own bit.
        let end = first_difference(&found, key).map_or(leaf, |at| {
            let (left, right) = if bit(key, at) { (there, leaf) } else { (leaf, there) };
            hash_of_branch(at, &label(key, at), left, right)
        });
        Ok(self.climb(end, key))
    }

    /// The root above the node at which the way ends.
    fn climb(&self, mut hash: Hash, key: &Key) -> Hash {
        for (at, beside) in self.path.iter().rev() {
            let (left, right) = if bit(key, *at) { (*beside, hash) } else { (hash, *beside) };
            hash = hash_of_branch(*at, &label(key, *at), left, right);
        }
        hash
    }

    /// The one encoding of the proof: the number of branches, each branch's bit and hash, then how
    /// the way ends.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![u8::try_from(self.path.len()).unwrap_or(u8::MAX)];
        for (bit, beside) in &self.path {
            bytes.push(*bit);
            bytes.extend(beside.0);
        }
        match &self.end {
            None => bytes.push(EMPTY),
            Some(End::Leaf { key, latest }) => {
                bytes.push(LEAF);
                bytes.extend(key);
                bytes.extend(latest.index.to_be_bytes());
                bytes.extend(latest.leaf.0);
            }
            Some(End::Branch { bit, label, left, right }) => {
                bytes.extend([BRANCH, *bit]);
                bytes.extend(label);
                bytes.extend(left.0);
                bytes.extend(right.0);
            }
        }
        bytes
    }

    /// Reads a proof.
    ///
    /// # Errors
    /// Bytes that are none, or not in the one encoding.
    pub fn parse(bytes: &[u8]) -> Result<Self, MapProofError> {
        let proof = read(bytes).ok_or(MapProofError::Malformed("another length or form"))?;
        let labels_are_canonical = match &proof.end {
            Some(End::Branch { bit, label, .. }) => super::label(label, *bit) == *label,
            _ => true,
        };
        if labels_are_canonical {
            Ok(proof)
        } else {
            Err(MapProofError::Malformed("a label with bits past its end"))
        }
    }
}

/// Checks that the end of the way rules the key out, and stands where the way leads.
const fn is_elsewhere(differs: Option<u8>, last: Option<u8>) -> Result<(), MapProofError> {
    match (differs, last) {
        (None, _) => Err(MapProofError::Malformed("an end that does not rule the key out")),
        (Some(differs), Some(last)) if differs <= last => {
            Err(MapProofError::Malformed("an end that is not where the way leads"))
        }
        _ => Ok(()),
    }
}

fn read(bytes: &[u8]) -> Option<MapProof> {
    let (branches, mut rest) = bytes.split_first()?;
    let mut path = Vec::with_capacity((*branches).into());
    for _ in 0..*branches {
        let (bit, tail) = rest.split_first()?;
        let (beside, tail) = tail.split_first_chunk()?;
        path.push((*bit, Hash(*beside)));
        rest = tail;
    }
    let (kind, rest) = rest.split_first()?;
    let end = match *kind {
        EMPTY if rest.is_empty() => None,
        LEAF => {
            let (key, rest) = rest.split_first_chunk()?;
            let (index, rest) = rest.split_first_chunk()?;
            let leaf = Hash(rest.try_into().ok()?);
            let latest = Latest { leaf, index: u64::from_be_bytes(*index) };
            Some(End::Leaf { key: *key, latest })
        }
        BRANCH => {
            let (bit, rest) = rest.split_first()?;
            let (label, rest) = rest.split_first_chunk()?;
            let (left, rest) = rest.split_first_chunk()?;
            let right = Hash(rest.try_into().ok()?);
            Some(End::Branch { bit: *bit, label: *label, left: Hash(*left), right })
        }
        _ => return None,
    };
    Some(MapProof { path, end })
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapProofError {
    /// The bytes are no proof.
    #[error("not a map proof: {0}")]
    Malformed(&'static str),
    /// It leads to another root.
    #[error("the map proof leads to another root")]
    Root,
}

const EMPTY: u8 = 0;
const LEAF: u8 = 1;
const BRANCH: u8 = 2;
