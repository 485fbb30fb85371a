//! What every part of the registry works with: the log, the tables, the keys.

use std::sync::Arc;

use bytes::Bytes;
use seal::{Envelope, PrivateKey, Statement};
use store::{Database, Log, Object, Receipt, StoreError, SubmitError};

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
    /// A registry over an open log and its tables.
    pub fn new(
        log: Log,
        database: Database,
        keys: Vec<PrivateKey>,
        operator: String,
        public_url: String,
    ) -> Self {
        Self { inner: Arc::new(Inner { log, database, keys, operator, public_url }) }
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

    /// The time, in seconds since 1970.
    pub fn now_s(&self) -> u64 {
        unimplemented!()
    }

    /// Appends an envelope that somebody else signed, and waits until the projection has it.
    ///
    /// # Errors
    /// Whatever keeps it out of the log.
    pub async fn append(
        &self,
        envelope: Envelope,
        objects: Vec<Object>,
    ) -> Result<Appended, ServiceError> {
        let _ = (envelope, objects);
        unimplemented!()
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
        let _ = (statement, objects);
        unimplemented!()
    }

    /// An object.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn object(&self, digest: &surface::Digest) -> Result<Option<Bytes>, ServiceError> {
        Ok(self.inner.log.object(digest).await?)
    }
}

/// The names that an entry is about ([`Statement::names`]). Fixed for the life of an origin.
pub fn names_of(entry: &[u8]) -> Vec<String> {
    Envelope::parse(entry).map(|envelope| envelope.statement().names()).unwrap_or_default()
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
}
