//! The one task that moves heads: many requests, one fsync.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::state::{Conflict, Head, State, StateError};
use crate::limits;

/// What handlers decide by: the heads that are durable.
pub(super) type Heads = Arc<RwLock<HashMap<String, Head>>>;

/// What has to become durable before somebody is answered.
pub(super) enum Job {
    /// A head moves, unless it is not what it was believed to be.
    Move { origin: String, from: Option<Head>, to: Head, moved: oneshot::Sender<bool> },
    /// A conflict is kept.
    Keep { conflict: Box<Conflict>, kept: oneshot::Sender<()> },
}

/// Commits until no handler is left, or storage fails: then everybody who waits hears nothing, and
/// nothing is cosigned until the state was opened anew.
pub(super) async fn run(
    mut state: State,
    heads: Heads,
    mut jobs: mpsc::Receiver<Job>,
    ended: watch::Sender<Option<Arc<StateError>>>,
) {
    let mut batch = Vec::new();
    let mut marked = Instant::now();
    while jobs.recv_many(&mut batch, limits::WITNESS_BATCH_MAX).await > 0 {
        if let Err(error) = commit(&mut state, &heads, &mut batch, &mut marked).await {
            crate::service::tell(&error, "the witness stops: its state cannot be recorded");
            ended.send_replace(Some(Arc::new(error)));
            return;
        }
    }
    let last = heads.read().unwrap_or_else(PoisonError::into_inner).clone();
    let result = state.mark(&last);
    state.close().await;
    ended.send_replace(Some(Arc::new(result.err().unwrap_or(StateError::Stopped))));
}

async fn commit(
    state: &mut State,
    heads: &Heads,
    batch: &mut Vec<Job>,
    marked: &mut Instant,
) -> Result<(), StateError> {
    let moves: Vec<_> = batch.iter().filter_map(Job::as_move).collect();
    let conflicts: Vec<_> = batch.iter().filter_map(Job::as_conflict).collect();
    let is_new = moves.iter().any(|(origin, ..)| !state.is_marked(origin));
    let mut moved = state.commit(&moves, &conflicts).await?.into_iter();
    let mut answers = Vec::with_capacity(batch.len());
    {
        let mut heads = heads.write().unwrap_or_else(PoisonError::into_inner);
        for job in batch.drain(..) {
            match job {
                Job::Move { origin, to, moved: answer, .. } => {
                    let is_moved = moved.next().unwrap_or_default();
                    if is_moved {
                        heads.insert(origin, to);
                    }
                    answers.push((answer, is_moved));
                }
                Job::Keep { kept, .. } => {
                    let _ = kept.send(());
                }
            }
        }
    }
    // INVARIANT: a log that was ever cosigned is known outside the database before it hears of it.
    if is_new || marked.elapsed() > limits::MARKS_INTERVAL {
        let now = heads.read().unwrap_or_else(PoisonError::into_inner).clone();
        state.mark(&now)?;
        *marked = Instant::now();
    }
    for (answer, is_moved) in answers {
        // Whoever asked may have gone: what is held is held.
        let _ = answer.send(is_moved);
    }
    Ok(())
}

impl Job {
    fn as_move(&self) -> Option<(&str, Option<&Head>, &Head)> {
        match self {
            Self::Move { origin, from, to, .. } => Some((origin, from.as_ref(), to)),
            Self::Keep { .. } => None,
        }
    }

    fn as_conflict(&self) -> Option<&Conflict> {
        match self {
            Self::Move { .. } => None,
            Self::Keep { conflict, .. } => Some(conflict),
        }
    }
}
