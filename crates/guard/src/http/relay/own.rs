//! The guard's own conversation with the server, where each caller has a token of their own: what is
//! listed, and so pinned, is listed as the guard itself and never as one of them.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use wire::rpc::Notification;

use crate::capture::opening;
use crate::channel::ChannelError;
use crate::http::upstream::Upstream;
use crate::http::upstream::question::{MCP_PROTOCOL_VERSION, MCP_SESSION_ID, Manner, ask, settle};
use crate::limits;

/// A conversation of the guard's own, opened when it is first needed.
pub(super) struct Own {
    upstream: Arc<Upstream>,
    /// What its requests carry in the legacy era.
    opened: Mutex<Option<HeaderMap>>,
}

impl Own {
    /// With the server as the guard itself asks it.
    pub(super) fn new(upstream: Arc<Upstream>) -> Self {
        Self { upstream, opened: Mutex::default() }
    }

    /// Asks, in the era that the parameters speak.
    pub(super) async fn exchange(
        &self,
        method: &str,
        params: Map<String, Value>,
    ) -> Result<Bytes, ChannelError> {
        let time_max = limits::LISTING_TIME_MAX;
        let asked = tokio::time::timeout(time_max, self.ask(method, params));
        asked.await.unwrap_or(Err(ChannelError::TimedOut(time_max)))
    }

    async fn ask(&self, method: &str, params: Map<String, Value>) -> Result<Bytes, ChannelError> {
        let is_modern = params.get("_meta").and_then(|meta| meta.get(VERSION_KEY)).is_some();
        if is_modern || method == "initialize" {
            let (_, answer) = self.send(&Manner::default(), method, &params).await?;
            return Ok(answer);
        }
        let mut has_retried = false;
        loop {
            let manner = self.opened().await?;
            match self.send(&manner, method, &params).await {
                // A session that is over: a new one is opened, once.
                Err(ChannelError::Status { status: 400 | 404, .. }) if !has_retried => {
                    has_retried = true;
                    *self.opened.lock().await = None;
                }
                answer => return answer.map(|(_, answer)| answer),
            }
        }
    }

    /// What requests carry once `initialize` was answered.
    async fn opened(&self) -> Result<Manner, ChannelError> {
        let mut opened = self.opened.lock().await;
        if let Some(headers) = &*opened {
            return Ok(Manner { headers: headers.clone() });
        }
        let params = opening::initialize(None);
        let (head, answer) = self.send(&Manner::default(), "initialize", &params).await?;
        let mut headers = HeaderMap::new();
        if let Some(session) = head.get(MCP_SESSION_ID) {
            headers.insert(MCP_SESSION_ID, session.clone());
        }
        if let Some(version) = version(&answer) {
            headers.insert(MCP_PROTOCOL_VERSION, version);
        }
        let manner = Manner { headers: headers.clone() };
        let body = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let sending = self.upstream.send(Method::POST, manner.headers(), body.to_string().into());
        settle(sending.await?).await?;
        *opened = Some(headers);
        Ok(manner)
    }

    async fn send(
        &self,
        manner: &Manner,
        method: &str,
        params: &Map<String, Value>,
    ) -> Result<(HeaderMap, Bytes), ChannelError> {
        let question = manner.question(self.upstream.ids(), method, params);
        ask(&self.upstream, manner, question, &|_: &Notification<'_>| {}).await
    }
}

/// The version that the server chose.
fn version(answer: &Bytes) -> Option<HeaderValue> {
    let document = wire::Document::parse(answer, &wire::Policy::default()).ok()?;
    let version = document.root().get("result")?.get("protocolVersion")?.as_str()?;
    HeaderValue::from_str(&version).ok()
}

const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
