//! What may be used once: proofs, assertions, events.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::limits;

/// Remembers what was used once: proofs, assertions, events. Shared by all instances of a domain.
#[async_trait]
pub trait Replay: Send + Sync + fmt::Debug {
    /// Records `key`, unless it is there already. Atomic: of two at once, one is refused. A store
    /// that fails refuses.
    ///
    /// # Errors
    /// A key that was used, or a store that cannot say.
    async fn once(&self, key: &str, until_s: u64) -> Result<(), ReplayError>;
}

/// Why something does not count as used for the first time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It was used.
    #[error("it was used before")]
    Used,
    /// Nobody can say.
    #[error("recording its use")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The memory of one instance: for a guard alone, and for tests. Bounded; a full one refuses.
pub struct Memory {
    now_s: fn() -> u64,
    used_max: usize,
    fails: AtomicBool,
    used: Mutex<Used>,
}

/// INVARIANT: each pair of `by_time` is one of `until_s`, turned round.
#[derive(Default)]
struct Used {
    until_s: HashMap<String, u64>,
    by_time: BTreeSet<(u64, String)>,
}

impl Memory {
    /// By a clock, in seconds since 1970.
    pub fn new(now_s: fn() -> u64) -> Self {
        Self::bounded(now_s, limits::REPLAY_MEMORY_MAX)
    }

    /// The same of `used_max` uses.
    pub fn bounded(now_s: fn() -> u64, used_max: usize) -> Self {
        Self { now_s, used_max, fails: AtomicBool::new(false), used: Mutex::default() }
    }

    /// Fails from now on, as a store does that is out of reach, or no longer.
    pub fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }
}

#[async_trait]
impl Replay for Memory {
    async fn once(&self, key: &str, until_s: u64) -> Result<(), ReplayError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(ReplayError::Store("it fails on demand".into()));
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.forget((self.now_s)());
        if used.until_s.contains_key(key) {
            return Err(ReplayError::Used);
        }
        // What makes room by forgetting a use lets it be used again: whoever floods would be let in.
        if used.until_s.len() >= self.used_max {
            return Err(ReplayError::Store("the memory is full".into()));
        }
        used.until_s.insert(key.to_owned(), until_s);
        used.by_time.insert((until_s, key.to_owned()));
        Ok(())
    }
}

impl Used {
    /// Forgets what is over.
    fn forget(&mut self, now_s: u64) {
        while let Some((until_s, key)) = self.by_time.pop_first() {
            if until_s >= now_s {
                self.by_time.insert((until_s, key));
                break;
            }
            self.until_s.remove(&key);
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("used_max", &self.used_max).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    static NOW_S: AtomicU64 = AtomicU64::new(1_000);

    fn now_s() -> u64 {
        NOW_S.load(Ordering::SeqCst)
    }

    // One test: the clock is shared.
    #[tokio::test]
    async fn a_use_is_remembered_until_its_time_is_over_and_a_full_memory_refuses() {
        let memory = Memory::bounded(now_s, 2);
        assert!(memory.once("a", 1_010).await.is_ok());
        assert!(matches!(memory.once("a", 1_010).await, Err(ReplayError::Used)));
        assert!(memory.once("b", 1_020).await.is_ok());
        assert!(matches!(memory.once("c", 1_020).await, Err(ReplayError::Store(_))), "full");
        NOW_S.store(1_010, Ordering::SeqCst);
        assert!(matches!(memory.once("a", 1_030).await, Err(ReplayError::Used)), "at the limit");
        NOW_S.store(1_011, Ordering::SeqCst);
        assert!(memory.once("a", 1_030).await.is_ok(), "one past it");
        assert!(matches!(memory.once("b", 1_030).await, Err(ReplayError::Used)));
        NOW_S.store(2_000, Ordering::SeqCst);
        memory.fail(true);
        assert!(matches!(memory.once("d", 2_030).await, Err(ReplayError::Store(_))));
        memory.fail(false);
        assert!(memory.once("d", 2_030).await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_many_uses_at_once_one_counts() {
        let memory = std::sync::Arc::new(Memory::new(|| 0));
        let tasks = (0..64).map(|_| {
            let memory = memory.clone();
            tokio::spawn(async move { memory.once("a", 10).await.is_ok() })
        });
        let mut counted = 0;
        for task in tasks.collect::<Vec<_>>() {
            counted += usize::from(task.await.is_ok_and(|is_first| is_first));
        }
        assert_eq!(counted, 1);
        assert!(format!("{memory:?}").contains("65536"));
    }
}
