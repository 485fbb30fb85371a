//! Our own requests: how they are spoken, and the search for their answers.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::{Map, Value, json};
use wire::rpc::Notification;
use wire::{Document, Frame, Message, Policy, Refusal};

use super::events::EventReader;
use super::pool::Answer;
use super::{Content, Upstream, invalid};
use crate::channel::ChannelError;
use crate::http::body;
use crate::limits;
use crate::stdio::answer_as_client;

/// What our requests carry beside themselves.
#[derive(Default)]
pub(crate) struct Manner {
    pub(crate) headers: HeaderMap,
}

/// Hears the notifications that come between a request and its answer.
pub(crate) type Ear<'e> = &'e (dyn Fn(&Notification<'_>) + Sync);

/// One request, ready to be sent.
pub(crate) struct Question {
    id: String,
    headers: HeaderMap,
    body: Bytes,
}

/// Ids that no client of the same server uses by chance.
pub(crate) struct Ids {
    prefix: u64,
    next: AtomicU64,
}

/// What a message is to somebody who waits for one answer.
enum Heard {
    /// The answer.
    Answer,
    /// A request of the server's, with the answer of a client that offers nothing.
    Request(Bytes),
    /// Something for others.
    Another,
}

impl Manner {
    /// The request `method` with `params`.
    pub(crate) fn question(
        &self,
        ids: &Ids,
        method: &str,
        params: &Map<String, Value>,
    ) -> Question {
        let mut headers = self.headers();
        let version = params.get("_meta").and_then(|meta| meta.get(VERSION_KEY));
        if let Some(version) = version.and_then(Value::as_str) {
            headers.insert(MCP_PROTOCOL_VERSION, header_value(version));
            headers.insert(MCP_METHOD, header_value(method));
            let name = params.get("name").or_else(|| params.get("uri")).and_then(Value::as_str);
            if let Some(name) = name {
                headers.insert(MCP_NAME, header_value(name));
            }
        }
        let id = ids.next();
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        Question { id, headers, body: body.to_string().into() }
    }

    /// The headers of a message that is no request.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        headers
    }
}

impl Question {
    /// Its id, its headers and its body.
    pub(crate) fn into_parts(self) -> (String, HeaderMap, Bytes) {
        (self.id, self.headers, self.body)
    }
}

impl Ids {
    pub(crate) fn new() -> Self {
        // The hasher's keys come from the operating system's randomness.
        Self { prefix: RandomState::new().hash_one(0), next: AtomicU64::new(1) }
    }

    fn next(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("countersign-{:016x}-{number}", self.prefix)
    }
}

/// Asks over Streamable HTTP: the answer is the body, or comes in the stream that is the body.
pub(crate) async fn ask(
    upstream: &Upstream,
    manner: &Manner,
    question: Question,
    ear: Ear<'_>,
) -> Result<(HeaderMap, Bytes), ChannelError> {
    let Question { id, headers, body } = question;
    let answer = upstream.send(Method::POST, headers, body).await?;
    let status = answer.status();
    let is_refused = status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN;
    match Content::of(answer.headers()) {
        Content::Json if !is_refused => {
            let (head, body) = answer.into_parts();
            let body = body::read(body, wire::limits::MESSAGE_BYTES_MAX, limits::ANSWER_TIME_MAX)
                .await
                .map_err(std::io::Error::from)?;
            match (hear(&body, &id, ear), status.is_success()) {
                (Ok(Heard::Answer), _) => Ok((head.headers, body)),
                (Err(refusal), true) => Err(refusal.into()),
                (Ok(_), true) => Err(invalid(NOT_OURS.to_owned()).into()),
                (_, false) => Err(turned_away(status, &head.headers)),
            }
        }
        Content::Events if status.is_success() => {
            let (head, body) = answer.into_parts();
            let mut stream = EventReader::new(body);
            let answer =
                answer_in(&mut stream, &id, (upstream, upstream.path()), manner, ear).await?;
            Ok((head.headers, answer))
        }
        _ => Err(turned_away(status, answer.headers())),
    }
}

/// Asks over HTTP+SSE: the request goes to `path`, the answer comes on the stream.
pub(crate) async fn ask_beside(
    stream: &mut EventReader,
    upstream: &Upstream,
    path: &PathAndQuery,
    manner: &Manner,
    question: Question,
    ear: Ear<'_>,
) -> Result<Bytes, ChannelError> {
    let Question { id, headers, body } = question;
    let accepted = upstream.send_to(path.clone(), Method::POST, headers, body).await?;
    settle(accepted).await?;
    answer_in(stream, &id, (upstream, path), manner, ear).await
}

/// Reads what follows a message that wants no answer, so that its connection can be used again.
pub(crate) async fn settle(accepted: Response<Answer>) -> Result<(), ChannelError> {
    if !accepted.status().is_success() {
        return Err(turned_away(accepted.status(), accepted.headers()));
    }
    if Content::of(accepted.headers()) != Content::Events {
        let (bytes_max, time_max) = (limits::HEAD_BYTES_MAX, limits::CONNECT_TIME_MAX);
        // What it says does not matter; unread, it only costs the connection.
        drop(body::read(accepted.into_body(), bytes_max, time_max).await);
    }
    Ok(())
}

/// The error that an HTTP status stands for.
pub(crate) fn turned_away(status: StatusCode, headers: &HeaderMap) -> ChannelError {
    let challenge = headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    ChannelError::Status { status: status.as_u16(), challenge: challenge.map(str::to_owned) }
}

/// The answer to `id` in a stream. What the server asks meanwhile is answered to `back`.
async fn answer_in(
    stream: &mut EventReader,
    id: &str,
    back: (&Upstream, &PathAndQuery),
    manner: &Manner,
    ear: Ear<'_>,
) -> Result<Bytes, ChannelError> {
    let bytes_before = stream.bytes_read();
    while let Some(event) = stream.next().await? {
        let is_message = event.is_message();
        let Some(data) = event.data.filter(|data| is_message && !data.is_empty()) else { continue };
        match hear(&data, id, ear)? {
            Heard::Answer => return Ok(data),
            Heard::Another => {}
            Heard::Request(answer) => {
                let (upstream, path) = back;
                let sending =
                    upstream.send_to(path.clone(), Method::POST, manner.headers(), answer);
                // A server that will not hear it may still answer.
                drop(settle(sending.await?).await);
            }
        }
        if stream.bytes_read() - bytes_before > limits::STREAM_BYTES_MAX {
            return Err(invalid("the stream holds too much beside the answer".to_owned()).into());
        }
    }
    Err(ChannelError::Closed)
}

fn hear(bytes: &[u8], id: &str, ear: Ear<'_>) -> Result<Heard, Refusal> {
    let document = Document::parse(bytes, &Policy::default())?;
    Ok(match Frame::read(&document)? {
        Frame::One(Message::Response(response)) => match response.id {
            // An error without an id answers the only request there is.
            None => Heard::Answer,
            Some(answered) if is_text(answered.raw(), id) => Heard::Answer,
            Some(_) => Heard::Another,
        },
        Frame::One(Message::Request(request)) => Heard::Request(answer_as_client(&request)),
        Frame::One(Message::Notification(notification)) => {
            ear(&notification);
            Heard::Another
        }
        Frame::Batch(_) => Heard::Another,
    })
}

/// Whether `raw` is the JSON string of `text`, which needs no escapes.
fn is_text(raw: &[u8], text: &str) -> bool {
    raw.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) == Some(text.as_bytes())
}

/// `text` as a header says it: as it is, or in Base64 (2026-07-28, transports, header values).
fn header_value(text: &str) -> HeaderValue {
    let is_safe = text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && text.trim() == text
        && !text.starts_with("=?base64?");
    let value = if is_safe {
        HeaderValue::from_str(text)
    } else {
        HeaderValue::try_from(format!("=?base64?{}?=", STANDARD.encode(text)))
    };
    value.unwrap_or_else(|_| HeaderValue::from_static(""))
}

pub(crate) const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
pub(crate) const MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");
pub(crate) const MCP_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(crate) const MCP_SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const NOT_OURS: &str = "the server answered another request";
