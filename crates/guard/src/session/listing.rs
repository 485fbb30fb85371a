//! Listing the server for a session: when it must be, and once for all that wait.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use surface::{Digest, Era, List, Observation};

use super::{Asked, Session, unreadable};
use crate::capture::{Again, Ask, CaptureError, Scope};
use crate::channel::Channel;
use crate::event::{Occasion, Reason, Verdict};
use crate::gate::Standing;
use crate::gate::observer::Seen;
use crate::limits::{LISTING_AGE_FACTOR, LISTING_TIME_MAX, UNASKED_LISTING_PAUSE};

impl Session {
    /// Lists the server whenever its lists change, so that drift is reported without a call: as it
    /// was listed last, or as a legacy client that has opened the session. Never ends.
    pub(crate) async fn keep_listed(&self, channel: &impl Channel) {
        loop {
            self.list_changed.notified().await;
            if let Some(asked) = self.asked() {
                // What goes wrong was recorded; the next call meets it again.
                let _ = self.fresh(asked, None, channel).await;
            }
            tokio::time::sleep(UNASKED_LISTING_PAUSE).await;
        }
    }

    fn asked(&self) -> Option<Asked> {
        let state = self.lock();
        let legacy = || state.opening.as_ref().map(|_| Asked { era: Era::Legacy, meta: None });
        state.asked.clone().or_else(legacy)
    }

    /// Lists what is too old: everything, or one list.
    pub(super) async fn fresh(
        &self,
        asked: Asked,
        list: Option<List>,
        channel: &impl Channel,
    ) -> Result<Arc<Standing>, Reason> {
        let since = Instant::now();
        let _listing = self.listing.lock().await;
        if let Some((_, reason)) = self.lock().timed_out.as_ref().filter(|(at, _)| *at > since) {
            // Whoever waited as long as a listing may take waits for no other.
            return Err(reason.clone());
        }
        let (opening, known, wanted) = {
            let state = self.lock();
            let wanted = state.wanted(asked.era, list);
            (state.opening.clone(), state.standing.clone(), wanted)
        };
        let scope = match (known, wanted) {
            (Some(standing), None) => return Ok(standing),
            (Some(standing), Some(Scope::One(list))) => Some((standing, list)),
            _ => None,
        };
        let started = Instant::now();
        let doubts = self.lock().freshness.doubts();
        let listing = self.list(&asked, opening.as_ref(), scope.as_ref(), channel);
        let Ok(seen) = tokio::time::timeout(LISTING_TIME_MAX, listing).await else {
            let reason = self.unlisted(&CaptureError::TimedOut, started);
            self.lock().timed_out = Some((Instant::now(), reason.clone()));
            return Err(reason);
        };
        let seen = seen.map_err(|error| self.unlisted(&error, started))?;
        let ttl = seen.as_ref().and_then(|(observation, _)| observation.ttl);
        let is_of = scope.as_ref().map_or(Scope::Everything, |(_, list)| Scope::One(*list));
        let standing = match (seen, scope) {
            (Some((observation, page)), _) => {
                let (cache_scope, ttl) = (observation.cache_scope, observation.ttl);
                let standing = self.gate.stand(observation).map_err(|error| unreadable(&error))?;
                self.lock().read(&standing, is_of, page);
                // One list beside older ones may be a mixture that was never shown.
                if is_of == Scope::Everything && channel.is_anonymous() {
                    let surface = Arc::clone(&standing.observed);
                    let is_approved = standing.pin.is_some() && standing.changes().next().is_none();
                    self.gate.shown(|| Seen { surface, is_approved, cache_scope, ttl });
                }
                standing
            }
            (None, Some((known, _))) => known,
            (None, None) => return Err(self.unlisted(&CaptureError::NotOpened, started)),
        };
        let by_cost = self.gate.pace(started.elapsed() * LISTING_AGE_FACTOR);
        let mut state = self.lock();
        state.asked = Some(asked);
        state.freshness.listed(is_of, list, by_cost, ttl, doubts);
        Ok(standing)
    }

    /// Asks for everything, or for one list of what is known. `None` when the answer is, byte for
    /// byte, the one that is known.
    async fn list(
        &self,
        asked: &Asked,
        opening: Option<&Bytes>,
        scope: Option<&(Arc<Standing>, List)>,
        channel: &impl Channel,
    ) -> Result<Option<(Observation, Option<Digest>)>, CaptureError> {
        let Asked { era, meta } = asked.clone();
        let ask = Ask { channel, era, meta, doubts: || self.lock().freshness.doubts() };
        let Some((known, list)) = scope else {
            let opening = opening.filter(|_| era == Era::Legacy);
            return ask.observe(opening).await.map(|seen| Some((seen, None)));
        };
        let before = self.lock().pages.get(*list as usize).copied().flatten();
        Ok(match ask.observe_again(&known.observed, *list, before).await? {
            Again::Same => None,
            Again::Read(observation, page) => Some((observation, page)),
        })
    }

    fn unlisted(&self, error: &CaptureError, started: Instant) -> Reason {
        let reason = Reason::new(error.code(), sentence(error));
        self.gate.record(Occasion::Server, Verdict::Hold, std::slice::from_ref(&reason), started);
        reason
    }
}

/// An error and its causes as one sentence. What the server says with an error of its own is left
/// out: it would reach the model in our name, and may repeat a credential.
fn sentence(error: &CaptureError) -> String {
    let text = if let CaptureError::Answered { method, code, .. } = error {
        format!("{method} is answered with error {code}")
    } else {
        let error: &dyn std::error::Error = error;
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
    };
    format!("The server cannot be listed: {text}.")
}
