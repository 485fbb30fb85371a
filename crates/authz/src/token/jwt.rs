//! JSON Web Tokens (RFC 7519, RFC 8725): parsed strictly and once, believed only when verified.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use wire::{Document, Policy};

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
    /// Reads the compact form (RFC 7515 §7.1). Of the header, `alg`, `typ`, `kid` and for a proof
    /// `jwk` count. What brings or points to a key, has to be understood or changes how the text is
    /// read is refused (RFC 8725 §3.10); the rest is ignored, as RFC 7515 §4 asks.
    ///
    /// # Errors
    /// What is not exactly that.
    pub fn parse(text: &'t str, chars_max: usize) -> Result<Self, JwtError> {
        if text.len() > chars_max {
            return Err(JwtError::TooLong);
        }
        let parts = JwtError::Malformed("it has not three parts");
        let (signed, signature) = text.rsplit_once('.').ok_or(parts)?;
        let (header, claims) = signed.split_once('.').ok_or(parts)?;
        if claims.contains('.') {
            return Err(parts);
        }
        let mut header = object(header)?;
        if let Some(name) = REFUSED.iter().find(|name| header.contains_key(**name)) {
            return Err(JwtError::Header(name));
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::parse);
        let typ = member(&header, "typ")?.map(str::to_ascii_lowercase);
        Ok(Self {
            signed,
            signature: decode(signature)?,
            algorithm: algorithm.ok_or(JwtError::Algorithm)?,
            typ: typ.map(|typ| typ.strip_prefix("application/").unwrap_or(&typ).to_owned()),
            kid: member(&header, "kid")?.map(str::to_owned),
            jwk: header.remove("jwk"),
            claims: Claims(object(claims)?),
        })
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
        if key.algorithm() != self.algorithm {
            return Err(JwtError::Algorithm);
        }
        if !key.verify(self.signed.as_bytes(), &self.signature) {
            return Err(JwtError::Signature);
        }
        Ok(self.claims)
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

/// A part of a token: Base64url in its one encoding, of a JSON object without duplicate members.
fn object(part: &str) -> Result<Map<String, Value>, JwtError> {
    let bytes = decode(part)?;
    let document = Document::parse(&bytes, &Policy::default());
    let document = document.map_err(|_| JwtError::Malformed("a part is not strict JSON"))?;
    match surface::json::exact(document.root()) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(JwtError::Malformed("a part is no JSON object")),
        Err(_) => Err(JwtError::Malformed("a part has a scalar that parsers read differently")),
    }
}

fn decode(part: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Malformed("a part is not Base64url"))
}

fn member<'h>(
    header: &'h Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'h str>, JwtError> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwtError::Header(name)),
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

/// Members of a header that are refused: a key of the message's own choice, an extension that has to
/// be understood, an unencoded payload (RFC 7797), compression, a JWT in a JWT.
const REFUSED: &[&str] = &["crit", "jku", "x5u", "x5c", "b64", "zip", "enc", "cty"];

#[cfg(test)]
mod tests;
