//! Decides: a pin and the newest observation to a verdict for each request.

pub mod observer;

mod standing;
pub(crate) mod view;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use drift::Severity;
use surface::{Kind, Observation, Place, Surface};
use wire::request::Subject;

use self::observer::{Observer, Seen};
pub(crate) use self::standing::{Standing, pinned_places};
use crate::event::{Event, Events, Occasion, Reason, Verdict};
use crate::limits;
use crate::pin::published::Published;
use crate::pin::{Pin, PinError, PinSource};

/// What happens to what drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Clients see the pinned surface, and nothing else.
    Fixed,
    /// Clients see what is live and unchanged; what drifted is withheld.
    Hold,
    /// Everything passes and is recorded.
    Observe,
}

/// How strictly to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stance {
    /// The mode.
    pub mode: Mode,
    /// From which severity a drifted item's calls are held.
    pub hold_at: Severity,
    /// Refuse, rather than forward and note, odd scalars in arguments and results.
    pub strict_payload: bool,
}

/// What every session of one guarded server shares.
pub struct Gate {
    pub(crate) alias: String,
    pub(crate) stance: Stance,
    pins: Arc<dyn PinSource>,
    /// The log that has to back the pin, if one has to.
    published: Option<Arc<dyn Published>>,
    /// Who is told of what nobody in particular is shown, if somebody is.
    observer: Option<Arc<dyn Observer>>,
    pub(crate) events: Events,
    /// The newest standing, so that sessions that see the same share one.
    newest: Mutex<Option<Arc<Standing>>>,
    /// Until when the listings of all sessions hold, one after the other.
    listed_until: Mutex<Option<Instant>>,
}

/// A verdict on one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision {
    pub(crate) verdict: Verdict,
    pub(crate) item: Place,
    pub(crate) reasons: Vec<Reason>,
}

impl Stance {
    /// The stance of a mode on its own: `notice` in fixed, where the client still reads the
    /// approved text; `info`, which is any drift, in hold.
    pub const fn of(mode: Mode) -> Self {
        let hold_at = match mode {
            Mode::Fixed => Severity::Notice,
            Mode::Hold | Mode::Observe => Severity::Info,
        };
        Self { mode, hold_at, strict_payload: false }
    }
}

impl Gate {
    /// A gate before the server `alias`.
    pub fn new(alias: String, stance: Stance, pins: Arc<dyn PinSource>, events: Events) -> Self {
        Self {
            alias,
            stance,
            pins,
            published: None,
            observer: None,
            events,
            newest: Mutex::default(),
            listed_until: Mutex::default(),
        }
    }

    /// The same gate, where only what a log backs counts as approved.
    #[must_use]
    pub fn backed_by(self, published: Arc<dyn Published>) -> Self {
        Self { published: Some(published), ..self }
    }

    /// The same gate, whose `observer` is told of what clients without credentials are shown.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Tells the observer of a whole listing that was made without credentials.
    pub(crate) fn shown(&self, seen: impl FnOnce() -> Seen) {
        if let Some(observer) = &self.observer {
            observer.saw(seen());
        }
    }

    /// Why the log does not back the pin, as a reason.
    pub(crate) fn objection(&self, pin: &Pin) -> Option<Reason> {
        let objection = self.published.as_ref()?.objection(pin)?;
        Some(Reason::new(objection.ground.code(), objection.sentence))
    }

    /// How long a listing holds whose own cost makes it hold for `by_cost`: longer when other
    /// sessions list too, so that all of them together pay what one alone would.
    pub(crate) fn pace(&self, by_cost: Duration) -> Duration {
        let now = Instant::now();
        let mut listed_until = self.listed_until.lock().unwrap_or_else(PoisonError::into_inner);
        let others = listed_until.map_or(Duration::ZERO, |until| until.duration_since(now));
        let holds_for = (others + by_cost).min(by_cost.max(limits::LISTING_SHARED_AGE_MAX));
        *listed_until = now.checked_add(holds_for);
        holds_for
    }

    /// What an observation means: where it stands against the pin. Pins it when nothing is pinned
    /// and the mode allows that.
    ///
    /// # Errors
    /// A store of pins that cannot be read or written.
    pub(crate) fn stand(&self, observation: Observation) -> Result<Arc<Standing>, PinError> {
        let pin = match self.pins.current()? {
            None if self.stance.mode != Mode::Fixed => Some(self.pin_first(&observation)?),
            pin => pin,
        };
        Ok(self.standing(pin, Arc::new(observation.surface)))
    }

    /// The same observation against the pin as it is now.
    ///
    /// # Errors
    /// A store of pins that cannot be read.
    pub(crate) fn restand(&self, standing: &Arc<Standing>) -> Result<Arc<Standing>, PinError> {
        let pin = self.pins.current()?;
        if standing.is_against(pin.as_ref()) {
            return Ok(Arc::clone(standing));
        }
        Ok(self.standing(pin, Arc::clone(&standing.observed)))
    }

    /// The pin as it is now.
    ///
    /// # Errors
    /// A store of pins that cannot be read.
    pub(crate) fn pin(&self) -> Result<Option<Arc<Pin>>, PinError> {
        self.pins.current()
    }

    /// What differs between part of a surface as pinned and as shown.
    pub(crate) fn compare(&self, pinned: &Surface, shown: &Surface) -> Vec<drift::Change> {
        drift::compare(pinned, shown, &self.pins.neighbours())
    }

    /// Whether a change withholds calls of its item.
    pub(crate) fn holds(&self, change: &drift::Change) -> bool {
        self.stance.mode != Mode::Observe && change.severity >= self.stance.hold_at
    }

