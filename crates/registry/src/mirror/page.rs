//! A page of an upstream: rows, and the cursor of the next.
//!
//! Each row is scanned on its own, so that one which parsers read differently is refused by itself
//! and the others stand.

use bytes::Bytes;
use serde_json::Value;
use surface::Digest;
use wire::{Document, Policy, Refusal};

use crate::limits;

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its rows, in order.
    pub rows: Vec<Row>,
    /// The cursor of the next page; `None` on the last.
    pub next: Option<String>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// An entry.
    Entry(Box<Entry>),
    /// What is no entry, or not the same for two readers.
    Refused(RefusedRow),
}

/// An entry, as an upstream lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// `server`, without what is ours in it.
    pub server: Value,
    /// The exact digest of that.
    pub digest: Digest,
    /// The row as it came.
    pub raw: Bytes,
    /// What the upstream itself says of the entry.
    pub official: Official,
}

/// What an upstream says of an entry in `_meta`; outside its digest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Official {
    /// `active`, `deprecated`, `deleted`, or `other`; `active` where nothing is said.
    pub status: String,
    /// The message that goes with it.
    pub message: String,
    /// When it was published.
    pub published_at: Option<String>,
    /// When it was changed.
    pub updated_at: Option<String>,
    /// Whether it is the latest version.
    pub is_latest: bool,
}

/// A row that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRow {
    /// The row as it came.
    pub raw: Bytes,
    /// Why: a code of `wire`, or one of [`REASONS`].
    pub reason: &'static str,
}

/// What else a row is refused for, beside what strict JSON refuses.
pub const REASONS: &[&str] = &["entry.not-an-object", "entry.name", "entry.version"];

/// Why bytes are no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// It is no object with one array `servers`.
    #[error("it has no list of servers")]
    NoServers,
    /// What stands around the rows is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The cursor is no string, or longer than any cursor is.
    #[error("its cursor is not one")]
    Cursor,
    /// It has more rows than anybody asked for.
    #[error("it has more than {} rows", limits::PAGE_ROWS_MAX)]
    TooManyRows,
}

/// Reads a page. `own_key` is the `_meta` key that only we may write: in what we receive it is
/// forged, and left out of the digest.
///
/// # Errors
/// Bytes that are no page; a row that is refused is no error.
pub fn read(bytes: &Bytes, own_key: &str) -> Result<Page, PageError> {
    let split = split(bytes).ok_or(PageError::NoServers)?;
    if split.rows.len() > limits::PAGE_ROWS_MAX {
        return Err(PageError::TooManyRows);
    }
    let (before, after) = (bytes.get(..split.start), bytes.get(split.end..));
    let around = [before.unwrap_or_default(), b"[]", after.unwrap_or_default()].concat();
    let document = Document::parse(&around, &POLICY)?;
    let next = next(document.root())?;
    let rows = split.rows.into_iter().map(|(from, to)| row(bytes.slice(from..to), own_key));
    Ok(Page { rows: rows.collect(), next })
}

/// Reads one row, as the answer about one version gives it.
pub fn row(raw: Bytes, own_key: &str) -> Row {
    match entry(&raw, own_key) {
        Ok((name, version, server, official)) => {
            let digest = Digest::of(&server);
            Row::Entry(Box::new(Entry { name, version, server, digest, raw, official }))
        }
        Err(reason) => Row::Refused(RefusedRow { raw, reason }),
    }
}

/// What `server` was, in a row that was an entry once.
pub fn server_of(raw: &[u8], own_key: &str) -> Option<Value> {
    entry(raw, own_key).ok().map(|(_, _, server, _)| server)
}

fn entry(raw: &[u8], own_key: &str) -> Result<(String, String, Value, Official), &'static str> {
    let document = Document::parse(raw, &POLICY).map_err(|refusal| refusal.code.as_str())?;
    let value = surface::json::shown(document.root()).map_err(|refusal| refusal.code.as_str())?;
    let Value::Object(mut members) = value else { return Err("entry.not-an-object") };
    let meta = members.remove("_meta");
    let Some(mut server @ Value::Object(_)) = members.remove("server") else {
        return Err("entry.not-an-object");
    };
    strip(&mut server, own_key);
    let text = |member: &str| server.get(member).and_then(Value::as_str);
    let name = text("name").filter(|name| is_name(name)).ok_or("entry.name")?.to_owned();
    let version =
        text("version").filter(|version| is_version(version)).ok_or("entry.version")?.to_owned();
    Ok((name, version, server, official(meta.as_ref())))
}

/// What a statement can be about.
fn is_name(name: &str) -> bool {
    let length = 1..=seal::limits::SERVER_BYTES_MAX;
    length.contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_version(version: &str) -> bool {
    let length = 1..=seal::limits::VERSION_CHARS_MAX;
    length.contains(&version.chars().count()) && !version.contains(char::is_control)
}

fn official(meta: Option<&Value>) -> Official {
    let said = meta.and_then(|meta| meta.get(OFFICIAL));
    let of = |member: &str| said.and_then(|said| said.get(member)).and_then(Value::as_str);
    let plain = |text: &str| {
        let plain = text.chars().filter(|c| !c.is_control());
        plain.take(limits::STATUS_CHARS_MAX).collect::<String>()
    };
    let status = of("status").unwrap_or("active");
    Official {
        status: if STATUSES.contains(&status) { status } else { "other" }.to_owned(),
        message: of("statusMessage").map(plain).unwrap_or_default(),
        published_at: of("publishedAt").map(plain),
        updated_at: of("updatedAt").map(plain),
        is_latest: said.and_then(|said| said.get("isLatest")).and_then(Value::as_bool)
            == Some(true),
    }
}

/// Removes every member `key`, however deep.
fn strip(value: &mut Value, key: &str) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| name != key);
            members.values_mut().for_each(|member| strip(member, key));
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| strip(element, key)),
        _ => {}
    }
}

