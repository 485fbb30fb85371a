//! Strict JSON (RFC 8259, I-JSON where it matters) over borrowed bytes.
//!
//! [`Document::parse`] scans the bytes once and leaves a tape: one node for each value, with the
//! span of its bytes. [`Value`] walks the tape; nothing is copied until a string with escapes is
//! asked for. Structure is refused at once. Scalars that parsers read differently are *noted*, and
//! refused by [`Value::exact`] where something is digested or decided.

mod key;
mod number;
mod scan;
mod text;

use std::borrow::Cow;

pub(crate) use number::integer;

use crate::limits;
use crate::refusal::{Code, Refusal};

/// What the scan refuses beyond what is always refused.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Largest document, in bytes.
    pub bytes_max: usize,
    /// Deepest nesting; a scalar at the top has depth 0.
    pub depth_max: usize,
    /// Refuse keys of one object that are equal after case folding or NFC.
    pub fold_keys: bool,
    /// Refuse, rather than note, scalars that parsers read differently.
    pub strict_scalars: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            bytes_max: limits::MESSAGE_BYTES_MAX,
            depth_max: limits::DEPTH_MAX,
            fold_keys: false,
            strict_scalars: false,
        }
    }
}

/// The JSON type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// Any number.
    Number,
    /// Any string.
    String,
    /// `[…]`
    Array,
    /// `{…}`
    Object,
}

/// A scanned document: the bytes as received, and the tape over them.
#[derive(Debug)]
pub struct Document<'b> {
    bytes: &'b [u8],
    tape: Vec<Node>,
    notes: Vec<Refusal>,
}

/// One value of a document.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    at: u32,
}

impl<'b> Document<'b> {
    /// Scans `bytes`, which must be one JSON value with nothing but white space around it.
    ///
    /// # Errors
    /// The first thing that `policy` refuses, with its offset.
    pub fn parse(bytes: &'b [u8], policy: &Policy) -> Result<Self, Refusal> {
        let (tape, notes) = scan::scan(bytes, policy)?;
        Ok(Self { bytes, tape, notes })
    }

    /// The value that the document is.
    pub fn root(&self) -> Value<'_> {
        Value { document: self, at: 0 }
    }

    /// Scalars that parsers read differently, in the order of their offsets.
    pub fn notes(&self) -> &[Refusal] {
        &self.notes
    }
}

impl<'d> Value<'d> {
    /// The type of the value.
    pub fn kind(self) -> Kind {
        self.node().kind
    }

