//! The latest leaf of each name: a Patricia trie over SHA-256 keys whose every node's hash commits
//! to the node's own label, so that absence is provable.
//!
//! A leaf is hashed as `0x02 ‖ key ‖ index ‖ leaf hash`, a branch as `0x03 ‖ bit ‖ label ‖ left ‖
//! right`: `bit` is the first bit, from the most significant of the first byte on, in which the keys
//! below differ, and the label is those keys with that bit and all after it set to zero. The root of
//! an empty map is SHA-256 of nothing.

mod leaf;
mod proof;

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::hash::Hash;

pub use leaf::MapLeaf;
pub use proof::{MapProof, MapProofError};

/// A key of the map: SHA-256 of a name.
pub type Key = [u8; 32];

/// What the map holds for a key: the newest leaf of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest {
    /// The leaf's hash.
    pub leaf: Hash,
    /// The leaf's index.
    pub index: u64,
}

/// The map. A clone is a snapshot and costs nothing: changes copy the nodes that they touch. At a
/// million keys it takes some 190 MB.
#[derive(Debug, Clone, Default)]
pub struct Map {
    root: Option<Link>,
    keys: usize,
}

#[derive(Debug, Clone)]
enum Link {
    Leaf(Arc<Leaf>),
    Branch(Arc<Branch>),
}

#[derive(Debug, Clone)]
struct Leaf {
    key: Key,
    latest: Latest,
}

/// INVARIANT: every key below agrees in all bits before `bit`; those with it set are on the right.
#[derive(Debug, Clone)]
struct Branch {
    bit: u8,
    left: Link,
    right: Link,
    /// `None` until [`Map::root`] makes it anew.
    hash: Option<Hash>,
}

impl Map {
    /// The key of a name: SHA-256 of its UTF-8 bytes.
    pub fn key(name: &str) -> Key {
        Sha256::digest(name).into()
    }

    /// How many keys the map holds.
    pub const fn len(&self) -> usize {
        self.keys
    }

    /// Whether the map holds nothing.
    pub const fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// What the map holds for a key.
    pub fn latest(&self, key: &Key) -> Option<Latest> {
        let leaf = self.root.as_ref()?.nearest(key);
        (leaf.key == *key).then_some(leaf.latest)
    }

    /// Sets what a key holds, and gives what it held.
    pub fn insert(&mut self, key: Key, latest: Latest) -> Option<Latest> {
        let Some(root) = &mut self.root else {
            self.root = Some(Link::leaf(key, latest));
            self.keys = 1;
            return None;
        };
        let differs = first_difference(&root.nearest(&key).key, &key);
        let held = root.insert(key, latest, differs);
        self.keys += usize::from(held.is_none());
        held
    }

    /// The root. The hashes of changed nodes are made here, once for a batch of inserts.
    pub fn root(&mut self) -> Hash {
        match &mut self.root {
            None => Hash::of_nothing(),
            Some(link) => link.rehash(&mut [0; 32]),
        }
    }

    /// The proof of what the map holds for a key, present or absent; call [`Map::root`] first.
    pub fn prove(&self, key: &Key) -> MapProof {
        let mut path = Vec::new();
        let Some(mut link) = self.root.as_ref() else { return MapProof::new(path, None) };
        let nearest = link.nearest(key).key;
        let differs = first_difference(&nearest, key);
        loop {
            let branch = match link {
                Link::Leaf(leaf) => return MapProof::new(path, Some(proof::End::of_leaf(leaf))),
                Link::Branch(branch) => branch,
            };
            if differs.is_some_and(|differs| differs < branch.bit) {
                return MapProof::new(path, Some(proof::End::of_branch(branch, &nearest)));
            }
            let (next, beside) = if bit(key, branch.bit) {
                (&branch.right, &branch.left)
            } else {
                (&branch.left, &branch.right)
            };
            path.push((branch.bit, beside.hash()));
            link = next;
        }
    }
}

impl Link {
    fn leaf(key: Key, latest: Latest) -> Self {
        Self::Leaf(Arc::new(Leaf { key, latest }))
    }

    /// The leaf that a key leads to when only the bits of branches are looked at.
    fn nearest(&self, key: &Key) -> &Leaf {
        let mut link = self;
        loop {
            match link {
                Self::Leaf(leaf) => return leaf,
                Self::Branch(branch) => {
                    link = if bit(key, branch.bit) { &branch.right } else { &branch.left };
                }
            }
        }
    }

    /// `differs` is the first bit in which the key differs from those that are there.
    fn insert(&mut self, key: Key, latest: Latest, differs: Option<u8>) -> Option<Latest> {
        match (&mut *self, differs) {
            (Self::Leaf(leaf), None) => {
                return Some(std::mem::replace(&mut Arc::make_mut(leaf).latest, latest));
            }
            (Self::Branch(branch), _) if differs.is_none_or(|differs| branch.bit < differs) => {
                let branch = Arc::make_mut(branch);
                branch.hash = None;
                let next = if bit(&key, branch.bit) { &mut branch.right } else { &mut branch.left };
                return next.insert(key, latest, differs);
            }
            _ => {}
        }
        let bit_at = differs?;
        let (new, old) = (Self::leaf(key, latest), self.clone());
        let (left, right) = if bit(&key, bit_at) { (old, new) } else { (new, old) };
        *self = Self::Branch(Arc::new(Branch { bit: bit_at, left, right, hash: None }));
        None
    }

