//! One client's conversation with one server: what passes, what is answered here, what is changed.
//!
//! A relay hands every message over and does as it is told. It owns the transport; the session
//! owns the decision, and asks the server for its lists through the relay's [`Channel`].

use std::sync::Arc;

use surface::{Era, List};
use wire::rpc::{Notification, Request, Response};

use crate::channel::Channel;
use crate::gate::Gate;

/// A session. Shared by the tasks of a relay.
pub struct Session {
    gate: Arc<Gate>,
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
    Page {
        /// The list.
        list: List,
        /// Whether it is the first page.
        first: bool,
    },
    /// The body of a `ui://` resource.
    Ui {
        /// Its URI.
        uri: String,
    },
    /// Anything else.
    Other,
}

impl Session {
    /// A session of a client that has said nothing yet.
    pub fn new(gate: Arc<Gate>) -> Self {
        Self { gate }
    }

    /// Decides on a client's request. Lists the server first, through `channel`, when what is
    /// known is too old; so it may take as long as a listing.
    pub async fn request(&self, _request: &Request<'_>, _channel: &impl Channel) -> Passage {
        let _ = &self.gate;
        Passage::Forward(Awaited { era: Era::Legacy, what: What::Other })
    }

    /// Looks into a response; gives the message to send in its place, or `None` to forward the
    /// original bytes.
    pub fn response(&self, _awaited: &Awaited, _response: &Response<'_>) -> Option<Vec<u8>> {
        None
    }

    /// Hears a server's notification: a changed list is listed again before the next call.
    pub fn server_notified(&self, _notification: &Notification<'_>) {}
}
