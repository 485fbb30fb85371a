//! What the parts of a log share, and reading from it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use futures_util::future::try_join_all;
use surface::Digest;
use tlog::map::{Map, MapLeaf};
use tlog::tile::{self, Hashes, Plan, Tile, WIDTH};
use tlog::{Checkpoint, Hash, VerifierKey};
use tokio::sync::{Notify, OnceCell, mpsc, oneshot, watch};

use super::sequencer::Submission;
use super::state::{HASH_SIZE, Head, State, full_tile};
use super::{Config, Published, Receipt, SubmitError};
use crate::backend::{Backend, Object, StoreError};
use crate::limits;

/// One log, as its parts see it.
pub(super) struct Shared {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) config: Config,
    pub(super) keys: Vec<VerifierKey>,
    pub(super) state: RwLock<State>,
    pub(super) shown: RwLock<Option<Arc<Shown>>>,
    pub(super) publications: watch::Sender<Option<Arc<Published>>>,
    pub(super) sizes: watch::Sender<u64>,
    /// `None` once the log is closed.
    pub(super) queue: Mutex<Option<mpsc::Sender<Submission>>>,
    pub(super) queued_bytes: AtomicUsize,
    pub(super) trust: Mutex<Trust>,
    pub(super) distrusted: Notify,
    pub(super) closing: watch::Sender<bool>,
}

/// Whether what is in memory may be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is what is durable.
    Yes,
    /// Not before it was read anew.
    Reload(String),
    /// It is read from a log that another replica leads: nothing is signed.
    Follows,
    /// Never: a witness knows more than this log.
    Never(String),
}

/// What is published, with what it takes to prove the latest state in it.
pub(super) struct Shown {
    pub(super) published: Arc<Published>,
    pub(super) map: Map,
    /// The inclusion proof of the last leaf, which states the root of the map.
    last: OnceCell<Vec<Hash>>,
}

impl Shared {
    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn head(&self) -> Head {
        self.state().head.clone()
    }

    pub(super) fn shown(&self) -> Option<Arc<Shown>> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn trust(&self) -> MutexGuard<'_, Trust> {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Option<mpsc::Sender<Submission>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks a submission and queues it; see [`super::Log::submit`].
    pub(super) async fn submit(
        &self,
        entry: Bytes,
        objects: Vec<Object>,
    ) -> Result<Receipt, SubmitError> {
        if entry.len() > tile::ENTRY_SIZE_MAX {
            return Err(SubmitError::TooLong { size: entry.len(), max: tile::ENTRY_SIZE_MAX });
        }
        let largest = objects.iter().map(|object| object.bytes().len()).max().unwrap_or_default();
        if largest > limits::OBJECT_SIZE_MAX {
            return Err(SubmitError::TooLong { size: largest, max: limits::OBJECT_SIZE_MAX });
        }
        if objects.len() > limits::OBJECTS_MAX {
            return Err(SubmitError::TooMany { count: objects.len(), max: limits::OBJECTS_MAX });
        }
        if MapLeaf::parse(&entry).is_some() {
            return Err(SubmitError::Reserved);
        }
        if let Trust::Reload(why) | Trust::Never(why) = self.trust().clone() {
            return Err(SubmitError::Recovering { why });
        }
        // What can be done here is not left to the one sequencer.
        let leaf = Hash::of_leaf(&entry);
        let names = self.config.names_of.map(|names_of| names_of(&entry));
        let keys = names.unwrap_or_default().iter().map(|name| Map::key(name)).collect();
        let (answer, answered) = oneshot::channel();
        self.enqueue(Submission { entry, leaf, keys, objects, answer })?;
        let lost = |_| SubmitError::Unknown { why: "the sequencer ended".to_owned() };
        answered.await.map_err(lost)?
    }

