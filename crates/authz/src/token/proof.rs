//! Proofs of possession (RFC 9449): checks G8 and, for a relayed one, X9.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::access::TokenHash;
use super::jwt::Jwt;
use super::key::{Algorithm, Key, KeyError, Signer, Thumbprint};
use super::nonce::Nonces;
use super::{JwtError, Secret};
use crate::{limits, resource};

/// The algorithms of proofs, as challenges and metadata name them. An RSA key could be for two: then
/// the message, and not the key, would choose.
pub const ALGORITHMS: &str = "ES256 ES384 EdDSA";

/// A proof whose signature and claims hold; whether it was used before, [`Replay`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Whose.
    pub jkt: Thumbprint,
    /// Its identifier.
    pub jti: String,
    /// When it was made, in seconds since 1970.
    pub issued_s: u64,
    /// The server's nonce in it.
    pub nonce: Option<String>,
}

/// What a proof has to say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The public URI, without query and fragment, as configured: never from `Host`.
    pub uri: &'a str,
    /// The token that it is shown with.
    pub token: Option<&'a TokenHash>,
    /// How old or new it may be: by its nonce where one is asked for, else by its `iat`.
    pub age_s_max: u64,
    /// Whether a nonce of ours is asked for. Then a client's wrong clock does no harm.
    pub nonce: Option<&'a Nonces>,
}

impl Proof {
    /// Checks all of RFC 9449 §4.3 but replay.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(text: &str, expected: &Expected<'_>, now_s: u64) -> Result<Self, ProofError> {
        let jwt = Jwt::parse(text, limits::PROOF_CHARS_MAX).map_err(ProofError::Jwt)?;
        if jwt.typ() != Some(TYP) {
            return Err(ProofError::Type);
        }
        let key = jwt.jwk().map(Key::parse).and_then(Result::ok);
        let key = key.filter(|key| is_for_proofs(key.algorithm())).ok_or(ProofError::Key)?;
        let claims = jwt.verify(&key).map_err(ProofError::Jwt)?;
        let jti = claims.text("jti").filter(|jti| !jti.is_empty());
        let jti = jti.filter(|jti| jti.len() <= limits::JTI_BYTES_MAX);
        let jti = jti.ok_or(ProofError::Claim("jti"))?.to_owned();
        if claims.text("htm") != Some(expected.method) {
            return Err(ProofError::Claim("htm"));
        }
        let uri = claims.text("htu").filter(|uri| resource::is_same_target(uri, expected.uri));
        uri.ok_or(ProofError::Claim("htu"))?;
        // Compared only if there is a token: a proof at a token endpoint needs none (§4.2).
        let ath = expected.token.map(|hash| hash.0.as_str());
        if ath.is_some() && claims.text("ath") != ath {
            return Err(ProofError::Claim("ath"));
        }
        let issued_s = claims.seconds("iat").ok_or(ProofError::Claim("iat"))?;
        let nonce = claims.text("nonce").map(str::to_owned);
        match expected.nonce {
            Some(nonces) => {
                let is_fresh = |nonce: &String| nonces.is_fresh(nonce, expected.age_s_max, now_s);
                nonce
                    .as_ref()
                    .filter(|nonce| is_fresh(nonce))
                    .ok_or(ProofError::Nonce)
                    .map(drop)?;
            }
            None if issued_s.abs_diff(now_s) > expected.age_s_max => return Err(ProofError::Time),
            None => {}
        }
        Ok(Self { jkt: key.thumbprint(), jti, issued_s, nonce })
    }

    /// Whether it is by the key that a token is bound to.
    ///
    /// # Errors
    /// [`ProofError::OtherKey`].
    pub fn is_of(&self, jkt: &Thumbprint) -> Result<(), ProofError> {
        if self.jkt == *jkt { Ok(()) } else { Err(ProofError::OtherKey) }
    }

    /// What [`Replay`](super::Replay) remembers of its use at `target`: one client's identifiers say
    /// nothing of another's.
    pub fn use_key(&self, target: &str) -> String {
        let mut hash = Sha256::new();
        for part in ["proof", &self.jkt.0, &self.jti, target] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        URL_SAFE_NO_PAD.encode(hash.finalize())
    }

    /// Makes a proof.
    ///
    /// # Errors
    /// A key that cannot sign.
    pub fn make(
        signer: &Signer,
        method: &str,
        uri: &str,
        token: Option<&TokenHash>,
        nonce: Option<&str>,
        now_s: u64,
    ) -> Result<Secret, KeyError> {
        let mut jti = [0; 16];
        rand::fill(&mut jti).map_err(|_| KeyError::Unusable("no randomness"))?;
        let mut claims = json!({
            "jti": URL_SAFE_NO_PAD.encode(jti),
            "htm": method,
            "htu": uri.split(['?', '#']).next(),
            "iat": now_s,
        });
        let optional = [("ath", token.map(|hash| hash.0.as_str())), ("nonce", nonce)];
        for (name, value) in optional {
            if let (Some(members), Some(value)) = (claims.as_object_mut(), value) {
                members.insert(name.to_owned(), json!(value));
            }
        }
        signer.sign_with_jwk(TYP, &claims)
    }
}

fn is_for_proofs(algorithm: Algorithm) -> bool {
    ALGORITHMS.split(' ').any(|name| name == algorithm.as_str())
}

const TYP: &str = "dpop+jwt";

/// Why a proof does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// No JWT that verifies by the key in it.
    #[error("the proof is malformed: {0}")]
    Jwt(JwtError),
    /// Another `typ`.
    #[error("the proof's type is not `dpop+jwt`")]
    Type,
    /// No public key, or one that is not accepted.
    #[error("the proof's key is not accepted")]
    Key,
    /// Another key than the token's.
    #[error("the proof is of another key than the token is bound to")]
    OtherKey,
    /// A claim that is missing or another than it has to be.
    #[error("the proof's claim `{0}` is not what it has to be")]
    Claim(&'static str),
    /// Too old, or of the future.
    #[error("the proof is not of now")]
    Time,
    /// A nonce of ours is asked for.
    #[error("the proof needs a nonce of this server")]
    Nonce,
}

#[cfg(test)]
mod tests;
