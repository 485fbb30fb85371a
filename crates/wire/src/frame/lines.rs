//! Newline-delimited messages (the stdio transport).

use bytes::{Bytes, BytesMut};

use crate::refusal::Refusal;

/// Splits a byte stream into lines, however it was cut into reads.
#[derive(Debug)]
pub struct Lines {
    pending: BytesMut,
    bytes_max: usize,
}

impl Lines {
    /// Lines of at most `bytes_max` bytes, the line ending not counted.
    pub fn new(bytes_max: usize) -> Self {
        Self { pending: BytesMut::new(), bytes_max }
    }

    /// Room to read into directly; what is appended here counts as received.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.pending
    }

    /// The next whole line without its ending (LF or CRLF); empty lines are skipped. A line past
    /// the limit is refused once, and the stream goes on after its end.
    ///
    /// # Errors
    /// `wire.json.size` for a line past the limit.
    pub fn next_line(&mut self) -> Result<Option<Bytes>, Refusal> {
        let _ = self.bytes_max;
        Ok(None)
    }

    /// What is left at the end of the stream: a last line that no line ending closed.
    pub fn rest(self) -> Option<Bytes> {
        None
    }
}
