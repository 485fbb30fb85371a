//! Keys that are pinned by a URL: fetched at the start, now and then, and when a token names one that
//! nobody knows. A URL that fails leaves the keys that were fetched last.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;

use super::{Client, NetError, Request};
use crate::limits;
use crate::token::{Access, AccessError, Jwt, JwtError, KeyError, KeySet, Verifier};

/// Reads keys of what was fetched from a URL.
pub type Read = fn(&Url, &[u8]) -> Result<KeySet, KeysError>;

/// Keys, and where they come from if no file pins them. Clones share them.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// The keys now.
    pub keys: Arc<watch::Sender<KeySet>>,
    /// Where they are fetched.
    pub url: Option<Url>,
    /// What is there.
    read: Read,
    /// When they were last fetched because a token asked for it; held while they are.
    demanded: Arc<Mutex<Option<Instant>>>,
}

impl Pinned {
    /// Keys of a file: they change with it alone.
    pub fn by_file(keys: KeySet) -> Self {
        let keys = Arc::new(watch::Sender::new(keys));
        Self { keys, url: None, read: jwks, demanded: Arc::default() }
    }

    /// A JWKS at a URL; no keys until it is fetched.
    pub fn by_url(url: Url) -> Self {
        Self::by_document(url, jwks)
    }

    /// Keys in a document at a URL; none until it is fetched.
    pub fn by_document(url: Url, read: Read) -> Self {
        Self { url: Some(url), read, ..Self::by_file(KeySet::default()) }
    }

    /// Fetches them. Whether they changed; what fails leaves them as they are.
    ///
    /// # Errors
    /// No answer, or one that is no JWKS with a key for signatures.
    pub async fn fetch(&self, client: &Client) -> Result<bool, KeysError> {
        let Some(url) = &self.url else { return Ok(false) };
        let request = Request {
            bytes_max: limits::JWKS_BYTES_MAX,
            time_max: limits::JWKS_TIME_MAX,
            ..Request::get(url.clone())
        };
        let answer = client.send(request).await.map_err(KeysError::Net)?;
        if answer.status != StatusCode::OK {
            return Err(KeysError::Status(answer.status));
        }
        let keys = (self.read)(url, &answer.body)?;
        if keys.0.is_empty() {
            return Err(KeysError::None);
        }
        Ok(self.keys.send_if_modified(|old| {
            let is_new = *old != keys;
            *old = keys;
            is_new
        }))
    }

    /// Fetches them for a token, which is done once a minute: whoever makes up names of keys makes
    /// nobody ask more often. Those who come meanwhile wait for what is under way.
    async fn demand(&self, name: &str, client: &Client) {
        let mut demanded = self.demanded.lock().await;
        if demanded.is_none_or(|at| at.elapsed() >= limits::JWKS_GAP) {
            *demanded = Some(Instant::now());
            said(name, &self.fetch(client).await);
        }
    }

    /// Keeps them as they are at their URL, for as long as the task runs.
    async fn follow(self, name: String, client: Client) {
        loop {
            let fetched = self.fetch(&client).await;
            said(&name, &fetched);
            let wait = if fetched.is_ok() { limits::JWKS_REFRESH } else { limits::JWKS_RETRY };
            tokio::time::sleep(wait).await;
        }
    }
}

fn said(issuer: &str, fetched: &Result<bool, KeysError>) {
    match fetched {
        Ok(true) => tracing::info!(issuer, "an issuer's keys changed"),
        Ok(false) => {}
        Err(error) => tracing::warn!(issuer, "an issuer's keys cannot be read: {error}"),
    }
}

fn jwks(_: &Url, bytes: &[u8]) -> Result<KeySet, KeysError> {
    KeySet::parse(bytes).map_err(KeysError::Keys)
}

/// The keys of several issuers, each renewed from its URL. Clones share them.
#[derive(Clone)]
pub struct Renewals {
    client: Client,
    pinned: Arc<[(String, Pinned)]>,
}

impl Renewals {
    /// Of these issuers, each by its `iss`; one may have keys at several places.
    pub fn new(client: Client, pinned: Vec<(String, Pinned)>) -> Self {
        Self { client, pinned: pinned.into() }
    }

    /// Keeps all of them as they are at their URLs, for as long as the tasks run.
    pub fn follow(&self, tasks: &mut JoinSet<()>) {
        for (name, pinned) in self.fetched() {
            tasks.spawn(pinned.clone().follow(name.clone(), self.client.clone()));
        }
    }

    /// Verifies an access token; one that names a key that nobody knows a second time, with what its
    /// issuer publishes now (G3, X2).
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub async fn verify(
        &self,
        verifier: &Verifier,
        token: &str,
        now_s: u64,
    ) -> Result<Access, AccessError> {
        let refused = match verifier.verify(token, now_s) {
            Err(AccessError::Key(JwtError::UnknownKey)) => JwtError::UnknownKey,
            done => return done,
        };
        let jwt = Jwt::parse(token, limits::TOKEN_CHARS_MAX).map_err(AccessError::Malformed)?;
        if !self.renew(jwt.issuer_unverified().unwrap_or_default()).await {
            return Err(AccessError::Key(refused));
        }
        verifier.verify(token, now_s)
    }

    /// Fetches an issuer's keys, unless that was done for a token within a minute. Whether they come
    /// from a URL at all.
    pub async fn renew(&self, iss: &str) -> bool {
        let mut is_fetched = false;
        for (name, pinned) in self.fetched().filter(|(name, _)| name == iss) {
            pinned.demand(name, &self.client).await;
            is_fetched = true;
        }
        is_fetched
    }

    fn fetched(&self) -> impl Iterator<Item = &(String, Pinned)> {
        self.pinned.iter().filter(|(_, pinned)| pinned.url.is_some())
    }
}

impl fmt::Debug for Renewals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewals").field("pinned", &self.pinned).finish_non_exhaustive()
    }
}

/// Why keys cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// No answer.
    #[error("{0}")]
    Net(#[source] NetError),
    /// Another answer than the document.
    #[error("it answers {0}")]
    Status(StatusCode),
    /// No JWKS.
    #[error("{0}")]
    Keys(#[source] KeyError),
    /// Another document than the one that belongs there.
    #[error("{0}")]
    Document(String),
    /// A JWKS without a key that counts.
    #[error("there is no key for signatures")]
    None,
}

#[cfg(test)]
mod tests;
