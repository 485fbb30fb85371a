//! JSON Web Tokens (RFC 7519, RFC 8725): parsed strictly and once, believed only when verified.

use serde_json::{Map, Value};

use super::key::{Algorithm, Key, KeySet};

/// A JWT as it came. Nothing of it may be believed but to find the key.
#[derive(Debug)]
pub struct Jwt<'t> {
    signed: &'t str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    typ: Option<String>,
    kid: Option<String>,
    jwk: Option<Value>,
    claims: Claims,
}

/// The claims of a JWT: a JSON object without duplicate members, its numbers exact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claims(pub Map<String, Value>);

impl<'t> Jwt<'t> {
    /// Reads the compact form. The header may have `alg`, `typ`, `kid`, and for a proof `jwk`;
    /// `jku`, `x5u`, `x5c`, `crit`, `b64` and all others are refused (RFC 8725 §3.10).
    ///
    /// # Errors
    /// What is not exactly that.
    pub fn parse(text: &'t str, chars_max: usize) -> Result<Self, JwtError> {
        unimplemented!("{text} {chars_max}")
    }

    /// The `typ`, lower-cased, without `application/`.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// The `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The `jwk` of a proof.
    pub const fn jwk(&self) -> Option<&Value> {
        self.jwk.as_ref()
    }

    /// The `iss`, unverified: to find the issuer's keys, and for nothing else.
    pub fn issuer_unverified(&self) -> Option<&str> {
        self.claims.text("iss")
    }

    /// Verifies by a key, whose algorithm has to be the header's.
    ///
    /// # Errors
    /// Another algorithm, or a wrong signature.
    pub fn verify(self, key: &Key) -> Result<Claims, JwtError> {
        unimplemented!("{} {:?} {:?} {key:?}", self.signed, self.signature, self.algorithm)
    }

    /// Verifies by the key of a set that the header names.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), or no such key.
    pub fn verify_by(self, keys: &KeySet) -> Result<Claims, JwtError> {
        let key = keys.find(self.kid(), self.algorithm).ok_or(JwtError::UnknownKey)?;
        self.verify(key)
    }
}

impl Claims {
    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// Whole seconds since 1970. A fraction, a text or a negative number is none.
    pub fn seconds(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// The audience, if there is exactly one: a text, or an array of one.
    pub fn audience(&self) -> Option<&str> {
        match self.0.get("aud")? {
            Value::String(one) => Some(one),
            Value::Array(list) => match list.as_slice() {
                [Value::String(one)] => Some(one),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Why a text is no JWT that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// Longer than it may be.
    #[error("the token is too long")]
    TooLong,
    /// Not the compact form, or not strict Base64url and JSON.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// A header member that is refused.
    #[error("the token's header says what is not accepted: {0}")]
    Header(&'static str),
    /// An algorithm that is refused, or is not the key's.
    #[error("the token's algorithm is not the key's")]
    Algorithm,
    /// No such key.
    #[error("the token names no key of its issuer")]
    UnknownKey,
    /// A wrong signature.
    #[error("the token's signature is wrong")]
    Signature,
}
