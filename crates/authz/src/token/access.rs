//! Access tokens: RFC 9068, and what providers issue instead. Checks G2 to G7.

pub(super) mod claim;
mod detail;

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::jwt::{Claims, Jwt, JwtError};
use super::key::{KeySet, Thumbprint};
use crate::limits;

pub use detail::Detail;

/// Who somebody is: never a `sub` without its issuer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// The issuer that names them.
    pub iss: String,
    /// The name.
    pub sub: String,
}

/// One actor of a chain (RFC 8693 §4.1), the newest first.
pub type Actor = Subject;

/// What a token is bound to (RFC 7800).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Confirmation {
    /// A DPoP key (RFC 9449 §6).
    Jkt(Thumbprint),
    /// A client certificate: the SHA-256 of its DER, as Base64url (RFC 8705 §3).
    X5t(String),
}

/// The SHA-256 of a token, as Base64url: how it is named in records, and the `ath` of proofs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash(pub String);

impl TokenHash {
    /// Of a token's text.
    pub fn of(token: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(Sha256::digest(token)))
    }
}

/// A verified access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// For whom.
    pub subject: Subject,
    /// The client that it was issued to.
    pub client_id: String,
    /// Its one audience.
    pub audience: String,
    /// Its scopes.
    pub scopes: BTreeSet<String>,
    /// Its `authorization_details`; empty without.
    pub details: Vec<Detail>,
    /// The actors, the newest first; empty without `act`.
    pub actors: Vec<Actor>,
    /// Who may act (RFC 8693 §4.4).
    pub may_act: Option<Actor>,
    /// What it is bound to.
    pub confirmation: Option<Confirmation>,
    /// When it is over, in seconds since 1970.
    pub expires_s: u64,
    /// When it was issued; 0 if it does not say.
    pub issued_s: u64,
    /// The grant, of our own tokens; what others call `txn` is none of ours.
    pub txn: Option<String>,
    /// How the person signed in.
    pub acr: Option<String>,
    /// When.
    pub auth_time_s: Option<u64>,
    /// The token's hash.
    pub hash: TokenHash,
}

/// A `typ` that an issuer's access tokens may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typ {
    /// `at+jwt`.
    AtJwt,
    /// `JWT` or none: then what marks another kind of token refuses it.
    Jwt,
}

/// An issuer whose tokens count.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Compared byte for byte.
    pub iss: String,
    /// Its keys now: pinned, or fetched and pinned, by whoever refreshes them.
    pub keys: Arc<tokio::sync::watch::Sender<KeySet>>,
    /// The `typ` that its tokens may have.
    pub typ: Typ,
    /// The claim that holds scopes: `scope` or `scp`.
    pub scope_claim: String,
    /// The claims that may name the client, the first that is there counts.
    pub client_claims: Vec<String>,
    /// Whether it is our own STS, whose clocks we know.
    pub is_own: bool,
}

/// Verifies access tokens for one resource.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// Who may issue them.
    pub issuers: Vec<Issuer>,
    /// The audience that has to be theirs, alone.
    pub audience: String,
}

