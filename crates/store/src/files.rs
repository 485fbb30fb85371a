//! A log in a folder of one machine.
//!
//! `journal/` holds the write-ahead records; `tile/` full tiles and bundles under the paths of
//! C2SP tlog-tiles; `objects/` objects by digest; `checkpoint` the newest published one; `lock` is
//! held by whoever writes.

mod disk;
mod journal;
mod record;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use rustix::fs::FlockOperation;
use surface::Digest;
use tlog::tile::{Tile, WIDTH};

use crate::backend::{Backend, Commit, Loaded, StoreError};
use crate::fault::{Faults, Step};
use disk::{Disk, read, storage};
use journal::{Journal, Replayed};

/// A log in a folder. Clones share it.
#[derive(Clone)]
pub struct Files {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    faults: Option<Faults>,
    /// Held by whoever settles, and by whoever loads.
    settling: Mutex<()>,
    /// Held by whoever publishes, and by whoever loads: a checkpoint does not wait until thousands of
    /// objects are files.
    publishing: Mutex<()>,
    lead: Mutex<Option<Lead>>,
}

/// What the one writer has. The lock ends with it, and with the process, however that ends.
struct Lead {
    lock: File,
    disk: Arc<Disk>,
    journal: Journal,
}

impl Files {
    /// The log in `root`, which need not be there yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self::with_faults(root, None)
    }

    /// The same, failing when it is told to.
    pub fn with_faults(root: impl Into<PathBuf>, faults: Option<Faults>) -> Self {
        let inner = Inner {
            root: root.into(),
            faults,
            settling: Mutex::default(),
            publishing: Mutex::default(),
            lead: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Runs what blocks where it may.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|error| {
            let (action, place) = ("working on", self.inner.place());
            Err(StoreError::Storage { action, place, source: error.into() })
        })
    }
}

#[async_trait]
impl Backend for Files {
    async fn create(&self, head: &str) -> Result<(), StoreError> {
        let head = head.to_owned();
        self.blocking(move |inner| inner.create(&head)).await
    }

    async fn load(&self) -> Result<Loaded, StoreError> {
        self.blocking(Inner::load).await
    }

    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let commit = commit.clone();
        self.blocking(move |inner| inner.commit(commit)).await
    }

    async fn settle(&self, size: u64, tiles: &[(Tile, Bytes)]) -> Result<(), StoreError> {
        let tiles = tiles.to_vec();
        self.blocking(move |inner| inner.settle(size, &tiles)).await
    }

    async fn publish(&self, checkpoint: &str) -> Result<(), StoreError> {
        let checkpoint = checkpoint.to_owned();
        self.blocking(move |inner| inner.publish(checkpoint)).await
    }

    async fn release(&self) {
        drop(self.blocking(|inner| Ok(lock(&inner.lead).take())).await);
    }

    async fn tile(&self, tile: Tile) -> Result<Option<Bytes>, StoreError> {
        self.blocking(move |inner| inner.read(&inner.root.join(tile.to_string()))).await
    }

    async fn object(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        let digest = *digest;
        self.blocking(move |inner| inner.object(&digest)).await
    }
}

impl Inner {
    fn create(&self, head: &str) -> Result<(), StoreError> {
        let made = std::fs::create_dir_all(&self.root);
        made.map_err(|error| storage("making", &self.root, error))?;
        let _lock = self.lock()?;
        let is_there =
            ["tile", "objects", CHECKPOINT].iter().any(|name| self.root.join(name).exists());
        if is_there || Journal::exists(&self.journal())? {
            return Err(StoreError::Exists { place: self.place() });
        }
        let disk = Disk::open(&self.root, self.faults.clone())?;
        Journal::create(&self.journal(), &disk, head)
    }

    fn load(&self) -> Result<Loaded, StoreError> {
        let _settling = lock(&self.settling);
        let _publishing = lock(&self.publishing);
        let mut lead = lock(&self.lead);
        if !self.journal().is_dir() {
            return Err(StoreError::Missing { place: self.place() });
        }
        let before = lead.take().map(|lead| lead.lock);
        let lock = before.map_or_else(|| self.lock(), Ok)?;
        let disk = Arc::new(Disk::open(&self.root, self.faults.clone())?);
        disk.check(Step::Load).map_err(|error| storage("reading", &self.root, error))?;
        let Replayed { journal, start, entries } = Journal::open(&self.journal(), &disk)?;
        // INVARIANT: a record file is removed only when all of its entries are in full bundles, so
        // the entries before the journal, and the rest of their last bundle, are in such.
        let settled_size = start.next_multiple_of(WIDTH);
        let skip = usize::try_from(settled_size - start).unwrap_or(usize::MAX);
        let Some(entries) = entries.get(skip..).map(<[Bytes]>::to_vec) else {
            let what = format!("the journal ends within the bundle that it begins in, at {start}");
            return Err(StoreError::Damaged { place: self.place(), what });
        };
        let published = read(&self.root.join(CHECKPOINT))?;
        let published = published.map(String::from_utf8).transpose().map_err(|_| {
            StoreError::Damaged { place: self.place(), what: "the checkpoint is no text".into() }
        })?;
        let head = journal.head().to_owned();
        *lead = Some(Lead { lock, disk, journal });
        Ok(Loaded { head, published, settled_size, entries })
    }

