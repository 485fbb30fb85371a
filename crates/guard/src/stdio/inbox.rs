//! The read side of a pipe, line by line.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};
use wire::frame::lines::Lines;
use wire::{Document, Frame, Message, Refusal};

use crate::limits;

/// Lines from a pipe.
#[derive(Debug)]
pub(crate) struct Inbox<R> {
    pipe: R,
    lines: Lines,
    /// Lines that wait because an earlier one waits for a decision.
    waiting: VecDeque<Result<Bytes, Refusal>>,
    /// INVARIANT: the sum of the lengths of the lines in `waiting`.
    waiting_bytes: usize,
    is_ended: bool,
}

impl<R: AsyncRead + Unpin> Inbox<R> {
    /// Lines of at most the size of a message.
    pub(crate) fn new(pipe: R) -> Self {
        let lines = Lines::new(wire::limits::MESSAGE_BYTES_MAX);
        Self { pipe, lines, waiting: VecDeque::new(), waiting_bytes: 0, is_ended: false }
    }

    /// The next line, or why it was refused; `None` at the end.
    ///
    /// # Errors
    /// A pipe that fails.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Result<Bytes, Refusal>>> {
        if let Some(line) = self.waiting.pop_front() {
            self.waiting_bytes -= length(&line);
            return Ok(Some(line));
        }
        loop {
            if let Some(line) = self.buffered() {
                return Ok(Some(line));
            }
            if self.is_ended {
                let lines = std::mem::replace(&mut self.lines, Lines::new(0));
                return Ok(lines.rest().transpose());
            }
            self.fill().await?;
        }
    }

    /// The next line that is a response, ahead of all others, which wait in their order. Does not
    /// end when the pipe does, nor when too many lines wait. Safe to drop at any time.
    ///
    /// # Errors
    /// A pipe that fails.
    pub(crate) async fn next_response(&mut self) -> io::Result<Bytes> {
        loop {
            let is_full = self.waiting.len() >= limits::WAITING_CALLS_MAX
                || self.waiting_bytes >= limits::WAITING_BYTES_MAX;
            if self.is_ended || is_full {
                return std::future::pending().await;
            }
            match self.buffered() {
                Some(Ok(line)) if is_response(&line) => return Ok(line),
                Some(line) => {
                    self.waiting_bytes += length(&line);
                    self.waiting.push_back(line);
                }
                None => self.fill().await?,
            }
        }
    }

    fn buffered(&mut self) -> Option<Result<Bytes, Refusal>> {
        self.lines.next_line().transpose()
    }

    async fn fill(&mut self) -> io::Result<()> {
        let buffer = self.lines.buffer();
        buffer.reserve(READ_BYTES);
        self.is_ended = self.pipe.read_buf(buffer).await? == 0;
        Ok(())
    }
}

fn length(line: &Result<Bytes, Refusal>) -> usize {
    line.as_ref().map_or(0, Bytes::len)
}

fn is_response(line: &[u8]) -> bool {
    let Ok(document) = Document::parse(line, &wire::Policy::default()) else { return false };
    matches!(Frame::read(&document), Ok(Frame::One(Message::Response(_))))
}

/// Room for one read: the size of a pipe.
const READ_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_that_wait_are_bounded_in_bytes() {
        let line = [vec![b'a'; wire::limits::MESSAGE_BYTES_MAX], vec![b'\n']].concat();
        let sent = line.repeat(5);
        let mut inbox = Inbox::new(sent.as_slice());
        let waited = std::time::Duration::from_millis(500);
        assert!(tokio::time::timeout(waited, inbox.next_response()).await.is_err());
        assert_eq!((inbox.waiting.len(), inbox.waiting_bytes), (2, limits::WAITING_BYTES_MAX));
        for _ in 0..5 {
            let line = inbox.next().await.unwrap().unwrap().unwrap();
            assert_eq!(line.len(), wire::limits::MESSAGE_BYTES_MAX);
        }
        assert!(inbox.next().await.unwrap().is_none());
    }
}
