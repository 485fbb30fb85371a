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
    let all = if is_whole { best } else { weight(found.iter()) };
    let score = best + (all - best.min(all)) / 2;
    let blocking = found.iter().any(|one| one.class == Class::Blocking);
    let severity = match score {
        _ if blocking => Severity::Critical,
        CRITICAL.. => Severity::Critical,
        WARNING.. => Severity::Warning,
        1.. => Severity::Notice,
        0 => return None,
    };
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

const WARNING: u32 = 25;
const CRITICAL: u32 = 50;

const WEIGHTS: &[(&str, u32)] = &[
    ("imperative.model", 15),
    ("process", 15),
    ("introspection", 15),
    ("precedence", 15),
    ("exfiltrate", 15),
    ("sensitive.path", 20),
    ("sensitive.noun", 8),
    ("harvest", 8),
    ("side-channel", 8),
    ("address", 10),
    ("encoded", 20),
    ("decode-order", 20),
    ("html", 20),
    ("shadow", 30),
    ("delay", 10),
    ("covert", 30),
    ("aside", 5),
    ("pretext", 5),
    ("addressee", 8),
    ("consent", 15),
    ("run", 10),
    ("destroy", 5),
    ("own-item", 0),
];
