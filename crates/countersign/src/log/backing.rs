//! Whether a log backs a guarded server's pin: decided from memory, renewed in the background.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use guard::{Ground, Objection, Pin, Published};
use seal::Trust;
use seal::bundle::Verified;

use super::evidence::{self, Named, Source};
use super::reader::Reader;
use super::view::View;
use super::{limits, now_s};
use crate::codes;
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
    /// The checkpoint of the newest evidence that was taken, and what the log has to continue.
    seen: Mutex<Option<String>>,
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
        let backing =
            Self { named, trust, source, cache, word: Mutex::new(missing), seen: Mutex::default() };
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
        // INVARIANT: a revocation that was once proved is never forgotten for older evidence, nor a
        // fork for the next.
        let is_newer = match (&*word, &heard) {
            (Ok(known), Ok(heard)) => (heard.size, heard.time_s) >= (known.size, known.time_s),
            (Err(known), _) if matches!(known.ground, Ground::Revoked | Ground::Forked) => false,
            (Err(_), _) => true,
            (Ok(_), Err(objection)) => objection.ground == Ground::Revoked,
        };
        if is_newer {
            if heard.is_ok() {
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
                    evidence::checkpoint(bundle);
            }
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
        if let Source::Log(reader) = source
            && let Err(failure) = self.continues(reader, &bundle).await
        {
            self.refuse(&failure, &bundle);
            return Err(failure);
        }
        let is_taken = self.hear(&bundle);
        if let (true, Some(cache)) = (is_taken, &self.cache) {
            keep(cache, &bundle)
                .map_err(|error| Failure::new("keeping the evidence of the log").because(error))?;
        }
        Ok(())
    }

    /// Verifies that the log behind newer evidence continues the log behind what is known: a log that
    /// shows one guard two trees is caught even if all its witnesses help it.
    async fn continues(&self, reader: &Reader, bundle: &[u8]) -> Result<(), Failure> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (Some(old), Some(new)) = (seen, evidence::checkpoint(bundle)) else { return Ok(()) };
        let view = |note: &str| View::at(reader.clone(), note.as_bytes(), &self.trust);
        // What no trust root accepts is no evidence, and older evidence is not taken.
        let (Ok(old), Ok(new)) = (view(&old), view(&new)) else { return Ok(()) };
        if new.checkpoint().size < old.checkpoint().size {
            return Ok(());
        }
        let folder = self.cache.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
        new.follows(&old, folder).await
    }

    /// Takes from evidence that does not continue what is known no more than what speaks against the
    /// server, or against the log.
    fn refuse(&self, failure: &Failure, bundle: &[u8]) {
        if failure.code == Some(codes::LOG_FORKED) {
            let hint = failure.hint.as_deref().unwrap_or_default();
            let sentence = format!("{failure}: {hint}");
            let mut word = self.word.lock().unwrap_or_else(PoisonError::into_inner);
            if !matches!(&*word, Err(known) if known.ground == Ground::Revoked) {
                *word = Err(Objection { ground: Ground::Forked, sentence });
            }
        } else if evidence::judge(bundle, &self.named, &self.trust, now_s())
            .is_err_and(|objection| objection.ground == Ground::Revoked)
        {
            self.hear(bundle);
        }
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
