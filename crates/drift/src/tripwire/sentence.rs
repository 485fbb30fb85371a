//! A folded text as sentences of concepts, and the patterns that rules look for in them.

use std::ops::Range;

use super::fold::Folded;
use super::lexicon::{Concepts, is_unspaced, term_at};

/// A term of the lexicon where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// What it stands for.
    pub(crate) concepts: Concepts,
    /// Its number among the words of the sentence; two unspaced characters count as one word.
    pub(crate) word: usize,
    /// The number of its clause in the sentence.
    pub(crate) clause: usize,
    /// Bytes of the folded text.
    pub(crate) span: Range<usize>,
    /// Spelled so that a reader sees something else.
    pub(crate) hidden: bool,
}

/// One step of a pattern: a token with one of `concepts`, at most `within` words after the step
/// before it (the same token counts), in the same clause if `close`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) concepts: Concepts,
    pub(crate) within: usize,
    pub(crate) close: bool,
}

/// Steps in order.
pub(crate) type Pattern = &'static [Step];

/// The concepts anywhere in the sentence.
pub(crate) const fn then(concepts: Concepts, within: usize) -> Step {
    Step { concepts, within, close: false }
}

/// As [`then`], in the same clause.
pub(crate) const fn close(concepts: Concepts, within: usize) -> Step {
    Step { concepts, within, close: true }
}

/// The tokens of the first place where `pattern` holds: from the first to the last step.
pub(crate) fn find<'t>(tokens: &'t [Token], pattern: &[Step]) -> Option<&'t [Token]> {
    let (first, rest) = pattern.split_first()?;
    (0..tokens.len()).find_map(|start| {
        let token = tokens.get(start)?;
        let end = token.concepts.meets(first.concepts).then(|| reach(tokens, start, rest))??;
        tokens.get(start..=end)
    })
}

/// The index of the last step's token; a pattern has few steps and each a small reach.
fn reach(tokens: &[Token], at: usize, steps: &[Step]) -> Option<usize> {
    let Some((step, rest)) = steps.split_first() else { return Some(at) };
    let from = tokens.get(at)?;
    let near = tokens.iter().enumerate().skip(at).take_while(|(_, token)| {
        token.word <= from.word + step.within && (!step.close || token.clause == from.clause)
    });
    near.filter(|(_, token)| token.concepts.meets(step.concepts))
        .find_map(|(index, _)| reach(tokens, index, rest))
}

/// Calls `visit` with the range and the tokens of each sentence of `folded`.
pub(crate) fn each(original: &str, folded: &Folded, mut visit: impl FnMut(Range<usize>, &[Token])) {
    let mut reader = Reader::default();
    let text = folded.text.as_str();
    while let Some(rest) = text.get(reader.at..).filter(|rest| !rest.is_empty()) {
        let c = rest.chars().next().unwrap_or_default();
        let next = rest.get(c.len_utf8()..).unwrap_or_default();
        if ends_sentence(c, next) || reader.tokens.len() >= TOKENS_MAX {
            visit(reader.start..reader.at, &reader.tokens);
            reader.begin_sentence(reader.at + c.len_utf8());
        } else if c.is_alphanumeric() {
            reader.word(c, rest, |span| original.get(folded.original(span)));
        } else {
            reader.clause +=
                usize::from(matches!(c, ',' | ';' | ':' | '(' | ')' | '，' | '、' | '；' | '：'));
            reader.at += c.len_utf8();
        }
    }
    visit(reader.start..text.len(), &reader.tokens);
}

#[derive(Default)]
struct Reader {
    at: usize,
    start: usize,
    word: usize,
    clause: usize,
    tokens: Vec<Token>,
}

impl Reader {
    fn begin_sentence(&mut self, at: usize) {
        self.tokens.clear();
        (self.at, self.start, self.word, self.clause) = (at, at, 0, 0);
    }

    /// Takes the term or the word that begins `rest` with `c`.
    fn word<'t>(
        &mut self,
        c: char,
        rest: &str,
        original: impl Fn(Range<usize>) -> Option<&'t str>,
    ) {
        let taken = match term_at(rest) {
            Some(found) => {
                let span = self.at..self.at + found.size_bytes;
                let hidden = original(span.clone()).is_some_and(|text| found.is_disguised(text));
                let token = Token {
                    concepts: found.concepts,
                    word: self.word / 2,
                    clause: self.clause,
                    span,
                    hidden,
                };
                self.tokens.push(token);
                found.size_bytes + word_size(rest.get(found.size_bytes..).unwrap_or_default())
            }
            None => word_size(rest).max(c.len_utf8()),
        };
        // A word has two units, an unspaced character one.
        self.word += if is_unspaced(c) { (taken / c.len_utf8()).max(1) } else { 2 };
        self.at += taken;
    }
}

/// The bytes of what is left of a spaced word.
fn word_size(rest: &str) -> usize {
    let in_word = |c: char| c.is_alphanumeric() && !is_unspaced(c) || c == '\'';
    rest.find(|c| !in_word(c)).unwrap_or(rest.len())
}

/// Whether `c`, followed by `next`, ends a sentence; a dot inside a word or a path does not.
fn ends_sentence(c: char, next: &str) -> bool {
    match c {
        '\n' | '。' | '！' | '？' => true,
        '.' | '!' | '?' => next.is_empty() || next.starts_with([' ', '\n', '"', '\'', ')', '<']),
        _ => false,
    }
}

/// Longest sentence, in terms; a longer one is read in parts.
const TOKENS_MAX: usize = 512;
