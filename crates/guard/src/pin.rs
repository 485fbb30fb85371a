//! Pins as the guard needs them: what was approved, wherever it is kept.

pub mod published;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drift::Neighbour;
use surface::{CacheScope, Digests, Observation, Place, Surface};

/// What was approved for one (server, authorization context).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The approved surface.
    pub surface: Surface,
    /// Its digests.
    pub digests: Digests,
    /// The digests of its items.
    pub items: BTreeMap<Place, Digests>,
    /// Who could share it when it was captured.
    pub cache_scope: CacheScope,
}

/// Where pins are kept. Every method is called often and must not block for long.
pub trait PinSource: Send + Sync {
    /// The pin as it stands now: an approval made elsewhere is seen within milliseconds, as another
    /// `Arc`. `None` when the server was never pinned.
    ///
    /// # Errors
    /// A store that cannot be read. The guard then holds everything.
    fn current(&self) -> Result<Option<Arc<Pin>>, PinError>;

    /// Pins what was observed, because nothing was pinned before. Must not replace a pin that
    /// somebody else made meanwhile; gives the pin that then stands.
    ///
    /// # Errors
    /// A store that cannot be written. The guard then holds everything.
    fn pin_first(&self, observation: &Observation) -> Result<Arc<Pin>, PinError>;

    /// Items of the other servers that are pinned beside this one.
    fn neighbours(&self) -> Vec<Neighbour>;
}

/// Pins in memory, for one server; fails on demand.
#[derive(Debug, Default)]
pub struct MemoryPins {
    pin: Mutex<Option<Arc<Pin>>>,
    fails: AtomicBool,
}

/// Why pins cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{action} the pins in {place}")]
pub struct PinError {
    /// What was being done: `reading` or `writing`.
    pub action: &'static str,
    /// The store.
    pub place: String,
    /// Why it failed.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl MemoryPins {
    /// Puts a pin in place, as an approval does.
    pub fn approve(&self, pin: Pin) {
        *self.lock() = Some(Arc::new(pin));
    }

    /// From now on every access fails, or no longer does.
    pub fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::Relaxed);
    }

    fn check(&self, action: &'static str) -> Result<(), PinError> {
        if self.fails.load(Ordering::Relaxed) {
            let source = "it was asked to fail".into();
            return Err(PinError { action, place: "memory".to_owned(), source });
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Pin>>> {
        self.pin.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PinSource for MemoryPins {
    fn current(&self) -> Result<Option<Arc<Pin>>, PinError> {
        self.check("reading")?;
        Ok(self.lock().clone())
    }

    fn pin_first(&self, observation: &Observation) -> Result<Arc<Pin>, PinError> {
        self.check("writing")?;
        let pin = || Arc::new(Pin::new(observation.surface.clone(), observation.cache_scope));
        Ok(Arc::clone(self.lock().get_or_insert_with(pin)))
    }

    fn neighbours(&self) -> Vec<Neighbour> {
        Vec::new()
    }
}

impl Pin {
    /// The pin of a surface.
    pub fn new(surface: Surface, cache_scope: CacheScope) -> Self {
        let digests = Digests::of_surface(&surface);
        let items = surface.items.iter();
        let items = items.map(|(place, item)| (place.clone(), Digests::of_item(place.kind, item)));
        Self { digests, items: items.collect(), surface, cache_scope }
    }
}
