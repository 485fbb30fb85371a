//! From findings to a severity and a score.

use super::{Finding, Judgement};
use crate::change::Severity;
use crate::tripwire::{self, Class};

/// The judgement that the findings earn; `None` without any.
pub(super) fn judgement(mut found: Vec<Finding>, is_whole: bool) -> Option<Judgement> {
    let best = (0..=found.iter().map(|one| one.sentence).max().unwrap_or(0))
        .map(|sentence| weight(found.iter().filter(|one| one.sentence == sentence)))
        .max()
        .unwrap_or(0);
    // A new text speaks of many things; an insertion is one message.
    let all = weight(found.iter());
    let score = if is_whole { best * 3 / 4 } else { best + (all - best.min(all)) / 2 };
    let blocking = found.iter().any(|one| one.class == Class::Blocking);
    if score == 0 {
        return None;
    }
    let severity = if blocking { Severity::Critical } else { severity(score) };
    found.sort_by_key(|one| std::cmp::Reverse(weight_of(one)));
    let mut rules = Vec::new();
    let mut because = Vec::new();
    for one in &found {
        if !rules.contains(&one.rule) {
            rules.push(one.rule);
            because.push(format!(
                "{}: \u{201c}{}\u{201d}",
                tripwire::sentence_of(one.rule),
                one.shown
            ));
        }
    }
    Some(Judgement { severity, score, because, rules })
}

/// The severity that a score earns.
pub(super) const fn severity(score: u32) -> Severity {
    match score {
        CRITICAL.. => Severity::Critical,
        WARNING.. => Severity::Warning,
        1.. => Severity::Notice,
        0 => Severity::Info,
    }
}

/// The weights of the different rules among `found`, together.
fn weight<'f>(found: impl Iterator<Item = &'f Finding>) -> u32 {
    let mut seen: Vec<(&str, u32)> = Vec::new();
    for one in found {
        let weight = weight_of(one);
        match seen.iter_mut().find(|(rule, _)| *rule == one.rule) {
            Some((_, known)) => *known = weight.max(*known),
            None => seen.push((one.rule, weight)),
        }
    }
    seen.iter().map(|(_, weight)| weight).sum()
}

fn weight_of(finding: &Finding) -> u32 {
    let known = WEIGHTS.iter().find(|(rule, _)| *rule == finding.rule).map(|(_, weight)| *weight);
    let weight = known.unwrap_or(match finding.class {
        Class::Blocking => 100,
        Class::Counting => 10,
    });
    if finding.hidden { weight * 2 } else { weight }
}

/// The least score of a warning: no frequent sign alone, any two.
pub(super) const WARNING: u32 = 12;
/// The least score of an alarm without a blocking rule.
const CRITICAL: u32 = 45;

/// By hand, from the rates in `docs/drift-measured.md`: what is rare in real new text and frequent in
/// attacks weighs most. `measure DATA_DIR --features` prints what they were read from.
const WEIGHTS: &[(&str, u32)] = &[
    ("imperative.model", 8),
    ("process", 12),
    ("introspection", 12),
    ("precedence", 18),
    ("instead", 6),
    ("retains", 8),
    ("overreach", 12),
    ("exfiltrate", 18),
    ("sensitive.path", 20),
    ("sensitive.noun", 5),
    ("harvest", 14),
    ("side-channel", 16),
    ("address", 10),
    ("encoded", 25),
    ("decode-order", 10),
    ("html", 25),
    ("shadow", 30),
    ("delay", 6),
    ("covert", 25),
    ("aside", 12),
    ("pretext", 8),
    ("addressee", 3),
    ("consent", 12),
    ("run", 6),
    ("destroy", 1),
    ("own-item", 0),
];
