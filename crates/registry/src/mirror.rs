//! Follows upstream registries: what they list, and what they quietly change.
//!
//! A mirror *observes*: each entry that is new, or other than it was stated, becomes an observation
//! with its digest, its bytes as an object, and the findings that say what changed. A walk of what is
//! recent asks from the newest `updatedAt` that was *received*, less an overlap; a full sweep is the
//! only way to see what vanished, and what was edited without moving `updatedAt`. The first sweep
//! never alerts.
//! Absent on purpose: admission. What an upstream lists is countersigned by nobody here.

pub mod compare;
pub mod page;

mod judge;
mod ledger;
mod manners;
mod sync;
mod walk;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::net::{Client, NetError};
use crate::service::ServiceError;
use crate::{Service, limits, net};

/// One upstream: a section `[[mirror]]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where its `/v0.1` is: `https://registry.modelcontextprotocol.io`.
    #[serde(deserialize_with = "net::url_of_text")]
    pub url: Url,
    /// How often what is recent is asked for.
    #[serde(default = "poll_minutes")]
    pub poll_minutes: u32,
    /// How often everything is.
    #[serde(default = "sweep_hours")]
    pub sweep_hours: u32,
    /// How many requests are sent in a second at most.
    #[serde(default = "requests_per_second")]
    pub requests_per_second: u32,
    /// Addresses, each with a port, that may be dialled although they are private, and without TLS.
    #[serde(default)]
    pub exceptions: Vec<SocketAddr>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// What changed since the last walk. The first walk is of everything.
    Recent,
    /// Everything, deleted entries included.
    Everything,
}

/// A mirror of one upstream.
pub struct Mirror {
    service: Service,
    config: Config,
    /// The upstream's name in statements and tables.
    name: String,
    /// The `_meta` key that only we may write.
    own_key: String,
    asker: manners::Asker,
    upstream: walk::Upstream,
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What was asked for.
    pub scope: Scope,
    /// Pages that were read, and of those how many were as before (304).
    pub pages: u64,
    /// See [`Report::pages`].
    pub pages_unchanged: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Statements that were made.
    pub stated: u64,
    /// Statements by the codes of what they found.
    pub findings: BTreeMap<String, u64>,
}

impl Mirror {
    /// A mirror that asks through `client`, whose rules have the exceptions of `config`.
    pub fn new(service: Service, client: Client, config: Config) -> Self {
        let name = net::shown(&config.url).trim_end_matches('/').to_owned();
        let own_key = format!("{}/countersign", service.operator());
        let asker = manners::Asker::new(client, config.requests_per_second);
        let upstream = walk::Upstream::new(&config.url);
        Self { service, config, name, own_key, asker, upstream }
    }

    /// Walks once: what is recent, or everything. A walk that was interrupted goes on where it was.
    ///
    /// # Errors
    /// An upstream that fails or lies, or a log that takes nothing. What was stated until then
    /// stands, and the next walk goes on.
    pub async fn sync(&self, scope: Scope) -> Result<Report, MirrorError> {
        sync::sync(self, scope).await
    }

    /// Walks on schedule, for as long as it is polled.
    pub async fn run(&self) {
        let (poll_minutes, upstream) = (self.config.poll_minutes.max(1), self.name.as_str());
        loop {
            let scope = self.due().await;
            match self.sync(scope).await {
                Ok(report) => {
                    let Report { pages, rows, stated, .. } = report;
                    tracing::info!(upstream, ?scope, pages, rows, stated, "mirrored an upstream");
                }
                Err(error) => {
                    let code = error.code();
                    tracing::warn!(upstream, ?scope, code, %error, "mirroring an upstream failed");
                }
            }
            tokio::time::sleep(Duration::from_mins(poll_minutes.into())).await;
        }
    }

    /// Whether a full sweep is due.
    async fn due(&self) -> Scope {
        let ledger = ledger::Ledger::new(self.service.database().clone(), self.name.clone());
        let Ok(progress) = ledger.progress().await else { return Scope::Recent };
        let age_us = now_us(&self.service).saturating_sub(progress.swept_us);
        let is_due = age_us >= i64::from(self.config.sweep_hours.max(1)) * HOUR_US;
        if is_due { Scope::Everything } else { Scope::Recent }
    }
}

/// Why a walk did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// The upstream was not reached, or its answer not taken.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The upstream answers with a status that is no answer.
    #[error("the upstream answers {status}")]
    Status {
        /// The status.
        status: u16,
        /// How long the upstream wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// A page is none.
    #[error("a page of the upstream cannot be read")]
    Page(#[source] page::PageError),
    /// A cursor came again.
    #[error("a cursor of the upstream leads back to a page that was read")]
    CursorLoop,
    /// A page without rows leads on.
    #[error("an empty page of the upstream leads to another")]
    EmptyPage,
    /// The pages do not end.
    #[error("the upstream has more than {} pages", limits::PAGES_MAX)]
    TooManyPages,
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
    /// The runtime is shutting down.
    #[error("the walk was stopped")]
    Stopped,
}

/// The codes of [`MirrorError`] beside those of the client and the service, each with its sentence.
pub const CODES: &[(&str, &str)] = &[
    ("mirror.status", "The upstream answers with a status that is no answer."),
    ("mirror.rate-limited", "The upstream wants to be left alone for longer than a walk waits."),
    ("mirror.page", "A page is not JSON, has no rows, or too many of them."),
    ("mirror.cursor-loop", "A cursor leads back to a page that was read."),
    ("mirror.empty-page", "A page without rows leads to another."),
    ("mirror.too-many-pages", "The pages do not end."),
    ("mirror.database", "The tables of the mirror failed."),
    ("mirror.stopped", "The walk was stopped and goes on later."),
];

impl MirrorError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Net(error) => error.code(),
            Self::Status { status: 429, .. } | Self::Status { retry_after: Some(_), .. } => {
                "mirror.rate-limited"
            }
            Self::Status { .. } => "mirror.status",
            Self::Page(_) => "mirror.page",
            Self::CursorLoop => "mirror.cursor-loop",
            Self::EmptyPage => "mirror.empty-page",
            Self::TooManyPages => "mirror.too-many-pages",
            Self::Service(error) => error.code(),
            Self::Database { .. } => "mirror.database",
            Self::Stopped => "mirror.stopped",
        }
    }

    /// Whether the same request may be answered another time, so that the walk goes on there.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Net(error) => error.is_transient(),
            Self::Status { status, retry_after } => {
                retry_after.is_some() || matches!(status, 408 | 425 | 429 | 500..=599)
            }
            Self::Service(_) | Self::Database { .. } | Self::Stopped => true,
            Self::Page(_) | Self::CursorLoop | Self::EmptyPage | Self::TooManyPages => false,
        }
    }

    pub(crate) fn database(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { action, source }
    }
}

fn now_us(service: &Service) -> i64 {
    i64::try_from(service.now_s()).unwrap_or(i64::MAX / 1_000_000).saturating_mul(1_000_000)
}

const fn poll_minutes() -> u32 {
    60
}

const fn sweep_hours() -> u32 {
    24
}

const fn requests_per_second() -> u32 {
    2
}

const HOUR_US: i64 = 3_600_000_000;

#[cfg(test)]
mod tests;
