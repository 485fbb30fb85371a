//! The guard's own requests inside a client's session: asked as the client asks.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName};
use http::{HeaderMap, Method};
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use wire::rpc::{IdKey, Notification};

use super::beside::Link;
use super::conversation::{Conversation, Waiting};
use super::own::Own;
use crate::channel::{Channel, ChannelError};
use crate::http::upstream::Upstream;
use crate::http::upstream::question::{MCP_METHOD, MCP_NAME, Manner, Question, ask, settle};
use crate::limits;

/// Asks the server with the headers of a client's request.
pub(super) struct ClientChannel<'r> {
    upstream: &'r Upstream,
    conversation: &'r Conversation,
    headers: &'r HeaderMap,
    /// The stream on which answers come, over HTTP+SSE.
    link: Option<&'r Link>,
    /// Asks by itself instead, as nobody's client.
    own: Option<&'r Own>,
    /// The status that an exchange met.
    turned_away: Mutex<Option<TurnedAway>>,
}

/// A status that is the client's to handle: it has to authorize, or to open a new session.
pub(super) struct TurnedAway {
    pub(super) status: u16,
    pub(super) challenge: Option<String>,
}

impl<'r> ClientChannel<'r> {
    pub(super) fn new(
        upstream: &'r Upstream,
        conversation: &'r Conversation,
        headers: &'r HeaderMap,
        link: Option<&'r Link>,
    ) -> Self {
        // Once known by its credentials, a client is known by its session.
        let is_named = upstream.broker().is_some();
        if is_named || !headers.keys().all(|name| tells_nothing(name.as_str())) {
            conversation.name();
        }
        let turned_away = Mutex::new(None);
        Self { upstream, conversation, headers, link, own: None, turned_away }
    }

    /// The same, asked by the guard itself where it has a conversation of its own.
    pub(super) fn through(mut self, own: Option<&'r Own>) -> Self {
        self.own = own.filter(|_| self.link.is_none());
        self
    }

    /// The status by which the server turned an exchange away.
    pub(super) fn turned_away(&self) -> Option<TurnedAway> {
        self.turned_away.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn manner(&self) -> Manner {
        let is_general = |name: &HeaderName| {
            ![MCP_METHOD, MCP_NAME, CONTENT_LENGTH].contains(name)
                && !name.as_str().starts_with("mcp-param-")
        };
        let headers = self.headers.iter().filter(|(name, _)| is_general(name));
        Manner { headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect() }
    }

    async fn ask(&self, manner: &Manner, question: Question) -> Result<Bytes, ChannelError> {
        let Some(link) = self.link else {
            let session = &self.conversation.session;
            let ear = |notification: &Notification<'_>| session.server_notified(notification);
            let answer = ask(self.upstream, manner, question, &ear).await;
            return answer.map(|(_, answer)| answer);
        };
        let path = link.path().ok_or(ChannelError::Closed)?.clone();
        let (id, headers, body) = question.into_parts();
        let (sender, receiver) = oneshot::channel();
        if !self.conversation.expect(IdKey::Text(id), Waiting::Guard(sender)) {
            return Err(ChannelError::Closed);
        }
        settle(self.upstream.send_to(path, Method::POST, headers, body).await?).await?;
        receiver.await.map_err(|_| ChannelError::Closed)
    }
}

impl Channel for ClientChannel<'_> {
    async fn exchange(
        &self,
        method: &str,
        params: Map<String, Value>,
    ) -> Result<Bytes, ChannelError> {
        if let Some(own) = self.own {
            return own.exchange(method, params).await;
        }
        let manner = self.manner();
        let question = manner.question(self.upstream.ids(), method, &params);
        let time_max = limits::LISTING_TIME_MAX;
        let answer = tokio::time::timeout(time_max, self.ask(&manner, question))
            .await
            .unwrap_or(Err(ChannelError::TimedOut(time_max)));
        if let Err(ChannelError::Status { status: status @ (401 | 403 | 404), challenge }) = &answer
        {
            let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
            *turned_away = Some(TurnedAway { status: *status, challenge: challenge.clone() });
        }
        answer
    }

    fn is_anonymous(&self) -> bool {
        // Over HTTP+SSE the credentials came with another request.
        self.link.is_none() && self.conversation.is_anonymous()
    }
}

/// Whether a header of a client says nothing of who it is: those of HTTP, of web browsers and of the
/// protocol. Any other might.
fn tells_nothing(header: &str) -> bool {
    const PLAIN: [&str; 15] = [
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "last-event-id",
        "origin",
        "pragma",
        "transfer-encoding",
        "user-agent",
        "dnt",
    ];
    PLAIN.contains(&header) || header.starts_with("mcp-") || header.starts_with("sec-")
}
