//! Keys: what verifies and what signs (RFC 7517, RFC 7518, RFC 8037).
//!
//! An algorithm belongs to a key and never to a message: a key says which one it is for.

mod jwk;
mod signer;

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;
use serde_json::{Map, Value};
use wire::{Document, Policy};

pub use signer::Signer;

use crate::limits;

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

impl Algorithm {
    /// Its name as `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    /// By its name. `Ed25519` is what RFC 9864 calls `EdDSA` with that curve.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            "RS256" => Self::Rs256,
            "PS256" => Self::Ps256,
            _ => return None,
        })
    }
}

/// The SHA-256 of a public key (RFC 7638), as Base64url: a `jkt`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Thumbprint(pub String);

/// A public key for one algorithm.
#[derive(Clone)]
pub struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    /// What RFC 7638 hashes: the required members, in order, without white space.
    required: String,
    thumbprint: Thumbprint,
    parsed: ParsedPublicKey,
}

impl Key {
    /// Reads a public JWK. Its `alg` decides; without one its type does, and an RSA key is then for
    /// RS256.
    ///
    /// # Errors
    /// A private or symmetric key, one not for signatures, one that is too short, or none at all.
    pub fn parse(jwk: &Value) -> Result<Self, KeyError> {
        jwk::parse(jwk.as_object().ok_or(KeyError::Malformed("a JWK is an object"))?)
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
        self.thumbprint.clone()
    }

    /// As a public JWK, with `kid`, `alg` and `use`.
    pub fn jwk(&self) -> Value {
        let mut members = self.required();
        members.insert("alg".to_owned(), self.algorithm.as_str().into());
        members.insert("use".to_owned(), "sig".into());
        if let Some(kid) = &self.kid {
            members.insert("kid".to_owned(), kid.as_str().into());
        }
        Value::Object(members)
    }

    /// Whether `signature` is this key's over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }

    /// The members without which it would be no key.
    fn required(&self) -> Map<String, Value> {
        match serde_json::from_str(&self.required) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        (&self.kid, self.algorithm, &self.thumbprint)
            == (&other.kid, other.algorithm, &other.thumbprint)
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .field("thumbprint", &self.thumbprint.0)
            .finish_non_exhaustive()
    }
}

/// The keys of an issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(pub Vec<Key>);

impl KeySet {
    /// Reads a JWKS, strictly. Keys that are none, not for signatures, or for algorithms that are not
    /// accepted, are left out (RFC 7517 §5): an issuer's odd key does not take its good ones away.
    ///
    /// # Errors
    /// Text that is no JWKS, a private key among them, two keys of one `kid`, or too many.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        let policy = Policy { bytes_max: limits::JWKS_BYTES_MAX, ..Policy::default() };
        let document = Document::parse(bytes, &policy);
        let document = document.map_err(|_| KeyError::Malformed("a JWKS is strict JSON"))?;
        let value = surface::json::exact(document.root());
        Self::from_value(&value.map_err(|_| KeyError::Malformed("a JWKS is exact JSON"))?)
    }

    /// The same of a JWKS that is part of a document.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn from_value(jwks: &Value) -> Result<Self, KeyError> {
        let list = jwks.get("keys").and_then(Value::as_array);
        let list = list.ok_or(KeyError::Malformed("a JWKS is an object with `keys`"))?;
        if list.len() > limits::KEYS_MAX {
            return Err(KeyError::Malformed("too many keys"));
        }
        let mut keys: Vec<Key> = Vec::with_capacity(list.len());
        for jwk in list {
            let key = match Key::parse(jwk) {
                Err(KeyError::Unsupported(_) | KeyError::Malformed(_)) => continue,
                key => key?,
            };
            if key.id().is_some() && keys.iter().any(|other| other.id() == key.id()) {
                return Err(KeyError::Malformed("two keys of one `kid`"));
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// The key of a `kid`. Without one: the only key there is for `algorithm`.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        if kid.is_some() {
            return self.0.iter().find(|key| key.id() == kid);
        }
        let mut fitting = self.0.iter().filter(|key| key.algorithm == algorithm);
        let only = fitting.next();
        only.filter(|_| fitting.next().is_none())
    }

    /// As a public JWKS.
    pub fn jwks(&self) -> Value {
        let keys: Vec<Value> = self.0.iter().map(Key::jwk).collect();
        serde_json::json!({ "keys": keys })
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

#[cfg(test)]
mod tests;
