//! C2SP tlog-policy: which logs and witnesses are believed.
//!
//! Stricter than the specification in one way: several `log` lines of one name are the keys of one
//! log, and each has to have signed.

mod text;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cosignature;
use crate::crypto::Verify;
use crate::note::{Note, NoteError, VerifierKey};

/// Logs, witnesses, groups and a quorum. Its `FromStr` reads the specification's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    members: Vec<Member>,
    /// The member that has to have witnessed; `None` for `quorum none`.
    quorum: Option<usize>,
    urls: Vec<(VerifierKey, String)>,
}

/// What a quorum or group can name, by its position.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Member {
    /// The witness at this position.
    Witness(usize),
    /// So many of these members, which stand before the group.
    Group { threshold: usize, members: Vec<usize> },
}

impl Policy {
    /// A policy that asks for the signatures of a log and no witness.
    pub const fn of_log(logs: Vec<VerifierKey>) -> Self {
        Self { logs, witnesses: Vec::new(), members: Vec::new(), quorum: None, urls: Vec::new() }
    }

    /// The same witnesses and quorum for the log of these keys.
    #[must_use]
    pub fn for_log(self, logs: Vec<VerifierKey>) -> Self {
        Self { logs, ..self }
    }

    /// The keys of logs.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The keys of witnesses.
    pub fn witnesses(&self) -> &[VerifierKey] {
        &self.witnesses
    }

    /// The URL that the policy gives for a log or a witness.
    pub fn url(&self, key: &VerifierKey) -> Option<&str> {
        self.urls.iter().find(|(known, _)| known == key).map(|(_, url)| url.as_str())
    }

    /// Verifies a checkpoint: every key of its log, and a quorum of witnesses.
    ///
    /// # Errors
    /// Whatever does not hold, by its own variant.
    pub fn open(&self, note: &[u8], verify: &dyn Verify) -> Result<Verified, PolicyError> {
        let note = Note::parse(note)?;
        let checkpoint = Checkpoint::read(&note)?;
        let keys: Vec<_> =
            self.logs.iter().filter(|key| key.name() == checkpoint.origin).cloned().collect();
        checkpoint.verify(&note, &keys, verify)?;
        let mut times = Vec::with_capacity(self.witnesses.len());
        for key in &self.witnesses {
            times.push(time_of(&checkpoint, &note, key, verify)?);
        }
        let quorum_time_s = match self.quorum {
            Some(quorum) => Some(self.time(quorum, &times).ok_or(PolicyError::NoQuorum)?),
            None => None,
        };
        let named = self.witnesses.iter().zip(&times);
        let witnesses =
            named.filter_map(|(key, time)| Some((key.name().to_owned(), (*time)?))).collect();
        Ok(Verified { checkpoint, witnesses, quorum_time_s })
    }

    /// The newest time for which a member as a whole vouches; `None` if it has not witnessed.
    fn time(&self, member: usize, times: &[Option<u64>]) -> Option<u64> {
        match self.members.get(member)? {
            Member::Witness(witness) => times.get(*witness).copied().flatten(),
            Member::Group { threshold, members } => {
                // Groups name only what stands before them, so this ends.
                let mut vouched: Vec<_> =
                    members.iter().filter_map(|member| self.time(*member, times)).collect();
                vouched.sort_unstable_by(|a, b| b.cmp(a));
                vouched.get(threshold - 1).copied()
            }
        }
    }
}

/// The newest time at which a witness cosigned; `None` if it did not.
fn time_of(
    checkpoint: &Checkpoint,
    note: &Note,
    key: &VerifierKey,
    verify: &dyn Verify,
) -> Result<Option<u64>, PolicyError> {
    let mut newest = None;
    for line in note.signatures_of(key) {
        let time = cosignature::verify(checkpoint, line, key, verify);
        // A known key whose signature fails rejects the whole note (signed-note).
        let wrong = || PolicyError::Cosignature { witness: key.name().to_owned() };
        newest = newest.max(Some(time.ok_or_else(wrong)?));
    }
    Ok(newest)
}

/// A checkpoint that a policy accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Each witness whose cosignature counted, by name, and its time in seconds since 1970.
    pub witnesses: Vec<(String, u64)>,
    quorum_time_s: Option<u64>,
}

impl Verified {
    /// Freshness: the newest time that the quorum as a whole vouches for, in seconds since 1970;
    /// `None` when the policy asks for no witness.
    pub const fn time_s(&self) -> Option<u64> {
        self.quorum_time_s
    }
}

/// Why a policy is none, or did not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text is no policy.
    #[error("line {line} of the policy: {what}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The bytes are no note.
    #[error("reading a checkpoint")]
    Note(#[from] NoteError),
    /// The note is no checkpoint of a known log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A cosignature that names a known witness is wrong.
    #[error("the cosignature of `{witness}` is wrong")]
    Cosignature {
        /// The name of the witness's key.
        witness: String,
    },
    /// Too few witnesses cosigned.
    #[error("the checkpoint has no quorum of witnesses")]
    NoQuorum,
}
