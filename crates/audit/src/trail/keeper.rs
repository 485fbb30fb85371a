//! Beside the writer: checkpoints from the signer, and full bundles and tiles.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use store::fault::Step;
use tlog::Hash;
use tlog::tile::{self, Tile, WIDTH};

use super::layout::{Folder, read};
use super::recover::Found;
use super::{Clock, Config};
use crate::limits;
use crate::signer::Signer;

/// Since when records wait for the signer, in milliseconds of the clock that never steps; 0 if none
/// does.
#[derive(Default)]
pub(crate) struct Stale(AtomicU64);

impl Stale {
    pub(crate) fn is_too_old(&self, clock: &Clock) -> bool {
        let since = self.0.load(Ordering::Relaxed);
        since != 0 && now_ms(clock).saturating_sub(since) > limits::SIGNER_AGE_MAX_MS
    }

    fn begin(&self, clock: &Clock) {
        let now = now_ms(clock).max(1);
        // Only the oldest counts.
        let _ = self.0.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Durable records of one group commit.
pub(crate) struct Batch {
    pub(crate) first: u64,
    pub(crate) entries: Vec<Vec<u8>>,
}

pub(crate) struct Keeper {
    folder: Folder,
    signer: Arc<dyn Signer>,
    stale: Arc<Stale>,
    clock: Clock,
    signed: u64,
    /// What the signer has not signed.
    leaves: Vec<Hash>,
    settled: u64,
    /// What is in no bundle.
    entries: Vec<Vec<u8>>,
    asked: Instant,
    settle_records: u64,
    /// A checkpoint that the signer gave and the disk did not take.
    unwritten: Option<String>,
}

impl Keeper {
    pub(crate) fn new(
        folder: Folder,
        signer: Arc<dyn Signer>,
        stale: Arc<Stale>,
        config: &Config,
        found: &Found,
    ) -> Self {
        let (leaves, entries) = (found.unsigned.clone(), found.entries.clone());
        let signed = found.size - leaves.len() as u64;
        let (settled, asked) = (found.settled, Instant::now());
        let (clock, settle_records) = (config.clock.clone(), config.settle_records);
        let unwritten = None;
        Self {
            folder,
            signer,
            stale,
            clock,
            signed,
            leaves,
            settled,
            entries,
            asked,
            settle_records,
            unwritten,
        }
    }

    /// Until the writer has gone; then a last checkpoint.
    pub(crate) fn run(mut self, batches: &Receiver<Batch>) {
        let pause = Duration::from_millis(limits::CHECKPOINT_TIME_MS);
        loop {
            let wait = pause.saturating_sub(self.asked.elapsed());
            match batches.recv_timeout(wait.max(Duration::from_millis(5))) {
                Ok(batch) => self.take(batch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let is_due = self.asked.elapsed() >= pause;
            if is_due || self.leaves.len() >= limits::CHECKPOINT_RECORDS {
                self.checkpoint();
            }
            // Bundles that cannot be written stay in the tail, and are tried again.
            let waiting = self.entries.len() as u64;
            if waiting >= self.settle_records && self.settle().is_err() {
                std::thread::sleep(Duration::from_millis(limits::RELOAD_PAUSE_MS));
            }
        }
        self.checkpoint();
        let _ = self.settle();
    }

    fn take(&mut self, batch: Batch) {
        // After storage was read again, what is known already comes again.
        let known = self.settled + self.entries.len() as u64;
        let skip = usize::try_from(known.saturating_sub(batch.first)).unwrap_or(usize::MAX);
        for entry in batch.entries.into_iter().skip(skip) {
            self.leaves.push(Hash::of_leaf(&entry));
            self.entries.push(entry);
        }
        if !self.leaves.is_empty() {
            self.stale.begin(&self.clock);
        }
    }

    fn checkpoint(&mut self) {
        self.asked = Instant::now();
        if self.unwritten.is_none() && !self.leaves.is_empty() {
            let Ok(note) = self.signer.extend(self.signed, &self.leaves) else { return };
            self.signed += self.leaves.len() as u64;
            self.leaves.clear();
            self.unwritten = Some(note);
        }
        if let Some(note) = &self.unwritten
            && self.write(note).is_ok()
        {
            self.unwritten = None;
            self.stale.end();
        }
    }

    fn write(&self, note: &str) -> io::Result<()> {
        let mut file = self.folder.open_append(&self.folder.checkpoints())?;
        let before = file.metadata()?.len();
        let written = self.folder.append(Step::Publish, &mut file, format!("{note}\n").as_bytes());
        if written.is_err() {
            // Written again from the same place.
            file.set_len(before)?;
        }
        written
    }

    /// Writes full bundles and tiles, then removes the segments of the tail that only hold what is
    /// in them; the newest segment stays.
    fn settle(&mut self) -> io::Result<()> {
        let width = usize::try_from(WIDTH).unwrap_or(256);
        let full = self.entries.len() / width * width;
        let mut index = self.settled / WIDTH;
        for entries in self.entries.get(..full).unwrap_or_default().chunks_exact(width) {
            let (mut bundle, mut hashes) = (Vec::new(), Vec::with_capacity(width * 32));
            for entry in entries {
                tile::push_entry(&mut bundle, entry).map_err(io::Error::other)?;
                hashes.extend_from_slice(&Hash::of_leaf(entry).0);
            }
            self.place(Tile { level: None, index, width: 256 }, &bundle)?;
            self.place(Tile { level: Some(0), index, width: 256 }, &hashes)?;
            self.parents(index)?;
            index += 1;
        }
        self.entries.drain(..full);
        self.settled = index * WIDTH;
        let segments = self.folder.segments()?;
        for pair in segments.windows(2) {
            if let [old, next] = pair
                && *next <= self.settled
            {
                std::fs::remove_file(self.folder.segment(*old))?;
            }
        }
        Ok(())
    }

    /// The tiles above that the tile at `index` of level 0 completes.
    fn parents(&self, mut index: u64) -> io::Result<()> {
        let mut level = 0;
        while (index + 1).is_multiple_of(WIDTH) {
            let first = index + 1 - WIDTH;
            let mut hashes = Vec::with_capacity(8_192);
            for child in first..=index {
                let child = Tile { level: Some(level), index: child, width: 256 };
                let path = self.folder.root().join(child.to_string());
                let bytes = read(&path, 8_192)?.unwrap_or_default();
                hashes.extend_from_slice(&root_of(&bytes).0);
            }
            (level, index) = (level + 1, index / WIDTH);
            self.place(Tile { level: Some(level), index, width: 256 }, &hashes)?;
        }
        Ok(())
    }

    fn place(&self, tile: Tile, bytes: &[u8]) -> io::Result<()> {
        self.folder.place(&self.folder.root().join(tile.to_string()), bytes)
    }
}

/// The root of a full tile.
pub(crate) fn root_of(tile: &[u8]) -> Hash {
    let mut frontier = tlog::Frontier::default();
    for hash in tile.as_chunks::<32>().0 {
        frontier.append(Hash(*hash), |_, _, _| {});
    }
    frontier.root()
}

fn now_ms(clock: &Clock) -> u64 {
    (clock.mono_ns)() / 1_000_000
}
