//! The whole log, read past the log engine: every entry, every head that anybody saw.

use std::collections::BTreeMap;

use seal::Crypto;
use store::Replicated as _;
use store::backend::Backend as _;
use store::scale::Scale;
use tlog::map::MapLeaf;
use tlog::tile::{self, Tile};
use tlog::tree::Frontier;
use tlog::{Checkpoint, Hash};

use crate::world::{ORIGIN, verifiers};

/// What was promised: entries by index, and checkpoints that were shown.
#[derive(Default)]
pub(crate) struct Promises {
    pub(crate) entries: BTreeMap<u64, Vec<u8>>,
    pub(crate) checkpoints: Vec<String>,
}

/// Reads all that is stored and holds it against what was promised. Gives the size.
pub(crate) async fn verify(scale: &Scale, promises: &Promises) -> u64 {
    let loaded = scale.read().await.unwrap();
    let mut entries: Vec<Vec<u8>> = Vec::new();
    for index in 0..loaded.settled_size / 256 {
        let bundle = scale.tile(Tile { level: None, index, width: 256 }).await.unwrap();
        let bundle = bundle.expect("what is settled is in the object store");
        entries.extend(tile::entries(&bundle, 256).unwrap().into_iter().map(<[u8]>::to_vec));
        let hashes = scale.tile(Tile { level: Some(0), index, width: 256 }).await.unwrap().unwrap();
        let leaves = entries.iter().rev().take(256).rev().flat_map(|entry| Hash::of_leaf(entry).0);
        assert!(leaves.eq(hashes.iter().copied()), "tile {index} has other hashes");
    }
    entries.extend(loaded.entries.iter().map(|entry| entry.to_vec()));

    for (index, entry) in &promises.entries {
        let there = entries.get(usize::try_from(*index).unwrap());
        let text = String::from_utf8_lossy(entry);
        assert_eq!(there, Some(entry), "the acknowledged entry {index} `{text}` is lost");
    }
    let mut distinct = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        if MapLeaf::parse(entry).is_none() {
            let before = distinct.insert(entry, index);
            assert_eq!(before, None, "entry {index} is there twice");
        }
    }
    let mut roots = BTreeMap::new();
    let mut tree = Frontier::default();
    roots.insert(0, tree.root());
    let notes = promises.checkpoints.iter().chain([&loaded.head]).chain(&loaded.published);
    let heads: Vec<Checkpoint> = notes.map(|note| open(note)).collect();
    let sizes: std::collections::BTreeSet<u64> = heads.iter().map(|head| head.size).collect();
    for entry in &entries {
        tree.append(Hash::of_leaf(entry), |_, _, _| {});
        if sizes.contains(&tree.size()) {
            roots.insert(tree.size(), tree.root());
        }
    }
    assert_eq!(open(&loaded.head).size, tree.size(), "the head covers all entries");
    for head in heads {
        assert_eq!(roots.get(&head.size), Some(&head.root), "a fork at size {}", head.size);
    }
    tree.size()
}

fn open(note: &str) -> Checkpoint {
    let checkpoint = Checkpoint::open(note.as_bytes(), &verifiers(), &Crypto).unwrap();
    assert_eq!(checkpoint.origin, ORIGIN);
    checkpoint
}
