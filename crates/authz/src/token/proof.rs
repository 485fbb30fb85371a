//! Proofs of possession (RFC 9449): checks G8 and, for a relayed one, X9.

use async_trait::async_trait;

use super::access::TokenHash;
use super::key::{Signer, Thumbprint};
use super::{JwtError, Secret};

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
#[derive(Debug, Clone)]
pub struct Expected<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The public URI, without query and fragment, as configured: never from `Host`.
    pub uri: &'a str,
    /// The token that it is shown with.
    pub token: Option<&'a TokenHash>,
    /// How old or new it may be, unless its nonce says that it is fresh.
    pub age_s_max: u64,
    /// Whether a nonce of ours is asked for.
    pub nonce: Option<&'a Nonces>,
}

impl Proof {
    /// Checks all of RFC 9449 §4.3 but replay.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(text: &str, expected: &Expected<'_>, now_s: u64) -> Result<Self, ProofError> {
        unimplemented!("{text} {expected:?} {now_s}")
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
    ) -> Result<Secret, super::KeyError> {
        unimplemented!("{} {method} {uri} {token:?} {nonce:?} {now_s}", signer.public().jwk())
    }
}

/// Nonces that need no memory: a MAC over the time. Guards and STS of a domain share the key.
#[derive(Clone)]
pub struct Nonces {
    key: zeroize::Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces")
    }
}

impl Nonces {
    /// By a shared key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key: key.into() }
    }

    /// The nonce of a time.
    pub fn issue(&self, now_s: u64) -> String {
        unimplemented!("{:?} {now_s}", self.key)
    }

    /// Whether a nonce is ours and no older than five minutes.
    pub fn is_fresh(&self, nonce: &str, now_s: u64) -> bool {
        unimplemented!("{nonce} {now_s}")
    }
}

/// Remembers what was used once: proofs, assertions, events. Shared by all instances of a domain.
#[async_trait]
pub trait Replay: Send + Sync + std::fmt::Debug {
    /// Records `key`, unless it is there already. Atomic: of two at once, one is refused. A store
    /// that fails refuses.
    ///
    /// # Errors
    /// A key that was used, or a store that cannot say.
    async fn once(&self, key: &str, until_s: u64) -> Result<(), ReplayError>;
}

/// Why something does not count as used for the first time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It was used.
    #[error("it was used before")]
    Used,
    /// Nobody can say.
    #[error("recording its use")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

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
