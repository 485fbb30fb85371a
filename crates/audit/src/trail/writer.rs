//! The one thread that writes: group commits, the heartbeat, and what follows a failure.

mod calls;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::{Duration, Instant};

use store::fault::Step;
use surface::Digest;

use super::keeper::{Batch, Stale};
use super::layout::{Folder, body, framed};
use super::recover::{Found, recover};
use super::{AppendError, Config, Message, Receipt, Reply, TrailError, digest};
use crate::limits;
use crate::record::atom::{Count, Wall, Word};
use crate::record::event::{Clock, ClockEvent, Config as Stated, ConfigEvent, Gap, Mode};
use crate::record::{Kind, Record, part};
use crate::signer::{Signer, TailKey};
use calls::Calls;

pub(super) struct Writer {
    folder: Folder,
    config: Config,
    signer: Arc<dyn Signer>,
    batches: Sender<Batch>,
    stale: Arc<Stale>,
    state: State,
    calls: Calls,
    /// How the trail ended before this start; `None` for a new one, and once begun.
    before: Option<Found>,
    lost: Option<Lost>,
    unqueued: Arc<AtomicU64>,
    /// Since when the trail is silent.
    written: Instant,
    /// Wall clock less the other, in milliseconds, at the last record.
    offset_ms: Option<i64>,
    /// When the frame that is being written began: the time of each of its records.
    now: part::Time,
}

/// What the next frame follows from.
struct State {
    size: u64,
    prev: Digest,
    epoch: u64,
    number: u32,
    key: TailKey,
    segment: File,
    segment_first: u64,
}

/// What could not be recorded since storage failed.
struct Lost {
    from: Wall,
    cause: &'static str,
    count: u64,
    tried: Instant,
}

type Job = (Box<Record>, Option<Reply>);

impl Writer {
    pub(super) fn new(
        folder: Folder,
        config: Config,
        signer: Arc<dyn Signer>,
        found: Found,
        batches: Sender<Batch>,
        stale: Arc<Stale>,
    ) -> Result<Self, TrailError> {
        let state = State::new(&folder, signer.as_ref(), &found)?;
        let now = config.clock.time();
        let calls = Calls::since_now(found.open.keys().copied());
        Ok(Self {
            folder,
            config,
            signer,
            batches,
            stale,
            state,
            calls,
            before: Some(found),
            lost: None,
            unqueued: Arc::default(),
            written: Instant::now(),
            offset_ms: None,
            now,
        })
    }

    /// The same, with the count of what found no place in the queue.
    pub(super) fn counting(self, unqueued: Arc<AtomicU64>) -> Self {
        Self { unqueued, ..self }
    }

    /// The opening record; after an end that was none, a gap and an unknown outcome for each call
    /// that never ended.
    pub(super) fn begin(&mut self) -> Result<(), TrailError> {
        let Some(before) = self.before.take() else { return Ok(()) };
        let mut records = vec![self.stated(ConfigEvent::Open, before.stated)?];
        if let Some(last) = before.last.as_ref().filter(|_| !before.is_closed()) {
            let to = Wall::from_ms((self.config.clock.wall_ms)());
            records.push(self.gap(last.t.wall, to, "killed", 0)?);
        }
        for call_id in self.calls.all() {
            records.push(self.unknown(call_id)?);
        }
        for chunk in records.chunks(limits::BATCH_RECORDS_MAX) {
            let jobs = chunk.iter().map(|record| (Box::new(record.clone()), None)).collect();
            self.commit(jobs)?;
        }
        Ok(())
    }