    /// The verdict on a request that acts on `subject`.
    pub(crate) fn decide(&self, standing: &Standing, subject: &Subject<'_>) -> Decision {
        let item = standing.place_of(subject);
        let (drifted, holds) = self.judge(standing, &item);
        let verdict = match self.stance.mode {
            Mode::Fixed | Mode::Hold if holds => Verdict::Hold,
            _ => Verdict::Allow,
        };
        Decision { verdict, item, reasons: drifted }
    }

    /// Why the item is not as approved, and whether that is enough to hold it.
    fn judge(&self, standing: &Standing, item: &Place) -> (Vec<Reason>, bool) {
        let Some(pin) = &standing.pin else {
            let sentence = "This server is not pinned: nobody approved what it shows.";
            return (vec![Reason::new("guard.unpinned", sentence)], true);
        };
        if let Some(reason) = self.objection(pin) {
            return (vec![reason], true);
        }
        let of_server = standing.server_changes().filter(|c| c.severity == Severity::Critical);
        let mut reasons: Vec<_> = of_server.map(Reason::from).collect();
        let mut holds = !reasons.is_empty();
        let of_item = standing.changes_of(item);
        holds |= of_item.iter().any(|change| self.holds(change));
        reasons.splice(0..0, of_item.iter().map(Reason::from));
        let is_pinned = pin.surface.items.contains_key(item);
        if !is_pinned && of_item.is_empty() && must_be_listed(item) {
            let sentence = format!("The server does not list `{item}`, and nobody approved it.");
            reasons.push(Reason::new("guard.unlisted", sentence));
        }
        // What is new waits for approval whatever its severity: nobody read it yet.
        holds |= !is_pinned && !reasons.is_empty();
        (reasons, holds)
    }

    fn pin_first(&self, observation: &Observation) -> Result<Arc<Pin>, PinError> {
        let started = Instant::now();
        let pin = self.pins.pin_first(observation)?;
        let sentence = "Pinned on first use: nobody has reviewed this surface.";
        self.record(
            Occasion::Pin,
            Verdict::Allow,
            &[Reason::new("guard.pinned", sentence)],
            started,
        );
        Ok(pin)
    }

    fn standing(&self, pin: Option<Arc<Pin>>, observed: Arc<Surface>) -> Arc<Standing> {
        let started = Instant::now();
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(standing) = newest.as_ref()
            && standing.is_against(pin.as_ref())
            && standing.observed == observed
        {
            return Arc::clone(standing);
        }
        let neighbours = self.pins.neighbours();
        let standing = Arc::new(Standing::new(pin, observed, &neighbours));
        *newest = Some(Arc::clone(&standing));
        drop(newest);
        let reasons: Vec<_> = standing.changes().map(Reason::from).collect();
        if !reasons.is_empty() {
            let verdict = match self.stance.mode {
                Mode::Observe => Verdict::Allow,
                Mode::Fixed | Mode::Hold => Verdict::Hold,
            };
            self.record(Occasion::Drift, verdict, &reasons, started);
        }
        standing
    }

    /// Records what concerns no single request.
    pub(crate) fn record(
        &self,
        occasion: Occasion,
        verdict: Verdict,
        reasons: &[Reason],
        started: Instant,
    ) {
        let shown = reasons.get(..limits::EVENT_REASONS_MAX).unwrap_or(reasons);
        self.events.record(&Event {
            time: jiff::Timestamp::now(),
            event: occasion,
            server: &self.alias,
            method: None,
            item: None,
            pinned: None,
            observed: None,
            verdict,
            reasons: shown,
            more: reasons.len() - shown.len(),
            duration_us: micros(started),
        });
    }
}

/// Microseconds since `started`.
pub(crate) fn micros(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Whether a server must have shown an item before it may be used. A resource need not be: its
/// content is data, and templates make more URIs than any list holds.
fn must_be_listed(item: &Place) -> bool {
    !matches!(item.kind, Kind::Resource | Kind::Template)
}

/// Makes an observation comparable with its pin: the negotiated version belongs to a conversation,
/// and a server that speaks both eras describes its own capabilities in each one's terms.
pub(crate) fn align(pinned: &mut Surface, observed: &mut Surface) {
    let version = Place::new(Kind::Server, "protocolVersion");
    if pinned.era == observed.era {
        if let (Some(pinned), Some(shown)) =
            (pinned.items.get(&version), observed.items.get_mut(&version))
        {
            shown.clone_from(pinned);
        }
        return;
    }
    observed.era = pinned.era;
    for name in ["protocolVersion", "supportedVersions", "capabilities", "_meta"] {
        let place = Place::new(Kind::Server, name);
        pinned.items.remove(&place);
        observed.items.remove(&place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pin::MemoryPins;

    #[test]
    fn sessions_that_list_together_share_what_one_may_cost() {
        let events = Events::to(std::io::sink());
        let pins = Arc::new(MemoryPins::default());
        let gate = Gate::new("calc".to_owned(), Stance::of(Mode::Hold), pins, events);
        let by_cost = Duration::from_millis(200);
        assert_eq!(gate.pace(by_cost), by_cost, "alone");
        let second = gate.pace(by_cost);
        assert!(second > by_cost && second <= 2 * by_cost, "{second:?}");
        for _ in 0..10 {
            assert!(gate.pace(by_cost) <= limits::LISTING_SHARED_AGE_MAX);
        }
        let slow = Duration::from_secs(7);
        assert_eq!(gate.pace(slow), slow, "sharing never shortens");
    }
}
