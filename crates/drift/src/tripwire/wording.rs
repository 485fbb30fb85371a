//! Wording rules: concepts in an order and within a distance, in any language of the lexicon.

use super::Report;
use super::fold::fold;
use super::lexicon::{
    ADDRESS, ALSO, ALWAYS, ANY, BEFORE, BEST, CONSENT, COVERT, Concepts, DECODE, DESTROY,
    DISREGARD, FROM, GIVE, GIVEN, HIDE, INSIDE, INSTEAD, KEEP, LATER, MACHINE, MENTION, MIND,
    MODEL, MUST, NAUGHT, NOT, OBEY, ORDERS, OTHER, OUTSIDE, PATH, PLACE, PLEASE, PRIOR, PROCESS,
    READ, RUN, SCOPE, SECRET, SEND, TALK, TELL, THIS, TOOL, TRACE, UNFIT, USE, USER, VOID, WHOLE,
    YOU,
};
use super::sentence::{self, Pattern, Token, close, lacks, then};

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
        let possible =
            |pattern: &&Pattern| pattern.iter().all(|step| step.absent || all.meets(step.concepts));
        let found =
            patterns.iter().filter(possible).find_map(|pattern| sentence::find(tokens, pattern));
        met.extend(found.map(|found| (*rule, found)));
    }
    met
}

/// Whether the documentation of a parameter asks for credentials, private data, or what the model
/// has in mind.
pub(crate) fn asks_beyond(docs: &str) -> bool {
    let folded = fold(docs);
    let mut asks = false;
    sentence::each(docs, &folded, |_, tokens| {
        let of_mind = [then(YOU.or(MODEL).or(WHOLE), 0), close(MIND, 3)];
        asks |= tokens.iter().any(|token| token.concepts.meets(TALK.or(MACHINE).or(PATH)))
            || sentence::find(tokens, &of_mind).is_some();
    });
    asks
}

