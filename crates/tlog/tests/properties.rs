//! Trees, tiles, bundles and maps beside their definitions, on random input.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic, and so may what it calls"
)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use tlog::map::{Key, Latest, MapProof};
use tlog::tile::{self, Plan, Tile};
use tlog::tree::{verify_consistency, verify_inclusion};
use tlog::{Checkpoint, Frontier, Hash, Map};

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| Hash::of_leaf(&index.to_be_bytes())).collect()
}

fn split(leaves: &[Hash]) -> usize {
    leaves.len().next_power_of_two() / 2
}

/// RFC 6962 section 2.1: MTH.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of_nothing(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves));
            Hash::of_node(root(left), root(right))
        }
    }
}

/// RFC 6962 section 2.1.1: PATH.
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves));
    let (mut hashes, beside) = if index < left.len() {
        (path(index, left), root(right))
    } else {
        (path(index - left.len(), right), root(left))
    };
    hashes.push(beside);
    hashes
}

/// RFC 6962 section 2.1.2: SUBPROOF.
fn subproof(old: usize, leaves: &[Hash], is_whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves));
    let (mut hashes, beside) = if old <= left.len() {
        (subproof(old, left, is_whole), root(right))
    } else {
        (subproof(old - left.len(), right, false), root(left))
    };
    hashes.push(beside);
    hashes
}

/// The bytes of a tile: tlog-tiles' formula.
fn tile_of(tile: &Tile, leaves: &[Hash]) -> Vec<u8> {
    let below = 256_usize.pow(tile.level.unwrap().into());
    let first = usize::try_from(tile.index).unwrap() * 256;
    let hashes = (first..first + usize::from(tile.width))
        .map(|index| root(&leaves[index * below..(index + 1) * below]));
    hashes.flat_map(|hash| hash.0).collect()
}

