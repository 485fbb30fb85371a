//! Grants in memory: for tests, and failing on demand.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{EVENT, Ended, EndedGrant, Grant, GrantError, Grants, Use};
use crate::limits;
use crate::resource::Resource;
use crate::token::{Replay, ReplayError, Subject, TokenHash};

/// Grants in memory.
#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
    faults: Option<Faults>,
}

/// What can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// [`Grants::found`]
    Found,
    /// [`Grants::grant`]
    Grant,
    /// [`Grants::take`]
    Take,
    /// [`Replay::once`]
    Once,
    /// [`Grants::revoke`]
    Revoke,
    /// [`Grants::end_before`]
    End,
    /// [`Grants::epoch`]
    Epoch,
    /// [`Grants::ended`]
    Ended,
    /// [`Grants::sweep`]
    Sweep,
}

/// How it fails. Both are reported as failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happened.
    Lost,
    /// It happened all the same.
    Applied,
}

/// Asked before each step.
pub type Faults = Arc<dyn Fn(Step) -> Option<Fault> + Send + Sync>;

#[derive(Default)]
struct State {
    grants: HashMap<String, Entry>,
    /// The grant that each root token founded.
    roots: HashMap<TokenHash, String>,
    epochs: HashMap<Subject, u64>,
    /// What was used, and until when it is remembered.
    used: HashMap<String, u64>,
}

struct Entry {
    grant: Grant,
    exchanges: u64,
    /// By parent token.
    targets: HashMap<TokenHash, BTreeSet<Resource>>,
}

impl Memory {
    /// No grants.
    pub fn new() -> Self {
        Self::default()
    }

    /// No grants, and failures when they are asked for.
    pub fn with_faults(faults: Faults) -> Self {
        Self { faults: Some(faults), ..Self::default() }
    }

    fn step<T>(
        &self,
        step: Step,
        work: impl FnOnce(&mut State) -> Result<T, GrantError>,
    ) -> Result<T, GrantError> {
        let fault = self.faults.as_ref().and_then(|faults| faults(step));
        if fault == Some(Fault::Lost) {
            return Err(GrantError::store(Demanded));
        }
        let done = work(&mut self.lock());
        if fault == Some(Fault::Applied) { Err(GrantError::store(Demanded)) } else { done }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn grant(&self, txn: &str) -> Option<Grant> {
        let mut grant = self.grants.get(txn)?.grant.clone();
        if let Some(epoch) = self.epochs.get(&grant.subject)
            && grant.revoked.is_none()
            && *epoch >= grant.root_issued_s
        {
            grant.revoked = Some((*epoch, EVENT.to_owned()));
        }
        Some(grant)
    }

    fn take(&mut self, used: &Use, now_s: u64) -> Result<(), GrantError> {
        let grant = self.grant(&used.txn).ok_or(GrantError::Dead("there is none"))?;
        grant.live(now_s)?;
        let entry = self.grants.get_mut(&used.txn).ok_or(GrantError::Dead("there is none"))?;
        if entry.exchanges >= used.bounds.exchanges_max {
            return Err(GrantError::exchanges(grant.expires_s, now_s));
        }
        if let Some(again) = used.once.iter().find(|once| self.used.contains_key(&once.name)) {
            return Err(GrantError::Used(again.of));
        }
        let targets = entry.targets.entry(used.parent.clone()).or_default();
        let is_new = !targets.contains(&used.target);
        if is_new && u64::try_from(targets.len()).is_ok_and(|n| n >= used.bounds.targets_max) {
            return Err(GrantError::targets());
        }
        targets.insert(used.target.clone());
        entry.exchanges += 1;
        self.used.extend(used.once.iter().map(|once| (once.name.clone(), once.until_s)));
        Ok(())
    }

    fn sweep(&mut self, now_s: u64) {
        let is_kept = |grant: &Grant| grant.expires_s + limits::GRANT_MEMORY_S > now_s;
        self.grants.retain(|_, entry| is_kept(&entry.grant));
        let grants = &self.grants;
        self.roots.retain(|_, txn| grants.contains_key(txn));
        self.used.retain(|_, until_s| *until_s > now_s);
    }
}

#[async_trait]
impl Grants for Memory {
    async fn found(&self, grant: Grant) -> Result<Grant, GrantError> {
        self.step(Step::Found, |state| {
            let State { roots, grants, .. } = state;
            let txn = roots.entry(grant.root.clone()).or_insert_with(|| {
                let txn = grant.txn.clone();
                let entry = Entry { grant, exchanges: 0, targets: HashMap::new() };
                grants.insert(txn.clone(), entry);
                txn
            });
            let txn = txn.clone();
            state.grant(&txn).ok_or(GrantError::Dead("there is none"))
        })
    }

    async fn grant(&self, txn: &str) -> Result<Option<Grant>, GrantError> {
        self.step(Step::Grant, |state| Ok(state.grant(txn)))
    }

    async fn take(&self, used: &Use, now_s: u64) -> Result<(), GrantError> {
        self.step(Step::Take, |state| state.take(used, now_s))
    }

    async fn revoke(&self, txn: &str, reason: &str, now_s: u64) -> Result<(), GrantError> {
        self.step(Step::Revoke, |state| {
            if let Some(entry) = state.grants.get_mut(txn) {
                entry.grant.revoked.get_or_insert_with(|| (now_s, reason.to_owned()));
            }
            Ok(())
        })
    }

    async fn end_before(&self, subject: &Subject, event_s: u64) -> Result<(), GrantError> {
        self.step(Step::End, |state| {
            let epoch = state.epochs.entry(subject.clone()).or_insert(event_s);
            *epoch = event_s.max(*epoch);
            Ok(())
        })
    }

    async fn epoch(&self, subject: &Subject) -> Result<u64, GrantError> {
        self.step(Step::Epoch, |state| Ok(state.epochs.get(subject).copied().unwrap_or_default()))
    }

    async fn ended(&self, _since_s: u64, count_max: usize) -> Result<Ended, GrantError> {
        self.step(Step::Ended, |state| {
            let ended = |txn: &String| {
                let Grant { txn, root, expires_s, revoked, .. } = state.grant(txn)?;
                let (told_s, _) = revoked?;
                Some((EndedGrant { txn, root, expires_s }, told_s))
            };
            let grants = state.grants.keys().filter_map(ended).take(count_max).collect();
            let epoch =
                |(subject, epoch_s): (&Subject, &u64)| (subject.clone(), *epoch_s, *epoch_s);
            Ok(Ended { grants, epochs: state.epochs.iter().map(epoch).take(count_max).collect() })
        })
    }

    async fn sweep(&self, now_s: u64) -> Result<(), GrantError> {
        self.step(Step::Sweep, |state| {
            state.sweep(now_s);
            Ok(())
        })
    }
}

#[async_trait]
impl Replay for Memory {
    async fn once(&self, key: &str, until_s: u64) -> Result<(), ReplayError> {
        let done = self.step(Step::Once, |state| {
            let is_used = state.used.contains_key(key);
            state.used.entry(key.to_owned()).or_insert(until_s);
            Ok(is_used)
        });
        match done {
            Ok(false) => Ok(()),
            Ok(true) => Err(ReplayError::Used),
            Err(error) => Err(ReplayError::Store(Box::new(error))),
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

/// A failure that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("a failure on demand")]
struct Demanded;
