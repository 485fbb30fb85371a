//! Exchanges with a server over HTTP, for captures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use wire::rpc::Notification;

use crate::channel::{Channel, ChannelError};
use crate::http::upstream::Upstream;
use crate::http::upstream::events::EventReader;
use crate::http::upstream::question::{MCP_SESSION_ID, Manner, ask, ask_beside, settle};

/// A conversation of our own with a remote server.
pub(crate) struct HttpChannel {
    pub(super) upstream: Arc<Upstream>,
    pub(super) manner: Manner,
    pub(super) answer_time_max: Duration,
    pub(super) line: Line,
    /// How often the server said that a list changed.
    pub(super) changes: AtomicU64,
}

/// How answers come back.
pub(super) enum Line {
    /// Streamable HTTP: with the request's own response.
    Own,
    /// HTTP+SSE: on one stream beside.
    Beside {
        stream: Box<Mutex<EventReader>>,
        /// Where requests go.
        path: PathAndQuery,
    },
}

impl HttpChannel {
    /// Like [`Channel::exchange`], with the headers of the answer where it has its own.
    pub(super) async fn ask(
        &self,
        method: &str,
        params: Map<String, Value>,
    ) -> Result<(HeaderMap, Bytes), ChannelError> {
        let question = self.manner.question(self.upstream.ids(), method, &params);
        let ear = |notification: &Notification<'_>| {
            if notification.method.ends_with("/list_changed") {
                self.changes.fetch_add(1, Ordering::Relaxed);
            }
        };
        self.in_time(async {
            match &self.line {
                Line::Own => ask(&self.upstream, &self.manner, question, &ear).await,
                Line::Beside { stream, path } => {
                    let mut stream = stream.lock().await;
                    let (upstream, manner) = (&self.upstream, &self.manner);
                    ask_beside(&mut stream, upstream, path, manner, question, &ear)
                        .await
                        .map(|answer| (HeaderMap::new(), answer))
                }
            }
        })
        .await
    }

    /// Tells the server something that wants no answer.
    pub(super) async fn notify(&self, method: &str) -> Result<(), ChannelError> {
        let body = Bytes::from(json!({ "jsonrpc": "2.0", "method": method }).to_string());
        let path = match &self.line {
            Line::Own => self.upstream.path(),
            Line::Beside { path, .. } => path,
        };
        let sending =
            self.upstream.send_to(path.clone(), Method::POST, self.manner.headers(), body);
        self.in_time(async { settle(sending.await?).await }).await
    }

    /// Ends the session, if the server gave one. That it may refuse to is no failure.
    pub(super) async fn close(self) {
        if self.manner.headers.contains_key(MCP_SESSION_ID) {
            let headers = self.manner.headers.clone();
            let ending = self.upstream.send(Method::DELETE, headers, Bytes::new());
            drop(self.in_time(async { settle(ending.await?).await }).await);
        }
    }

    async fn in_time<T>(
        &self,
        exchange: impl Future<Output = Result<T, ChannelError>>,
    ) -> Result<T, ChannelError> {
        tokio::time::timeout(self.answer_time_max, exchange)
            .await
            .unwrap_or(Err(ChannelError::TimedOut(self.answer_time_max)))
    }
}

impl Channel for HttpChannel {
    async fn exchange(
        &self,
        method: &str,
        params: Map<String, Value>,
    ) -> Result<Bytes, ChannelError> {
        self.ask(method, params).await.map(|(_, answer)| answer)
    }
}
