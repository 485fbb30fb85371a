//! C2SP tlog-tiles v0.1.0: which tile holds what, its path, entry bundles, and verified reading.
//!
//! Reading is in two steps without I/O: [`Plan`] says which tiles are needed, the caller brings
//! them, and [`Plan::verify`] gives [`Hashes`] in which *every* hash was authenticated.

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::tree::ProofError;

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
    /// The tiles and bundles that a tree of `size` leaves has and one of `old_size` has not.
    pub fn new_between(old_size: u64, size: u64) -> Vec<Self> {
        let _ = (old_size, size);
        unimplemented!()
    }
}

/// Splits a bundle into its entries.
///
/// # Errors
/// A length that runs past the end, bytes left over, another number of entries than `width`.
pub fn entries(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    let _ = (bundle, width);
    unimplemented!()
}

/// Adds an entry to a bundle.
///
/// # Errors
/// An entry longer than [`ENTRY_SIZE_MAX`].
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), TileError> {
    let _ = (bundle, entry);
    unimplemented!()
}

/// What has to be read to answer a question about a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    tiles: Vec<Tile>,
}

impl Plan {
    /// For the leaf hashes and inclusion proofs of `indices` in `checkpoint`.
    ///
    /// # Errors
    /// An index that is not in the tree.
    pub fn inclusion(checkpoint: &Checkpoint, indices: &[u64]) -> Result<Self, TileError> {
        let _ = (checkpoint, indices);
        unimplemented!()
    }

    /// For the consistency proof from `old_size` to `checkpoint`.
    ///
    /// # Errors
    /// A larger old size.
    pub fn consistency(checkpoint: &Checkpoint, old_size: u64) -> Result<Self, TileError> {
        let _ = (checkpoint, old_size);
        unimplemented!()
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
        let _ = tiles;
        unimplemented!()
    }
}

/// Authenticated hashes of a tree.
#[derive(Debug, Clone)]
pub struct Hashes {
    _private: (),
}

impl Hashes {
    /// The hash of a leaf that the plan was made for.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        let _ = index;
        unimplemented!()
    }

    /// The inclusion proof of a leaf that the plan was made for.
    pub fn inclusion(&self, index: u64) -> Option<Vec<Hash>> {
        let _ = index;
        unimplemented!()
    }

    /// The consistency proof that the plan was made for.
    pub fn consistency(&self) -> Option<Vec<Hash>> {
        unimplemented!()
    }
}

/// Why bytes are no tile of a tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// A proof or tile leads to another root.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The bytes have another length than the tile.
    #[error("{tile} has {size} bytes")]
    Length {
        /// The path of the tile.
        tile: String,
        /// What came.
        size: usize,
    },
}
