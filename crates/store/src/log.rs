//! A log: submit, sequence, commit, publish, prove.

mod index;
mod publisher;
mod rebuild;
mod replica;
mod sequencer;
mod shared;
mod state;
mod witnesses;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seal::bundle::LatestProof;
use surface::Digest;
use tlog::map::Map;
use tlog::tile::Tile;
use tlog::{Checkpoint, Hash, Proof, Sign, VerifierKey};
use tokio::sync::{Notify, mpsc, watch};

use crate::backend::{Backend, Object, StoreError};
use crate::limits;
use publisher::{Publisher, publish_now};
use rebuild::{Rebuilt, rebuild};
use sequencer::{Sequencer, Submission};
use shared::{Shared, Trust};

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

    /// The keys that verify this log's checkpoints.
    pub(crate) fn verifiers(&self) -> Vec<VerifierKey> {
        self.keys.iter().map(|key| key.verifier().clone()).collect()
    }

    pub(crate) fn damaged(&self, what: String) -> StoreError {
        StoreError::Damaged { place: format!("`{}`", self.origin), what }
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

/// A log. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
    open: Arc<Open>,
}

/// Ends the tasks of a log when nobody has it any more.
struct Open {
    shared: Arc<Shared>,
    sequencer: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.queue().take();
        self.shared.closing.send_replace(true);
    }
}

impl Log {
    /// Makes a new, empty log. Nothing else ever makes one.
    ///
    /// # Errors
    /// A log that is there already, or storage that fails.
    pub async fn create(backend: &dyn Backend, config: &Config) -> Result<(), StoreError> {
        let (origin, root) = (config.origin.clone(), Hash::of_nothing());
        let checkpoint = Checkpoint { origin, size: 0, root };
        let keys: Vec<&dyn Sign> = config.keys.iter().map(AsRef::as_ref).collect();
        backend.create(&checkpoint.sign(&keys, (config.clock)() / 1_000)?).await
    }

    /// Opens a log: takes the lead, verifies what is stored, asks the witnesses, and starts to
    /// sequence. Where several replicas share the log and another leads, follows it: all works as
    /// with the lead, and the lead is taken when it is free.
    ///
    /// # Errors
    /// Anything that makes it unsafe to sign.
    pub async fn open(backend: Arc<dyn Backend>, config: Config) -> Result<Self, StoreError> {
        let (loaded, trust) = replica::load(&*backend).await?;
        let leads = trust == Trust::Yes;
        let opened = Self::verified(&backend, config, loaded, trust).await;
        if opened.is_err() && leads {
            backend.release().await;
        }
        let (shared, queue) = opened?;
        let sequencer = tokio::spawn(Sequencer::new(Arc::clone(&shared), queue).run());
        tokio::spawn(Publisher::new(Arc::clone(&shared)).run());
        let sequencer = Mutex::new(Some(sequencer));
        Ok(Self { open: Arc::new(Open { shared: Arc::clone(&shared), sequencer }), shared })
    }

    async fn verified(
        backend: &Arc<dyn Backend>,
        config: Config,
        loaded: crate::backend::Loaded,
        trust: Trust,
    ) -> Result<(Arc<Shared>, mpsc::Receiver<Submission>), StoreError> {
        let Rebuilt { state, published } = rebuild(&**backend, &config, loaded, None).await?;
        let (sender, queue) = mpsc::channel(limits::QUEUE_LENGTH_MAX);
        let shared = Arc::new(Shared {
            backend: Arc::clone(backend),
            keys: config.verifiers(),
            config,
            sizes: watch::Sender::new(state.tail.size()),
            state: RwLock::new(state),
            shown: RwLock::default(),
            publications: watch::Sender::default(),
            queue: Mutex::new(Some(sender)),
            queued_bytes: AtomicUsize::new(0),
            trust: Mutex::new(trust),
            distrusted: Notify::new(),
            closing: watch::Sender::default(),
        });
        let leads = *shared.trust() == Trust::Yes;
        if leads {
            witnesses::ask_newest(&shared).await?;
        }
        if let Some((checkpoint, note, map)) = published {
            shared.show(checkpoint, note, map);
        }
        if leads {
            publish_now(&shared).await?;
        }
        Ok((shared, queue))
    }

    /// Adds an entry, and the objects it names. Returns once both are durable and sequenced. An
    /// entry that is in the log already keeps its index.
    ///
    /// # Errors
    /// An entry past the limits, a full queue, or storage that fails: then nobody knows whether it
    /// happened, and submitting again is safe.
    pub async fn submit(&self, entry: Bytes, objects: Vec<Object>) -> Result<Receipt, SubmitError> {
        self.shared.submit(entry, objects).await
    }

    /// The newest published checkpoint.
    pub fn published(&self) -> Option<Arc<Published>> {
        self.shared.shown().map(|shown| Arc::clone(&shown.published))
    }

    /// Told of each newly published checkpoint.
    pub fn publications(&self) -> watch::Receiver<Option<Arc<Published>>> {
        self.shared.publications.subscribe()
    }

    /// Told of each durable size, published or not.
    pub fn sizes(&self) -> watch::Receiver<u64> {
        self.shared.sizes.subscribe()
    }

    /// The entries from `start` up to `end`, as far as they are durable; at most 256. Each is the
    /// entry of its leaf in the tree.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn entries(&self, start: u64, end: u64) -> Result<Vec<Bytes>, StoreError> {
        self.shared.entries(start, end).await
    }

    /// A tile or bundle of a published size; `None` if there is none.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn tile(&self, tile: Tile) -> Result<Option<Bytes>, StoreError> {
        let published = self.shared.shown().map(|shown| shown.published.checkpoint.size);
        self.shared.tile(tile, published.unwrap_or_default()).await
    }

    /// An object, verified against its digest.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn object(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        self.shared.object(digest).await
    }

    /// The proof of an entry against the newest published checkpoint; `None` if that does not cover
    /// it yet.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn proof(&self, index: u64) -> Result<Option<Proof>, StoreError> {
        let published = self.published().filter(|published| index < published.checkpoint.size);
        let Some(published) = published else { return Ok(None) };
        let hashes = self.shared.inclusion(&published.checkpoint, index).await?;
        Ok(Some(Proof { extra: None, index, hashes, checkpoint: published.note.clone() }))
    }

    /// The newest statement under each of `names` in the newest published checkpoint, provably.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn latest(
        &self,
        names: &[String],
    ) -> Result<Option<(Arc<Published>, LatestProof)>, StoreError> {
        let Some(shown) = self.shared.shown() else { return Ok(None) };
        let last = self.shared.map_leaf(&shown).await?;
        let Some((map_leaf, hashes)) = last else { return Ok(None) };
        let path = |name: &String| (name.clone(), shown.map.prove(&Map::key(name)));
        let paths = names.iter().map(path).collect();
        let proof = LatestProof { hashes, map_leaf, paths };
        Ok(Some((Arc::clone(&shown.published), proof)))
    }

    /// The index of an entry by its leaf hash.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn find(&self, leaf: Hash) -> Result<Option<u64>, StoreError> {
        self.shared.find(leaf).await
    }

    /// Stops taking entries, finishes what waits, and gives up the lead.
    pub async fn close(&self) {
        self.shared.queue().take();
        self.shared.closing.send_replace(true);
        let sequencer = self.open.sequencer.lock();
        let sequencer = sequencer.unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(sequencer) = sequencer
            && let Err(error) = sequencer.await
        {
            tracing::error!(%error, "the sequencer did not end well");
        }
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
