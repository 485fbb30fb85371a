//! Tripwires: deterministic rules over text and Unicode, in one linear pass.
//!
//! [`RULES`] is the one table: what a rule is called, what it may do, why it exists, and texts that
//! it must and must not meet. Code point rules read the text as it is; wording rules read its
//! folded view, so that nothing hides a word, and mark a match that only folding shows.

pub(crate) mod entity;
pub(crate) mod fold;
pub(crate) mod lexicon;
mod page;
mod rules;
pub(crate) mod sentence;
mod unicode;
pub(crate) mod wording;

use std::ops::Range;

pub use page::page;
pub use rules::{RULES, RULES_VERSION, Rule};
pub(crate) use rules::{class_of, sentence_of};
pub(crate) use unicode::is_invisible;

/// Whether a hit may hold an item by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Counts only in new text, and only together with others.
    Counting,
    /// Next to never occurs in real surfaces: enough alone.
    Blocking,
}

/// One rule that a text met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The rule, such as `invisible.tag` or `conceal`.
    pub rule: &'static str,
    /// Its class.
    pub class: Class,
    /// Byte range of the match in the text as it is, what hides in it included.
    pub span: Range<usize>,
    /// The match exists only after removing or folding characters: somebody hid it.
    pub hidden: bool,
}

/// Every rule that `text` meets, each rule's first match only, in the order of the spans.
pub fn scan(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut report = Report { hits: &mut hits };
    unicode::scan(text, &mut report);
    wording::scan(text, &mut report);
    entity::scan(text, &mut report);
    hits.sort_by_key(|hit| (hit.span.start, hit.span.end));
    hits
}

/// Every rule over code points and frames that `text` meets: those that no reading of words finds.
pub(crate) fn scan_characters(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut report = Report { hits: &mut hits };
    unicode::scan(text, &mut report);
    entity::frames(text, &mut report);
    hits
}

/// Every rule that the name of an item or of a property meets: those of text, and those that only
/// a name can break.
pub fn scan_name(name: &str) -> Vec<Hit> {
    let mut hits = scan(name);
    let mut report = Report { hits: &mut hits };
    if let Some(at) = name.find(unicode::is_private) {
        report.hit("private-use", at..name.len());
    }
    if !name.is_ascii() && unicode::mixes_scripts(name) {
        report.hit("name.mixed-script", 0..name.len());
    }
    hits.sort_by_key(|hit| (hit.span.start, hit.span.end));
    hits
}

/// What a name looks like: equal for two names that a reader cannot tell apart (UTS #39 skeleton
/// after removing what is invisible, and case folding).
pub fn look(name: &str) -> String {
    let shown: String = name.chars().filter(|c| !unicode::is_invisible(*c)).collect();
    let skeleton = |text: &str| unicode_security::skeleton(text).collect::<String>();
    skeleton(&skeleton(&shown).to_lowercase())
}

/// The hits of one text, each rule's first match only.
struct Report<'h> {
    hits: &'h mut Vec<Hit>,
}

impl Report<'_> {
    fn hit(&mut self, rule: &'static str, span: Range<usize>) {
        self.add(rule, span, false);
    }

    fn add(&mut self, rule: &'static str, span: Range<usize>, hidden: bool) {
        let known = self.hits.iter_mut().find(|hit| hit.rule == rule);
        match known {
            Some(hit) => hit.hidden |= hidden,
            None => self.hits.push(Hit { rule, class: rules::class_of(rule), span, hidden }),
        }
    }
}

#[cfg(test)]
mod tests;
