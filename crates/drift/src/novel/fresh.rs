//! The part of a text that is new: sentences that did not stand before, and in them the words that
//! a diff inserts.

use std::collections::HashSet;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::tripwire::fold::{Folded, fold};
use crate::tripwire::sentence::{self, Token};

/// A text, read against the one before it.
pub(super) struct Fresh<'t> {
    text: &'t str,
    folded: Folded,
    /// Sentences that did not stand before.
    pub(super) sentences: Vec<Sentence>,
    /// Inserted words, as folded ranges in order; an empty range stands where words were removed.
    touched: Vec<Range<usize>>,
}

/// One sentence.
pub(super) struct Sentence {
    /// Bytes of the folded text.
    pub(super) span: Range<usize>,
    /// Its terms.
    pub(super) tokens: Vec<Token>,
}

impl<'t> Fresh<'t> {
    /// Reads `after` against `before`.
    pub(super) fn of(before: Option<&str>, after: &'t str) -> Self {
        let folded = fold(after);
        let mut sentences = read(after, &folded);
        let Some(before) = before else {
            let touched = sentences.iter().map(|sentence| sentence.span.clone()).collect();
            return Self { text: after, folded, sentences, touched };
        };
        let old_folded = fold(before);
        let mut old = read(before, &old_folded);
        let known: HashSet<_> = old.iter().map(|one| key(before, &old_folded, one)).collect();
        let kept: HashSet<_> = sentences.iter().map(|one| key(after, &folded, one)).collect();
        sentences.retain(|one| !known.contains(&key(after, &folded, one)));
        old.retain(|one| !kept.contains(&key(before, &old_folded, one)));
        let old: Vec<_> =
            old.iter().flat_map(|one| words(before, &old_folded, &one.span)).collect();
        let new: Vec<_> =
            sentences.iter().flat_map(|one| words(after, &folded, &one.span)).collect();
        let touched = inserted(&old, &new);
        Self { text: after, folded, sentences, touched }
    }

    /// The text as it is, of a folded range.
    pub(super) fn original(&self, span: Range<usize>) -> &'t str {
        self.text.get(self.folded.original(span)).unwrap_or_default()
    }

    /// Whether the range holds an inserted word, or a place where one was removed.
    pub(super) fn touches(&self, span: &Range<usize>) -> bool {
        let from = self.touched.partition_point(|touched| touched.end < span.start);
        self.touched.iter().skip(from).take_while(|touched| touched.start < span.end).any(
            |touched| {
                touched.start.max(span.start) < touched.end.min(span.end) || touched.is_empty()
            },
        )
    }

    /// The range with five words of context on both sides.
    pub(super) fn with_context(&self, sentence: &Sentence, span: &Range<usize>) -> Range<usize> {
        let text = &self.folded.text;
        let head = text.get(sentence.span.start..span.start).unwrap_or_default();
        let tail = text.get(span.end..sentence.span.end).unwrap_or_default();
        let start = head.rmatch_indices(' ').nth(CONTEXT_WORDS).map_or(0, |(at, _)| at);
        let end = tail.match_indices(' ').nth(CONTEXT_WORDS).map_or(tail.len(), |(at, _)| at);
        sentence.span.start + start..span.end + end
    }

    /// The new sentences as they are, a line each: what code point rules are asked about.
    pub(super) fn lines(&self) -> String {
        let lines = self.sentences.iter().map(|one| self.original(one.span.clone()));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The folded sentence.
    pub(super) fn folded(&self, sentence: &Sentence) -> &str {
        self.folded.text.get(sentence.span.clone()).unwrap_or_default()
    }
}

fn read(text: &str, folded: &Folded) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    sentence::each(text, folded, |span, tokens| {
        if folded.text.get(span.clone()).is_some_and(|text| !text.trim().is_empty()) {
            sentences.push(Sentence { span, tokens: tokens.to_vec() });
        }
    });
    sentences
}

/// What makes two sentences the same: their words as they are, whatever the space between them.
fn key<'t>(text: &'t str, folded: &Folded, sentence: &Sentence) -> Vec<&'t str> {
    words(text, folded, &sentence.span).map(|(word, _)| word).collect()
}

/// The words of a folded range: each as it is in the original, and where it is folded. Compared as
/// they are, so that a character that folding removes makes a word new.
fn words<'t>(
    text: &'t str,
    folded: &Folded,
    span: &Range<usize>,
) -> impl Iterator<Item = (&'t str, Range<usize>)> {
    let start = span.start;
    let sentence = folded.text.get(span.clone()).unwrap_or_default();
    sentence.split_whitespace().filter_map(move |word| {
        let from = start + (word.as_ptr() as usize).checked_sub(sentence.as_ptr() as usize)?;
        let span = from..from + word.len();
        Some((text.get(folded.original(span.clone()))?.trim(), span))
    })
}

/// The ranges of `new` that are not in `old`. Past a bound on the work all of it counts as new,
/// so that padding a text hides nothing.
fn inserted(old: &[(&str, Range<usize>)], new: &[(&str, Range<usize>)]) -> Vec<Range<usize>> {
    let all = || new.iter().map(|(_, span)| span.clone()).collect();
    if old.len().saturating_mul(new.len()) > DIFF_CELLS_MAX {
        return all();
    }
    let bare = |words: &[(&str, Range<usize>)]| -> Vec<String> {
        words.iter().map(|(word, _)| (*word).to_owned()).collect()
    };
    let mut touched = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &bare(old), &bare(new)) {
        match op {
            DiffOp::Equal { .. } => {}
            DiffOp::Delete { new_index, .. } => {
                let at = new.get(new_index).or(new.last()).map(|(_, span)| span.start);
                touched.extend(at.map(|at| at..at));
            }
            DiffOp::Insert { new_index, new_len, .. }
            | DiffOp::Replace { new_index, new_len, .. } => {
                let words = new.get(new_index..new_index + new_len).unwrap_or_default();
                touched.extend(words.iter().map(|(_, span)| span.clone()));
            }
        }
    }
    touched
}

/// How much of the old text around an inserted word is read with it.
const CONTEXT_WORDS: usize = 5;

/// Most work for one diff: 2,000 changed words against 2,000, about 12 KB of each.
const DIFF_CELLS_MAX: usize = 4_000_000;
