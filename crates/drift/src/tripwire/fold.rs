//! The folded view of a text: what matching sees when nothing can hide in it.
//!
//! Invisible characters are removed, compatibility forms, case and marks are folded (NFKD), and
//! what looks like an ASCII letter becomes one (UTS #39 prototypes). For matching only: offsets
//! lead back to the text as it is, and no digest is ever taken of a folded text.

use std::ops::Range;

use unicode_normalization::char::{decompose_canonical, decompose_compatible};

use super::unicode::is_invisible;

/// A text after folding, with the way back.
pub(crate) struct Folded {
    /// The folded text. A run of white space is one space; a line that cannot continue the one
    /// before it begins with `\n`.
    pub(crate) text: String,
    /// (offset in the folded text, offset in the original), ascending, one entry wherever the
    /// difference of the two changes.
    marks: Vec<(usize, usize)>,
}

/// Folds `text`.
pub(crate) fn fold(text: &str) -> Folded {
    let mut folded = Folded { text: String::with_capacity(text.len()), marks: Vec::new() };
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        folded.mark(at);
        let taken = if c.is_ascii_whitespace() {
            let taken = rest.len() - rest.trim_ascii_start().len();
            let (space, after) = rest.split_at(taken);
            folded.text.push(if breaks_line(space, after) { '\n' } else { ' ' });
            taken
        } else if c.is_ascii() {
            let end = rest.bytes().position(|b| !b.is_ascii() || b.is_ascii_whitespace());
            let (plain, _) = rest.split_at(end.unwrap_or(rest.len()));
            let start = folded.text.len();
            folded.text.push_str(plain);
            if let Some(added) = folded.text.get_mut(start..) {
                added.make_ascii_lowercase();
            }
            plain.len()
        } else {
            fold_char(c, &mut folded.text);
            c.len_utf8()
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    folded.mark(text.len());
    folded
}

/// A short text after folding: how the terms of the lexicon are written.
pub(crate) fn fold_term(term: &str) -> String {
    fold(term).text
}

/// `text` in lower case and without marks, with no character replaced by one that looks like it:
/// what a reader types. A match whose plain form is not the term was disguised.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
        } else if keeps(c) {
            out.push(c);
        } else if c == '’' {
            out.push('\'');
        } else {
            decompose_canonical(c, |part| {
                if !is_mark(part) {
                    out.extend(part.to_lowercase());
                }
            });
        }
    }
    out
}

impl Folded {
    /// The range of the original text that `folded` came from.
    pub(crate) fn original(&self, folded: Range<usize>) -> Range<usize> {
        self.origin(folded.start)..self.origin(folded.end)
    }

    fn origin(&self, at: usize) -> usize {
        let after = self.marks.partition_point(|(folded, _)| *folded <= at);
        let mark = after.checked_sub(1).and_then(|index| self.marks.get(index));
        mark.map_or(at, |(folded, original)| original + (at - folded))
    }

    /// Notes that what comes next in the folded text stands at `original`.
    fn mark(&mut self, original: usize) {
        let here = self.text.len();
        let same = match self.marks.last_mut() {
            Some(last) if last.0 == here => {
                last.1 = original;
                true
            }
            Some(last) => here - last.0 == original.saturating_sub(last.1),
            None => here == original,
        };
        if !same {
            self.marks.push((here, original));
        }
    }
}

fn fold_char(c: char, out: &mut String) {
    if keeps(c) {
        out.push(c);
    } else if matches!(c, '’' | '‘') {
        out.push('\'');
    } else if c.is_whitespace() {
        out.push(' ');
    } else if !is_invisible(c) {
        decompose_compatible(c, |part| {
            if !is_mark(part) && !is_invisible(part) {
                part.to_lowercase().for_each(|lower| out.push(look(lower)));
            }
        });
    }
}

/// The ASCII character that `c` is made to look like, or `c`.
fn look(c: char) -> char {
    if c.is_ascii() || keeps(c) {
        return c;
    }
    let mut buffer = [0; 4];
    let prototype: String = unicode_security::skeleton(c.encode_utf8(&mut buffer)).collect();
    match prototype.as_str() {
        "rn" => 'm',
        one => one
            .chars()
            .next()
            .filter(|first| first.is_ascii() && one.len() == 1)
            .map_or(c, |first| first.to_ascii_lowercase()),
    }
}

/// Ideographs, kana and Hangul: nothing folds there, and most of such a text is these.
fn keeps(c: char) -> bool {
    matches!(c, '\u{3001}'..='\u{312f}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}')
}

/// A blank line, or a line that begins a list entry, a heading or a tag.
fn breaks_line(space: &str, after: &str) -> bool {
    let lines = space.bytes().filter(|b| *b == b'\n').count();
    lines > 1
        || lines == 1
            && (after.starts_with(['-', '*', '#', '•', '<', '|', '>'])
                || after.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['.', ')']))
}
