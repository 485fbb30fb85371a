//! The words that rules are made of: terms of ten languages, each standing for concepts.
//!
//! A rule never names a phrase. It names concepts ("an order to disregard", "earlier
//! instructions") in an order and within a distance; every language adds its terms to each.

mod english;
mod other;

use std::collections::HashMap;
use std::sync::LazyLock;

use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};

use super::fold::{fold_term, plain};

/// A set of concepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Concepts(pub(crate) u64);

impl Concepts {
    /// Whether the sets share a concept.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets together.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

macro_rules! concepts {
    ($($(#[doc = $doc:literal])* $name:ident = $bit:literal;)*) => {
        $($(#[doc = $doc])* pub(crate) const $name: Concepts = Concepts(1 << $bit);)*
    };
}

/// No concept: a term that takes its words away from other terms.
pub(crate) const NOTHING: Concepts = Concepts(0);

concepts! {
    /// To treat something as not said.
    DISREGARD = 0;
    /// To keep from sight.
    HIDE = 1;
    /// To let somebody know.
    TELL = 2;
    /// Not, never, without.
    NOT = 3;
    /// The person whom the model serves.
    USER = 4;
    /// What a model was told to do.
    ORDERS = 5;
    /// Earlier, existing, of somebody else.
    PRIOR = 6;
    /// The model, by any of its names.
    MODEL = 7;
    /// You, your.
    YOU = 8;
    /// Duty.
    MUST = 9;
    /// Before something else.
    BEFORE = 10;
    /// Always, every time.
    ALWAYS = 11;
    /// To call or use a tool.
    USE = 12;
    /// A tool or a server.
    TOOL = 13;
    /// In place of.
    INSTEAD = 14;
    /// Praise above others.
    BEST = 15;
    /// To move data away.
    SEND = 16;
    /// To put data into a call or an answer.
    GIVE = 17;
    /// To get data.
    READ = 18;
    /// Credentials and keys.
    SECRET = 19;
    /// What was said between the user and the model.
    TALK = 20;
    /// An end point of a transfer.
    PLACE = 21;
    /// Beyond the user's own systems.
    OUTSIDE = 22;
    /// To turn an encoding back.
    DECODE = 23;
    /// Out of sight, by manner.
    COVERT = 24;
    /// Another one, any other.
    OTHER = 25;
    /// To act as told.
    OBEY = 26;
    /// No longer in force.
    VOID = 27;
    /// The whole of it.
    WHOLE = 28;
    /// What a machine knows of its owner: files, environment, clipboard.
    MACHINE = 29;
    /// At a later time.
    LATER = 30;
    /// As well, in the same step.
    ALSO = 31;
    /// To run a command.
    RUN = 32;
    /// To ask for consent.
    CONSENT = 33;
    /// An order by its form: please, be sure to.
    PLEASE = 34;
    /// A transfer in progress, as a noun: copy, log, telemetry.
    TRACE = 35;
    /// This, these: what the text itself speaks of.
    THIS = 36;
    /// To destroy.
    DESTROY = 37;
    /// A URL, a host, an e-mail or network address.
    ADDRESS = 38;
    /// A path where machines keep credentials and configuration.
    PATH = 39;
    /// From somebody, to somebody.
    FROM = 40;
    /// All, any: whatever there is.
    ANY = 41;
    /// Inside something that the text speaks of, such as a page or a result.
    INSIDE = 42;
    /// To let a person know in words.
    MENTION = 43;
    /// Given, passed, sent: done to something, and no order.
    GIVEN = 44;
    /// What a model does beyond this tool: tasks, answers, turns.
    PROCESS = 45;
    /// What a model has in mind: its prompt, its context, its reasoning.
    MIND = 46;
    /// Not to be relied on.
    UNFIT = 47;
    /// To keep something after the call.
    KEEP = 48;
    /// Not, where it stands after the verb.
    NAUGHT = 49;
    /// More of a person's world than one task needs.
    SCOPE = 50;
}

/// The term that begins a text, longest first.
pub(crate) struct Found {
    /// Its concepts.
    pub(crate) concepts: Concepts,
    /// Its length in the folded text.
    pub(crate) size_bytes: usize,
    /// Its number in the lexicon.
    term: usize,
}

/// The longest term that begins `rest`, which must be the start of a word in a folded text.
pub(crate) fn term_at(rest: &str) -> Option<Found> {
    let lexicon = LEXICON.as_ref()?;
    let nfa = &lexicon.nfa;
    let mut state = nfa.start_state(Anchored::Yes).ok()?;
    let mut found = None;
    for (index, byte) in rest.bytes().enumerate() {
        state = nfa.next_state(Anchored::Yes, state, byte);
        if nfa.is_dead(state) {
            break;
        }
        if !nfa.is_match(state) {
            continue;
        }
        let size_bytes = index + 1;
        for nth in 0..nfa.match_len(state) {
            let term = nfa.match_pattern(state, nth).as_usize();
            let Some(entry) = lexicon.entries.get(term) else { continue };
            if entry.size_bytes == size_bytes && entry.ends(rest, size_bytes) {
                found = Some(Found { concepts: entry.concepts, size_bytes, term });
            }
        }
    }
    found
}

impl Found {
    /// Whether `original`, the text that the term was found in, spells it otherwise: something was
    /// removed or replaced.
    pub(crate) fn is_disguised(&self, original: &str) -> bool {
        // Folding leaves ASCII as it is, but for case and white space.
        if original.is_ascii() {
            return false;
        }
        let entry = LEXICON.as_ref().and_then(|lexicon| lexicon.entries.get(self.term));
        entry.is_some_and(|entry| {
            let typed = plain(original);
            let words = typed.split_whitespace();
            !words.eq(entry.plain.split_whitespace())
        })
    }
}

struct Lexicon {
    nfa: NFA,
    entries: Vec<Entry>,
}

struct Entry {
    concepts: Concepts,
    size_bytes: usize,
    plain: String,
    /// The term is a stem: any ending may follow.
    stem: bool,
}

impl Entry {
    fn ends(&self, rest: &str, size_bytes: usize) -> bool {
        let next = || rest.get(size_bytes..).and_then(|rest| rest.chars().next());
        self.stem || next().is_none_or(|next| !next.is_alphanumeric() || is_unspaced(next))
    }
}

/// Scripts that write words without spaces between them.
pub(crate) fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

fn all_terms() -> impl Iterator<Item = &'static (Concepts, &'static str)> {
    english::TERMS.iter().chain(other::TERMS.into_iter().flatten())
}

static LEXICON: LazyLock<Option<Lexicon>> = LazyLock::new(build);

fn build() -> Option<Lexicon> {
    let mut at: HashMap<String, usize> = HashMap::new();
    let mut needles = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    for (concepts, terms) in all_terms() {
        for term in terms.split('|').map(str::trim).filter(|term| !term.is_empty()) {
            let (word, stem) = term.strip_suffix('*').map_or((term, false), |word| (word, true));
            let stem = stem || word.chars().next_back().is_some_and(is_unspaced);
            let needle = fold_term(word);
            if let Some(entry) = at.get(&needle).and_then(|index| entries.get_mut(*index)) {
                entry.concepts = entry.concepts.or(*concepts);
                entry.stem |= stem;
                continue;
            }
            at.insert(needle.clone(), entries.len());
            entries.push(Entry {
                concepts: *concepts,
                size_bytes: needle.len(),
                plain: plain(word),
                stem,
            });
            needles.push(needle);
        }
    }
    let nfa = NFA::builder().match_kind(MatchKind::Standard).build(needles).ok()?;
    Some(Lexicon { nfa, entries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lexicon_builds_and_every_term_is_found_by_itself() {
        for (concepts, terms) in all_terms() {
            for term in terms.split('|').map(str::trim).filter(|term| !term.is_empty()) {
                let word = term.trim_end_matches('*');
                let found = term_at(&fold_term(word)).unwrap_or_else(|| panic!("{term}"));
                assert!(*concepts == NOTHING || found.concepts.meets(*concepts), "{term}");
                assert!(!found.is_disguised(word), "{term}");
            }
        }
    }

    #[test]
    fn a_word_is_more_than_a_stem_only_where_it_says_so() {
        assert!(term_at("user input").is_some_and(|found| found.concepts.meets(USER)));
        assert!(term_at("userland").is_none_or(|found| !found.concepts.meets(USER)));
    }
}
