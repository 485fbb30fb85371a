//! A replica that does not lead: it follows the log, hands what it is asked to add to whoever leads,
//! and takes the lead when nobody has it.
//!
//! What was handed in needs no answer: it is in the log once the log is seen to hold it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use futures_util::future::join_all;
use seal::Crypto;
use tlog::map::{Map, MapLeaf};
use tlog::tile::WIDTH;
use tlog::{Checkpoint, Hash};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::sequencer::{Sequencer, Submission, chain, pause};
use super::shared::{Shared, Trust};
use super::state::Batch;
use super::{Receipt, SubmitError, rebuild};
use crate::backend::{self, Backend, Commit, Followed, HandedIn, Loaded, StoreError};
use crate::limits;
use crate::limits::scale::{FOLLOW_PAUSE, FOLLOWED_HEADS_MAX, HANDED_IN_TIME_MAX};

/// What a follower keeps beside the log's state.
struct Follower {
    shared: Arc<Shared>,
    /// Who waits to see an entry in the log, and since when.
    waiting: HashMap<Hash, Vec<(Submission, Instant)>>,
    /// Heads that may be published yet, with their maps.
    heads: VecDeque<(u64, Map)>,
}

impl Sequencer {
    /// Follows until this replica has the lead: then gives true; or until the log is closed.
    pub(super) async fn follow(&mut self) -> bool {
        let backend = Arc::clone(&self.shared.backend);
        let Some(replicated) = backend.replicated() else { return false };
        self.stop_taking_in();
        self.join_settling().await;
        self.follow_only();
        let shared = Arc::clone(&self.shared);
        let mut follower = Follower::new(Arc::clone(&shared));
        let mut following = replicated.follow(follower.size());
        loop {
            tokio::select! {
                followed = &mut following => {
                    let is_free = match follower.take(followed).await {
                        Ok(is_free) => is_free,
                        Err(error) => {
                            tracing::warn!(error = chain(&error), "the log cannot be followed");
                            pause(&shared, FOLLOW_PAUSE).await;
                            false
                        }
                    };
                    if is_free && self.take_lead().await {
                        self.sequence_waiting(follower).await;
                        self.begin_taking_in();
                        return true;
                    }
                    follower.expire();
                    following = replicated.follow(follower.size());
                }
                first = self.queue.recv() => {
                    let Some(first) = first else {
                        follower.end();
                        return false;
                    };
                    let batch = self.gather(first).await;
                    if let Some(batch) = self.refuse_unless_trusted(batch) {
                        follower.hand_in(batch).await;
                    }
                }
                // Something that was begun under the lead has failed: without it that means nothing.
                () = shared.distrusted.notified() => self.follow_only(),
            }
        }
    }

    /// Begins to take in what other replicas hand in, where there are any.
    pub(super) fn begin_taking_in(&mut self) {
        if self.shared.backend.replicated().is_some() && *self.shared.trust() == Trust::Yes {
            self.taking_in = Some(tokio::spawn(take_in(Arc::clone(&self.shared))));
        }
    }

    /// Ends the task that takes in what others hand in.
    pub(super) fn stop_taking_in(&mut self) {
        self.taking_in.take().inspect(JoinHandle::abort);
    }

    fn follow_only(&self) {
        let mut trust = self.shared.trust();
        if !matches!(*trust, Trust::Never(_)) {
            *trust = Trust::Follows;
        }
    }

    /// Takes the lead and verifies what is durable; gives whether it may sign now.
    async fn take_lead(&mut self) -> bool {
        if matches!(*self.shared.trust(), Trust::Never(_)) {
            return false;
        }
        match self.reload().await {
            Ok(()) => {
                *self.shared.trust() = Trust::Yes;
                tracing::info!(
                    size = self.shared.head().checkpoint.size,
                    "this replica leads the log"
                );
                return true;
            }
            Err(StoreError::Led { .. }) => return false,
            Err(error @ StoreError::Behind { .. }) => {
                tracing::error!(error = chain(&error), "this replica cannot lead the log");
                *self.shared.trust() = Trust::Never(error.to_string());
            }
            Err(error) => {
                tracing::error!(error = chain(&error), "this replica cannot lead the log yet");
            }
        }
        self.shared.backend.release().await;
        pause(&self.shared, FOLLOW_PAUSE).await;
        false
    }

