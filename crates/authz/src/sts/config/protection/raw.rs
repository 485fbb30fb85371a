//! The file as it is written.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::super::raw::{Terminator, Trusted, Typ};
use crate::token;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) resource: String,
    pub(super) expected_aud: Option<String>,
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    #[serde(default)]
    pub(super) dpop_required: bool,
    pub(super) nonce_key: Option<PathBuf>,
    /// Which of the issuers is our own token service, whose clock we know.
    pub(super) own: Option<String>,
    #[serde(default)]
    pub(super) apps: bool,
    #[serde(default)]
    pub(super) exceptions: Vec<SocketAddr>,
    #[serde(default)]
    pub(super) trusted: Vec<Trusted>,
    pub(super) grants: Option<Grants>,
    pub(super) terminator: Option<Terminator>,
    #[serde(rename = "allow")]
    pub(super) allowed: Option<Vec<Listed>>,
    #[serde(default, rename = "deny")]
    pub(super) denied: Vec<Listed>,
    /// Policies that decide on each call.
    pub(super) policy: Option<PathBuf>,
    /// Edges that they may speak of.
    pub(super) edges: Option<PathBuf>,
}

/// `[grants]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grants {
    pub(super) url: String,
    pub(super) key: PathBuf,
}

/// `[[allow]]`, `[[deny]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) issuer: String,
    pub(super) sub: String,
}

impl From<Typ> for token::Typ {
    fn from(typ: Typ) -> Self {
        match typ {
            Typ::AtJwt => Self::AtJwt,
            Typ::Jwt => Self::Jwt,
        }
    }
}
