//! One HTTP request of a client: admitted, decided, forwarded or answered.

mod admission;
mod asker;
mod asking;
mod authority;
mod beside;
mod conversation;
mod judge;
mod outgoing;
mod own;
mod rejection;
mod reply;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use authz::broker::Broker;
use authz::resource::{Protection, Refused};
use authz::token::Access;
use bytes::Bytes;
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::watch;
use wire::request::Subject;
use wire::{Document, Frame, Message, Policy};

use self::admission::{Admission, check_content};
use self::asker::Asker;
use self::asking::ClientChannel;
use self::authority::Authority;
use self::beside::{Beside, Link, Streams};
use self::conversation::{Conversation, Conversations, Principal, session_of, strip_credentials};
use self::judge::{Expected, Judge};
use self::outgoing::{Outgoing, Stream, closing};
use self::own::Own;
use self::rejection::Rejection;
use self::reply::{reply, send};
use crate::answer;
use crate::capture::opening;
use crate::channel::Channel;
use crate::event::{Occasion, Reason, Verdict};
use crate::gate::Gate;
use crate::http::Phase;
use crate::http::body;
use crate::http::upstream::Upstream;
use crate::http::upstream::question::MCP_PROTOCOL_VERSION;
use crate::limits;
use crate::session::Passage;

/// Stands between the clients of one listener and one server.
pub(super) struct Relay {
    gate: Arc<Gate>,
    upstream: Arc<Upstream>,
    admission: Admission,
    /// Whom tokens let in; without it the server asks by itself.
    protection: Option<Protection>,
    authority: Authority,
    conversations: Conversations,
    streams: Arc<Streams>,
    /// Lists where callers have tokens of their own: what the guard pins is never one caller's.
    own: Option<Own>,
    serving: watch::Receiver<Phase>,
}

/// Where a request belongs.
struct Context {
    principal: Principal,
    /// The server as it is asked for them.
    upstream: Arc<Upstream>,
    /// The token that let it in, where one is needed.
    access: Option<Access>,
    /// The legacy session that it names.
    session: Option<HeaderValue>,
    is_modern: bool,
    /// Whether its answer is a stream that stands until somebody ends it.
    is_listening: bool,
    /// The stream on which its answer comes, over HTTP+SSE.
    link: Option<Arc<Link>>,
}

/// What becomes of a POST.
enum Decision {
    /// It is forwarded, and these responses are awaited.
    Forward(Vec<Expected>),
    /// It is answered here.
    Answer(Vec<u8>),
}

impl Relay {
    pub(super) fn new(
        gate: Arc<Gate>,
        upstream: Upstream,
        listener: SocketAddr,
        origins: Vec<Uri>,
        serving: watch::Receiver<Phase>,
    ) -> Self {
        let conversations = Conversations::new(Arc::clone(&gate));
        let (upstream, admission) = (Arc::new(upstream), Admission::new(listener, origins));
        let has_callers = upstream.broker().is_some_and(Broker::needs_callers);
        let own = has_callers.then(|| Own::new(Arc::clone(&upstream)));
        let streams = Arc::default();
        let (protection, authority) = (None, Authority::default());
        Self {
            gate,
            upstream,
            admission,
            protection,
            authority,
            conversations,
            streams,
            own,
            serving,
        }
    }

    pub(super) fn protected(mut self, protection: Option<Protection>) -> Self {
        self.protection = protection;
        self
    }

