//! The conversations that clients hold through the guard, told apart by session and credentials.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HeaderName};
use http::{HeaderMap, HeaderValue};
use tokio::sync::oneshot;
use wire::rpc::IdKey;

use super::question::MCP_SESSION_ID;
use crate::event::Reason;
use crate::gate::Gate;
use crate::limits;
use crate::session::{Awaited, Session};

/// One client's conversation.
pub(super) struct Conversation {
    pub(super) session: Session,
    pub(super) gate: Arc<Gate>,
    /// Requests whose responses may come on another stream than their own.
    elsewhere: Mutex<HashMap<IdKey, Waiting>>,
}

/// Who waits for a response.
pub(super) enum Waiting {
    /// The client.
    Client(Awaited),
    /// The guard.
    Guard(oneshot::Sender<Bytes>),
}

/// The conversations that are remembered. The one unused for longest makes room.
pub(super) struct Conversations {
    gate: Arc<Gate>,
    hashers: [RandomState; 2],
    clock: AtomicU64,
    known: Mutex<HashMap<Key, Known>>,
}

/// A keyed hash of a session id and of credentials, so that neither is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u64; 2]);

struct Known {
    conversation: Arc<Conversation>,
    used: u64,
}

impl Conversation {
    fn new(gate: Arc<Gate>) -> Self {
        Self { session: Session::new(Arc::clone(&gate)), gate, elsewhere: Mutex::default() }
    }

    /// Expects a response on another stream. An id that is expected twice is expected no more:
    /// nobody could tell the responses apart.
    pub(super) fn expect(&self, key: IdKey, waiting: Waiting) {
        let mut elsewhere = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        if elsewhere.len() < limits::IN_FLIGHT_MAX
            && elsewhere.insert(key.clone(), waiting).is_some()
        {
            elsewhere.remove(&key);
        }
    }

    /// Who waits for the response to `key`; nobody afterwards.
    pub(super) fn take(&self, key: &IdKey) -> Option<Waiting> {
        let mut elsewhere = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = elsewhere.remove(key);
        if elsewhere.is_empty() {
            // An idle conversation keeps no memory.
            elsewhere.shrink_to_fit();
        }
        waiting
    }

    /// Records that something was refused.
    pub(super) fn record_refusal(&self, method: Option<&str>, reason: Reason) {
        self.gate.record_refusal(method, reason);
    }
}

impl Conversations {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            hashers: Default::default(),
            clock: AtomicU64::new(0),
            known: Mutex::default(),
        }
    }

    /// The key of the context in which `headers` were sent; `session` is its legacy session.
    pub(super) fn key(&self, session: Option<&HeaderValue>, headers: &HeaderMap) -> Key {
        let session = session.map(HeaderValue::as_bytes);
        let credentials = CREDENTIALS.each_ref().map(|name| headers.get(name));
        let context = (session, credentials.map(|value| value.map(HeaderValue::as_bytes)));
        Key(self.hashers.each_ref().map(|hasher| hasher.hash_one(context)))
    }

    /// The legacy session that `headers` name.
    pub(super) fn session_of(headers: &HeaderMap) -> Option<&HeaderValue> {
        headers.get(MCP_SESSION_ID)
    }

    /// A conversation that begins.
    pub(super) fn begin(&self) -> Arc<Conversation> {
        Arc::new(Conversation::new(Arc::clone(&self.gate)))
    }

    /// The conversation under `key`; a new one when none is known.
    pub(super) fn of(&self, key: Key) -> Arc<Conversation> {
        let used = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = known.get_mut(&key) {
            entry.used = used;
            return Arc::clone(&entry.conversation);
        }
        let conversation = self.begin();
        make_room(&mut known);
        known.insert(key, Known { conversation: Arc::clone(&conversation), used });
        conversation
    }

    /// Remembers `conversation` under `key`.
    pub(super) fn keep(&self, key: Key, conversation: Arc<Conversation>) {
        let used = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut known);
        known.insert(key, Known { conversation, used });
    }

    /// Forgets a conversation that ended.
    pub(super) fn forget(&self, key: Key) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}

/// Drops an eighth of the conversations when they are as many as may be, the oldest first.
fn make_room(known: &mut HashMap<Key, Known>) {
    if known.len() < limits::SESSIONS_MAX {
        return;
    }
    let mut uses: Vec<u64> = known.values().map(|entry| entry.used).collect();
    let nth = uses.len() / 8;
    let (_, oldest_kept, _) = uses.select_nth_unstable(nth);
    let oldest_kept = *oldest_kept;
    known.retain(|_, entry| entry.used > oldest_kept);
}

/// The headers by which servers know a principal.
const CREDENTIALS: [HeaderName; 3] =
    [AUTHORIZATION, COOKIE, HeaderName::from_static("x-api-key")];
