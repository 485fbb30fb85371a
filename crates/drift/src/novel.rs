//! What new text asks for: the part of a text that was not approved, judged by what it contains.
//!
//! Sentences that stood anywhere before are not new, so a move costs nothing; of the others, words
//! that a diff inserts are, and a rule counts only where its match holds one. Real servers mostly
//! explain their own function in new words; an attack asks for something else, and has to name it.

use crate::change::Severity;
use crate::tripwire::{self, Class};

/// What new text asks for, and why that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// How much it matters.
    pub severity: Severity,
    /// Order inside a severity: higher first.
    pub score: u32,
    /// What earned it, in words: `orders the model ("you must first call")`.
    pub because: Vec<String>,
    /// The rules that the new text met.
    pub rules: Vec<&'static str>,
}

/// Names that a text may steer by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    /// The items of this server.
    pub own: &'a [&'a str],
    /// The items of the servers beside it.
    pub others: &'a [&'a str],
}

/// Judges the part of `after` that is not in `before` (the whole, when there was none). `None` when
/// the new part meets no rule: a rewording.
pub fn judge(before: Option<&str>, after: &str, _names: &Names<'_>) -> Option<Judgement> {
    let known: Vec<_> = before.map(tripwire::scan).unwrap_or_default();
    let hits = tripwire::scan(after);
    let new: Vec<_> =
        hits.iter().filter(|hit| !known.iter().any(|old| old.rule == hit.rule)).collect();
    let blocking = new.iter().any(|hit| hit.class == Class::Blocking);
    let severity = match new.len() {
        0 => return None,
        _ if blocking => Severity::Critical,
        1 => Severity::Notice,
        _ => Severity::Warning,
    };
    Some(Judgement {
        severity,
        score: u32::try_from(new.len()).unwrap_or(u32::MAX),
        because: new.iter().map(|hit| hit.rule.to_owned()).collect(),
        rules: new.iter().map(|hit| hit.rule).collect(),
    })
}
