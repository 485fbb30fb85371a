//! Keys of publishers, registries, observers, logs and witnesses.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a key signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ECDSA over P-256 with SHA-256, signatures in ASN.1 DER.
    P256,
    /// ML-DSA-44 (FIPS 204).
    MlDsa44,
}

/// The `keyid` of envelopes: `sha256:<hex>` over the `SubjectPublicKeyInfo` in DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub surface::Digest);

/// A public key. Displayed and parsed as PEM (`PUBLIC KEY`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    der: Vec<u8>,
}

impl PublicKey {
    /// A key from its `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// An unknown algorithm or an invalid key.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let _ = der;
        unimplemented!()
    }

    /// What it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `SubjectPublicKeyInfo`.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key's identifier.
    pub fn id(&self) -> KeyId {
        unimplemented!()
    }

    /// Whether `signature` is that of `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let _ = (message, signature);
        unimplemented!()
    }
}

/// A private key. Its bytes are erased when it is dropped, and never shown.
pub struct PrivateKey {
    public: PublicKey,
}

impl PrivateKey {
    /// A key from 32 random bytes.
    ///
    /// # Errors
    /// A seed that makes no key: another has to be drawn.
    pub fn from_seed(algorithm: Algorithm, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let _ = (algorithm, seed);
        unimplemented!()
    }

    /// Reads a PEM file: `PRIVATE KEY` (PKCS#8), or `ENCRYPTED PRIVATE KEY` with its passphrase.
    ///
    /// # Errors
    /// A file that is no key, or a missing or wrong passphrase.
    pub fn from_pem(pem: &str, passphrase: Option<&str>) -> Result<Self, KeyError> {
        let _ = (pem, passphrase);
        unimplemented!()
    }

    /// The public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message`.
    ///
    /// # Errors
    /// A failure of the cryptographic library.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let _ = message;
        unimplemented!()
    }

    /// The key as the note key of a log or witness; `algorithm` says which signature type, and must
    /// suit the key.
    ///
    /// # Errors
    /// A key of another kind than `algorithm` signs with.
    pub fn into_note_key(
        self,
        name: &str,
        algorithm: tlog::note::Algorithm,
    ) -> Result<NoteKey, KeyError> {
        let _ = (name, algorithm);
        unimplemented!()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// A private key that signs notes.
#[derive(Debug)]
pub struct NoteKey {
    key: PrivateKey,
    verifier: tlog::VerifierKey,
}

impl tlog::Sign for NoteKey {
    fn verifier(&self) -> &tlog::VerifierKey {
        &self.verifier
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, tlog::crypto::SignError> {
        let _ = (&self.key, message);
        unimplemented!()
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are no key of a known kind.
    #[error("not a key that can be used: {0}")]
    Malformed(&'static str),
    /// The passphrase is missing or wrong.
    #[error("the passphrase is missing or wrong")]
    Passphrase,
}
