//! The checkpoints of a trail, in order, each verified.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use seal::Crypto;
use tlog::checkpoint::CheckpointError;
use tlog::note::Algorithm;
use tlog::{Checkpoint, Note, VerifierKey, cosignature};

use super::{Findings, VerifyError};
use crate::limits;
use crate::trail::layout;

/// A checkpoint that the log's keys signed.
#[derive(Debug, Clone)]
pub(super) struct Dated {
    pub(super) checkpoint: Checkpoint,
    /// Its place among the checkpoints.
    pub(super) number: u64,
    /// When the signer's clock cosigned it.
    pub(super) time_ms: u64,
    pub(super) note: Vec<u8>,
}

/// Reads the file of checkpoints.
pub(super) struct Notes {
    file: Option<BufReader<File>>,
    keys: Vec<VerifierKey>,
    number: u64,
    size: Option<u64>,
}

impl Notes {
    pub(super) fn open(folder: &Path, keys: &[VerifierKey]) -> io::Result<Self> {
        let file = match File::open(folder.join("checkpoints")) {
            Ok(file) => Some(BufReader::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { file, keys: keys.to_vec(), number: 0, size: None })
    }

    /// The next checkpoint that is verified and larger than those before.
    pub(super) fn next(&mut self, findings: &mut Findings) -> io::Result<Option<Dated>> {
        while let Some(note) = self.note()? {
            let number = self.number;
            self.number += 1;
            let place = format!("checkpoint {number}");
            let (checkpoint, time_ms) = match open(&note, &self.keys) {
                Ok(opened) => opened,
                Err("audit.changed.unsigned") => {
                    findings.unproven("audit.changed.unsigned", place);
                    continue;
                }
                Err(code) => {
                    findings.changed(code, place);
                    continue;
                }
            };
            if self.size.is_some_and(|size| checkpoint.size <= size) {
                findings.changed("audit.changed.order", place);
                continue;
            }
            self.size = Some(checkpoint.size);
            return Ok(Some(Dated { checkpoint, number, time_ms, note }));
        }
        Ok(None)
    }

    /// The bytes of the next note: up to the second empty line.
    fn note(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let (mut note, mut blanks) = (Vec::new(), 0);
        while note.len() <= limits::NOTE_BYTES_MAX {
            let before = note.len();
            let most = (limits::NOTE_BYTES_MAX + 2 - before) as u64;
            if file.take(most).read_until(b'\n', &mut note)? == 0 {
                return Ok((!note.is_empty()).then_some(note));
            }
            if note.get(before..) == Some(b"\n") {
                blanks += 1;
                if blanks == 2 {
                    note.pop();
                    break;
                }
            }
        }
        Ok(Some(note))
    }
}

/// A checkpoint that each of the keys signed, and when, in milliseconds since 1970.
pub(super) fn open(note: &[u8], keys: &[VerifierKey]) -> Result<(Checkpoint, u64), &'static str> {
    let checkpoint = Checkpoint::open(note, keys, &Crypto).map_err(|error| match error {
        CheckpointError::Unsigned { .. } => "audit.changed.unsigned",
        CheckpointError::Signature { .. } => "audit.changed.signature",
        CheckpointError::Origin { .. } => "audit.changed.origin",
        _ => "audit.changed.checkpoint",
    })?;
    let parsed = Note::parse(note).map_err(|_| "audit.changed.checkpoint")?;
    let clocks = keys.iter().filter(|key| key.algorithm() != Algorithm::Ed25519);
    let times = clocks.flat_map(|key| {
        let lines = parsed.signatures_of(key);
        lines.filter_map(|line| cosignature::verify(&checkpoint, line, key, &Crypto))
    });
    let time_s = times.max().ok_or("audit.changed.unsigned")?;
    Ok((checkpoint, time_s.saturating_mul(1_000)))
}

/// The keys that the trail itself claims; none where it claims none.
pub(super) fn own_keys(folder: &Path) -> Result<Vec<VerifierKey>, VerifyError> {
    let bytes = layout::read(&folder.join("keys"), 64 << 10)?.unwrap_or_default();
    let text = String::from_utf8(bytes).map_err(|_| VerifyError::Keys)?;
    let keys = text.lines().map(str::parse).collect::<Result<Vec<VerifierKey>, _>>();
    keys.map_err(|_| VerifyError::Keys)
}
