//! Keys of publishers, registries, observers, logs and witnesses.

pub mod pem;
mod pkcs8;

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, ML_DSA_44, ML_DSA_44_SIGNING, ParsedPublicKey, PqdsaKeyPair,
};
use serde::{Deserialize, Serialize};
use surface::Digest;
use zeroize::{Zeroize as _, Zeroizing};

use pem::PRIVATE_KEY;

use crate::{crypto, der};

/// What a key signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ECDSA over P-256 with SHA-256, signatures in ASN.1 DER with the lower `s`.
    P256,
    /// ML-DSA-44 (FIPS 204).
    MlDsa44,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ed25519, Self::P256, Self::MlDsa44];

    /// Its name: `ed25519`, `p256`, `ml-dsa-44`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::P256 => "p256",
            Self::MlDsa44 => "ml-dsa-44",
        }
    }

    /// Whatever stands before the raw key in its `SubjectPublicKeyInfo` (RFC 8410, RFC 5480,
    /// RFC 9881), and how long the raw key is.
    const fn layout(self) -> (&'static [u8], usize) {
        match self {
            Self::Ed25519 => (&ED25519_PREFIX, 32),
            Self::P256 => (&P256_PREFIX, crypto::P256_POINT_BYTES),
            Self::MlDsa44 => (&ML_DSA_44_PREFIX, crypto::ML_DSA_44_KEY_BYTES),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The `keyid` of envelopes: `sha256:<hex>` over the `SubjectPublicKeyInfo` in DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub Digest);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KeyId {
    type Err = surface::digest::NotADigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A public key. Displayed and parsed as PEM (`PUBLIC KEY`).
///
/// INVARIANT: `der` is the only encoding of a valid key, so that equal keys have equal identifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    der: Vec<u8>,
    id: KeyId,
}

impl PublicKey {
    /// A key from its `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// An unknown algorithm, an invalid key, or a second encoding of a key.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let found = Algorithm::ALL.into_iter().find_map(|algorithm| {
            let (prefix, length) = algorithm.layout();
            let raw = der.strip_prefix(prefix)?;
            Some((algorithm, raw, raw.len() == length))
        });
        let Some((algorithm, raw, true)) = found else {
            return Err(KeyError::Malformed(
                "no SubjectPublicKeyInfo of Ed25519, P-256 or ML-DSA-44",
            ));
        };
        let is_valid = match algorithm {
            Algorithm::Ed25519 => crypto::is_ed25519_point(raw),
            Algorithm::P256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, raw).is_ok(),
            Algorithm::MlDsa44 => ParsedPublicKey::new(&ML_DSA_44, raw).is_ok(),
        };
        if !is_valid {
            return Err(KeyError::Malformed("not a point that can be a public key"));
        }
        Ok(Self { algorithm, der: der.to_vec(), id: KeyId(Digest::of_bytes(der)) })
    }

    /// A key from its raw bytes: a compressed Edwards point, an uncompressed P-256 point, or the
    /// FIPS 204 encoding.
    ///
    /// # Errors
    /// As [`PublicKey::from_der`].
    pub fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Result<Self, KeyError> {
        Self::from_der(&[algorithm.layout().0, raw].concat())
    }

    /// What it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `SubjectPublicKeyInfo`.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The raw key, as note keys hold it.
    pub fn raw(&self) -> &[u8] {
        self.der.get(self.algorithm.layout().0.len()..).unwrap_or_default()
    }

    /// The key's identifier.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Whether `signature` is that of `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Ed25519 => crypto::ed25519(self.raw(), message, signature),
            Algorithm::P256 => crypto::p256(self.raw(), message, signature),
            Algorithm::MlDsa44 => crypto::ml_dsa_44(self.raw(), message, signature),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pem::write(PUBLIC_KEY, &self.der))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(pem: &str) -> Result<Self, KeyError> {
        match pem::read(pem)? {
            (PUBLIC_KEY, der) => Self::from_der(&der),
            (PRIVATE_KEY | ENCRYPTED_PRIVATE_KEY, _) => Err(KeyError::Private),
            _ => Err(KeyError::Malformed("no PEM of a `PUBLIC KEY`")),
        }
    }
}

