//! What a guard says in a log of what it was shown, where its owner asked for that.
//!
//! Only what the server shows to clients without credentials, and calls public where it can, under a
//! name that a registry has. The guard's calls never wait: what is seen goes into a short queue, is
//! signed on another thread, and sent beside them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use guard::{Observer, Seen, Target};
use registry::monitor::{self, Captured};
use seal::statement::{Observation, Observed};
use seal::{Envelope, Predicate, PrivateKey, Statement};
use surface::{Digest, Surface};
use tokio::sync::mpsc;
use url::Url;

use crate::args;
use crate::command::log::{Registry, STATEMENTS, body};
use crate::command::{Desk, statement};
use crate::failure::{Exit, Failure};
use crate::log::evidence::Named;
use crate::log::now_s;
use crate::output::{Output, safe};

/// The observer of one guarded server.
pub(super) struct Testimony {
    queue: mpsc::Sender<Seen>,
    /// What was seen lately, the newest last.
    sights: Mutex<VecDeque<Sight>>,
}

/// A surface that was seen.
struct Sight {
    surface: Arc<Surface>,
    /// When it was queued last, if it was.
    queued: Option<Instant>,
}

/// Who says it, of what.
struct Voice {
    key: PrivateKey,
    server: String,
    endpoint: Url,
}

/// What was said lately, so that nothing is said too often.
#[derive(Default)]
struct Said {
    /// Oldest first.
    list: VecDeque<(Digest, Instant)>,
}

impl Testimony {
    /// An observer of what `target` shows, which is published as `named`.
    ///
    /// # Errors
    /// A key that cannot be read; a log that is no registry's; a server that runs here, or is asked with
    /// something that is its owner's alone.
    pub(super) fn start(
        desk: &Desk,
        arguments: &args::Guard,
        target: &Target,
        key: &std::path::Path,
        named: Option<Named>,
    ) -> Result<Arc<Self>, Failure> {
        let usage = |what: &str| Failure::usage(what).hint(HINT);
        let Target::Url(upstream) = target else {
            return Err(usage(
                "what a command shows here is this machine's affair: it is not observed",
            ));
        };
        let named = named.ok_or_else(|| usage("`--observe` needs a published name"))?;
        let log = arguments.published.log.as_deref().and_then(|log| log.strip_suffix("/log"));
        let registry = log.filter(|log| log.contains("://"));
        let registry = registry.ok_or_else(|| usage("`--observe` needs the log of a registry"))?;
        if !upstream.headers.is_empty() || upstream.url.query().is_some() {
            let what =
                "what is shown to your header or query may be for you alone: it is not observed";
            return Err(usage(what));
        }
        let endpoint = Url::parse(&upstream.url.to_string())
            .map_err(|error| usage("the upstream is no URL").because(error))?;
        if !endpoint.username().is_empty() || endpoint.password().is_some() {
            return Err(usage("what is shown to your password is not observed"));
        }
        let key = statement::key_file::load(desk.output, key, &arguments.passphrase)?;
        let voice = Voice { key, server: named.server, endpoint };
        let (queue, seen) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(speak(desk.output, Arc::new(voice), Registry::of(registry)?, seen));
        Ok(Arc::new(Self { queue, sights: Mutex::default() }))
    }
}

impl Observer for Testimony {
    fn saw(&self, seen: Seen) {
        let mut sights = self.sights.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |sight: &Sight| {
            Arc::ptr_eq(&sight.surface, &seen.surface) || sight.surface == seen.surface
        };
        let known = sights.iter().position(is_same).and_then(|at| sights.remove(at));
        // What differs from the pin is believed when a second listing shows it too: pages are not
        // consistent with each other.
        let is_believed = seen.is_approved || known.is_some();
        let queued = known.and_then(|sight| sight.queued);
        let is_due = is_believed && queued.is_none_or(|at| at.elapsed() >= AGAIN);
        let queued = if is_due { Some(Instant::now()) } else { queued };
        sights.push_back(Sight { surface: Arc::clone(&seen.surface), queued });
        if sights.len() > SIGHTS_MAX {
            sights.pop_front();
        }
        if is_due {
            // A queue that is full has enough to say.
            let _ = self.queue.try_send(seen);
        }
    }
}

/// Says what is seen, for as long as there is a guard.
async fn speak(
    output: Output,
    voice: Arc<Voice>,
    registry: Registry,
    mut seen: mpsc::Receiver<Seen>,
) {
    let mut said = Said::default();
    while let Some(seen) = seen.recv().await {
        let speaker = Arc::clone(&voice);
        // Digests and signatures take time that the calls on this thread shall not wait for.
        let prepared = tokio::task::spawn_blocking(move || speaker.statement(&seen)).await;
        let sent = match prepared {
            Ok(Ok(Some((digest, body)))) if said.may_say(digest) => send(&registry, body).await,
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(_)) | Err(_) => continue,
        };
        if let Err(failure) = sent {
            let code = failure.code.map(|code| format!(" [{code}]")).unwrap_or_default();
            let why = failure.to_string();
            let server = &voice.server;
            output.note(&format!(
                "what {server} shows is not in the log: {}{code}",
                safe::line(&why)
            ));
        }
    }
}

