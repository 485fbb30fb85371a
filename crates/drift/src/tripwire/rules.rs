//! The table of rules.

use super::Class;

/// One rule: its name, what it may do, and why it exists.
#[derive(Debug)]
pub struct Rule {
    /// The stable name, such as `invisible.tag`.
    pub code: &'static str,
    /// What a hit may do.
    pub class: Class,
    /// What the text holds, for a person: completes "this text …".
    pub sentence: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// Texts that meet the rule.
    pub hits: &'static [&'static str],
    /// Texts close to those that must not meet it.
    pub near_misses: &'static [&'static str],
}

/// The version of the rules; an alert names it, and a change of it never judges a pin again.
pub const RULES_VERSION: u32 = 1;

/// The class of `rule`.
pub(crate) fn class_of(rule: &str) -> Class {
    RULES.iter().find(|known| known.code == rule).map_or(Class::Counting, |known| known.class)
}

/// What `rule` says of a text; its name, if it is not in the table.
pub(crate) fn sentence_of(rule: &'static str) -> &'static str {
    RULES.iter().find(|known| known.code == rule).map_or(rule, |known| known.sentence)
}

/// Every rule.
pub const RULES: &[Rule] = &[
    Rule {
        code: "invisible.tag",
        class: Class::Blocking,
        sentence: "holds Unicode tag characters, which nobody sees and models read",
        why: "a whole order fits into tags without one visible letter",
        hits: &[],
        near_misses: &[],
    },
    Rule {
        code: "invisible.variation",
        class: Class::Blocking,
        sentence: "holds variation selectors that select nothing",
        why: "each selector can smuggle one byte past a reader",
        hits: &[],
        near_misses: &[],
    },
    Rule {
        code: "invisible.zero-width",
        class: Class::Blocking,
        sentence: "holds zero-width characters where no script uses them",
        why: "they split words past filters, or spell a message in bits",
        hits: &[],
        near_misses: &[],
    },
    Rule {
        code: "invisible.filler",
        class: Class::Blocking,
        sentence: "holds filler characters that show as blank",
        why: "a name or a line can be pushed out of sight",
        hits: &[],
        near_misses: &[],
    },
    Rule {
        code: "bidi.override",
        class: Class::Blocking,
        sentence: "changes the direction of text",
        why: "what a person reads is not the order that a model reads",
        hits: &[],
        near_misses: &[],
    },
    Rule {
        code: "control.ansi",
        class: Class::Blocking,
        sentence: "holds control characters",
        why: "a terminal obeys them: lines vanish or are rewritten",
        hits: &[],
        near_misses: &[],
    },
    Rule {
        code: "control.cr",
        class: Class::Blocking,
        sentence: "holds a carriage return or a backspace that overwrites a line",
        why: "a console shows other text than was sent",
        hits: &[],
        near_misses: &[],
    },
    Rule {
        code: "private-use",
        class: Class::Blocking,
        sentence: "holds private-use characters",
        why: "they have no agreed meaning, so no person can read them",
        hits: &[],
        near_misses: &[],
    },
    Rule {
        code: "private-use.single",
        class: Class::Counting,
        sentence: "holds a single private-use character",
        why: "most are icons of a font; more of them spell something",
        hits: &[],
        near_misses: &[],
    },
    Rule {
        code: "name.mixed-script",
        class: Class::Blocking,
        sentence: "mixes scripts in a name",
        why: "letters of two scripts look alike: two names, one look",
        hits: &[],
        near_misses: &[],
    },
    Rule {
        code: "override",
        class: Class::Blocking,
        sentence: "orders to disregard what was said before",
        why: "only an attack needs the user's or the client's rules out of the way",
        hits: &[],
        near_misses: &[],
    },
    Rule {
        code: "conceal",
        class: Class::Blocking,
        sentence: "orders to keep something from the user",
        why: "the strongest single sign of a poisoned tool",
        hits: &[],
        near_misses: &[],
    },
    Rule {
        code: "fake-frame",
        class: Class::Blocking,
        sentence: "imitates a chat frame or a system tag",
        why: "a model may take what follows for its operator's words",
        hits: &[],
        near_misses: &[],
    },
];
