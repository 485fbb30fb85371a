//! The one task that orders entries, signs heads and makes both durable.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tlog::tile::Tile;
use tlog::{Checkpoint, Hash, Sign};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use super::rebuild::{self, rebuild};
use super::shared::{Shared, Trust};
use super::state::{Batch, Head};
use super::{Receipt, SubmitError, witnesses};
use crate::backend::{Commit, Loaded, Object, StoreError};
use crate::limits;

/// An entry that waits.
pub(super) struct Submission {
    pub(super) entry: Bytes,
    pub(super) leaf: Hash,
    pub(super) keys: Vec<[u8; 32]>,
    pub(super) objects: Vec<Object>,
    pub(super) answer: oneshot::Sender<Result<Receipt, SubmitError>>,
}

impl Submission {
    pub(super) fn size_bytes(&self) -> usize {
        self.entry.len() + self.objects.iter().map(|object| object.bytes().len()).sum::<usize>()
    }

    pub(super) fn refuse(self, error: SubmitError) {
        // Whoever asked may be gone.
        let _ = self.answer.send(Err(error));
    }
}

type Settled = Result<(u64, Vec<Tile>), StoreError>;

pub(super) struct Sequencer {
    pub(super) shared: Arc<Shared>,
    pub(super) queue: mpsc::Receiver<Submission>,
    settling: Option<JoinHandle<Settled>>,
    committed: Instant,
    /// Takes in what other replicas hand in, while this one leads.
    pub(super) taking_in: Option<JoinHandle<()>>,
}

/// A batch that is ready to be made durable, and who waits for it.
struct Staged {
    batch: Batch,
    objects: Vec<Object>,
    answers: Vec<(oneshot::Sender<Result<Receipt, SubmitError>>, Receipt)>,
    previous: Head,
}

impl Sequencer {
    pub(super) fn new(shared: Arc<Shared>, queue: mpsc::Receiver<Submission>) -> Self {
        let committed = Instant::now().checked_sub(limits::BATCH_TIME_MAX);
        let committed = committed.unwrap_or_else(Instant::now);
        Self { shared, queue, settling: None, committed, taking_in: None }
    }

