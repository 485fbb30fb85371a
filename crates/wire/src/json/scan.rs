//! The one pass: bytes to tape, iterative, so that depth costs no stack.

use super::key::{self, Key};
use super::{Kind, Node, Policy, number, text};
use crate::refusal::{Code, Refusal};

pub(super) type Scanned = (Vec<Node>, Vec<Refusal>);

pub(super) fn scan(bytes: &[u8], policy: &Policy) -> Result<Scanned, Refusal> {
    // INVARIANT: offsets and indices fit `u32`, because each node takes at least one byte.
    let size_max = policy.bytes_max.min(u32::MAX as usize - 1);
    if bytes.len() > size_max {
        return Err(Refusal::at(Code::Size, size_max));
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(Refusal::at(Code::Utf8, error.valid_up_to()));
    }
    let mut scanner = Scanner {
        bytes,
        policy,
        at: 0,
        tape: Vec::with_capacity(bytes.len() / 16 + 4),
        notes: Vec::new(),
        open: Vec::with_capacity(16),
        keys: Vec::with_capacity(16),
    };
    scanner.document()?;
    Ok((scanner.tape, scanner.notes))
}

struct Scanner<'b> {
    bytes: &'b [u8],
    policy: &'b Policy,
    at: usize,
    tape: Vec<Node>,
    notes: Vec<Refusal>,
    /// Tape indices of the containers that are open.
    open: Vec<usize>,
    /// The keys of the object that closes, kept for its room.
    keys: Vec<Key<'b>>,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Refusal> {
        self.value()?;
        while let Some(&container) = self.open.last() {
            self.step(container)?;
        }
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Refusal::at(Code::Trailing, self.at)),
        }
    }

    /// Reads what may follow inside the innermost open container: its end, or one more child.
    fn step(&mut self, container: usize) -> Result<(), Refusal> {
        let is_object = self.tape.get(container).is_some_and(|node| node.kind == Kind::Object);
        let is_empty = self.tape.len() == container + 1;
        let close = if is_object { b'}' } else { b']' };
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                return self.close(container, is_object);
            }
            Some(b',') if !is_empty => self.at += 1,
            Some(_) if is_empty => {}
            _ => return Err(self.unexpected()),
        }
        if is_object {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected());
            }
            self.string()?;
            if self.peek() != Some(b':') {
                return Err(self.unexpected());
            }
            self.at += 1;
        }
        self.value()
    }

    fn value(&mut self) -> Result<(), Refusal> {
        match self.peek() {
            Some(b'{') => self.container(Kind::Object),
            Some(b'[') => self.container(Kind::Array),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true", Kind::Bool),
            Some(b'f') => self.word(b"false", Kind::Bool),
            Some(b'n') => self.word(b"null", Kind::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn container(&mut self, kind: Kind) -> Result<(), Refusal> {
        if self.open.len() >= self.policy.depth_max {
            return Err(Refusal::at(Code::Depth, self.at));
        }
        self.open.push(self.tape.len());
        self.push(kind, self.at, self.at, false);
        self.at += 1;
        Ok(())
    }

    fn close(&mut self, container: usize, is_object: bool) -> Result<(), Refusal> {
        self.open.pop();
        if is_object {
            self.distinct_keys(container)?;
        }
        let next = offset(self.tape.len());
        let end = offset(self.at);
        if let Some(node) = self.tape.get_mut(container) {
            node.next = next;
            node.end = end;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        let rest = self.bytes.get(start + 1..).unwrap_or_default();
        let (length, escaped) = text::measure(rest, start + 1, &mut self.notes)?;
        self.at = start + 1 + length + 1;
        self.push(Kind::String, start, self.at, escaped);
        self.refuse_notes_if_strict()
    }

    fn number(&mut self) -> Result<(), Refusal> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (length, note) =
            number::measure(rest).map_err(|(code, within)| Refusal::at(code, self.at + within))?;
        self.notes.extend(note.map(|code| Refusal::at(code, self.at)));
        self.push(Kind::Number, self.at, self.at + length, false);
        self.at += length;
        self.refuse_notes_if_strict()
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<(), Refusal> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            let same = rest.iter().zip(word).take_while(|(a, b)| a == b).count();
            self.at += same;
            return Err(self.unexpected());
        }
        self.push(kind, self.at, self.at + word.len(), false);
        self.at += word.len();
        Ok(())
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize, escaped: bool) {
        let next = offset(self.tape.len() + 1);
        self.tape.push(Node { start: offset(start), end: offset(end), next, kind, escaped });
    }

    fn refuse_notes_if_strict(&self) -> Result<(), Refusal> {
        match self.notes.first() {
            Some(note) if self.policy.strict_scalars => Err(*note),
            _ => Ok(()),
        }
    }

    /// Skips white space and shows the next byte.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at).copied() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    fn unexpected(&self) -> Refusal {
        let code = if self.at >= self.bytes.len() { Code::Truncated } else { Code::Syntax };
        Refusal::at(code, self.at)
    }

    /// Refuses two keys of one object that are equal, and by policy also equal after folding.
    fn distinct_keys(&mut self, container: usize) -> Result<(), Refusal> {
        self.keys.clear();
        let mut at = container + 1;
        while let Some(node) = self.tape.get(at) {
            let offset = node.start as usize;
            let inner = offset + 1..(node.end as usize).saturating_sub(1);
            let inner = self.bytes.get(inner).unwrap_or_default();
            self.keys.push(Key { inner, escaped: node.escaped, offset });
            at = self.tape.get(at + 1).map_or(usize::MAX, |value| value.next as usize);
        }
        key::refuse_repeated(&mut self.keys)?;
        if self.policy.fold_keys { key::refuse_folded(&self.keys) } else { Ok(()) }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the size of a document is below u32::MAX")]
const fn offset(position: usize) -> u32 {
    position as u32
}
