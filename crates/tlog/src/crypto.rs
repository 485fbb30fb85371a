//! What this crate asks of cryptography. `seal` implements it.

use crate::note::VerifierKey;

/// Verifies signatures. Strict: no malleable encodings, no small-order keys.
pub trait Verify {
    /// Whether `signature` is that of `message` under a raw Ed25519 public key (RFC 8032).
    fn ed25519(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool;

    /// Whether `signature` is that of `message` under a raw ML-DSA-44 public key (FIPS 204, pure,
    /// empty context).
    fn ml_dsa_44(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool;
}

/// Signs messages for one note key.
pub trait Sign: Send + Sync {
    /// The key that verifies what this signs.
    fn verifier(&self) -> &VerifierKey;

    /// The raw signature of `message`.
    ///
    /// # Errors
    /// A key that cannot sign; nothing was signed.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A key that cannot sign.
#[derive(Debug, thiserror::Error)]
#[error("signing with the key `{name}`")]
pub struct SignError {
    /// The name of the key.
    pub name: String,
}
