//! C2SP tlog-tiles v0.1.0: which tile holds what, its path, entry bundles, and verified reading.
//!
//! Reading is in two steps without I/O: [`Plan`] says which tiles are needed, the caller brings
//! them, and [`Plan::verify`] gives [`Hashes`] in which *every* hash was authenticated.

mod path;

use std::collections::{BTreeMap, BTreeSet};

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::tree::ProofError;

pub use path::NotATile;

/// The width of a full tile.
pub const WIDTH: u64 = 256;
/// The longest entry: bundles have 16-bit lengths.
pub const ENTRY_SIZE_MAX: usize = 65_535;

/// A tile of hashes, or a bundle of entries. Displayed and parsed as its path, without leading
/// slash: `tile/0/x001/234.p/5`, `tile/entries/000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// The level of hashes; `None` for a bundle of entries.
    pub level: Option<u8>,
    /// The index within the level.
    pub index: u64,
    /// How many hashes or entries it holds, 1 to 256.
    pub width: u16,
}

impl Tile {
    /// The tiles and bundles that a tree of `size` leaves has and one of `old_size` has not; a
    /// partial tile that grew is another tile.
    pub fn new_between(old_size: u64, size: u64) -> Vec<Self> {
        let mut tiles = Vec::new();
        let row = |level: Option<u8>, old: u64, new: u64, tiles: &mut Vec<Self>| {
            if new > old {
                let indices = old / WIDTH..new.div_ceil(WIDTH);
                tiles.extend(indices.map(|index| Self { level, index, width: width(new, index) }));
            }
        };
        row(None, old_size, size, &mut tiles);
        for level in 0..LEVELS_MAX {
            row(Some(level), hashes_at(old_size, level), hashes_at(size, level), &mut tiles);
        }
        tiles
    }
}

/// Splits a bundle into its entries.
///
/// # Errors
/// A length that runs past the end, bytes left over, another number of entries than `width`.
pub fn entries(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    let mut entries = Vec::with_capacity(width.into());
    let mut rest = bundle;
    for _ in 0..width {
        let (length, tail) = rest.split_first_chunk::<2>().ok_or(TileError::Bundle)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, tail) = tail.split_at_checked(length).ok_or(TileError::Bundle)?;
        entries.push(entry);
        rest = tail;
    }
    if rest.is_empty() { Ok(entries) } else { Err(TileError::Bundle) }
}

/// Adds an entry to a bundle.
///
/// # Errors
/// An entry longer than [`ENTRY_SIZE_MAX`].
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), TileError> {
    let size = entry.len();
    let length = u16::try_from(size).map_err(|_| TileError::EntryTooLong { size })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// What has to be read to answer a question about a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    size: u64,
    root: Hash,
    old_size: Option<u64>,
    /// The partial tiles, one a level at most, lowest first: all of their hashes make the root.
    /// Then full tiles, each after the one that holds its root.
    tiles: Vec<Tile>,
    edges: usize,
}

impl Plan {
    /// For the leaf hashes and inclusion proofs of `indices` in `checkpoint`.
    ///
    /// # Errors
    /// An index that is not in the tree.
    pub fn inclusion(checkpoint: &Checkpoint, indices: &[u64]) -> Result<Self, TileError> {
        Self::new(checkpoint, indices, None)
    }

    /// For the consistency proof from `old_size` to `checkpoint`.
    ///
    /// # Errors
    /// A larger old size.
    pub fn consistency(checkpoint: &Checkpoint, old_size: u64) -> Result<Self, TileError> {
        if old_size > checkpoint.size {
            return Err(ProofError::OutOfRange.into());
        }
        // Every node of the proof stands beside the way to the last old leaf.
        let last = old_size.checked_sub(1).filter(|_| old_size < checkpoint.size);
        Self::new(checkpoint, last.as_slice(), Some(old_size))
    }

    fn new(
        checkpoint: &Checkpoint,
        indices: &[u64],
        old_size: Option<u64>,
    ) -> Result<Self, TileError> {
        let size = checkpoint.size;
        let edge = |level| {
            let hashes = hashes_at(size, level);
            let tile = Tile {
                level: Some(level),
                index: hashes / WIDTH,
                width: width(hashes, hashes / WIDTH),
            };
            (tile.width > 0).then_some(tile)
        };
        let mut tiles: Vec<_> = (0..LEVELS_MAX).filter_map(edge).collect();
        let edges = tiles.len();
        let mut full = BTreeSet::new();
        for index in indices {
            if *index >= size {
                return Err(ProofError::OutOfRange.into());
            }
            let mut index = *index;
            for level in 0..LEVELS_MAX {
                index /= WIDTH;
                if index == hashes_at(size, level) / WIDTH {
                    break;
                }
                // Highest first, so that a parent comes before its child.
                full.insert((LEVELS_MAX - level, index));
            }
        }
        tiles.extend(full.into_iter().map(|(height, index)| Tile {
            level: Some(LEVELS_MAX - height),
            index,
            width: FULL,
        }));
        Ok(Self { size, root: checkpoint.root, old_size, tiles, edges })
    }

