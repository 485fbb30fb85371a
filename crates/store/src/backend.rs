//! Where a log's durable state is kept.

use async_trait::async_trait;
use bytes::Bytes;
use surface::Digest;
use tlog::tile::Tile;

/// One durable step of a log: entries, the objects they name, and the head that covers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The size of the log before. The commit happens only if the log still has it.
    pub previous_size: u64,
    /// The new entries, in order. There are none when only objects are new; the head is the old one
    /// then.
    pub entries: Vec<Bytes>,
    /// Objects that became known with them.
    pub objects: Vec<Object>,
    /// The checkpoint over all entries, signed by the log's own keys.
    pub head: String,
}

/// Bytes by their SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    digest: Digest,
    bytes: Bytes,
}

impl Object {
    /// The object of these bytes.
    pub fn new(bytes: Bytes) -> Self {
        Self { digest: Digest::of_bytes(&bytes), bytes }
    }

    /// SHA-256 of the bytes.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// What a log finds when it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The newest signed head.
    pub head: String,
    /// The newest published checkpoint, with its cosignatures.
    pub published: Option<String>,
    /// How many entries are in immutable, full tiles and bundles.
    pub settled_size: u64,
    /// The entries after those.
    pub entries: Vec<Bytes>,
}

/// Durable state. One writer at a time: whoever holds the lead, and even then each commit is a
/// compare-and-swap on the size.
///
/// After an error of [`commit`](Self::commit), [`settle`](Self::settle) or
/// [`publish`](Self::publish) nobody knows whether it happened: the log trusts its memory no more,
/// and loads anew. `settle` and `publish` may run while a commit does; `load` runs alone.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Makes a new log with its first head, which covers nothing.
    ///
    /// # Errors
    /// A log that is there already, or storage that fails.
    async fn create(&self, head: &str) -> Result<(), StoreError>;

    /// Takes the lead, waiting for a lease of another to end where there are leases, and gives the
    /// durable state. Whoever has the lead keeps it, and gets what is durable now.
    ///
    /// # Errors
    /// No log, another leader, or state that contradicts itself.
    async fn load(&self) -> Result<Loaded, StoreError>;

    /// Makes a commit durable, whole or not at all.
    ///
    /// # Errors
    /// A log of another size, a lost lead, or storage that fails.
    async fn commit(&self, commit: &Commit) -> Result<(), StoreError>;

    /// Makes full tiles and bundles immutable, so that all of the first `size` entries (a multiple of
    /// 256) are in such, and forgets what was only needed to recover those entries. Repeating it is
    /// harmless.
    ///
    /// # Errors
    /// Storage that fails, or a tile that is there with other bytes.
    async fn settle(&self, size: u64, tiles: &[(Tile, Bytes)]) -> Result<(), StoreError>;

    /// Records the newest published checkpoint, which never shrinks.
    ///
    /// # Errors
    /// Storage that fails.
    async fn publish(&self, checkpoint: &str) -> Result<(), StoreError>;

    /// Gives up the lead. What comes after needs another [`load`](Self::load).
    async fn release(&self);

    /// A full tile or bundle; `None` if it is not settled.
    ///
    /// # Errors
    /// Storage that fails.
    async fn tile(&self, tile: Tile) -> Result<Option<Bytes>, StoreError>;

    /// An object; verified against its digest by the caller.
    ///
    /// # Errors
    /// Storage that fails.
    async fn object(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError>;

    /// The backend as its replicas share it; `None` where one process has the log to itself.
    fn replicated(&self) -> Option<&dyn Replicated> {
        None
    }
}

/// What replicas need that do not lead: they follow the log, and hand what they are asked to add to
/// whoever leads.
#[async_trait]
pub trait Replicated: Send + Sync {
    /// The durable state, without taking the lead.
    ///
    /// # Errors
    /// No log, or state that contradicts itself.
    async fn read(&self) -> Result<Loaded, StoreError>;

    /// What came after the first `size` entries. Waits for something new for a second at most.
    ///
    /// # Errors
    /// [`StoreError::Moved`] if so much came that the rest is only in tiles: then read anew.
    async fn follow(&self, size: u64) -> Result<Followed, StoreError>;

    /// Hands entries to whoever leads. They are durable when this returns, and sequenced once they
    /// are seen in the log. Handing an entry in again is harmless.
    ///
    /// # Errors
    /// Storage that fails.
    async fn hand_in(&self, submissions: &[Submission]) -> Result<(), StoreError>;

    /// For the leader: what was handed in, oldest first, at most a batch. Waits for something for a
    /// second at most. Their objects are durable already.
    ///
    /// # Errors
    /// Storage that fails.
    async fn handed_in(&self) -> Result<Vec<HandedIn>, StoreError>;

    /// Forgets what was handed in, once it is in the log.
    ///
    /// # Errors
    /// Storage that fails.
    async fn forget(&self, handed_in: &[HandedIn]) -> Result<(), StoreError>;
}

/// What a follower finds that is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Commits in order, without objects.
    pub commits: Vec<Commit>,
    /// How many entries are in immutable, full tiles and bundles.
    pub settled_size: u64,
    /// The newest published checkpoint.
    pub published: Option<String>,
    /// Whether nobody leads, so that [`Backend::load`] will not wait.
    pub is_lead_free: bool,
}

/// An entry to add, and the objects it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The entry.
    pub entry: Bytes,
    /// The objects.
    pub objects: Vec<Object>,
}

/// An entry that a follower handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedIn {
    /// Its place in the queue.
    pub number: i64,
    /// The entry.
    pub entry: Bytes,
}

/// Why durable state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no log.
    #[error("there is no log in {place}")]
    Missing {
        /// The directory or database.
        place: String,
    },
    /// There is a log already.
    #[error("there is a log in {place} already")]
    Exists {
        /// The directory or database.
        place: String,
    },
    /// Another process writes the log.
    #[error("another process writes the log in {place}")]
    Led {
        /// The directory or database.
        place: String,
    },
    /// The log has another size than the commit starts from.
    #[error("the log has {actual} entries, not {expected}")]
    Moved {
        /// The size that the commit starts from.
        expected: u64,
        /// The size that it has.
        actual: u64,
    },
    /// What is stored contradicts itself.
    #[error("the log in {place} is damaged: {what}")]
    Damaged {
        /// The directory or database.
        place: String,
        /// What does not fit.
        what: String,
    },
    /// A witness holds a larger or another checkpoint: this is an old copy of the log.
    #[error("the witness `{witness}` holds a checkpoint that this log does not: {what}")]
    Behind {
        /// The name of the witness.
        witness: String,
        /// What it holds.
        what: String,
    },
    /// No witness says what it holds, so nobody knows whether this is an old copy of the log.
    #[error("no witness says what it holds")]
    Unwitnessed,
    /// A key cannot sign.
    #[error("signing a checkpoint")]
    Sign(#[from] tlog::crypto::SignError),
    /// Storage failed.
    #[error("{action} {place}")]
    Storage {
        /// What was being done.
        action: &'static str,
        /// To what.
        place: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "store.missing",
            Self::Exists { .. } => "store.exists",
            Self::Led { .. } => "store.led",
            Self::Moved { .. } => "store.moved",
            Self::Damaged { .. } => "store.damaged",
            Self::Behind { .. } => "store.behind",
            Self::Unwitnessed => "store.unwitnessed",
            Self::Sign(_) => "store.sign",
            Self::Storage { .. } => "store.storage",
        }
    }
}
