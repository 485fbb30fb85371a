//! What every part of the registry works with: the log, the tables, the keys.

pub mod catalogue;
pub mod codes;
pub mod config;
#[cfg(test)]
pub(crate) mod fixture;
pub mod operator;
pub mod time;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use seal::{Envelope, Predicate, PrivateKey, PublicKey, Statement};
use store::{Database, Log, Object, Receipt, StoreError, SubmitError};
use tlog::VerifierKey;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::limits;
use crate::projection::{self, Progress};
pub use catalogue::Catalogue;

/// The registry's own state. Clones share it.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    log: Log,
    database: Database,
    /// Signs countersignatures, statuses, and what the registry observes.
    keys: Vec<PrivateKey>,
    /// The key of `_meta` in answers: the operator's reverse DNS, `com.example.registry`.
    operator: String,
    /// Where the registry is reached, without a final slash.
    public_url: String,
    /// The log's verifier keys.
    log_keys: Vec<VerifierKey>,
    catalogue: Catalogue,
    /// How many entries are in the tables and in the catalogue.
    progress: Progress,
    following: [JoinHandle<()>; 2],
    /// Whether the registry's own keys are objects of the log.
    are_keys_objects: AtomicBool,
}

/// Who the registry is.
pub struct Identity {
    /// Signs countersignatures, statuses, and what the registry observes.
    pub keys: Vec<PrivateKey>,
    /// The operator's reverse DNS, `com.example.registry`: the key of `_meta` in answers.
    pub operator: String,
    /// Where the registry is reached, without a final slash.
    pub public_url: String,
    /// The log's verifier keys, as clients have to trust them.
    pub log_keys: Vec<VerifierKey>,
}

/// A statement that is in the log and in the tables.
#[derive(Debug, Clone)]
pub struct Appended {
    /// Where it is.
    pub receipt: Receipt,
    /// The statement.
    pub envelope: Envelope,
}

impl Service {
    /// A registry over an open log and its tables ([`MIGRATIONS`]). Starts the projection, so it has
    /// to be called inside a runtime.
    pub fn new(log: Log, database: Database, identity: Identity) -> Self {
        let (applied, applying) = watch::channel(0);
        let (ready, progress) = watch::channel(0);
        let catalogue = Catalogue::default();
        let following = [
            tokio::spawn(projection::follow(log.clone(), database.clone(), applied)),
            tokio::spawn(catalogue.clone().follow(database.clone(), applying, ready)),
        ];
        let Identity { keys, operator, public_url, log_keys } = identity;
        let inner = Inner {
            log,
            database,
            keys,
            operator,
            public_url,
            log_keys,
            catalogue,
            progress,
            following,
            are_keys_objects: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.inner.log
    }

    /// The tables.
    pub fn database(&self) -> &Database {
        &self.inner.database
    }

    /// The registry's keys.
    pub fn keys(&self) -> &[PrivateKey] {
        &self.inner.keys
    }

    /// The operator's reverse DNS.
    pub fn operator(&self) -> &str {
        &self.inner.operator
    }

    /// Where the registry is reached.
    pub fn public_url(&self) -> &str {
        &self.inner.public_url
    }

    /// The log's verifier keys.
    pub fn log_keys(&self) -> &[VerifierKey] {
        &self.inner.log_keys
    }

    /// Which servers and versions there are.
    pub fn catalogue(&self) -> &Catalogue {
        &self.inner.catalogue
    }

    /// How many entries of the log are in the tables.
    pub fn progress(&self) -> Progress {
        self.inner.progress.clone()
    }

    /// The time, in seconds since 1970.
    pub fn now_s(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// Appends an envelope that somebody else signed, and waits until the projection has it. `keys`
    /// are those of all who signed; they become objects, by which bundles find them. The caller has
    /// seen to it that the signers may say what they say.
    ///
    /// # Errors
    /// A signature that does not verify, or whose key is not there; a kind of statement that only the
    /// registry makes; whatever keeps it out of the log.
    pub async fn append(
        &self,
        envelope: Envelope,
        keys: &[PublicKey],
        mut objects: Vec<Object>,
    ) -> Result<Appended, ServiceError> {
        // INVARIANT: every signature in the log was verified before it was appended.
        if envelope.verify(keys)?.len() != envelope.signers().len() {
            return Err(ServiceError::Signers);
        }
        let signers = keys.iter().filter(|key| envelope.signers().contains(&key.id()));
        objects.extend(signers.map(key_object));
        // INVARIANT: a verdict, a status, and what is known of upstreams and namespaces, are the
        // registry's own words: the projection takes them as such.
        if is_ours_alone(&envelope.statement().predicate) {
            return Err(ServiceError::Kind);
        }
        self.submit(envelope, objects).await
    }

    /// Signs a statement with the registry's keys, appends it, and waits until the projection has
    /// it.
    ///
    /// # Errors
    /// Whatever keeps it out of the log.
    pub async fn state(
        &self,
        statement: Statement,
        objects: Vec<Object>,
    ) -> Result<Appended, ServiceError> {
        let keys: Vec<&PrivateKey> = self.inner.keys.iter().collect();
        let mut objects = objects;
        // Once is enough: readers of old statements look for a key that is no longer ours.
        if !self.inner.are_keys_objects.swap(true, Ordering::Relaxed) {
            objects.extend(keys.iter().map(|key| key_object(key.public())));
        }
        self.submit(Envelope::sign(statement, &keys)?, objects).await
    }

    /// Waits until the tables have the entry at `index`.
    ///
    /// # Errors
    /// Tables that are late.
    pub async fn projected(&self, index: u64) -> Result<(), ServiceError> {
        let mut progress = self.inner.progress.clone();
        let there = progress.wait_for(|size| *size > index);
        match tokio::time::timeout(limits::PROJECTION_WAIT_MAX, there).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ServiceError::Late { index }),
        }
    }

