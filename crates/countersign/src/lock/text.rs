//! The lock file as text: TOML in which every line stands alone.
//!
//! A line begins with the server and the context it speaks of, so no two lines of different pins
//! are equal: git's `union` merge of two branches keeps the lines of both, and a line that both
//! changed in different ways stands there twice, which the reader refuses.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Deserialize;
use surface::{Digests, Place};

use super::Key;
use super::entry::{Approval, Entry, Origin, Protocol, Published, Word};
use crate::artefact::Artefact;
use crate::output::safe;

/// The entries of a lock file.
///
/// # Errors
/// A text that is not TOML, has a line twice, or says what this version does not understand.
pub(super) fn read(text: &str) -> Result<BTreeMap<Key, Entry>, TextError> {
    let lock: LockText = toml::from_str(text)?;
    if lock.version != VERSION {
        return Err(TextError::Version(lock.version));
    }
    let mut entries = BTreeMap::new();
    for (alias, contexts) in lock.server {
        for (context, entry) in contexts {
            let key = Key::new(&alias, &context).map_err(|e| TextError::Key(e.to_string()))?;
            let entry = entry.into_entry().map_err(|what| TextError::Pin(key.clone(), what))?;
            entries.insert(key, entry);
        }
    }
    Ok(entries)
}

/// The text of a lock file. The same entries always give the same bytes.
pub(super) fn write(entries: &BTreeMap<Key, Entry>) -> String {
    let mut out = format!("{HEADER}version = {VERSION}\n");
    for (key, entry) in entries {
        out.push('\n');
        let start =
            format!("server.{}.{}", bare_or_quoted(&key.alias), bare_or_quoted(&key.context));
        for (name, value) in lines(entry) {
            let _ = writeln!(out, "{start}.{name} = {value}");
        }
    }
    out
}

/// The number, from 1, of the line of `text` that pins the item at `place`; else that of the
/// surface.
pub(super) fn line_of(text: &str, key: &Key, place: Option<&Place>) -> usize {
    let start = format!("server.{}.{}.", bare_or_quoted(&key.alias), bare_or_quoted(&key.context));
    let find = |start: String| text.lines().position(|line| line.starts_with(&start));
    let item = place.and_then(|p| find(format!("{start}item.{} ", quoted(&p.to_string()))));
    item.or_else(|| find(format!("{start}surface "))).map_or(1, |index| index + 1)
}

