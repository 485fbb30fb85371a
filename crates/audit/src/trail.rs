//! The trail: records in, durable, chained, in a Merkle log.
//!
//! One thread writes: what waits goes into one frame with one synchronisation, under the key of the
//! forward-secure tail. Another asks the [`Signer`](crate::signer::Signer) for checkpoints and makes
//! full bundles; a signer that is slow or down delays no record.

mod keeper;
pub(crate) mod layout;
mod recover;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::FlockOperation;
use store::fault::Faults;
use surface::Digest;

use crate::limits;
use crate::record::atom::{Address, Id, Word};
use crate::record::event::Mode;
use crate::record::{Record, RecordError, part};
use crate::signer::{Signer, SignerError};
use layout::Folder;

/// How a trail works; its digest stands in the first record and in each that changes it.
#[derive(Clone)]
pub struct Config {
    /// The log's name: the first line of its checkpoints.
    pub origin: Address,
    /// What happens to calls while records cannot be made durable.
    pub mode: Mode,
    /// How long the trail may be silent.
    pub heartbeat_s: u64,
    /// What writes.
    pub observer: part::Observer,
    /// How long a caller waits for a record to be durable.
    pub deadline: Duration,
    /// How long after its decision a call has an unknown outcome.
    pub call_time_max: Duration,
    /// The two clocks.
    pub clock: Clock,
    /// Records after which full bundles and tiles are written; [`limits::SETTLE_RECORDS`] unless
    /// the trail is small.
    pub settle_records: u64,
    /// Failures on demand, for tests.
    pub faults: Option<Faults>,
}

/// The two clocks of a record.
#[derive(Clone)]
pub struct Clock {
    /// Milliseconds since 1970.
    pub wall_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Nanoseconds of a clock that never steps.
    pub mono_ns: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Where the wall clock comes from.
    pub src: Word,
}

impl Clock {
    pub(crate) fn time(&self) -> part::Time {
        let wall = crate::record::atom::Wall::from_ms((self.wall_ms)());
        let mono = crate::record::atom::Large((self.mono_ns)());
        part::Time { wall, mono, src: self.src.clone(), skew_ms: 0 }
    }

    /// A new id of now.
    pub(crate) fn id(&self) -> Result<Id, AppendError> {
        let mut random = [0; 10];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| AppendError::NoRandomness)?;
        Ok(Id::new((self.wall_ms)(), random))
    }
}

/// A record that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its index.
    pub seq: u64,
}

/// Told once what became of a record.
pub type Reply = Box<dyn FnOnce(Result<Receipt, AppendError>) + Send>;

/// A trail that is open for writing. Dropped without [`Trail::close`] it ends as after a kill.
pub struct Trail {
    queue: Option<SyncSender<Message>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    config: Config,
    /// Records that found no place in the queue.
    unqueued: Arc<AtomicU64>,
    _lock: File,
}

pub(crate) enum Message {
    Append(Box<Record>, Reply),
    Close(SyncSender<Result<(), AppendError>>),
}

impl Trail {
    /// Makes a trail with its first record. Nothing else ever makes one.
    ///
    /// # Errors
    /// A trail that is there already, or storage that fails.
    pub fn create(
        folder: &Path,
        config: Config,
        signer: Arc<dyn Signer>,
    ) -> Result<Self, TrailError> {
        let failed = |source| TrailError::Storage { action: "making", source };
        if folder.join("keys").exists() {
            return Err(TrailError::Exists);
        }
        std::fs::create_dir_all(folder.join("tail")).map_err(failed)?;
        let keys: Vec<_> = signer.verifiers().iter().map(ToString::to_string).collect();
        let keys = keys.join("\n") + "\n";
        let place = Folder::new(folder, None);
        place.place(&folder.join("keys"), keys.as_bytes()).map_err(failed)?;
        Self::open(folder, config, signer)
    }

