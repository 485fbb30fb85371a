//! The configuration of the service: one TOML file, and the files that it names. Read and checked
//! whole before anything listens; what is wrong is said with its place and the fix.

mod asked;
mod domains;
mod edges;
pub(crate) mod files;
mod protection;
mod raw;
mod rules;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use self::asked::Asked;
pub use self::domains::{Domains, Poll};
pub use self::edges::EdgesFile;
use super::keys::Keys;
use crate::edge::Edges;
use crate::exchange::engine::Engine;
use crate::exchange::{Client, Names};
use crate::net::Pinned;
use crate::resource::Terminator;
use crate::token::{Issuer, Nonces, Secret};

/// What a service is told.
#[derive(Debug)]
pub struct Config {
    /// Who it is: compared byte for byte by others.
    pub issuer: String,
    /// What it signs with, and what it still publishes.
    pub keys: Keys,
    /// Whose access tokens may be exchanged, beside its own.
    pub trusted: Vec<Trusted>,
    /// The declared permissions.
    pub edges: Edges,
    /// Where they are, and what they have to fit.
    pub edges_file: EdgesFile,
    /// Who may ask.
    pub clients: Vec<Client>,
    /// Where grants are kept: `sqlite:PATH`, or `postgres://…`.
    pub grants: String,
    /// How subjects are called in its tokens.
    pub names: Names,
    /// Where decisions are recorded, a line of JSON each.
    pub records: PathBuf,
    /// Whether a presenter's proof has to have a nonce.
    pub needs_nonce: bool,
    /// The nonces that it shares with the guards of its domain.
    pub nonces: Nonces,
    /// How long things last.
    pub lifetimes: Lifetimes,
    /// Other domains.
    pub others: Domains,
    /// Addresses that may be asked for keys although they are private, and without TLS.
    pub exceptions: Vec<SocketAddr>,
    /// What decides in the end.
    pub policy: Engine,
    /// Who tells the certificates of clients.
    pub terminator: Option<Terminator>,
    /// The key of the decision endpoint; nothing without one.
    pub authzen_key: Option<Secret>,
    /// The key of whoever may know which grants ended; nothing without one.
    pub ended_key: Option<Secret>,
    /// The SHA-256 of the file, `sha256:…`.
    pub digest: String,
}

/// An issuer whose tokens may be exchanged.
#[derive(Debug)]
pub struct Trusted {
    /// What its tokens are verified by.
    pub issuer: Issuer,
    /// The same keys, and where they come from.
    pub pinned: Pinned,
    /// Where its opaque tokens are looked up, if it has some.
    pub asked: Option<Asked>,
}

/// How long things last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// A hop token at most, in seconds.
    pub token_s: u64,
    /// How many actors there may be behind the presenter of a new grant.
    pub depth_max: u8,
}

impl Config {
    /// Reads and checks a configuration. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and the fix.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = files::text(path, crate::limits::CONFIG_BYTES_MAX)
            .map_err(|error| error.at(path.display()))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let raw = raw::parse(&text).map_err(|error| error.at(path.display()))?;
        rules::check(raw, folder, &text).map_err(|error| error.at(path.display()))
    }
}

/// Whether a service can have this issuer.
///
/// # Errors
/// What is wrong with it.
pub fn issuer(issuer: &str) -> Result<(), ConfigError> {
    rules::own_issuer(issuer).map(drop)
}

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct ConfigError {
    /// Where: the file, and in it the member, counted from 1 where it is in a list.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl ConfigError {
    pub(crate) fn new(
        place: impl Into<String>,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { place: place.into(), what: what.into(), fix: fix.into() }
    }

    pub(crate) fn at(mut self, file: impl std::fmt::Display) -> Self {
        self.place = if self.place.is_empty() {
            file.to_string()
        } else {
            format!("{file}, {}", self.place)
        };
        self
    }
}

#[cfg(test)]
mod tests;
