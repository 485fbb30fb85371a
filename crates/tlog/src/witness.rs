//! C2SP tlog-witness v1.0.0: the messages and the decision, without I/O.

use crate::hash::Hash;

/// An `add-checkpoint` request: well-formed, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness is believed to hold.
    pub old_size: u64,
    /// The consistency proof from it.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}
