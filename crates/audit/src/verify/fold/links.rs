//! What ties records to one another: order, chain, calls, approvals, clocks, configuration.

use std::collections::{BTreeSet, HashMap, VecDeque};

use surface::Digest;

use crate::limits;
use crate::record::atom::{Commitment, Id, Token};
use crate::record::event::{Config, ConfigEvent};
use crate::record::{Kind, NO_RECORD};
use crate::verify::row::Facts;
use crate::verify::{Findings, record};

#[derive(Default)]
pub(super) struct Links {
    /// SHA-256 of the record before; `None` after one without a body.
    prev: Option<Digest>,
    /// The record before.
    last: Option<(u64, Last)>,
    config: Option<Config>,
    /// A start that did not follow a clean end, and has to be explained by the next record.
    unexplained: Option<u64>,
    /// Calls with a decision and no outcome, by the decision's index.
    open: HashMap<Id, u64>,
    approvals: BTreeSet<(Token, Commitment)>,
    ids: HashMap<Id, u64>,
    order: VecDeque<Id>,
}

struct Last {
    wall_ms: u64,
    mono_ms: u64,
    offset_ms: i64,
    is_close: bool,
}

impl Links {
    pub(super) fn take(
        &mut self,
        index: u64,
        digest: Option<Digest>,
        facts: Option<Facts>,
        findings: &mut Findings,
    ) {
        let prev = std::mem::replace(&mut self.prev, digest);
        let Some(facts) = facts else {
            self.last = None;
            return;
        };
        let expected = if index == 0 { Some(NO_RECORD) } else { prev };
        if expected.is_some_and(|expected| expected != facts.prev) {
            findings.changed("audit.changed.link", record(index));
        }
        if facts.seq != index {
            findings.changed("audit.changed.seq", record(index));
            if facts.seq > index {
                findings.missing("audit.missing.seq", record(index));
            }
        }
        if !facts.is_of_log {
            findings.changed("audit.changed.log-id", record(index));
        }
        self.identity(index, &facts, findings);
        self.calls(index, &facts, findings);
        self.clocks(index, &facts, findings);
        self.configured(index, &facts, findings);
    }

    /// No id twice within a window of records.
    fn identity(&mut self, index: u64, facts: &Facts, findings: &mut Findings) {
        if let Some(first) = self.ids.insert(facts.id, index) {
            let place = format!("{} and {}", record(first), record(index));
            findings.changed("audit.changed.duplicate", place);
        }
        self.order.push_back(facts.id);
        if self.order.len() > limits::IDS_WINDOW
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    fn calls(&mut self, index: u64, facts: &Facts, findings: &mut Findings) {
        self.approvals.extend(facts.approval);
        if let Some(approver) = facts.approver {
            let bound = facts.args_root.map(|root| (approver, root));
            if bound.is_none_or(|bound| !self.approvals.contains(&bound)) {
                findings.changed("audit.changed.approval", record(index));
            }
        }
        let Some(call_id) = facts.call_id else { return };
        match facts.kind {
            Kind::Decision => {
                if let Some(first) = self.open.insert(call_id, index) {
                    let place = format!("{} and {}", record(first), record(index));
                    findings.changed("audit.changed.duplicate", place);
                }
            }
            Kind::Outcome if self.open.remove(&call_id).is_none() => {
                findings.missing("audit.missing.decision", record(index));
            }
            _ => {}
        }
    }

    /// Within one run the two clocks move together, and nobody is silent.
    fn clocks(&mut self, index: u64, facts: &Facts, findings: &mut Findings) {
        let offset_ms = i64::try_from(facts.wall_ms).unwrap_or_default()
            - i64::try_from(facts.mono_ms).unwrap_or_default();
        let event = facts.config.as_ref().map(|config| config.event);
        let before = self.last.take().map(|(_, last)| last);
        let mut since_ms = (facts.wall_ms, facts.mono_ms);
        if let Some(last) = before.filter(|_| event != Some(ConfigEvent::Open)) {
            let moved = offset_ms.abs_diff(last.offset_ms);
            if moved > limits::CLOCK_STEP_MS && !facts.is_step {
                findings.changed("audit.changed.clock", record(index));
            }
            let silence_ms = facts.mono_ms.saturating_sub(last.mono_ms);
            let is_late = silence_ms > self.silence_max_ms() || facts.mono_ms < last.mono_ms;
            if is_late && facts.is_step {
                // The record after the step says whether it is explained.
                since_ms.1 = last.mono_ms;
            } else if is_late && facts.gap.is_none() {
                findings.missing("audit.missing.silence", record(index));
            }
        }
        let is_close = event == Some(ConfigEvent::Close);
        let (wall_ms, mono_ms) = since_ms;
        self.last = Some((index, Last { wall_ms, mono_ms, offset_ms, is_close }));
    }

    fn configured(&mut self, index: u64, facts: &Facts, findings: &mut Findings) {
        if let Some(start) = self.unexplained.take()
            && facts.gap.is_none()
        {
            findings.missing("audit.missing.restart", record(start));
        }
        let Some(config) = &facts.config else { return };
        let before = self.config.replace(config.clone());
        let Some(before) = before else { return };
        if config.old != Some(before.new) {
            findings.changed("audit.changed.config", record(index));
        }
        if config.event == ConfigEvent::Open && before.event != ConfigEvent::Close {
            self.unexplained = Some(index);
        }
        if config.event == ConfigEvent::Close {
            self.refuse_open(findings);
        }
    }

    fn refuse_open(&self, findings: &mut Findings) {
        if let Some(first) = self.open.values().min() {
            findings.missing("audit.missing.outcome", record(*first));
        }
    }

    /// How long the trail may be silent, by its own configuration.
    pub(super) fn silence_max_ms(&self) -> u64 {
        let heartbeat_s = self.config.as_ref().map_or(60, |config| config.heartbeat_s.number());
        heartbeat_s.saturating_mul(1_000).saturating_add(limits::HEARTBEAT_SLACK_MS)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.last.as_ref().is_some_and(|(_, last)| last.is_close)
    }

    /// The end: a closing record, or younger than the heartbeat.
    pub(super) fn finish(&self, now_ms: u64, findings: &mut Findings) {
        if let Some(start) = self.unexplained {
            findings.missing("audit.missing.restart", record(start));
        }
        let Some((index, last)) = &self.last else { return };
        if last.is_close {
            return;
        }
        if now_ms.saturating_sub(last.wall_ms) > self.silence_max_ms() {
            findings.missing("audit.missing.open-end", record(*index));
            self.refuse_open(findings);
        } else {
            findings.remark("audit.remark.live", record(*index));
        }
    }
}
