//! Shows readers a checkpoint once the witness policy is met, in a task of its own: appends never
//! wait for it.
//!
//! One head at a time: each witness that is free is asked about it, at once. When the policy is met
//! the checkpoint is recorded, then shown. A witness that is late keeps its place and is asked about
//! a newer head when it comes back.

use std::sync::Arc;

use seal::Crypto;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::sequencer::{chain, pause};
use super::shared::{Shared, Trust};
use super::state::Head;
use super::witnesses::{Answer, cosign, name};
use super::{Cosigner, Cosigning};
use crate::backend::StoreError;
use crate::limits;

pub(super) struct Publisher {
    shared: Arc<Shared>,
    witnesses: Vec<Witness>,
    /// Requests on their way: the witness, the size that it was asked about, its answer.
    asked: JoinSet<(usize, u64, Answer)>,
    published: Instant,
}

struct Witness {
    cosigner: Arc<dyn Cosigner>,
    /// The size that it holds, as far as is known.
    size: Option<u64>,
    is_busy: bool,
    /// When it may be asked again.
    next: Instant,
    failures: u32,
}

impl Publisher {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let cosigners = shared.config.cosigning.iter().flat_map(|cosigning| &cosigning.witnesses);
        let now = Instant::now();
        let witness = |cosigner: &Arc<dyn Cosigner>| Witness {
            cosigner: Arc::clone(cosigner),
            size: None,
            is_busy: false,
            next: now,
            failures: 0,
        };
        let witnesses = cosigners.map(witness).collect();
        Self { shared, witnesses, asked: JoinSet::new(), published: now }
    }

    /// Publishes until the log is closed.
    pub(super) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut closing = shared.closing.subscribe();
        let mut sizes = shared.sizes.subscribe();
        loop {
            let closed = async {
                let _ = closing.wait_for(|closed| *closed).await;
            };
            tokio::select! {
                () = closed => return,
                () = self.publish_next(&mut sizes) => {}
            }
        }
    }

    /// Waits until there is something to publish, and publishes it if the witnesses agree.
    async fn publish_next(&mut self, sizes: &mut tokio::sync::watch::Receiver<u64>) {
        sleep_until(self.published + limits::PUBLICATION_PAUSE).await;
        let size = *sizes.borrow_and_update();
        let shown = self.shared.shown().map(|shown| shown.published.checkpoint.size);
        if shown == Some(size) {
            // The witnesses' time is what a reader calls fresh: it has to go on in a quiet log.
            let refresh = self.published + limits::REFRESH_TIME;
            let is_cosigned = !self.witnesses.is_empty();
            tokio::select! {
                changed = sizes.changed() => {
                    if changed.is_err() {
                        std::future::pending::<()>().await;
                    }
                    return;
                }
                () = sleep_until(refresh), if is_cosigned => {}
            }
        }
        if *self.shared.trust() != Trust::Yes {
            pause(&self.shared, limits::RECOVERY_PAUSE_MIN).await;
            return;
        }
        let head = self.shared.head();
        let Some(note) = self.cosigned(&head).await else { return };
        self.published = Instant::now();
        if let Err(error) = self.publish(head, note).await {
            let why = chain(&error);
            tracing::error!(why, "a checkpoint could not be published");
            self.shared.distrust(Trust::Reload(why));
            pause(&self.shared, limits::RECOVERY_PAUSE_MIN).await;
        }
    }

    /// Records a checkpoint, then shows it.
    async fn publish(&self, head: Head, note: String) -> Result<(), StoreError> {
        self.shared.backend.publish(&note).await?;
        self.shared.show(head.checkpoint, note, head.map);
        Ok(())
    }

    /// The note of a head with the cosignatures that the policy asks for; `None` if they did not
    /// come in time, and a newer head may do better.
    async fn cosigned(&mut self, head: &Head) -> Option<String> {
        let shared = Arc::clone(&self.shared);
        let Some(Cosigning { policy, answer_time_max, .. }) = &shared.config.cosigning else {
            return Some(head.note.clone());
        };
        let end = Instant::now() + *answer_time_max;
        let mut note = head.note.clone();
        let mut signed = vec![false; self.witnesses.len()];
        loop {
            if policy.open(note.as_bytes(), &Crypto).is_ok() {
                return Some(note);
            }
            self.ask(head, &signed, *answer_time_max);
            // A witness that failed is asked again after a pause, even if all others are silent.
            let waiting = self.witnesses.iter().zip(&signed);
            let waiting = waiting.filter(|(witness, signed)| !witness.is_busy && !**signed);
            let again = waiting.map(|(witness, _)| witness.next).min().unwrap_or(end).min(end);
            tokio::select! {
                Some(answer) = self.asked.join_next() => {
                    if let Ok((index, size, answer)) = answer
                        && let Some(lines) = self.take(index, size, answer)
                        && size == head.checkpoint.size
                        && let Some(signed) = signed.get_mut(index)
                    {
                        *signed = true;
                        note.extend(lines);
                    }
                }
                () = sleep_until(again) => {
                    if Instant::now() >= end {
                        tracing::warn!(size = head.checkpoint.size, "the witness policy was not met in time");
                        return None;
                    }
                }
            }
        }
    }

    /// Asks each witness that is free and has not signed.
    fn ask(&mut self, head: &Head, signed: &[bool], time: std::time::Duration) {
        let now = Instant::now();
        for (index, (witness, signed)) in self.witnesses.iter_mut().zip(signed).enumerate() {
            if witness.is_busy || *signed || witness.next > now {
                continue;
            }
            witness.is_busy = true;
            let (shared, cosigner) = (Arc::clone(&self.shared), Arc::clone(&witness.cosigner));
            let (head, size, from) = (head.clone(), head.checkpoint.size, witness.size);
            self.asked.spawn(async move {
                (index, size, cosign(shared, cosigner, head, from, time).await)
            });
        }
    }

    /// Notes what a witness answered, and gives its lines.
    fn take(&mut self, index: usize, size: u64, answer: Answer) -> Option<Vec<String>> {
        let witness = self.witnesses.get_mut(index)?;
        witness.is_busy = false;
        match answer {
            Answer::Lines(lines) => {
                (witness.size, witness.failures) = (Some(size), 0);
                Some(lines)
            }
            Answer::Not(size) => {
                witness.size = size;
                witness.failures = witness.failures.saturating_add(1);
                let pause =
                    limits::WITNESS_PAUSE_MIN * 2_u32.saturating_pow(witness.failures.min(16));
                witness.next = Instant::now() + pause.min(limits::WITNESS_PAUSE_MAX);
                None
            }
            Answer::Ahead(what) => {
                let witness = name(&*witness.cosigner);
                tracing::error!(
                    witness,
                    what,
                    "a witness holds what this log does not: it is an old copy"
                );
                let error = StoreError::Behind { witness, what };
                // Where there are replicas, another may have gone on: reading anew tells.
                let trust = match self.shared.backend.replicated() {
                    Some(_) => Trust::Reload,
                    None => Trust::Never,
                };
                self.shared.distrust(trust(error.to_string()));
                None
            }
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.asked.abort_all();
    }
}

/// Publishes what is durable when a log opens, if no witness is needed for it.
pub(super) async fn publish_now(shared: &Shared) -> Result<(), StoreError> {
    if shared.config.cosigning.is_some() {
        return Ok(());
    }
    let head = shared.head();
    shared.backend.publish(&head.note).await?;
    shared.show(head.checkpoint, head.note, head.map);
    Ok(())
}