    /// Sequences what was handed in and not yet seen: who handed it in leads now.
    async fn sequence_waiting(&mut self, follower: Follower) {
        let mut waiting =
            follower.waiting.into_values().flatten().map(|(submission, _)| submission);
        loop {
            let batch: Vec<_> = waiting.by_ref().take(limits::BATCH_ENTRIES_MAX - 1).collect();
            if batch.is_empty() {
                return;
            }
            if let Some(batch) = self.refuse_unless_trusted(batch)
                && let Err(error) = self.sequence(batch).await
            {
                self.shared.distrust(Trust::Reload(chain(&error)));
            }
        }
    }
}

impl Follower {
    fn new(shared: Arc<Shared>) -> Self {
        let head = shared.head();
        let heads = VecDeque::from([(head.checkpoint.size, head.map)]);
        Self { shared, waiting: HashMap::new(), heads }
    }

    fn size(&self) -> u64 {
        self.shared.state().tail.size()
    }

    /// Takes in what is new; gives whether the lead is free.
    async fn take(&mut self, followed: Result<Followed, StoreError>) -> Result<bool, StoreError> {
        let followed = match followed {
            Err(StoreError::Moved { .. }) => return self.read_anew().await.map(|()| false),
            followed => followed?,
        };
        for commit in followed.commits {
            self.apply(commit).await?;
        }
        self.forget(followed.settled_size);
        if let Some(note) = followed.published {
            self.show(note)?;
        }
        Ok(followed.is_lead_free)
    }

    /// Verifies a commit of the leader, takes it in, and answers who waits for its entries.
    async fn apply(&mut self, commit: Commit) -> Result<(), StoreError> {
        let config = &self.shared.config;
        let checkpoint = rebuild::open(config, &self.shared.keys, &commit.head, "the head")?;
        let start = self.size();
        if commit.previous_size != start {
            return Err(config.damaged(format!("a commit follows {}", commit.previous_size)));
        }
        self.shared.extend(commit.entries, checkpoint, commit.head).await?;
        let (leaves, head) = {
            let state = self.shared.state();
            let indices = start..state.tail.size();
            let leaf = |index| state.tail.entry(index).map(|entry| (Hash::of_leaf(entry), index));
            (indices.filter_map(leaf).collect::<Vec<_>>(), state.head.clone())
        };
        self.shared.sizes.send_replace(head.checkpoint.size);
        self.heads.push_back((head.checkpoint.size, head.map));
        if self.heads.len() > FOLLOWED_HEADS_MAX {
            self.heads.pop_front();
        }
        for (leaf, index) in leaves {
            for (submission, _) in self.waiting.remove(&leaf).unwrap_or_default() {
                let _ = submission.answer.send(Ok(Receipt { index, leaf, is_duplicate: false }));
            }
        }
        Ok(())
    }

    /// Shows what the leader published, once it is here too.
    fn show(&mut self, note: String) -> Result<(), StoreError> {
        let config = &self.shared.config;
        let shown = self.shared.shown();
        if shown.as_ref().is_some_and(|shown| shown.published.note == note) {
            return Ok(());
        }
        let checkpoint =
            rebuild::open(config, &self.shared.keys, &note, "the published checkpoint")?;
        if let Some(cosigning) = &config.cosigning
            && let Err(error) = cosigning.policy.open(note.as_bytes(), &Crypto)
        {
            return Err(config.damaged(format!("the published checkpoint: {error}")));
        }
        self.heads.retain(|(size, _)| *size >= checkpoint.size);
        let Some((size, map)) = self.heads.front().cloned() else { return Ok(()) };
        let is_older = shown.is_some_and(|shown| shown.published.checkpoint.size > size);
        if size != checkpoint.size || is_older {
            return Ok(());
        }
        self.shared.show(checkpoint, note, map);
        Ok(())
    }

