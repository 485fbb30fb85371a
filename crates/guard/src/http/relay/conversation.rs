//! The conversations that clients hold through the guard, told apart by session and credentials.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use surface::Era;
use tokio::sync::oneshot;
use wire::rpc::IdKey;
use wire::{Document, Frame, Message, Policy};

use crate::event::Reason;
use crate::gate::Gate;
use crate::http::upstream::question::MCP_SESSION_ID;
use crate::limits;
use crate::session::{Awaited, Session, What};

/// One client's conversation.
pub(super) struct Conversation {
    pub(super) session: Session,
    /// The response to `initialize`, as received.
    opening: OnceLock<Bytes>,
    /// Requests whose responses may come on another stream than their own.
    elsewhere: Mutex<HashMap<IdKey, Waiting>>,
    /// Whether anything has told the server whose conversation it is.
    is_named: AtomicBool,
}

/// Who waits for a response.
pub(super) enum Waiting {
    /// The client.
    Client(Awaited),
    /// The guard.
    Guard(oneshot::Sender<Bytes>),
}

/// The conversations that are remembered. Those unused for longest make room.
pub(super) struct Conversations {
    gate: Arc<Gate>,
    hashers: [RandomState; 2],
    clock: AtomicU64,
    known: Mutex<HashMap<Key, Known>>,
}

/// A keyed hash of credentials; zero for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Principal([u64; 2]);

/// A keyed hash of a session id or a client and a principal, so that no secret is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key([u64; 2]);

struct Known {
    conversation: Arc<Conversation>,
    used: u64,
}

impl Conversation {
    fn new(gate: Arc<Gate>) -> Self {
        Self {
            session: Session::new(gate),
            opening: OnceLock::new(),
            elsewhere: Mutex::default(),
            is_named: AtomicBool::new(false),
        }
    }

    /// Remembers that something told the server whose conversation it is.
    pub(super) fn name(&self) {
        self.is_named.store(true, Ordering::Relaxed);
    }

    /// Whether nothing has told the server whose conversation it is.
    pub(super) fn is_anonymous(&self) -> bool {
        !self.is_named.load(Ordering::Relaxed)
    }

    /// Whether `initialize` was answered.
    pub(super) fn is_open(&self) -> bool {
        self.opening.get().is_some()
    }

    /// Remembers the response to `initialize`.
    pub(super) fn opened(&self, response: &[u8]) {
        // A second one changes nothing: what it shows was judged like the first.
        drop(self.opening.set(Bytes::copy_from_slice(response)));
    }

    /// Opens the conversation by a response to `initialize` that the client need not see.
    pub(super) fn open_by(&self, response: &Bytes) {
        let Ok(document) = Document::parse(response, &Policy::default()) else { return };
        if let Ok(Frame::One(Message::Response(answer))) = Frame::read(&document) {
            let awaited = Awaited { era: Era::Legacy, what: What::Opening };
            self.session.response(&awaited, &answer);
            self.opened(response);
        }
    }

    /// Expects a response on the one stream that all responses come on; whether the id was free,
    /// and not too many are expected.
    pub(super) fn expect(&self, key: IdKey, waiting: Waiting) -> bool {
        let mut elsewhere = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = elsewhere.len() < limits::ELSEWHERE_MAX && !elsewhere.contains_key(&key);
        if is_free {
            elsewhere.insert(key, waiting);
        }
        is_free
    }

    /// Expects the client's response on another stream, should its own be lost. An id that is
    /// expected twice is expected no more: nobody could tell the responses apart.
    pub(super) fn expect_resumed(&self, key: &IdKey, awaited: &Awaited) {
        let mut elsewhere = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        if elsewhere.remove(key).is_none() && elsewhere.len() < limits::ELSEWHERE_MAX {
            elsewhere.insert(key.clone(), Waiting::Client(awaited.clone()));
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
    pub(super) fn refused(&self, method: Option<&str>, reason: &Reason) {
        self.session.refused(method, reason, Instant::now());
    }
}

impl Conversations {
    pub(super) fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            hashers: <[RandomState; 2]>::default(),
            clock: AtomicU64::new(0),
            known: Mutex::default(),
        }
    }

    /// A conversation that begins.
    pub(super) fn begin(&self) -> Arc<Conversation> {
        Arc::new(Conversation::new(Arc::clone(&self.gate)))
    }

    /// Who sends `headers`, as far as they say.
    pub(super) fn principal(&self, headers: &HeaderMap) -> Principal {
        let mut credentials: Vec<_> = headers
            .iter()
            .filter(|(name, _)| is_credential(name.as_str()))
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        if credentials.is_empty() {
            return Principal::default();
        }
        credentials.sort_unstable();
        Principal(self.hashers.each_ref().map(|hasher| hasher.hash_one(&credentials)))
    }

