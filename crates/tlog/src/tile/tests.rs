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

/// Flips a bit of a tile that a plan wants; the plan has to refuse it, and to accept it again.
fn refuses_a_flip(plan: &Plan, tiles: &mut [Vec<u8>], tile: usize, hash: usize, bit: usize) {
    let at = hash * 32 + bit / 8;
    tiles[tile][at] ^= 1 << (bit % 8);
    let refused = plan.verify(tiles).expect_err("a flipped bit");
    assert_eq!(
        refused,
        ProofError::Root.into(),
        "{:?}, hash {hash}, bit {bit}",
        plan.tiles()[tile]
    );
    tiles[tile][at] ^= 1 << (bit % 8);
}

/// Flips bits of `tile` of a log, in `hashes_max` of its hashes at most, read for a leaf below it.
/// `bit` moves on, so that over a log every position has its turn.
fn refuses_flips_of(log: &Logged, tile: &Tile, hashes_max: usize, bit: &mut usize) {
    let below = tile.index << (8 * (u32::from(tile.level.unwrap()) + 1));
    let plan = Plan::inclusion(&log.checkpoint, &[below]).unwrap();
    let position = plan.tiles().iter().position(|planned| planned == tile).unwrap();
    let mut tiles = log.tiles(&plan);
    assert!(plan.verify(&tiles).is_ok());
    let width = usize::from(tile.width);
    for hash in (0..width).step_by(width.div_ceil(hashes_max)).chain([width - 1]) {
        refuses_a_flip(&plan, &mut tiles, position, hash, *bit % 256);
        *bit += 37;
    }
}

fn tiles_of(size: u64) -> impl Iterator<Item = Tile> {
    Tile::new_between(0, size).into_iter().filter(|tile| tile.level.is_some())
}

/// The defect of other readers (CVE-2026-56865): a tile that no check covers. Here every tile of
/// logs of many sizes is read, and a flipped bit in it refused: in every hash of small logs, in
/// some of each tile of large ones (all of them in the long form below).
#[test]
fn a_flipped_bit_in_any_hash_of_any_tile_is_refused() {
    let mut bit = 0;
    for size in SIZES {
        let log = Logged::of(size, &[]);
        for tile in tiles_of(size) {
            refuses_flips_of(&log, &tile, if size < 1_000 { 256 } else { 1 }, &mut bit);
        }
    }
    assert!(bit > 256 * 37, "every position of a hash had its turn");
}

/// The long form: every hash of every tile.
#[test]
#[ignore = "half a minute: cargo test --release -p countersign-tlog --lib -- --ignored"]
fn a_flipped_bit_in_any_hash_of_any_tile_of_large_logs_is_refused() {
    let mut bit = 0;
    for size in [65_535, 65_536, 65_537, 65_792, 70_000] {
        let log = Logged::of(size, &[]);
        tiles_of(size).for_each(|tile| refuses_flips_of(&log, &tile, 256, &mut bit));
    }
}

#[test]
fn every_bit_of_a_hash_counts() {
    let log = Logged::of(300, &[]);
    let plan = Plan::inclusion(&log.checkpoint, &[7]).unwrap();
    let mut tiles = log.tiles(&plan);
    for tile in 0..tiles.len() {
        (0..256).for_each(|bit| refuses_a_flip(&plan, &mut tiles, tile, 0, bit));
    }
}

/// Where one reading asks for many leaves, or for consistency, no tile hides behind another.
#[test]
fn a_flipped_bit_is_refused_in_readings_of_many_tiles() {
    for size in SIZES {
        let log = Logged::of(size, &[]);
        let mut plans = vec![Plan::inclusion(&log.checkpoint, &asked(size)).unwrap()];
        let olds = asked(size).into_iter().filter(|old| *old > 0);
        plans.extend(olds.map(|old| Plan::consistency(&log.checkpoint, old).unwrap()));
        for plan in plans {
            let mut tiles = log.tiles(&plan);
            assert!(plan.verify(&tiles).is_ok(), "{size}");
            for tile in 0..tiles.len() {
                let hashes = tiles[tile].len() / 32;
                for hash in [0, hashes / 2, hashes - 1] {
                    refuses_a_flip(&plan, &mut tiles, tile, hash, (hash * 37 + tile) % 256);
                }
            }
        }
    }
}

#[test]
fn tiles_of_another_length_or_number_are_refused() {
    let log = Logged::of(70_000, &[]);
    let plan = Plan::inclusion(&log.checkpoint, &[1]).unwrap();
    let tiles = log.tiles(&plan);
    for tile in 0..tiles.len() {
        for size in [tiles[tile].len() - 1, tiles[tile].len() + 1] {
            let mut wrong = tiles.clone();
            wrong[tile].resize(size, 0);
            let refused = TileError::Length { tile: plan.tiles()[tile], size };
            assert_eq!(plan.verify(&wrong).unwrap_err(), refused);
        }
    }
    let mut wider = tiles.clone();
    wider[0].extend([0; 32]);
    assert!(plan.verify(&wider).is_err(), "wider than asked");
    assert_eq!(plan.verify(&tiles[1..]).unwrap_err(), TileError::Missing);
    assert_eq!(plan.verify(&[&tiles[..], &tiles[..1]].concat()).unwrap_err(), TileError::Missing);
    assert!(Plan::inclusion(&log.checkpoint, &[70_000]).is_err(), "past the tree");
    assert!(Plan::consistency(&log.checkpoint, 70_001).is_err(), "larger than the tree");
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
            let hashes = plan.verify(&log.tiles(&plan)).unwrap();
            assert_eq!(hashes.prefix(), Some(log.roots[&old]));
            let proof = hashes.consistency().unwrap();
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
