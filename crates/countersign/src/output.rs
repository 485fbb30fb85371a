//! The one place that writes to the terminal: data to stdout, all else to stderr.
//!
//! Text that a server wrote goes through [`safe::line`] or [`safe::text`] first: a description
//! must not move the cursor, hide itself or reorder what a person reads.

pub(crate) mod progress;
pub(crate) mod safe;
pub(crate) mod style;
pub(crate) mod words;

use std::io::{self, IsTerminal as _, Write};

use anstream::AutoStream;

use crate::args::Color;
use crate::failure::Failure;

/// The terminal, or what stands in its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    color: anstream::ColorChoice,
}

impl Output {
    /// Output that follows `--color`.
    pub(crate) fn new(color: Color) -> Self {
        let color = match color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        Self { color }
    }

    /// Writes data to stdout.
    ///
    /// # Errors
    /// A stdout that cannot be written, unless its reader has gone.
    pub(crate) fn data(self, text: &str) -> Result<(), Failure> {
        self.line(text).map(|_| ())
    }

    /// The same of what goes on and on: whether anybody still reads it.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub(crate) fn line(self, text: &str) -> Result<bool, Failure> {
        let mut out = AutoStream::new(io::stdout().lock(), self.color);
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Failure::new("writing to stdout").because(error)),
        }
    }

    /// Writes a value to stdout as JSON that people can read.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub(crate) fn json(self, value: &impl serde::Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new("writing JSON").because(error))?;
        self.data(&format!("{}\n", safe::json(&text)))
    }

    /// Tells a person something on stderr.
    pub(crate) fn note(self, text: &str) {
        let mut err = AutoStream::new(io::stderr().lock(), self.color);
        // A closed stderr must not end the command: there is nobody left to tell.
        let _ = writeln!(err, "{text}");
    }

    /// Tells a person what to do next.
    pub(crate) fn hint(self, text: &str) {
        self.note(&format!("{} {text}", style::paint(style::HINT, "hint:")));
    }

    /// Reports a failure, its causes and the way on.
    pub(crate) fn failure(self, failure: &Failure) {
        let mut lines = failure.chain().into_iter();
        let first = lines.next().unwrap_or_default();
        let code = failure.code.map(|code| format!(" [{code}]")).unwrap_or_default();
        let label = style::paint(style::ERROR, "error:");
        self.note(&format!("{label} {}{code}", safe::text(&first)));
        for cause in lines {
            self.note(&format!("  caused by: {}", safe::text(&cause)));
        }
        if let Some(hint) = &failure.hint {
            self.hint(&safe::text(hint));
        }
    }

    /// Asks a person a question; `None` when nobody answers.
    pub(crate) async fn ask(self, question: &str) -> Option<String> {
        {
            let mut err = AutoStream::new(io::stderr().lock(), self.color);
            write!(err, "{question} ").and_then(|()| err.flush()).ok()?;
        }
        // On a thread of its own, so that the question can be interrupted.
        let read = || {
            let mut answer = String::new();
            let read = io::stdin().read_line(&mut answer).ok()?;
            (read > 0).then(|| answer.trim().to_lowercase())
        };
        tokio::task::spawn_blocking(read).await.ok()?
    }
}

/// Whether a person can be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}
