//! Grants: the only state. The ceiling of everything done for one intent.

#[cfg(feature = "service")]
mod durable;
mod memory;
#[cfg(feature = "service")]
mod row;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

#[cfg(feature = "service")]
pub use self::durable::Durable;
pub use self::memory::{Fault, Faults, Memory, Step};
use crate::limits;
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
    /// The root's `authorization_details`. A server that one of them names is reached for those tools
    /// alone, any other by its scopes.
    pub details: Vec<Detail>,
    /// When it is over, in seconds since 1970.
    pub expires_s: u64,
    /// How many actors there may be behind the presenter.
    pub depth_max: u8,
    /// When the root token was issued; 0 if it does not say.
    pub root_issued_s: u64,
    /// When it ended before its time, and why: it was revoked, or an event of its subject ended it.
    pub revoked: Option<(u64, String)>,
}

impl Grant {
    /// Check X12: neither revoked, nor ended by an event, nor over.
    ///
    /// # Errors
    /// Why it is dead.
    pub fn live(&self, now_s: u64) -> Result<(), GrantError> {
        if self.revoked.is_some() {
            return Err(GrantError::Dead("it was revoked"));
        }
        if self.expires_s <= now_s {
            return Err(GrantError::Dead("its time is over"));
        }
        Ok(())
    }
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
    /// What must not have been used.
    pub once: Vec<Once>,
    /// How much there may be of it.
    pub bounds: Bounds,
}

/// A proof that counts once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// Whose.
    pub of: ProofOf,
    /// Its name: key, `jti`, and what it is for.
    pub name: String,
    /// Until when it is remembered, in seconds since 1970.
    pub until_s: u64,
}

/// Whose proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofOf {
    /// Of the client that asks.
    Presenter,
    /// Of the holder of the subject token, relayed.
    Holder,
}

/// How much a grant gives (X13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Exchanges of one grant.
    pub exchanges_max: u64,
    /// Different targets of one parent token.
    pub targets_max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { exchanges_max: limits::GRANT_EXCHANGES_MAX, targets_max: limits::PARENT_TARGETS_MAX }
    }
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
    /// (X12) and below its bound (X13), what counts once unused (X8, X9), the targets of the parent
    /// within theirs (X13). What is refused takes nothing.
    ///
    /// # Errors
    /// The first that does not hold.
    async fn take(&self, used: &Use, now_s: u64) -> Result<(), GrantError>;

    /// Ends a grant; of one that is over already, nothing changes. Durable when it returns.
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

    /// What ended before its time, told at `since_s` or later, the oldest first: `count_max` grants and
    /// as many epochs at most. What was told before may be among it.
    ///
    /// # Errors
    /// A store that fails.
    async fn ended(&self, since_s: u64, count_max: usize) -> Result<Ended, GrantError>;

    /// Forgets what can count no more: grants five minutes after their end, so that a revoked token
    /// never founds a second one, and what was used and need not be remembered.
    ///
    /// # Errors
    /// A store that fails.
    async fn sweep(&self, now_s: u64) -> Result<(), GrantError>;
}

/// What ended before its time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// The grants, and when each was told to have ended.
    pub grants: Vec<(EndedGrant, u64)>,
    /// The epochs of subjects, and when each was told.
    pub epochs: Vec<(Subject, u64, u64)>,
}

/// A grant that ended before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedGrant {
    /// Its name.
    pub txn: String,
    /// The token that founded it.
    pub root: TokenHash,
    /// When it would have been over.
    pub expires_s: u64,
}

/// Why a grant does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// X12.
    #[error("the grant is over: {0}")]
    Dead(&'static str),
    /// X8, X9: a proof that was used.
    #[error("the proof was used before")]
    Used(ProofOf),
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

impl GrantError {
    /// X13 of a grant: there is no more until it is over.
    const fn exchanges(expires_s: u64, now_s: u64) -> Self {
        Self::Rate { what: "exchanges of one grant", retry_s: expires_s.saturating_sub(now_s) }
    }

    /// X13 of a parent token: there is no more until there is another.
    const fn targets() -> Self {
        Self::Rate { what: "targets of one token", retry_s: limits::HOP_TOKEN_LIFE_S }
    }

    /// The store failed.
    pub(crate) fn store(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Store(Box::new(source))
    }
}

/// What the record says of a grant that an event of its subject ended.
const EVENT: &str = "security-event";