    /// Forgets what the leader has made immutable.
    fn forget(&self, settled_size: u64) {
        let mut state = self.shared.state_mut();
        if settled_size <= state.tail.start() {
            return;
        }
        let (size, mut tiles) = state.tail.settleable();
        tiles.retain(|tile| {
            let level = tile.level.unwrap_or_default();
            let width = WIDTH.saturating_pow(u32::from(level) + 1);
            (tile.index + 1).saturating_mul(width) <= settled_size
        });
        state.tail.forget(size.min(settled_size), &tiles);
    }

    /// Reads all of the log again: so much was added that the rest is only in tiles.
    async fn read_anew(&mut self) -> Result<(), StoreError> {
        let Some(replicated) = self.shared.backend.replicated() else { return Ok(()) };
        let head = self.shared.head().checkpoint;
        let loaded = replicated.read().await?;
        let held = Some((head.size, head.root));
        let config = &self.shared.config;
        let rebuilt = rebuild::rebuild(&*self.shared.backend, config, loaded, held).await?;
        *self.shared.state_mut() = rebuilt.state;
        let head = self.shared.head();
        self.shared.sizes.send_replace(head.checkpoint.size);
        self.heads = VecDeque::from([(head.checkpoint.size, head.map)]);
        if let Some((checkpoint, note, map)) = rebuilt.published {
            self.shared.show(checkpoint, note, map);
        }
        for leaf in self.waiting.keys().copied().collect::<Vec<_>>() {
            if let Some(index) = self.shared.find(leaf).await? {
                for (submission, _) in self.waiting.remove(&leaf).unwrap_or_default() {
                    let _ =
                        submission.answer.send(Ok(Receipt { index, leaf, is_duplicate: false }));
                }
            }
        }
        Ok(())
    }

    /// Hands submissions to the leader.
    async fn hand_in(&mut self, batch: Vec<Submission>) {
        let Ok((known, fresh)) = self.split(batch).await else { return };
        let Some(replicated) = self.shared.backend.replicated() else { return };
        let brought: Vec<_> = known.iter().map(|(it, _)| it).chain(&fresh).map(handed_in).collect();
        if !brought.is_empty()
            && let Err(error) = replicated.hand_in(&brought).await
        {
            let why = chain(&error);
            for submission in known.into_iter().map(|(it, _)| it).chain(fresh) {
                submission.refuse(SubmitError::Unknown { why: why.clone() });
            }
            return;
        }
        for (submission, index) in known {
            let receipt = Receipt { index, leaf: submission.leaf, is_duplicate: true };
            let _ = submission.answer.send(Ok(receipt));
        }
        for mut submission in fresh {
            submission.objects = Vec::new();
            self.waiting.entry(submission.leaf).or_default().push((submission, Instant::now()));
        }
    }

    /// Answers what is in the log with all its objects. What is left is known, with objects that are
    /// not, or fresh.
    async fn split(
        &self,
        batch: Vec<Submission>,
    ) -> Result<(Vec<(Submission, u64)>, Vec<Submission>), ()> {
        let (mut known, mut fresh) = (Vec::new(), Vec::new());
        let mut batch = batch.into_iter();
        while let Some(submission) = batch.next() {
            match self.look_up(&submission).await {
                Ok(None) => fresh.push(submission),
                Ok(Some((index, false))) => known.push((submission, index)),
                Ok(Some((index, true))) => {
                    let receipt = Receipt { index, leaf: submission.leaf, is_duplicate: true };
                    let _ = submission.answer.send(Ok(receipt));
                }
                Err(error) => {
                    let why = chain(&error);
                    let known = known.into_iter().map(|(it, _)| it);
                    for it in known.chain(fresh).chain([submission]).chain(batch) {
                        it.refuse(SubmitError::Unknown { why: why.clone() });
                    }
                    return Err(());
                }
            }
        }
        Ok((known, fresh))
    }

    /// The index of an entry that is in the log, and whether its objects are stored too.
    async fn look_up(&self, submission: &Submission) -> Result<Option<(u64, bool)>, StoreError> {
        let Some(index) = self.shared.find(submission.leaf).await? else { return Ok(None) };
        for object in &submission.objects {
            if self.shared.backend.object(&object.digest()).await?.is_none() {
                return Ok(Some((index, false)));
            }
        }
        Ok(Some((index, true)))
    }