    /// Whom a verified token names: the same with the next token.
    pub(super) fn verified(&self, iss: &str, sub: &str, client: &str) -> Principal {
        Principal(self.hashers.each_ref().map(|hasher| hasher.hash_one((iss, sub, client))))
    }

    /// The conversation of a principal without a session, through the modern `client` if it says
    /// what it is; a new one when none is known.
    pub(super) fn of_client(
        &self,
        principal: Principal,
        client: Option<&[u8]>,
    ) -> Arc<Conversation> {
        let key = match client {
            None => self.key(None, principal),
            Some(client) => self.key_of((client, principal)),
        };
        self.find(key).unwrap_or_else(|| self.keep(key, self.begin()))
    }

    /// The conversation of a legacy session; `None` when no such session is known.
    pub(super) fn of_session(
        &self,
        session: &HeaderValue,
        principal: Principal,
    ) -> Option<Arc<Conversation>> {
        let key = self.key(Some(session), principal);
        if let Some(conversation) = self.find(key) {
            return Some(conversation);
        }
        // The session under other credentials: what it was shown before counts for nothing, but
        // it was opened.
        let before = self.find(self.key(Some(session), Principal::default()))?;
        let conversation = self.begin();
        if !before.is_anonymous() {
            conversation.name();
        }
        if let Some(opening) = before.opening.get() {
            conversation.open_by(opening);
        }
        Some(self.keep(key, conversation))
    }

    /// Remembers a conversation that `principal` began, under the session that the server gave it.
    pub(super) fn begun(
        &self,
        session: Option<&HeaderValue>,
        principal: Principal,
        conversation: &Arc<Conversation>,
    ) {
        self.keep(self.key(session, principal), Arc::clone(conversation));
        if session.is_some() {
            self.keep(self.key(session, Principal::default()), Arc::clone(conversation));
        }
    }

    /// Forgets a session that ended.
    pub(super) fn ended(&self, session: &HeaderValue, principal: Principal) {
        let keys = [principal, Principal::default()].map(|who| self.key(Some(session), who));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            known.remove(&key);
        }
    }

    fn key(&self, session: Option<&HeaderValue>, principal: Principal) -> Key {
        self.key_of((session.map(HeaderValue::as_bytes), principal))
    }

    fn key_of(&self, context: impl Hash) -> Key {
        Key(self.hashers.each_ref().map(|hasher| hasher.hash_one(&context)))
    }

    fn find(&self, key: Key) -> Option<Arc<Conversation>> {
        let used = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.get_mut(&key)?;
        entry.used = used;
        Some(Arc::clone(&entry.conversation))
    }

    fn keep(&self, key: Key, conversation: Arc<Conversation>) -> Arc<Conversation> {
        let used = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut known);
        known.insert(key, Known { conversation: Arc::clone(&conversation), used });
        conversation
    }
}

/// The legacy session that `headers` name.
pub(super) fn session_of(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(MCP_SESSION_ID)
}

/// Drops an eighth of the conversations when they are as many as may be, the oldest first.
fn make_room(known: &mut HashMap<Key, Known>) {
    if known.len() < limits::SESSIONS_MAX {
        return;
    }
    let mut uses: Vec<u64> = known.values().map(|entry| entry.used).collect();
    let nth = uses.len() / 8;
    let (_, newest_dropped, _) = uses.select_nth_unstable(nth);
    let newest_dropped = *newest_dropped;
    known.retain(|_, entry| entry.used > newest_dropped);
}

/// G15: no server is shown what a client showed the guard, nor what somebody in front says of clients.
/// What a call's own parameters are written into stays: it is checked against the body.
pub(super) fn strip_credentials(headers: &mut HeaderMap) {
    let is_shown = |name: &str| {
        let is_parameter = name.starts_with("mcp-param-");
        !is_parameter && (is_credential(name) || SHOWN.iter().any(|part| name.contains(part)))
    };
    let shown: Vec<_> = headers.keys().filter(|name| is_shown(name.as_str())).cloned().collect();
    for name in shown {
        headers.remove(name);
    }
}

/// Whether servers know a principal by this header: `Authorization`, `Cookie`, `X-Api-Key`,
/// `X-Auth-Token` and their like.
fn is_credential(header: &str) -> bool {
    ["auth", "cookie", "api-key", "apikey", "token", "secret"]
        .iter()
        .any(|part| header.contains(part))
}

