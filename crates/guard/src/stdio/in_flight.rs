//! Requests of the client that the server has not answered yet.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wire::rpc::{Id, IdKey};

use crate::event::Reason;
use crate::limits;
use crate::session::Awaited;

/// Requests in flight, by id.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    requests: HashMap<IdKey, Sent>,
    /// Requests whose answer the client no longer wants; some servers answer them all the same.
    cancelled: HashSet<IdKey>,
}

#[derive(Debug)]
struct Sent {
    id: Bytes,
    awaited: Awaited,
}

/// Why a request cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsendable {
    /// Another request with this id is in flight: its answer could not be told apart.
    IdInUse,
    /// Too many requests are in flight.
    TooMany,
}

impl Unsendable {
    /// The reason of the refusal.
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::IdInUse => Reason::new("guard.id-in-use", "a request with this id is in flight"),
            Self::TooMany => Reason::new("guard.too-many", "too many requests are in flight"),
        }
    }
}

impl InFlight {
    /// Whether a request with this id could be sent.
    pub(crate) fn check(&self, id: Id<'_>) -> Result<(), Unsendable> {
        let state = self.lock();
        if state.requests.contains_key(&id.key()) {
            return Err(Unsendable::IdInUse);
        }
        if state.requests.len() >= limits::IN_FLIGHT_MAX {
            return Err(Unsendable::TooMany);
        }
        Ok(())
    }

    /// Remembers a request that is about to be sent.
    pub(crate) fn sent(&self, id: Id<'_>, awaited: Awaited) {
        let mut state = self.lock();
        let key = id.key();
        state.cancelled.remove(&key);
        state.requests.insert(key, Sent { id: Bytes::copy_from_slice(id.raw()), awaited });
    }

    /// The client no longer wants an answer.
    pub(crate) fn cancelled(&self, id: &IdKey) {
        let mut state = self.lock();
        if state.cancelled.len() >= CANCELLED_MAX {
            let forgotten = std::mem::take(&mut state.cancelled);
            for id in forgotten {
                state.requests.remove(&id);
            }
        }
        if state.requests.contains_key(id) {
            state.cancelled.insert(id.clone());
        }
    }

    /// What a response answers.
    pub(crate) fn answered(&self, id: &IdKey) -> Option<Awaited> {
        let mut state = self.lock();
        state.cancelled.remove(id);
        state.requests.remove(id).map(|sent| sent.awaited)
    }

    /// Takes a request out that an unreadable answer was meant for; gives its id as received.
    pub(crate) fn withdraw(&self, id: &IdKey) -> Option<Bytes> {
        let mut state = self.lock();
        state.cancelled.remove(id);
        state.requests.remove(id).map(|sent| sent.id)
    }

    /// The only request in flight: what an answer without a readable id must answer.
    pub(crate) fn only(&self) -> Option<IdKey> {
        let state = self.lock();
        let mut requests = state.requests.keys();
        let only = requests.next()?.clone();
        requests.next().is_none().then_some(only)
    }

    /// Forgets every request; gives the ids that still want an answer, as they were received.
    pub(crate) fn take_unanswered(&self) -> Vec<Bytes> {
        let mut state = self.lock();
        let cancelled = std::mem::take(&mut state.cancelled);
        let requests = std::mem::take(&mut state.requests);
        let wanted = requests.into_iter().filter(|(key, _)| !cancelled.contains(key));
        wanted.map(|(_, sent)| sent.id).collect()
    }

    /// Whether nobody waits for an answer.
    pub(crate) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.requests.len() == state.cancelled.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cancelled requests that are remembered for the sake of a late answer.
const CANCELLED_MAX: usize = 1_024;