    /// Makes the hashes that are missing, and gives this one's. `below` becomes some key below, if
    /// a hash was missing.
    ///
    /// INVARIANT: a branch without a hash has a child that is a leaf or a branch without a hash:
    /// whatever changed stands below it. So `below` is set by the time that its label is made.
    fn rehash(&mut self, below: &mut Key) -> Hash {
        let branch = match self {
            Self::Leaf(leaf) => {
                *below = leaf.key;
                return leaf.hash();
            }
            Self::Branch(branch) => branch,
        };
        if let Some(hash) = branch.hash {
            return hash;
        }
        let branch = Arc::make_mut(branch);
        let left = branch.left.rehash(below);
        let right = branch.right.rehash(below);
        let hash = hash_of_branch(branch.bit, &label(below, branch.bit), left, right);
        branch.hash = Some(hash);
        hash
    }

    /// The hash, which [`Map::root`] made.
    fn hash(&self) -> Hash {
        match self {
            Self::Leaf(leaf) => leaf.hash(),
            Self::Branch(branch) => branch.hash.unwrap_or_default(),
        }
    }
}

impl Leaf {
    fn hash(&self) -> Hash {
        hash_of_leaf(&self.key, &self.latest)
    }
}

fn hash_of_leaf(key: &Key, latest: &Latest) -> Hash {
    let hash = Sha256::new()
        .chain_update([LEAF])
        .chain_update(key)
        .chain_update(latest.index.to_be_bytes())
        .chain_update(latest.leaf.0);
    Hash(hash.finalize().into())
}

fn hash_of_branch(bit: u8, label: &Key, left: Hash, right: Hash) -> Hash {
    let hash = Sha256::new()
        .chain_update([BRANCH, bit])
        .chain_update(label)
        .chain_update(left.0)
        .chain_update(right.0);
    Hash(hash.finalize().into())
}

/// The bit at a position, from the most significant of the first byte on.
fn bit(key: &Key, at: u8) -> bool {
    key.get(usize::from(at / 8)).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
}

/// The first bit in which two keys differ.
fn first_difference(a: &Key, b: &Key) -> Option<u8> {
    let at = a.iter().zip(b).position(|(a, b)| a != b)?;
    let differs = a.get(at)? ^ b.get(at)?;
    u8::try_from(at * 8 + usize::try_from(differs.leading_zeros()).ok()?).ok()
}

/// A key with the bit at a position and all after it set to zero.
fn label(key: &Key, at: u8) -> Key {
    let mut label = *key;
    if let Some([byte, rest @ ..]) = label.get_mut(usize::from(at / 8)..) {
        *byte &= !(0xff >> (at % 8));
        rest.fill(0);
    }
    label
}

/// Hashes of the map are told apart from those of the tree (RFC 6962: 0x00 and 0x01).
const LEAF: u8 = 0x02;
const BRANCH: u8 = 0x03;

#[cfg(test)]
mod tests {
    use super::*;

    fn latest(index: u64) -> Latest {
        Latest { leaf: Hash::of_leaf(&index.to_be_bytes()), index }
    }

    #[test]
    fn what_is_there_and_what_is_not_is_proved() {
        let mut map = Map::default();
        let key = |index: u64| Map::key(&format!("io.github.acme/server-{index}"));
        for index in 0..300_u64 {
            let root = map.root();
            let absent = map.prove(&key(index));
            assert_eq!(MapProof::parse(&absent.to_bytes()).unwrap(), absent);
            assert_eq!(absent.verify(root, &key(index)), Ok(None));
            let inserted = absent.insert(root, &key(index), latest(index));
            assert_eq!(
                absent.insert(latest(0).leaf, &key(index), latest(0)),
                Err(MapProofError::Root)
            );
            assert_eq!(map.insert(key(index), latest(index)), None);
            assert_eq!(inserted, Ok(map.root()), "without the map");
            assert_eq!(absent.verify(map.root(), &key(index)), Err(MapProofError::Root));
        }
        let before = map.clone();
        let mut before_root = before.clone();
        let root = before_root.root();
        let replaced = map.prove(&key(7)).insert(root, &key(7), latest(1_000));
        assert_eq!(map.insert(key(7), latest(1_000)), Some(latest(7)));
        assert_eq!(replaced, Ok(map.root()));
        assert_ne!(map.root(), root);
        assert_eq!(before.prove(&key(7)).verify(root, &key(7)), Ok(Some(latest(7))), "a snapshot");
        let now = map.root();
        for index in 0..300 {
            let proof = map.prove(&key(index));
            let held = if index == 7 { latest(1_000) } else { latest(index) };
            assert_eq!(proof.verify(now, &key(index)), Ok(Some(held)));
            assert!(proof.verify(now, &key(index + 1)).is_err(), "of another key");
            let mut bytes = proof.to_bytes();
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    bytes[at] ^= 1 << bit;
                    let holds = MapProof::parse(&bytes)
                        .is_ok_and(|proof| proof.verify(now, &key(index)).is_ok());
                    assert!(!holds, "{index} {at} {bit}");
                    bytes[at] ^= 1 << bit;
                }
            }
        }
    }

    #[test]
    fn the_order_of_inserts_does_not_matter() {
        let roots: Vec<_> = [1_u64, 7, 13]
            .iter()
            .map(|step| {
                let mut map = Map::default();
                for index in 0..500 {
                    let index = index * step % 500;
                    map.insert(Map::key(&index.to_string()), latest(index));
                }
                map.root()
            })
            .collect();
        assert!(roots.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
