//! An answer's event stream, event by event.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::Body;
use wire::frame::sse::{Event, Events};

use super::pool::Answer;
use crate::channel::ChannelError;

/// Reads events from an answer.
pub(crate) struct EventReader {
    answer: Answer,
    events: Events,
    bytes_read: usize,
}

impl EventReader {
    pub(crate) fn new(answer: Answer) -> Self {
        Self { answer, events: Events::new(EVENT_BYTES_MAX), bytes_read: 0 }
    }

    /// What is left of the answer.
    pub(crate) fn into_answer(self) -> Answer {
        self.answer
    }

    /// Bytes received so far.
    pub(crate) const fn bytes_read(&self) -> usize {
        self.bytes_read
    }

    /// The next event; `None` at the end of the stream. What no blank line ended is no event.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, ChannelError> {
        poll_fn(|context| self.poll_next(context)).await
    }

    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Event>, ChannelError>> {
        loop {
            if let Some(event) = self.events.next_event()? {
                return Poll::Ready(Ok(Some(event)));
            }
            let Some(frame) = ready!(Pin::new(&mut self.answer).poll_frame(context)) else {
                return Poll::Ready(Ok(None));
            };
            let frame = frame.map_err(io::Error::other)?;
            if let Ok(data) = frame.into_data() {
                self.bytes_read = self.bytes_read.saturating_add(data.len());
                self.events.buffer().extend_from_slice(&data);
            }
        }
    }
}

/// A message and the fields around it.
const EVENT_BYTES_MAX: usize = wire::limits::MESSAGE_BYTES_MAX + (64 << 10);