/// A private key. The library erases its bytes when it is dropped; they are never shown.
pub struct PrivateKey {
    public: PublicKey,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    MlDsa44(Box<PqdsaKeyPair>),
}

/// What encrypts a key file: the passphrase, and 32 random bytes for salt and initial vector.
pub struct Passphrase<'p> {
    /// The passphrase.
    pub text: &'p str,
    /// 32 random bytes, used once.
    pub random: [u8; 32],
    /// Rounds of PBKDF2: [`crate::limits::PBKDF2_ROUNDS`] for files that are to be kept.
    pub rounds: u32,
}

impl PrivateKey {
    /// A key from 32 random bytes.
    ///
    /// # Errors
    /// A seed that makes no key: another has to be drawn.
    pub fn from_seed(algorithm: Algorithm, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let rejected = |_| KeyError::Malformed("a seed that makes no key");
        let pair = match algorithm {
            Algorithm::Ed25519 => {
                Pair::Ed25519(Ed25519KeyPair::from_seed_unchecked(seed).map_err(rejected)?)
            }
            Algorithm::P256 => {
                // RFC 5915 without its optional members; the library finds the public point.
                let scalar = Zeroizing::new(der::tagged(der::OCTET_STRING, seed));
                let contents = Zeroizing::new([&der::unsigned(&[1]), scalar.as_slice()].concat());
                let key = Zeroizing::new(der::tagged(der::SEQUENCE, &contents));
                let pair =
                    EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, &key);
                Pair::P256(pair.map_err(rejected)?)
            }
            Algorithm::MlDsa44 => {
                let pair = PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, seed).map_err(rejected)?;
                Pair::MlDsa44(Box::new(pair))
            }
        };
        Self::new(pair)
    }

    /// Reads a PEM file: `PRIVATE KEY` (PKCS#8), or `ENCRYPTED PRIVATE KEY` with its passphrase.
    ///
    /// # Errors
    /// A file that is no key, or a missing or wrong passphrase.
    pub fn from_pem(pem: &str, passphrase: Option<&str>) -> Result<Self, KeyError> {
        match pem::read(pem)? {
            (PRIVATE_KEY, der) => Self::from_pkcs8(&der),
            (ENCRYPTED_PRIVATE_KEY, der) => {
                let passphrase = passphrase.ok_or(KeyError::Passphrase)?;
                Self::from_pkcs8(&pkcs8::decrypt(&der, passphrase)?)
            }
            (PUBLIC_KEY, _) => Err(KeyError::Public),
            _ => Err(KeyError::Malformed("no PEM of a PKCS#8 private key")),
        }
    }

    /// Writes a PEM file, encrypted if there is a passphrase (PKCS#8, PBES2 with PBKDF2-HMAC-SHA-256
    /// and AES-256-CBC).
    ///
    /// # Errors
    /// A failure of the cryptographic library.
    pub fn to_pem(
        &self,
        passphrase: Option<&Passphrase<'_>>,
    ) -> Result<Zeroizing<String>, KeyError> {
        let document = match &self.pair {
            Pair::Ed25519(pair) => pair.to_pkcs8v1(),
            Pair::P256(pair) => pair.to_pkcs8v1(),
            Pair::MlDsa44(pair) => pair.to_pkcs8v1(),
        };
        let document = document.map_err(|_| KeyError::Library)?;
        Ok(Zeroizing::new(match passphrase {
            None => pem::write(PRIVATE_KEY, document.as_ref()),
            Some(passphrase) => {
                pem::write(ENCRYPTED_PRIVATE_KEY, &pkcs8::encrypt(document.as_ref(), passphrase)?)
            }
        }))
    }

    /// Whether a PEM file asks for a passphrase.
    pub fn is_encrypted(pem: &str) -> bool {
        pem::read(pem).is_ok_and(|(label, _)| label == ENCRYPTED_PRIVATE_KEY)
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
        match &self.pair {
            Pair::Ed25519(pair) => {
                pair.try_sign(message).ok().map(|signature| signature.as_ref().to_vec())
            }
            Pair::P256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .ok()
                .and_then(|signature| crypto::low_s(signature.as_ref())),
            Pair::MlDsa44(pair) => {
                let mut signature = vec![0; ML_DSA_44_SIGNING.signature_len()];
                pair.sign(message, &mut signature).ok().map(|_| signature)
            }
        }
        .ok_or(KeyError::Library)
    }

    /// The key as the note key of a log or witness; `algorithm` says which signature type, and must
    /// suit the key.
    ///
    /// # Errors
    /// A key of another kind than `algorithm` signs with, or a name that no note can carry.
    pub fn into_note_key(
        self,
        name: &str,
        algorithm: tlog::note::Algorithm,
    ) -> Result<NoteKey, KeyError> {
        let verifier = self.public.note_verifier(name, algorithm)?;
        Ok(NoteKey { key: self, verifier })
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let rejected = |_| KeyError::Malformed("a PKCS#8 key that does not fit its algorithm");
        let pair = match pkcs8::algorithm(der)? {
            Algorithm::Ed25519 => {
                Pair::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(rejected)?)
            }
            Algorithm::P256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der);
                Pair::P256(pair.map_err(rejected)?)
            }
            Algorithm::MlDsa44 => {
                let pair = PqdsaKeyPair::from_pkcs8(&ML_DSA_44_SIGNING, der);
                Pair::MlDsa44(Box::new(pair.map_err(rejected)?))
            }
        };
        Self::new(pair)
    }

    fn new(pair: Pair) -> Result<Self, KeyError> {
        let public = match &pair {
            Pair::Ed25519(pair) => {
                PublicKey::from_raw(Algorithm::Ed25519, pair.public_key().as_ref())
            }
            Pair::P256(pair) => PublicKey::from_raw(Algorithm::P256, pair.public_key().as_ref()),
            Pair::MlDsa44(pair) => {
                PublicKey::from_raw(Algorithm::MlDsa44, pair.public_key().as_ref())
            }
        };
        Ok(Self { public: public?, pair })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl Drop for Passphrase<'_> {
    fn drop(&mut self) {
        self.random.zeroize();
    }
}

