//! What is wrong with a policy file, and where.

use std::fmt;

use cedar_policy::ffi::DetailedError;

/// One thing that is wrong with a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub code: &'static str,
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do, if that is known.
    pub fix: Option<String>,
}

/// Why policies are refused: everything that is wrong with them, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// At least one.
    pub faults: Vec<Fault>,
}

impl Fault {
    /// A fault at a byte of a file.
    pub(crate) fn at(
        code: &'static str,
        file: &str,
        text: &str,
        offset: usize,
        what: String,
    ) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
        let line = before.matches('\n').count() + 1;
        Self { code, file: file.to_owned(), line, column, what, fix: None }
    }

    /// What Cedar says, with each thing that it says beside it.
    pub(crate) fn of_cedar(
        code: &'static str,
        file: &str,
        text: &str,
        error: DetailedError,
    ) -> Vec<Self> {
        let offset = error.source_locations.first().map_or(0, |label| label.loc.start);
        let mut what = error.message;
        if let Some(label) = error.source_locations.first().and_then(|label| label.label.as_ref()) {
            what = format!("{what}: {label}");
        }
        let mut first = Self::at(code, file, text, offset, what);
        first.fix = error.help;
        let related = error.related.into_iter();
        let related = related.flat_map(|error| Self::of_cedar(code, file, text, error));
        std::iter::once(first).chain(related).collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, what, fix, .. } = self;
        write!(f, "{file}:{line}:{column}: {what}")?;
        fix.as_ref().map_or(Ok(()), |fix| write!(f, " ({fix})"))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}

impl LoadError {
    /// The stable code of the first fault.
    pub fn code(&self) -> &'static str {
        self.faults.first().map_or("policy.invalid", |fault| fault.code)
    }
}
