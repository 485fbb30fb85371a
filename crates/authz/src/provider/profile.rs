//! Profiles: one JSON file for each deployment, read strictly. `docs/schema/profile.json` is their
//! schema.

use serde::Deserialize;
use wire::{Document, Policy};

use super::discovery::Form;
use super::fixes::FIXES;
use crate::limits;

/// What one deployment of OAuth does differently.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name in commands and records.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// How it is known.
    pub basis: Basis,
    /// Issuers it is recognised by. `{name}` is one label of a host or one segment of a path, `{host}`
    /// a whole host with its port.
    pub issuer: Vec<String>,
    /// Which issuers may be configured.
    pub issuer_rule: IssuerRule,
    /// The places of metadata that answer.
    pub discovery: Vec<Form>,
    /// What its metadata says of PKCE.
    pub pkce: Pkce,
    /// How clients become known.
    pub registration: Vec<Registration>,
    /// What happens with `resource` (RFC 8707).
    pub resource: Asked,
    /// How scopes are written: `plain`, or `prefix:` and a prefix.
    pub scope_form: String,
    /// What `aud` holds.
    pub expected_aud: Audience,
    /// The claim that holds scopes.
    pub scope_claim: String,
    /// The claims that may name the client; the first that is there counts.
    pub client_claim: Vec<String>,
    /// The `typ` of its access tokens.
    pub typ: Vec<String>,
    /// What its access tokens are.
    pub token: Token,
    /// How a token is exchanged for another.
    pub exchange: Exchange,
    /// Whether it issues or takes ID-JAG; `None` where nobody has found out.
    #[serde(deserialize_with = "Option::deserialize")]
    pub id_jag: Option<bool>,
    /// Whether it binds tokens by DPoP.
    #[serde(deserialize_with = "Option::deserialize")]
    pub dpop: Option<bool>,
    /// Whether it binds tokens to client certificates.
    #[serde(deserialize_with = "Option::deserialize")]
    pub mtls: Option<bool>,
    /// What helps with it, by name.
    pub fixes: Vec<String>,
}

/// How a profile is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// A running server was asked.
    Measured,
    /// Its documentation was read.
    Documented,
}

/// Which issuers may be configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerRule {
    /// Whatever its metadata says.
    Exact,
    /// Not a name that stands for several tenants: `iss` holds the real one.
    TenantPinned,
}

/// What metadata says of PKCE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pkce {
    /// What it supports.
    Advertised,
    /// Nothing, though S256 works.
    AssumeS256,
}

/// How clients become known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Registration {
    /// By a metadata document at their identifier.
    Cimd,
    /// By themselves (RFC 7591).
    Dcr,
    /// By an administrator.
    Manual,
}

/// What a client sends as `resource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// The server's identifier.
    Send,
    /// Nothing.
    Omit,
    /// The same as `audience`.
    AudienceParam,
    /// The App ID URI.
    AppIdUri,
}

/// What `aud` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The server's identifier.
    Resource,
    /// The client's identifier.
    ClientId,
    /// What an administrator set.
    Configured,
    /// Nothing: its tokens are not for servers.
    None,
}

/// What access tokens are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Token {
    /// JWTs.
    Jwt,
    /// Opaque.
    Opaque,
    /// Either, by configuration.
    Either,
}

/// How a token is exchanged for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exchange {
    /// By RFC 8693.
    Rfc8693,
    /// By Entra's own grant.
    EntraObo,
    /// Not at all.
    None,
}

impl Profile {
    /// Every profile that is built in; `generic` is the last.
    ///
    /// # Errors
    /// A file that is none: a defect of this program.
    pub fn all() -> Result<Vec<Self>, ProfileError> {
        FILES.iter().map(|file| Self::parse(file.as_bytes())).collect()
    }

