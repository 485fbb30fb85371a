//! The file as it is written.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;
use crate::limits;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) issuer: String,
    #[serde(default = "edges")]
    pub(super) edges: PathBuf,
    #[serde(default = "grants")]
    pub(super) grants: String,
    #[serde(default = "nonce_key")]
    pub(super) nonce_key: PathBuf,
    #[serde(default = "subject_key")]
    pub(super) subject_key: PathBuf,
    pub(super) home: Option<String>,
    #[serde(default = "records")]
    pub(super) records: PathBuf,
    #[serde(default)]
    pub(super) needs_nonce: bool,
    pub(super) policy: Option<PathBuf>,
    pub(super) authzen_key: Option<PathBuf>,
    pub(super) ended_key: Option<PathBuf>,
    pub(super) keys: Keys,
    #[serde(default)]
    pub(super) lifetimes: Lifetimes,
    #[serde(default)]
    pub(super) trusted: Vec<Trusted>,
    #[serde(default)]
    pub(super) client: Vec<Client>,
    #[serde(default)]
    pub(super) accept: Vec<Accept>,
    #[serde(default)]
    pub(super) domain: Vec<Domain>,
    #[serde(default)]
    pub(super) transmitter: Vec<Transmitter>,
    #[serde(default)]
    pub(super) exceptions: Vec<SocketAddr>,
    pub(super) terminator: Option<Terminator>,
}

/// `[terminator]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Terminator {
    pub(super) peers: Vec<IpAddr>,
    #[serde(default = "client_cert")]
    pub(super) header: String,
    #[serde(default)]
    pub(super) form: CertificateForm,
}

/// How it writes a certificate.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CertificateForm {
    #[default]
    Rfc9440,
    Pem,
}

/// `[keys]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    pub(super) current: PathBuf,
    pub(super) next: Option<PathBuf>,
    #[serde(default)]
    pub(super) retired: Vec<PathBuf>,
}

/// `[lifetimes]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Lifetimes {
    pub(super) token_s: u64,
    pub(super) depth_max: u8,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { token_s: limits::HOP_TOKEN_LIFE_S, depth_max: 3 }
    }
}

/// `[[trusted]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trusted {
    pub(super) issuer: String,
    pub(super) jwks: Option<PathBuf>,
    pub(super) jwks_url: Option<String>,
    #[serde(default)]
    pub(super) typ: Typ,
    #[serde(default = "scope_claim")]
    pub(super) scope_claim: String,
    #[serde(default = "client_claims")]
    pub(super) client_claims: Vec<String>,
    pub(super) introspection: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<PathBuf>,
    pub(super) client_key: Option<PathBuf>,
}

/// The `typ` of an issuer's access tokens.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) enum Typ {
    #[default]
    #[serde(rename = "at+jwt")]
    AtJwt,
    #[serde(rename = "JWT")]
    Jwt,
}

/// `[[client]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    pub(super) id: Option<String>,
    pub(super) jwks: Option<PathBuf>,
    pub(super) document: Option<PathBuf>,
    pub(super) document_url: Option<String>,
}

/// `[[accept]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accept {
    pub(super) issuer: String,
    pub(super) jwks: Option<PathBuf>,
    pub(super) jwks_url: Option<String>,
    pub(super) resources: Vec<String>,
    #[serde(default)]
    pub(super) may_return: bool,
}

/// `[[domain]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Domain {
    pub(super) issuer: String,
    pub(super) resources: Vec<String>,
    pub(super) pairwise_key: PathBuf,
    pub(super) clients: BTreeMap<String, String>,
}

/// `[[transmitter]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transmitter {
    pub(super) issuer: String,
    pub(super) jwks: Option<PathBuf>,
    pub(super) jwks_url: Option<String>,
    pub(super) subjects: Vec<String>,
    pub(super) audience: Option<String>,
    pub(super) poll: Option<String>,
    pub(super) token_file: Option<PathBuf>,
}

/// Whoever signs, and where its keys are.
#[derive(Debug)]
pub(super) struct Keyed {
    pub(super) issuer: String,
    pub(super) jwks: Option<PathBuf>,
    pub(super) jwks_url: Option<String>,
}

impl Accept {
    pub(super) fn keyed(&self) -> Keyed {
        let (issuer, jwks, jwks_url) =
            (self.issuer.clone(), self.jwks.clone(), self.jwks_url.clone());
        Keyed { issuer, jwks, jwks_url }
    }
}

impl Transmitter {
    pub(super) fn keyed(&self) -> Keyed {
        let (issuer, jwks, jwks_url) =
            (self.issuer.clone(), self.jwks.clone(), self.jwks_url.clone());
        Keyed { issuer, jwks, jwks_url }
    }
}

/// Reads the file.
///
/// # Errors
/// What is no TOML, lacks a member or has one that nobody knows.
pub(super) fn parse(text: &str) -> Result<Raw, ConfigError> {
    parse_as(text, "docs/sts.toml has every member, commented")
}

/// The same of another file.
///
/// # Errors
/// As [`parse`], with its line.
pub(super) fn parse_as<T: serde::de::DeserializeOwned>(
    text: &str,
    fix: &str,
) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| {
            1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
        });
        ConfigError::new(format!("line {line}"), error.message(), fix)
    })
}

fn edges() -> PathBuf {
    "edges.json".into()
}

fn grants() -> String {
    "sqlite:grants.db".to_owned()
}

fn nonce_key() -> PathBuf {
    "nonce.key".into()
}

fn subject_key() -> PathBuf {
    "subject.key".into()
}

fn records() -> PathBuf {
    "decisions.jsonl".into()
}

fn client_cert() -> String {
    "client-cert".to_owned()
}

pub(super) fn scope_claim() -> String {
    "scope".to_owned()
}

pub(super) fn client_claims() -> Vec<String> {
    vec!["client_id".to_owned()]
}