    /// Answers one request.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
    ) -> Response<Outgoing> {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        self.route(head, body, peer).await.unwrap_or_else(|rejection| {
            if let Some(reason) = rejection.reason() {
                let reasons = std::slice::from_ref(reason);
                self.gate.record(Occasion::Refusal, Verdict::Deny, reasons, started);
            }
            rejection.into()
        })
    }

    async fn route(
        &self,
        mut head: Parts,
        body: Incoming,
        peer: IpAddr,
    ) -> Result<Response<Outgoing>, Rejection> {
        self.admission.check(&head.uri, &head.headers)?;
        if let Some(answer) = self.metadata(&head) {
            return Ok(answer);
        }
        let path = head.uri.path();
        let link = self.streams.at(path);
        if link.is_none() && path != PATH && path != self.upstream.path().path() {
            let sentence = format!("nothing is served at this path; the server is at `{PATH}`");
            return Err(Rejection::new(StatusCode::NOT_FOUND, "http.path", &sentence));
        }
        let asker = match self.asker(&mut head, peer).await {
            Ok(asker) => asker,
            Err(refused) => return Err(self.told(refused, &head, body).await),
        };
        match head.method {
            Method::POST => self.post(head.headers, asker, body, link).await,
            Method::GET if link.is_none() => self.get(head.headers, asker).await,
            Method::DELETE if link.is_none() => self.delete(head.headers, asker).await,
            _ => Err(Rejection::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "http.method",
                "this method is not served here",
            )
            .with(ALLOW, "GET, POST, DELETE")),
        }
    }

    /// What the guard says of the tokens that it asks for (RFC 9728 §3).
    fn metadata(&self, head: &Parts) -> Option<Response<Outgoing>> {
        let resource = self.protection.as_ref().filter(|_| head.method == Method::GET)?;
        let place: Uri = resource.resource.metadata_uri().parse().ok()?;
        if head.uri.path_and_query() != place.path_and_query() {
            return None;
        }
        let body = resource.metadata().to_vec();
        Some(Rejection::answer(StatusCode::OK, body).into())
    }

    /// Who asks: whom a token names where one is needed, and then no credential stays.
    async fn asker(&self, head: &mut Parts, peer: IpAddr) -> Result<Asker, Refused> {
        let upstream = Arc::clone(&self.upstream);
        let Some(protection) = &self.protection else {
            let principal = self.conversations.principal(&head.headers);
            return Ok(Asker { principal, upstream, access: None });
        };
        let access = protection.admit(head.method.as_str(), &head.headers, peer).await?;
        let upstream = asker::on_behalf(upstream, &access, &head.headers);
        strip_credentials(&mut head.headers);
        if let Some(terminator) = &protection.terminator {
            head.headers.remove(&terminator.header);
        }
        let (subject, client) = (&access.subject, &access.client_id);
        let principal = self.conversations.verified(&subject.iss, &subject.sub, client);
        Ok(Asker { principal, upstream, access: Some(access) })
    }

    /// The answer to who is not let in. Apps read it in the result of their call, by option.
    async fn told(&self, refused: Refused, head: &Parts, body: Incoming) -> Rejection {
        let is_for_apps = self.protection.as_ref().is_some_and(|it| it.is_for_apps);
        if !is_for_apps || refused.challenge.is_none() || head.method != Method::POST {
            return Rejection::unauthorized(refused);
        }
        let body = body::read(body, UNKNOWN_BYTES_MAX, limits::BODY_TIME_MAX).await;
        match body.ok().as_deref().and_then(authority::called) {
            Some((id, era)) => Rejection::in_result(&id, era, refused),
            None => Rejection::unauthorized(refused),
        }
    }

    async fn post(
        &self,
        headers: HeaderMap,
        asker: Asker,
        body: Incoming,
        link: Option<Arc<Link>>,
    ) -> Result<Response<Outgoing>, Rejection> {
        check_content(&headers)?;
        let bytes_max = wire::limits::MESSAGE_BYTES_MAX;
        let body = body::read(body, bytes_max, limits::BODY_TIME_MAX).await?;
        let document = Document::parse(&body, &Policy::default()).map_err(Rejection::refused)?;
        let frame = Frame::read(&document).map_err(Rejection::refused)?;
        let context = Context {
            principal: asker.principal,
            access: asker.access,
            upstream: asker.upstream,
            session: session_of(&headers).cloned(),
            is_modern: is_modern(&frame, &headers)?,
            is_listening: is_called(&frame, "subscriptions/listen"),
            link,
        };
        let conversation = self.conversation(&frame, &context)?;
        if context.is_modern
            && let Frame::One(message) = &frame
        {
            check_headers(message, &headers, &conversation)?;
        }
        let is_permitted = self.permitted(&frame, &context, false)?;
        let link = context.link.as_deref();
        let channel = ClientChannel::new(&self.upstream, &conversation, &headers, link);
        let channel = channel.through(self.own.as_ref());
        let decision = match &frame {
            Frame::One(message) => decide(message, &context, &conversation, &channel).await,
            Frame::Batch(messages) => decide_batch(messages, &conversation, &channel).await?,
        };
        match decision {
            Decision::Answer(answer) => {
                let turned_away = channel.turned_away();
                // A session that is gone is the client's to open again.
                let passes_on = |status| status != 404 || context.session.is_some();
                if let Some(away) = turned_away.filter(|away| passes_on(away.status)) {
                    let status = StatusCode::from_u16(away.status).unwrap_or(StatusCode::FORBIDDEN);
                    let challenge = away.challenge.as_deref();
                    return Err(Rejection::answer(status, answer).with_challenge(challenge));
                }
                if let Some(link) = link {
                    link.answer(&answer).await;
                    return Ok(accepted());
                }
                Err(Rejection::answer(StatusCode::OK, answer))
            }
            Decision::Forward(expected) => {
                if !is_permitted {
                    // Listing the server first may just have pinned it.
                    self.permitted(&frame, &context, true)?;
                }
                drop(frame);
                drop(document);
                let judge = Judge::new(conversation, expected);
                self.forward(headers, body, judge, context).await
            }
        }
    }

    /// Whether the token allows what is asked for; `false` if that cannot be said before a listing.
    fn permitted(
        &self,
        frame: &Frame<'_>,
        context: &Context,
        is_last: bool,
    ) -> Result<bool, Rejection> {
        let protection = self.protection.as_ref().zip(context.access.as_ref());
        let Some((protection, access)) = protection else { return Ok(true) };
        let messages = match frame {
            Frame::One(message) => std::slice::from_ref(message),
            Frame::Batch(messages) => messages,
        };
        self.authority.check(protection, &self.gate, access, messages, is_last)
    }

    /// The conversation that a POST belongs to.
    fn conversation(
        &self,
        frame: &Frame<'_>,
        context: &Context,
    ) -> Result<Arc<Conversation>, Rejection> {
        if let Some(link) = &context.link {
            return Ok(Arc::clone(&link.conversation));
        }
        if is_called(frame, "initialize") {
            return Ok(self.conversations.begin());
        }
        match context.session.as_ref().filter(|_| !context.is_modern) {
            Some(session) => self
                .conversations
                .of_session(session, context.principal)
                .ok_or_else(unknown_session),
            None => Ok(self.conversations.of_client(context.principal, client_of(frame))),
        }
    }

    async fn forward(
        &self,
        headers: HeaderMap,
        body: Bytes,
        judge: Judge,
        context: Context,
    ) -> Result<Response<Outgoing>, Rejection> {
        if let Some(link) = &context.link {
            return self.forward_beside(headers, body, judge, (link, &context.upstream)).await;
        }
        let path = context.upstream.path().clone();
        let sent = send(&context.upstream, path, headers, body, judge, context.is_modern).await;
        let (response, judge) = sent?;
        if judge.opens() && response.status().is_success() {
            let session = session_of(response.headers());
            self.conversations.begun(session, context.principal, judge.conversation());
        }
        if response.status() == StatusCode::NOT_FOUND
            && let Some(session) = context.session.as_ref().filter(|_| !context.is_modern)
        {
            self.conversations.ended(session, context.principal);
        }
        let kind = match context {
            Context { is_listening: true, .. } => Stream::Standing(closing(self.serving.clone())),
            Context { is_modern: true, .. } => Stream::Modern,
            _ => self.legacy(),
        };
        reply(response, judge, kind).await
    }

    /// Forwards to where an HTTP+SSE server takes requests; the responses come on its stream.
    async fn forward_beside(
        &self,
        headers: HeaderMap,
        body: Bytes,
        mut judge: Judge,
        (link, upstream): (&Link, &Arc<Upstream>),
    ) -> Result<Response<Outgoing>, Rejection> {
        let path = link.path().cloned().ok_or_else(unknown_session)?;
        let id = judge.id().to_vec();
        if !judge.expect_elsewhere() {
            let sentence = "this id is in use, or too many requests wait for their responses";
            return Err(Rejection::to(&id, StatusCode::CONFLICT, "http.in-flight", sentence));
        }
        let conversation = Arc::clone(judge.conversation());
        let sent = send(upstream, path, headers, body, judge, false).await;
        let (response, judge) = sent?;
        if !response.status().is_success() {
            judge.give_up();
        }
        reply(response, Judge::new(conversation, Vec::new()), self.legacy()).await
    }

    /// A stream that stands by itself: of a legacy session, or all that HTTP+SSE answers with.
    async fn get(
        &self,
        headers: HeaderMap,
        Asker { principal, upstream: asked, .. }: Asker,
    ) -> Result<Response<Outgoing>, Rejection> {
        let closing = closing(self.serving.clone());
        let (conversation, kind) = if let Some(session) = session_of(&headers) {
            let conversation = self.conversations.of_session(session, principal);
            (conversation.ok_or_else(unknown_session)?, Stream::Standing(closing))
        } else {
            let (streams, upstream) = (Arc::clone(&self.streams), Arc::clone(&self.upstream));
            let beside = Beside::new(streams, upstream, self.conversations.begin());
            (self.conversations.of_client(principal, None), Stream::Beside(closing, beside))
        };
        let sending = asked.send(Method::GET, headers, Bytes::new());
        let response = tokio::time::timeout(limits::ANSWER_TIME_MAX, sending)
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(|error| Rejection::upstream(b"null", &error))?;
        reply(response, Judge::new(conversation, Vec::new()), kind).await
    }

    fn legacy(&self) -> Stream {
        Stream::Legacy(Arc::clone(&self.upstream))
    }

    /// The end of a legacy session.
    async fn delete(
        &self,
        headers: HeaderMap,
        Asker { principal, upstream, .. }: Asker,
    ) -> Result<Response<Outgoing>, Rejection> {
        let session = session_of(&headers).cloned();
        let sending = upstream.send(Method::DELETE, headers, Bytes::new());
        let response = tokio::time::timeout(limits::ANSWER_TIME_MAX, sending)
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(|error| Rejection::upstream(b"null", &error))?;
        if let Some(session) = session.filter(|_| response.status().is_success()) {
            self.conversations.ended(&session, principal);
        }
        reply(response, Judge::new(self.conversations.begin(), Vec::new()), self.legacy()).await
    }
}