/// A proof with one hash more, fewer, swapped or changed.
fn spoiled(hashes: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all =
        vec![[hashes, &[Hash::default()]].concat(), [&[Hash::default()], hashes].concat()];
    for at in 0..hashes.len() {
        let mut fewer = hashes.to_vec();
        fewer.remove(at);
        let mut changed = hashes.to_vec();
        changed[at].0[at % 32] ^= 1;
        let mut swapped = hashes.to_vec();
        swapped.swap(at, 0);
        all.extend([fewer, changed]);
        all.extend((swapped != hashes).then_some(swapped));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn trees_and_proofs_are_by_the_definitions(size in 1_u64..700, at in 0_u64..700, old in 0_u64..=700) {
        let (at, old, leaves) = (at % size, old % (size + 1), leaves(size));
        let (index, old_size) = (usize::try_from(at).unwrap(), usize::try_from(old).unwrap());
        let mut tree = Frontier::default();
        for leaf in &leaves {
            tree.append(*leaf, |_, _, _| {});
        }
        prop_assert_eq!(tree.root(), root(&leaves));
        let checkpoint = Checkpoint { origin: "log.example".to_owned(), size, root: tree.root() };
        let read = |plan: &Plan| {
            let tiles: Vec<_> = plan.tiles().iter().map(|tile| tile_of(tile, &leaves)).collect();
            plan.verify(&tiles).unwrap()
        };
        let hashes = read(&Plan::inclusion(&checkpoint, &[at]).unwrap());
        let inclusion = hashes.inclusion(at).unwrap();
        prop_assert_eq!(hashes.leaf(at), Some(leaves[index]));
        prop_assert_eq!(&inclusion, &path(index, &leaves));
        let includes = |index, size, hashes: &[Hash]| {
            verify_inclusion(leaves[usize::try_from(at).unwrap()], index, size, hashes, checkpoint.root)
        };
        prop_assert!(includes(at, size, &inclusion).is_ok());
        prop_assert!(spoiled(&inclusion).iter().all(|wrong| includes(at, size, wrong).is_err()));
        prop_assert!((0..size + 3).filter(|other| *other != at).all(|other| includes(other, size, &inclusion).is_err()));
        let consistency = read(&Plan::consistency(&checkpoint, old).unwrap()).consistency().unwrap();
        let definition = if old == 0 { Vec::new() } else { subproof(old_size, &leaves, true) };
        prop_assert_eq!(&consistency, &definition);
        let old_root = root(&leaves[..old_size]);
        let continues = |old_root, root, hashes: &[Hash]| verify_consistency(old, old_root, size, root, hashes);
        prop_assert!(continues(old_root, checkpoint.root, &consistency).is_ok());
        prop_assert!(spoiled(&consistency).iter().all(|wrong| continues(old_root, checkpoint.root, wrong).is_err()));
        prop_assert!(continues(Hash::default(), checkpoint.root, &consistency).is_err());
        if old > 0 {
            prop_assert!(continues(old_root, Hash::default(), &consistency).is_err());
        }
    }

    #[test]
    fn a_path_is_of_one_tile(level in proptest::option::of(0_u8..8), index in 0_u64..1 << 55, width in 1_u16..=256) {
        let tile = Tile { level, index, width };
        prop_assert_eq!(tile.to_string().parse(), Ok(tile));
    }

    #[test]
    fn growth_adds_each_tile_once(old in 0_u64..200_000, more in 0_u64..70_000) {
        let size = old + more;
        let (old_tiles, tiles) = (Tile::new_between(0, old), Tile::new_between(0, size));
        // Full tiles stay; a partial one is replaced when its row grew.
        let mut grown: Vec<_> = old_tiles.into_iter().filter(|tile| tiles.contains(tile)).collect();
        grown.extend(Tile::new_between(old, size));
        grown.sort_unstable();
        let mut all = tiles;
        all.sort_unstable();
        prop_assert_eq!(grown, all);
    }

    #[test]
    fn a_bundle_gives_its_entries_back(entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20)) {
        let mut bundle = Vec::new();
        for entry in &entries {
            tile::push_entry(&mut bundle, entry).unwrap();
        }
        let width = u16::try_from(entries.len()).unwrap();
        prop_assert_eq!(tile::entries(&bundle, width).unwrap(), entries);
        prop_assert!(tile::entries(&bundle, width + 1).is_err());
        bundle.pop();
        prop_assert!(width == 0 || tile::entries(&bundle, width).is_err());
    }

    #[test]
    fn a_map_is_by_its_definition(inserts in proptest::collection::vec((key(), 0_u64..1000), 0..60), asked in proptest::collection::vec(key(), 20)) {
        let (mut map, mut model) = (Map::default(), BTreeMap::new());
        for (key, index) in &inserts {
            let latest = Latest { leaf: Hash::of_leaf(&index.to_be_bytes()), index: *index };
            let before = map.clone();
            prop_assert_eq!(map.insert(*key, latest), model.insert(*key, (latest.index, latest.leaf)).map(|(index, leaf)| Latest { leaf, index }));
            if index % 4 == 0 {
                map.root();
                let mut again = before.clone();
                again.insert(*key, latest);
                prop_assert_eq!(again.root(), map.root(), "a snapshot takes the same way");
            }
        }
        prop_assert_eq!(map.len(), model.len());
        let sorted: Vec<_> = model.iter().map(|(key, held)| (*key, *held)).collect();
        let root = map.root();
        prop_assert_eq!(root, map_root(&sorted));
        for key in asked.iter().chain(model.keys()) {
            let held = model.get(key).map(|(index, leaf)| Latest { leaf: *leaf, index: *index });
            prop_assert_eq!(map.latest(key), held);
            let proof = map.prove(key);
            prop_assert_eq!(proof.verify(root, key), Ok(held));
            let bytes = proof.to_bytes();
            prop_assert_eq!(MapProof::parse(&bytes), Ok(proof));
            prop_assert!(MapProof::parse(&bytes[..bytes.len() - 1]).is_err());
            prop_assert!(MapProof::parse(&[&bytes[..], &[0]].concat()).is_err());
            // Of another key it may prove absence, never what is not so.
            for other in &asked {
                if let Ok(claimed) = MapProof::parse(&bytes).unwrap().verify(root, other) {
                    prop_assert_eq!(claimed, map.latest(other));
                }
            }
        }
    }
}

/// Keys that agree in many bits, where tries go wrong.
fn key() -> impl Strategy<Value = Key> {
    (0_usize..32, 0_u8..8, any::<bool>()).prop_map(|(byte, bit, ones)| {
        let mut key = if ones { [0xff; 32] } else { [0; 32] };
        key[byte] ^= 1 << bit;
        key
    })
}

/// `docs/spec/log.md`, word by word.
fn map_root(sorted: &[(Key, (u64, Hash))]) -> Hash {
    let bit_of = |key: &Key, at: usize| key[at / 8] >> (7 - at % 8) & 1 == 1;
    match sorted {
        [] => Hash(Sha256::digest([]).into()),
        [(key, (index, leaf))] => {
            let parts = [&[2][..], &key[..], &index.to_be_bytes()[..], &leaf.0[..]];
            Hash(Sha256::digest(parts.concat()).into())
        }
        [(first, _), .., (last, _)] => {
            let at = (0..256).find(|at| bit_of(first, *at) != bit_of(last, *at)).unwrap();
            let (left, right) =
                sorted.split_at(sorted.partition_point(|(key, _)| !bit_of(key, at)));
            let mut label = *first;
            (at..256).for_each(|at| label[at / 8] &= !(0x80 >> (at % 8)));
            let (left, right) = (map_root(left), map_root(right));
            let parts =
                [&[3, u8::try_from(at).unwrap()][..], &label[..], &left.0[..], &right.0[..]];
            Hash(Sha256::digest(parts.concat()).into())
        }
    }
}
