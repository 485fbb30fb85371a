//! The list of logs, in the format of the public witness network (`logs/v0`).
//!
//! ```text
//! logs/v0
//!
//! vkey log.example+1a2b3c4d+AT…
//! qpd 86400
//! contact ops@log.example
//! ```
//! More than there: keys of ML-DSA-44, and several keys of one origin, any of which may sign.

use std::collections::BTreeMap;
use std::str::FromStr;

use tlog::VerifierKey;

use crate::limits;

/// Whom a witness cosigns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogList {
    /// By origin.
    pub logs: BTreeMap<String, KnownLog>,
}

/// One log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownLog {
    /// Its keys.
    pub keys: Vec<VerifierKey>,
    /// How many requests it may send in a day.
    pub requests_per_day: u32,
    /// How its operator is reached.
    pub contact: String,
}

/// A text that is no list of logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the list of logs: {what}")]
pub struct LogListError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl FromStr for LogList {
    type Err = LogListError;

    fn from_str(text: &str) -> Result<Self, LogListError> {
        if text.len() > limits::LOG_LIST_BYTES_MAX {
            return Err(LogListError { line: 1, what: "the list is longer than the limit" });
        }
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let header = lines.next().filter(|(_, line)| *line == "logs/v0");
        header.ok_or(LogListError { line: 1, what: "it does not begin with `logs/v0`" })?;
        let mut list = Self::default();
        let mut draft = Draft::default();
        let mut last = 1;
        for (line, text) in lines {
            last = line;
            let failed = |what| LogListError { line, what };
            let (keyword, value) = text.split_once(' ').ok_or(failed("a keyword alone"))?;
            if let Some((origin, log)) = draft.take(keyword, value.trim()).map_err(failed)? {
                list.add(origin, log);
            }
        }
        if draft.key.is_some() {
            return Err(LogListError { line: last, what: "the last log is not complete" });
        }
        Ok(list)
    }
}

impl LogList {
    /// Adds a log, or another key of one that is there.
    pub fn add(&mut self, origin: String, log: KnownLog) {
        let known = self.logs.entry(origin).or_default();
        known.requests_per_day = known.requests_per_day.max(log.requests_per_day);
        known.contact = log.contact;
        for key in log.keys {
            if !known.keys.contains(&key) {
                known.keys.push(key);
            }
        }
    }
}

/// A log of which the last line has not come.
#[derive(Default)]
struct Draft {
    key: Option<VerifierKey>,
    origin: Option<String>,
    requests_per_day: Option<u32>,
}

impl Draft {
    fn take(
        &mut self,
        keyword: &str,
        value: &str,
    ) -> Result<Option<(String, KnownLog)>, &'static str> {
        match (keyword, &self.key, &self.origin, self.requests_per_day) {
            ("vkey", None, ..) => {
                self.key = Some(value.parse().map_err(|_| "not a verifier key")?);
            }
            ("origin", Some(_), None, None) => self.origin = Some(value.to_owned()),
            ("qpd", Some(_), _, None) => {
                let is_decimal =
                    value.bytes().all(|b| b.is_ascii_digit()) && !value.starts_with('0');
                let number = value.parse().ok().filter(|n| is_decimal && *n < 1 << 31);
                self.requests_per_day = Some(number.ok_or("`qpd` is a number from 1 to 2^31 - 1")?);
            }
            ("contact", Some(_), _, Some(requests_per_day)) => {
                let Self { key: Some(key), origin, .. } = std::mem::take(self) else {
                    return Ok(None);
                };
                let origin = origin.unwrap_or_else(|| key.name().to_owned());
                let contact = value.to_owned();
                return Ok(Some((origin, KnownLog { keys: vec![key], requests_per_day, contact })));
            }
            _ => return Err("a log is `vkey`, perhaps `origin`, `qpd`, `contact`, in this order"),
        }
        Ok(None)
    }
}