impl PublicKey {
    /// The key as the verifier key of a log or witness.
    ///
    /// # Errors
    /// A key of another kind than `algorithm` verifies with, or a name that no note can carry.
    pub fn note_verifier(
        &self,
        name: &str,
        algorithm: tlog::note::Algorithm,
    ) -> Result<tlog::VerifierKey, KeyError> {
        use tlog::note::Algorithm as Note;
        let fits = match algorithm {
            Note::Ed25519 | Note::Cosignature => self.algorithm == Algorithm::Ed25519,
            Note::MlDsa44 => self.algorithm == Algorithm::MlDsa44,
        };
        if !fits {
            return Err(KeyError::Kind(self.algorithm));
        }
        tlog::VerifierKey::new(name, algorithm, self.raw().to_vec()).map_err(KeyError::Name)
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
        let failed = |_| tlog::crypto::SignError { name: self.verifier.name().to_owned() };
        self.key.sign(message).map_err(failed)
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
    /// A private key where a public one belongs.
    #[error("this is a private key, and only the public one belongs here")]
    Private,
    /// A public key where a private one is needed.
    #[error("this is a public key, and signing needs the private one")]
    Public,
    /// The key signs with another algorithm.
    #[error("a key of {0} does not sign such notes")]
    Kind(Algorithm),
    /// No note can carry the name.
    #[error("a name that no note can carry")]
    Name(#[source] tlog::note::NoteError),
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Library,
}

impl KeyError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "seal.key-malformed",
            Self::Passphrase => "seal.key-passphrase",
            Self::Private => "seal.key-private",
            Self::Public => "seal.key-public",
            Self::Kind(_) => "seal.key-kind",
            Self::Name(_) => "seal.key-name",
            Self::Library => "seal.key-library",
        }
    }
}

const PUBLIC_KEY: &str = "PUBLIC KEY";
const ENCRYPTED_PRIVATE_KEY: &str = "ENCRYPTED PRIVATE KEY";

/// `SEQUENCE { SEQUENCE { 1.3.101.112 }, BIT STRING`
const ED25519_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// `SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING`
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// `SEQUENCE { SEQUENCE { 2.16.840.1.101.3.4.3.17 }, BIT STRING`
const ML_DSA_44_PREFIX: [u8; 22] = [
    0x30, 0x82, 0x05, 0x32, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03,
    0x11, 0x03, 0x82, 0x05, 0x21, 0x00,
];

#[cfg(test)]
mod tests;
