//! C2SP tlog-proof: the evidence that a leaf is in a log, as one text.

use crate::crypto::Verify;
use crate::hash::Hash;
use crate::policy::{Policy, Verified};

/// A proof: well-formed, not verified. Displayed and parsed as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Not authenticated: a hint only.
    pub extra: Option<Vec<u8>>,
    /// The index of the leaf.
    pub index: u64,
    /// The inclusion proof.
    pub hashes: Vec<Hash>,
    /// The checkpoint, verbatim.
    pub checkpoint: String,
}

impl Proof {
    /// Reads a proof.
    ///
    /// # Errors
    /// Anything that tlog-proof refuses.
    pub fn parse(text: &[u8]) -> Result<Self, ProofTextError> {
        let _ = text;
        unimplemented!()
    }

    /// Verifies that the log of `policy` holds `leaf`, and that the policy's quorum cosigned.
    ///
    /// # Errors
    /// Whatever does not hold, by its own variant.
    pub fn verify(
        &self,
        leaf: Hash,
        policy: &Policy,
        verify: &dyn Verify,
    ) -> Result<Verified, ProofTextError> {
        let _ = (leaf, policy, verify);
        unimplemented!()
    }
}

/// Why a text proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofTextError {
    /// The text is no proof.
    #[error("not a tlog proof: {0}")]
    Malformed(&'static str),
}
