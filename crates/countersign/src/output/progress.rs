//! Progress on stderr, for people only: nothing is written where no terminal is.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;

/// A line on stderr that says what is being done, and goes when it is done.
#[derive(Debug)]
pub(crate) struct Progress {
    state: Option<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    total: usize,
    done: usize,
    running: Vec<String>,
}

impl Progress {
    /// Progress of `total` servers.
    pub(crate) fn of(total: usize) -> Self {
        let state = io::stderr()
            .is_terminal()
            .then(|| Mutex::new(State { total, done: 0, running: Vec::new() }));
        Self { state }
    }

    /// A server is being asked.
    pub(crate) fn begin(&self, name: &str) {
        self.change(|state| state.running.push(name.to_owned()));
    }

    /// A server has answered.
    pub(crate) fn end(&self, name: &str) {
        self.change(|state| {
            state.running.retain(|running| running != name);
            state.done += 1;
        });
    }

    /// Removes the line.
    pub(crate) fn clear(&self) {
        if self.state.is_some() {
            let _ = write!(io::stderr().lock(), "\r\x1b[2K");
        }
    }

    fn change(&self, how: impl FnOnce(&mut State)) {
        let Some(state) = &self.state else { return };
        let mut state = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        how(&mut state);
        let names: Vec<_> =
            state.running.iter().take(NAMES_SHOWN_MAX).map(String::as_str).collect();
        let more = state.running.len().saturating_sub(NAMES_SHOWN_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let (done, total) = (state.done, state.total);
        let _ = write!(
            io::stderr().lock(),
            "\r\x1b[2Kasking {}{more} ({done}/{total})",
            names.join(", ")
        );
    }
}

const NAMES_SHOWN_MAX: usize = 3;

/// A count on stderr that rises to a total.
#[derive(Debug)]
pub(crate) struct Count {
    what: &'static str,
    total: u64,
    done: Option<Mutex<u64>>,
}

impl Count {
    /// A count from nothing to `total`.
    pub(crate) fn of(what: &'static str, total: u64) -> Self {
        let done = io::stderr().is_terminal().then(|| Mutex::new(0));
        Self { what, total, done }
    }

    /// So many more are done.
    pub(crate) fn add(&self, more: usize) {
        let Some(done) = &self.done else { return };
        let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *done += u64::try_from(more).unwrap_or_default();
        let _ = write!(io::stderr().lock(), "\r\x1b[2K{} {}/{}", self.what, *done, self.total);
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        if self.done.is_some() {
            let _ = write!(io::stderr().lock(), "\r\x1b[2K");
        }
    }
}

/// A line on stderr that says what is being done, and goes in the end.
#[derive(Debug)]
pub(crate) struct Doing {
    is_shown: bool,
}

impl Doing {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { is_shown: io::stderr().is_terminal() }
    }

    /// This now.
    pub(crate) fn say(&self, what: &str) {
        if self.is_shown {
            let _ = write!(io::stderr().lock(), "\r\x1b[2K{what}");
        }
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        self.say("");
    }
}
