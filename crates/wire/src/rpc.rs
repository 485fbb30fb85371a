//! JSON-RPC 2.0 envelopes, read strictly: what a message is, and nothing about what it means.

use std::borrow::Cow;

use crate::json::{Document, Value};
use crate::refusal::Refusal;

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

impl<'d> Id<'d> {
    /// The bytes of the id, as received.
    pub fn raw(self) -> &'d [u8] {
        self.value.raw()
    }

    /// The id as a key.
    pub fn key(self) -> IdKey {
        self.value.as_str().map_or_else(
            || {
                IdKey::Number(
                    self.value.as_number().and_then(|n| n.parse().ok()).unwrap_or_default(),
                )
            },
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
        message(document.root()).map(Self::One)
    }
}

fn message(_whole: Value<'_>) -> Result<Message<'_>, Refusal> {
    Err(Refusal { code: crate::Code::Syntax, offset: 0 })
}
