//! The guard's own requests inside a client's session: asked as the client asks.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName};
use http::{HeaderMap, Method};
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use wire::rpc::IdKey;

use super::beside::Link;
use super::conversation::Waiting;
use super::opening::META_PREFIX;
use super::question::{MCP_METHOD, MCP_NAME, Manner, Question, ask, settle};
use super::upstream::Upstream;
use crate::channel::{Channel, ChannelError};
use crate::limits;

/// Asks the server with the headers, and in the modern era the `_meta`, of a client's request.
pub(super) struct ClientChannel<'r> {
    pub(super) upstream: &'r Upstream,
    pub(super) headers: &'r HeaderMap,
    /// `params` of the client's request, when it is modern.
    pub(super) modern: Option<wire::Value<'r>>,
    /// The stream on which answers come, over HTTP+SSE.
    pub(super) link: Option<&'r Link>,
    /// The status that an exchange met, which is then the client's to handle.
    pub(super) turned_away: Mutex<Option<(u16, Option<String>)>>,
}

impl ClientChannel<'_> {
    /// The status by which the server turned an exchange away: the client has to authorize, or to
    /// open a new session.
    pub(super) fn turned_away(&self) -> Option<(u16, Option<String>)> {
        self.turned_away.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn manner(&self) -> Manner {
        let mut headers = self.headers.clone();
        let per_message = |name: &HeaderName| {
            [MCP_METHOD, MCP_NAME, CONTENT_LENGTH].contains(name)
                || name.as_str().starts_with("mcp-param-")
        };
        let names: Vec<HeaderName> =
            headers.keys().filter(|name| per_message(name)).cloned().collect();
        for name in names {
            headers.remove(name);
        }
        Manner { headers, meta: self.modern.map(client_meta) }
    }

    async fn ask(&self, manner: &Manner, question: Question) -> Result<Bytes, ChannelError> {
        let Some(link) = self.link else {
            return ask(self.upstream, manner, question).await.map(|(_, answer)| answer);
        };
        let path = link.path().ok_or(ChannelError::Closed)?.clone();
        let (id, headers, body) = question.into_parts();
        let (sender, receiver) = oneshot::channel();
        link.conversation.expect(IdKey::Text(id), Waiting::Guard(sender));
        let accepted = self.upstream.send_to(path, Method::POST, headers, body).await?;
        settle(accepted).await?;
        receiver.await.map_err(|_| ChannelError::Closed)
    }
}

impl Channel for ClientChannel<'_> {
    async fn exchange(
        &self,
        method: &str,
        params: Map<String, Value>,
    ) -> Result<Bytes, ChannelError> {
        let manner = self.manner();
        let question = manner.question(self.upstream.ids(), method, params);
        let time_max = limits::LISTING_TIME_MAX;
        let answer = tokio::time::timeout(time_max, self.ask(&manner, question))
            .await
            .unwrap_or(Err(ChannelError::TimedOut(time_max)));
        if let Err(ChannelError::Status { status: status @ (401 | 403 | 404), challenge }) = &answer {
            let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
            *turned_away = Some((*status, challenge.clone()));
        }
        answer
    }
}

/// What a modern client says of itself, to be said again.
fn client_meta(params: wire::Value<'_>) -> Map<String, Value> {
    let members = params.get("_meta").into_iter().flat_map(wire::Value::members);
    members
        .filter_map(|(name, value)| {
            let name = name.as_str()?;
            let said = name.strip_prefix(META_PREFIX)?;
            if !["protocolVersion", "clientCapabilities", "clientInfo"].contains(&said) {
                return None;
            }
            Some((name.into_owned(), serde_json::from_slice(value.raw()).ok()?))
        })
        .collect()
}
