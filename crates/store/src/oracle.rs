//! Judges a whole log by what is stored, without the code that wrote it: every entry, tile, stated
//! map and object, against the signed head and against all that was ever shown or promised.
//!
//! Tests ask it after every step; an operator asks it about a folder. It loads the backend, so it
//! needs the lead: a log that is open elsewhere cannot be judged.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use seal::Crypto;
use surface::Digest;
use tlog::map::{Latest, Map, MapLeaf};
use tlog::tile::{self, Tile, WIDTH};
use tlog::{Checkpoint, Frontier, Hash, VerifierKey};

use crate::backend::{Backend, StoreError};
use crate::log::{NamesOf, Receipt};

/// The objects that an entry names.
pub type ObjectsOf = fn(&[u8]) -> Vec<Digest>;

/// What is known of a log from outside.
pub struct Oracle {
    origin: String,
    keys: Vec<VerifierKey>,
    names_of: Option<NamesOf>,
    objects_of: Option<ObjectsOf>,
    /// The root of each size that was ever shown.
    seen: BTreeMap<u64, Hash>,
    /// The leaf of each index that was ever promised.
    promised: BTreeMap<u64, Hash>,
}

/// What a log holds that is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audited {
    /// The number of entries.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The size that is published.
    pub published_size: Option<u64>,
    /// Objects that were read.
    pub objects: usize,
    /// Names in the map.
    pub names: usize,
}

impl Oracle {
    /// Judges the log `origin` with these keys.
    pub fn new(
        origin: String,
        keys: Vec<VerifierKey>,
        names_of: Option<NamesOf>,
        objects_of: Option<ObjectsOf>,
    ) -> Self {
        let (seen, promised) = (BTreeMap::new(), BTreeMap::new());
        Self { origin, keys, names_of, objects_of, seen, promised }
    }

    /// Notes a checkpoint that somebody was shown.
    ///
    /// # Errors
    /// One of the same size and another root was shown before: a fork.
    pub fn saw(&mut self, checkpoint: &Checkpoint) -> Result<(), AuditError> {
        let (size, root) = (checkpoint.size, checkpoint.root);
        if *self.seen.entry(size).or_insert(root) == root {
            Ok(())
        } else {
            Err(AuditError::Fork { size })
        }
    }

    /// Notes that somebody was promised an entry.
    ///
    /// # Errors
    /// Another entry was promised at this index.
    pub fn promised(&mut self, receipt: Receipt) -> Result<(), AuditError> {
        let Receipt { index, leaf, .. } = receipt;
        if *self.promised.entry(index).or_insert(leaf) == leaf {
            Ok(())
        } else {
            Err(AuditError::Promise { index })
        }
    }

    /// Reads everything.
    ///
    /// # Errors
    /// Whatever is not as it should be, by its own variant.
    pub async fn check(&mut self, backend: &dyn Backend) -> Result<Audited, AuditError> {
        let loaded = backend.load().await?;
        let head = self.open(&loaded.head, "the head")?;
        self.saw(&head)?;
        let published = loaded.published.map(|note| self.open(&note, "the published one"));
        let published = published.transpose()?;
        if let Some(published) = &published {
            self.saw(published)?;
        }
        let mut entries = Vec::new();
        for index in 0..loaded.settled_size / WIDTH {
            let tile = Tile { level: None, index, width: 256 };
            let bundle = backend.tile(tile).await?.ok_or(AuditError::Missing { tile })?;
            let split =
                tile::entries(&bundle, tile.width).map_err(|_| AuditError::Wrong { tile })?;
            entries.extend(split.into_iter().map(Bytes::copy_from_slice));
        }
        entries.extend(loaded.entries);
        if entries.len() as u64 != head.size {
            return Err(AuditError::Size { head: head.size, entries: entries.len() as u64 });
        }
        let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::of_leaf(entry)).collect();
        self.tree(&leaves)?;
        tiles(backend, &leaves, loaded.settled_size).await?;
        for (index, leaf) in &self.promised {
            let place = usize::try_from(*index).unwrap_or(usize::MAX);
            if leaves.get(place) != Some(leaf) {
                return Err(AuditError::Lost { index: *index });
            }
        }
        let names = self.map(&entries, &leaves)?;
        let objects = self.objects(backend, &entries).await?;
        let published_size = published.map(|published| published.size);
        Ok(Audited { size: head.size, root: head.root, published_size, objects, names })
    }

    fn open(&self, note: &str, which: &'static str) -> Result<Checkpoint, AuditError> {
        let opened = Checkpoint::open(note.as_bytes(), &self.keys, &Crypto);
        let opened = opened.ok().filter(|checkpoint| checkpoint.origin == self.origin);
        opened.ok_or(AuditError::Signature { which })
    }

    /// Every root that was ever shown is that of the entries before it.
    fn tree(&self, leaves: &[Hash]) -> Result<(), AuditError> {
        let mut frontier = Frontier::default();
        let mut seen = self.seen.iter().peekable();
        for leaf in leaves.iter().map(Some).chain([None]) {
            while let Some((size, root)) = seen.next_if(|(size, _)| **size == frontier.size()) {
                if frontier.root() != *root {
                    return Err(AuditError::Fork { size: *size });
                }
            }
            if let Some(leaf) = leaf {
                frontier.append(*leaf, |_, _, _| {});
            }
        }
        seen.next().map_or(Ok(()), |(size, _)| Err(AuditError::Shrunk { size: *size }))
    }

    /// Every stated root is that of the map over the leaves before it, and the last leaf states one.
    fn map(&self, entries: &[Bytes], leaves: &[Hash]) -> Result<usize, AuditError> {
        let Some(names_of) = self.names_of else { return Ok(0) };
        let mut map = Map::default();
        let mut names = BTreeSet::new();
        let mut is_stated = true;
        for ((entry, leaf), index) in entries.iter().zip(leaves).zip(0..) {
            let stated = MapLeaf::parse(entry);
            is_stated = stated.is_some();
            match stated {
                Some(stated) if stated == (MapLeaf { covers: index, root: map.root() }) => {}
                Some(_) => return Err(AuditError::Map { index }),
                None => {
                    for name in names_of(entry) {
                        map.insert(Map::key(&name), Latest { leaf: *leaf, index });
                        names.insert(name);
                    }
                }
            }
        }
        if is_stated {
            Ok(names.len())
        } else {
            Err(AuditError::Map { index: leaves.len() as u64 })
        }
    }

    async fn objects(&self, backend: &dyn Backend, entries: &[Bytes]) -> Result<usize, AuditError> {
        let named = self.objects_of.map(|of| entries.iter().flat_map(move |entry| of(entry)));
        let digests: BTreeSet<Digest> = named.into_iter().flatten().collect();
        for digest in &digests {
            let object = backend.object(digest).await?;
            if object.is_none_or(|bytes| Digest::of_bytes(&bytes) != *digest) {
                return Err(AuditError::Object { digest: *digest });
            }
        }
        Ok(digests.len())
    }
}