    /// Opens a trail: recovers what is durable, closes what never ended, and goes on.
    ///
    /// # Errors
    /// No trail, another writer, one that is damaged, or an older copy than the signer signed.
    pub fn open(
        folder: &Path,
        config: Config,
        signer: Arc<dyn Signer>,
    ) -> Result<Self, TrailError> {
        if !folder.join("keys").exists() {
            return Err(TrailError::Missing);
        }
        let lock = lock(folder)?;
        let place = Folder::new(folder, config.faults.clone());
        let found = recover::recover(&place, signer.as_ref())?;
        recover::cut_checkpoints(&place)?;
        let (batches, kept) = mpsc::channel();
        let stale = Arc::new(keeper::Stale::default());
        let keeper = keeper::Keeper::new(
            place.clone(),
            Arc::clone(&signer),
            Arc::clone(&stale),
            &config,
            &found,
        );
        let unqueued = Arc::new(AtomicU64::new(0));
        let mut writer = writer::Writer::new(place, config.clone(), signer, found, batches, stale)?
            .counting(Arc::clone(&unqueued));
        writer.begin()?;
        let (queue, waiting) = mpsc::sync_channel(limits::QUEUE_LENGTH_MAX);
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
            thread.map_err(|source| TrailError::Storage { action: "starting", source })
        };
        let keeping = spawn("audit-keeper", Box::new(move || keeper.run(&kept)))?;
        let writing = spawn("audit-writer", Box::new(move || writer.run(&waiting)))?;
        let threads = Mutex::new(vec![writing, keeping]);
        Ok(Self { queue: Some(queue), threads, config, unqueued, _lock: lock })
    }

    /// Hands in a record; `reply` is told, on the writer's thread, once it is durable or is not. The
    /// trail gives it its `seq`, `log_id`, `prev` and `t`.
    pub fn submit(&self, record: Record, reply: Reply) {
        let Some(queue) = &self.queue else { return reply(Err(AppendError::Closed)) };
        let (error, message) = match queue.try_send(Message::Append(Box::new(record), reply)) {
            Ok(()) => return,
            Err(TrySendError::Full(message)) => {
                self.unqueued.fetch_add(1, Ordering::Relaxed);
                (AppendError::Full, message)
            }
            Err(TrySendError::Disconnected(message)) => (AppendError::Closed, message),
        };
        if let Message::Append(_, reply) = message {
            reply(Err(error));
        }
    }

    /// Hands in a record and waits for it to be durable, up to the configured deadline.
    ///
    /// In mode `degraded` whoever gets an error that [may pass](AppendError::may_pass) goes on; a
    /// `gap` follows.
    ///
    /// # Errors
    /// A record that is none, or that could not be made durable in time.
    pub fn append(&self, record: Record) -> Result<Receipt, AppendError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        // A caller that has gone is told nothing.
        self.submit(record, Box::new(move |result| drop(sender.send(result))));
        match receiver.recv_timeout(self.config.deadline) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(AppendError::Deadline),
            Err(RecvTimeoutError::Disconnected) => Err(AppendError::Closed),
        }
    }

    /// A record of `kind` with a new id and everything that this trail's records share.
    ///
    /// # Errors
    /// An operating system without randomness.
    pub fn record(&self, kind: crate::Kind) -> Result<Record, AppendError> {
        let observer = self.config.observer.clone();
        Ok(Record::new(kind, self.config.clock.id()?, self.config.clock.time(), observer))
    }

    /// Writes the closing record and its checkpoint.
    ///
    /// # Errors
    /// A closing record that could not be made durable: the trail ends open then.
    pub fn close(mut self) -> Result<(), AppendError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let queue = self.queue.take().ok_or(AppendError::Closed)?;
        queue.send(Message::Close(sender)).map_err(|_| AppendError::Closed)?;
        drop(queue);
        receiver.recv().map_err(|_| AppendError::Closed)?
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.queue = None;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A thread that panicked has nothing more to write.
            let _ = thread.join();
        }
    }
}

