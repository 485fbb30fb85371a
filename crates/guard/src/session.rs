//! One client's conversation with one server: what passes, what is answered here, what is changed.
//!
//! A relay hands every message over and does as it is told. It owns the transport; the session
//! owns the decision, and asks the server for its lists through the relay's [`Channel`].

mod freshness;
mod listing;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value};
use surface::{Digest, Era, List, Place};
use tokio::sync::Notify;
use wire::header::ParamHeader;
use wire::request::Subject;
use wire::rpc::{Notification, Outcome, Request, Response};
use wire::{Document, Refusal};

use self::freshness::Freshness;
use crate::answer;
use crate::capture::Scope;
use crate::channel::Channel;
use crate::event::{Event, Occasion, Reason, Verdict, bounded};
use crate::gate::view::{self, View};
use crate::gate::{Decision, Gate, Mode, Standing, micros};

/// A session. Shared by the tasks of a relay.
pub struct Session {
    gate: Arc<Gate>,
    state: Mutex<State>,
    /// Held while the server is listed, so that calls that wait share one listing.
    listing: tokio::sync::Mutex<()>,
    list_changed: Notify,
}

#[derive(Default)]
struct State {
    /// The result of `initialize`, as received.
    opening: Option<Bytes>,
    standing: Option<Arc<Standing>>,
    /// How the server was asked for what is known of it.
    asked: Option<Asked>,
    freshness: Freshness,
    /// By which each list is known when its one page comes again, byte for byte.
    pages: [Option<Digest>; List::ALL.len()],
    /// When a listing last took too long, and what its callers heard.
    timed_out: Option<(Instant, Reason)>,
}

/// As whom a server is listed.
#[derive(Debug, Clone)]
struct Asked {
    era: Era,
    /// What the client says of itself in every modern request.
    meta: Option<Map<String, Value>>,
}

impl State {
    /// What has to be listed before a client of `era` may rely on what is known of `list`. What a
    /// server shows in one era says nothing about the other.
    fn wanted(&self, era: Era, list: Option<List>) -> Option<Scope> {
        match &self.asked {
            Some(asked) if asked.era == era => self.freshness.wanted(list),
            _ => Some(Scope::Everything),
        }
    }

    /// `scope` was read; `page` is the digest of its only page.
    fn read(&mut self, standing: &Arc<Standing>, scope: Scope, page: Option<Digest>) {
        self.standing = Some(Arc::clone(standing));
        match scope {
            Scope::Everything => self.pages = [None; List::ALL.len()],
            Scope::One(list) => {
                self.pages.get_mut(list as usize).into_iter().for_each(|known| *known = page);
            }
        }
    }
}

/// What a relay does with a request.
#[derive(Debug)]
pub enum Passage {
    /// Forward the original bytes, and hand the response over with this.
    Forward(Awaited),
    /// Do not forward; this message is the answer.
    Answer(Vec<u8>),
}

/// What a session remembers of a request until its response comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// The era that the request speaks.
    pub era: Era,
    /// What its response means.
    pub what: What,
}

/// The responses that a session looks into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The result of `initialize` or `server/discover`.
    Opening,
    /// A page of a list.
    Page(List),
    /// The body of a `ui://` resource.
    Ui(Place),
    /// One skill, as a list would describe it.
    Skill(Place),
    /// Anything else.
    Other,
}

impl What {
    /// The item that the response is about.
    fn item(&self) -> Place {
        match self {
            Self::Ui(item) | Self::Skill(item) => item.clone(),
            Self::Page(list) => Place::new(surface::Kind::Page, list.method()),
            Self::Opening | Self::Other => Place::new(surface::Kind::Server, "opening"),
        }
    }
}