    fn enqueue(&self, submission: Submission) -> Result<(), SubmitError> {
        let size = submission.size_bytes();
        let queue = self.queue();
        let queue = queue.as_ref().ok_or(SubmitError::Closed)?;
        let place = queue.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => SubmitError::Full,
            mpsc::error::TrySendError::Closed(()) => SubmitError::Closed,
        })?;
        let waiting = &self.queued_bytes;
        // The first of any size passes, so that none can be refused for ever.
        let before = waiting.load(Ordering::Relaxed);
        if before > 0 && before.saturating_add(size) > limits::QUEUE_BYTES_MAX {
            return Err(SubmitError::Full);
        }
        waiting.fetch_add(size, Ordering::Relaxed);
        place.send(submission);
        Ok(())
    }

    /// Ends the trust in memory.
    pub(super) fn distrust(&self, trust: Trust) {
        let mut current = self.trust();
        if !matches!(*current, Trust::Never(_)) {
            *current = trust;
        }
        drop(current);
        self.distrusted.notify_one();
    }

    /// Shows a checkpoint to readers; it is recorded already. A smaller one is not shown.
    pub(super) fn show(&self, checkpoint: Checkpoint, note: String, map: Map) {
        let published = Arc::new(Published { checkpoint, note });
        let last = OnceCell::new();
        let shown = Shown { published: Arc::clone(&published), map, last };
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(shown));
        self.publications.send_replace(Some(published));
    }

    /// The last leaf of what is shown, and its inclusion proof; `None` where there is no map.
    pub(super) async fn map_leaf(
        &self,
        shown: &Shown,
    ) -> Result<Option<(MapLeaf, Vec<Hash>)>, StoreError> {
        let checkpoint = &shown.published.checkpoint;
        let last = checkpoint.size.checked_sub(1).filter(|_| self.config.names_of.is_some());
        let Some(covers) = last else { return Ok(None) };
        let hashes = shown.last.get_or_try_init(|| self.inclusion(checkpoint, covers)).await?;
        let root = shown.map.clone().root();
        Ok(Some((MapLeaf { covers, root }, hashes.clone())))
    }

    /// A tile or bundle that a tree of `size` leaves has.
    pub(super) async fn tile(&self, tile: Tile, size: u64) -> Result<Option<Bytes>, StoreError> {
        let level = u32::from(tile.level.unwrap_or_default());
        let count = size.checked_shr(8 * level).unwrap_or_default();
        let first = tile.index.checked_mul(WIDTH);
        let there = first.and_then(|first| count.checked_sub(first)).unwrap_or_default();
        if tile.width == 0 || u64::from(tile.width) > there.min(WIDTH) {
            return Ok(None);
        }
        if let Some(bytes) = self.state().tail.tile(tile) {
            return Ok(Some(bytes));
        }
        let bytes = self.backend.tile(full_tile(tile.level, tile.index)).await?;
        let bytes = bytes.ok_or_else(|| self.config.damaged(format!("{tile} is missing")))?;
        if u64::from(tile.width) == WIDTH {
            return Ok(Some(bytes));
        }
        let wrong = || self.config.damaged(format!("{tile} cannot be read"));
        if tile.level.is_some() {
            let end = usize::from(tile.width) * HASH_SIZE;
            let is_whole = end <= bytes.len();
            return is_whole.then(|| Some(bytes.slice(..end))).ok_or_else(wrong);
        }
        let entries = tile::entries(&bytes, full_tile(None, tile.index).width);
        let entries = entries.map_err(|_| wrong())?;
        let mut bundle = Vec::new();
        for entry in entries.into_iter().take(usize::from(tile.width)) {
            tile::push_entry(&mut bundle, entry).map_err(|_| wrong())?;
        }
        Ok(Some(bundle.into()))
    }

    /// The hashes of a plan, authenticated.
    async fn hashes(&self, checkpoint: &Checkpoint, plan: &Plan) -> Result<Hashes, StoreError> {
        let tiles = plan.tiles().iter().map(|tile| async move {
            let bytes = self.tile(*tile, checkpoint.size).await?;
            bytes.ok_or_else(|| self.config.damaged(format!("{tile} is missing")))
        });
        let tiles = try_join_all(tiles).await?;
        plan.verify(&tiles).map_err(|error| self.config.damaged(error.to_string()))
    }

    /// The authenticated hashes of leaves, and their inclusion proofs.
    async fn leaves(&self, at: &Checkpoint, indices: &[u64]) -> Result<Hashes, StoreError> {
        let plan = Plan::inclusion(at, indices);
        let plan = plan.map_err(|error| self.config.damaged(error.to_string()))?;
        self.hashes(at, &plan).await
    }

    /// The inclusion proof of a leaf.
    pub(super) async fn inclusion(
        &self,
        checkpoint: &Checkpoint,
        index: u64,
    ) -> Result<Vec<Hash>, StoreError> {
        let hashes = self.leaves(checkpoint, &[index]).await?;
        let missing = || self.config.damaged(format!("leaf {index} has no proof"));
        hashes.inclusion(index).ok_or_else(missing)
    }

    /// The consistency proof from a smaller size.
    pub(super) async fn consistency(
        &self,
        old_size: u64,
        checkpoint: &Checkpoint,
    ) -> Result<Vec<Hash>, StoreError> {
        if old_size == 0 || old_size == checkpoint.size {
            return Ok(Vec::new());
        }
        let plan = Plan::consistency(checkpoint, old_size);
        let plan = plan.map_err(|error| self.config.damaged(error.to_string()))?;
        let hashes = self.hashes(checkpoint, &plan).await?;
        let missing = || self.config.damaged(format!("size {old_size} has no proof"));
        hashes.consistency().ok_or_else(missing)
    }

    /// Entries, each compared with its leaf in the tree.
    pub(super) async fn entries(&self, start: u64, end: u64) -> Result<Vec<Bytes>, StoreError> {
        let (head, tail_start, mut tail) = {
            let state = self.state();
            let end =
                end.min(state.tail.size()).min(start.saturating_add(limits::READ_ENTRIES_MAX));
            let tail = start.max(state.tail.start())..end;
            let tail: Vec<Bytes> = tail.filter_map(|i| state.tail.entry(i).cloned()).collect();
            (state.head.checkpoint.clone(), state.tail.start().min(end), tail)
        };
        let mut entries = Vec::new();
        let mut at = start;
        while at < tail_start {
            let index = at / WIDTH;
            let until = tail_start.min((index + 1) * WIDTH);
            let bundle = self.tile(full_tile(None, index), head.size).await?;
            let bundle = bundle.ok_or_else(|| self.config.damaged("a bundle is missing".into()))?;
            let all = tile::entries(&bundle, full_tile(None, index).width);
            let all = all.map_err(|error| self.config.damaged(error.to_string()))?;
            let indices: Vec<u64> = (at..until).collect();
            let hashes = self.leaves(&head, &indices).await?;
            for (entry, index) in all.into_iter().skip(offset(at)).zip(indices) {
                if hashes.leaf(index) != Some(Hash::of_leaf(entry)) {
                    return Err(self.config.damaged(format!("entry {index} is not its leaf")));
                }
                entries.push(Bytes::copy_from_slice(entry));
            }
            at = until;
        }
        entries.append(&mut tail);
        Ok(entries)
    }

    /// The index of a leaf.
    pub(super) async fn find(&self, leaf: Hash) -> Result<Option<u64>, StoreError> {
        let candidates = self.state().index.candidates(leaf);
        for index in candidates {
            let width = u16::try_from(index % WIDTH + 1).unwrap_or(u16::MAX);
            let tile = Tile { level: Some(0), index: index / WIDTH, width };
            let size = self.state().tail.size();
            let hashes = self.tile(tile, size).await?;
            let found = hashes.is_some_and(|hashes| hashes.ends_with(&leaf.0));
            if found {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// An object, if what is stored is what its digest says.
    pub(super) async fn object(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        match self.backend.object(digest).await? {
            Some(bytes) if Digest::of_bytes(&bytes) == *digest => Ok(Some(bytes)),
            Some(_) => Err(self.config.damaged(format!("the object {digest} is not what it was"))),
            None => Ok(None),
        }
    }
}

/// The place of an index in its tile.
fn offset(index: u64) -> usize {
    usize::try_from(index % WIDTH).unwrap_or_default()
}
