//! Tokens that were issued, each for one caller.
//!
//! INVARIANT: a token is found only by all that it was issued for: who calls, with which token, through
//! which client, for which resource, with which scopes, bound to which key (threat T20). The names
//! themselves are compared, not a hash of them; a session is no name.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::refused::Refused;
use crate::limits;
use crate::token::{Scheme, Secret, Subject, Thumbprint, TokenHash};

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) who: Who,
    pub(super) issuer: Option<String>,
    pub(super) resource: String,
    pub(super) scopes: BTreeSet<String>,
    pub(super) jkt: Thumbprint,
}

/// Whose authority it has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// The guard's own.
    Service,
    /// A caller's, by the very token that they showed: when that changes, so may what they may do.
    Person { subject: Subject, client_id: String, token: TokenHash },
}

/// A token that can be shown.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) token: Secret,
    pub(super) scheme: Scheme,
    /// When it is over, in seconds since 1970.
    pub(super) expires_s: u64,
    /// Gets the next one, where somebody signed in.
    pub(super) refresh: Option<Secret>,
}

impl Held {
    pub(super) const fn is_fresh(&self, now_s: u64) -> bool {
        self.expires_s > now_s.saturating_add(limits::OUTBOUND_LIFE_S_MIN)
    }
}

/// What is known under a key.
#[derive(Debug, Default)]
pub(super) enum State {
    #[default]
    Empty,
    Held(Arc<Held>),
    Refused {
        until_s: u64,
        refused: Refused,
    },
}

/// One key's state. Whoever holds its lock is the one that asks for a token; all others wait for what
/// comes of it.
pub(super) type Slot = Arc<tokio::sync::Mutex<State>>;

/// The slots.
#[derive(Debug, Default)]
pub(super) struct Cache {
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    clock: u64,
    all: HashMap<Key, (u64, Slot)>,
}

impl Cache {
    /// The slot of a key.
    pub(super) fn slot(&self, key: &Key) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.clock = slots.clock.wrapping_add(1);
        let clock = slots.clock;
        if let Some((used, slot)) = slots.all.get_mut(key) {
            *used = clock;
            return Arc::clone(slot);
        }
        if slots.all.len() >= limits::OUTBOUND_TOKENS_MAX {
            slots.make_room();
        }
        let slot = Slot::default();
        slots.all.insert(key.clone(), (clock, Arc::clone(&slot)));
        slot
    }

    /// Drops a token that the server no longer takes, unless there is a newer one.
    pub(super) async fn forget(&self, key: &Key, held: &Arc<Held>) {
        let slot = self.slot(key);
        let mut state = slot.lock().await;
        if matches!(&*state, State::Held(now) if Arc::ptr_eq(now, held)) {
            *state = State::Empty;
        }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).all.len()
    }
}

impl Slots {
    /// Drops the tenth that was unused for longest: so that room is not made for each one.
    fn make_room(&mut self) {
        let mut used: Vec<u64> = self.all.values().map(|(used, _)| *used).collect();
        used.sort_unstable();
        let Some(oldest) = used.get(used.len() / 10).copied() else { return };
        self.all.retain(|_, (used, _)| *used > oldest);
    }
}

impl State {
    /// What is known now, if anything is.
    pub(super) fn known(&self, now_s: u64) -> Option<Result<Arc<Held>, Refused>> {
        match self {
            Self::Held(held) if held.is_fresh(now_s) => Some(Ok(Arc::clone(held))),
            Self::Refused { until_s, refused } if *until_s > now_s => Some(Err(refused.clone())),
            _ => None,
        }
    }
}
