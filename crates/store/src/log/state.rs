//! What a log knows in memory: the end of the tree, the map, where leaves are.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use tlog::map::{Latest, Map, MapLeaf};
use tlog::tile::{self, Tile, WIDTH};
use tlog::{Checkpoint, Frontier, Hash};

use super::index::Index;

/// The newest durable head.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) checkpoint: Checkpoint,
    pub(super) note: String,
    /// Seconds since 1970, as the head's own signature says.
    pub(super) time_s: u64,
    /// The map that the last leaf states the root of.
    pub(super) map: Map,
}

/// Everything about a log that is durable and not only in files.
pub(super) struct State {
    pub(super) head: Head,
    pub(super) tail: Tail,
    pub(super) index: Index,
}

/// The end of a log: hashes to go on from, and all that is not in immutable tiles and bundles.
#[derive(Default)]
pub(super) struct Tail {
    frontier: Frontier,
    /// By level and index, hash after hash.
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
    /// The entries from `start`, a multiple of 256.
    entries: VecDeque<Bytes>,
    start: u64,
    size_bytes: usize,
}

/// Entries that come next, with what follows from them. Nothing of it is in the state yet.
pub(super) struct Batch {
    pub(super) entries: Vec<Bytes>,
    pub(super) leaves: Vec<Hash>,
    pub(super) map: Map,
    frontier: Frontier,
    nodes: Vec<(u8, u64, Hash)>,
}

impl Batch {
    /// An empty batch after what is durable.
    pub(super) fn after(state: &State) -> Self {
        Self::new(state.tail.frontier.clone(), state.head.map.clone())
    }

    /// An empty batch after a tree and its map.
    pub(super) const fn new(frontier: Frontier, map: Map) -> Self {
        Self { entries: Vec::new(), leaves: Vec::new(), map, frontier, nodes: Vec::new() }
    }

    /// The size of the log with this batch.
    pub(super) const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root of the log with this batch.
    pub(super) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Adds an entry that is the newest under some keys of the map, and gives its index.
    pub(super) fn push(&mut self, entry: Bytes, leaf: Hash, keys: &[[u8; 32]]) -> u64 {
        let index = self.size();
        let nodes = &mut self.nodes;
        self.frontier.append(leaf, |level, index, hash| {
            // Tiles hold the hashes of every eighth level.
            if level % TILE_HEIGHT == 0 {
                nodes.push((level / TILE_HEIGHT, index, hash));
            }
        });
        for key in keys {
            self.map.insert(*key, Latest { leaf, index });
        }
        self.entries.push(entry);
        self.leaves.push(leaf);
        index
    }

    /// Adds the leaf that states the root of the map.
    pub(super) fn push_map_leaf(&mut self) {
        let leaf = MapLeaf { covers: self.size(), root: self.map.root() };
        let entry = Bytes::from(leaf.to_entry());
        let leaf = Hash::of_leaf(&entry);
        self.push(entry, leaf, &[]);
    }
}

impl State {
    /// Takes in a batch that is durable, and its head.
    pub(super) fn apply(
        &mut self,
        batch: Batch,
        checkpoint: Checkpoint,
        note: String,
        time_s: u64,
    ) {
        let map = self.tail.apply(&mut self.index, batch);
        self.head = Head { checkpoint, note, time_s, map };
    }
}

impl Tail {
    /// Takes in a batch, and gives its map.
    pub(super) fn apply(&mut self, index: &mut Index, batch: Batch) -> Map {
        for (leaf, place) in batch.leaves.iter().zip(self.frontier.size()..) {
            index.insert(*leaf, place);
        }
        self.frontier = batch.frontier;
        for (level, index, hash) in batch.nodes {
            self.tiles.entry((level, index / WIDTH)).or_default().extend(hash.0);
        }
        self.size_bytes += batch.entries.iter().map(Bytes::len).sum::<usize>();
        self.entries.extend(batch.entries);
        batch.map
    }

    /// The number of entries.
    pub(super) const fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(super) const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The first entry that is here.
    pub(super) const fn start(&self) -> u64 {
        self.start
    }

    /// Bytes of entries that are here.
    pub(super) const fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// How many entries are here that could be settled.
    pub(super) const fn unsettled(&self) -> u64 {
        (self.size() - self.start) / WIDTH * WIDTH
    }

    /// An entry, if it is here.
    pub(super) fn entry(&self, index: u64) -> Option<&Bytes> {
        let place = index.checked_sub(self.start)?;
        self.entries.get(usize::try_from(place).ok()?)
    }

    /// A tile or bundle, if all of it is here.
    pub(super) fn tile(&self, tile: Tile) -> Option<Bytes> {
        if let Some(level) = tile.level {
            let hashes = self.tiles.get(&(level, tile.index))?;
            return hashes.get(..usize::from(tile.width) * HASH_SIZE).map(Bytes::copy_from_slice);
        }
        let first = tile.index.checked_mul(WIDTH)?;
        let mut bundle = Vec::new();
        for index in first..first + u64::from(tile.width) {
            tile::push_entry(&mut bundle, self.entry(index)?).ok()?;
        }
        Some(bundle.into())
    }

    /// The full tiles and bundles that are here, and how many entries are in full bundles with them.
    pub(super) fn settleable(&self) -> (u64, Vec<Tile>) {
        let size = self.start + self.unsettled();
        let full = self.tiles.iter().filter(|(_, hashes)| hashes.len() == TILE_SIZE);
        let tiles = full.map(|((level, index), _)| full_tile(Some(*level), *index));
        let bundles = (self.start / WIDTH..size / WIDTH).map(|index| full_tile(None, index));
        (size, tiles.chain(bundles).collect())
    }

    /// Forgets what is immutable now.
    pub(super) fn forget(&mut self, size: u64, tiles: &[Tile]) {
        for tile in tiles {
            if let Some(level) = tile.level {
                self.tiles.remove(&(level, tile.index));
            }
        }
        while self.start < size {
            let Some(entry) = self.entries.pop_front() else { break };
            self.size_bytes -= entry.len();
            self.start += 1;
        }
    }
}

/// A full tile or bundle.
pub(super) const fn full_tile(level: Option<u8>, index: u64) -> Tile {
    // WIDTH, as the type of widths.
    Tile { level, index, width: 256 }
}

/// The length of a hash.
pub(super) const HASH_SIZE: usize = 32;
/// The length of a full tile of hashes.
pub(super) const TILE_SIZE: usize = 256 * HASH_SIZE;
const TILE_HEIGHT: u8 = 8;
