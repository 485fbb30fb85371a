//! What a transparency log says of the guarded server, wherever it is read.

use crate::pin::Pin;

/// The log's word on one server. Asked for every decision: answers from memory.
pub trait Published: Send + Sync {
    /// Why the log does not back the pin now: not logged, another surface, revoked, not fresh.
    fn objection(&self, pin: &Pin) -> Option<Objection>;
}

/// Why a log does not back a pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// What is wrong.
    pub ground: Ground,
    /// One sentence for a person.
    pub sentence: String,
}

/// What is wrong between a log and a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Nothing verified says that the log has the server's version.
    Missing,
    /// The log fixes another surface.
    Differs,
    /// The version, its surface or its publisher's key was revoked, or the version deleted.
    Revoked,
    /// The newest proof is older than the reader accepts.
    Stale,
    /// The evidence does not verify.
    Unproved,
}

impl Ground {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "guard.log-missing",
            Self::Differs => "guard.log-differs",
            Self::Revoked => "guard.log-revoked",
            Self::Stale => "guard.log-stale",
            Self::Unproved => "guard.log-unproved",
        }
    }
}
