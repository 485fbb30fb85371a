//! One change: what it is called, where it is, how much it matters, and why.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use surface::Place;

/// How much a change matters to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing a person must read.
    Info,
    /// Worth a look when there is time.
    Notice,
    /// A person should read it before the item is used.
    Warning,
    /// It looks like an attack, or has the effect of one.
    Critical,
}

/// One difference between a pin and an observation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The stable code, such as `surface.tool.description-changed`.
    pub code: &'static str,
    /// The item that changed.
    #[serde(skip)]
    pub item: Place,
    /// The item and the way inside it: `tools/send_email/inputSchema/properties/bcc`.
    pub place: String,
    /// How much it matters.
    pub severity: Severity,
    /// Order inside a severity: higher first.
    pub score: u32,
    /// The value before, absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The value after, absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// One sentence for a person.
    pub sentence: String,
    /// What earned the severity, in words; empty when the code alone did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
}

impl Severity {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Severity {
    type Err = NotASeverity;

    fn from_str(text: &str) -> Result<Self, NotASeverity> {
        [Self::Info, Self::Notice, Self::Warning, Self::Critical]
            .into_iter()
            .find(|severity| severity.as_str() == text)
            .ok_or(NotASeverity)
    }
}

/// A text that names no severity.
#[derive(Debug, thiserror::Error)]
#[error("a severity is `info`, `notice`, `warning` or `critical`")]
pub struct NotASeverity;