    pub(super) fn run(mut self, waiting: &Receiver<Message>) {
        let heartbeat = Duration::from_secs(self.config.heartbeat_s.max(1));
        loop {
            let silence = heartbeat.saturating_sub(self.written.elapsed());
            let wait = self.calls.next_due(self.config.call_time_max).min(silence);
            let wait = if self.lost.is_some() { wait.min(RELOAD_PAUSE) } else { wait };
            match waiting.recv_timeout(wait.max(Duration::from_millis(1))) {
                Ok(Message::Append(record, reply)) => {
                    if let Some(done) = self.batch((record, Some(reply)), waiting) {
                        return self.close(&done);
                    }
                }
                Ok(Message::Close(done)) => return self.close(&done),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    // A failure here is found again by the next record.
                    let _ = self.restore();
                }
            }
            self.reap();
            if self.written.elapsed() >= heartbeat {
                self.own(|writer| writer.clock(ClockEvent::Heartbeat, 0));
            }
        }
    }

    /// What waits, in one frame. Gives what asks to close, if that came.
    fn batch(
        &mut self,
        first: Job,
        waiting: &Receiver<Message>,
    ) -> Option<SyncSender<Result<(), AppendError>>> {
        let mut jobs = vec![first];
        let mut closing = None;
        // Room for a record about the clock and one about a gap.
        while jobs.len() < limits::BATCH_RECORDS_MAX - 2 {
            match waiting.try_recv() {
                Ok(Message::Append(record, reply)) => jobs.push((record, Some(reply))),
                Ok(Message::Close(done)) => {
                    closing = Some(done);
                    break;
                }
                Err(_) => break,
            }
        }
        // Each job has been told already.
        let _ = self.commit(jobs);
        closing
    }

    fn close(&mut self, done: &SyncSender<Result<(), AppendError>>) {
        for call_id in self.calls.all() {
            self.own(|writer| writer.unknown(call_id));
        }
        let closing = self.stated(ConfigEvent::Close, Some(digest(&self.config)));
        let closed = closing.and_then(|record| self.commit(vec![(Box::new(record), None)]));
        // Whoever asked may have gone.
        let _ = done.send(closed);
    }

    fn reap(&mut self) {
        for call_id in self.calls.overdue(self.config.call_time_max) {
            self.own(|writer| writer.unknown(call_id));
        }
    }

    /// Writes a record of the trail's own; what fails is in the gap that follows.
    fn own(&mut self, record: impl FnOnce(&Self) -> Result<Record, AppendError>) {
        if let Ok(record) = record(self) {
            let _ = self.commit(vec![(Box::new(record), None)]);
        }
    }

    /// Makes records durable together, and tells each. What is no record harms no other.
    fn commit(&mut self, jobs: Vec<Job>) -> Result<(), AppendError> {
        if let Err(error) = self.restore() {
            return self.refuse(jobs, error);
        }
        let (mut entries, mut replies, mut placed) = (Vec::new(), Vec::new(), Vec::new());
        let (mut prev, mut size_bytes) = (self.state.prev, 0);
        let (mut failed, mut rest) = (None, Vec::new());
        self.now = self.config.clock.time();
        let step = self.step();
        let stepped = step.and_then(|ms| self.clock(ClockEvent::Step, ms).ok());
        let stepped = stepped.map(|record| (Box::new(record), None));
        for (record, reply) in stepped.into_iter().chain(jobs) {
            if size_bytes > limits::BATCH_BYTES_MAX {
                rest.push((record, reply));
                continue;
            }
            let (kind, call_id) = (record.kind, record.call_id);
            match self.place(*record, prev, entries.len() as u64) {
                Ok(bytes) => {
                    placed.push((kind, call_id));
                    prev = Digest::of_bytes(&bytes);
                    size_bytes += bytes.len();
                    entries.push(bytes);
                    replies.push(reply);
                }
                Err(error) => {
                    if let Some(reply) = reply {
                        reply(Err(error.clone()));
                    }
                    failed = Some(error);
                }
            }
        }
        if !entries.is_empty() {
            if let Err(error) = self.state.write(&self.folder, &entries, self.config.settle_records)
            {
                let what = error.to_string();
                self.calls.undo(&placed);
                self.fail(cause(&error), replies.iter().flatten().count() as u64);
                let error = AppendError::Storage { what };
                replies.into_iter().flatten().for_each(|reply| reply(Err(error.clone())));
                return self.refuse(rest, error);
            }
            let first = self.state.size;
            self.state.size += entries.len() as u64;
            self.state.prev = prev;
            self.written = Instant::now();
            for (seq, reply) in (first..).zip(replies) {
                if let Some(reply) = reply {
                    reply(Ok(Receipt { seq }));
                }
            }
            // A keeper that has gone leaves everything in the tail.
            let _ = self.batches.send(Batch { first, entries });
        }
        if !rest.is_empty() {
            return self.commit(rest);
        }
        failed.map_or(Ok(()), Err)
    }

    /// The bytes of a record at its place.
    fn place(
        &mut self,
        mut record: Record,
        prev: Digest,
        position: u64,
    ) -> Result<Vec<u8>, AppendError> {
        record.seq = Count::new(self.state.size + position);
        record.log_id = self.config.origin.clone();
        record.prev = prev;
        record.t = self.now.clone();
        self.calls.allows(&record)?;
        let bytes = record.to_bytes()?;
        self.calls.take(&record);
        Ok(bytes)
    }

    /// After a failure: reads the durable state again, verifies it, and states the gap. Nothing is
    /// written on what memory believes (a failed synchronisation proves nothing).
    fn restore(&mut self) -> Result<(), AppendError> {
        if self.stale.is_too_old(&self.config.clock) && self.config.mode == Mode::Closed {
            return Err(AppendError::Unsigned);
        }
        let unqueued = self.unqueued.swap(0, Ordering::Relaxed);
        if unqueued > 0 && self.lost.is_none() {
            return self.state_gap("queue-full", unqueued);
        }
        let Some(lost) = &mut self.lost else { return Ok(()) };
        lost.count += unqueued;
        let pausing = AppendError::Storage { what: "waiting to read it again".into() };
        if lost.tried.elapsed() < RELOAD_PAUSE {
            return Err(pausing);
        }
        lost.tried = Instant::now();
        let failed = |error: TrailError| AppendError::Storage { what: error.to_string() };
        let found = recover(&self.folder, self.signer.as_ref()).map_err(failed)?;
        self.rewrite().map_err(|error| AppendError::Storage { what: error.to_string() })?;
        self.state = State::new(&self.folder, self.signer.as_ref(), &found).map_err(failed)?;
        self.calls.hold(found.open.keys().copied());
        self.calls.end(&found.ended);
        // What became durable although its write failed is told to the keeper now.
        let _ = self.batches.send(Batch { first: found.settled, entries: found.entries });
        let Some(lost) = self.lost.take() else { return Ok(()) };
        let stated = self.state_gap_since(lost.from, lost.cause, lost.count);
        if stated.is_err() {
            // The count goes on from what it was.
            self.fail(lost.cause, lost.count);
            if let Some(now) = &mut self.lost {
                now.from = lost.from;
            }
        }
        stated
    }

    /// Writes the newest segment again: what a failed synchronisation left in memory pages counts
    /// as durable only from new ones.
    fn rewrite(&self) -> std::io::Result<()> {
        let Some(newest) = self.folder.segments()?.pop() else { return Ok(()) };
        let path = self.folder.segment(newest);
        self.folder.place(&path, &std::fs::read(&path)?)
    }

    fn state_gap(&mut self, cause: &'static str, count: u64) -> Result<(), AppendError> {
        let now = Wall::from_ms((self.config.clock.wall_ms)());
        self.state_gap_since(now, cause, count)
    }

    fn state_gap_since(&mut self, from: Wall, cause: &str, count: u64) -> Result<(), AppendError> {
        let to = Wall::from_ms((self.config.clock.wall_ms)());
        let gap = self.gap(from, to, cause, count)?;
        self.commit(vec![(Box::new(gap), None)])
    }

    fn refuse(&mut self, jobs: Vec<Job>, error: AppendError) -> Result<(), AppendError> {
        if let Some(lost) = &mut self.lost {
            lost.count += jobs.iter().filter(|(_, reply)| reply.is_some()).count() as u64;
        }
        for (_, reply) in jobs {
            if let Some(reply) = reply {
                reply(Err(error.clone()));
            }
        }
        Err(error)
    }

    fn fail(&mut self, cause: &'static str, count: u64) {
        let from = Wall::from_ms((self.config.clock.wall_ms)());
        let before = self.lost.take();
        let from = before.as_ref().map_or(from, |before| before.from);
        let count = before.map_or(0, |before| before.count) + count;
        self.lost = Some(Lost { from, cause, count, tried: Instant::now() });
    }

    /// How far the wall clock moved against the other since the last record, if too far.
    fn step(&mut self) -> Option<i32> {
        let wall = i64::try_from(self.now.wall.ms()).unwrap_or_default();
        let offset = wall - i64::try_from(self.now.mono.0 / 1_000_000).unwrap_or_default();
        let moved = offset - self.offset_ms.replace(offset)?;
        let is_step = moved.unsigned_abs() > limits::CLOCK_STEP_MS;
        is_step.then(|| i32::try_from(moved).unwrap_or(i32::MAX))
    }

    fn record(&self, kind: Kind) -> Result<Record, AppendError> {
        let clock = &self.config.clock;
        Ok(Record::new(kind, clock.id()?, clock.time(), self.config.observer.clone()))
    }

    fn stated(&self, event: ConfigEvent, old: Option<Digest>) -> Result<Record, AppendError> {
        let (new, mode) = (digest(&self.config), self.config.mode);
        let heartbeat_s = Count::new(self.config.heartbeat_s);
        let config = Some(Stated { event, old, new, heartbeat_s, mode });
        Ok(Record { config, ..self.record(Kind::Config)? })
    }

    fn clock(&self, event: ClockEvent, step_ms: i32) -> Result<Record, AppendError> {
        let part::Time { wall, mono, .. } = self.config.clock.time();
        let clock = Some(Clock { event, wall, mono, step_ms });
        Ok(Record { clock, ..self.record(Kind::Clock)? })
    }

    fn gap(&self, from: Wall, to: Wall, cause: &str, count: u64) -> Result<Record, AppendError> {
        let cause = cause.parse::<Word>().map_err(|_| AppendError::NotOpen)?;
        let gap = Some(Gap { from, to, cause, count: Count::new(count) });
        Ok(Record { gap, ..self.record(Kind::Gap)? })
    }

    /// The outcome of a call that never ended.
    fn unknown(&self, call_id: crate::record::atom::Id) -> Result<Record, AppendError> {
        let error_type = "reaped".parse().ok();
        let result = part::Answer { root: None, is_error: true, error_type, truncated: false };
        let outcome = part::Outcome { status: part::Status::Unknown, latency_us: Count::new(0) };
        let (call_id, result, outcome) = (Some(call_id), Some(result), Some(outcome));
        Ok(Record { call_id, result, outcome, ..self.record(Kind::Outcome)? })
    }
}

