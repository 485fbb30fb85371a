//! C2SP tlog-proof: the evidence that a leaf is in a log, as one text.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::decimal;
use crate::crypto::Verify;
use crate::hash::Hash;
use crate::limits;
use crate::policy::{Policy, PolicyError, Verified};
use crate::tree::{self, ProofError};

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
        let malformed = ProofTextError::Malformed;
        if text.len() > limits::PROOF_SIZE_MAX {
            return Err(malformed("larger than the limit"));
        }
        let text = std::str::from_utf8(text).map_err(|_| malformed("not UTF-8"))?;
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(malformed("no checkpoint after an empty line"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(malformed("another first line"));
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => {
                let encoded = line.strip_prefix("extra ").unwrap_or_default();
                Some(STANDARD.decode(encoded).map_err(|_| malformed("the extra data"))?)
            }
            None => None,
        };
        let index = lines.next().and_then(|line| decimal(line.strip_prefix("index ")?));
        let index = index.ok_or(malformed("no index"))?;
        let hashes = lines.map(str::parse).collect::<Result<Vec<_>, _>>();
        let hashes = hashes.map_err(|_| malformed("a line that is no hash"))?;
        if hashes.len() > limits::PROOF_HASHES_MAX {
            return Err(malformed("more hashes than a tree has levels"));
        }
        Ok(Self { extra, index, hashes, checkpoint: checkpoint.to_owned() })
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
        let verified = policy.open(self.checkpoint.as_bytes(), verify)?;
        let checkpoint = &verified.checkpoint;
        tree::verify_inclusion(leaf, self.index, checkpoint.size, &self.hashes, checkpoint.root)?;
        Ok(verified)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Why a text proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofTextError {
    /// The text is no proof.
    #[error("not a tlog proof: {0}")]
    Malformed(&'static str),
    /// The checkpoint is not accepted.
    #[error("the checkpoint of the proof is not accepted")]
    Policy(#[from] PolicyError),
    /// The leaf is not where the proof says.
    #[error(transparent)]
    Inclusion(#[from] ProofError),
}

const HEADER: &str = "c2sp.org/tlog-proof@v1";
