//! Tripwires: deterministic rules over text and Unicode, in one linear pass.

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
    /// Byte range of the match in the text as it is; the whole text for a match in a folded view.
    pub span: std::ops::Range<usize>,
    /// The match exists only after removing or folding characters: somebody hid it.
    pub hidden: bool,
}

/// Every rule that `text` meets, each rule's first match only, in the order of the spans.
pub fn scan(_text: &str) -> Vec<Hit> {
    Vec::new()
}
