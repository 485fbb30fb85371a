//! C2SP tlog-checkpoint v1.0.0.

pub mod cosignature;

use crate::crypto::{Sign, SignError, Verify};
use crate::hash::Hash;
use crate::note::{self, Algorithm, Note, NoteError, Signature, VerifierKey};

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
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// Signs the checkpoint with each key: a whole note. A key of type 0x06 signs at `time_s`
    /// seconds since 1970, as tlog-cosignature says.
    ///
    /// # Errors
    /// A key that cannot sign.
    pub fn sign(&self, keys: &[&dyn Sign], time_s: u64) -> Result<String, SignError> {
        let text = self.text();
        let mut out = format!("{text}\n");
        for key in keys {
            if key.verifier().algorithm() == Algorithm::Ed25519 {
                let (name, id) = (key.verifier().name().to_owned(), key.verifier().id());
                let bytes = key.sign(text.as_bytes())?;
                out.push_str(&Signature { name, id, bytes }.to_string());
                out.push('\n');
            } else {
                out.push_str(&cosignature::cosign(self, time_s, *key)?);
            }
        }
        Ok(out)
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
        let note = Note::parse(note)?;
        let checkpoint = Self::read(&note)?;
        checkpoint.verify(&note, keys, verify)?;
        Ok(checkpoint)
    }

    /// What a note claims: not verified.
    pub(crate) fn read(note: &Note) -> Result<Self, CheckpointError> {
        let mut lines = note.text().split('\n');
        let (Some(origin), Some(size), Some(root), Some(_)) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Malformed("fewer than three lines"));
        };
        if !note::is_name(origin) {
            return Err(CheckpointError::Malformed("the origin is no name of a key"));
        }
        let size = decimal(size).ok_or(CheckpointError::Malformed("the size is no number"))?;
        let root = root.parse().map_err(|_| CheckpointError::Malformed("the root is no hash"))?;
        // Extension lines are refused: an ML-DSA signature does not cover them.
        if note.text().split('\n').count() != 4 {
            return Err(CheckpointError::Malformed("extension lines"));
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// Verifies that each of the log's `keys` signed.
    pub(crate) fn verify(
        &self,
        note: &Note,
        keys: &[VerifierKey],
        verify: &dyn Verify,
    ) -> Result<(), CheckpointError> {
        if keys.is_empty() {
            return Err(CheckpointError::UnknownLog { origin: self.origin.clone() });
        }
        for key in keys {
            if key.name() != self.origin {
                return Err(CheckpointError::Origin { origin: self.origin.clone() });
            }
            let mut lines = note.signatures_of(key).peekable();
            if lines.peek().is_none() {
                return Err(CheckpointError::Unsigned { key: key.name().to_owned() });
            }
            if !lines.all(|line| self.is_signed(note, line, key, verify)) {
                return Err(CheckpointError::Signature { key: key.name().to_owned() });
            }
        }
        Ok(())
    }

    /// Whether at least one of `keys` signed, and no line that names one of them is wrong.
    pub(crate) fn is_signed_by_any(
        &self,
        note: &Note,
        keys: &[VerifierKey],
        verify: &dyn Verify,
    ) -> bool {
        let lines = keys.iter().flat_map(|key| note.signatures_of(key).map(move |it| (key, it)));
        let mut lines = lines.peekable();
        lines.peek().is_some() && lines.all(|(key, line)| self.is_signed(note, line, key, verify))
    }

    fn is_signed(
        &self,
        note: &Note,
        line: &Signature,
        key: &VerifierKey,
        verify: &dyn Verify,
    ) -> bool {
        match key.algorithm() {
            Algorithm::Ed25519 => {
                verify.ed25519(key.public_key(), note.text().as_bytes(), &line.bytes)
            }
            _ => cosignature::verify(self, line, key, verify).is_some(),
        }
    }
}

/// Why a note is no checkpoint of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The bytes are no note.
    #[error("reading a checkpoint")]
    Note(#[from] NoteError),
    /// The text is no checkpoint.
    #[error("not a checkpoint: {0}")]
    Malformed(&'static str),
    /// The checkpoint is of a log whose keys are not known.
    #[error("no key of the log `{origin}` is known")]
    UnknownLog {
        /// The origin that it names.
        origin: String,
    },
    /// The checkpoint is of another log.
    #[error("the checkpoint is of `{origin}`, not of the log that was asked")]
    Origin {
        /// The origin that it names.
        origin: String,
    },
    /// A key of the log did not sign.
    #[error("a key of `{key}` did not sign the checkpoint")]
    Unsigned {
        /// The name of the key.
        key: String,
    },
    /// A signature that names a key of the log is wrong.
    #[error("the signature of `{key}` is wrong")]
    Signature {
        /// The name of the key.
        key: String,
    },
}

/// A decimal number below 2^63, without leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let is_canonical = text == "0" || !text.starts_with('0');
    let is_decimal = is_canonical && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_decimal && *number <= u64::MAX >> 1)
}
