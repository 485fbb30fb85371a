use std::collections::HashMap;

use super::*;
use crate::tree::{Frontier, verify_consistency, verify_inclusion};

/// Every hash of a log by tile level, and its checkpoint.
struct Logged {
    checkpoint: Checkpoint,
    rows: Vec<Vec<Hash>>,
    roots: HashMap<u64, Hash>,
}

impl Logged {
    fn of(size: u64, olds: &[u64]) -> Self {
        let mut rows = vec![Vec::new(); usize::from(LEVELS_MAX)];
        let mut tree = Frontier::default();
        let mut roots = HashMap::new();
        for index in 0..size {
            if olds.contains(&index) {
                roots.insert(index, tree.root());
            }
            tree.append(Hash::of_leaf(&index.to_be_bytes()), |level, _, hash| {
                if level % 8 == 0 {
                    rows[usize::from(level / 8)].push(hash);
                }
            });
        }
        roots.insert(size, tree.root());
        let checkpoint = Checkpoint { origin: "log.example".to_owned(), size, root: tree.root() };
        Self { checkpoint, rows, roots }
    }

    fn tile(&self, tile: Tile) -> Vec<u8> {
        let start = usize::try_from(tile.index * WIDTH).unwrap();
        let row = &self.rows[usize::from(tile.level.unwrap())];
        row[start..start + usize::from(tile.width)].iter().flat_map(|hash| hash.0).collect()
    }

    fn tiles(&self, plan: &Plan) -> Vec<Vec<u8>> {
        plan.tiles().iter().map(|tile| self.tile(*tile)).collect()
    }
}

const SIZES: [u64; 20] = [
    1, 2, 3, 7, 8, 127, 128, 255, 256, 257, 258, 511, 512, 513, 1000, 65_535, 65_536, 65_537,
    65_792, 70_000,
];

fn asked(size: u64) -> Vec<u64> {
    let mut indices = vec![
        0,
        1,
        100,
        255,
        256,
        257,
        size / 3,
        size / 2,
        55_857,
        size.saturating_sub(2),
        size - 1,
    ];
    indices.retain(|index| *index < size);
    indices.sort_unstable();
    indices.dedup();
    indices
}

/// The defect of other readers (CVE-2026-56865): a tile that no check covers. Here a bit of every
/// byte class of every hash of every tile is flipped, and each flip is refused.
#[test]
fn a_flipped_bit_in_any_hash_of_any_tile_is_refused() {
    for size in SIZES {
        let log = Logged::of(size, &[]);
        for index in asked(size) {
            let plan = Plan::inclusion(&log.checkpoint, &[index]).unwrap();
            let mut tiles = log.tiles(&plan);
            assert!(plan.verify(&tiles).is_ok(), "{size} {index}");
            // All bits where the log is small, else each hash with one bit, at a position that moves.
            for tile in 0..tiles.len() {
                let hashes = tiles[tile].len() / 32;
                for hash in 0..hashes {
                    let bits = if size <= 8 { (0..256).collect() } else { vec![hash * 37 % 256] };
                    for bit in bits {
                        let at = hash * 32 + bit / 8;
                        tiles[tile][at] ^= 1 << (bit % 8);
                        let refused = plan.verify(&tiles);
                        assert_eq!(refused.unwrap_err(), ProofError::Root.into(), "{size} {index}");
                        tiles[tile][at] ^= 1 << (bit % 8);
                    }
                }
            }
        }
    }
}

#[test]
fn proofs_from_tiles_verify() {
    for size in SIZES {
        let olds: Vec<_> = asked(size);
        let log = Logged::of(size, &olds);
        let (root, checkpoint) = (log.checkpoint.root, &log.checkpoint);
        let plan = Plan::inclusion(checkpoint, &olds).unwrap();
        let hashes = plan.verify(&log.tiles(&plan)).unwrap();
        for index in &olds {
            let leaf = hashes.leaf(*index).unwrap();
            assert_eq!(leaf, Hash::of_leaf(&index.to_be_bytes()));
            let proof = hashes.inclusion(*index).unwrap();
            verify_inclusion(leaf, *index, size, &proof, root).unwrap();
        }
        for old in olds.iter().copied().chain([size]) {
            let plan = Plan::consistency(checkpoint, old).unwrap();
            let proof = plan.verify(&log.tiles(&plan)).unwrap().consistency().unwrap();
            verify_consistency(old, log.roots[&old], size, root, &proof).unwrap();
            if old > 0 && old < size {
                let other = Hash::of_leaf(b"other");
                assert!(verify_consistency(old, other, size, root, &proof).is_err());
            }
        }
    }
}

#[test]
fn a_tile_has_one_path() {
    for path in
        ["tile/0/000", "tile/0/x001/234.p/5", "tile/entries/x123/x456/789", "tile/7/001.p/255"]
    {
        assert_eq!(path.parse::<Tile>().unwrap().to_string(), path);
    }
    for path in [
        "tile/0/1",
        "tile/0/0001",
        "tile/00/001",
        "tile/8/001",
        "tile/0/x000/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/05",
        "tile/0/001/234",
        "tile/0/+01",
        "/tile/0/001",
        "tile/0/001/",
        "tile/data/001",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert!(path.parse::<Tile>().is_err(), "{path}");
    }
}

#[test]
fn a_bundle_is_its_entries_and_nothing_more() {
    let longest = vec![7; ENTRY_SIZE_MAX + 1];
    let (too_long, longest) = (&longest[..], &longest[1..]);
    let mut bundle = Vec::new();
    for entry in [&b"one"[..], b"", longest] {
        push_entry(&mut bundle, entry).unwrap();
    }
    assert_eq!(entries(&bundle, 3).unwrap(), [&b"one"[..], b"", longest]);
    assert!(entries(&bundle, 2).is_err() && entries(&bundle, 4).is_err());
    bundle.push(0);
    assert!(entries(&bundle, 3).is_err());
    let refused = push_entry(&mut bundle, too_long);
    assert_eq!(refused, Err(TileError::EntryTooLong { size: ENTRY_SIZE_MAX + 1 }));
}