/// Decides on one message.
async fn decide(
    message: &Message<'_>,
    context: &Context,
    conversation: &Conversation,
    channel: &ClientChannel<'_>,
) -> Decision {
    let Message::Request(request) = message else { return Decision::Forward(Vec::new()) };
    let has_no_session = context.session.is_none() && context.link.is_none();
    let needs_opening = !context.is_modern && has_no_session && !conversation.is_open();
    if needs_opening && request.method != "initialize" {
        // A server without sessions may be called without `initialize`, but not be listed.
        let opening = Box::pin(channel.exchange("initialize", opening::initialize(None)));
        if let Ok(response) = opening.await {
            conversation.open_by(&response);
        }
    }
    match conversation.session.request(request, channel).await {
        Passage::Answer(answer) => Decision::Answer(answer),
        Passage::Forward(awaited) => Decision::Forward(vec![Expected::new(request.id, awaited)]),
    }
}

/// Decides on a batch. When one of its requests is not forwarded, none is.
async fn decide_batch(
    messages: &[Message<'_>],
    conversation: &Conversation,
    channel: &ClientChannel<'_>,
) -> Result<Decision, Rejection> {
    let opens = messages.iter().any(|message| message.method() == Some("initialize"));
    if opens || !conversation.session.speaks_batches() {
        let sentence = "only protocol 2025-03-26 has batches, and none with `initialize`";
        return Err(Rejection::new(StatusCode::BAD_REQUEST, "http.batch", sentence));
    }
    let mut expected = Vec::new();
    let mut answers = Vec::new();
    let mut is_held = false;
    for message in messages {
        let Message::Request(request) = message else { continue };
        match conversation.session.request(request, channel).await {
            Passage::Forward(awaited) => {
                expected.push(Expected::new(request.id, awaited));
                answers.push(answer::beside_held(request.id.raw()));
            }
            Passage::Answer(answer) => {
                is_held = true;
                answers.push(answer);
            }
        }
    }
    Ok(if is_held {
        Decision::Answer([b"[", answers.join(&b","[..]).as_slice(), b"]"].concat())
    } else {
        Decision::Forward(expected)
    })
}

/// Whether a POST speaks the modern era: its body says so, and its headers do not object.
fn is_modern(frame: &Frame<'_>, headers: &HeaderMap) -> Result<bool, Rejection> {
    let Frame::One(message) = frame else { return Ok(false) };
    let id = id_of(message);
    let version = wire::request::protocol_version(message.params()).map_err(Rejection::refused)?;
    let header = headers.get(MCP_PROTOCOL_VERSION).map(HeaderValue::as_bytes);
    let Some(version) = version else {
        let claims = header.is_some_and(|header| header >= opening::MODERN_VERSION.as_bytes());
        if claims && matches!(message, Message::Request(_)) {
            let sentence = "the header names a modern protocol version, the body's `_meta` none";
            let reason = Reason::new("http.protocol-version", sentence);
            return Err(Rejection::protocol(id, INVALID_PARAMS, reason, &Value::Null));
        }
        return Ok(false);
    };
    if version == opening::MODERN_VERSION {
        return Ok(true);
    }
    if header.is_some_and(|header| header != version.as_bytes()) {
        let sentence = "the header names another protocol version than the body's `_meta`";
        let reason = Reason::new("wire.header.mismatch", sentence);
        return Err(Rejection::protocol(id, HEADER_MISMATCH, reason, &Value::Null));
    }
    let reason = Reason::new("http.protocol-version", "this protocol version is not supported");
    let evidence = json!({ "supported": [opening::MODERN_VERSION], "requested": version });
    Err(Rejection::protocol(id, UNSUPPORTED_VERSION, reason, &evidence))
}

/// Checks that the headers of a modern POST say what its body says.
fn check_headers(
    message: &Message<'_>,
    headers: &HeaderMap,
    conversation: &Conversation,
) -> Result<(), Rejection> {
    let method = message.method().unwrap_or_default();
    let subject = wire::request::subject(method, message.params()).ok().flatten();
    let params = match subject {
        Some(Subject::Tool(tool)) => conversation.session.param_headers(&tool),
        _ => Vec::new(),
    };
    let all = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let all: Vec<_> = all.collect();
    wire::header::check(all.into_iter(), message, &params).map_err(|mismatch| {
        let sentence = format!("header `{}`: {}", mismatch.header, mismatch.code.sentence());
        let reason = Reason::new(mismatch.code.as_str(), sentence);
        let evidence = json!({ "code": mismatch.code.as_str(), "header": mismatch.header });
        Rejection::protocol(id_of(message), HEADER_MISMATCH, reason, &evidence)
    })
}

/// What a modern client says of itself in every request: a server may show it another surface than
/// its neighbours.
fn client_of<'m>(frame: &Frame<'m>) -> Option<&'m [u8]> {
    let Frame::One(message) = frame else { return None };
    let meta = message.params()?.get("_meta")?;
    meta.get(wire::request::PROTOCOL_VERSION)?;
    let client = meta.get("io.modelcontextprotocol/clientInfo");
    Some(client.map_or(b"", wire::Value::raw))
}

fn is_called(frame: &Frame<'_>, method: &str) -> bool {
    matches!(frame, Frame::One(message) if message.method() == Some(method))
}

fn id_of<'m>(message: &Message<'m>) -> &'m [u8] {
    match message {
        Message::Request(request) => request.id.raw(),
        Message::Notification(_) | Message::Response(_) => b"null",
    }
}

fn accepted() -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::whole(Bytes::new()));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// A legacy client then opens a new session (2025-11-25, transports, session management).
fn unknown_session() -> Rejection {
    Rejection::new(StatusCode::NOT_FOUND, "http.session", "this session is not known here")
}

/// How much is read of who shows no token that counts: a call is smaller, whoever sends more gets the
/// answer that needs no body.
const UNKNOWN_BYTES_MAX: usize = 64 << 10;

/// Where a server is served, beside its own path.
const PATH: &str = "/mcp";

const HEADER_MISMATCH: i64 = -32_020;
const UNSUPPORTED_VERSION: i64 = -32_022;
const INVALID_PARAMS: i64 = -32_602;
