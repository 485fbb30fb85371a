//! What is new in a changed text.

use crate::change::Severity;

/// What new text asks for, and why that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// How much it matters.
    pub severity: Severity,
    /// Order inside the severity.
    pub score: u32,
    /// The reasons, in words.
    pub because: Vec<String>,
    /// The rules that were met.
    pub rules: Vec<&'static str>,
}

/// Names of items, to notice a text that steers them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    /// Of this server.
    pub own: &'a [&'a str],
    /// Of other servers.
    pub others: &'a [&'a str],
}

/// Judges the part of `after` that is not in `before` (the whole, when there was none).
pub fn judge(_before: Option<&str>, _after: &str, _names: &Names<'_>) -> Option<Judgement> {
    None
}
