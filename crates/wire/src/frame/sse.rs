//! Server-sent events (WHATWG HTML, 9.2), event by event with the bytes as received.
//!
//! A block that lenient readers would cut or name differently is refused: a line separator of
//! another alphabet outside `data` (Python's `splitlines` ends a line there, and what follows could
//! be a `data:` line), and a field such as `Data` or ` data`.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

use crate::refusal::{Code, Refusal};

/// One event, comment or blank block, as received and as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Every byte of the block, its closing blank line included: what is forwarded.
    pub raw: Bytes,
    /// `event:`, when present.
    pub name: Option<String>,
    /// `id:`, when present and without NUL.
    pub id: Option<String>,
    /// `retry:` in milliseconds, when present and a number.
    pub retry_ms: Option<u64>,
    /// The `data:` lines joined by LF; `None` when there is no such line.
    pub data: Option<Bytes>,
}

impl Event {
    /// Whether clients read its data as a message: it has no name, or the name `message`.
    pub fn is_message(&self) -> bool {
        self.name.as_deref().is_none_or(|name| name.is_empty() || name == "message")
    }
}

/// Splits a byte stream into events, however it was cut into reads.
#[derive(Debug)]
pub struct Events {
    pending: BytesMut,
    bytes_max: usize,
    /// INVARIANT: no block of `pending` ends before this index.
    searched: usize,
    /// Whether the line at `searched` has no byte before it.
    at_line_start: bool,
    /// Whether nothing of the stream was given out yet: a byte order mark may stand here.
    at_stream_start: bool,
    /// Whether `pending` continues a block that was refused already.
    discarding: bool,
}

impl Events {
    /// Events of at most `bytes_max` bytes each.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            pending: BytesMut::new(),
            bytes_max,
            searched: 0,
            at_line_start: true,
            at_stream_start: true,
            discarding: false,
        }
    }

    /// Room to read into directly; what is appended here counts as received.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.pending
    }

    /// The next whole block. Lines end with LF, CR LF or CR; a block whose blank line is a CR at the
    /// end of what was received waits for the next byte, which may be its LF. A refused block is
    /// refused once, and the stream goes on after its end.
    ///
    /// # Errors
    /// `wire.json.size` for a block past the limit, as soon as it is past it; `wire.json.utf8` for
    /// one that is not UTF-8; `wire.frame.line-break` and `wire.frame.field-form` for one that
    /// others read differently. Offsets count from the start of the block.
    pub fn next_event(&mut self) -> Result<Option<Event>, Refusal> {
        while let Some(end) = self.block_end(false) {
            if let Some(block) = self.take(end) {
                return read(block, self.bytes_max).map(Some);
            }
        }
        if self.pending.len() > self.bytes_max || self.discarding {
            let was_discarding = std::mem::replace(&mut self.discarding, true);
            // With nothing searched, what is here may be the beginning of a byte order mark.
            self.at_stream_start &= self.searched == 0;
            self.pending = self.pending.split_off(self.searched);
            self.searched = 0;
            if !was_discarding {
                return Err(Refusal::at(Code::Size, self.bytes_max));
            }
        }
        Ok(None)
    }

    /// The last block at the end of the stream, once `next_event` gives none, if it is whole: one
    /// that no blank line closes never becomes an event.
    ///
    /// # Errors
    /// As `next_event`.
    pub fn rest(mut self) -> Result<Option<Event>, Refusal> {
        let block = self.block_end(true).and_then(|end| self.take(end));
        block.map(|block| read(block, self.bytes_max)).transpose()
    }

    /// The index after the first blank line, or `None` while it is not received.
    fn block_end(&mut self, at_stream_end: bool) -> Option<usize> {
        if self.at_stream_start && self.searched == 0 {
            if self.pending.starts_with(BYTE_ORDER_MARK) {
                self.searched = BYTE_ORDER_MARK.len();
            } else if BYTE_ORDER_MARK.starts_with(&self.pending) {
                return None;
            }
        }
        loop {
            let unsearched = self.pending.get(self.searched..).unwrap_or_default();
            let Some(within) = memchr2(b'\r', b'\n', unsearched) else {
                self.at_line_start &= unsearched.is_empty();
                self.searched = self.pending.len();
                return None;
            };
            let is_blank = self.at_line_start && within == 0;
            let ending = match unsearched.get(within..).unwrap_or_default() {
                [b'\r', b'\n', ..] => 2,
                [b'\r'] if !at_stream_end => {
                    self.at_line_start &= within == 0;
                    self.searched += within;
                    return None;
                }
                _ => 1,
            };
            self.searched += within + ending;
            self.at_line_start = true;
            if is_blank {
                return Some(self.searched);
            }
        }
    }

    /// Takes the block that ends at `end`, and gives it unless it was refused already.
    fn take(&mut self, end: usize) -> Option<Block> {
        let raw = self.pending.split_to(end).freeze();
        self.searched = 0;
        self.at_line_start = true;
        let at_stream_start = std::mem::take(&mut self.at_stream_start);
        let was_refused = std::mem::take(&mut self.discarding);
        (!was_refused).then_some(Block { raw, at_stream_start })
    }
}