/// Every full tile of the settled part is there and is what follows from the entries.
async fn tiles(backend: &dyn Backend, leaves: &[Hash], settled: u64) -> Result<(), AuditError> {
    let settled = usize::try_from(settled).unwrap_or(usize::MAX).min(leaves.len());
    let mut row: Vec<Hash> = leaves.iter().take(settled).copied().collect();
    for level in 0_u8.. {
        let full = row.chunks_exact(256);
        if full.len() == 0 {
            break;
        }
        let mut roots = Vec::with_capacity(full.len());
        for (hashes, index) in full.zip(0..) {
            let tile = Tile { level: Some(level), index, width: 256 };
            let bytes = backend.tile(tile).await?.ok_or(AuditError::Missing { tile })?;
            if !hashes.iter().flat_map(|hash| &hash.0).eq(bytes.iter()) {
                return Err(AuditError::Wrong { tile });
            }
            let mut frontier = Frontier::default();
            for hash in hashes {
                frontier.append(*hash, |_, _, _| {});
            }
            roots.push(frontier.root());
        }
        row = roots;
    }
    Ok(())
}

/// What is wrong with a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// It cannot be read.
    #[error("reading the log")]
    Storage(#[from] StoreError),
    /// A checkpoint that the log's keys did not sign.
    #[error("the keys of the log did not sign {which}")]
    Signature {
        /// Which.
        which: &'static str,
    },
    /// Two trees of one size.
    #[error("two checkpoints of size {size} disagree")]
    Fork {
        /// The size.
        size: u64,
    },
    /// A checkpoint was shown of a size that the log does not have.
    #[error("a checkpoint of size {size} was shown, and the log is smaller")]
    Shrunk {
        /// The size.
        size: u64,
    },
    /// The head covers another number of entries.
    #[error("the head covers {head} entries, and {entries} are stored")]
    Size {
        /// What it covers.
        head: u64,
        /// What is stored.
        entries: u64,
    },
    /// A full tile or bundle is not there.
    #[error("{tile} is missing")]
    Missing {
        /// Which.
        tile: Tile,
    },
    /// A tile or bundle is not what follows from the entries.
    #[error("{tile} is not what follows from the entries")]
    Wrong {
        /// Which.
        tile: Tile,
    },
    /// Two entries were promised at one index.
    #[error("two entries were promised at index {index}")]
    Promise {
        /// The index.
        index: u64,
    },
    /// An entry was promised and is not there.
    #[error("the entry that was promised at index {index} is lost")]
    Lost {
        /// The index.
        index: u64,
    },
    /// A leaf states a root that the map does not have, or the last leaf states none.
    #[error("leaf {index} does not state the root of the map")]
    Map {
        /// The index.
        index: u64,
    },
    /// An object that an entry names is missing or not what its digest says.
    #[error("the object {digest} is missing or is another one")]
    Object {
        /// Its digest.
        digest: Digest,
    },
}

impl AuditError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Storage(error) => error.code(),
            Self::Signature { .. } => "store.audit-signature",
            Self::Fork { .. } => "store.audit-fork",
            Self::Shrunk { .. } => "store.audit-shrunk",
            Self::Size { .. } => "store.audit-size",
            Self::Missing { .. } => "store.audit-missing",
            Self::Wrong { .. } => "store.audit-wrong",
            Self::Promise { .. } => "store.audit-promise",
            Self::Lost { .. } => "store.audit-lost",
            Self::Map { .. } => "store.audit-map",
            Self::Object { .. } => "store.audit-object",
        }
    }
}
