//! Pins as the guard asks for them: read again only when the files behind them changed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use drift::Neighbour;
use guard::{Pin, PinError, PinSource};
use jiff::Timestamp;
use surface::{Observation, Place};

use super::entry::{Origin, Pinned, Protocol};
use super::{Key, Stamp, Store, StoreError};
use crate::artefact::Artefact;

/// The pin of one guarded server.
pub(crate) struct Pins {
    store: Arc<dyn Store>,
    key: Key,
    origin: Origin,
    artefact: Option<Artefact>,
    seen: Mutex<Option<Seen>>,
}

/// A pin as it was read.
struct Seen {
    stamp: Stamp,
    /// When the files behind it were last looked at.
    at: Instant,
    pin: Arc<Pin>,
}

impl Pins {
    /// The pin `key` of `store`; `origin` and `artefact` are recorded if it is pinned on first use.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        key: Key,
        origin: Origin,
        artefact: Option<Artefact>,
    ) -> Self {
        Self { store, key, origin, artefact, seen: Mutex::new(None) }
    }

    fn error(&self, action: &'static str, source: StoreError) -> PinError {
        PinError { action, place: self.store.place(), source: Box::new(source) }
    }
}

impl PinSource for Pins {
    fn current(&self) -> Result<Option<Arc<Pin>>, PinError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        if let Some(seen) = seen.as_ref().filter(|seen| at - seen.at < LOOK_PAUSE) {
            return Ok(Some(Arc::clone(&seen.pin)));
        }
        // Taken before the read: a write in between is seen by the next look.
        let stamp = self.store.stamp(&self.key);
        if let Some(seen) = seen.as_mut().filter(|seen| seen.stamp == stamp) {
            seen.at = at;
            return Ok(Some(Arc::clone(&seen.pin)));
        }
        let pinned = self.store.load(&self.key).map_err(|error| self.error("reading", error))?;
        let Some(pinned) = pinned else {
            // A server that was pinned and is not any more must not be pinned on first use.
            return if seen.is_some() { Err(self.removed()) } else { Ok(None) };
        };
        let pin = Arc::new(pin_of(pinned));
        *seen = Some(Seen { stamp, at, pin: Arc::clone(&pin) });
        Ok(Some(pin))
    }

    fn pin_first(&self, observation: &Observation) -> Result<Arc<Pin>, PinError> {
        let protocol = Protocol {
            era: observation.surface.era,
            version: protocol_version(&observation.surface),
            cache_scope: observation.cache_scope,
        };
        let (surface, artefact) = (observation.surface.clone(), self.artefact.clone());
        let mut pinned = Pinned::of(surface, self.origin.clone(), artefact, protocol);
        pinned.approve(Timestamp::now(), FIRST_USE, None, Vec::new());
        match self.store.replace(&self.key, None, &pinned) {
            Ok(()) | Err(StoreError::Moved(_)) => {}
            Err(error) => return Err(self.error("writing", error)),
        }
        self.current()?.ok_or_else(|| self.removed())
    }

    fn neighbours(&self) -> Vec<Neighbour> {
        neighbours(&*self.store, &self.key)
    }
}

impl Pins {
    fn removed(&self) -> PinError {
        let source = format!("the pin of `{}` was removed", self.key);
        PinError { action: "reading", place: self.store.place(), source: source.into() }
    }
}

/// Every item that is pinned in `store`, as the neighbour of the others. A surface that cannot be
/// read has none to tell: whoever needs that pin itself reports it.
pub(crate) fn pinned_items(store: &dyn Store) -> Vec<Neighbour> {
    let entries = store.entries().unwrap_or_default();
    let pinned = entries.into_keys().filter_map(|key| {
        let pinned = store.load(&key).ok()??;
        Some((key.alias, pinned.surface.items))
    });
    let items = pinned.flat_map(|(server, items)| {
        let neighbour = |(place, item): (&Place, _)| Neighbour::of(&server, place, item);
        items.iter().map(neighbour).collect::<Vec<_>>()
    });
    items.collect()
}

/// The items of every other server that is pinned in `store`.
pub(crate) fn neighbours(store: &dyn Store, key: &Key) -> Vec<Neighbour> {
    let mut items = pinned_items(store);
    items.retain(|item| item.server != key.alias);
    items
}

/// The protocol version that a surface says was spoken.
pub(crate) fn protocol_version(surface: &surface::Surface) -> String {
    let item = |name| surface.items.get(&surface::Place::new(surface::Kind::Server, name));
    let version = item("protocolVersion").and_then(|version| version.as_str());
    let newest = || {
        let versions = item("supportedVersions")?.as_array()?;
        versions.iter().filter_map(|version| version.as_str()).max()
    };
    version.or_else(newest).unwrap_or_default().to_owned()
}

fn pin_of(pinned: Pinned) -> Pin {
    Pin {
        surface: pinned.surface,
        digests: pinned.entry.digests,
        items: pinned.entry.items,
        cache_scope: pinned.entry.protocol.cache_scope,
    }
}

/// Who approves a pin that the guard made by itself.
const FIRST_USE: &str = "first use";

/// Calls that come faster than this share one look at the files: a look costs a tenth of a call, and
/// nobody approves and calls again within it.
pub(super) const LOOK_PAUSE: Duration = Duration::from_millis(5);
