//! Before and after: texts word by word, `[-gone-]{+come+}`, structures line by line, both readable
//! with and without colour.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::{safe, style};

/// The difference between two values, in lines for a person. Of a value that came or went whole,
/// no more than `lines_max` lines.
pub(crate) fn between(before: Option<&Value>, after: Option<&Value>, lines_max: usize) -> String {
    match (before, after) {
        (Some(Value::String(before)), Some(Value::String(after))) => words(before, after),
        (Some(before), Some(after)) if is_structure(before) || is_structure(after) => {
            headed(&lines(&shown(before), &shown(after)), lines_max.saturating_mul(2))
        }
        (Some(before), Some(after)) => words(&shown(before), &shown(after)),
        (Some(before), None) => {
            mark(ChangeTag::Delete, &headed(&bounded(&shown(before)), lines_max))
        }
        (None, Some(after)) => mark(ChangeTag::Insert, &headed(&bounded(&shown(after)), lines_max)),
        (None, None) => String::new(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => {
            serde_json::to_string_pretty(value).unwrap_or_default()
        }
        scalar => scalar.to_string(),
    }
}

const fn is_structure(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

/// Only the lines that came or went.
fn lines(before: &str, after: &str) -> String {
    let (before, after) = (bounded(before), bounded(after));
    let diff = TextDiff::configure().timeout(DIFF_TIME_MAX).diff_lines(&before, &after);
    let changed = diff.iter_all_changes().filter_map(|change| {
        let line = safe::text(change.value().trim_end());
        match change.tag() {
            ChangeTag::Delete => Some(style::paint(style::REMOVED, format!("- {line}\n"))),
            ChangeTag::Insert => Some(style::paint(style::ADDED, format!("+ {line}\n"))),
            ChangeTag::Equal => None,
        }
    });
    changed.collect()
}

fn words(before: &str, after: &str) -> String {
    let (before, after) = (bounded(before), bounded(after));
    let diff = TextDiff::configure().timeout(DIFF_TIME_MAX).diff_unicode_words(&before, &after);
    let mut runs: Vec<(ChangeTag, String)> = Vec::new();
    for change in diff.iter_all_changes() {
        match runs.last_mut() {
            Some((tag, text)) if *tag == change.tag() => text.push_str(change.value()),
            _ => runs.push((change.tag(), change.value().to_owned())),
        }
    }
    let last = runs.len().saturating_sub(1);
    let mut out = String::new();
    for (index, (tag, text)) in runs.iter().enumerate() {
        if *tag == ChangeTag::Equal {
            out.push_str(&safe::text(&elided(text, index == 0, index == last)));
        } else {
            out.push_str(&mark(*tag, text));
        }
    }
    out
}

fn mark(tag: ChangeTag, text: &str) -> String {
    let text = safe::text(text);
    match tag {
        ChangeTag::Delete => style::paint(style::REMOVED, format!("[-{text}-]")),
        ChangeTag::Insert => style::paint(style::ADDED, format!("{{+{text}+}}")),
        ChangeTag::Equal => text,
    }
}

/// What did not change, without its middle when that is long.
fn elided(text: &str, first: bool, last: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= 2 * CONTEXT_CHARS + ELLIPSIS.len() {
        return text.to_owned();
    }
    let head = if first { 0 } else { CONTEXT_CHARS };
    let tail = if last { 0 } else { CONTEXT_CHARS };
    let start: String = chars.iter().take(head).collect();
    let end: String = chars.iter().skip(chars.len() - tail).collect();
    format!("{start}{ELLIPSIS}{end}")
}

fn headed(text: &str, lines_max: usize) -> String {
    let count = text.lines().count();
    if count <= lines_max {
        return text.to_owned();
    }
    let head: Vec<&str> = text.lines().take(lines_max).collect();
    format!("{}\n… ({} more lines)", head.join("\n"), count - lines_max)
}

fn bounded(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let left = text.chars().count().saturating_sub(SHOWN_CHARS_MAX);
    if left > 0 {
        let _ = write!(shown, "… ({left} more characters)");
    }
    shown
}

/// How much of what did not change is shown around what did.
const CONTEXT_CHARS: usize = 80;
const ELLIPSIS: &str = " […] ";
/// How much of one value is shown to a person; `--json` has all of it.
const SHOWN_CHARS_MAX: usize = 8_000;
/// A worse difference is shown rather than none when a text is made to be slow.
const DIFF_TIME_MAX: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(before: Option<&Value>, after: Option<&Value>) -> String {
        anstream::adapter::strip_str(&between(before, after, 2)).to_string()
    }

    #[test]
    fn words_that_changed_are_marked_in_place() {
        let shown = plain(Some(&json!("Sends an email.")), Some(&json!("Sends an urgent email.")));
        assert_eq!(shown, "Sends an {+urgent +}email.");
        assert_eq!(plain(Some(&json!(true)), Some(&json!(false))), "[-true-]{+false+}");
        let shown = plain(Some(&json!({ "a": 1, "b": 2 })), Some(&json!({ "a": 1, "b": 3 })));
        assert_eq!(shown, "-   \"b\": 2\n+   \"b\": 3\n");
        assert_eq!(plain(None, Some(&json!(["a"]))), "{+[\n  \"a\"\n… (1 more lines)+}");
    }

    #[test]
    fn what_cannot_be_seen_is_written_out_and_what_is_long_is_cut() {
        let shown = plain(Some(&json!("a b")), Some(&json!("a\u{200b} b")));
        assert!(shown.contains("\\u{200b}"), "{shown}");
        let long = "word ".repeat(400);
        let shown = plain(Some(&json!(long)), Some(&json!(format!("{long}end"))));
        assert!(shown.len() < 400 && shown.contains("{+end+}"), "{shown}");
    }
}
