//! Whether whoever shows a token may: checks G7, G8 but for replay, and G9.

use super::access::{Access, Confirmation};
use super::credential::{Credential, Scheme};
use super::proof::{Expected, Proof, ProofError};

/// What is known of whoever shows a token.
#[derive(Debug, Clone)]
pub struct Holder<'a> {
    /// What they show.
    pub credential: &'a Credential,
    /// The SHA-256 of their client certificate as Base64url, as the terminator of TLS saw it.
    pub certificate: Option<&'a str>,
    /// What a proof of theirs has to say; its `token` is not looked at.
    pub expected: Expected<'a>,
    /// Whether a token has to be bound to a key.
    pub must_be_bound: bool,
}

impl Access {
    /// Checks that a token is shown by whom it is bound to, and as it has to be shown. The proof, if
    /// there is one, has still to be used for the first time.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn held_by(&self, holder: &Holder<'_>, now_s: u64) -> Result<Option<Proof>, HolderError> {
        match (&self.confirmation, holder.credential.scheme) {
            (Some(Confirmation::Jkt(jkt)), Scheme::Dpop) => {
                let text = holder.credential.proof.as_ref();
                let text = text.ok_or(HolderError::Missing("there is no proof"))?;
                let expected = Expected { token: Some(&self.hash), ..holder.expected };
                let proof = Proof::verify(text.expose(), &expected, now_s);
                let proof = proof.map_err(HolderError::Proof)?;
                proof.is_of(jkt).map_err(HolderError::Proof)?;
                Ok(Some(proof))
            }
            // RFC 9449 §7.2: or a thief without the key would call it a bearer token.
            (Some(Confirmation::Jkt(_)), Scheme::Bearer) => {
                Err(HolderError::Missing("it is bound to a key and shown as Bearer"))
            }
            (Some(Confirmation::X5t(hash)), Scheme::Bearer) => {
                if holder.certificate == Some(hash) {
                    Ok(None)
                } else {
                    Err(HolderError::Certificate)
                }
            }
            (Some(Confirmation::X5t(_)) | None, Scheme::Dpop) => {
                Err(HolderError::Missing("it is bound to no key and shown as DPoP"))
            }
            (None, Scheme::Bearer) if holder.must_be_bound => {
                Err(HolderError::Missing("it is bound to no key, and has to be"))
            }
            (None, Scheme::Bearer) => Ok(None),
        }
    }
}

/// Why somebody may not show a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HolderError {
    /// G7.
    #[error("the token is not shown as it has to be: {0}")]
    Missing(&'static str),
    /// G8.
    #[error(transparent)]
    Proof(ProofError),
    /// G9.
    #[error("the token is bound to another client certificate")]
    Certificate,
}

impl HolderError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing(_) => "authz.guard.binding-missing",
            Self::Proof(_) => "authz.guard.proof-invalid",
            Self::Certificate => "authz.guard.certificate-mismatch",
        }
    }
}

#[cfg(test)]
mod tests;