/// A lock that was left behind by a process that died is free.
fn lock(folder: &Path) -> Result<File, TrailError> {
    let file = File::options().write(true).create(true).truncate(false).open(folder.join("lock"));
    let file = file.map_err(|source| TrailError::Storage { action: "locking", source })?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(TrailError::Led),
        Err(error) => Err(TrailError::Storage { action: "locking", source: error.into() }),
    }
}

/// Why a trail does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrailError {
    /// There is none.
    #[error("there is no audit trail in the folder")]
    Missing,
    /// There is one already.
    #[error("there is an audit trail in the folder already")]
    Exists,
    /// Another process writes it.
    #[error("another process writes the audit trail")]
    Led,
    /// What is stored contradicts itself.
    #[error("the audit trail is damaged: {what}")]
    Damaged {
        /// What does not fit.
        what: String,
    },
    /// The signer signed more than is there: this is an older copy, or records were lost.
    #[error("the signer signed {signed} records, and the audit trail has {size}")]
    Behind {
        /// What the signer signed.
        signed: u64,
        /// What is there.
        size: u64,
    },
    /// The signer cannot be asked.
    #[error("asking the signer")]
    Signer(#[from] SignerError),
    /// The first records could not be written.
    #[error("beginning the audit trail")]
    Begin(#[from] AppendError),
    /// Storage failed.
    #[error("{action} the audit trail")]
    Storage {
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl TrailError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "audit.trail.missing",
            Self::Exists => "audit.trail.exists",
            Self::Led => "audit.trail.led",
            Self::Damaged { .. } => "audit.trail.damaged",
            Self::Behind { .. } => "audit.trail.behind",
            Self::Signer(_) => "audit.trail.signer",
            Self::Begin(error) => error.code(),
            Self::Storage { .. } => "audit.trail.storage",
        }
    }
}

/// Why a record is not durable.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// It is none.
    #[error("writing a record")]
    Record(#[from] RecordError),
    /// An outcome of a call that no decision opened, or that has one.
    #[error("an outcome of a call that is not open")]
    NotOpen,
    /// A decision of a call that has one.
    #[error("a decision of a call that has one")]
    Decided,
    /// Too much waits already.
    #[error("too many records wait to be written")]
    Full,
    /// The deadline passed; the record may still become durable.
    #[error("the record did not become durable in time")]
    Deadline,
    /// Storage failed; nothing is written until it was read again and verified.
    #[error("the audit trail cannot be written: {what}")]
    Storage {
        /// The failure.
        what: String,
    },
    /// No checkpoint was signed for too long.
    #[error("the signer has not signed for too long")]
    Unsigned,
    /// The trail was closed.
    #[error("the audit trail was closed")]
    Closed,
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    NoRandomness,
}

impl AppendError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Record(error) => error.code(),
            Self::NotOpen => "audit.trail.not-open",
            Self::Decided => "audit.trail.decided",
            Self::Full => "audit.trail.full",
            Self::Deadline => "audit.trail.deadline",
            Self::Storage { .. } => "audit.trail.storage",
            Self::Unsigned => "audit.trail.unsigned",
            Self::Closed => "audit.trail.closed",
            Self::NoRandomness => "audit.trail.randomness",
        }
    }

    /// Whether a call may pass unrecorded in mode `degraded`: storage failed, not the caller.
    pub const fn may_pass(&self) -> bool {
        !matches!(self, Self::Record(_) | Self::NotOpen | Self::Decided)
    }
}

/// The digest of a configuration: what of it matters to a reader.
pub(crate) fn digest(config: &Config) -> Digest {
    Digest::of(&serde_json::json!({
        "origin": config.origin, "mode": config.mode, "heartbeat_s": config.heartbeat_s,
        "call_time_max_s": config.call_time_max.as_secs(),
        "config_digest": config.observer.config_digest,
    }))
}

#[cfg(test)]
pub(crate) mod tests;