fn next(root: wire::Value<'_>) -> Result<Option<String>, PageError> {
    let Some(metadata) = root.member("metadata")? else { return Ok(None) };
    // Older answers write it with an underscore.
    let cursor = match metadata.member("nextCursor")? {
        Some(cursor) => Some(cursor),
        None => metadata.get("next_cursor"),
    };
    match cursor {
        None => Ok(None),
        Some(cursor) if cursor.is_null() => Ok(None),
        Some(cursor) => match cursor.as_str() {
            Some(text) if text.is_empty() => Ok(None),
            Some(text) if text.len() <= limits::CURSOR_BYTES_MAX => Ok(Some(text.into_owned())),
            _ => Err(PageError::Cursor),
        },
    }
}

/// Where the array `servers` stands, and its elements in it.
struct Split {
    start: usize,
    end: usize,
    rows: Vec<(usize, usize)>,
}

/// Finds the one array `servers` of the outermost object by its brackets and quotes alone. What
/// lies between them is for the scans of the rows, and of what stands around them.
fn split(bytes: &[u8]) -> Option<Split> {
    let mut tokens = Tokens { bytes, at: 0 };
    let mut found = None;
    let (mut depth, mut key): (usize, Option<&[u8]>) = (0, None);
    while let Some(token) = tokens.next() {
        match token {
            Token::Open(start)
                if depth == 1 && key == Some(b"servers") && bytes.get(start) == Some(&b'[') =>
            {
                if found.is_some() {
                    return None;
                }
                found = Some(elements(&mut tokens, start)?);
            }
            Token::Open(_) => depth += 1,
            Token::Close => depth = depth.checked_sub(1)?,
            Token::Text(text) if depth == 1 => {
                key = Some(text);
                continue;
            }
            // Between a key and its value.
            Token::Colon => continue,
            Token::Text(_) | Token::Comma(_) => {}
        }
        key = None;
    }
    found.filter(|_| depth == 0)
}

/// The elements of the array that opened at `start`; none may be empty.
fn elements(tokens: &mut Tokens<'_>, start: usize) -> Option<Split> {
    let mut rows = Vec::new();
    let (mut depth, mut from) = (1_usize, start + 1);
    while let Some(token) = tokens.next() {
        match token {
            Token::Open(_) => depth += 1,
            Token::Comma(at) if depth == 1 => {
                rows.push(trimmed(tokens.bytes, from, at)?);
                from = at + 1;
            }
            Token::Close => depth -= 1,
            Token::Comma(_) | Token::Colon | Token::Text(_) => {}
        }
        if depth == 0 {
            // What it opened with has to close it; inside the rows, their own scans see to that.
            if tokens.bytes.get(tokens.at - 1) != Some(&b']') {
                return None;
            }
            match trimmed(tokens.bytes, from, tokens.at - 1) {
                Some(last) => rows.push(last),
                None if rows.is_empty() => {}
                None => return None,
            }
            return Some(Split { start, end: tokens.at, rows });
        }
    }
    None
}

/// A span without the white space around it; `None` if nothing is left.
fn trimmed(bytes: &[u8], from: usize, to: usize) -> Option<(usize, usize)> {
    // JSON has four of these (RFC 8259, 2); a form feed is none of them.
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let element = bytes.get(from..to)?;
    let first = element.iter().position(|byte| !is_space(byte))?;
    let last = element.iter().rposition(|byte| !is_space(byte))?;
    Some((from + first, from + last + 1))
}

enum Token<'b> {
    Open(usize),
    Close,
    Comma(usize),
    Colon,
    /// The bytes between the quotes of a string.
    Text(&'b [u8]),
}

struct Tokens<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Tokens<'b> {
    fn next(&mut self) -> Option<Token<'b>> {
        loop {
            let at = self.at;
            let byte = *self.bytes.get(at)?;
            self.at += 1;
            return Some(match byte {
                b'{' | b'[' => Token::Open(at),
                b'}' | b']' => Token::Close,
                b',' => Token::Comma(at),
                b':' => Token::Colon,
                b'"' => Token::Text(self.text()?),
                _ => continue,
            });
        }
    }

    fn text(&mut self) -> Option<&'b [u8]> {
        let start = self.at;
        loop {
            let rest = self.bytes.get(self.at..)?;
            let step = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            self.at += step;
            if rest.get(step) == Some(&b'"') {
                self.at += 1;
                return self.bytes.get(start..self.at - 1);
            }
            self.at += 2;
        }
    }
}

/// The `_meta` key of what a registry says of an entry.
pub const OFFICIAL: &str = "io.modelcontextprotocol.registry/official";

const STATUSES: [&str; 3] = ["active", "deprecated", "deleted"];

/// Rows and what stands around them.
const POLICY: Policy = Policy {
    bytes_max: limits::PAGE_BYTES_MAX,
    depth_max: wire::limits::DEPTH_MAX,
    fold_keys: false,
    strict_scalars: true,
};

#[cfg(test)]
mod tests;