    /// The profile of an issuer: by its form, else `generic`.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn of(issuer: &str) -> Result<Self, ProfileError> {
        let all = Self::all()?;
        let fits = |profile: &Self| profile.issuer.iter().any(|known| is_like(issuer, known));
        let found = all.iter().find(|profile| fits(profile)).or(all.last());
        found.cloned().ok_or(ProfileError::Unknown)
    }

    /// By its `id`.
    ///
    /// # Errors
    /// No such profile.
    pub fn named(id: &str) -> Result<Self, ProfileError> {
        let found = Self::all()?.into_iter().find(|profile| profile.id == id);
        found.ok_or(ProfileError::Unknown)
    }

    /// Reads one.
    ///
    /// # Errors
    /// No strict JSON, or not what its schema says.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProfileError> {
        let policy = Policy { bytes_max: limits::PROFILE_BYTES_MAX, ..Policy::default() };
        let document = Document::parse(bytes, &policy).map_err(ProfileError::Json)?;
        let value = surface::json::exact(document.root()).map_err(ProfileError::Json)?;
        let profile: Self = serde_json::from_value(value).map_err(ProfileError::Form)?;
        profile.check()?;
        Ok(profile)
    }

    /// Whether the issuer names one tenant, where that is asked for.
    pub fn is_pinned(&self, issuer: &str) -> bool {
        let is_shared = |segment| matches!(segment, "common" | "organizations" | "consumers");
        self.issuer_rule == IssuerRule::Exact || !issuer.split('/').any(is_shared)
    }

    /// What helps with a finding at this deployment.
    pub fn fixes_for(&self, code: &str) -> Vec<&'static str> {
        let helps = |(name, of, _): &&(&str, &str, &str)| {
            *of == code && self.fixes.iter().any(|fix| fix == name)
        };
        FIXES.iter().filter(helps).map(|(.., text)| *text).collect()
    }

    fn check(&self) -> Result<(), ProfileError> {
        let is_one_of = |words: &[&str], word: &String| words.contains(&word.as_str());
        let is_word = |text: &str| {
            let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            text.split('-').all(|part| !part.is_empty() && part.bytes().all(is_allowed))
        };
        let is_prefix = |form: &str| {
            let rest = form.strip_prefix("prefix:");
            rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
        };
        let checks = [
            ("id", is_word(&self.id)),
            ("name", !self.name.is_empty() && self.name.len() <= limits::NAME_BYTES_MAX),
            ("issuer", is_set(&self.issuer) && self.issuer.iter().all(|it| is_bounded(it))),
            ("discovery", !self.discovery.is_empty() && is_set(&self.discovery)),
            ("registration", !self.registration.is_empty() && is_set(&self.registration)),
            ("scope_form", self.scope_form == "plain" || is_prefix(&self.scope_form)),
            ("scope_claim", is_one_of(&["scope", "scp"], &self.scope_claim)),
            (
                "client_claim",
                is_set(&self.client_claim)
                    && self.client_claim.iter().all(|it| is_one_of(CLIENT_CLAIMS, it)),
            ),
            (
                "typ",
                is_set(&self.typ) && self.typ.iter().all(|it| is_one_of(&["at+jwt", "JWT"], it)),
            ),
            ("fixes", is_set(&self.fixes) && self.fixes.iter().all(|it| is_word(it))),
        ];
        match checks.into_iter().find(|(_, holds)| !holds) {
            Some((member, _)) => Err(ProfileError::Member(member)),
            None => Ok(()),
        }
    }
}

fn is_bounded(text: &str) -> bool {
    !text.is_empty() && text.len() <= limits::NAME_BYTES_MAX
}

fn is_set<T: PartialEq>(list: &[T]) -> bool {
    list.iter().enumerate().all(|(at, one)| !list.iter().take(at).any(|before| before == one))
}

/// Whether `issuer` has the form of `pattern`.
fn is_like(issuer: &str, pattern: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else { return issuer == pattern };
    let Some((name, after)) = rest.split_once('}') else { return false };
    let Some(issuer) = issuer.strip_prefix(before) else { return false };
    let is_part = |byte: u8| {
        let is_word = byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        is_word || (name == "host" && b".:[]".contains(&byte))
    };
    let length = issuer.bytes().take_while(|byte| is_part(*byte)).count();
    // The longest alone: what follows a placeholder begins with a sign that is none of its own.
    let rest = issuer.split_at_checked(length).map(|(_, rest)| rest);
    length > 0 && rest.is_some_and(|rest| is_like(rest, after))
}

/// Why a profile is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// No strict JSON.
    #[error("reading a profile")]
    Json(#[source] wire::Refusal),
    /// Not its members, or another type.
    #[error("reading a profile")]
    Form(#[source] serde_json::Error),
    /// A member that is not what it has to be.
    #[error("a profile whose `{0}` is not what it has to be")]
    Member(&'static str),
    /// Nobody has this name.
    #[error("there is no such profile")]
    Unknown,
}

const CLIENT_CLAIMS: &[&str] = &["client_id", "azp", "cid"];

const FILES: &[&str] = &[
    include_str!("../../profiles/entra-v2.json"),
    include_str!("../../profiles/okta.json"),
    include_str!("../../profiles/auth0.json"),
    include_str!("../../profiles/keycloak.json"),
    include_str!("../../profiles/cognito.json"),
    include_str!("../../profiles/google.json"),
    include_str!("../../profiles/github.json"),
    include_str!("../../profiles/ping.json"),
    include_str!("../../profiles/oidc-provider.json"),
    include_str!("../../profiles/glewlwyd.json"),
    include_str!("../../profiles/oauth-as.json"),
    include_str!("../../profiles/generic.json"),
];
