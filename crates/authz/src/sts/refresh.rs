//! Keys that are pinned by a URL: fetched at the start and again and again. A URL that fails leaves
//! the keys that were fetched last.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use url::Url;

use crate::limits;
use crate::net::{Client, Request};
use crate::token::KeySet;

/// Asks others: resolves once, refuses private addresses that nobody vouches for, bounds everything.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Asks, and reads the whole answer.
    ///
    /// # Errors
    /// What is refused, too long, too slow, or not answered.
    async fn fetch(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        bytes_max: usize,
    ) -> Result<Fetched, FetchError>;
}

#[async_trait]
impl Fetch for Client {
    async fn fetch(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        bytes_max: usize,
    ) -> Result<Fetched, FetchError> {
        let request = Request { method, headers, body, bytes_max, ..Request::get(url.clone()) };
        let answer = self.send(request).await.map_err(|error| FetchError(Box::new(error)))?;
        Ok(Fetched { status: answer.status, body: answer.body })
    }
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("asking another service")]
pub struct FetchError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Keys, and where they come from if no file pins them.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// The keys now.
    pub keys: Arc<watch::Sender<KeySet>>,
    /// Where they are fetched.
    pub url: Option<Url>,
}

/// Keeps keys as they are at their URL, for as long as the task runs.
pub(super) async fn follow(name: String, pinned: Pinned, fetch: Arc<dyn Fetch>) {
    let Some(url) = pinned.url else { return };
    let mut ticks = interval(limits::JWKS_REFRESH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match keys(&url, &*fetch).await {
            Ok(keys) => {
                let is_new = pinned.keys.send_if_modified(|old| {
                    let is_new = *old != keys;
                    *old = keys;
                    is_new
                });
                if is_new {
                    tracing::info!(issuer = name, "an issuer's keys changed");
                }
            }
            Err(why) => tracing::warn!(issuer = name, why, "an issuer's keys cannot be read"),
        }
    }
}

/// The keys at a URL.
///
/// # Errors
/// Why they cannot be read, for people.
pub(crate) async fn keys(url: &Url, fetch: &dyn Fetch) -> Result<KeySet, String> {
    let asked =
        fetch.fetch(Method::GET, url, HeaderMap::new(), Bytes::new(), limits::JWKS_BYTES_MAX);
    let answer = asked.await.map_err(|error| error.0.to_string())?;
    if answer.status != StatusCode::OK {
        return Err(format!("it answers {}", answer.status));
    }
    let keys = KeySet::parse(&answer.body).map_err(|error| error.to_string())?;
    if keys.0.is_empty() { Err("there is no key for signatures".to_owned()) } else { Ok(keys) }
}
