//! JSON-RPC 2.0 envelopes, read strictly: what a message is, and nothing about what it means.
//!
//! A message is a request, a notification or a response, never two of them. Members that JSON-RPC
//! does not name pass, because no reader takes them for something else; a member whose key is only
//! *nearly* one of JSON-RPC's (`Method`, `paramſ`) is refused, because lenient parsers do.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::json::{Document, Kind, Value};
use crate::limits;
use crate::refusal::{Code, Refusal};

/// What one line, body or SSE event carries.
#[derive(Debug)]
pub enum Frame<'d> {
    /// One message.
    One(Message<'d>),
    /// A batch, which only protocol 2025-03-26 has.
    Batch(Vec<Message<'d>>),
}

/// One JSON-RPC message.
#[derive(Debug, Clone)]
pub enum Message<'d> {
    /// Wants an answer.
    Request(Request<'d>),
    /// Wants none.
    Notification(Notification<'d>),
    /// Answers a request.
    Response(Response<'d>),
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request<'d> {
    /// The whole message.
    pub whole: Value<'d>,
    /// Its id.
    pub id: Id<'d>,
    /// Its method.
    pub method: Cow<'d, str>,
    /// Its `params`, always an object.
    pub params: Option<Value<'d>>,
}

/// A notification.
#[derive(Debug, Clone)]
pub struct Notification<'d> {
    /// The whole message.
    pub whole: Value<'d>,
    /// Its method.
    pub method: Cow<'d, str>,
    /// Its `params`, always an object.
    pub params: Option<Value<'d>>,
}

/// A response.
#[derive(Debug, Clone)]
pub struct Response<'d> {
    /// The whole message.
    pub whole: Value<'d>,
    /// The id of the request; `None` only in an error whose `id` is `null` or absent.
    pub id: Option<Id<'d>>,
    /// The result or the error.
    pub outcome: Outcome<'d>,
}

/// What a response says.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'d> {
    /// `result`, any value.
    Result(Value<'d>),
    /// `error`, an object with an integer `code` and a string `message`.
    Error(Value<'d>),
}

/// The id of a request, as received.
#[derive(Debug, Clone, Copy)]
pub struct Id<'d> {
    value: Value<'d>,
}

/// An id by which a response finds its request: `1` and `1.0` are the same, `1` and `"1"` are not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IdKey {
    /// An integer.
    Number(i64),
    /// A string.
    Text(String),
}

impl<'d> Message<'d> {
    /// The method of a request or notification.
    pub fn method(&self) -> Option<&str> {
        match self {
            Self::Request(request) => Some(&request.method),
            Self::Notification(notification) => Some(&notification.method),
            Self::Response(_) => None,
        }
    }

    /// The `params` of a request or notification.
    pub fn params(&self) -> Option<Value<'d>> {
        match self {
            Self::Request(request) => request.params,
            Self::Notification(notification) => notification.params,
            Self::Response(_) => None,
        }
    }
}

impl<'d> Id<'d> {
    /// Reads an id: a string, or an integer that every parser reads alike.
    ///
    /// # Errors
    /// `wire.rpc.id` for anything else, `wire.rpc.long` past the limit.
    pub fn read(value: Value<'d>) -> Result<Self, Refusal> {
        if value.raw().len() > limits::ID_BYTES_MAX {
            return Err(Refusal::at(Code::Long, value.start()));
        }
        let is_id = match value.kind() {
            Kind::String => value.exact()?.as_str().is_some(),
            Kind::Number => value.exact()?.as_integer().is_some(),
            _ => false,
        };
        if is_id { Ok(Self { value }) } else { Err(Refusal::at(Code::Id, value.start())) }
    }

    /// The bytes of the id, as received.
    pub fn raw(self) -> &'d [u8] {
        self.value.raw()
    }

    /// The id as a key.
    pub fn key(self) -> IdKey {
        self.value.as_str().map_or_else(
            || IdKey::Number(self.value.as_integer().unwrap_or_default()),
            |text| IdKey::Text(text.into_owned()),
        )
    }
}

impl<'d> Frame<'d> {
    /// Reads what `document` carries.
    ///
    /// # Errors
    /// The first part of an envelope that two readers could take differently.
    pub fn read(document: &'d Document<'d>) -> Result<Self, Refusal> {
        let root = document.root();
        match root.kind() {
            Kind::Object => message(root).map(Self::One),
            Kind::Array => batch(root).map(Self::Batch),
            _ => Err(Refusal::at(Code::NotMessage, root.start())),
        }
    }
}

