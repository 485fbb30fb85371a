//! Keys of issuers that are fetched (G3): at the start, once a minute, and when a token names one that
//! is not there. What was read last stands until something newer was read.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use url::Url;

use crate::limits;
use crate::sts::{Fetch, refresh};
use crate::token::KeySet;

/// Where an issuer's keys are.
pub struct Source {
    iss: String,
    url: Url,
    keys: Arc<watch::Sender<KeySet>>,
    fetch: Arc<dyn Fetch>,
    /// When they may be asked for again, in seconds since 1970.
    next_s: Mutex<u64>,
}

impl Source {
    /// Keys of `iss`, which `keys` holds once they were read.
    pub fn new(
        iss: String,
        url: Url,
        keys: Arc<watch::Sender<KeySet>>,
        fetch: Arc<dyn Fetch>,
    ) -> Self {
        Self { iss, url, keys, fetch, next_s: Mutex::new(0) }
    }

    /// Whose keys.
    pub fn issuer(&self) -> &str {
        &self.iss
    }

    /// Reads the keys again unless they were read lately. Of many who ask at once one asks the issuer;
    /// the others wait for its answer.
    ///
    /// # Errors
    /// Why they cannot be read, for people. The keys are then as they were.
    pub async fn renew(&self, now_s: u64) -> Result<(), String> {
        let mut next_s = self.next_s.lock().await;
        if *next_s > now_s {
            return Ok(());
        }
        let asked =
            tokio::time::timeout(limits::ISSUER_TIME_MAX, refresh::keys(&self.url, &*self.fetch));
        let read = asked.await.unwrap_or_else(|_| Err("it takes too long".to_owned()));
        let pause_s = if read.is_ok() { limits::KEYS_AGE_S } else { limits::KEYS_RETRY_S };
        *next_s = now_s.saturating_add(pause_s);
        let keys = read?;
        self.keys.send_if_modified(|old| {
            let is_new = *old != keys;
            *old = keys;
            is_new
        });
        Ok(())
    }

    async fn follow(self: Arc<Self>, now_s: fn() -> u64) {
        loop {
            let renewed = self.renew(now_s()).await;
            if let Err(why) = &renewed {
                tracing::warn!(issuer = self.iss, why, "an issuer's keys cannot be read");
            }
            let pause_s = if renewed.is_ok() { limits::KEYS_AGE_S } else { limits::KEYS_RETRY_S };
            tokio::time::sleep(std::time::Duration::from_secs(pause_s)).await;
        }
    }
}

/// Reads all keys, each from its issuer, and keeps them as they are there for as long as the tasks run.
/// Gives what cannot be read now.
pub(super) async fn start(
    sources: &[Arc<Source>],
    now_s: fn() -> u64,
    tasks: &mut JoinSet<()>,
) -> Vec<String> {
    let mut first = JoinSet::new();
    for source in sources {
        let source = Arc::clone(source);
        first.spawn(async move {
            let failed = source.renew(now_s()).await.err()?;
            Some(format!("the keys of {} cannot be read: {failed}", source.iss))
        });
    }
    let failed = first.join_all().await;
    for source in sources {
        tasks.spawn(Arc::clone(source).follow(now_s));
    }
    failed.into_iter().flatten().collect()
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("iss", &self.iss).finish_non_exhaustive()
    }
}