    /// The bytes of the value, as received, without white space around it.
    pub fn raw(self) -> &'d [u8] {
        self.document.bytes.get(self.start()..self.end()).unwrap_or_default()
    }

    /// Offset of the first byte of the value in the document.
    pub fn start(self) -> usize {
        self.node().start as usize
    }

    /// Offset of the first byte after the value in the document.
    pub fn end(self) -> usize {
        self.node().end as usize
    }

    /// Whether the value is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The boolean, if the value is one.
    pub fn as_bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.raw() == b"true")
    }

    /// The string with its escapes resolved, if the value is a string without lone surrogates.
    pub fn as_str(self) -> Option<Cow<'d, str>> {
        if self.kind() != Kind::String {
            return None;
        }
        text::decode(self.inner(), self.node().escaped)
    }

    /// The text of the number as received, if the value is a number.
    pub fn as_number(self) -> Option<&'d str> {
        if self.kind() != Kind::Number {
            return None;
        }
        std::str::from_utf8(self.raw()).ok()
    }

    /// The value under `key`, if the value is an object that has it.
    pub fn get(self, key: &str) -> Option<Value<'d>> {
        self.members().find(|(name, _)| name.is_text(key)).map(|(_, value)| value)
    }

    /// The value under `key`, if the value is an object that has it, for whoever decides by it.
    ///
    /// # Errors
    /// `wire.rpc.key-form` when the object has another key, beside `key` or in its place, that a
    /// lenient parser reads as `key`.
    pub fn member(self, key: &str) -> Result<Option<Value<'d>>, Refusal> {
        let mut found = None;
        for (name, value) in self.members() {
            if name.names(key)? {
                found = Some(value);
            }
        }
        Ok(found)
    }

    /// Whether the value, a key of an object, is `key`.
    ///
    /// # Errors
    /// `wire.rpc.key-form` when it is not, but a lenient parser reads it as `key`.
    pub(crate) fn names(self, key: &str) -> Result<bool, Refusal> {
        if self.is_text(key) {
            return Ok(true);
        }
        let written =
            key::Key { inner: self.inner(), escaped: self.node().escaped, offset: self.start() };
        if written.looks_like(key) {
            return Err(Refusal::at(Code::KeyForm, self.start()));
        }
        Ok(false)
    }

    /// The safe integer that the number is, however it is written (`1`, `1.0`, `1e0`).
    pub fn as_integer(self) -> Option<i64> {
        number::integer(self.as_number()?)
    }

    /// Whether the value is the string `text`; does not allocate when the string has no escapes.
    pub fn is_text(self, text: &str) -> bool {
        if self.kind() != Kind::String {
            return false;
        }
        if self.node().escaped {
            // An escape takes at most six bytes for each byte that it stands for.
            let may_be = self.inner().len() <= text.len().saturating_mul(6);
            may_be && self.as_str().is_some_and(|s| s == text)
        } else {
            self.inner() == text.as_bytes()
        }
    }

    /// The members of an object as (key, value), in the order received; empty for anything else.
    pub fn members(self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> {
        let mut children = self.children(Kind::Object);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// The elements of an array, in the order received; empty for anything else.
    pub fn elements(self) -> impl Iterator<Item = Value<'d>> {
        self.children(Kind::Array)
    }

    /// Scalars inside the value that parsers read differently.
    pub fn notes(self) -> &'d [Refusal] {
        let notes = &self.document.notes;
        let from = notes.partition_point(|note| note.offset < self.start());
        let to = notes.partition_point(|note| note.offset < self.end());
        notes.get(from..to).unwrap_or_default()
    }

    /// The value itself, for whoever digests it or decides by it.
    ///
    /// # Errors
    /// The first noted scalar inside the value.
    pub fn exact(self) -> Result<Self, Refusal> {
        self.notes().first().map_or(Ok(self), |note| Err(*note))
    }

    /// The value itself, for whoever shows it or digests it: no object inside has two keys that
    /// lenient parsers merge. The property names of a schema, which five in 1,700 real servers
    /// tell apart by case alone, and instances in it may be so alike: parsers keep them as they are.
    ///
    /// # Errors
    /// `wire.json.folded-key` at the later of two keys that differ in case or Unicode form alone.
    pub fn distinct(self) -> Result<Self, Refusal> {
        key::refuse_merged(self, false).map(|()| self)
    }

    /// A string as a key.
    fn as_key(self) -> key::Key<'d> {
        key::Key { inner: self.inner(), escaped: self.node().escaped, offset: self.start() }
    }

    fn node(self) -> Node {
        self.document.tape.get(self.at as usize).copied().unwrap_or(Node::NULL)
    }

    /// The bytes between the quotes of a string.
    fn inner(self) -> &'d [u8] {
        self.raw().get(1..self.raw().len().saturating_sub(1)).unwrap_or_default()
    }

    fn children(self, kind: Kind) -> impl Iterator<Item = Value<'d>> {
        let node = self.node();
        let end = if node.kind == kind { node.next } else { self.at };
        let mut at = self.at.saturating_add(1);
        std::iter::from_fn(move || {
            let child = (at < end).then_some(Value { document: self.document, at })?;
            at = child.node().next;
            Some(child)
        })
    }
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.raw()))
    }
}

/// One value on the tape. Children follow their parent; `next` is the index after the last one.
#[derive(Debug, Clone, Copy)]
struct Node {
    start: u32,
    end: u32,
    next: u32,
    kind: Kind,
    escaped: bool,
}

impl Node {
    const NULL: Self = Self { start: 0, end: 0, next: 0, kind: Kind::Null, escaped: false };
}

#[cfg(test)]
mod tests;
