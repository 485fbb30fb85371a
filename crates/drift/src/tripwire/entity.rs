//! Entities: frames that imitate a chat, encoded runs, markup that hides.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::Report;

/// Runs every entity rule over `text`.
pub(super) fn scan(text: &str, report: &mut Report<'_>) {
    frames(text, report);
    for (rule, span) in in_sentence(text) {
        report.hit(rule, span);
    }
}

/// Runs the rule on frames over `text`.
pub(super) fn frames(text: &str, report: &mut Report<'_>) {
    if !text.contains(['<', '[', '#', '\n']) {
        return;
    }
    if let Some(found) = FRAME.as_ref().and_then(|frame| frame.find(text)) {
        report.hit("fake-frame", found.range());
    }
}

/// The counting entity rules that a sentence meets, and where.
pub(crate) fn in_sentence(text: &str) -> Vec<(&'static str, Range<usize>)> {
    let mut found = Vec::new();
    if text.contains(['<', '[']) {
        found.extend(
            MARKUP.as_ref().and_then(|markup| markup.find(text)).map(|m| ("html", m.range())),
        );
    }
    if !text.starts_with("data:image/") {
        found.extend(encoded(text).map(|span| ("encoded", span)));
    }
    found
}

/// The first run of base64 or hexadecimal digits that is longer and more mixed than a word.
///
/// A run of the least length covers a position that is a multiple of it: only those are looked at.
fn encoded(text: &str) -> Option<Range<usize>> {
    let in_run =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_');
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some((head, tail)) = bytes.split_at_checked(at).filter(|(_, tail)| !tail.is_empty()) {
        let after = tail.iter().position(|b| !in_run(b)).unwrap_or(tail.len());
        let before = head.iter().rev().position(|b| !in_run(b)).unwrap_or(head.len());
        let run = at - before..at + after;
        if after > 0
            && run.len() >= ENCODED_BYTES_MIN
            && bytes.get(run.clone()).is_some_and(is_mixed)
        {
            return Some(run);
        }
        at += ENCODED_BYTES_MIN * (1 + after / ENCODED_BYTES_MIN);
    }
    None
}

/// Digits among the letters, and no part that reads as words: a path and a long identifier have
/// separators every few letters.
fn is_mixed(run: &[u8]) -> bool {
    let digits = run.iter().filter(|b| b.is_ascii_digit()).count();
    let separators = run.iter().filter(|b| matches!(b, b'-' | b'_' | b'/')).count();
    digits * 16 >= run.len() && digits < run.len() && separators * 10 <= run.len()
}

const ENCODED_BYTES_MIN: usize = 32;

static FRAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)<\|[a-z_]{2,24}\|>",
        r"|</?(?:important|system|assistant|critical|secret|hidden|admin|sys|instruction|system[-_ ]\w{1,16}|im_start|im_end)\b[^<>]{0,40}>",
        r"|\[/?(?:inst|system|assistant)\]|<</?sys>>",
        r"|</?(?:tool_call|function_calls?|invoke|tool_use|tool_result|function_results?)\b[^<>]{0,80}>",
        r"|\n\s{0,8}(?:human|assistant|system)\s?:\s",
        r"|(?:^|\n)#{1,6} ?(?:system|assistant)(?: prompt| message)?:",
    ))
    .ok()
});

static MARKUP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)<!--",
        r"|!\[[^\]]{0,80}\]\([^)\s]{0,200}\?[^)\s]{0,400}\)",
        r"|<img\b[^>]{0,200}\bsrc\s?=[^>]{0,400}>",
        r"|style\s?=\s?.{0,60}(?:display\s?:\s?none|visibility\s?:\s?hidden|font-size\s?:\s?0|opacity\s?:\s?0)",
        r"|\[//\]:\s?#",
        r"|<script\b|<iframe\b|javascript:",
    ))
    .ok()
});
