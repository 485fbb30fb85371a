//! Calls with a decision and no outcome: each decision gets exactly one.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::record::atom::Id;
use crate::record::{Kind, Record};
use crate::trail::AppendError;

/// The calls that are open, oldest first.
#[derive(Default)]
pub(super) struct Calls {
    open: HashMap<Id, Instant>,
    order: VecDeque<(Instant, Id)>,
}

impl Calls {
    /// Calls that a start found open.
    pub(super) fn since_now(ids: impl Iterator<Item = Id>) -> Self {
        let mut calls = Self::default();
        calls.hold(ids);
        calls
    }

    /// Holds calls that the durable state has open, known or not.
    pub(super) fn hold(&mut self, ids: impl Iterator<Item = Id>) {
        let now = Instant::now();
        for id in ids {
            if let Entry::Vacant(place) = self.open.entry(id) {
                place.insert(now);
                self.order.push_back((now, id));
            }
        }
    }

    /// Whether a record may follow: an outcome needs an open call, a decision a new one.
    pub(super) fn allows(&self, record: &Record) -> Result<(), AppendError> {
        let is_open = record.call_id.is_some_and(|id| self.open.contains_key(&id));
        match record.kind {
            Kind::Outcome if !is_open => Err(AppendError::NotOpen),
            Kind::Decision if is_open => Err(AppendError::Decided),
            _ => Ok(()),
        }
    }

    pub(super) fn take(&mut self, record: &Record) {
        let Some(id) = record.call_id else { return };
        match record.kind {
            Kind::Decision => self.hold(std::iter::once(id)),
            Kind::Outcome => {
                self.open.remove(&id);
            }
            _ => {}
        }
    }

    /// What records that did not become durable opened is not open, and what they ended is.
    pub(super) fn undo(&mut self, placed: &[(Kind, Option<Id>)]) {
        for (kind, id) in placed.iter().rev() {
            match (kind, id) {
                (Kind::Decision, Some(id)) => {
                    self.open.remove(id);
                }
                (Kind::Outcome, Some(id)) => self.hold(std::iter::once(*id)),
                _ => {}
            }
        }
    }

    /// Calls that ended after all.
    pub(super) fn end(&mut self, ended: &HashSet<Id>) {
        self.open.retain(|id, _| !ended.contains(id));
    }

    pub(super) fn all(&self) -> Vec<Id> {
        let mut ids: Vec<_> = self.open.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// How long until the oldest call is overdue.
    pub(super) fn next_due(&self, most: Duration) -> Duration {
        let oldest = self.order.front().map(|(since, _)| most.saturating_sub(since.elapsed()));
        oldest.unwrap_or(most)
    }

    /// The calls that are open for longer than `most`.
    pub(super) fn overdue(&mut self, most: Duration) -> Vec<Id> {
        let mut ids = Vec::new();
        while let Some((since, id)) = self.order.front().copied() {
            let is_open = self.open.get(&id) == Some(&since);
            if is_open && since.elapsed() < most {
                break;
            }
            if is_open {
                ids.push(id);
            }
            self.order.pop_front();
        }
        ids
    }
}
