//! Looks at remote servers, and says what it saw.
//!
//! It lists and never calls a tool. A look walks every list; a change is believed when a second walk
//! sees it too. What everybody may see becomes a signed observation with the surface as an object;
//! what was seen with lent credentials, or what a server calls private, stays in the tables of this
//! registry. Each address is resolved and checked first, and only checked ones are dialled.
//! Absent on purpose: how a server is asked, which the binary brings ([`Capture`]).

pub mod discovery;
pub mod proofs;
pub mod target;
pub mod views;

pub(crate) mod court;

mod look;
mod memory;
mod probe;
mod schedule;

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderMap;
use seal::statement::Finding;
use serde::{Deserialize, Serialize};
use surface::{Digest, Digests};
use url::Url;

use self::court::{Court, Witness};
pub use self::look::{is_public, observed};
use crate::Service;
use crate::net::{self, Client};
use crate::service::ServiceError;

/// How a server is asked for its surface. The binary implements it with the guard's capture.
#[async_trait]
pub trait Capture: Send + Sync {
    /// Asks the server at `endpoint`, dialling only `addresses`, which were checked.
    ///
    /// # Errors
    /// Anything short of a whole surface, by outcome.
    async fn capture(&self, request: &CaptureRequest) -> Result<Captured, CaptureFailure>;
}

/// What to ask.
#[derive(Debug, Clone)]
pub struct CaptureRequest {
    /// The URL.
    pub endpoint: Url,
    /// The addresses that may be dialled.
    pub addresses: Vec<SocketAddr>,
    /// The `clientInfo` to show: name and version.
    pub client: (String, String),
    /// Headers, such as credentials lent for this origin; never shown or logged.
    pub headers: HeaderMap,
}

/// What a server showed.
#[derive(Debug, Clone)]
pub struct Captured {
    /// The surface.
    pub observation: surface::Observation,
    /// The protocol version that was spoken.
    pub protocol_version: String,
}

/// Why there is no surface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureFailure {
    /// `auth-required`, `mcp-error`, `not-mcp`, `tls-error`, `unreachable`, `refused-by-policy`.
    pub outcome: &'static str,
    /// One sentence.
    pub says: String,
    /// `WWW-Authenticate`, where the server sent one.
    pub challenge: Option<String>,
}

/// The section `[monitor]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What this vantage is called in observations.
    #[serde(default = "vantage")]
    pub vantage: String,
    /// Whether the remotes of all listed servers are looked at, not only those named here.
    #[serde(default)]
    pub follows_listed: bool,
    /// As whom servers are asked, each `name/version`: with several, cloaking shows.
    #[serde(default = "clients")]
    pub clients: Vec<String>,
    /// Servers that are named here.
    #[serde(default, rename = "server")]
    pub servers: Vec<Named>,
    /// Addresses, each with a port, that may be dialled although they are private, and without TLS.
    #[serde(default)]
    pub exceptions: Vec<SocketAddr>,
}

/// A server that the configuration names: a section `[[monitor.server]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its name in the registry.
    pub name: String,
    /// Where it is.
    #[serde(deserialize_with = "net::url_of_text")]
    pub endpoint: Url,
    /// Credentials that are lent for it.
    #[serde(default)]
    pub credentials: Option<Credentials>,
}

/// Credentials, bound to the origin of the endpoint and to an issuer. They are not used once the server
/// names other authorization servers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The environment variable with the value of `Authorization`. It is read for each look.
    pub variable: String,
    /// Who issued them.
    pub issuer: String,
    /// The scopes that they have.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// One thing to look at: an endpoint, as one class of client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The server.
    pub server: String,
    /// Where.
    pub endpoint: Url,
    /// With what.
    pub credentials: Option<Credentials>,
}

/// What a look saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// `surface`, or why there is none.
    pub outcome: String,
    /// One sentence, where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub says: String,
    /// Its digests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digests: Option<Digests>,
    /// What changed since this observer's last look, the most important first.
    pub changes: Vec<Finding>,
    /// Where it was stated; `None` where nothing was new, or it stays here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
}

/// A look that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Looked {
    /// Where.
    pub endpoint: String,
    /// In which authorization class.
    pub authorization: String,
    /// As whom.
    pub client: String,
    /// What was seen.
    #[serde(flatten)]
    pub seen: Seen,
}

/// Looks at servers.
pub struct Monitor {
    service: Service,
    client: Client,
    capture: Arc<dyn Capture>,
    config: Config,
}

impl Monitor {
    /// A monitor that resolves through `client`, whose rules have the exceptions of `config`.
    pub fn new(
        service: Service,
        client: Client,
        capture: Arc<dyn Capture>,
        config: Config,
    ) -> Self {
        Self { service, client, capture, config }
    }

    /// Looks once, as `client` (`name/version`), states what is new, and judges whether the server
    /// shows one thing to all.
    ///
    /// # Errors
    /// A log or tables that fail. A server that does is an outcome.
    pub async fn look(&self, target: &Target, client: &str) -> Result<Seen, MonitorError> {
        let seen = look::look(self, target, client).await?;
        if target.credentials.is_none() {
            self.court(target).judge().await?;
        }
        Ok(seen)
    }

    /// Asks back to back as two clients in random order, until they alternated often enough for a
    /// verdict.
    ///
    /// # Errors
    /// A log or tables that fail.
    pub async fn probe(
        &self,
        target: &Target,
        clients: [&str; 2],
    ) -> Result<probe::Probe, MonitorError> {
        probe::probe(self, target, clients).await
    }

    /// Who judges what a target showed.
    fn court<'c>(&'c self, target: &'c Target) -> Court<'c> {
        Court {
            service: &self.service,
            server: &target.server,
            endpoint: net::shown(&target.endpoint),
            vantage: Some(&self.config.vantage),
        }
    }

    /// Who this observer is as a client.
    fn witness(&self, client: &str) -> Witness {
        let (observer, vantage) = (self.observer(), self.config.vantage.clone());
        Witness { observer, vantage, client: client.to_owned() }
    }

    /// The key under which this observer's looks are known.
    fn observer(&self) -> String {
        let key = self.service.keys().first();
        key.map(|key| key.public().id().0.to_string()).unwrap_or_default()
    }

    /// Looks on schedule, for as long as it is polled.
    pub async fn run(&self) {
        schedule::run(self).await;
    }
}

impl Target {
    /// The authorization class: `anonymous`, or the digest of issuer and scopes.
    pub fn class(&self) -> String {
        let Some(credentials) = &self.credentials else { return "anonymous".to_owned() };
        let mut scopes = credentials.scopes.clone();
        scopes.sort();
        let class = serde_json::json!({ "issuer": credentials.issuer, "scopes": scopes });
        Digest::of(&class).to_string()
    }
}

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MonitorError {
    /// A statement was not taken.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The tables failed.
    #[error("{action}")]
    Database {
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: sqlx::Error,
    },
}

/// The code of [`MonitorError`] beside those of the service, with its sentence.
pub const CODES: &[(&str, &str)] = &[("monitor.database", "The tables of the monitor failed.")];

impl MonitorError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Service(error) => error.code(),
            Self::Database { .. } => "monitor.database",
        }
    }

    pub(crate) fn database(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { action, source }
    }
}

fn vantage() -> String {
    "default".to_owned()
}

fn clients() -> Vec<String> {
    vec![concat!("countersign/", env!("CARGO_PKG_VERSION")).to_owned()]
}

#[cfg(test)]
mod tests;