impl Session {
    /// A session of a client that has said nothing yet.
    pub fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            state: Mutex::default(),
            listing: tokio::sync::Mutex::new(()),
            list_changed: Notify::new(),
        }
    }

    /// Decides on a client's request. Lists the server first, through `channel`, when what is
    /// known is too old; so it may take as long as a listing.
    pub async fn request(&self, request: &Request<'_>, channel: &impl Channel) -> Passage {
        let started = Instant::now();
        match self.passage(request, channel, started).await {
            Ok(passage) => passage,
            Err(refusal) => {
                let reason = Reason::from(refusal);
                self.refused(Some(&request.method), &reason, started);
                Passage::Answer(answer::refused(Some(request.id.raw()), &reason))
            }
        }
    }

    async fn passage(
        &self,
        request: &Request<'_>,
        channel: &impl Channel,
        started: Instant,
    ) -> Result<Passage, Refusal> {
        if self.gate.stance.strict_payload {
            request.whole.exact()?;
        }
        let version = wire::request::protocol_version(request.params)?;
        let era = if version.is_some() { Era::Modern } else { Era::Legacy };
        let forward = |what| Ok(Passage::Forward(Awaited { era, what }));
        for opened in [Era::Legacy, Era::Modern] {
            if request.method == opened.opening() {
                return Ok(Passage::Forward(Awaited { era: opened, what: What::Opening }));
            }
        }
        if let Some(list) = List::of_method(&request.method) {
            // What comes back is checked item by item; a failed listing of ours changes nothing.
            let _ = self.stand(request, era, None, channel).await;
            return forward(What::Page(list));
        }
        let Some(subject) = wire::request::subject(&request.method, request.params)? else {
            return forward(What::Other);
        };
        let list = self.list_of(&subject);
        let decision = match self.stand(request, era, Some(list), channel).await {
            Ok(standing) => {
                let decision = self.gate.decide(&standing, &subject);
                self.decided(request, &decision, Some(&standing), started);
                decision
            }
            Err(reason) => {
                let decision = self.undecidable(&subject, reason);
                self.decided(request, &decision, None, started);
                decision
            }
        };
        if decision.verdict == Verdict::Hold {
            let (id, reasons) = (request.id.raw(), &decision.reasons);
            let held = answer::held(id, era, &decision.item, &self.gate.alias, reasons);
            return Ok(Passage::Answer(held));
        }
        forward(match (&*request.method, decision.item.kind) {
            ("resources/read", surface::Kind::Ui) => What::Ui(decision.item),
            ("skills/get", _) => What::Skill(decision.item),
            _ => What::Other,
        })
    }

    /// Looks into a response; gives the message to send in its place, or `None` to forward the
    /// original bytes.
    pub fn response(&self, awaited: &Awaited, response: &Response<'_>) -> Option<Vec<u8>> {
        let started = Instant::now();
        let id = response.id.map_or(&b"null"[..], wire::rpc::Id::raw);
        let seen = match self.seen(awaited, response) {
            Ok(view) => view,
            Err(refusal) => {
                let reason = Reason::from(refusal);
                self.refused(None, &reason, started);
                let passes =
                    self.gate.stance.mode == Mode::Observe && !self.gate.stance.strict_payload;
                return (!passes).then(|| answer::refused(Some(id), &reason));
            }
        };
        let (result, reasons) = match seen {
            View::Same => return None,
            View::Changed { result, reasons } => (Some(result), reasons),
            View::Withheld { reasons } => (None, reasons),
        };
        self.lock().freshness.doubt(None);
        if awaited.what != What::Opening {
            // After an opening the server is listed anyway, once its client is ready.
            self.list_changed.notify_one();
        }
        let is_shown = self.gate.stance.mode == Mode::Observe;
        let verdict = if is_shown { Verdict::Allow } else { Verdict::Hold };
        self.gate.record(Occasion::View, verdict, &reasons, started);
        let held = || {
            let item = awaited.what.item();
            answer::held(id, awaited.era, &item, &self.gate.alias, &reasons)
        };
        let instead = || result.map_or_else(held, |result| answer::result(id, &result));
        (!is_shown).then(instead)
    }

    fn seen(&self, awaited: &Awaited, response: &Response<'_>) -> Result<View, Refusal> {
        if self.gate.stance.strict_payload {
            response.whole.exact()?;
        }
        let result = match response.outcome {
            Outcome::Result(result) => result,
            Outcome::Error(error) => {
                let code = error.get("code").and_then(wire::Value::as_integer);
                if code == Some(HEADER_MISMATCH) {
                    // A tool may ask for a header that its approved schema does not name.
                    self.lock().freshness.doubt(None);
                }
                return Ok(View::Same);
            }
        };
        match &awaited.what {
            What::Other => Ok(View::Same),
            What::Opening => {
                if awaited.era == Era::Legacy {
                    let mut state = self.lock();
                    state.opening = Some(Bytes::copy_from_slice(result.raw()));
                    state.freshness.doubt(None);
                }
                view::opening(&self.gate, awaited.era, result)
            }
            What::Page(list) => view::page(&self.gate, awaited.era, *list, result),
            What::Ui(item) => view::ui(&self.gate, awaited.era, item, result),
            What::Skill(item) => view::skill(&self.gate, awaited.era, item, result),
        }
    }

    /// Hears a server's notification: a changed list is listed again before the next call.
    pub fn server_notified(&self, notification: &Notification<'_>) {
        let lists: &[List] = match &*notification.method {
            "notifications/tools/list_changed" => &[List::Tools],
            "notifications/prompts/list_changed" => &[List::Prompts],
            "notifications/resources/list_changed" => &[List::Resources, List::Templates],
            _ => return,
        };
        let mut state = self.lock();
        for list in lists {
            state.freshness.doubt(Some(*list));
        }
        drop(state);
        self.list_changed.notify_one();
    }

    /// Whether the session is of 2025-03-26, the one version with batches.
    pub fn speaks_batches(&self) -> bool {
        let Some(opening) = self.lock().opening.clone() else { return false };
        crate::capture::opening::negotiated(&opening).is_ok_and(|version| version == "2025-03-26")
    }

    /// The client has finished opening the session: the first listing may begin.
    pub fn opened(&self) {
        self.list_changed.notify_one();
    }

    /// The arguments of a tool that travel in headers too: as pinned, or as last seen where a client
    /// reads what is live.
    pub fn param_headers(&self, tool: &str) -> Vec<ParamHeader> {
        let tool = Place::new(surface::Kind::Tool, tool);
        let (pin, standing);
        let surface = if self.gate.stance.mode == Mode::Observe {
            standing = self.lock().standing.clone();
            standing.as_ref().map(|standing| &*standing.observed)
        } else {
            pin = self.gate.pin().ok().flatten();
            pin.as_ref().map(|pin| &pin.surface)
        };
        let schema = surface.and_then(|surface| surface.items.get(&tool)?.get("inputSchema"));
        let Some(schema) = schema.filter(|schema| has_key(schema, "x-mcp-header")) else {
            return Vec::new();
        };
        let bytes = schema.to_string();
        let document = Document::parse(bytes.as_bytes(), &wire::Policy::default());
        let params = document.map(|document| wire::header::params_of(document.root()));
        params.ok().and_then(Result::ok).unwrap_or_default()
    }

    async fn stand(
        &self,
        request: &Request<'_>,
        era: Era,
        list: Option<List>,
        channel: &impl Channel,
    ) -> Result<Arc<Standing>, Reason> {
        let known = {
            let state = self.lock();
            state.standing.clone().filter(|_| state.wanted(era, list).is_none())
        };
        let standing = if let Some(standing) = known {
            standing
        } else {
            let asked = Asked { era, meta: client_meta(request) };
            // In a box, because it is rare, and large beside all else that a request needs.
            Box::pin(self.fresh(asked, list, channel)).await?
        };
        self.gate.restand(&standing).map_err(|error| unreadable(&error))
    }

    /// The list that `subject` would be found in.
    fn list_of(&self, subject: &Subject<'_>) -> List {
        let standing = self.lock().standing.clone();
        let is_of_skill =
            |standing: Arc<Standing>| standing.place_of(subject).kind == surface::Kind::Skill;
        match subject {
            Subject::Resource(_) if standing.is_some_and(is_of_skill) => List::Skills,
            _ => list_of(subject),
        }
    }

    fn undecidable(&self, subject: &Subject<'_>, reason: Reason) -> Decision {
        let (list, name) = (list_of(subject), name_of(subject));
        let verdict =
            if self.gate.stance.mode == Mode::Observe { Verdict::Allow } else { Verdict::Hold };
        Decision { verdict, item: Place::new(list.kind(), name), reasons: vec![reason] }
    }

    fn decided(
        &self,
        request: &Request<'_>,
        decision: &Decision,
        standing: Option<&Standing>,
        started: Instant,
    ) {
        let pin = standing.and_then(|standing| standing.pin.as_ref());
        let pinned = pin.and_then(|pin| pin.items.get(&decision.item)).map(|d| d.exact);
        let observed = standing
            .filter(|standing| !standing.changes_of(&decision.item).is_empty())
            .and_then(|standing| standing.observed.items.get(&decision.item))
            .map(Digest::of);
        let noted = request.whole.notes().iter().take(NOTES_SHOWN_MAX).map(|note| (*note).into());
        let reasons: Vec<_> = decision.reasons.iter().cloned().chain(noted).collect();
        self.gate.events.record(&Event {
            time: jiff::Timestamp::now(),
            event: Occasion::Decision,
            server: &self.gate.alias,
            method: Some(&request.method),
            item: Some(bounded(decision.item.to_string())),
            pinned,
            observed,
            verdict: decision.verdict,
            reasons: &reasons,
            more: 0,
            duration_us: micros(started),
        });
    }

    /// Records bytes or a message that were refused.
    pub(crate) fn refused(&self, method: Option<&str>, reason: &Reason, started: Instant) {
        self.gate.events.record(&Event {
            time: jiff::Timestamp::now(),
            event: Occasion::Refusal,
            server: &self.gate.alias,
            method,
            item: None,
            pinned: None,
            observed: None,
            verdict: Verdict::Deny,
            reasons: std::slice::from_ref(reason),
            more: 0,
            duration_us: micros(started),
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether any object inside `value` has the member `key`.
fn has_key(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(members) => {
            members.iter().any(|(name, member)| name == key || has_key(member, key))
        }
        Value::Array(elements) => elements.iter().any(|element| has_key(element, key)),
        _ => false,
    }
}

/// The list that names items as `subject` does.
const fn list_of(subject: &Subject<'_>) -> List {
    match subject {
        Subject::Tool(_) => List::Tools,
        Subject::Prompt(_) => List::Prompts,
        Subject::Resource(_) => List::Resources,
        Subject::Template(_) => List::Templates,
        Subject::Skill(_) => List::Skills,
    }
}

fn name_of<'s>(subject: &'s Subject<'_>) -> &'s str {
    let (Subject::Tool(name)
    | Subject::Prompt(name)
    | Subject::Resource(name)
    | Subject::Template(name)
    | Subject::Skill(name)) = subject;
    name
}

/// The parts of a modern request's `_meta` that say who asks and how, so that the server is
/// listed as its client would list it. `None` in the legacy era.
fn client_meta(request: &Request<'_>) -> Option<Map<String, Value>> {
    let meta = request.params?.get("_meta")?;
    let mut ours = Map::new();
    for name in ["protocolVersion", "clientCapabilities", "clientInfo"] {
        let key = format!("io.modelcontextprotocol/{name}");
        if let Some(value) = meta.get(&key).and_then(|value| surface::json::exact(value).ok()) {
            ours.insert(key, value);
        }
    }
    (!ours.is_empty()).then_some(ours)
}

fn unreadable(error: &crate::pin::PinError) -> Reason {
    Reason::new("guard.pins-unreadable", format!("The approved surface cannot be read: {error}."))
}

/// A request without a header that its server wants (2026-07-28, basic, errors).
const HEADER_MISMATCH: i64 = -32_020;

const NOTES_SHOWN_MAX: usize = 3;

#[cfg(test)]
mod tests;
