//! What new text asks for: the part of a text that was not approved, judged by what it contains.
//!
//! Sentences that stood anywhere before are not new, so a move costs nothing; of the others, words
//! that a diff inserts are, and a rule counts only where its match holds one. Real servers mostly
//! explain their own function in new words; an attack asks for something else, and has to name it.

mod fresh;
mod weigh;

use std::cmp::Ordering;

use crate::change::Severity;
use crate::tripwire::{self, Class, entity, wording};
use fresh::{Fresh, Sentence};

/// What new text asks for, and why that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// How much it matters.
    pub severity: Severity,
    /// Order inside a severity: higher first.
    pub score: u32,
    /// What earned it, in words: `orders the model: "you must first call"`.
    pub because: Vec<String>,
    /// The rules that the new text met.
    pub rules: Vec<&'static str>,
}

/// Names that a text may steer by, each list in [`Names::order`], so that a word is looked up and
/// not compared with ten thousand names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    /// The items of this server.
    pub own: &'a [&'a str],
    /// The items of the servers beside it.
    pub others: &'a [&'a str],
}

impl Names<'_> {
    /// The order of the lists: without regard to ASCII case.
    pub fn order(a: &str, b: &str) -> Ordering {
        let lower = |byte: u8| byte.to_ascii_lowercase();
        a.bytes().map(lower).cmp(b.bytes().map(lower))
    }

    /// Whether a list has `word` as a name that is no everyday word.
    fn has(list: &[&str], word: &str) -> bool {
        let from = list.partition_point(|name| Self::order(name, word) == Ordering::Less);
        let same = list.iter().skip(from).take_while(|name| name.eq_ignore_ascii_case(word));
        same.copied().any(is_telling)
    }
}

impl Default for Judgement {
    /// Of a text that meets no rule.
    fn default() -> Self {
        Self { severity: Severity::Info, score: 0, because: Vec::new(), rules: Vec::new() }
    }
}

impl Judgement {
    /// Weighs once more a text that stands where a label belongs: a title, a choice, an icon's
    /// name. No honest one speaks in sentences, and models read them like any other text.
    pub(crate) fn weigh_as_label(&mut self, text: &str) {
        if text.split_whitespace().count() < LABEL_WORDS_MAX || text.starts_with("data:") {
            return;
        }
        self.score += weigh::WARNING;
        self.severity = self.severity.max(weigh::severity(self.score));
        self.because
            .push(format!("speaks in sentences where a label belongs: “{}”", excerpt(text)));
    }
}

/// Judges the part of `after` that is not in `before` (the whole, when there was none). `None` when
/// the new part meets no rule: a rewording.
pub fn judge(before: Option<&str>, after: &str, names: &Names<'_>) -> Option<Judgement> {
    if before == Some(after) {
        return None;
    }
    let fresh = Fresh::of(before, after);
    let mut found: Vec<Finding> = Vec::new();
    let lines = fresh.lines();
    for hit in tripwire::scan_characters(&lines) {
        let shown = lines.get(hit.span.clone()).unwrap_or_default();
        if !before.is_some_and(|before| before.contains(shown)) {
            found.push(Finding::new(hit.rule, shown, hit.hidden, 0));
        }
    }
    for (index, sentence) in fresh.sentences.iter().enumerate() {
        found.extend(findings(&fresh, sentence, index, names));
    }
    weigh::judgement(found, before.is_none())
}

/// One rule that new text met.
struct Finding {
    rule: &'static str,
    class: Class,
    /// The words that met it.
    shown: String,
    hidden: bool,
    /// The number of the new sentence.
    sentence: usize,
}

impl Finding {
    fn new(rule: &'static str, shown: &str, hidden: bool, sentence: usize) -> Self {
        Self { rule, class: tripwire::class_of(rule), shown: excerpt(shown), hidden, sentence }
    }
}

/// The rules that the new part of a sentence meets, or its context together with the new part.
fn findings(
    fresh: &Fresh<'_>,
    sentence: &Sentence,
    index: usize,
    names: &Names<'_>,
) -> Vec<Finding> {
    let mut near = Vec::new();
    let mut is_new = false;
    for (rule, tokens) in wording::matches(&sentence.tokens) {
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { continue };
        let span = first.span.start..last.span.end;
        let touched = fresh.touches(&span);
        if touched || fresh.touches(&fresh.with_context(sentence, &span)) {
            is_new |= touched;
            let hidden = tokens.iter().any(|token| token.hidden);
            near.push(Finding::new(rule, fresh.original(span), hidden, index));
        }
    }
    let folded = fresh.folded(sentence);
    for (rule, span) in entity::in_sentence(folded).into_iter().chain(named(folded, names)) {
        let span = sentence.span.start + span.start..sentence.span.start + span.end;
        if fresh.touches(&span) {
            is_new = true;
            near.push(Finding::new(rule, fresh.original(span), false, index));
        }
    }
    if !is_new {
        near.clear();
    }
    near
}

/// Where a sentence names an item: of another server (`shadow`), of this one (`own-item`).
fn named(folded: &str, names: &Names<'_>) -> Vec<(&'static str, std::ops::Range<usize>)> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let mut found = Vec::new();
    for (at, word) in split_words(folded, is_name) {
        let rule = if Names::has(names.own, word) {
            "own-item"
        } else if Names::has(names.others, word) {
            "shadow"
        } else {
            continue;
        };
        found.push((rule, at..at + word.len()));
    }
    found
}

/// A name that is no everyday word.
fn is_telling(name: &str) -> bool {
    name.len() > 3
        && (name.contains(['_', '-', '.']) || name.chars().skip(1).any(char::is_uppercase))
}

fn split_words(text: &str, in_word: impl Fn(char) -> bool) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive(move |c| !in_word(c)).filter_map(move |piece| {
        let start = at;
        at += piece.len();
        let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
        (!word.is_empty()).then_some((start, word))
    })
}

/// At most sixty characters, on one line, nothing invisible.
fn excerpt(text: &str) -> String {
    let shown = |c: char| if c.is_control() || tripwire::is_invisible(c) { '\u{fffd}' } else { c };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(EXCERPT_CHARS).map(shown).collect();
    if line.chars().nth(EXCERPT_CHARS).is_some() {
        short.push('…');
    }
    short
}

/// More words than a label has.
const LABEL_WORDS_MAX: usize = 14;

const EXCERPT_CHARS: usize = 60;
