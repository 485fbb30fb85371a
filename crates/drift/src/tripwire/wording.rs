//! Wording rules: concepts in an order and within a distance, in any language of the lexicon.

use super::Report;
use super::fold::fold;
use super::lexicon::{Concepts, DISREGARD, HIDE, NOT, OBEY, ORDERS, PRIOR, TELL, USER, VOID};
use super::sentence::{self, Pattern, Token, close, then};

/// Runs every wording rule over `text`.
pub(super) fn scan(text: &str, report: &mut Report<'_>) {
    let folded = fold(text);
    sentence::each(text, &folded, |_, tokens| {
        for (rule, tokens) in matches(tokens) {
            let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { continue };
            let span = folded.original(first.span.start..last.span.end);
            report.add(rule, span, tokens.iter().any(|token| token.hidden));
        }
    });
}

/// The rules that a sentence meets, with the tokens that earn each.
pub(crate) fn matches(tokens: &[Token]) -> Vec<(&'static str, &[Token])> {
    let all = tokens.iter().fold(Concepts::default(), |all, token| all.or(token.concepts));
    let mut met = Vec::new();
    for (rule, patterns) in FAMILIES {
        let possible = |pattern: &&Pattern| pattern.iter().all(|step| all.meets(step.concepts));
        let found =
            patterns.iter().filter(possible).find_map(|pattern| sentence::find(tokens, pattern));
        met.extend(found.map(|found| (*rule, found)));
    }
    met
}

/// Each rule and the ways to meet it.
const FAMILIES: &[(&str, &[Pattern])] = &[
    (
        "override",
        &[
            &[then(DISREGARD, 0), close(PRIOR, 3), close(ORDERS, 3)],
            &[then(NOT, 0), close(OBEY, 1), close(PRIOR, 3), close(ORDERS, 3)],
            &[then(PRIOR, 0), close(ORDERS, 2), close(VOID, 4)],
            &[then(PRIOR, 0), close(ORDERS, 2), close(DISREGARD, 5)],
        ],
    ),
    (
        "conceal",
        &[
            &[then(NOT, 0), close(TELL, 2), close(USER, 6)],
            &[then(USER, 0), close(NOT, 4), close(TELL, 2)],
            &[then(HIDE, 0), close(USER, 7)],
        ],
    ),
];