impl Verifier {
    /// Checks G2 to G7 but for the proof: issuer, key, type, time, audience, form.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(&self, token: &str, now_s: u64) -> Result<Access, AccessError> {
        let jwt = Jwt::parse(token, limits::TOKEN_CHARS_MAX).map_err(|error| match error {
            JwtError::Header(_) | JwtError::Algorithm => AccessError::Key(error),
            error => AccessError::Malformed(error),
        })?;
        let issuer = self.issuer(jwt.issuer_unverified())?;
        if jwt.jwk().is_some() {
            return Err(AccessError::Key(JwtError::Header("jwk")));
        }
        let typ = jwt.typ().map(str::to_owned);
        let claims = jwt.verify_by(&issuer.keys.borrow()).map_err(AccessError::Key)?;
        claim::is_access_token(issuer, typ.as_deref(), &claims)?;
        claim::is_now(&claims, issuer.skew_s(), now_s)?;
        self.access(issuer, &claims, TokenHash::of(token))
    }

    /// G2: byte for byte, before anything is fetched or verified.
    pub(super) fn issuer(&self, iss: Option<&str>) -> Result<&Issuer, AccessError> {
        let iss = iss.ok_or(AccessError::Issuer)?;
        self.issuers.iter().find(|issuer| issuer.iss == iss).ok_or(AccessError::Issuer)
    }

    /// G6, G7 and the form of each claim; the rest has been verified.
    pub(super) fn access(
        &self,
        issuer: &Issuer,
        claims: &Claims,
        hash: TokenHash,
    ) -> Result<Access, AccessError> {
        // INVARIANT: one audience, and that is us: a token for several could be used by each of them.
        if claims.audience() != Some(&self.audience) {
            return Err(AccessError::Audience);
        }
        let sub = claim::name(claims, "sub")?.ok_or(AccessError::Claim("sub"))?;
        Ok(Access {
            subject: Subject { iss: issuer.iss.clone(), sub: sub.to_owned() },
            client_id: claim::client(issuer, claims)?.to_owned(),
            audience: self.audience.clone(),
            scopes: claim::scopes(issuer, claims)?,
            details: claims.0.get("authorization_details").map_or(Ok(Vec::new()), Detail::parse)?,
            actors: claim::actors(&issuer.iss, claims.0.get("act"))?,
            may_act: claim::may_act(&issuer.iss, claims.0.get("may_act"))?,
            confirmation: claim::confirmation(claims.0.get("cnf"))?,
            expires_s: claim::seconds(claims, "exp")?.ok_or(AccessError::Claim("exp"))?,
            issued_s: claim::seconds(claims, "iat")?.unwrap_or_default(),
            txn: claim::name(claims, "txn")?.filter(|_| issuer.is_own).map(str::to_owned),
            acr: claim::name(claims, "acr")?.map(str::to_owned),
            auth_time_s: claim::seconds(claims, "auth_time")?,
            hash,
        })
    }
}

impl Issuer {
    /// How far its clock may differ from ours, in seconds.
    pub(super) const fn skew_s(&self) -> u64 {
        if self.is_own { limits::OWN_SKEW_S_MAX } else { limits::SKEW_S_MAX }
    }
}

/// Why an access token does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// G1: no JWT, and nothing that could be one.
    #[error("the credential is malformed: {0}")]
    Malformed(super::JwtError),
    /// G2: nobody that is trusted.
    #[error("the token's issuer is not one that is trusted here")]
    Issuer,
    /// G3: no key, or not its signature.
    #[error("the token's key is refused: {0}")]
    Key(super::JwtError),
    /// G4: another kind of token.
    #[error("the token is not an access token: {0}")]
    Type(&'static str),
    /// G5: over, or not yet.
    #[error("the token is not valid now: {0}")]
    Time(&'static str),
    /// G6: for another.
    #[error("the token is not for this resource alone")]
    Audience,
    /// G7: a `cnf` that is not understood.
    #[error("the token is bound in a way that is not understood")]
    Confirmation,
    /// A claim that is not what it has to be.
    #[error("the token's claim `{0}` is not what it has to be")]
    Claim(&'static str),
    /// X6: a chain of actors that is none.
    #[error("the token's chain of actors is not one: {0}")]
    Actors(&'static str),
}

impl Access {
    /// How long ago the person signed in. A sign-in in the future is one that nobody knows.
    pub fn auth_age_s(&self, now_s: u64) -> Option<u64> {
        now_s.checked_sub(self.auth_time_s?)
    }
}

impl AccessError {
    /// The stable code: `authz.guard.<word>`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Claim(_) => "authz.guard.credential-malformed",
            Self::Issuer => "authz.guard.issuer-unknown",
            Self::Key(_) => "authz.guard.key-refused",
            Self::Type(_) => "authz.guard.type-refused",
            Self::Time(_) => "authz.guard.time-invalid",
            Self::Audience => "authz.guard.audience-mismatch",
            Self::Confirmation => "authz.guard.binding-missing",
            Self::Actors(_) => "authz.exchange.actor-chain-invalid",
        }
    }
}

#[cfg(test)]
mod tests;