impl State {
    fn new(folder: &Folder, signer: &dyn Signer, found: &Found) -> Result<Self, TrailError> {
        let storage = |source| TrailError::Storage { action: "writing", source };
        let key = signer.tail_key(found.size)?;
        let segment = folder.open_append(&folder.segment(found.size)).map_err(storage)?;
        let (size, prev, epoch) = (found.size, found.prev, found.size);
        Ok(Self { size, prev, epoch, number: 0, key, segment, segment_first: size })
    }

    fn write(&mut self, folder: &Folder, entries: &[Vec<u8>], most: u64) -> std::io::Result<()> {
        if self.size - self.segment_first >= most {
            self.segment = folder.open_append(&folder.segment(self.size))?;
            self.segment_first = self.size;
        }
        let body = body(self.epoch, self.number, self.size, entries);
        let frame = framed(&body, &self.key.mac(&body));
        folder.append(Step::Commit, &mut self.segment, &frame)?;
        self.key.ratchet();
        self.number += 1;
        Ok(())
    }
}

/// The word for why storage failed.
fn cause(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "disk-full",
        std::io::ErrorKind::ReadOnlyFilesystem => "read-only",
        _ => "storage",
    }
}

const RELOAD_PAUSE: Duration = Duration::from_millis(limits::RELOAD_PAUSE_MS);
