//! C2SP tlog-witness: the messages and the decision, without I/O.

use std::fmt;

use crate::checkpoint::{Checkpoint, decimal};
use crate::crypto::Verify;
use crate::hash::Hash;
use crate::limits;
use crate::note::{Note, VerifierKey};
use crate::tree;

/// An `add-checkpoint` request: well-formed, not verified. Displayed and parsed as its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness is believed to hold.
    pub old_size: u64,
    /// The consistency proof from it.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

impl AddCheckpoint {
    /// Reads a body.
    ///
    /// # Errors
    /// A body of another form.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        if body.len() > limits::PROOF_SIZE_MAX {
            return Err(Refusal::Malformed("larger than the limit"));
        }
        let body = std::str::from_utf8(body).map_err(|_| Refusal::Malformed("not UTF-8"))?;
        let (head, checkpoint) =
            body.split_once("\n\n").ok_or(Refusal::Malformed("no checkpoint"))?;
        let mut lines = head.split('\n');
        let old_size = lines.next().and_then(|line| decimal(line.strip_prefix("old ")?));
        let old_size = old_size.ok_or(Refusal::Malformed("no old size"))?;
        let proof = lines.map(str::parse).collect::<Result<Vec<_>, _>>();
        let proof = proof.map_err(|_| Refusal::Malformed("a line that is no hash"))?;
        if proof.len() > limits::PROOF_HASHES_MAX {
            return Err(Refusal::Malformed("more than 63 lines of proof"));
        }
        Ok(Self { old_size, proof, checkpoint: checkpoint.to_owned() })
    }

    /// The origin that the checkpoint claims: which log's keys and state to decide by.
    ///
    /// # Errors
    /// A checkpoint that is none.
    pub fn origin(&self) -> Result<String, Refusal> {
        Ok(self.read()?.1.origin)
    }

    /// What the checkpoint claims. It is signed only where [`Self::decide`] does not say otherwise:
    /// every refusal but `Malformed`, `UnknownLog` and `Unsigned` comes after that was verified.
    ///
    /// # Errors
    /// A checkpoint that is none.
    pub fn claimed(&self) -> Result<Checkpoint, Refusal> {
        Ok(self.read()?.1)
    }

    /// Decides: the checkpoint that may be cosigned once it is recorded in the place of `held`, the
    /// size and root of the newest that was cosigned (size 0 for none). `keys` are those that are
    /// trusted for the origin, whatever their names: at least one has to have signed, and no line
    /// that names one may be wrong.
    ///
    /// # Errors
    /// Whatever forbids it, by its HTTP status.
    pub fn decide(
        &self,
        held: (u64, Hash),
        keys: &[VerifierKey],
        verify: &dyn Verify,
    ) -> Result<Checkpoint, Refusal> {
        let (note, checkpoint) = self.read()?;
        if keys.is_empty() {
            return Err(Refusal::UnknownLog);
        }
        if !checkpoint.is_signed_by_any(&note, keys, verify) {
            return Err(Refusal::Unsigned);
        }
        if self.old_size > checkpoint.size {
            return Err(Refusal::Malformed("the old size is larger than the checkpoint"));
        }
        let (size, root) = held;
        if self.old_size != size {
            return Err(Refusal::Conflict { size });
        }
        let old_root = if size == 0 { Hash::of_nothing() } else { root };
        if checkpoint.size == 0 && checkpoint.root != Hash::of_nothing() {
            return Err(Refusal::Inconsistent);
        }
        let (new_size, new_root) = (checkpoint.size, checkpoint.root);
        tree::verify_consistency(size, old_root, new_size, new_root, &self.proof)
            .map_err(|_| Refusal::Inconsistent)?;
        Ok(checkpoint)
    }

    fn read(&self) -> Result<(Note, Checkpoint), Refusal> {
        let note = Note::parse(self.checkpoint.as_bytes())
            .map_err(|_| Refusal::Malformed("the checkpoint is no note"))?;
        let checkpoint =
            Checkpoint::read(&note).map_err(|_| Refusal::Malformed("the checkpoint is not one"))?;
        Ok((note, checkpoint))
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        for hash in &self.proof {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request is not of the form.
    #[error("not an add-checkpoint request: {0}")]
    Malformed(&'static str),
    /// The log is not one that this witness follows.
    #[error("the log is not known to this witness")]
    UnknownLog,
    /// The log did not sign the checkpoint.
    #[error("the checkpoint is not signed by its log")]
    Unsigned,
    /// The witness holds another size than the request starts from.
    #[error("the witness holds size {size}")]
    Conflict {
        /// The size that it holds.
        size: u64,
    },
    /// The checkpoint is not consistent with what the witness holds.
    #[error("the checkpoint is not consistent with the one that was cosigned before")]
    Inconsistent,
}

impl Refusal {
    /// The HTTP status of the answer.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::Unsigned => 403,
            Self::UnknownLog => 404,
            Self::Conflict { .. } => 409,
            Self::Inconsistent => 422,
        }
    }
}