    /// The tiles to bring, in the order in which [`Plan::verify`] takes them.
    pub fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// Authenticates every hash of every tile against the root.
    ///
    /// # Errors
    /// A tile of another length, or any hash that is not the tree's.
    pub fn verify(&self, tiles: &[impl AsRef<[u8]>]) -> Result<Hashes, TileError> {
        if tiles.len() != self.tiles.len() {
            return Err(TileError::Missing);
        }
        let mut hashes =
            Hashes { size: self.size, old_size: self.old_size, tiles: BTreeMap::new() };
        for (position, (tile, bytes)) in self.tiles.iter().zip(tiles).enumerate() {
            let row = read(tile, bytes.as_ref())?;
            let level = tile.level.unwrap_or_default();
            if position >= self.edges {
                // INVARIANT: nothing enters `hashes` but edges, whose every hash is part of the
                // root, and full tiles whose root is there already. Edges are checked below, before
                // the first full tile.
                let parent = hashes.hash(level + 1, tile.index);
                if parent != Some(root_of(&row)) {
                    return Err(ProofError::Root.into());
                }
            }
            hashes.tiles.insert((level, tile.index), row);
            if position + 1 == self.edges && hashes.subtree(0, self.size) != Some(self.root) {
                return Err(ProofError::Root.into());
            }
        }
        if self.size == 0 && self.root != Hash::of_nothing() {
            return Err(ProofError::Root.into());
        }
        Ok(hashes)
    }
}

/// Authenticated hashes of a tree.
#[derive(Debug, Clone)]
pub struct Hashes {
    size: u64,
    old_size: Option<u64>,
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl Hashes {
    /// The hash of a leaf that the plan was made for.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        self.hash(0, index)
    }

    /// The inclusion proof of a leaf that the plan was made for.
    pub fn inclusion(&self, index: u64) -> Option<Vec<Hash>> {
        self.leaf(index)?;
        let (mut start, mut end) = (0, self.size);
        let mut hashes = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                hashes.push(self.subtree(middle, end)?);
                end = middle;
            } else {
                hashes.push(self.subtree(start, middle)?);
                start = middle;
            }
        }
        hashes.reverse();
        Some(hashes)
    }

    /// The consistency proof that the plan was made for.
    pub fn consistency(&self) -> Option<Vec<Hash>> {
        let old_size = self.old_size?;
        if old_size == 0 || old_size == self.size {
            return Some(Vec::new());
        }
        let (mut start, mut end) = (0, self.size);
        let mut hashes = Vec::new();
        // RFC 9162 section 2.1.4.1: down to the subtree that ends where the old tree ends.
        while old_size != end {
            let middle = start + split(end - start);
            if old_size <= middle {
                hashes.push(self.subtree(middle, end)?);
                end = middle;
            } else {
                hashes.push(self.subtree(start, middle)?);
                start = middle;
            }
        }
        if start > 0 {
            hashes.push(self.subtree(start, end)?);
        }
        hashes.reverse();
        Some(hashes)
    }

    /// The root of the old tree that the plan was made for, as this tree has it.
    pub fn prefix(&self) -> Option<Hash> {
        match self.old_size? {
            0 => Some(Hash::of_nothing()),
            size => self.subtree(0, size),
        }
    }

    /// The root over the leaves from `start` up to `end`: a perfect subtree, or the right edge.
    fn subtree(&self, start: u64, end: u64) -> Option<Hash> {
        let leaves = end - start;
        if leaves.is_power_of_two() {
            return self.perfect(start, leaves);
        }
        let middle = start + split(leaves);
        Some(Hash::of_node(self.subtree(start, middle)?, self.subtree(middle, end)?))
    }

    fn perfect(&self, start: u64, leaves: u64) -> Option<Hash> {
        let height = leaves.trailing_zeros();
        let level = u8::try_from(height / 8).ok()?;
        let hashes = 1 << (height % 8);
        let first = start >> (8 * u32::from(level));
        let tile = self.tiles.get(&(level, first / WIDTH))?;
        let at = usize::try_from(first % WIDTH).ok()?;
        tile.get(at..at + hashes).map(root_of)
    }

    fn hash(&self, level: u8, index: u64) -> Option<Hash> {
        let tile = self.tiles.get(&(level, index / WIDTH))?;
        tile.get(usize::try_from(index % WIDTH).ok()?).copied()
    }
}

/// Why bytes are no tile of a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// A proof or tile leads to another root.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The bytes have another length than the tile.
    #[error("{tile} has {size} bytes")]
    Length {
        /// The tile.
        tile: Tile,
        /// What came.
        size: usize,
    },
    /// Another number of tiles than the plan asks for.
    #[error("not every tile that is needed was brought")]
    Missing,
    /// A bundle whose lengths do not add up to it.
    #[error("the lengths in a bundle of entries do not add up")]
    Bundle,
    /// An entry that no bundle can hold.
    #[error("an entry of {size} bytes, where {ENTRY_SIZE_MAX} fit")]
    EntryTooLong {
        /// Its length.
        size: usize,
    },
}

/// How many complete hashes of a tile level a tree has.
const fn hashes_at(size: u64, level: u8) -> u64 {
    size >> (8 * level as u32)
}

/// How many of `hashes` are in the tile at `index`.
fn width(hashes: u64, index: u64) -> u16 {
    u16::try_from(hashes.saturating_sub(index * WIDTH).min(WIDTH)).unwrap_or(FULL)
}

/// The largest power of two below `leaves`, which is at least 2.
const fn split(leaves: u64) -> u64 {
    1 << (u64::BITS - 1 - (leaves - 1).leading_zeros())
}

/// The root of a perfect subtree from its hashes.
fn root_of(hashes: &[Hash]) -> Hash {
    let mut frontier = crate::tree::Frontier::default();
    for hash in hashes {
        frontier.append(*hash, |_, _, _| {});
    }
    frontier.root()
}

fn read(tile: &Tile, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if hashes.len() != usize::from(tile.width) || !rest.is_empty() {
        return Err(TileError::Length { tile: *tile, size: bytes.len() });
    }
    Ok(hashes.iter().copied().map(Hash).collect())
}

/// Tile levels of the largest tree: 2^63 leaves.
const LEVELS_MAX: u8 = 8;
const FULL: u16 = 256;

#[cfg(test)]
mod tests;
