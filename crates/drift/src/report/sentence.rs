//! Sentences for people: the table's templates, filled in, safe to print.

use std::fmt::Write as _;

use serde_json::Value;
use surface::{Kind, Place};

use crate::catalogue::Entry;

/// The sentence of `entry` for one change. Values are shortened, and everything that a terminal or
/// an eye could misread is written as its code point.
pub(crate) fn fill(
    entry: &Entry,
    item: &Place,
    pointer: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    detail: &str,
) -> String {
    let mut out = String::with_capacity(entry.sentence.len() + 64);
    let mut rest = entry.sentence;
    while let Some((text, tail)) = rest.split_once('{') {
        out.push_str(text);
        let Some((name, tail)) = tail.split_once('}') else { break };
        match name {
            "Item" => out.push_str(&capital(&noun(item))),
            "item" => out.push_str(&noun(item)),
            "way" => out.push_str(&shown(pointer.trim_start_matches('/'), WAY_CHARS_MAX)),
            "name" => out.push_str(&shown(&last(pointer), WAY_CHARS_MAX)),
            "changed" => out.push_str(changed(before, after)),
            "was" => out.push_str(&value(before)),
            "is" => out.push_str(&value(after)),
            _ => out.push_str(detail),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// A name or text in quotes, shortened.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", shown(text, VALUE_CHARS_MAX))
}

/// An item with its kind: *tool `send_email`*.
pub(crate) fn noun(item: &Place) -> String {
    let kind = match item.kind {
        Kind::Server => return "the server".to_owned(),
        Kind::Tool => "tool",
        Kind::Prompt => "prompt",
        Kind::Resource => "resource",
        Kind::Template => "resource template",
        Kind::Ui => "page",
        Kind::Skill => "skill",
        Kind::Page => "the answer to",
    };
    format!("{kind} {}", quoted(&item.name))
}

/// A value as a sentence shows it.
pub(crate) fn value(value: Option<&Value>) -> String {
    match value {
        None => "not stated".to_owned(),
        Some(Value::String(text)) => format!("\"{}\"", shown(text, VALUE_CHARS_MAX)),
        Some(other) => {
            // Bounded: a large value is not written out only to be cut.
            let small = size(other, VALUE_NODES_MAX) < VALUE_NODES_MAX;
            if !small {
                return "a larger value".into();
            }
            // Canonical: whoever tells of the same change tells it in the same words.
            let text = surface::canonical::to_vec(other);
            shown(&String::from_utf8_lossy(&text), VALUE_CHARS_MAX)
        }
    }
}

/// Names in quotes, the first few of them.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    let mut out: Vec<_> = names.iter().take(LIST_MAX).map(|name| quoted(name)).collect();
    if names.len() > LIST_MAX {
        out.push(format!("{} more", names.len() - LIST_MAX));
    }
    out.join(", ")
}

fn changed(before: Option<&Value>, after: Option<&Value>) -> &'static str {
    match (before, after) {
        (None, _) => "is new",
        (Some(_), Some(_)) => "changed",
        (Some(_), None) => "is gone",
    }
}

fn last(pointer: &str) -> String {
    let last = pointer.rsplit('/').next().unwrap_or_default();
    last.replace("~1", "/").replace("~0", "~")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `text` cut to `chars_max` characters, without anything that does not show as itself.
fn shown(text: &str, chars_max: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == chars_max {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\t' | '\r' => out.push(' '),
            '`' => out.push('\''),
            c if is_plain(c) => out.push(c),
            c => _ = write!(out, "<U+{:04X}>", u32::from(c)),
        }
    }
    out
}

/// Whether a character shows as itself: not a control, not invisible, not a private use.
fn is_plain(c: char) -> bool {
    let is_hidden = matches!(u32::from(c),
        0x00ad | 0x034f | 0x061c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
        | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164
        | 0xe000..=0xf8ff | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
        | 0xe0000..=0x0010_ffff);
    !c.is_control() && !is_hidden
}

/// Number of values inside `value`, counted to `max`.
fn size(value: &Value, max: usize) -> usize {
    let mut count = 0;
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        count += 1;
        if count >= max {
            break;
        }
        match value {
            Value::Array(elements) => open.extend(elements.iter().take(max)),
            Value::Object(members) => open.extend(members.values().take(max)),
            _ => {}
        }
    }
    count
}

const VALUE_CHARS_MAX: usize = 80;
const VALUE_NODES_MAX: usize = 12;
const WAY_CHARS_MAX: usize = 160;
const LIST_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_shows_what_hides() {
        assert_eq!(quoted("a\u{202e}b\u{1b}[2K`\n"), "`a<U+202E>b<U+001B>[2K' `");
        assert_eq!(quoted("\u{e0041}"), "`<U+E0041>`");
        assert_eq!(quoted(&"x".repeat(81)), format!("`{}…`", "x".repeat(80)));
    }
}
