//! What the fold needs of a record: made in parallel.

use surface::Digest;
use tlog::Hash;

use super::read::Entry;
use crate::record::atom::{Commitment, Id, Shown, Token};
use crate::record::event::{ClockEvent, Config, Gap, Prune};
use crate::record::{Kind, Record};

/// One leaf.
pub(super) struct Row {
    pub(super) index: u64,
    pub(super) leaf: Hash,
    /// What the tile says, where the record is in a full one.
    pub(super) tile: Option<Hash>,
    /// SHA-256 of the bytes; `None` where the body was pruned.
    pub(super) digest: Option<Digest>,
    /// What is known of it; a code where it is no record.
    pub(super) facts: Result<Facts, &'static str>,
}

/// The members of a record that the rules look at.
pub(super) struct Facts {
    pub(super) kind: Kind,
    pub(super) id: Id,
    pub(super) call_id: Option<Id>,
    pub(super) seq: u64,
    pub(super) is_of_log: bool,
    pub(super) prev: Digest,
    pub(super) wall_ms: u64,
    pub(super) mono_ms: u64,
    pub(super) config: Option<Config>,
    pub(super) gap: Option<Gap>,
    pub(super) prune: Option<Prune>,
    pub(super) is_step: bool,
    pub(super) args_root: Option<Commitment>,
    pub(super) approver: Option<Token>,
    pub(super) approval: Option<(Token, Commitment)>,
    /// Definitions and policies that it names, where there are objects.
    pub(super) objects: Vec<Digest>,
}

/// The rows of a round, in order.
pub(super) fn rows(entries: &[Entry], origin: &str, has_objects: bool) -> Vec<Row> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let chunk = entries.len().div_ceil(threads).max(1);
    let make = |entries: &[Entry]| -> Vec<Row> {
        entries.iter().map(|entry| row(entry, origin, has_objects)).collect()
    };
    std::thread::scope(|scope| {
        let make = &make;
        let started: Vec<_> =
            entries.chunks(chunk).map(|part| scope.spawn(move || make(part))).collect();
        started.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    })
}

fn row(entry: &Entry, origin: &str, has_objects: bool) -> Row {
    let Some(bytes) = &entry.bytes else {
        let (index, leaf) = (entry.index, entry.tile.unwrap_or_default());
        return Row { index, leaf, tile: entry.tile, digest: None, facts: Err("") };
    };
    let facts = Record::read(bytes).map_err(|error| error.code());
    Row {
        index: entry.index,
        leaf: Hash::of_leaf(bytes),
        tile: entry.tile,
        digest: Some(Digest::of_bytes(bytes)),
        facts: facts.map(|record| facts_of(record, origin, has_objects)),
    }
}

fn facts_of(record: Record, origin: &str, has_objects: bool) -> Facts {
    let mut objects = Vec::new();
    if has_objects {
        objects.extend(record.decision.as_ref().map(|decision| decision.policy.digest));
        if let Some(Shown::Public(digest)) = record.op.as_ref().and_then(|op| op.tool_def_digest) {
            objects.push(digest);
        }
    }
    let approval = record.approval.as_ref();
    Facts {
        kind: record.kind,
        id: record.id,
        call_id: record.call_id,
        seq: record.seq.number(),
        is_of_log: record.log_id.as_str() == origin,
        prev: record.prev,
        wall_ms: record.t.wall.ms(),
        mono_ms: record.t.mono.0 / 1_000_000,
        is_step: record.clock.as_ref().is_some_and(|clock| clock.event == ClockEvent::Step),
        args_root: record.args.as_ref().map(|args| args.root),
        approver: record.decision.as_ref().and_then(|decision| decision.approver),
        approval: approval.and_then(|approval| Some((approval.by, approval.args_root?))),
        config: record.config,
        gap: record.gap,
        prune: record.prune,
        objects,
    }
}