    /// An object.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn object(&self, digest: &surface::Digest) -> Result<Option<Bytes>, ServiceError> {
        Ok(self.inner.log.object(digest).await?)
    }

    /// Finishes what waits, closes the log and stops the projection.
    pub async fn close(&self) {
        self.inner.log.close().await;
        self.inner.following.iter().for_each(JoinHandle::abort);
        self.inner.database.pool().close().await;
    }

    async fn submit(
        &self,
        envelope: Envelope,
        objects: Vec<Object>,
    ) -> Result<Appended, ServiceError> {
        // INVARIANT: no entry claims a time more than the skew after it was sequenced, so `updatedAt`,
        // which never goes back, cannot be pushed into the future.
        let said_us = time::us_of_rfc3339(&envelope.statement().time).ok_or(ServiceError::Time)?;
        let latest_s = self.now_s().saturating_add(limits::CLOCK_SKEW_S_MAX);
        if said_us / 1_000_000 > i64::try_from(latest_s).unwrap_or(i64::MAX) {
            return Err(ServiceError::Time);
        }
        let entry = Bytes::copy_from_slice(envelope.bytes());
        let receipt = self.inner.log.submit(entry, objects).await?;
        self.projected(receipt.index).await?;
        Ok(Appended { receipt, envelope })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.following.iter().for_each(JoinHandle::abort);
    }
}

/// The tables of the registry, for [`Database::open`]. Each part adds its own file at the end.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("0001-tables", include_str!("../migrations/0001-tables.sql")),
    ("0002-publish", include_str!("../migrations/0002-publish.sql")),
    ("0027-mirror", include_str!("../migrations/0027-mirror.sql")),
    ("0028-monitor", include_str!("../migrations/0028-monitor.sql")),
    ("0030-webhooks", include_str!("../migrations/0030-webhooks.sql")),
];

/// The names that an entry is about ([`Statement::names`]). Fixed for the life of an origin.
pub fn names_of(entry: &[u8]) -> Vec<String> {
    Envelope::parse(entry).map(|envelope| envelope.statement().names()).unwrap_or_default()
}

/// Logs an error once, where it is handled.
pub(crate) fn tell(error: &(dyn std::error::Error + 'static), says: &'static str) {
    tracing::error!(error, "{says}");
}

/// A public key as an object: its identifier is the digest of these bytes.
fn key_object(key: &PublicKey) -> Object {
    Object::new(Bytes::copy_from_slice(key.der()))
}

fn is_ours_alone(predicate: &Predicate) -> bool {
    use seal::statement::Observed;
    match predicate {
        Predicate::Countersignature(_) | Predicate::Status(_) => true,
        Predicate::Observation(it) => !matches!(it.of, Observed::Surface { .. }),
        _ => false,
    }
}

/// Why the registry cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The log did not take it.
    #[error("appending to the log")]
    Submit(#[from] SubmitError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tables failed.
    #[error("{action}")]
    Database {
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: sqlx::Error,
    },
    /// A statement could not be signed.
    #[error(transparent)]
    Envelope(#[from] seal::envelope::EnvelopeError),
    /// Somebody signed whose key was not given.
    #[error("the statement is signed by a key that is not given")]
    Signers,
    /// Somebody else says what only the registry says.
    #[error("only the registry itself makes statements of this kind")]
    Kind,
    /// The statement claims a time that is not now.
    #[error("the statement claims a time more than five minutes from now, or none")]
    Time,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// The statement is durable, but not in the tables yet.
    #[error("entry {index} is in the log; the tables do not have it yet")]
    Late {
        /// Its index.
        index: u64,
    },
}

impl ServiceError {
    /// The error of a failed `action` on the tables.
    pub fn database(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { action, source }
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Submit(error) => error.code(),
            Self::Kind => "service.kind",
            Self::Signers => "service.signers",
            Self::Envelope(error) => error.code(),
            Self::Time => "service.time",
            Self::Late { .. } => "service.late",
            _ => "service.failed",
        }
    }
}
