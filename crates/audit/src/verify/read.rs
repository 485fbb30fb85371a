//! The leaves of a trail in order: from bundles and tiles, then from the tail.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use tlog::Hash;
use tlog::tile::{self, Tile, WIDTH};

use super::{Findings, record};
use crate::limits;
use crate::signer::TailKey;
use crate::trail::layout::{Folder, Frame, FrameError, Frames, read};

/// A leaf as it stands in the files.
pub(super) struct Entry {
    pub(super) index: u64,
    /// `None` where the body is in no file.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) tile: Option<Hash>,
}

pub(super) struct Entries {
    folder: PathBuf,
    next: u64,
    /// The segments of the tail that were not read, in order; `None` until the bundles end.
    segments: Option<std::vec::IntoIter<u64>>,
    segment: Option<(String, Frames<BufReader<File>>)>,
    settled: u64,
    keys: BTreeMap<u64, TailKey>,
    key: Option<(u64, u32, TailKey)>,
    /// The first record from which on every frame's MAC was verified.
    pub(super) proven_from: Option<u64>,
    /// Bundles without bodies.
    pub(super) bare: Vec<u64>,
    is_over: bool,
}

impl Entries {
    pub(super) fn new(folder: &Path, known: &super::Known) -> Self {
        Self {
            folder: folder.to_owned(),
            next: 0,
            segments: None,
            segment: None,
            settled: 0,
            keys: known.tail_keys.clone(),
            key: None,
            proven_from: None,
            bare: Vec::new(),
            is_over: false,
        }
    }

    /// Some thousand leaves, or `None` at the end.
    pub(super) fn round(&mut self, findings: &mut Findings) -> io::Result<Option<Vec<Entry>>> {
        let mut round = Vec::new();
        let mut size_bytes = 0;
        while round.len() < ROUND_RECORDS && size_bytes < ROUND_BYTES && !self.is_over {
            let before = round.len();
            if self.segments.is_none() {
                self.bundle(findings, &mut round)?;
            } else {
                self.frame(findings, &mut round)?;
            }
            let new = round.get(before..).unwrap_or_default().iter();
            size_bytes += new.filter_map(|entry| entry.bytes.as_ref()).map(Vec::len).sum::<usize>();
        }
        Ok((!round.is_empty()).then_some(round))
    }

    fn bundle(&mut self, findings: &mut Findings, out: &mut Vec<Entry>) -> io::Result<()> {
        let index = self.next / WIDTH;
        let path = Tile { level: None, index, width: 256 }.to_string();
        let bytes = read(&self.folder.join(&path), BUNDLE_BYTES_MAX)?;
        let row = self.row(index, findings)?;
        if bytes.is_none() && row.is_none() {
            self.settled = self.next;
            let folder = Folder::new(&self.folder, None);
            self.segments = Some(folder.segments_known()?.into_iter());
            return Ok(());
        }
        let entries = match bytes.as_deref().map(|bytes| tile::entries(bytes, 256)) {
            Some(Ok(entries)) => Some(entries),
            Some(Err(_)) => {
                findings.changed("audit.changed.bundle", path);
                if row.is_none() {
                    self.is_over = true;
                    return Ok(());
                }
                None
            }
            None => {
                self.bare.push(index);
                None
            }
        };
        for position in 0..256 {
            let bytes = entries.as_ref().and_then(|entries| entries.get(position));
            let tile = row.as_ref().and_then(|row| row.get(position)).copied();
            out.push(Entry { index: self.next, bytes: bytes.map(|bytes| bytes.to_vec()), tile });
            self.next += 1;
        }
        Ok(())
    }

    /// The hashes of a full tile of level 0.
    fn row(&self, index: u64, findings: &mut Findings) -> io::Result<Option<Vec<Hash>>> {
        let path = Tile { level: Some(0), index, width: 256 }.to_string();
        let Some(bytes) = read(&self.folder.join(&path), 8_192)? else {
            if self.folder.join(Tile { level: None, index, width: 256 }.to_string()).exists() {
                findings.missing("audit.missing.tile", path);
            }
            return Ok(None);
        };
        if bytes.len() != 8_192 {
            findings.changed("audit.changed.tile", path);
        }
        Ok(Some(bytes.as_chunks::<32>().0.iter().copied().map(Hash).collect()))
    }

    fn frame(&mut self, findings: &mut Findings, out: &mut Vec<Entry>) -> io::Result<()> {
        let Some((name, frames)) = &mut self.segment else {
            let Some(first) = self.segments.as_mut().and_then(Iterator::next) else {
                self.is_over = true;
                return Ok(());
            };
            let path = Folder::new(&self.folder, None).segment(first);
            let file = BufReader::new(File::open(path)?);
            self.segment = Some((format!("tail/{first:020}"), Frames::new(file)));
            return Ok(());
        };
        match frames.next() {
            Ok(Some(frame)) => self.take(frame, findings, out)?,
            Ok(None) => self.segment = None,
            Err(FrameError::Io(error)) => return Err(error),
            Err(FrameError::Torn) => {
                findings.missing("audit.missing.torn", name.clone());
                self.is_over = true;
            }
            Err(FrameError::Malformed) => {
                findings.changed("audit.changed.frame", name.clone());
                self.is_over = true;
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        frame: Frame,
        findings: &mut Findings,
        out: &mut Vec<Entry>,
    ) -> io::Result<()> {
        self.authenticate(&frame, findings);
        for (index, bytes) in (frame.first..).zip(frame.entries) {
            if index < self.settled {
                // The same record in a bundle: its tile was compared, and is compared with this too.
                let row = self.row(index / WIDTH, findings)?.unwrap_or_default();
                let at = usize::try_from(index % WIDTH).unwrap_or_default();
                if row.get(at) != Some(&Hash::of_leaf(&bytes)) {
                    findings.changed("audit.changed.tail", record(index));
                }
            } else if index == self.next {
                out.push(Entry { index, bytes: Some(bytes), tile: None });
                self.next += 1;
            } else {
                if index > self.next {
                    findings.missing("audit.missing.record", record(self.next));
                } else {
                    findings.changed("audit.changed.tail", record(index));
                }
                self.is_over = true;
                return Ok(());
            }
        }
        Ok(())
    }

    fn authenticate(&mut self, frame: &Frame, findings: &mut Findings) {
        let fits = |(epoch, number, _): &(u64, u32, TailKey)| {
            *epoch == frame.epoch && *number <= frame.number
        };
        let known = self.key.take().filter(fits);
        let fresh = || self.keys.get(&frame.epoch).map(|key| (frame.epoch, 0, key.clone()));
        let Some((epoch, mut number, mut key)) = known.or_else(fresh) else {
            self.proven_from = None;
            return;
        };
        // As many ratchets as there were group commits: no more than there are records.
        while number < frame.number && u64::from(number) < limits::INTEGER_MAX {
            key.ratchet();
            number += 1;
        }
        if key.mac(&frame.body) == frame.mac {
            self.proven_from.get_or_insert(frame.first);
        } else {
            findings.changed("audit.changed.mac", record(frame.first));
        }
        self.key = Some((epoch, number, key));
    }
}

const ROUND_RECORDS: usize = 16_384;
const ROUND_BYTES: usize = 32 << 20;
const BUNDLE_BYTES_MAX: u64 = 256 * (limits::RECORD_BYTES_MAX as u64 + 2);
