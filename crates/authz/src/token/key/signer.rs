//! Private keys: ES256 and EdDSA.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use seal::key::pem;
use serde_json::{Map, Value, json};

use super::{Algorithm, Key, KeyError, jwk};
use crate::token::Secret;

/// A private key. Prints nothing of it.
pub struct Signer {
    key: Key,
    pair: Pair,
}

enum Pair {
    /// Signs as JWS wants it: `r` and `s` in 32 bytes each, not DER (RFC 7518 §3.4).
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// Draws a key: ES256 or EdDSA. Its `kid` is its thumbprint.
    ///
    /// # Errors
    /// An algorithm that we do not sign with.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Unusable("no randomness");
        Self::new(match algorithm {
            Algorithm::Es256 => Pair::P256(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?,
            ),
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
            _ => return Err(KeyError::Unsupported("signing with its algorithm")),
        })
    }

    /// Reads a private key: PKCS #8 in PEM, as `countersign key` writes it without a passphrase.
    ///
    /// # Errors
    /// What is none, or of another algorithm.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let block = pem::read(pem).map_err(|_| KeyError::Malformed("no PEM of one block"))?;
        let (pem::PRIVATE_KEY, der) = block else {
            return Err(KeyError::Malformed("no PEM of an unencrypted PKCS #8 key"));
        };
        Self::new(match Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
            Ok(pair) => Pair::Ed25519(pair),
            Err(_) => Pair::P256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
                    .map_err(|_| KeyError::Unsupported("a key that is not Ed25519 or P-256"))?,
            ),
        })
    }

    /// As PKCS #8 in PEM.
    ///
    /// # Errors
    /// A key that cannot be written.
    pub fn to_pem(&self) -> Result<Secret, KeyError> {
        let document = match &self.pair {
            Pair::P256(pair) => pair.to_pkcs8v1(),
            Pair::Ed25519(pair) => pair.to_pkcs8v1(),
        };
        let document = document.map_err(|_| KeyError::Unusable("it cannot be written"))?;
        Ok(pem::write(pem::PRIVATE_KEY, document.as_ref()).into())
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
        self.sign_raw(&self.header(typ, "kid", self.key.id().into()), claims)
    }

    /// As [`sign`](Self::sign), with the public key itself in the header as `jwk`, as proofs have it
    /// (RFC 9449 §4.2).
    ///
    /// # Errors
    /// A signature that cannot be made.
    pub fn sign_with_jwk(&self, typ: &str, claims: &Value) -> Result<Secret, KeyError> {
        self.sign_raw(&self.header(typ, "jwk", self.key.required().into()), claims)
    }

    fn header(&self, typ: &str, name: &str, member: Value) -> Value {
        let mut header = Map::new();
        header.insert("alg".to_owned(), json!(self.key.algorithm().as_str()));
        header.insert("typ".to_owned(), json!(typ));
        header.insert(name.to_owned(), member);
        Value::Object(header)
    }

    /// Under any header: what others could send.
    pub(crate) fn sign_raw(&self, header: &Value, claims: &Value) -> Result<Secret, KeyError> {
        let mut text = URL_SAFE_NO_PAD.encode(surface::canonical::to_vec(header));
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(surface::canonical::to_vec(claims), &mut text);
        let signature = match &self.pair {
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), text.as_bytes()),
            Pair::Ed25519(pair) => pair.try_sign(text.as_bytes()),
        };
        let signature = signature.map_err(|_| KeyError::Unusable("it cannot sign"))?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(text.into())
    }

    fn new(pair: Pair) -> Result<Self, KeyError> {
        let key = match &pair {
            Pair::P256(pair) => jwk::of_signer(Algorithm::Es256, pair.public_key().as_ref()),
            Pair::Ed25519(pair) => jwk::of_signer(Algorithm::EdDsa, pair.public_key().as_ref()),
        };
        Ok(Self { key: key?, pair })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key", &self.key).finish_non_exhaustive()
    }
}
