//! Assertions of other domains (ID-JAG, `draft-ietf-oauth-identity-assertion-authz-grant`): what they
//! have to be before a grant is made of one.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use crate::limits;
use crate::resource::Resource;
use crate::token::{
    Claims, Confirmation, Detail, Jwt, JwtError, KeySet, Subject, Thumbprint, TokenHash, scope,
};

/// Whose assertions count.
#[derive(Debug, Clone)]
pub struct Asserter {
    /// Its issuer, compared byte for byte.
    pub iss: String,
    /// Its keys now.
    pub keys: Arc<watch::Sender<KeySet>>,
    /// What its assertions may give access to.
    pub resources: BTreeSet<Resource>,
    /// Whether one assertion may be shown again while it is valid, as the draft lets clients do.
    pub may_return: bool,
}

/// An assertion that was verified. Whether it was shown before, the store says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// For whom: in the name of the domain that asserts it.
    pub subject: Subject,
    /// What it gives access to.
    pub resource: Resource,
    /// At most this; `None` if it does not say.
    pub scopes: Option<BTreeSet<String>>,
    /// These tools at most; empty if it does not say.
    pub details: Vec<Detail>,
    /// The key whose proof has to come with it.
    pub jkt: Option<Thumbprint>,
    /// Its name at its issuer.
    pub jti: String,
    /// When it is over.
    pub expires_s: u64,
    /// When it was made.
    pub issued_s: u64,
    /// How the person signed in.
    pub acr: Option<String>,
    /// When.
    pub auth_time_s: Option<u64>,
    /// Its hash: the root of the grant.
    pub hash: TokenHash,
    /// Whether it may be shown again.
    pub may_return: bool,
}

impl Assertion {
    /// Reads and verifies an assertion that `client` shows to `us`, for `resource` if it asks for one.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(
        text: &str,
        asserters: &[Asserter],
        us: &str,
        client: &str,
        resource: Option<&str>,
        now_s: u64,
    ) -> Result<Self, AssertionError> {
        let jwt = Jwt::parse(text, limits::TOKEN_CHARS_MAX).map_err(AssertionError::Malformed)?;
        if jwt.typ() != Some(TYP) {
            return Err(AssertionError::Type);
        }
        let known = jwt.issuer_unverified();
        let from = asserters.iter().find(|one| Some(one.iss.as_str()) == known);
        let from = from.ok_or(AssertionError::Issuer)?;
        let claims = jwt.verify_by(&from.keys.borrow()).map_err(AssertionError::Key)?;
        if claims.audience() != Some(us) {
            return Err(AssertionError::Audience);
        }
        if claims.text("client_id") != Some(client) {
            return Err(AssertionError::Client);
        }
        let (issued_s, expires_s) = times(&claims, now_s)?;
        let resource = resource_of(&claims, resource, from)?;
        let jkt = limit(&claims)?;
        let (scopes, details) = authority(&claims)?;
        Ok(Self {
            subject: Subject { iss: from.iss.clone(), sub: name(&claims, "sub")? },
            resource,
            scopes,
            details,
            jkt,
            jti: name(&claims, "jti")?,
            expires_s,
            issued_s,
            acr: claims.text("acr").map(str::to_owned),
            auth_time_s: claims.seconds("auth_time"),
            hash: TokenHash::of(text),
            may_return: from.may_return,
        })
    }
}

fn name(claims: &Claims, claim: &'static str) -> Result<String, AssertionError> {
    let text = claims.text(claim).filter(|it| (1..=limits::NAME_BYTES_MAX).contains(&it.len()));
    text.map(str::to_owned).ok_or(AssertionError::Claim(claim))
}

fn times(claims: &Claims, now_s: u64) -> Result<(u64, u64), AssertionError> {
    let issued_s = claims.seconds("iat").ok_or(AssertionError::Time)?;
    let expires_s = claims.seconds("exp").ok_or(AssertionError::Time)?;
    let starts_s = match claims.0.get("nbf") {
        Some(nbf) => nbf.as_u64().ok_or(AssertionError::Time)?,
        None => issued_s,
    };
    let latest = now_s.saturating_add(limits::SKEW_S_MAX);
    let is_now = expires_s > now_s && issued_s <= latest && starts_s <= latest;
    let is_short = expires_s.saturating_sub(issued_s) <= limits::ID_JAG_LIFE_S_MAX;
    if is_now && is_short { Ok((issued_s, expires_s)) } else { Err(AssertionError::Time) }
}