/// Proofs, certificates, and what gateways hand on of a sign-in: `DPoP`, `Client-Cert`,
/// `X-Amzn-Mtls-Clientcert`, `X-SSL-Client-Cert`, `Cf-Access-Jwt-Assertion`, `X-Amzn-Oidc-Data`,
/// `X-Ms-Client-Principal`, `Signature`.
const SHOWN: [&str; 10] = [
    "dpop",
    "client-cert",
    "clientcert",
    "ssl-client",
    "jwt",
    "assertion",
    "oidc",
    "principal",
    "credential",
    "signature",
];

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::event::Events;
    use crate::gate::{Mode, Stance};
    use crate::pin::MemoryPins;

    fn conversations() -> Conversations {
        let pins = Arc::new(MemoryPins::default());
        let stance = Stance::of(Mode::Hold);
        let gate = Gate::new("calc".to_owned(), stance, pins, Events::to(std::io::sink()));
        Conversations::new(Arc::new(gate))
    }

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        let value = HeaderValue::from_static(value);
        HeaderMap::from_iter([(HeaderName::from_static(name), value)])
    }

    #[test]
    fn principals_differ_by_their_credentials_alone() {
        let all = conversations();
        let of = |name, value| all.principal(&headers(name, value));
        assert_eq!(of("authorization", "a"), of("authorization", "a"));
        assert_ne!(of("authorization", "a"), of("authorization", "b"));
        assert_ne!(of("authorization", "a"), of("cookie", "a"));
        assert_ne!(of("x-auth-token", "a"), of("x-auth-token", "b"));
        assert_eq!(of("x-request-id", "1"), Principal::default());
        let one = all.of_client(of("authorization", "a"), None);
        assert!(Arc::ptr_eq(&one, &all.of_client(of("authorization", "a"), None)));
        assert!(!Arc::ptr_eq(&one, &all.of_client(of("authorization", "b"), None)));
        let client = |info: &'static str| Some(info.as_bytes());
        let other = all.of_client(of("authorization", "a"), client("x"));
        assert!(!Arc::ptr_eq(&one, &other));
        assert!(Arc::ptr_eq(&other, &all.of_client(of("authorization", "a"), client("x"))));
    }

    #[test]
    fn a_session_is_known_once_it_began_until_it_ended() {
        let all = conversations();
        let session = HeaderValue::from_static("s1");
        let (a, b) = (
            all.principal(&headers("authorization", "a")),
            all.principal(&headers("authorization", "b")),
        );
        assert!(all.of_session(&session, a).is_none());
        let began = all.begin();
        all.begun(Some(&session), a, &began);
        assert!(Arc::ptr_eq(&began, &all.of_session(&session, a).unwrap()));
        assert!(!Arc::ptr_eq(&began, &all.of_session(&session, b).unwrap()));
        all.ended(&session, a);
        assert!(all.of_session(&session, a).is_none());
    }

    #[test]
    fn the_conversation_unused_for_longest_makes_room() {
        let all = conversations();
        let key = |at: usize| Key([at as u64, 0]);
        for at in 0..limits::SESSIONS_MAX {
            all.keep(key(at), all.begin());
        }
        assert!(all.find(key(0)).is_some(), "at the limit all are known");
        all.keep(key(limits::SESSIONS_MAX), all.begin());
        assert!(all.find(key(0)).is_some(), "just used");
        assert!(all.find(key(1)).is_none());
        assert!(all.find(key(limits::SESSIONS_MAX)).is_some());
        assert!(all.known.lock().unwrap().len() <= limits::SESSIONS_MAX);
    }

    #[test]
    fn an_id_that_is_resumed_twice_is_expected_no_more() {
        let conversation = conversations().begin();
        let key = IdKey::Number(1);
        let awaited = Awaited { era: Era::Legacy, what: What::Other };
        conversation.expect_resumed(&key, &awaited);
        assert!(conversation.take(&key).is_some());
        assert!(conversation.take(&key).is_none());
        conversation.expect_resumed(&key, &awaited);
        conversation.expect_resumed(&key, &awaited);
        assert!(conversation.take(&key).is_none());
    }

    #[test]
    fn an_id_in_use_is_not_expected_again_nor_more_than_the_limit() {
        let conversation = conversations().begin();
        let waiting = || Waiting::Client(Awaited { era: Era::Legacy, what: What::Other });
        let at = |at: usize| IdKey::Number(i64::try_from(at).unwrap());
        for number in 0..limits::ELSEWHERE_MAX {
            assert!(conversation.expect(at(number), waiting()));
        }
        assert!(!conversation.expect(at(limits::ELSEWHERE_MAX), waiting()));
        assert!(conversation.take(&at(0)).is_some());
        assert!(!conversation.expect(at(1), waiting()));
        assert!(conversation.expect(at(0), waiting()));
    }
}