/// Sends a statement, again where nobody answered.
async fn send(registry: &Registry, body: Vec<u8>) -> Result<(), Failure> {
    for pause in PAUSES {
        match registry.post(STATEMENTS, None, body.clone()).await {
            Err(failure) if failure.exit == Exit::Failure => tokio::time::sleep(pause).await,
            answered => return answered.map(drop),
        }
    }
    registry.post(STATEMENTS, None, body).await.map(drop)
}

impl Voice {
    /// The exact digest of what everybody may see, and the body that submits it; `None` of what the
    /// server calls private.
    fn statement(&self, seen: &Seen) -> Result<Option<(Digest, Vec<u8>)>, Failure> {
        let observation = seen.observation();
        if !monitor::is_public(&observation) {
            return Ok(None);
        }
        let protocol_version = crate::lock::protocol_version(&observation.surface);
        let captured = Captured { observation, protocol_version };
        let (of, surface) = monitor::observed(&self.endpoint, &captured, "anonymous".to_owned());
        let Observed::Surface { surface: Some(claim), .. } = &of else { return Ok(None) };
        let digest = claim.digests.exact;
        // Which client asked, and from where, is nobody's business.
        let it = Observation { of, changes: Vec::new(), vantage: None, client: None };
        let statement = Statement {
            server: self.server.clone(),
            time: seal::time::format(now_s()).unwrap_or_default(),
            previous: None,
            predicate: Predicate::Observation(it),
        };
        let envelope = Envelope::sign(statement, &[&self.key])
            .map_err(|error| Failure::new("signing an observation").because(error))?;
        let keys = [self.key.public().clone()];
        Ok(Some((digest, body(&envelope, &keys, Some(&surface)))))
    }
}

impl Said {
    /// Whether it may be said now: not what was said lately, and not too much.
    fn may_say(&mut self, digest: Digest) -> bool {
        let now = Instant::now();
        let is_old = |at: &Instant, age: Duration| now.duration_since(*at) >= age;
        while self.list.front().is_some_and(|(_, at)| is_old(at, AGAIN_SAME)) {
            self.list.pop_front();
        }
        let last = self.list.iter().rev().find(|(said, _)| *said == digest);
        let is_newest = self.list.back().is_some_and(|(said, _)| *said == digest);
        let again = if is_newest { AGAIN_SAME } else { AGAIN };
        let lately = self.list.iter().filter(|(_, at)| !is_old(at, HOUR)).count();
        if last.is_some_and(|(_, at)| !is_old(at, again)) || lately >= SAID_PER_HOUR_MAX {
            return false;
        }
        self.list.push_back((digest, now));
        true
    }
}

const HINT: &str = "`--observe KEY --log https://registry.example/log --trust FILE`, and a pin that \
                    records what the server is published as, or `--as NAME`";

/// Surfaces that are remembered: what a server with several faces shows in turn.
const SIGHTS_MAX: usize = 4;

/// What waits to be said. A guard sees a whole listing once in a while.
const QUEUE_MAX: usize = 4;

/// How long to wait before each time a registry is asked again that did not answer.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_mins(1)];

/// How soon the newest surface is said again: as a monitor looks where a server says nothing.
const AGAIN_SAME: Duration = Duration::from_hours(6);

/// How soon a surface is said again when another was shown since.
const AGAIN: Duration = Duration::from_mins(15);

/// Statements in an hour: a server that shows each time another surface fills no log.
const SAID_PER_HOUR_MAX: usize = 8;
const HOUR: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use surface::{CacheScope, Era};

    use super::*;

    #[test]
    fn what_differs_from_the_pin_is_believed_when_it_is_seen_again() {
        let (queue, mut queued) = mpsc::channel(QUEUE_MAX);
        let testimony = Testimony { queue, sights: Mutex::default() };
        let mut saw = |text: &str, is_approved: bool| {
            let mut surface = Surface::empty(Era::Modern);
            surface.items.insert("tools/read".parse().unwrap(), text.into());
            let cache_scope = CacheScope::Public;
            let surface = Arc::new(surface);
            testimony.saw(Seen { surface, is_approved, cache_scope, ttl: None });
            queued.try_recv().is_ok()
        };
        assert!(saw("approved", true));
        assert!(!saw("approved", true), "once is enough");
        assert!(!saw("torn", false));
        assert!(!saw("drifted", false));
        // Others in between make no difference.
        assert!(!saw("approved", true));
        assert!(saw("drifted", false));
        assert!(!saw("drifted", false));
        // What was seen long ago is seen for the first time.
        for text in ["a", "b", "c", "d", "torn"] {
            assert!(!saw(text, false), "{text}");
        }
    }

    #[test]
    fn nothing_is_said_twice_lately_and_no_more_than_so_much() {
        let digest = |number: usize| Digest::of_bytes(&number.to_be_bytes());
        let mut said = Said::default();
        assert!(said.may_say(digest(0)));
        assert!(!said.may_say(digest(0)));
        assert!(said.may_say(digest(1)));
        assert!(!said.may_say(digest(0)), "it was said lately, whatever came between");
        for number in 2..SAID_PER_HOUR_MAX {
            assert!(said.may_say(digest(number)), "{number}");
        }
        assert!(!said.may_say(digest(SAID_PER_HOUR_MAX)), "one past the limit");
    }
}
