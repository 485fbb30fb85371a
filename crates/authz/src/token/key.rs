//! Keys: what verifies and what signs (RFC 7517, RFC 7518, RFC 8037).
//!
//! An algorithm belongs to a key and never to a message: a key says which one it is for.

use serde_json::Value;

use super::Secret;

/// The algorithms that are accepted. No `none`, and nothing with a shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// ECDSA, P-256, SHA-256.
    Es256,
    /// ECDSA, P-384, SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5, SHA-256. Verified only.
    Rs256,
    /// RSASSA-PSS, SHA-256. Verified only.
    Ps256,
}

/// The SHA-256 of a public key (RFC 7638), as Base64url: a `jkt`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Thumbprint(pub String);

/// A public key for one algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
}

impl Key {
    /// Reads a public JWK. Its `alg` decides; without one, its type does, if that leaves no choice.
    ///
    /// # Errors
    /// A private or symmetric key, one not for signatures, one that is too short, or none at all.
    pub fn parse(jwk: &Value) -> Result<Self, KeyError> {
        unimplemented!("{jwk}")
    }

    /// Its `kid`.
    pub fn id(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The one algorithm that it is for.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its thumbprint.
    pub fn thumbprint(&self) -> Thumbprint {
        unimplemented!()
    }

    /// As a public JWK, with `kid`, `alg` and `use`.
    pub fn jwk(&self) -> Value {
        unimplemented!()
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        unimplemented!("{message:?} {signature:?}")
    }
}

/// The keys of an issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(pub Vec<Key>);

impl KeySet {
    /// Reads a JWKS, strictly; keys that are not for signatures are left out.
    ///
    /// # Errors
    /// Text that is no JWKS, a private key among them, two keys of one `kid`, or too many.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        unimplemented!("{bytes:?}")
    }

    /// The key of a `kid`. Without one: the only key there is for `algorithm`.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        unimplemented!("{kid:?} {algorithm:?}")
    }

    /// As a public JWKS.
    pub fn jwks(&self) -> Value {
        unimplemented!()
    }
}

/// A private key. Prints nothing of it.
pub struct Signer {
    key: Key,
}

impl Signer {
    /// Draws a key: ES256 or EdDSA. Its `kid` is its thumbprint.
    ///
    /// # Errors
    /// An algorithm that we do not sign with.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        unimplemented!("{algorithm:?}")
    }

    /// Reads a private key: PKCS #8 in PEM.
    ///
    /// # Errors
    /// What is none, or of another algorithm.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        unimplemented!("{pem:?}")
    }

    /// As PKCS #8 in PEM.
    ///
    /// # Errors
    /// A key that cannot be written.
    pub fn to_pem(&self) -> Result<Secret, KeyError> {
        unimplemented!()
    }

    /// The public key.
    pub const fn public(&self) -> &Key {
        &self.key
    }

    /// A JWT of `typ` with `claims`, under the key's `kid` and `alg`.
    ///
    /// # Errors
    /// A signature that cannot be made.
    pub fn sign(&self, typ: &str, claims: &Value) -> Result<Secret, KeyError> {
        unimplemented!("{typ} {claims}")
    }

    /// As [`sign`](Self::sign), with the public key itself in the header as `jwk`, as proofs have it
    /// (RFC 9449 §4.2).
    ///
    /// # Errors
    /// A signature that cannot be made.
    pub fn sign_with_jwk(&self, typ: &str, claims: &Value) -> Result<Secret, KeyError> {
        unimplemented!("{typ} {claims}")
    }
}

/// Why a key is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No JWK or JWKS.
    #[error("reading a key: {0}")]
    Malformed(&'static str),
    /// A private or symmetric key where a public one belongs.
    #[error("reading a key: it is a private or a shared one")]
    NotPublic,
    /// A type, curve or algorithm that is not accepted.
    #[error("reading a key: {0} is not accepted")]
    Unsupported(&'static str),
    /// The key cannot do what is asked.
    #[error("using a key: {0}")]
    Unusable(&'static str),
}
