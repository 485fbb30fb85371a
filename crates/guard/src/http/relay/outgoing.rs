//! Bodies of the answers that clients get: whole, or a stream that is judged event by event.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::watch;
use wire::frame::sse::Event;

use super::beside::Beside;
use super::judge::{Judge, Judgement};
use crate::channel::ChannelError;
use crate::http::Phase;
use crate::http::body;
use crate::http::upstream::Upstream;
use crate::http::upstream::events::EventReader;

/// The body of an answer to a client.
pub(crate) enum Outgoing {
    /// All of it, or nothing more.
    Whole(Option<Bytes>),
    /// The events of a server, as they come.
    Events(Box<Filtered>),
}

/// A server's event stream without what the judge withholds.
pub(crate) struct Filtered {
    /// Gone when the stream ended, or was handed on to be drained.
    reader: Option<EventReader>,
    judge: Judge,
    kind: Stream,
}

/// Whose stream it is, and so when it ends.
pub(super) enum Stream {
    /// It answers modern requests: a client that hangs up cancels them.
    Modern,
    /// It answers legacy requests: a client that hangs up may come back for the rest.
    Legacy(Arc<Upstream>),
    /// It stands by itself, until the guard stops serving.
    Standing(Closing),
    /// It carries all that an HTTP+SSE server says, and our own answers.
    Beside(Closing, Beside),
}

type Closing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Resolves when the guard no longer serves.
pub(super) fn closing(mut serving: watch::Receiver<Phase>) -> Closing {
    Box::pin(async move {
        // A sender that is gone serves no longer either.
        drop(serving.wait_for(|phase| *phase != Phase::Serving).await);
    })
}

impl Outgoing {
    pub(super) const fn whole(body: Bytes) -> Self {
        Self::Whole(Some(body))
    }

    pub(super) fn events(reader: EventReader, judge: Judge, kind: Stream) -> Self {
        Self::Events(Box::new(Filtered { reader: Some(reader), judge, kind }))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(body) => {
                let body = body.take().filter(|body| !body.is_empty());
                Poll::Ready(body.map(|body| Ok(Frame::data(body))))
            }
            Self::Events(filtered) => {
                let bytes = ready!(filtered.poll_next(context)).transpose();
                Poll::Ready(bytes.map(|bytes| bytes.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.as_ref().is_none_or(Bytes::is_empty),
            Self::Events(filtered) => filtered.reader.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => {
                SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64))
            }
            Self::Events(_) => SizeHint::default(),
        }
    }
}

impl Filtered {
    /// The bytes to send next; `None` at the end of the stream.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            if let Stream::Standing(closing) | Stream::Beside(closing, _) = &mut self.kind
                && closing.as_mut().poll(context).is_ready()
            {
                self.reader = None;
            }
            if let Stream::Beside(_, beside) = &mut self.kind
                && let Poll::Ready(answer) = beside.poll_answer(context)
            {
                return Poll::Ready(Ok(Some(answer)));
            }
            let Some(reader) = &mut self.reader else { return Poll::Ready(Ok(None)) };
            let event = match ready!(reader.poll_next(context)) {
                Ok(Some(event)) => event,
                Ok(None) => {
                    self.reader = None;
                    return Poll::Ready(Ok(None));
                }
                Err(error) => {
                    self.reader = None;
                    return Poll::Ready(self.broken(error));
                }
            };
            if let Some(bytes) = self.admit(event)? {
                return Poll::Ready(Ok(Some(bytes)));
            }
        }
    }

    /// What a stream ends with that cannot be read further.
    fn broken(&mut self, error: ChannelError) -> io::Result<Option<Bytes>> {
        let ChannelError::Refused(refusal) = error else {
            return Err(io::Error::other(error));
        };
        match self.judge.refuse(refusal) {
            Judgement::Replace(answer) => Ok(Some(encode(None, &answer))),
            Judgement::Pass | Judgement::Withhold => Ok(None),
        }
    }

    /// The bytes by which the client hears of `event`.
    fn admit(&mut self, event: Event) -> io::Result<Option<Bytes>> {
        let Some(data) = event.data.as_ref().filter(|data| !data.is_empty()) else {
            return Ok(Some(event.raw));
        };
        if !event.is_message() {
            if let Stream::Beside(_, beside) = &mut self.kind
                && event.name.as_deref() == Some("endpoint")
            {
                self.judge = Judge::new(beside.conversation(), Vec::new());
                return beside.endpoint(data).map(Some);
            }
            if !could_hold_message(data) {
                return Ok(Some(event.raw));
            }
        }
        Ok(match self.judge.judge(data) {
            Judgement::Pass => Some(event.raw),
            Judgement::Replace(message) => Some(encode(event.id.as_deref(), &message)),
            Judgement::Withhold => None,
        })
    }
}

impl Drop for Filtered {
    fn drop(&mut self) {
        if let (Stream::Legacy(upstream), Some(reader)) = (&self.kind, self.reader.take())
            && self.judge.expects()
        {
            upstream.linger(body::drain(reader.into_answer()));
        }
    }
}

/// Whether somebody could read a message in an event of another name: because it is one, or because
/// a reader ends lines where the specification does not, and so finds further events in it.
fn could_hold_message(data: &[u8]) -> bool {
    let is_message = matches!(data.trim_ascii_start().first(), Some(b'{' | b'['));
    let has_other_breaks = || {
        std::str::from_utf8(data)
            .is_ok_and(|text| text.contains(wire::frame::sse::OTHER_LINE_BREAKS))
    };
    is_message || has_other_breaks()
}

/// `message` as an event.
pub(super) fn encode(id: Option<&str>, message: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(message.len() + 64);
    if let Some(id) = id {
        event.extend_from_slice(b"id: ");
        event.extend_from_slice(id.as_bytes());
        event.push(b'\n');
    }
    event.extend_from_slice(b"event: message\n");
    for line in message.split(|byte| *byte == b'\n') {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        event.push(b'\n');
    }
    event.push(b'\n');
    event.into()
}
