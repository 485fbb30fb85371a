//! What a start finds: the tail verified by its MACs, what is settled, what never ended.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::BufReader;

use surface::Digest;
use tlog::Hash;
use tlog::tile::{self, Tile, WIDTH};

use super::TrailError;
use super::layout::{Folder, FrameError, Frames, read};
use crate::limits;
use crate::record::atom::Id;
use crate::record::event::ConfigEvent;
use crate::record::{NO_RECORD, Record};
use crate::signer::Signer;

/// The durable state of a trail.
pub(crate) struct Found {
    /// How many records there are.
    pub(crate) size: u64,
    /// SHA-256 of the last.
    pub(crate) prev: Digest,
    /// The last record.
    pub(crate) last: Option<Record>,
    /// The digest of the configuration that was stated last.
    pub(crate) stated: Option<Digest>,
    /// Calls that have a decision and no outcome.
    pub(crate) open: HashMap<Id, u64>,
    /// Calls that ended, as far as was read.
    pub(crate) ended: HashSet<Id>,
    /// How many records are in full bundles.
    pub(crate) settled: u64,
    /// The records after those.
    pub(crate) entries: Vec<Vec<u8>>,
    /// Leaf hashes that the signer has not signed.
    pub(crate) unsigned: Vec<Hash>,
}

/// Reads the durable state. An incomplete last frame was never acknowledged, and is cut off; so is a
/// torn last checkpoint.
pub(crate) fn recover(folder: &Folder, signer: &dyn Signer) -> Result<Found, TrailError> {
    if folder.fault(store::fault::Step::Load).is_some() {
        let source = std::io::Error::other("told to fail");
        return Err(TrailError::Storage { action: "reading", source });
    }
    let settled = settled(folder);
    let tail = tail(folder, signer)?;
    let start = tail.first_key_value().map_or(settled, |(first, _)| *first);
    if start > settled {
        return Err(damaged(format!("records {settled} to {start} are in no file")));
    }
    let mut found = Found {
        size: settled,
        prev: NO_RECORD,
        last: None,
        stated: None,
        open: HashMap::new(),
        ended: HashSet::new(),
        settled,
        entries: Vec::new(),
        unsigned: Vec::new(),
    };
    found.scan_bundles(folder)?;
    for (first, entries) in tail {
        for (index, entry) in (first..).zip(entries) {
            if index >= settled {
                found.take(index, &entry)?;
                found.entries.push(entry);
            }
        }
    }
    found.sign_on(folder, signer)?;
    Ok(found)
}

