//! A log: submit, sequence, commit, publish, prove.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seal::bundle::LatestProof;
use surface::Digest;
use tlog::tile::Tile;
use tlog::{Checkpoint, Hash, Proof, Sign, VerifierKey};

use crate::backend::{Backend, Object, StoreError};
use crate::limits;

/// The names under which the map knows an entry as the newest: the server's, and for what can undo
/// another statement one for what it undoes ([`seal::Statement::names`]).
pub type NamesOf = fn(&[u8]) -> Vec<String>;

/// How a log works.
pub struct Config {
    /// The log's name: the first line of its checkpoints.
    pub origin: String,
    /// The log's own keys: Ed25519 and ML-DSA-44.
    pub keys: Vec<Arc<dyn Sign>>,
    /// The names that an entry is about, for the map of latest statements; fixed for the life of the
    /// origin. `None` makes a log without a map.
    pub names_of: Option<NamesOf>,
    /// Witnesses, and the policy that a checkpoint has to meet to be published.
    pub cosigning: Option<Cosigning>,
    /// How long a submission waits for others to share its batch.
    pub batch_time_max: Duration,
    /// The time, in milliseconds since 1970.
    pub clock: fn() -> u64,
}

impl Config {
    /// The usual configuration of a log.
    pub fn new(origin: impl Into<String>, keys: Vec<Arc<dyn Sign>>, clock: fn() -> u64) -> Self {
        Self {
            origin: origin.into(),
            keys,
            names_of: None,
            cosigning: None,
            batch_time_max: limits::BATCH_TIME_MAX,
            clock,
        }
    }
}

/// Whose cosignatures a checkpoint needs.
pub struct Cosigning {
    /// How each witness is reached.
    pub witnesses: Vec<Arc<dyn Cosigner>>,
    /// The quorum.
    pub policy: tlog::Policy,
    /// How long a batch of cosignatures is waited for before the next is tried.
    pub answer_time_max: Duration,
}

/// A witness, as its client sees it.
#[async_trait]
pub trait Cosigner: Send + Sync {
    /// Its keys.
    fn keys(&self) -> &[VerifierKey];

    /// Asks for cosignatures of a signed checkpoint: the lines, not verified.
    ///
    /// # Errors
    /// A witness that does not answer, or that holds another size.
    async fn add_checkpoint(
        &self,
        old_size: u64,
        proof: &[Hash],
        checkpoint: &str,
    ) -> Result<Vec<String>, CosignError>;

    /// The newest checkpoint of `origin` that the witness holds.
    ///
    /// # Errors
    /// A witness that does not answer.
    async fn newest(&self, origin: &str) -> Result<Option<String>, CosignError>;
}

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CosignError {
    /// It holds another size (409).
    #[error("the witness holds size {size}")]
    Size {
        /// The size that it holds.
        size: u64,
    },
    /// It refused.
    #[error("the witness refused: {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// It did not answer.
    #[error("the witness did not answer: {why}")]
    Unreachable {
        /// Why.
        why: String,
    },
}

/// An entry that is in the log for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its index.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Hash,
    /// Whether it was there before.
    pub is_duplicate: bool,
}

/// A published checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The note: signatures of the log and cosignatures.
    pub note: String,
}

/// A log. Clones share it.
#[derive(Clone)]
pub struct Log {
    _inner: Arc<()>,
}

impl Log {
    /// Makes a new, empty log. Nothing else ever makes one.
    ///
    /// # Errors
    /// A log that is there already, or storage that fails.
    pub async fn create(backend: &dyn Backend, config: &Config) -> Result<(), StoreError> {
        let _ = (backend, config);
        unimplemented!()
    }

    /// Opens a log: takes the lead, verifies what is stored, asks the witnesses, and starts to
    /// sequence.
    ///
    /// # Errors
    /// Anything that makes it unsafe to sign.
    pub async fn open(backend: Arc<dyn Backend>, config: Config) -> Result<Self, StoreError> {
        let _ = (backend, config);
        unimplemented!()
    }

    /// Adds an entry, and the objects it names. Returns once both are durable and sequenced. An
    /// entry that is in the log already keeps its index.
    ///
    /// # Errors
    /// An entry past the limits, a full queue, or storage that fails: then nobody knows whether it
    /// happened, and submitting again is safe.
    pub async fn submit(&self, entry: Bytes, objects: Vec<Object>) -> Result<Receipt, SubmitError> {
        let _ = (entry, objects);
        unimplemented!()
    }

    /// The newest published checkpoint.
    pub fn published(&self) -> Option<Arc<Published>> {
        unimplemented!()
    }

    /// Told of each newly published checkpoint.
    pub fn publications(&self) -> tokio::sync::watch::Receiver<Option<Arc<Published>>> {
        unimplemented!()
    }

    /// Told of each durable size, published or not.
    pub fn sizes(&self) -> tokio::sync::watch::Receiver<u64> {
        unimplemented!()
    }

    /// The entries from `start` up to `end`, as far as they are durable; at most 256.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn entries(&self, start: u64, end: u64) -> Result<Vec<Bytes>, StoreError> {
        let _ = (start, end);
        unimplemented!()
    }

    /// A tile or bundle of a published size; `None` if there is none.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn tile(&self, tile: Tile) -> Result<Option<Bytes>, StoreError> {
        let _ = tile;
        unimplemented!()
    }

    /// An object, verified against its digest.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn object(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        let _ = digest;
        unimplemented!()
    }

    /// The proof of an entry against the newest published checkpoint; `None` if that does not cover
    /// it yet.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn proof(&self, index: u64) -> Result<Option<Proof>, StoreError> {
        let _ = index;
        unimplemented!()
    }

    /// The newest statement under each of `names` in the newest published checkpoint, provably.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn latest(
        &self,
        names: &[String],
    ) -> Result<Option<(Arc<Published>, LatestProof)>, StoreError> {
        let _ = names;
        unimplemented!()
    }

    /// The index of an entry by its leaf hash.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn find(&self, leaf: Hash) -> Result<Option<u64>, StoreError> {
        let _ = leaf;
        unimplemented!()
    }

    /// Stops taking entries, finishes what waits, and gives up the lead.
    pub async fn close(&self) {
        unimplemented!()
    }
}

/// Why an entry was not added, as far as anybody knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// The entry or an object is too long.
    #[error("an entry or object of {size} bytes, where {max} fit")]
    TooLong {
        /// Its length in bytes.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// More objects than one entry may bring.
    #[error("an entry with {count} objects, where {max} may come")]
    TooMany {
        /// How many came.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// The entry has the form of the log's own statements about its map.
    #[error("only the log itself states the root of its map")]
    Reserved,
    /// Too many wait already.
    #[error("the log is busy")]
    Full,
    /// The log does not sign until it has recovered. Nothing was added.
    #[error("the log is recovering: {why}")]
    Recovering {
        /// From what.
        why: String,
    },
    /// Storage failed while the entry was being added.
    #[error("nobody knows whether the entry was added; adding it again is safe: {why}")]
    Unknown {
        /// How it failed.
        why: String,
    },
    /// The log was closed. Nothing was added.
    #[error("the log is closed")]
    Closed,
}

impl SubmitError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "store.too-long",
            Self::TooMany { .. } => "store.too-many",
            Self::Reserved => "store.reserved",
            Self::Full => "store.full",
            Self::Recovering { .. } => "store.recovering",
            Self::Unknown { .. } => "store.unknown",
            Self::Closed => "store.closed",
        }
    }
}
