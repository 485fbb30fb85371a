//! HTTP+SSE (2024-11-05): requests go to one address, everything else comes on one stream.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::PathAndQuery;
use tokio::sync::mpsc;

use super::conversation::Conversation;
use super::outgoing::encode;
use crate::http::upstream::Upstream;
use crate::limits;

/// The streams that are open, by the path under which their requests come.
#[derive(Default)]
pub(super) struct Streams {
    open: Mutex<HashMap<String, Arc<Link>>>,
}

/// What a request needs of its stream.
pub(super) struct Link {
    pub(super) conversation: Arc<Conversation>,
    /// Where the server takes requests; unknown until it says so.
    path: OnceLock<PathAndQuery>,
    answers: mpsc::Sender<Bytes>,
}

/// What a stream needs of its requests. Dropped, it closes their address.
pub(super) struct Beside {
    streams: Arc<Streams>,
    upstream: Arc<Upstream>,
    address: String,
    link: Arc<Link>,
    answers: mpsc::Receiver<Bytes>,
}

impl Streams {
    /// The stream whose requests come under `path`.
    pub(super) fn at(&self, path: &str) -> Option<Arc<Link>> {
        if !path.starts_with(ADDRESS) {
            return None;
        }
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(path).map(Arc::clone)
    }
}

impl Link {
    /// Where the server takes requests.
    pub(super) fn path(&self) -> Option<&PathAndQuery> {
        self.path.get()
    }

    /// Sends an answer of our own on the stream.
    pub(super) async fn answer(&self, message: &[u8]) {
        // A stream that closed has nobody left to answer.
        drop(self.answers.send(encode(None, message)).await);
    }
}

impl Beside {
    /// The stream of a conversation that `endpoint` will open.
    pub(super) fn new(
        streams: Arc<Streams>,
        upstream: Arc<Upstream>,
        conversation: Arc<Conversation>,
    ) -> Self {
        let (sender, answers) = mpsc::channel(ANSWERS_MAX);
        // Nobody but the stream's reader can guess where its requests go.
        let (one, other) = (RandomState::new().hash_one(0), RandomState::new().hash_one(1));
        let address = format!("{ADDRESS}{one:016x}{other:016x}");
        let link = Arc::new(Link { conversation, path: OnceLock::new(), answers: sender });
        Self { streams, upstream, address, link, answers }
    }

    pub(super) fn conversation(&self) -> Arc<Conversation> {
        Arc::clone(&self.link.conversation)
    }

    /// The `endpoint` event with our address in place of the server's.
    pub(super) fn endpoint(&mut self, data: &[u8]) -> io::Result<Bytes> {
        let path = self.upstream.endpoint(data)?;
        if self.link.path.set(path).is_err() {
            return Err(io::Error::other("the server sent a second `endpoint` event"));
        }
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= limits::SESSIONS_MAX {
            return Err(io::Error::other("too many streams are open"));
        }
        open.insert(self.address.clone(), Arc::clone(&self.link));
        Ok(format!("event: endpoint\ndata: {}\n\n", self.address).into())
    }

    /// The next answer of our own.
    pub(super) fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        match self.answers.poll_recv(context) {
            Poll::Ready(Some(answer)) => Poll::Ready(answer),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&self.address);
    }
}

/// Where the requests of HTTP+SSE clients go.
const ADDRESS: &str = "/countersign/messages/";

/// Answers of our own that wait for a slow client; past it, its requests wait.
const ANSWERS_MAX: usize = 64;
