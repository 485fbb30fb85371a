//! C2SP tlog-checkpoint v1.0.0.

use crate::crypto::{Sign, SignError, Verify};
use crate::hash::Hash;
use crate::note::{NoteError, VerifierKey};

/// The head of a log: verified when it came from [`Checkpoint::open`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The root of the tree.
    pub root: Hash,
}

impl Checkpoint {
    /// The three lines that are signed.
    pub fn text(&self) -> String {
        unimplemented!()
    }

    /// Signs the checkpoint with each key: a whole note. A key of type 0x06 signs at `time_s`
    /// seconds since 1970, as tlog-cosignature says.
    ///
    /// # Errors
    /// A key that cannot sign.
    pub fn sign(&self, keys: &[&dyn Sign], time_s: u64) -> Result<String, SignError> {
        let _ = (keys, time_s);
        unimplemented!()
    }

    /// Reads a note and verifies that *each* of the log's `keys` signed it.
    ///
    /// # Errors
    /// A malformed note, a missing or wrong signature, another origin.
    pub fn open(
        note: &[u8],
        keys: &[VerifierKey],
        verify: &dyn Verify,
    ) -> Result<Self, CheckpointError> {
        let _ = (note, keys, verify);
        unimplemented!()
    }
}

/// Why a note is no checkpoint of a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The bytes are no note.
    #[error("reading a checkpoint")]
    Note(#[from] NoteError),
}
