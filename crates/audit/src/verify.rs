//! Two verdicts on a trail, from its files and what is known from outside: nothing changed, nothing
//! missing (`docs/spec/audit-trail.md`).
//!
//! Records are read in rounds, in parallel, and folded in order: memory does not grow with the trail
//! but by the calls that are open, the approvals, and the ids of a window of records.

mod fold;
mod notes;
mod read;
mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::Serialize;
use tlog::VerifierKey;

use crate::signer::TailKey;

/// What the verifier knows from outside the trail.
#[derive(Default)]
pub struct Known {
    /// The keys of the log: both. Empty: the trail's own claim is taken, and remarked.
    pub keys: Vec<VerifierKey>,
    /// A checkpoint that was kept.
    pub expect: Option<Vec<u8>>,
    /// Which witnesses have to have cosigned the newest checkpoint.
    pub witnesses: Option<tlog::Policy>,
    /// `K(0)` of epochs, from the signer.
    pub tail_keys: BTreeMap<u64, TailKey>,
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
}

/// The answer to one of the two questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is so.
    Yes,
    /// What is there does not tell.
    CannotTell,
    /// It is not so.
    No,
}

/// Which question a finding answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Whether anything was changed.
    NothingChanged,
    /// Whether anything is missing.
    NothingMissing,
}

/// Why an answer is not `yes`. Of each code only the first is reported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The question.
    pub question: Question,
    /// The answer.
    pub answer: Answer,
    /// The stable code.
    pub code: &'static str,
    /// A record, a checkpoint (from 0) or a file.
    pub place: String,
}

/// What the verifier found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The first verdict.
    pub nothing_changed: Answer,
    /// The second.
    pub nothing_missing: Answer,
    /// The log's name.
    pub origin: String,
    /// How many records there are.
    pub records: u64,
    /// How many of them a verified checkpoint covers.
    pub covered: u64,
    /// Why a verdict is not `yes`.
    pub findings: Vec<Finding>,
    /// What the verdicts do not exclude, by code and place.
    pub remarks: BTreeSet<(&'static str, String)>,
}

impl Report {
    /// Whether both verdicts are `yes`.
    pub fn is_clean(&self) -> bool {
        (self.nothing_changed, self.nothing_missing) == (Answer::Yes, Answer::Yes)
    }
}

/// Verifies the trail in `folder`.
///
/// # Errors
/// A folder or file that cannot be read, or no key at all.
pub fn verify(folder: &Path, known: &Known) -> Result<Report, VerifyError> {
    if !folder.is_dir() {
        return Err(VerifyError::Folder);
    }
    let mut findings = Findings::default();
    let mut keys = known.keys.clone();
    if keys.is_empty() {
        findings.remark("audit.remark.own-key", "keys");
        keys = notes::own_keys(folder)?;
    }
    let origin = keys.first().map(|key| key.name().to_owned()).unwrap_or_default();
    let mut fold = fold::Fold::new(folder, known, &keys, findings)?;
    let mut entries = read::Entries::new(folder, known);
    while let Some(round) = entries.round(fold.findings())? {
        fold.take(row::rows(&round, &origin, folder.join("objects").is_dir()))?;
    }
    fold.finish(&entries, origin)
}

/// The findings so far: the first of each code.
#[derive(Default)]
pub(crate) struct Findings {
    found: BTreeMap<&'static str, Finding>,
    remarks: BTreeMap<&'static str, String>,
}

impl Findings {
    pub(crate) fn changed(&mut self, code: &'static str, place: impl Into<String>) {
        self.add(Question::NothingChanged, Answer::No, code, place);
    }

    pub(crate) fn missing(&mut self, code: &'static str, place: impl Into<String>) {
        self.add(Question::NothingMissing, Answer::No, code, place);
    }

    pub(crate) fn unproven(&mut self, code: &'static str, place: impl Into<String>) {
        self.add(Question::NothingChanged, Answer::CannotTell, code, place);
    }

    pub(crate) fn remark(&mut self, code: &'static str, place: impl Into<String>) {
        self.remarks.entry(code).or_insert_with(|| place.into());
    }

    fn add(
        &mut self,
        question: Question,
        answer: Answer,
        code: &'static str,
        place: impl Into<String>,
    ) {
        let place = place.into();
        self.found.entry(code).or_insert(Finding { question, answer, code, place });
    }

    fn answer(&self, question: Question) -> Answer {
        let of = self.found.values().filter(|finding| finding.question == question);
        of.map(|finding| finding.answer).max().unwrap_or(Answer::Yes)
    }
}

pub(crate) fn record(index: u64) -> String {
    format!("record {index}")
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// No folder.
    #[error("there is no such folder")]
    Folder,
    /// The trail claims keys that are none.
    #[error("the keys that the audit trail claims are none")]
    Keys,
    /// A file cannot be read.
    #[error("reading the audit trail")]
    Io(#[from] io::Error),
}

impl VerifyError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Folder => "audit.verify.folder",
            Self::Keys => "audit.verify.keys",
            Self::Io(_) => "audit.verify.read",
        }
    }
}