    /// Gives up on what was handed in too long ago: it may yet be sequenced.
    fn expire(&mut self) {
        let why = "nobody has sequenced it yet";
        for waiting in self.waiting.values_mut() {
            for (submission, _) in
                waiting.extract_if(.., |(_, since)| since.elapsed() > HANDED_IN_TIME_MAX)
            {
                submission.refuse(SubmitError::Unknown { why: why.to_owned() });
            }
        }
        self.waiting.retain(|_, waiting| !waiting.is_empty());
    }

    /// The log is closed: what was handed in is sequenced by whoever leads.
    fn end(self) {
        for (submission, _) in self.waiting.into_values().flatten() {
            let why = "the log was closed before it was sequenced".to_owned();
            submission.refuse(SubmitError::Unknown { why });
        }
    }
}

impl Shared {
    /// Takes in entries that are durable, with the head that covers them, after verifying that it
    /// does and that each leaf about the map states its root.
    pub(super) async fn extend(
        &self,
        entries: Vec<bytes::Bytes>,
        checkpoint: Checkpoint,
        note: String,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::after(&self.state());
        for (entry, leaf, keys) in rebuild::parse(&self.config, entries).await? {
            let stated = self.config.names_of.and_then(|_| MapLeaf::parse(&entry));
            if let Some(stated) = stated
                && (stated.covers != batch.size() || stated.root != batch.map.root())
            {
                let what = format!("leaf {} states another root of the map", batch.size());
                return Err(self.config.damaged(what));
            }
            batch.push(entry, leaf, &keys);
        }
        batch.map.root();
        if (batch.size(), batch.root()) != (checkpoint.size, checkpoint.root) {
            return Err(self.config.damaged("the head is not that of the entries".into()));
        }
        let time_s = rebuild::time_s(&self.keys, &checkpoint, &note).unwrap_or_default();
        let mut state = self.state_mut();
        let time_s = time_s.max(state.head.time_s);
        state.apply(batch, checkpoint, note, time_s);
        Ok(())
    }
}

/// For the leader: sequences what followers hand in, as if it had been submitted here.
async fn take_in(shared: Arc<Shared>) {
    let backend = Arc::clone(&shared.backend);
    let Some(replicated) = backend.replicated() else { return };
    loop {
        let handed_in = match replicated.handed_in().await {
            Ok(handed_in) => handed_in,
            Err(error) => {
                tracing::warn!(error = chain(&error), "what replicas handed in cannot be read");
                if pause(&shared, FOLLOW_PAUSE).await {
                    return;
                }
                continue;
            }
        };
        let submit =
            |it: HandedIn| async { (shared.submit(it.entry.clone(), Vec::new()).await, it) };
        let (mut done, mut is_delayed) = (Vec::new(), false);
        for (answer, it) in join_all(handed_in.into_iter().map(submit)).await {
            match answer {
                Ok(_) => done.push(it),
                Err(SubmitError::Closed) => return,
                Err(error @ (SubmitError::TooLong { .. } | SubmitError::Reserved)) => {
                    tracing::warn!(%error, "a replica handed in what no log takes");
                    done.push(it);
                }
                Err(_) => is_delayed = true,
            }
        }
        if !done.is_empty()
            && let Err(error) = replicated.forget(&done).await
        {
            tracing::warn!(error = chain(&error), "what is in the log waits to be forgotten");
        }
        if is_delayed && pause(&shared, FOLLOW_PAUSE).await {
            return;
        }
    }
}

fn handed_in(submission: &Submission) -> backend::Submission {
    backend::Submission { entry: submission.entry.clone(), objects: submission.objects.clone() }
}

/// What a log begins from: with the lead, unless several replicas share it and another leads.
pub(super) async fn load(backend: &dyn Backend) -> Result<(Loaded, Trust), StoreError> {
    let Some(replicated) = backend.replicated() else {
        return Ok((backend.load().await?, Trust::Yes));
    };
    let loaded = replicated.read().await?;
    let size = loaded.settled_size + loaded.entries.len() as u64;
    if !replicated.follow(size).await?.is_lead_free {
        return Ok((loaded, Trust::Follows));
    }
    match backend.load().await {
        Err(StoreError::Led { .. }) => Ok((loaded, Trust::Follows)),
        taken => Ok((taken?, Trust::Yes)),
    }
}
