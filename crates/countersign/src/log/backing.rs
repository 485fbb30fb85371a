//! Whether a log backs a guarded server's pin: decided from memory, renewed in the background.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use guard::{Ground, Objection, Pin, Published};
use seal::Trust;
use seal::bundle::Verified;

use super::evidence::{self, Named, Source};
use super::{limits, now_s};
use crate::failure::Failure;

/// The word of a log on one server.
pub(crate) struct Backing {
    named: Named,
    trust: Trust,
    /// Where newer evidence is asked for; `None` for what is only kept.
    source: Option<Source>,
    /// Where the newest verified evidence is kept for the next start.
    cache: Option<PathBuf>,
    word: Mutex<Result<Verified, Objection>>,
}

impl Backing {
    /// The word of `kept` evidence, oldest first, until newer evidence comes from `source`.
    pub(crate) fn new(
        named: Named,
        trust: Trust,
        source: Option<Source>,
        cache: Option<PathBuf>,
        kept: Vec<Vec<u8>>,
    ) -> Self {
        let sentence = format!("There is no evidence yet that the log has {named}.");
        let missing = Err(Objection { ground: Ground::Missing, sentence });
        let backing = Self { named, trust, source, cache, word: Mutex::new(missing) };
        let cached = backing.cache.as_ref().and_then(|path| std::fs::read(path).ok());
        for bundle in kept.into_iter().chain(cached) {
            backing.hear(&bundle);
        }
        backing
    }

    /// What it is the word on.
    pub(crate) const fn named(&self) -> &Named {
        &self.named
    }

    /// Takes evidence in, unless what is known is newer. Says whether it was taken.
    fn hear(&self, bundle: &[u8]) -> bool {
        let heard = evidence::judge(bundle, &self.named, &self.trust, now_s());
        let mut word = self.word.lock().unwrap_or_else(PoisonError::into_inner);
        // INVARIANT: a revocation that was once proved is never forgotten for older evidence.
        let is_newer = match (&*word, &heard) {
            (Ok(known), Ok(heard)) => (heard.size, heard.time_s) >= (known.size, known.time_s),
            (Err(known), _) if known.ground == Ground::Revoked => false,
            (Err(_), _) => true,
            (Ok(_), Err(objection)) => objection.ground == Ground::Revoked,
        };
        if is_newer {
            *word = heard;
        }
        is_newer
    }

    /// Asks for newer evidence once.
    ///
    /// # Errors
    /// A source that cannot be read: what is known stands until it is stale.
    pub(crate) async fn renew(&self) -> Result<(), Failure> {
        let Some(source) = &self.source else { return Ok(()) };
        let bundle = source.bundle(&self.named).await?;
        let is_taken = self.hear(&bundle);
        if let (true, Some(cache)) = (is_taken, &self.cache) {
            keep(cache, &bundle)
                .map_err(|error| Failure::new("keeping the evidence of the log").because(error))?;
        }
        Ok(())
    }

    /// Renews in the background, for as long as somebody holds the backing.
    pub(crate) fn keep_renewed(self: &Arc<Self>) {
        let backing = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(limits::REFRESH_PAUSE).await;
                let Some(backing) = backing.upgrade() else { return };
                // What is known stands until it is stale; then every call is held, and says so.
                let _ = backing.renew().await;
            }
        });
    }
}

impl Published for Backing {
    fn objection(&self, pin: &Pin) -> Option<Objection> {
        let word = self.word.lock().unwrap_or_else(PoisonError::into_inner);
        let verified = match &*word {
            Ok(verified) => verified,
            Err(objection) => return Some(objection.clone()),
        };
        let named = &self.named;
        if let Some(time_s) = verified.time_s {
            let age_s = now_s().saturating_sub(time_s);
            if age_s > self.trust.freshness_s_max {
                let sentence = format!("The newest proof of {named} is {age_s} s old.");
                return Some(Objection { ground: Ground::Stale, sentence });
            }
        }
        match &verified.surface {
            Some(surface) if surface.semantic == pin.digests.semantic => None,
            Some(surface) => {
                let sentence =
                    format!("The log fixes {} for {named}, not what is pinned.", surface.exact);
                Some(Objection { ground: Ground::Differs, sentence })
            }
            None => {
                let sentence = format!("The log has {named} without a surface.");
                Some(Objection { ground: Ground::Missing, sentence })
            }
        }
    }
}

/// Writes beside and renames: a reader sees the old or the new.
fn keep(path: &std::path::Path, bundle: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&temporary, bundle)?;
    std::fs::rename(&temporary, path)
}
