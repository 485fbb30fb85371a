//! C2SP tlog-policy: which logs and witnesses are believed.

use crate::checkpoint::Checkpoint;
use crate::crypto::Verify;
use crate::note::VerifierKey;

/// Logs, witnesses, groups and a quorum. Its `FromStr` reads the specification's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
}

impl Policy {
    /// The keys of logs, those of one origin beside each other.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The keys of witnesses.
    pub fn witnesses(&self) -> &[VerifierKey] {
        &self.witnesses
    }

    /// Verifies a checkpoint: every key of its log, and a quorum of witnesses.
    ///
    /// # Errors
    /// Whatever does not hold, by its own variant.
    pub fn open(&self, note: &[u8], verify: &dyn Verify) -> Result<Verified, PolicyError> {
        let _ = (note, verify);
        unimplemented!()
    }
}

/// A checkpoint that a policy accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Each witness whose cosignature counted, by name, and its time in seconds since 1970.
    pub witnesses: Vec<(String, u64)>,
}

impl Verified {
    /// Freshness: the newest time that the quorum as a whole vouches for, in seconds since 1970;
    /// `None` when the policy asks for no witness.
    pub fn time_s(&self) -> Option<u64> {
        unimplemented!()
    }
}

/// Why a policy is none, or did not accept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text is no policy.
    #[error("line {line} of the policy: {what}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// Too few witnesses cosigned.
    #[error("the checkpoint has no quorum of witnesses")]
    NoQuorum,
}
