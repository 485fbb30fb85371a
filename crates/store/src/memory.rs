//! A log in memory, for tests: it can fail on demand, and outlives the log that uses it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use surface::Digest;
use tlog::tile::Tile;

use crate::backend::{Backend, Commit, Loaded, StoreError};
use crate::fault::{Fault, Faults, Step};

/// A log in memory. Clones share what is stored; each is a writer of its own.
pub struct Memory {
    stored: Arc<Mutex<Option<Stored>>>,
    faults: Option<Faults>,
    /// The number under which this one leads.
    number: Mutex<u64>,
}

#[derive(Debug, Clone, Default)]
struct Stored {
    leads: u64,
    head: String,
    size: u64,
    published: Option<String>,
    settled_size: u64,
    /// From `settled_size`.
    entries: Vec<Bytes>,
    tiles: HashMap<Tile, Bytes>,
    objects: HashMap<Digest, Bytes>,
}

impl Memory {
    /// An empty place for a log.
    pub fn new() -> Self {
        Self::with_faults(None)
    }

    /// The same, failing when it is told to.
    pub fn with_faults(faults: Option<Faults>) -> Self {
        Self { stored: Arc::default(), faults, number: Mutex::default() }
    }

    /// Another writer over the same storage; when it loads, it takes the lead.
    #[must_use]
    pub fn another(&self, faults: Option<Faults>) -> Self {
        Self { stored: Arc::clone(&self.stored), faults, number: Mutex::default() }
    }

    /// A copy of what is stored, as a backup or a snapshot is.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let stored = Arc::new(Mutex::new(lock(&self.stored).clone()));
        Self { stored, faults: None, number: Mutex::default() }
    }

    /// Changes a stored tile or bundle, as a failing disk does.
    pub fn damage(&self, tile: Tile, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(bytes) = lock(&self.stored).as_mut().and_then(|s| s.tiles.get_mut(&tile)) {
            let mut changed = bytes.to_vec();
            change(&mut changed);
            *bytes = changed.into();
        }
    }

    /// Runs a step, or does not, as it is told.
    fn step<T>(
        &self,
        step: Step,
        work: impl FnOnce(&mut Stored) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let fault = self.faults.as_ref().and_then(|faults| faults(step));
        let mut stored = lock(&self.stored);
        let stored = stored.as_mut().ok_or(StoreError::Missing { place: PLACE.into() })?;
        match fault {
            None => work(stored),
            Some(Fault::Applied) => work(stored).and(Err(told(step))),
            Some(Fault::Lost | Fault::Torn(_)) => Err(told(step)),
        }
    }

    /// A step of the writer, who has to lead.
    fn lead<T>(
        &self,
        step: Step,
        work: impl FnOnce(&mut Stored) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let number = *lock(&self.number);
        self.step(step, |stored| {
            if stored.leads == number {
                work(stored)
            } else {
                Err(StoreError::Led { place: PLACE.into() })
            }
        })
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Backend for Memory {
    async fn create(&self, head: &str) -> Result<(), StoreError> {
        let mut stored = lock(&self.stored);
        if stored.is_some() {
            return Err(StoreError::Exists { place: PLACE.into() });
        }
        *stored = Some(Stored { head: head.to_owned(), ..Stored::default() });
        Ok(())
    }

    async fn load(&self) -> Result<Loaded, StoreError> {
        let mut number = lock(&self.number);
        self.step(Step::Load, |stored| {
            if *number == 0 || stored.leads != *number {
                stored.leads += 1;
                *number = stored.leads;
            }
            Ok(Loaded {
                head: stored.head.clone(),
                published: stored.published.clone(),
                settled_size: stored.settled_size,
                entries: stored.entries.clone(),
            })
        })
    }

    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        self.lead(Step::Commit, |stored| {
            if commit.previous_size != stored.size {
                let (expected, actual) = (commit.previous_size, stored.size);
                return Err(StoreError::Moved { expected, actual });
            }
            stored.size += commit.entries.len() as u64;
            stored.entries.extend(commit.entries.iter().cloned());
            stored.head.clone_from(&commit.head);
            let objects = commit.objects.iter();
            stored.objects.extend(objects.map(|object| (object.digest(), object.bytes().clone())));
            Ok(())
        })
    }

    async fn settle(&self, size: u64, tiles: &[(Tile, Bytes)]) -> Result<(), StoreError> {
        self.lead(Step::Settle, |stored| {
            for (tile, bytes) in tiles {
                let there = stored.tiles.entry(*tile).or_insert_with(|| bytes.clone());
                if there != bytes {
                    let what = format!("{tile} is there with other bytes");
                    return Err(StoreError::Damaged { place: PLACE.into(), what });
                }
            }
            let done = size.saturating_sub(stored.settled_size);
            let done = usize::try_from(done).unwrap_or(usize::MAX).min(stored.entries.len());
            stored.entries.drain(..done);
            stored.settled_size += done as u64;
            Ok(())
        })
    }

    async fn publish(&self, checkpoint: &str) -> Result<(), StoreError> {
        self.lead(Step::Publish, |stored| {
            stored.published = Some(checkpoint.to_owned());
            Ok(())
        })
    }

    async fn release(&self) {
        *lock(&self.number) = 0;
    }

    async fn tile(&self, tile: Tile) -> Result<Option<Bytes>, StoreError> {
        self.step(Step::Read, |stored| Ok(stored.tiles.get(&tile).cloned()))
    }

    async fn object(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        self.step(Step::Read, |stored| Ok(stored.objects.get(digest).cloned()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn told(step: Step) -> StoreError {
    let source = "told to fail".into();
    StoreError::Storage { action: "in memory, doing", place: format!("{step:?}"), source }
}

const PLACE: &str = "memory";
