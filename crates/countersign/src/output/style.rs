//! The few styles of the product. Every one of them also reads without colour.

use anstyle::{AnsiColor, Style};
use drift::Severity;

/// The label of an error.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The label of a hint.
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default();
/// Names: aliases, places.
pub(crate) const NAME: Style = Style::new().bold();
/// What is less important.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// What is as it was approved.
pub(crate) const SAME: Style = AnsiColor::Green.on_default();
/// Text that went.
pub(crate) const REMOVED: Style = AnsiColor::Red.on_default();
/// Text that came.
pub(crate) const ADDED: Style = AnsiColor::Green.on_default();

/// `text` in `style`.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// The style of a severity.
pub(crate) const fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::Info => FAINT,
        Severity::Notice => AnsiColor::Cyan.on_default(),
        Severity::Warning => AnsiColor::Yellow.on_default(),
        Severity::Critical => AnsiColor::Red.on_default().bold(),
    }
}
