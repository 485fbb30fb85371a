//! The configuration of a protected server: what a guard is told of tokens.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::{ConfigError, files, raw, rules};
use crate::resource::{Policing, Protection, Resource};
use crate::token::replay::Memory;
use crate::token::{Actor, Nonces, Verifier, scope};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    resource: String,
    expected_aud: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    dpop_required: bool,
    nonce_key: Option<PathBuf>,
    #[serde(default)]
    trusted: Vec<raw::Trusted>,
    /// Which of them is our own token service, whose clock we know.
    own: Option<String>,
    #[serde(default, rename = "deny")]
    denied: Vec<Denied>,
    /// Policies that decide on each call.
    policy: Option<PathBuf>,
    /// Edges that they may speak of.
    edges: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Denied {
    issuer: String,
    sub: String,
}

impl Protection {
    /// Reads and checks the configuration of a protected server. Paths in it are relative to its
    /// folder.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and the fix.
    pub fn load(path: &Path, now_s: fn() -> u64) -> Result<Self, ConfigError> {
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        read(path, folder, now_s).map_err(|error| error.at(path.display()))
    }
}

fn read(path: &Path, folder: &Path, now_s: fn() -> u64) -> Result<Protection, ConfigError> {
    let text = files::text(path, crate::limits::CONFIG_BYTES_MAX)?;
    let raw: Raw = toml::from_str(&text).map_err(|error| {
        ConfigError::new("", error.message().to_owned(), "see docs/guide/authorize.md")
    })?;
    let resource = Resource::parse(&raw.resource).map_err(|error| {
        ConfigError::new("resource", error.to_string(), "write the public URI of the server")
    })?;
    let scopes = scope::collect(raw.scopes.iter().map(String::as_str)).ok_or_else(|| {
        ConfigError::new("scopes", "an entry is no scope", "one word each, without spaces")
    })?;
    let key = raw.nonce_key.map(|path| files::shared_key(&folder.join(path))).transpose();
    let nonces = key.map_err(|error| error.at("nonce_key"))?.map(Nonces::new);
    let audience = raw.expected_aud.unwrap_or_else(|| resource.to_string());
    let verifier = verifier(&raw.trusted, raw.own.as_deref(), audience, folder)?;
    let policing = policing(raw.policy.as_deref(), raw.edges.as_deref(), raw.own, folder)?;
    let actor = |one: Denied| Actor { iss: one.issuer, sub: one.sub };
    Ok(Protection {
        resource,
        verifier,
        scopes,
        must_be_bound: raw.dpop_required,
        nonces,
        denied: raw.denied.into_iter().map(actor).collect(),
        policing,
        replay: Arc::new(Memory::new(now_s)),
        now_s,
    })
}

/// G14, where a file asks for it.
fn policing(
    policy: Option<&Path>,
    edges: Option<&Path>,
    own: Option<String>,
    folder: &Path,
) -> Result<Option<Policing>, ConfigError> {
    let Some(policy) = policy else {
        let fix = "add `policy`, or leave `edges` out";
        let alone = || ConfigError::new("edges", "edges without policies decide nothing", fix);
        return if edges.is_some() { Err(alone()) } else { Ok(None) };
    };
    let policies = rules::policies(&folder.join(policy)).map_err(|error| error.at("policy"))?;
    let Some(edges) = edges else { return Ok(Some(Policing { policies, edges: None })) };
    let issuer = own.ok_or_else(|| {
        let what = "nothing says whose clients the edges name";
        ConfigError::new("edges", what, "say which issuer is the token service: `own`")
    })?;
    let edges = super::edges::read(&folder.join(edges)).map_err(|error| error.at("edges"))?;
    Ok(Some(Policing { policies, edges: Some((edges, issuer)) }))
}

fn verifier(
    trusted: &[raw::Trusted],
    own: Option<&str>,
    audience: String,
    folder: &Path,
) -> Result<Verifier, ConfigError> {
    if let Some(at) = trusted.iter().position(|one| one.jwks_url.is_some()) {
        let place = format!("trusted[{}], jwks_url", at + 1);
        return Err(ConfigError::new(place, "a guard fetches no keys", "pin them in a file: jwks"));
    }
    let mut issuers = rules::trusted(trusted, "", &[], folder)?;
    if issuers.is_empty() || audience.is_empty() {
        let fix = "name an issuer in [[trusted]], and leave `expected_aud` out or fill it";
        return Err(ConfigError::new("trusted", "nobody's tokens would be let in", fix));
    }
    let known: BTreeSet<&str> = trusted.iter().map(|one| one.issuer.as_str()).collect();
    if own.is_some_and(|own| !known.contains(own)) {
        return Err(ConfigError::new(
            "own",
            "an issuer that is not trusted",
            "add it to [[trusted]]",
        ));
    }
    for one in &mut issuers {
        one.issuer.is_own = own == Some(one.issuer.iss.as_str());
    }
    Ok(Verifier { issuers: issuers.into_iter().map(|one| one.issuer).collect(), audience })
}
