//! Grants that ended before their time (G11): what the token service of the domain tells, asked for
//! again and again and kept in memory, so that a call is checked without asking anybody.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use url::Url;
use wire::{Document, Policy};

use crate::limits;
use crate::net::{Client, Request};
use crate::token::{Access, Secret, Subject, TokenHash};

/// What ended, as far as it is known here.
pub struct Ended {
    url: Url,
    key: Secret,
    client: Client,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    /// When it was asked last with success, in seconds since 1970; 0 for never.
    asked_s: u64,
    /// How far back the next question reaches, by the service's clock.
    since_s: u64,
    /// Until when the grants are remembered: by name, and by the token that founded them.
    grants: HashMap<String, u64>,
    roots: HashMap<TokenHash, u64>,
    /// Tokens of a subject that were issued then, or before, are dead.
    epochs: HashMap<Subject, u64>,
}

/// Why a token's grant does not carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndedError {
    /// It ended.
    #[error("the grant of the token ended")]
    Dead,
    /// Nobody can say.
    #[error("it cannot be known now which grants ended")]
    Unknown,
}

impl Ended {
    /// As the token service tells at `url` to whoever has `key`.
    pub fn new(url: Url, key: Secret, client: Client) -> Self {
        Self { url, key, client, known: RwLock::default() }
    }

    /// Checks that nothing ended the grant of a token.
    pub(super) fn check(&self, access: &Access, now_s: u64) -> Result<(), EndedError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if now_s > known.asked_s.saturating_add(limits::ENDED_AGE_S_MAX) {
            return Err(EndedError::Unknown);
        }
        let is_ended = access.txn.as_ref().is_some_and(|txn| known.grants.contains_key(txn))
            || known.roots.contains_key(&access.hash);
        // A token of ours is as old as its grant, whose end is told by name.
        let is_before_epoch = access.txn.is_none()
            && known.epochs.get(&access.subject).is_some_and(|epoch| *epoch >= access.issued_s);
        if is_ended || is_before_epoch { Err(EndedError::Dead) } else { Ok(()) }
    }

    /// Asks what ended since the last time.
    ///
    /// # Errors
    /// Why that is not known now, for people.
    pub(super) async fn ask(&self, now_s: u64) -> Result<(), String> {
        loop {
            let page = self.page().await;
            let page = page.map_err(|why| format!("which grants ended cannot be asked: {why}"))?;
            if self.learn(page, now_s)? {
                return Ok(());
            }
        }
    }

    pub(super) async fn follow(self: Arc<Self>, now_s: fn() -> u64) {
        let mut is_known = true;
        loop {
            let asked = self.ask(now_s()).await;
            if let Err(why) = asked.as_ref().map_err(String::as_str)
                && is_known
            {
                tracing::warn!(why, "it is not known which grants ended");
            }
            is_known = asked.is_ok();
            tokio::time::sleep(limits::ENDED_PAUSE).await;
        }
    }

    async fn page(&self) -> Result<Page, String> {
        let since_s = self.known.read().unwrap_or_else(PoisonError::into_inner).since_s;
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("since", &since_s.to_string());
        let value = Secret::from(format!("Bearer {}", self.key.expose()));
        let mut value = HeaderValue::from_str(value.expose()).map_err(|error| error.to_string())?;
        value.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        let request = Request {
            headers,
            bytes_max: limits::ENDED_BYTES_MAX,
            time_max: limits::ISSUER_TIME_MAX,
            ..Request::get(url)
        };
        let answer = self.client.send(request).await.map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            return Err(format!("it answers {}", answer.status));
        }
        let page = Page::parse(&answer.body).ok_or("its answer is not what it has to be")?;
        if page.next_s.is_some_and(|next_s| next_s <= since_s) {
            return Err("its answer does not go on".to_owned());
        }
        Ok(page)
    }

    /// Remembers a page. Whether it was the last.
    fn learn(&self, page: Page, now_s: u64) -> Result<bool, String> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for (txn, root, until_s) in page.grants {
            known.grants.insert(txn, until_s);
            known.roots.insert(TokenHash(root), until_s);
        }
        for (subject, epoch_s) in page.epochs {
            let epoch = known.epochs.entry(subject).or_default();
            *epoch = epoch_s.max(*epoch);
        }
        let over_s = now_s.saturating_sub(limits::GRANT_MEMORY_S);
        known.grants.retain(|_, until_s| *until_s >= over_s);
        known.roots.retain(|_, until_s| *until_s >= over_s);
        if known.grants.len().saturating_add(known.epochs.len()) > limits::ENDED_KEPT_MAX {
            known.asked_s = 0;
            return Err("more grants ended than can be remembered".to_owned());
        }
        let Some(next_s) = page.next_s else {
            known.since_s = page.now_s.saturating_sub(limits::ENDED_OVERLAP_S);
            known.asked_s = now_s;
            return Ok(true);
        };
        known.since_s = next_s;
        Ok(false)
    }
}

/// What is told at once.
struct Page {
    now_s: u64,
    /// From when on to ask again, if there is more.
    next_s: Option<u64>,
    grants: Vec<(String, String, u64)>,
    epochs: Vec<(Subject, u64)>,
}

impl Page {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let policy = Policy { bytes_max: limits::ENDED_BYTES_MAX, ..Policy::default() };
        let document = Document::parse(bytes, &policy).ok()?;
        let value = surface::json::exact(document.root()).ok()?;
        let list = |name: &str| value.get(name).and_then(Value::as_array);
        let text = |entry: &Value, name: &str| {
            let text = entry.get(name).and_then(Value::as_str)?;
            (text.len() <= limits::NAME_BYTES_MAX).then(|| text.to_owned())
        };
        let grant = |entry: &Value| {
            Some((text(entry, "txn")?, text(entry, "root")?, entry.get("exp")?.as_u64()?))
        };
        let epoch = |entry: &Value| {
            let subject = Subject { iss: text(entry, "iss")?, sub: text(entry, "sub")? };
            Some((subject, entry.get("epoch")?.as_u64()?))
        };
        let next_s = match value.get("next") {
            None => None,
            Some(next) => Some(next.as_u64()?),
        };
        let (grants, epochs) = (list("grants")?, list("epochs")?);
        if grants.len() > limits::ENDED_MAX || epochs.len() > limits::ENDED_MAX {
            return None;
        }
        Some(Self {
            now_s: value.get("now")?.as_u64()?,
            next_s,
            grants: grants.iter().map(grant).collect::<Option<_>>()?,
            epochs: epochs.iter().map(epoch).collect::<Option<_>>()?,
        })
    }
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}