    /// Sequences until the log is closed, then settles what can be and gives up the lead.
    pub(super) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        self.begin_taking_in();
        loop {
            if *shared.trust() == Trust::Follows && !self.follow().await {
                return;
            }
            let first = tokio::select! {
                first = self.queue.recv() => first,
                () = shared.distrusted.notified() => {
                    self.regain_trust().await;
                    continue;
                }
            };
            let Some(first) = first else { break };
            let batch = self.gather(first).await;
            if let Some(batch) = self.refuse_unless_trusted(batch)
                && let Err(why) = self.sequence(batch).await
            {
                self.shared.distrust(Trust::Reload(why.to_string()));
            }
            self.regain_trust().await;
            self.settle(limits::UNSETTLED_ENTRIES_MIN).await;
        }
        self.stop_taking_in();
        self.join_settling().await;
        self.settle(1).await;
        self.join_settling().await;
        self.shared.backend.release().await;
    }

    /// Whoever waits beside `first`: at once when the last commit is long ago, otherwise after the
    /// time that a submission may wait for others.
    pub(super) async fn gather(&mut self, first: Submission) -> Vec<Submission> {
        let due = self.committed + self.shared.config.batch_time_max;
        let mut size = first.size_bytes();
        let mut batch = vec![first];
        // One place is for the leaf that states the map.
        while batch.len() + 1 < limits::BATCH_ENTRIES_MAX && size < limits::BATCH_BYTES_MAX {
            let next = match self.queue.try_recv() {
                Ok(next) => next,
                Err(_) => match timeout_at(due, self.queue.recv()).await {
                    Ok(Some(next)) => next,
                    _ => break,
                },
            };
            size += next.size_bytes();
            batch.push(next);
        }
        let size: usize = batch.iter().map(Submission::size_bytes).sum();
        self.shared.queued_bytes.fetch_sub(size, Ordering::Relaxed);
        batch
    }

    pub(super) fn refuse_unless_trusted(&self, batch: Vec<Submission>) -> Option<Vec<Submission>> {
        let (Trust::Reload(why) | Trust::Never(why)) = self.shared.trust().clone() else {
            return Some(batch);
        };
        for submission in batch {
            submission.refuse(SubmitError::Recovering { why: why.clone() });
        }
        None
    }

    /// Makes one batch durable and answers it.
    pub(super) async fn sequence(&mut self, batch: Vec<Submission>) -> Result<(), StoreError> {
        let staged = self.stage(batch).await?;
        let Staged { mut batch, objects, answers, previous } = staged;
        let (mut note, mut time_s) = (previous.note.clone(), previous.time_s);
        let mut checkpoint = previous.checkpoint.clone();
        let size = previous.checkpoint.size;
        if !batch.entries.is_empty() {
            if self.shared.config.names_of.is_some() {
                batch.push_map_leaf();
            }
            time_s = previous.time_s.max((self.shared.config.clock)() / 1_000);
            let origin = self.shared.config.origin.clone();
            checkpoint = Checkpoint { origin, size: batch.size(), root: batch.root() };
            let keys: Vec<&dyn Sign> = self.shared.config.keys.iter().map(AsRef::as_ref).collect();
            note = checkpoint.sign(&keys, time_s)?;
        }
        if !batch.entries.is_empty() || !objects.is_empty() {
            let entries = batch.entries.clone();
            let commit = Commit { previous_size: size, entries, objects, head: note.clone() };
            self.committed = Instant::now();
            if let Err(error) = self.shared.backend.commit(&commit).await {
                let why = error.to_string();
                for (answer, _) in answers {
                    let _ = answer.send(Err(SubmitError::Unknown { why: why.clone() }));
                }
                return Err(error);
            }
        }
        if !batch.entries.is_empty() {
            let size = batch.size();
            self.shared.state_mut().apply(batch, checkpoint, note, time_s);
            self.shared.sizes.send_replace(size);
        }
        for (answer, receipt) in answers {
            let _ = answer.send(Ok(receipt));
        }
        Ok(())
    }

    /// Orders a batch. An entry that is in the log, or in the batch before, keeps its index.
    async fn stage(&self, submissions: Vec<Submission>) -> Result<Staged, StoreError> {
        let (mut batch, previous) = {
            let state = self.shared.state();
            (Batch::after(&state), state.head.clone())
        };
        let (mut objects, mut answers) = (Vec::new(), Vec::new());
        let mut fresh: HashMap<Hash, u64> = HashMap::new();
        for Submission { entry, leaf, keys, objects: brought, answer } in submissions {
            let known = match fresh.get(&leaf) {
                Some(index) => Some(*index),
                None => self.shared.find(leaf).await?,
            };
            let index = match known {
                Some(index) => index,
                None => batch.push(entry, leaf, &keys),
            };
            fresh.entry(leaf).or_insert(index);
            for object in brought {
                let is_stored = known.is_some()
                    && self.shared.backend.object(&object.digest()).await?.is_some();
                if !is_stored {
                    objects.push(object);
                }
            }
            answers.push((answer, Receipt { index, leaf, is_duplicate: known.is_some() }));
        }
        objects.sort_unstable_by_key(Object::digest);
        objects.dedup_by_key(|object| object.digest());
        Ok(Staged { batch, objects, answers, previous })
    }

    /// Reads anew what is durable, until that succeeds. Meanwhile everything is refused.
    async fn regain_trust(&mut self) {
        let mut pause = limits::RECOVERY_PAUSE_MIN;
        loop {
            match self.shared.trust().clone() {
                Trust::Yes | Trust::Follows => return,
                Trust::Never(why) => return tracing::error!(why, "the log does not sign any more"),
                Trust::Reload(why) => tracing::warn!(why, "reading the log anew"),
            }
            self.join_settling().await;
            match self.reload().await {
                Ok(()) => {
                    let mut trust = self.shared.trust();
                    if matches!(*trust, Trust::Reload(_)) {
                        *trust = Trust::Yes;
                        tracing::info!("the log was verified and goes on");
                    }
                }
                Err(StoreError::Led { .. }) if self.shared.backend.replicated().is_some() => {
                    tracing::warn!("another replica leads the log");
                    *self.shared.trust() = Trust::Follows;
                }
                Err(error @ StoreError::Behind { .. }) => {
                    *self.shared.trust() = Trust::Never(error.to_string());
                }
                Err(error) => {
                    tracing::error!(error = chain(&error), "the log cannot go on yet");
                    if self.refuse_for(pause).await {
                        return;
                    }
                    pause = (pause * 2).min(limits::RECOVERY_PAUSE_MAX);
                }
            }
        }
    }

    /// Refuses what comes, for a time. Gives whether the log was closed.
    async fn refuse_for(&mut self, time: Duration) -> bool {
        let end = Instant::now() + time;
        loop {
            match timeout_at(end, self.queue.recv()).await {
                Err(_) => return false,
                Ok(None) => return true,
                Ok(Some(submission)) => {
                    self.shared.queued_bytes.fetch_sub(submission.size_bytes(), Ordering::Relaxed);
                    drop(self.refuse_unless_trusted(vec![submission]));
                }
            }
        }
    }

    /// Takes in what is durable and not known here.
    pub(super) async fn reload(&mut self) -> Result<(), StoreError> {
        let loaded = self.shared.backend.load().await?;
        let (size, root) = {
            let checkpoint = &self.shared.state().head.checkpoint;
            (checkpoint.size, checkpoint.root)
        };
        let config = &self.shared.config;
        if loaded.settled_size > size {
            // Another writer led meanwhile.
            let known = Some((size, root));
            let rebuilt = rebuild(&*self.shared.backend, config, loaded, known).await?;
            *self.shared.state_mut() = rebuilt.state;
        } else {
            self.resume(loaded).await?;
        }
        let size = self.shared.state().tail.size();
        self.shared.sizes.send_replace(size);
        if self.shared.backend.replicated().is_some() {
            // The database may have been restored, or a standby of it that lags have taken over.
            witnesses::ask_newest(&self.shared).await?;
        }
        Ok(())
    }

    /// Compares what is durable with what is known, and goes on from there.
    async fn resume(&self, loaded: Loaded) -> Result<(), StoreError> {
        let config = &self.shared.config;
        let checkpoint = rebuild::open(config, &self.shared.keys, &loaded.head, "the head")?;
        let size = self.shared.state().tail.size();
        let known = usize::try_from(size - loaded.settled_size).unwrap_or(usize::MAX);
        if loaded.entries.len() < known {
            return Err(config.damaged(format!("entries are lost: {size} were durable")));
        }
        let mut entries = loaded.entries;
        let further = entries.split_off(known);
        for (entry, index) in entries.iter().zip(loaded.settled_size..) {
            if self.shared.state().tail.entry(index).is_some_and(|known| known != entry) {
                return Err(config.damaged(format!("entry {index} is another one")));
            }
        }
        self.shared.extend(further, checkpoint, loaded.head).await
    }

    /// Begins to make full tiles and bundles immutable once there are enough, beside what goes on;
    /// waits for it when too much is in memory.
    async fn settle(&mut self, min: u64) {
        if self.settling.as_ref().is_some_and(JoinHandle::is_finished) {
            self.join_settling().await;
        }
        let (unsettled, bytes) = {
            let tail = &self.shared.state().tail;
            (tail.unsettled(), tail.size_bytes())
        };
        let is_much =
            unsettled >= limits::UNSETTLED_ENTRIES_MAX || bytes >= limits::UNSETTLED_BYTES_MAX;
        if is_much {
            self.join_settling().await;
        }
        if self.settling.is_none() && unsettled >= min && *self.shared.trust() == Trust::Yes {
            self.settling = Some(tokio::spawn(settle(Arc::clone(&self.shared))));
        }
    }

    /// Waits for what is being settled.
    pub(super) async fn join_settling(&mut self) {
        let Some(settling) = self.settling.take() else { return };
        match settling.await {
            Ok(Ok((size, tiles))) => self.shared.state_mut().tail.forget(size, &tiles),
            Ok(Err(error)) => self.shared.distrust(Trust::Reload(chain(&error))),
            Err(error) => self.shared.distrust(Trust::Reload(error.to_string())),
        }
    }
}

/// Makes what is full immutable. What is written is hashed once more before it is.
async fn settle(shared: Arc<Shared>) -> Settled {
    let (size, tiles, bytes) = {
        let state = shared.state();
        let (size, tiles) = state.tail.settleable();
        let bytes = tiles.iter().map(|tile| state.tail.tile(*tile)).collect::<Option<Vec<_>>>();
        (size, tiles, bytes)
    };
    let bytes = bytes.ok_or_else(|| shared.config.damaged("a full tile is not there".into()))?;
    let files: Vec<(Tile, Bytes)> = tiles.iter().copied().zip(bytes).collect();
    shared.backend.settle(size, &files).await?;
    Ok((size, tiles))
}

/// An error and its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

/// Waits for a time, or until the log is closed: then gives true.
pub(super) async fn pause(shared: &Shared, time: Duration) -> bool {
    let mut closing = shared.closing.subscribe();
    tokio::select! {
        () = sleep(time) => false,
        _ = closing.wait_for(|closed| *closed) => true,
    }
}
