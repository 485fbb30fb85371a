//! Why a command failed: what a person reads, and what a script branches on.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; what was compared is the same.
    Same,
    /// Something could not be done.
    Failure,
    /// The arguments make no sense.
    Usage,
    /// What was compared differs, or was refused.
    Drift,
    /// As the guarded server ended.
    Server(u8),
}

impl Exit {
    /// The number that the process exits with.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Same => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Drift => 3,
            Self::Server(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// A failure: one line, a chain of causes, a way on.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the process ends.
    pub(crate) exit: Exit,
    /// The stable code, where a script may need one.
    pub(crate) code: Option<&'static str>,
    /// What to do next.
    pub(crate) hint: Option<String>,
    what: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// Something that could not be done.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { exit: Exit::Failure, code: None, hint: None, what: what.into(), cause: None }
    }

    /// Arguments that make no sense.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(what) }
    }

    /// Something that is refused.
    pub(crate) fn refusal(code: &'static str, what: impl Into<String>) -> Self {
        Self { exit: Exit::Drift, code: Some(code), ..Self::new(what) }
    }

    /// The same failure with a stable code.
    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The same failure with its cause.
    pub(crate) fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The same failure with a way on.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What failed and why, each cause once.
    pub(crate) fn chain(&self) -> Vec<String> {
        let mut lines = vec![self.what.clone()];
        let mut cause = self.cause.as_ref().map(|cause| &**cause as &dyn Error);
        while let Some(error) = cause {
            let line = error.to_string();
            if lines.last() != Some(&line) {
                lines.push(line);
            }
            cause = error.source();
        }
        lines
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain().join(": "))
    }
}
