//! Which changes somebody wants to hear of.

use drift::Severity;
use serde::Deserialize;

use super::Change;
use crate::projection::step::severity_number;

/// A filter; the default lets everything through.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// A server, or `NAMESPACE/*`.
    pub server: Option<String>,
    /// The least severity.
    pub severity: Option<Severity>,
    /// A code, or its beginning up to a full stop.
    pub kind: Option<String>,
}

/// A filter that could never let anything through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// Neither a name nor a namespace.
    #[error("`server` is a server's name, or `NAMESPACE/*`")]
    Server,
    /// Not a severity.
    #[error("`severity` is info, notice, warning or critical")]
    Severity,
    /// Not the beginning of a code.
    #[error(
        "`kind` is a code such as `entry.rewritten`, or what codes begin with, such as `entry`"
    )]
    Kind,
}

impl FilterError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Server => "feed.server",
            Self::Severity => "feed.severity",
            Self::Kind => "feed.kind",
        }
    }
}

impl Filter {
    /// Reads a filter as it is typed.
    ///
    /// # Errors
    /// A part that could never let anything through.
    pub fn parse(
        server: Option<&str>,
        severity: Option<&str>,
        kind: Option<&str>,
    ) -> Result<Self, FilterError> {
        let severity = severity.map(str::parse).transpose().map_err(|_| FilterError::Severity)?;
        let (server, kind) = (server.map(str::to_owned), kind.map(str::to_owned));
        let filter = Self { server, severity, kind };
        filter.check()?;
        Ok(filter)
    }

    /// Whether each part could let something through.
    ///
    /// # Errors
    /// A part that could not.
    pub fn check(&self) -> Result<(), FilterError> {
        let is_server = |text: &str| {
            let text = text.strip_suffix("/*").unwrap_or(text);
            !text.is_empty() && text.len() <= SIZE_MAX && !text.contains('*')
        };
        let is_kind = |text: &str| {
            let is_part = |part: &str| {
                let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
                !part.is_empty() && part.bytes().all(is_letter)
            };
            text.len() <= SIZE_MAX && text.split('.').all(is_part)
        };
        if self.server.as_deref().is_some_and(|text| !is_server(text)) {
            return Err(FilterError::Server);
        }
        if self.kind.as_deref().is_some_and(|text| !is_kind(text)) {
            return Err(FilterError::Kind);
        }
        Ok(())
    }

    /// Whether a change is let through.
    pub fn matches(&self, change: &Change) -> bool {
        let of_server = match self.server.as_deref() {
            None => true,
            Some(pattern) => match pattern.strip_suffix('*') {
                Some(prefix) => change.server.starts_with(prefix),
                None => change.server == pattern,
            },
        };
        let of_kind = match self.kind.as_deref() {
            None => true,
            Some(kind) => {
                let rest = change.code.strip_prefix(kind);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
        };
        of_server && of_kind && self.severity.is_none_or(|least| change.severity >= least)
    }

    /// The filter as what the query of a page is bound to.
    pub(super) fn bound(&self) -> Bound {
        let server = self.server.clone().unwrap_or_default();
        let (exact, prefix) = match server.strip_suffix('*') {
            Some(prefix) => (String::new(), prefix.to_owned()),
            None => (server, String::new()),
        };
        let kind = self.kind.clone().unwrap_or_default();
        let kinds = if kind.is_empty() { String::new() } else { format!("{kind}.") };
        Bound { exact, prefix, kind, kinds, severity: self.severity.map_or(0, severity_number) }
    }
}

/// A filter as SQL has it: what is empty lets everything through.
pub(super) struct Bound {
    pub(super) exact: String,
    pub(super) prefix: String,
    pub(super) kind: String,
    pub(super) kinds: String,
    pub(super) severity: i64,
}

/// Longer than any name or code.
const SIZE_MAX: usize = 300;
