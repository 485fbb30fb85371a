//! Decisions as JSON lines: what was asked, what was decided, and why.
//!
//! A thread of its own writes them, so that a reader of stderr who stops reading stops no call.

pub mod codes;

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use drift::Severity;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use surface::Digest;

use crate::limits;

/// What happened, in one line of JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Event<'a> {
    /// When, in UTC.
    pub time: jiff::Timestamp,
    /// What kind of thing happened.
    pub event: Occasion,
    /// The alias of the server.
    pub server: &'a str,
    /// The method that was decided on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'a str>,
    /// The place of the item, such as `tools/send_email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Exact digest of the item as pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Digest>,
    /// Exact digest of the item as last seen, when it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Digest>,
    /// What was decided.
    pub verdict: Verdict,
    /// Why, most important first.
    #[serde(skip_serializing_if = "<[Reason]>::is_empty")]
    pub reasons: &'a [Reason],
    /// How many further reasons there were.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
    /// How long the decision took, in microseconds.
    pub duration_us: u64,
}

/// The occasion of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// A call, prompt or resource was decided on.
    Decision,
    /// A list or an opening result was changed before the client saw it, or would have been.
    View,
    /// Bytes or a message were refused.
    Refusal,
    /// The surface was pinned on first use.
    Pin,
    /// The surface was seen to differ from its pin.
    Drift,
    /// The server started, ended or could not be listed.
    Server,
}

/// What the guard decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It passed.
    Allow,
    /// It waits for a person's approval.
    Hold,
    /// It was refused.
    Deny,
}

/// One reason of a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The stable code.
    pub code: String,
    /// The place that earned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// How much it matters, where that was ranked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Where in the message, in bytes from its start, for what was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// One sentence for a person.
    pub sentence: String,
}

impl Reason {
    /// A reason that stands on its own code.
    pub fn new(code: impl Into<String>, sentence: impl Into<String>) -> Self {
        let (code, sentence) = (code.into(), bounded(sentence.into()));
        Self { code, place: None, severity: None, offset: None, sentence }
    }
}

impl From<&drift::Change> for Reason {
    fn from(change: &drift::Change) -> Self {
        Self {
            code: change.code.to_string(),
            place: Some(bounded(change.place.clone())),
            severity: Some(change.severity),
            offset: None,
            sentence: change.sentence.clone(),
        }
    }
}

impl From<wire::Refusal> for Reason {
    fn from(refusal: wire::Refusal) -> Self {
        let reason = Self::new(refusal.code.as_str(), refusal.to_string());
        Self { offset: Some(refusal.offset), ..reason }
    }
}

/// `text`, cut where it is too long for a record: a server chooses some names.
pub(crate) fn bounded(mut text: String) -> String {
    if text.len() > limits::EVENT_TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(limits::EVENT_TEXT_BYTES_MAX));
        text.push('…');
    }
    text
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands members over so")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Where events go.
#[derive(Clone)]
pub struct Events {
    queue: Arc<Queue>,
}

struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    lost: u64,
    urgent: bool,
    closed: bool,
    idle: bool,
}

impl Events {
    /// Events written to `out`, at once when something was not allowed, else within 100 ms.
    pub fn to(out: impl Write + Send + 'static) -> Self {
        let queue = Arc::new(Queue { state: Mutex::default(), wake: Condvar::new() });
        let writer = Arc::clone(&queue);
        // The thread ends with the process; `flush` waits for what it has not written.
        std::thread::spawn(move || writer.drain(out));
        Self { queue }
    }

    /// Records one event.
    pub fn record(&self, event: &Event<'_>) {
        let mut line = Vec::with_capacity(512);
        let mut serializer = Serializer::with_formatter(&mut line, Visible);
        if event.serialize(&mut serializer).is_err() {
            return;
        }
        let mut state = self.queue.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.lines.len() + line.len() > limits::EVENT_BYTES_MAX {
            state.lost += 1;
            return;
        }
        let was_empty = state.lines.is_empty();
        state.lines.extend_from_slice(&line);
        state.lines.push(b'\n');
        let urgent = event.verdict != Verdict::Allow || event.event != Occasion::Decision;
        if was_empty || (urgent && !state.urgent) {
            state.urgent |= urgent;
            self.queue.wake.notify_all();
        }
    }

    /// Waits until everything recorded is written, one second at most.
    pub fn flush(&self) {
        let mut state = self.queue.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        self.queue.wake.notify_all();
        let _ = self.queue.wake.wait_timeout_while(state, Duration::from_secs(1), |state| {
            !(state.lines.is_empty() && state.idle)
        });
    }
}

/// Compact JSON in which nothing steers a terminal or hides from an eye: what JSON itself does not
/// escape of controls, directions and characters without a shape.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|byte| byte < 0x7f) {
            return out.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hidden) {
            let (plain, tail) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let mut tail = tail.chars();
            for unit in tail.next().iter().flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec()) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = tail.as_str();
        }
        out.write_all(rest.as_bytes())
    }
}

fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

impl Queue {
    fn drain(&self, mut out: impl Write) {
        loop {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.idle = true;
            self.wake.notify_all();
            let state_full = self.wake.wait_while(state, |state| state.lines.is_empty());
            let state = state_full.unwrap_or_else(PoisonError::into_inner);
            let batched = self
                .wake
                .wait_timeout_while(state, BATCH_TIME, |state| !state.urgent && !state.closed);
            let (mut state, _) = batched.unwrap_or_else(PoisonError::into_inner);
            let lines = std::mem::take(&mut state.lines);
            let lost = std::mem::take(&mut state.lost);
            state.urgent = false;
            state.idle = false;
            drop(state);
            // A closed stderr must not end the guard: there is nobody left to tell.
            let _ = out.write_all(&lines);
            if lost > 0 {
                let _ = writeln!(out, "{{\"event\":\"lost\",\"count\":{lost}}}");
            }
            let _ = out.flush();
        }
    }
}

const BATCH_TIME: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        let limit = limits::EVENT_TEXT_BYTES_MAX;
        assert_eq!(bounded("a".repeat(limit)).len(), limit);
        assert_eq!(bounded("é".repeat(limit)), "é".repeat(limit / 2) + "…");
    }

    #[test]
    fn a_record_steers_no_terminal() {
        let name = "é\u{7f}\u{9b}2J\u{202e}\u{e0041}\u{1b}";
        let mut line = Vec::new();
        name.serialize(&mut Serializer::with_formatter(&mut line, Visible)).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert_eq!(line, r#""é\u007f\u009b2J\u202e\udb40\udc41\u001b""#);
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), name);
    }
}
