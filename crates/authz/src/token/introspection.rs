//! Opaque tokens (RFC 7662): what an issuer answers about one. Check G10.

use serde_json::Value;
use wire::{Document, Policy};

use super::access::{Access, AccessError, TokenHash, Verifier, claim};
use super::jwt::Claims;
use crate::limits;

/// A token that its issuer called active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introspected {
    /// What it is.
    pub access: Access,
    /// Until when the answer may be kept, in seconds since 1970: a revoked token must not live on here.
    pub cache_until_s: u64,
}

/// Reads what the issuer `iss` answered about `token`: active, and then G2 and G4 to G7 on its members.
///
/// # Errors
/// An answer that is none, an inactive token, or the first check that fails.
pub fn access(
    verifier: &Verifier,
    iss: &str,
    response: &[u8],
    token: &str,
    now_s: u64,
) -> Result<Introspected, IntrospectionError> {
    let claims = members(response)?;
    match claims.0.get("active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Err(IntrospectionError::Inactive),
        _ => return Err(IntrospectionError::Malformed("`active` is not true or false")),
    }
    let issuer = verifier.issuer(Some(iss))?;
    // Optional there (§2.2); who was asked is known. Another one is no answer of theirs.
    if claims.0.get("iss").is_some_and(|said| said != iss) {
        return Err(AccessError::Issuer.into());
    }
    claim::is_of_no_other_kind(issuer, &claims)?;
    claim::is_now(&claims, issuer.skew_s(), now_s)?;
    let access = verifier.access(issuer, &claims, TokenHash::of(token))?;
    let is_dpop = match claims.0.get("token_type").map(Value::as_str) {
        None => false,
        Some(Some(word)) if word.eq_ignore_ascii_case("dpop") => true,
        Some(Some(word)) if word.eq_ignore_ascii_case("bearer") => false,
        Some(_) => return Err(AccessError::Type("its `token_type` is another one").into()),
    };
    if is_dpop && access.confirmation.is_none() {
        return Err(AccessError::Confirmation.into());
    }
    let cache_until_s = access.expires_s.min(now_s.saturating_add(limits::INTROSPECTION_CACHE_S));
    Ok(Introspected { access, cache_until_s })
}

fn members(response: &[u8]) -> Result<Claims, IntrospectionError> {
    let policy = Policy { bytes_max: limits::INTROSPECTION_BYTES_MAX, ..Policy::default() };
    let document = Document::parse(response, &policy);
    let document = document.map_err(|_| IntrospectionError::Malformed("it is not strict JSON"))?;
    match surface::json::exact(document.root()) {
        Ok(Value::Object(members)) => Ok(Claims(members)),
        _ => Err(IntrospectionError::Malformed("it is no exact JSON object")),
    }
}

/// Why an opaque token does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectionError {
    /// The answer is none.
    #[error("the issuer's answer about the token is malformed: {0}")]
    Malformed(&'static str),
    /// Expired, revoked, or never issued.
    #[error("the token is not active")]
    Inactive,
    /// Active, and not for us, or not as it has to be.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl IntrospectionError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Inactive => "authz.guard.token-inactive",
            Self::Access(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests;