/// A whole block, not yet read.
struct Block {
    raw: Bytes,
    at_stream_start: bool,
}

fn read(block: Block, bytes_max: usize) -> Result<Event, Refusal> {
    let raw = block.raw;
    if raw.len() > bytes_max {
        return Err(Refusal::at(Code::Size, bytes_max));
    }
    let text =
        std::str::from_utf8(&raw).map_err(|error| Refusal::at(Code::Utf8, error.valid_up_to()))?;
    let mut event = Event { raw: raw.clone(), name: None, id: None, retry_ms: None, data: None };
    let mut data = Data::None;
    let mark = usize::from(block.at_stream_start && text.starts_with('\u{feff}')) * 3;
    let mut at = mark;
    for line in text.get(mark..).unwrap_or_default().split_inclusive(['\r', '\n']) {
        let content = line.trim_end_matches(['\r', '\n']);
        let (name, value) = content.split_once(':').unwrap_or((content, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        if name == "data" {
            let end = at + content.len();
            data.push(raw.slice(end - value.len()..end));
        } else {
            refuse_odd_line(content, name, at)?;
        }
        match name {
            "event" => event.name = Some(value.to_owned()),
            "id" if !value.contains('\0') => event.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                event.retry_ms = value.parse().ok();
            }
            _ => {}
        }
        at += line.len();
    }
    event.data = data.joined();
    Ok(event)
}

/// Refuses what others take for two lines, or for another field.
fn refuse_odd_line(content: &str, name: &str, at: usize) -> Result<(), Refusal> {
    if let Some(within) = content.find(OTHER_LINE_BREAKS) {
        return Err(Refusal::at(Code::LineBreak, at + within));
    }
    let is_known = matches!(name, "event" | "id" | "retry");
    let bare = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'));
    let looks_known = ["data", "event", "id", "retry"].iter().any(|n| bare.eq_ignore_ascii_case(n));
    if looks_known && !is_known {
        return Err(Refusal::at(Code::FieldForm, at));
    }
    Ok(())
}

/// The `data` lines met so far; a single one, which is the rule, is not copied.
enum Data {
    None,
    One(Bytes),
    Many(BytesMut),
}

impl Data {
    fn push(&mut self, line: Bytes) {
        *self = match std::mem::replace(self, Self::None) {
            Self::None => Self::One(line),
            Self::One(first) => Self::Many([&first[..], b"\n", &line[..]].concat()[..].into()),
            Self::Many(mut lines) => {
                lines.extend_from_slice(b"\n");
                lines.extend_from_slice(&line);
                Self::Many(lines)
            }
        };
    }

    fn joined(self) -> Option<Bytes> {
        match self {
            Self::None => None,
            Self::One(line) => Some(line),
            Self::Many(lines) => Some(lines.freeze()),
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Where `str.splitlines` of Python ends a line and the specification does not.
pub const OTHER_LINE_BREAKS: &[char] =
    &['\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

#[cfg(test)]
mod tests;