/// The one resource: the assertion's and the request's are the same if both say.
fn resource_of(
    claims: &Claims,
    asked: Option<&str>,
    from: &Asserter,
) -> Result<Resource, AssertionError> {
    let said = match claims.0.get("resource") {
        None => None,
        Some(Value::String(one)) => Some(one.as_str()),
        Some(Value::Array(list)) => match list.as_slice() {
            [Value::String(one)] => Some(one.as_str()),
            _ => return Err(AssertionError::Resource),
        },
        Some(_) => return Err(AssertionError::Resource),
    };
    let parse = |text: &str| Resource::parse(text).map_err(|_| AssertionError::Resource);
    let one = match (said.map(parse).transpose()?, asked.map(parse).transpose()?) {
        (Some(said), Some(asked)) if said != asked => return Err(AssertionError::Resource),
        (Some(one), _) | (None, Some(one)) => one,
        (None, None) => return Err(AssertionError::Resource),
    };
    if from.resources.contains(&one) { Ok(one) } else { Err(AssertionError::Resource) }
}

/// What limits the assertion: a `DPoP` key is enforced, everything else refuses it.
fn limit(claims: &Claims) -> Result<Option<Thumbprint>, AssertionError> {
    if LIMITS.iter().any(|limit| claims.0.contains_key(*limit)) {
        return Err(AssertionError::Constraint);
    }
    let Some(confirmation) = claims.0.get("cnf") else { return Ok(None) };
    let members = confirmation.as_object().filter(|members| members.len() == 1);
    let jkt = members.and_then(|members| members.get("jkt")).and_then(Value::as_str);
    jkt.map(|jkt| Some(Thumbprint(jkt.to_owned()))).ok_or(AssertionError::Constraint)
}

type Authority = (Option<BTreeSet<String>>, Vec<Detail>);

fn authority(claims: &Claims) -> Result<Authority, AssertionError> {
    let scopes = match claims.0.get("scope") {
        None => None,
        Some(Value::String(text)) => {
            Some(scope::parse(text).ok_or(AssertionError::Claim("scope"))?)
        }
        Some(_) => return Err(AssertionError::Claim("scope")),
    };
    let details = match claims.0.get("authorization_details") {
        None => Vec::new(),
        // Of another type than `mcp_tool`, or with a constraint that is not known: not enforced here.
        Some(list) => Detail::parse(list).map_err(|_| AssertionError::Constraint)?,
    };
    Ok((scopes, details))
}

impl Assertion {
    /// Whether a proof's key is the one that the assertion is bound to, if it is bound.
    pub fn is_for(&self, presenter: &Confirmation) -> bool {
        match (&self.jkt, presenter) {
            (None, _) => true,
            (Some(jkt), Confirmation::Jkt(presenter)) => jkt == presenter,
            (Some(_), Confirmation::X5t(_)) => false,
        }
    }
}

/// The `typ` of an assertion.
pub const TYP: &str = "oauth-id-jag+jwt";

/// Claims that limit an assertion in ways that are not enforced here. `act` is not defined for one: an
/// actor in it would vanish from the chain.
const LIMITS: [&str; 6] =
    ["act", "may_act", "aud_tenant", "aud_sub", "requested_expiry", "acr_values"];

/// Why an assertion does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionError {
    /// No JWT.
    #[error("the assertion is malformed: {0}")]
    Malformed(JwtError),
    /// Another kind of token.
    #[error("it is no identity assertion authorization grant")]
    Type,
    /// Nobody whose assertions count.
    #[error("this issuer's assertions do not count here")]
    Issuer,
    /// A wrong signature.
    #[error("the assertion's key is refused: {0}")]
    Key(JwtError),
    /// For another.
    #[error("the assertion is not for this service alone")]
    Audience,
    /// For another client.
    #[error("the assertion is for another client")]
    Client,
    /// Over, not yet, or for too long.
    #[error("the assertion is not valid now, or is for too long")]
    Time,
    /// No resource, several, or one that its issuer gives no access to.
    #[error("the assertion is not for one resource that its issuer may give access to")]
    Resource,
    /// A limit that is not enforced here.
    #[error("the assertion is limited in a way that is not enforced here")]
    Constraint,
    /// A claim that is not what it has to be.
    #[error("the assertion's claim `{0}` is not what it has to be")]
    Claim(&'static str),
    /// Bound to a key that did not prove itself.
    #[error("the assertion is bound to another key than the proof's")]
    Holder,
    /// Shown before.
    #[error("the assertion was shown before")]
    Replayed,
}

impl AssertionError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Claim(_) => "authz.federation.malformed",
            Self::Type => "authz.federation.type",
            Self::Issuer => "authz.federation.issuer",
            Self::Key(_) => "authz.federation.key",
            Self::Audience => "authz.federation.audience",
            Self::Client => "authz.federation.client",
            Self::Time => "authz.federation.time",
            Self::Resource => "authz.federation.resource",
            Self::Constraint => "authz.federation.constraint-unknown",
            Self::Holder => "authz.federation.holder-unproven",
            Self::Replayed => "authz.federation.replayed",
        }
    }
}

#[cfg(test)]
mod tests;