impl Found {
    /// Reads the bundles since the last clean end: what was open at a clean end was closed there.
    fn scan_bundles(&mut self, folder: &Folder) -> Result<(), TrailError> {
        let last = self.settled / WIDTH;
        let mut from = last;
        while from > 0 {
            from -= 1;
            if bundle(folder, from)?.iter().any(|entry| is_clean_end(entry)) {
                break;
            }
        }
        for index in from..last {
            self.size = index * WIDTH;
            for (seq, entry) in (self.size..).zip(bundle(folder, index)?) {
                if seq == from * WIDTH {
                    // The link into the first bundle that is read is the verifier's matter.
                    self.prev = Record::read(&entry).map_or(NO_RECORD, |record| record.prev);
                }
                self.take(seq, &entry)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, index: u64, entry: &[u8]) -> Result<(), TrailError> {
        let record = Record::read(entry);
        let record = record.map_err(|error| damaged(format!("record {index}: {error}")))?;
        if record.seq.number() != index || record.prev != self.prev || index != self.size {
            return Err(damaged(format!("record {index} does not follow the one before")));
        }
        if let Some(call_id) = record.call_id {
            if record.decision.is_some() {
                self.open.insert(call_id, index);
            } else {
                self.open.remove(&call_id);
                self.ended.insert(call_id);
            }
        }
        self.stated = record.config.as_ref().map(|config| config.new).or(self.stated);
        self.prev = Digest::of_bytes(entry);
        self.size = index + 1;
        self.last = Some(record);
        Ok(())
    }

    /// The leaves that the signer has not signed.
    fn sign_on(&mut self, folder: &Folder, signer: &dyn Signer) -> Result<(), TrailError> {
        let signed = signer.size()?;
        if signed > self.size {
            return Err(TrailError::Behind { signed, size: self.size });
        }
        let mut index = signed;
        while index < self.settled {
            let entries = bundle(folder, index / WIDTH)?;
            let skip = usize::try_from(index % WIDTH).unwrap_or_default();
            self.unsigned.extend(entries.iter().skip(skip).map(|entry| Hash::of_leaf(entry)));
            index = (index / WIDTH + 1) * WIDTH;
        }
        let skip = usize::try_from(signed.saturating_sub(self.settled)).unwrap_or_default();
        self.unsigned.extend(self.entries.iter().skip(skip).map(|entry| Hash::of_leaf(entry)));
        Ok(())
    }

    /// Whether the last record closed the trail.
    pub(crate) fn is_closed(&self) -> bool {
        let config = self.last.as_ref().and_then(|last| last.config.as_ref());
        config.is_some_and(|config| config.event == ConfigEvent::Close)
    }
}

/// Whether a record closes the trail.
fn is_clean_end(entry: &[u8]) -> bool {
    let config = Record::read(entry).ok().and_then(|record| record.config);
    config.is_some_and(|config| config.event == ConfigEvent::Close)
}

/// How many records are in full bundles.
fn settled(folder: &Folder) -> u64 {
    let exists = |index: u64| {
        let tile = Tile { level: Some(0), index, width: 256 };
        folder.root().join(tile.to_string()).exists()
    };
    // Bundles are made in order, so that the first that is missing is found by doubling.
    let mut above = 1_u64;
    while exists(above - 1) {
        above *= 2;
    }
    let (mut low, mut high) = (above / 2, above - 1);
    while low < high {
        let middle = low.midpoint(high);
        if exists(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low * WIDTH
}

fn bundle(folder: &Folder, index: u64) -> Result<Vec<Vec<u8>>, TrailError> {
    let path = folder.root().join(Tile { level: None, index, width: 256 }.to_string());
    let most = 256 * (limits::RECORD_BYTES_MAX as u64 + 2);
    let bytes = read(&path, most).map_err(reading)?;
    let bytes = bytes.ok_or_else(|| damaged(format!("bundle {index} is missing")))?;
    let entries = tile::entries(&bytes, 256);
    let entries = entries.map_err(|error| damaged(format!("bundle {index}: {error}")))?;
    Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
}

type Tail = BTreeMap<u64, Vec<Vec<u8>>>;

/// The frames of the tail by their first record.
fn tail(folder: &Folder, signer: &dyn Signer) -> Result<Tail, TrailError> {
    let (mut tail, mut epoch, mut key, mut number) = (Tail::new(), None, None, 0);
    let segments = folder.segments().map_err(reading)?;
    for (position, segment) in segments.iter().enumerate() {
        let path = folder.segment(*segment);
        let file = File::open(&path).map_err(reading)?;
        let mut frames = Frames::new(BufReader::new(file));
        loop {
            let frame = match frames.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(FrameError::Torn) if position + 1 == segments.len() => {
                    let file = OpenOptions::new().write(true).open(&path).map_err(reading)?;
                    file.set_len(frames.offset).map_err(reading)?;
                    file.sync_all().map_err(reading)?;
                    break;
                }
                Err(error) => return Err(damaged(format!("{}: {error}", path.display()))),
            };
            if epoch != Some(frame.epoch) {
                (epoch, number) = (Some(frame.epoch), 0);
                key = Some(signer.tail_key(frame.epoch)?);
            }
            let key = key.as_mut().ok_or_else(|| damaged("a frame without a key".into()))?;
            while number < frame.number {
                key.ratchet();
                number += 1;
            }
            if key.mac(&frame.body) != frame.mac {
                return Err(damaged(format!("the frame from record {} on", frame.first)));
            }
            tail.insert(frame.first, frame.entries);
        }
    }
    Ok(tail)
}

/// Cuts off a checkpoint that was being written.
pub(crate) fn cut_checkpoints(folder: &Folder) -> Result<(), TrailError> {
    let path = folder.checkpoints();
    let Some(bytes) = read(&path, u64::MAX - 1).map_err(reading)? else { return Ok(()) };
    let blank = |window: &[u8]| window == b"\n\n";
    // Each note has one empty line inside and one after it.
    let ends: Vec<_> = bytes.windows(2).enumerate().filter(|(_, w)| blank(w)).collect();
    let whole = ends.len() / 2 * 2;
    let end = whole.checked_sub(1).and_then(|last| ends.get(last)).map_or(0, |(at, _)| at + 2);
    if end < bytes.len() {
        let file = OpenOptions::new().write(true).open(&path).map_err(reading)?;
        file.set_len(end as u64).and_then(|()| file.sync_all()).map_err(reading)?;
    }
    Ok(())
}

fn damaged(what: String) -> TrailError {
    TrailError::Damaged { what }
}

fn reading(source: std::io::Error) -> TrailError {
    TrailError::Storage { action: "reading", source }
}
