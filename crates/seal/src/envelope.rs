//! DSSE v1: a statement and who signed it. One envelope is one leaf of the log.

use crate::key::{KeyError, KeyId, PrivateKey, PublicKey};
use crate::statement::Statement;

/// An envelope: well-formed and canonical, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    bytes: Vec<u8>,
    statement: Statement,
    signers: Vec<KeyId>,
}

impl Envelope {
    /// Signs a statement with each of the keys.
    ///
    /// # Errors
    /// A key that cannot sign; an envelope longer than an entry of a log may be.
    pub fn sign(statement: Statement, keys: &[&PrivateKey]) -> Result<Self, EnvelopeError> {
        let _ = (statement, keys);
        unimplemented!()
    }

    /// Reads an envelope: strict JSON, canonical, a statement of ours, at most 65,535 bytes.
    ///
    /// # Errors
    /// Whatever it is not, by its own variant.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let _ = bytes;
        unimplemented!()
    }

    /// The bytes: the leaf.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is claimed. Nobody's word until [`Envelope::verify`] names who signed.
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The `keyid`s of the signatures: hints, not verified.
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// Those of `keys` whose signatures verify.
    ///
    /// # Errors
    /// A signature that names one of the keys and fails: the whole envelope is refused.
    pub fn verify(&self, keys: &[PublicKey]) -> Result<Vec<KeyId>, EnvelopeError> {
        let _ = keys;
        unimplemented!()
    }
}

/// Why bytes are no envelope of ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// A key that cannot sign.
    #[error("signing a statement")]
    Sign(#[from] KeyError),
    /// The bytes are no envelope.
    #[error("not a statement: {0}")]
    Malformed(&'static str),
    /// A signature that names a known key is wrong.
    #[error("the signature of {0:?} is wrong")]
    Signature(KeyId),
}
