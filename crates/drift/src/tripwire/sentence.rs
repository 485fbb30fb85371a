//! A folded text as sentences of concepts, and the patterns that rules look for in them.

use std::ops::Range;

use super::fold::Folded;
use super::lexicon::{ADDRESS, Concepts, is_unspaced, term_at};

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
    /// The pattern fails where such a token stands.
    pub(crate) absent: bool,
}

/// Steps in order.
pub(crate) type Pattern = &'static [Step];

/// A step within a distance, in any clause.
pub(crate) const fn then(concepts: Concepts, within: usize) -> Step {
    Step { concepts, within, close: false, absent: false }
}

/// As [`then`], in the same clause.
pub(crate) const fn close(concepts: Concepts, within: usize) -> Step {
    Step { concepts, within, close: true, absent: false }
}

/// No such token may follow within the distance.
pub(crate) const fn lacks(concepts: Concepts, within: usize) -> Step {
    Step { concepts, within, close: false, absent: true }
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
    if step.absent {
        let mut near = near.skip(1);
        let found = near.any(|(_, token)| token.concepts.meets(step.concepts));
        return if found { None } else { reach(tokens, at, rest) };
    }
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
            let end = reader.at + c.len_utf8();
            visit(reader.start..end, &reader.tokens);
            reader.begin_sentence(end);
        } else if c.is_alphanumeric() || matches!(c, '.' | '/') && !reader.after_word {
            reader.word(c, rest, |span| original.get(folded.original(span)));
        } else {
            reader.clause +=
                usize::from(matches!(c, ',' | ';' | ':' | '(' | ')' | '，' | '、' | '；' | '：'));
            reader.after_word = false;
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
    after_word: bool,
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
        let found = term_at(rest);
        let size_bytes = found.as_ref().map_or(0, |found| found.size_bytes);
        let ending = rest.get(size_bytes..).unwrap_or_default();
        let taken = (size_bytes + word_size(ending)).max(c.len_utf8());
        let span = self.at..self.at + taken;
        let address = is_address(rest, taken);
        if let Some(found) = found {
            let span = self.at..self.at + size_bytes;
            let hidden = original(span.clone()).is_some_and(|text| found.is_disguised(text));
            self.push(found.concepts, span, hidden);
        } else if address {
            self.push(ADDRESS, span, false);
        }
        // A word has two units, an unspaced character one.
        self.word += match c {
            _ if is_unspaced(c) => (taken / c.len_utf8()).max(1),
            _ if c.is_alphanumeric() || size_bytes > 0 => 2,
            _ => 0,
        };
        self.after_word = c.is_alphanumeric();
        self.at += taken;
    }

    fn push(&mut self, concepts: Concepts, span: Range<usize>, hidden: bool) {
        let (word, clause) = (self.word / 2, self.clause);
        self.tokens.push(Token { concepts, word, clause, span, hidden });
    }
}

/// Whether the word of `size_bytes` that begins `rest` begins an e-mail or an IP address.
fn is_address(rest: &str, size_bytes: usize) -> bool {
    // Bounded: every word of a text asks.
    let begins = |text: &str, size: usize, fits: fn(&char) -> bool| -> String {
        text.chars().take(size).take_while(fits).collect()
    };
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        let run = begins(rest, IPV4_CHARS_MAX, |c| c.is_ascii_digit() || *c == '.');
        return run.trim_end_matches('.').parse::<std::net::Ipv4Addr>().is_ok();
    }
    let after = rest.get(size_bytes..).unwrap_or_default();
    after.strip_prefix('@').is_some_and(|host| {
        let host = begins(host, HOST_CHARS_MAX, |c| !c.is_whitespace() && !matches!(c, ',' | '@'));
        host.trim_end_matches('.').contains('.')
    })
}

/// The bytes of what is left of a spaced word.
fn word_size(rest: &str) -> usize {
    let in_word = |b: u8| b.is_ascii_alphanumeric() || b == b'\'';
    let ascii = rest.bytes().position(|b| !in_word(b)).unwrap_or(rest.len());
    if rest.as_bytes().get(ascii).is_none_or(u8::is_ascii) {
        return ascii;
    }
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

/// Longest IPv4 address, with a full stop behind it.
const IPV4_CHARS_MAX: usize = 16;

/// More of a host than is needed to see its first dot.
const HOST_CHARS_MAX: usize = 64;

/// Longest sentence, in terms; a longer one is read in parts.
const TOKENS_MAX: usize = 512;