fn batch(whole: Value<'_>) -> Result<Vec<Message<'_>>, Refusal> {
    let mut messages = Vec::new();
    let mut ids = HashSet::new();
    for element in whole.elements() {
        if messages.len() == limits::BATCH_MESSAGES_MAX {
            return Err(Refusal::at(Code::BatchSize, element.start()));
        }
        messages.push(match element.kind() {
            Kind::Object => message(element)?,
            Kind::Array => return Err(Refusal::at(Code::BatchNested, element.start())),
            _ => return Err(Refusal::at(Code::NotMessage, element.start())),
        });
        match messages.last() {
            Some(message) if message.method() == Some("initialize") => {
                return Err(Refusal::at(Code::BatchInitialize, element.start()));
            }
            Some(Message::Request(request)) if !ids.insert(request.id.key()) => {
                return Err(Refusal::at(Code::BatchId, element.start()));
            }
            _ => {}
        }
    }
    if messages.is_empty() {
        return Err(Refusal::at(Code::BatchEmpty, whole.start()));
    }
    Ok(messages)
}

fn message(whole: Value<'_>) -> Result<Message<'_>, Refusal> {
    let envelope = Envelope::read(whole)?;
    let at_start = |code| Refusal::at(code, whole.start());
    if !envelope.jsonrpc.is_some_and(|version| version.is_text("2.0")) {
        let at = envelope.jsonrpc.map_or(whole.start(), Value::start);
        return Err(Refusal::at(Code::Version, at));
    }
    if let Some(method) = envelope.method {
        if let Some(outcome) = envelope.result.or(envelope.error) {
            return Err(Refusal::at(Code::Mixed, outcome.start()));
        }
        return call(whole, &envelope, method);
    }
    if let Some(params) = envelope.params {
        return Err(Refusal::at(Code::Mixed, params.start()));
    }
    let outcome = match (envelope.result, envelope.error) {
        (Some(result), None) => Outcome::Result(result),
        (None, Some(error)) => Outcome::Error(checked_error(error)?),
        (Some(_), Some(error)) => return Err(Refusal::at(Code::BothOutcomes, error.start())),
        (None, None) => return Err(at_start(Code::NoOutcome)),
    };
    let id = envelope.id.filter(|id| !id.is_null()).map(Id::read).transpose()?;
    if id.is_none() && matches!(outcome, Outcome::Result(_)) {
        return Err(at_start(Code::IdMissing));
    }
    Ok(Message::Response(Response { whole, id, outcome }))
}

/// A request, or without an id a notification.
fn call<'d>(
    whole: Value<'d>,
    envelope: &Envelope<'d>,
    method: Value<'d>,
) -> Result<Message<'d>, Refusal> {
    if method.raw().len() > limits::METHOD_BYTES_MAX {
        return Err(Refusal::at(Code::Long, method.start()));
    }
    let name = method.exact()?.as_str().filter(|name| !name.is_empty());
    let name = name.ok_or(Refusal::at(Code::Method, method.start()))?;
    if is_nearly_decisive(&name) {
        return Err(Refusal::at(Code::MethodForm, method.start()));
    }
    if let Some(params) = envelope.params
        && params.kind() != Kind::Object
    {
        return Err(Refusal::at(Code::Params, params.start()));
    }
    let params = envelope.params;
    // MCP names every notification so; what is called without an id, some servers call all the same.
    if name.starts_with("notifications/") != envelope.id.is_none() {
        return Err(Refusal::at(Code::Notification, method.start()));
    }
    Ok(match envelope.id {
        Some(id) => Message::Request(Request { whole, id: Id::read(id)?, method: name, params }),
        None => Message::Notification(Notification { whole, method: name, params }),
    })
}

/// Whether a lenient server could take a method for one on which a decision rests.
fn is_nearly_decisive(method: &str) -> bool {
    let bare = method.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    DECISIVE_METHODS.iter().any(|known| *known != method && known.eq_ignore_ascii_case(bare))
}

fn checked_error(error: Value<'_>) -> Result<Value<'_>, Refusal> {
    if error.kind() != Kind::Object {
        return Err(Refusal::at(Code::Error, error.start()));
    }
    let code = error.member("code")?;
    if let Some(code) = code {
        code.exact()?;
    }
    let message = error.member("message")?;
    let is_error = code.is_some_and(|code| code.as_integer().is_some())
        && message.is_some_and(|message| message.kind() == Kind::String);
    if is_error { Ok(error) } else { Err(Refusal::at(Code::Error, error.start())) }
}

/// The members that JSON-RPC names.
#[derive(Default)]
struct Envelope<'d> {
    jsonrpc: Option<Value<'d>>,
    id: Option<Value<'d>>,
    method: Option<Value<'d>>,
    params: Option<Value<'d>>,
    result: Option<Value<'d>>,
    error: Option<Value<'d>>,
}

impl<'d> Envelope<'d> {
    fn read(whole: Value<'d>) -> Result<Self, Refusal> {
        let mut envelope = Self::default();
        for (key, value) in whole.members() {
            key.exact()?;
            let members = [
                ("jsonrpc", &mut envelope.jsonrpc),
                ("id", &mut envelope.id),
                ("method", &mut envelope.method),
                ("params", &mut envelope.params),
                ("result", &mut envelope.result),
                ("error", &mut envelope.error),
            ];
            for (name, member) in members {
                if key.names(name)? {
                    *member = Some(value);
                    break;
                }
            }
        }
        Ok(envelope)
    }
}

/// The methods that act on an item, or show a part of a surface.
const DECISIVE_METHODS: &[&str] = &[
    "completion/complete",
    "initialize",
    "prompts/get",
    "prompts/list",
    "resources/directory/read",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "server/discover",
    "skills/get",
    "skills/list",
    "tools/call",
    "tools/list",
];

#[cfg(test)]
mod tests;