/// Why a text is no lock file.
#[derive(Debug, thiserror::Error)]
pub(super) enum TextError {
    /// Not TOML, or not the form of a lock file.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// Written by a later version.
    #[error("version {0} of the lock file is not known; a newer Countersign may read it")]
    Version(u32),
    /// An alias or context that cannot be one.
    #[error("{0}")]
    Key(String),
    /// A pin that makes no sense.
    #[error("the pin of `{0}`: {1}")]
    Pin(Key, String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockText {
    version: u32,
    #[serde(default)]
    server: BTreeMap<String, BTreeMap<String, EntryText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryText {
    run: Option<Vec<Word>>,
    directory: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    file: Option<String>,
    artefact: Option<Artefact>,
    published: Option<Published>,
    protocol: Protocol,
    surface: Digests,
    #[serde(default)]
    item: BTreeMap<String, Digests>,
    #[serde(default)]
    approval: BTreeMap<Timestamp, Approval>,
}

impl EntryText {
    fn into_entry(self) -> Result<Entry, String> {
        let origin = match (self.run, self.url, self.file) {
            (Some(run), None, None) => Origin::Command { run, directory: self.directory },
            (None, Some(url), None) => Origin::Url { url, headers: self.headers },
            (None, None, Some(file)) => Origin::File(file),
            (None, None, None) => Origin::Unknown,
            _ => return Err("more than one of `run`, `url` and `file`".to_owned()),
        };
        let mut items = BTreeMap::new();
        for (place, digests) in self.item {
            items.insert(place.parse::<Place>().map_err(|e| e.to_string())?, digests);
        }
        Ok(Entry {
            origin,
            artefact: self.artefact,
            protocol: self.protocol,
            digests: self.surface,
            items,
            published: self.published,
            approvals: self.approval,
        })
    }
}

/// The names and values of the lines of one pin.
fn lines(entry: &Entry) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| lines.push((name.to_owned(), value));
    match &entry.origin {
        Origin::Command { run, directory } => {
            line("run", array(run.iter().map(word)));
            if let Some(directory) = directory {
                line("directory", quoted(directory));
            }
        }
        Origin::Url { url, headers } => {
            line("url", quoted(url));
            if !headers.is_empty() {
                line("headers", table(headers.iter().map(|(k, v)| (k.as_str(), quoted(v)))));
            }
        }
        Origin::File(file) => line("file", quoted(file)),
        Origin::Unknown => {}
    }
    if let Some(artefact) = &entry.artefact {
        let members = artefact.members();
        line("artefact", table(members.into_iter().map(|(k, v)| (k, quoted(v)))));
    }
    if let Some(Published { server, version }) = &entry.published {
        line("published", table([("server", quoted(server)), ("version", quoted(version))]));
    }
    line("protocol", protocol(&entry.protocol));
    line("surface", digests(&entry.digests));
    for (place, item) in &entry.items {
        line(&format!("item.{}", quoted(&place.to_string())), digests(item));
    }
    for (at, approval) in &entry.approvals {
        line(&format!("approval.{}", quoted(&at.to_string())), approved(approval));
    }
    lines
}

fn protocol(protocol: &Protocol) -> String {
    let name = |value: serde_json::Value| value.as_str().map(quoted).unwrap_or_default();
    table([
        ("era", name(serde_json::json!(protocol.era))),
        ("version", quoted(&protocol.version)),
        ("cache-scope", name(serde_json::json!(protocol.cache_scope))),
    ])
}

fn digests(digests: &Digests) -> String {
    table([
        ("exact", quoted(&digests.exact.to_string())),
        ("semantic", quoted(&digests.semantic.to_string())),
    ])
}

fn approved(approval: &Approval) -> String {
    let mut members = vec![("by", quoted(&approval.by))];
    members.extend(approval.from.map(|from| ("from", quoted(&from.to_string()))));
    members.push(("to", quoted(&approval.to.to_string())));
    if !approval.items.is_empty() {
        members.push(("items", array(approval.items.iter().map(|item| quoted(item)))));
    }
    table(members)
}

fn word(word: &Word) -> String {
    match word {
        Word::Plain(text) => quoted(text),
        Word::Withheld(withheld) if withheld.before.is_empty() => {
            table([("env", quoted(&withheld.env))])
        }
        Word::Withheld(withheld) => {
            table([("before", quoted(&withheld.before)), ("env", quoted(&withheld.env))])
        }
    }
}

fn array(values: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", values.into_iter().collect::<Vec<_>>().join(", "))
}

fn table<'a>(members: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let member = |(key, value): (&str, String)| format!("{} = {value}", bare_or_quoted(key));
    let members: Vec<_> = members.into_iter().map(member).collect();
    if members.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", members.join(", ")) }
}

fn bare_or_quoted(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !key.is_empty() && key.chars().all(is_bare) { key.to_owned() } else { quoted(key) }
}

/// A TOML basic string on one line, in which nothing hides from a reviewer.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if c.is_control() || safe::is_unseen(c) => {
                let _ = match u32::from(c) {
                    short @ 0..=0xffff => write!(out, "\\u{short:04X}"),
                    long => write!(out, "\\U{long:08X}"),
                };
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

const VERSION: u32 = 1;

const HEADER: &str = "\
# What MCP servers were approved to show. Written by `countersign`; review it like code.
# Every line stands alone: merge by lines (`mcp.lock merge=union` in .gitattributes).
";

#[cfg(test)]
mod tests;
