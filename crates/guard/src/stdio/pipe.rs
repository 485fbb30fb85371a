//! A server's pipes as a [`Channel`]: requests of the guard among those of its client.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use wire::rpc::IdKey;

use super::outbox::Outbox;
use crate::channel::{Channel, ChannelError};

/// The guard's own requests on a server's stdin.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) outbox: Outbox,
    answer_time_max: Duration,
    /// Begins every id of ours, so that it meets none of a client's.
    prefix: String,
    count: AtomicU64,
    waiting: Mutex<HashMap<String, oneshot::Sender<Bytes>>>,
}

impl Pipe {
    /// A channel over `outbox` that waits this long for each answer.
    pub(crate) fn new(outbox: Outbox, answer_time_max: Duration) -> Self {
        let random = RandomState::new().hash_one(std::process::id());
        Self {
            outbox,
            answer_time_max,
            prefix: format!("countersign-{random:016x}-"),
            count: AtomicU64::new(0),
            waiting: Mutex::default(),
        }
    }

    /// Takes a response of the server if it answers a request of ours, or once did.
    pub(crate) fn deliver(&self, id: &IdKey, message: &Bytes) -> bool {
        let IdKey::Text(id) = id else { return false };
        if !id.starts_with(&self.prefix) {
            return false;
        }
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(waiting) = waiting {
            // Whoever asked may have stopped waiting.
            let _ = waiting.send(message.clone());
        }
        true
    }

    /// The server will answer nothing more.
    pub(crate) fn close(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Sends a notification of ours.
    pub(crate) async fn notify(&self, method: &str, params: Value) -> Result<(), ChannelError> {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.send(&message).await
    }

    async fn send(&self, message: &Value) -> Result<(), ChannelError> {
        let line = Bytes::from(message.to_string());
        self.outbox.send(line).await.map_err(|_| ChannelError::Closed)
    }

    fn forget(&self, id: &str) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl Channel for Pipe {
    async fn exchange(
        &self,
        method: &str,
        params: Map<String, Value>,
    ) -> Result<Bytes, ChannelError> {
        let id = format!("{}{}", self.prefix, self.count.fetch_add(1, Ordering::Relaxed));
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), answer);
        let asked = Asked { pipe: self, id: &id };
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
            .await?;
        let answered = tokio::time::timeout(self.answer_time_max, answered).await;
        drop(asked);
        if let Ok(answer) = answered {
            return answer.map_err(|_| ChannelError::Closed);
        }
        self.notify("notifications/cancelled", json!({ "requestId": id })).await?;
        Err(ChannelError::TimedOut(self.answer_time_max))
    }
}

/// The id that a refused line seems to carry. Nothing but its refusal may rest on it.
pub(crate) fn id_in(line: &[u8]) -> Option<IdKey> {
    #[derive(serde::Deserialize)]
    struct Answer {
        id: serde_json::Value,
    }
    let id = serde_json::from_slice::<Answer>(line).ok()?.id;
    Some(match id {
        serde_json::Value::String(text) => IdKey::Text(text),
        number => IdKey::Number(number.as_i64()?),
    })
}

/// A request of ours; forgotten when nobody waits for it any more.
struct Asked<'p> {
    pipe: &'p Pipe,
    id: &'p str,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.pipe.forget(self.id);
    }
}
