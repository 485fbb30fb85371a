//! Grants: the only state. The ceiling of everything done for one intent.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::resource::Resource;
use crate::token::{Detail, Replay, Subject, TokenHash};

/// The ceiling of everything done for one intent. Made at the first sight of a root token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its name: 128 random bits, Base64url.
    pub txn: String,
    /// The hash of the token that founded it; no other grant has it.
    pub root: TokenHash,
    /// For whom.
    pub subject: Subject,
    /// The client that the root token was issued to.
    pub root_client: Subject,
    /// What may be reached at most: fixed when the grant is made.
    pub ceiling: BTreeMap<Resource, BTreeSet<String>>,
    /// The root's `authorization_details`: each tool that is allowed at all; empty = by scopes alone.
    pub details: Vec<Detail>,
    /// When it is over, in seconds since 1970.
    pub expires_s: u64,
    /// How many actors there may be behind the presenter.
    pub depth_max: u8,
    /// When the root token was issued; 0 if it does not say.
    pub root_issued_s: u64,
    /// When it was revoked, and why.
    pub revoked: Option<(u64, String)>,
}

/// What one exchange takes: all of it, or nothing.
#[derive(Debug, Clone)]
pub struct Use {
    /// The grant.
    pub txn: String,
    /// The parent token.
    pub parent: TokenHash,
    /// Where to.
    pub target: Resource,
    /// What must not have been used: the key of a proof, and until when it is remembered.
    pub once: Vec<(String, u64)>,
}

/// Keeps grants. Each call is one transaction; a store that fails refuses. It is the replay memory
/// too, because both are shared by all instances of a domain.
#[async_trait]
pub trait Grants: Replay {
    /// The grant that `grant.root` founded, or this one, now recorded.
    ///
    /// # Errors
    /// A store that fails.
    async fn found(&self, grant: Grant) -> Result<Grant, GrantError>;

    /// A grant by its name.
    ///
    /// # Errors
    /// A store that fails.
    async fn grant(&self, txn: &str) -> Result<Option<Grant>, GrantError>;

    /// Takes what an exchange uses: the grant has to be live and newer than its subject's epoch
    /// (X12), what is used once unused (X9), the counters below their bounds (X13).
    ///
    /// # Errors
    /// The first that does not hold.
    async fn take(&self, used: &Use, now_s: u64) -> Result<(), GrantError>;

    /// Ends a grant.
    ///
    /// # Errors
    /// A store that fails.
    async fn revoke(&self, txn: &str, reason: &str, now_s: u64) -> Result<(), GrantError>;

    /// Ends everything of a subject that was founded by a token issued at or before `event_s`.
    /// Durable when it returns.
    ///
    /// # Errors
    /// A store that fails.
    async fn end_before(&self, subject: &Subject, event_s: u64) -> Result<(), GrantError>;

    /// The time of a subject's newest event that ends grants; 0 if there is none.
    ///
    /// # Errors
    /// A store that fails.
    async fn epoch(&self, subject: &Subject) -> Result<u64, GrantError>;
}

/// Why a grant does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// X12.
    #[error("the grant is over: {0}")]
    Dead(&'static str),
    /// X9: a proof that was used.
    #[error("it was used before")]
    Used,
    /// X13.
    #[error("too many: {what}; again in {retry_s} s")]
    Rate {
        /// Of what.
        what: &'static str,
        /// When it is worth another try, in seconds.
        retry_s: u64,
    },
    /// The store failed.
    #[error("working on grants")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}