    fn commit(&self, mut commit: Commit) -> Result<(), StoreError> {
        let mut lead = lock(&self.lead);
        let Lead { disk, journal, .. } = lead.as_mut().ok_or_else(|| self.not_led())?;
        commit.objects.retain(|object| {
            let digest = object.digest();
            journal.object(&digest).is_none() && !self.object_path(&digest).exists()
        });
        journal.append(disk, &commit)
    }

    fn settle(&self, size: u64, tiles: &[(Tile, Bytes)]) -> Result<(), StoreError> {
        let _settling = lock(&self.settling);
        let (disk, segments, objects) = {
            let mut lead = lock(&self.lead);
            let Lead { disk, journal, .. } = lead.as_mut().ok_or_else(|| self.not_led())?;
            journal.rotate(disk)?;
            let (segments, objects) = journal.settled(size);
            (Arc::clone(disk), segments, objects)
        };
        let mut files = Vec::with_capacity(tiles.len());
        for (tile, bytes) in tiles {
            let path = self.root.join(tile.to_string());
            match read(&path)? {
                None => files.push((path, bytes.clone())),
                Some(there) if there == *bytes => {}
                Some(_) => {
                    let what = format!("{tile} is there with other bytes");
                    return Err(StoreError::Damaged { place: self.place(), what });
                }
            }
        }
        disk.place(Step::Settle, &files)?;
        for objects in objects.chunks(OBJECTS_AT_ONCE) {
            let mut files = Vec::with_capacity(objects.len());
            for (digest, place) in objects {
                let bytes = place.read()?.filter(|bytes| Digest::of_bytes(bytes) == *digest);
                let bytes = bytes.ok_or_else(|| StoreError::Damaged {
                    place: self.place(),
                    what: format!("the journal has lost the object {digest}"),
                })?;
                files.push((self.object_path(digest), bytes));
            }
            disk.place(Step::Settle, &files)?;
        }
        let mut lead = lock(&self.lead);
        lead.as_mut().ok_or_else(|| self.not_led())?.journal.remove(&segments)
    }

    fn publish(&self, checkpoint: String) -> Result<(), StoreError> {
        let _publishing = lock(&self.publishing);
        let disk = lock(&self.lead).as_ref().map(|lead| Arc::clone(&lead.disk));
        let disk = disk.ok_or_else(|| self.not_led())?;
        disk.place(Step::Publish, &[(self.root.join(CHECKPOINT), checkpoint)])
    }

    fn object(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        let place = lock(&self.lead).as_ref().and_then(|lead| lead.journal.object(digest).cloned());
        if let Some(bytes) = place.map(|place| place.read()).transpose()?.flatten() {
            return Ok(Some(bytes.into()));
        }
        self.read(&self.object_path(digest))
    }

    fn read(&self, path: &Path) -> Result<Option<Bytes>, StoreError> {
        if let Some(faults) = &self.faults
            && faults(Step::Read).is_some()
        {
            return Err(storage("reading", path, std::io::Error::other("told to fail")));
        }
        Ok(read(path)?.map(Bytes::from))
    }

    /// A lock that was left behind by a process that died is free.
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.root.join("lock");
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| storage("opening", &path, error))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Led { place: self.place() }),
            Err(error) => Err(storage("locking", &path, error.into())),
        }
    }

    fn not_led(&self) -> StoreError {
        let source = "the log was not loaded".into();
        StoreError::Storage { action: "writing", place: self.place(), source }
    }

    fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    fn object_path(&self, digest: &Digest) -> PathBuf {
        let text = digest.to_string();
        let hex = text.trim_start_matches("sha256:");
        let folder = hex.get(..2).unwrap_or_default();
        self.root.join("objects").join(folder).join(hex)
    }

    fn place(&self) -> String {
        self.root.display().to_string()
    }
}

/// A panic elsewhere does not make the state wrong: what was being written is not trusted anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const CHECKPOINT: &str = "checkpoint";
/// Objects that are read and placed together, so that memory stays small.
const OBJECTS_AT_ONCE: usize = 512;