/// Each rule and the ways to meet it.
const FAMILIES: &[(&str, &[Pattern])] = &[
    (
        "override",
        &[
            &[then(DISREGARD, 0), close(PRIOR, 4), close(ORDERS, 3)],
            &[then(DISREGARD, 0), close(ANY, 2), close(ORDERS, 3), lacks(INSIDE, 4)],
            &[then(DISREGARD, 0), close(ORDERS, 3), close(PRIOR, 2)],
            &[then(NOT, 0), close(OBEY, 1), close(PRIOR, 3), close(ORDERS, 3), lacks(INSIDE, 4)],
            &[then(PRIOR, 0), close(ORDERS, 2), close(VOID.or(DISREGARD), 5)],
            &[then(ANY, 0), close(PRIOR, 1), close(ORDERS, 2), close(VOID.or(DISREGARD), 5)],
            &[then(ORDERS, 0), close(PRIOR, 1), close(DISREGARD.or(VOID), 5)],
            &[then(OBEY, 0), close(ORDERS, 6), then(DISREGARD, 3), close(USER, 3)],
        ],
    ),
    (
        "conceal",
        &[
            &[then(NOT, 0), close(TELL, 2), close(USER, 7)],
            &[then(NOT, 0), close(USER, 3), close(TELL, 4)],
            &[then(USER, 0), close(FROM, 1), close(TELL, 6), close(NOT, 1)],
            &[then(USER, 0), close(NOT, 3), close(MENTION, 2)],
            &[then(USER, 0), close(TELL, 4), close(NOT, 2)],
            &[then(NOT, 0), close(MENTION, 2), close(THIS.or(YOU).or(ORDERS), 3)],
            &[then(MENTION, 0), close(USER, 4), close(NAUGHT, 3)],
            &[then(HIDE, 0), close(FROM, 6), close(USER, 3)],
            &[then(FROM, 0), close(USER, 2), close(HIDE, 4)],
            &[then(USER, 0), close(FROM, 1), close(HIDE, 6)],
        ],
    ),
    ("covert", &[&[then(COVERT, 0), close(ACT, 2)], &[then(ACT, 0), close(COVERT, 5)]]),
    (
        "imperative.model",
        &[
            &[then(MUST.or(PLEASE), 0), close(ACT, 2)],
            &[then(MODEL.or(YOU), 0), close(MUST, 2), close(ACT, 4)],
            &[then(BEFORE, 0), close(USE, 2), then(ACT, 10)],
            &[then(BEFORE, 0), close(ANY.or(OTHER), 2), then(ACT, 5)],
            &[then(ALWAYS, 0), close(ACT, 3)],
            &[then(ACT, 0), close(TOOL, 3), close(BEFORE, 4)],
            &[then(MODEL, 0), close(SEND.or(GIVE), 1)],
        ],
    ),
    (
        "process",
        &[
            &[then(BEFORE.or(ALWAYS), 0), close(PROCESS, 3)],
            &[then(ALWAYS, 0), close(MUST, 2)],
            &[then(ANY.or(WHOLE).or(OTHER), 0), close(PROCESS, 2)],
            &[then(YOU, 0), close(PROCESS, 2)],
            &[then(NOT, 0), close(PROCESS, 1)],
        ],
    ),
    (
        "introspection",
        &[&[then(YOU, 0), close(MIND.or(TALK), 3)], &[then(MODEL, 0), close(MIND.or(TALK), 2)]],
    ),
    (
        "precedence",
        &[
            &[then(INSTEAD, 0), close(OTHER.or(ANY), 2), close(TOOL, 2)],
            &[then(INSTEAD, 0), close(TOOL, 3)],
            &[then(THIS, 0), close(TOOL, 1), close(INSTEAD, 4)],
            &[then(BEST, 0), close(TOOL, 3)],
            &[then(TOOL, 0), close(BEST, 4)],
            &[then(NOT, 0), close(USE, 2), close(OTHER, 3), close(TOOL, 2)],
            &[then(BEFORE.or(ALWAYS), 0), close(OTHER, 3), close(TOOL, 2)],
            &[then(OTHER, 0), close(TOOL, 2), close(UNFIT.or(VOID), 5)],
            &[then(UNFIT, 0), then(ANY.or(WHOLE).or(INSTEAD), 6)],
            &[then(INSTEAD, 0), then(UNFIT, 12)],
        ],
    ),
    ("instead", &[&[then(USE, 0), close(INSTEAD, 4)], &[then(INSTEAD, 0), close(OTHER, 5)]]),
    (
        "exfiltrate",
        &[
            &[then(SEND, 0), then(OUTSIDE.or(ADDRESS), 9)],
            &[then(SEND, 0), close(PLACE, 7)],
            &[then(OUTSIDE.or(ADDRESS), 0), close(SEND, 6)],
            &[then(GIVE.or(GIVEN), 0), close(ADDRESS, 8)],
            &[then(LOOT, 0), then(ADDRESS, 9)],
        ],
    ),
    ("sensitive.path", &[&[then(PATH, 0)]]),
    ("sensitive.noun", &[&[then(LOOT, 0)]]),
    (
        "harvest",
        &[&[then(READ, 0), close(LOOT.or(PATH), 7)], &[then(LOOT.or(PATH), 0), close(READ, 5)]],
    ),
    (
        "side-channel",
        &[
            &[then(GIVE.or(SEND).or(GIVEN), 0), close(LOOT.or(PATH), 7)],
            &[then(LOOT.or(PATH), 0), close(GIVE.or(SEND).or(GIVEN), 5)],
            &[then(GIVE.or(SEND), 0), close(WHOLE, 2), close(LOOT.or(MIND), 4)],
        ],
    ),
    (
        "retains",
        &[
            &[then(KEEP, 0), close(WHOLE.or(ANY).or(LOOT), 4)],
            &[then(WHOLE.or(ANY).or(LOOT), 0), close(KEEP, 4)],
        ],
    ),
    (
        "overreach",
        &[
            &[then(WHOLE.or(ANY), 0), close(SCOPE, 4)],
            &[then(SCOPE, 0), then(WHOLE, 5)],
            &[then(SCOPE, 0), close(GIVEN, 6)],
            &[then(GIVE.or(READ).or(GIVEN), 0), close(SCOPE, 4)],
            &[then(GIVE.or(GIVEN), 0), close(WHOLE, 4)],
            &[then(WHOLE, 0), close(GIVEN, 6)],
        ],
    ),
    ("address", &[&[then(ADDRESS, 0)]]),
    ("decode-order", &[&[then(DECODE, 0), then(OBEY.or(RUN).or(ORDERS).or(ACT), 8)]]),
    ("run", &[&[then(RUN, 0)]]),
    ("destroy", &[&[then(DESTROY, 0)]]),
    (
        "aside",
        &[
            &[then(ALSO, 0), close(READ.or(SEND).or(GIVE).or(KEEP), 2)],
            &[then(READ.or(SEND).or(KEEP), 0), close(ALSO, 1)],
        ],
    ),
    ("pretext", &[&[then(TRACE, 0)]]),
    ("delay", &[&[then(LATER, 0)]]),
    ("addressee", &[&[then(MODEL, 0)]]),
    ("consent", &[&[then(NOT, 0), close(CONSENT, 2)]]),
];

/// What a model can be told to do.
const ACT: Concepts = USE.or(READ).or(SEND).or(GIVE).or(RUN).or(OBEY).or(DESTROY);

/// Data that most tools have no need of.
const LOOT: Concepts = SECRET.or(TALK).or(MACHINE);
