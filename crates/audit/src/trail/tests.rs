#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use store::fault::{Fault, Step};

use super::*;
use crate::Kind;
use crate::record::{event, part};
use crate::signer::Local;

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub(crate) fn clock(step_ms: Arc<AtomicI64>) -> Clock {
    let start = Instant::now();
    Clock {
        wall_ms: Arc::new(move || now_ms().saturating_add_signed(step_ms.load(Ordering::Relaxed))),
        mono_ns: Arc::new(move || u64::try_from(start.elapsed().as_nanos()).unwrap()),
        src: "test".parse().unwrap(),
    }
}

pub(crate) fn config() -> Config {
    let digest = Digest::of_bytes(b"test");
    Config {
        origin: "audit.example/one".parse().unwrap(),
        mode: Mode::Closed,
        heartbeat_s: 60,
        observer: part::Observer {
            workload: "guard-1".parse().unwrap(),
            build_digest: digest,
            config_digest: digest,
        },
        deadline: Duration::from_secs(5),
        call_time_max: Duration::from_mins(1),
        clock: clock(Arc::default()),
        settle_records: limits::SETTLE_RECORDS,
        faults: None,
    }
}

/// A folder with a trail and one with its signer.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) signer: Arc<Local>,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = folder.path().join("signer");
        let signer = Arc::new(Local::create(&signer, "audit.example/one", now_ms).unwrap());
        Self { folder, signer }
    }

    pub(crate) fn trail(&self) -> std::path::PathBuf {
        self.folder.path().join("trail")
    }

    pub(crate) fn create(&self, config: Config) -> Trail {
        Trail::create(&self.trail(), config, self.signer.clone()).unwrap()
    }

    pub(crate) fn open(&self, config: Config) -> Trail {
        Trail::open(&self.trail(), config, self.signer.clone()).unwrap()
    }
}

/// A decision as a guard makes it, from the full record of the record's tests.
pub(crate) fn decision(trail: &Trail) -> Record {
    let full = crate::record::tests::full(Kind::Decision);
    let full = Record::read(&surface::canonical::to_vec(&full)).unwrap();
    let fresh = trail.record(Kind::Decision).unwrap();
    let (id, call_id) = (fresh.id, Some(trail.record(Kind::Decision).unwrap().id));
    let mut decision = full.decision;
    if let Some(decision) = &mut decision {
        decision.approver = None;
    }
    Record { id, call_id, decision, observed_by: fresh.observed_by, ..full }
}

pub(crate) fn outcome(trail: &Trail, decision: &Record) -> Record {
    let fresh = trail.record(Kind::Outcome).unwrap();
    let result = part::Answer { root: None, is_error: false, error_type: None, truncated: false };
    let latency_us = crate::record::atom::Count::new(900);
    let outcome = part::Outcome { status: part::Status::Executed, latency_us };
    Record { call_id: decision.call_id, result: Some(result), outcome: Some(outcome), ..fresh }
}

/// Every record of a trail that is not being written.
pub(crate) fn records(folder: &Path) -> Vec<Record> {
    let mut entries = Vec::new();
    for index in 0.. {
        let tile = tlog::tile::Tile { level: None, index, width: 256 };
        let Ok(bytes) = std::fs::read(folder.join(tile.to_string())) else { break };
        entries.extend(tlog::tile::entries(&bytes, 256).unwrap().iter().map(|e| e.to_vec()));
    }
    let place = Folder::new(folder, None);
    for segment in place.segments().unwrap() {
        let file = File::open(place.segment(segment)).unwrap();
        let mut frames = layout::Frames::new(file);
        while let Ok(Some(frame)) = frames.next() {
            let at = usize::try_from(frame.first).unwrap();
            entries.truncate(at.max(entries.len().min(at)));
            entries.extend(frame.entries);
        }
    }
    entries.iter().map(|entry| Record::read(entry).unwrap()).collect()
}

fn call(trail: &Trail) -> Result<(), AppendError> {
    let decision = decision(trail);
    trail.append(decision.clone())?;
    trail.append(outcome(trail, &decision)).map(|_| ())
}

#[test]
fn records_are_chained_and_a_clean_end_says_so() {
    let world = World::new();
    let trail = world.create(config());
    for _ in 0..20 {
        call(&trail).unwrap();
    }
    trail.close().unwrap();
    let records = records(&world.trail());
    assert_eq!(records.len(), 42);
    let mut prev = crate::record::NO_RECORD;
    for (index, record) in records.iter().enumerate() {
        assert_eq!(record.seq.number(), index as u64);
        assert_eq!(record.prev, prev);
        prev = Digest::of_bytes(&record.to_bytes().unwrap());
    }
    let event = |record: &Record| record.config.as_ref().map(|config| config.event);
    assert_eq!(event(&records[0]), Some(event::ConfigEvent::Open));
    assert_eq!(event(&records[41]), Some(event::ConfigEvent::Close));
    assert_eq!(world.signer.size().unwrap(), 42, "the closing record has its checkpoint");
    assert!(matches!(
        Trail::create(&world.trail(), config(), world.signer.clone()),
        Err(TrailError::Exists)
    ));
}

#[test]
fn a_start_after_a_kill_closes_what_never_ended_and_states_the_gap() {
    let world = World::new();
    let trail = world.create(config());
    let open = decision(&trail);
    trail.append(open.clone()).unwrap();
    call(&trail).unwrap();
    assert!(matches!(
        Trail::open(&world.trail(), config(), world.signer.clone()),
        Err(TrailError::Led)
    ));
    drop(trail);
    // A torn frame was never acknowledged.
    let place = Folder::new(&world.trail(), None);
    let segment = place.segment(*place.segments().unwrap().last().unwrap());
    let mut bytes = std::fs::read(&segment).unwrap();
    let whole = bytes.len();
    bytes.extend_from_slice(&[0, 0, 1, 0, 7, 7]);
    std::fs::write(&segment, &bytes).unwrap();
    let trail = world.open(config());
    assert_eq!(std::fs::read(&segment).unwrap().len(), whole, "the torn frame is cut off");
    let late = trail.append(outcome(&trail, &open)).unwrap_err();
    assert_eq!(late.code(), "audit.trail.not-open", "it has its outcome");
    trail.close().unwrap();
    let records = records(&world.trail());
    let kinds: Vec<_> = records[4..].iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [Kind::Config, Kind::Gap, Kind::Outcome, Kind::Config]);
    assert_eq!(records[5].gap.as_ref().unwrap().count.number(), 0);
    assert_eq!(records[6].call_id, open.call_id);
    assert_eq!(records[6].outcome.as_ref().unwrap().status, part::Status::Unknown);
}

#[test]
fn a_changed_tail_is_not_continued() {
    let world = World::new();
    let trail = world.create(config());
    call(&trail).unwrap();
    drop(trail);
    let place = Folder::new(&world.trail(), None);
    let segment = place.segment(0);
    let bytes = std::fs::read(&segment).unwrap();
    for at in (30..bytes.len()).step_by(97) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(&segment, &changed).unwrap();
        let opened = Trail::open(&world.trail(), config(), world.signer.clone());
        assert!(matches!(opened, Err(TrailError::Damaged { .. })), "{at}");
    }
    // An older copy than the signer signed.
    std::fs::write(&segment, b"").unwrap();
    let opened = Trail::open(&world.trail(), config(), world.signer.clone());
    assert!(matches!(opened, Err(TrailError::Behind { size: 0, .. })));
}

/// 0 healthy, 1 writes fail, 2 they fail although they happened, 3 torn, 4 synchronisation fails.
fn failing(state: Arc<AtomicU8>) -> store::fault::Faults {
    Arc::new(move |step| match (step, state.load(Ordering::Relaxed)) {
        (Step::Commit, 2) => Some(Fault::Applied),
        (Step::Commit, 3) => Some(Fault::Torn(100)),
        (Step::Commit, 1) | (Step::Sync, 4) | (Step::Load, 1..=4) => Some(Fault::Lost),
        _ => None,
    })
}

#[test]
fn after_each_failure_nothing_is_written_until_it_was_read_again_and_the_gap_counts_it() {
    for fault in 1..=4 {
        let world = World::new();
        let state = Arc::new(AtomicU8::new(0));
        let trail = world.create(Config { faults: Some(failing(state.clone())), ..config() });
        call(&trail).unwrap();
        let open = decision(&trail);
        trail.append(open.clone()).unwrap();
        state.store(fault, Ordering::Relaxed);
        for _ in 0..3 {
            let error = call(&trail).unwrap_err();
            assert_eq!(error.code(), "audit.trail.storage", "{fault}");
            assert!(error.may_pass());
        }
        state.store(0, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(2 * limits::RELOAD_PAUSE_MS));
        trail.append(outcome(&trail, &open)).unwrap();
        call(&trail).unwrap();
        trail.close().unwrap();
        let records = records(&world.trail());
        let gaps: Vec<_> = records.iter().filter_map(|record| record.gap.clone()).collect();
        assert_eq!(gaps.len(), 1, "{fault}");
        assert_eq!((gaps[0].count.number(), gaps[0].cause.as_str()), (3, "storage"), "{fault}");
        // Each decision has exactly one outcome, those included that were written all the same.
        let count = |kind| records.iter().filter(|record| record.kind == kind).count();
        assert_eq!(count(Kind::Decision), count(Kind::Outcome), "{fault}");
        assert_eq!(count(Kind::Decision), if matches!(fault, 2 | 4) { 4 } else { 3 }, "{fault}");
    }
}

#[test]
fn full_bundles_are_made_and_a_start_goes_on_from_them() {
    let world = World::new();
    let trail = Arc::new(world.create(Config { heartbeat_s: 3_600, ..config() }));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let trail = trail.clone();
            std::thread::spawn(move || (0..700).for_each(|_| call(&trail).unwrap()))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let trail = Arc::into_inner(trail).unwrap();
    let open = decision(&trail);
    trail.append(open.clone()).unwrap();
    drop(trail);
    assert!(world.trail().join("tile/entries/015").exists());
    let trail = world.open(config());
    trail.close().unwrap();
    let records = records(&world.trail());
    assert_eq!(records.last().unwrap().seq.number(), records.len() as u64 - 1);
    assert_eq!(records.iter().filter(|r| r.call_id == open.call_id).count(), 2);
    assert_eq!(world.signer.size().unwrap(), records.len() as u64);
}

#[test]
fn silence_is_broken_by_a_heartbeat_and_a_step_of_the_clock_is_recorded() {
    let world = World::new();
    let step_ms = Arc::new(AtomicI64::new(0));
    let settings = Config { heartbeat_s: 1, clock: clock(step_ms.clone()), ..config() };
    let trail = world.create(Config { call_time_max: Duration::from_millis(300), ..settings });
    trail.append(decision(&trail)).unwrap();
    std::thread::sleep(Duration::from_millis(2_300));
    step_ms.store(-30_000, Ordering::Relaxed);
    call(&trail).unwrap();
    trail.close().unwrap();
    let records = records(&world.trail());
    let clocks: Vec<_> = records.iter().filter_map(|record| record.clock.clone()).collect();
    assert!(clocks.len() >= 2, "{clocks:?}");
    assert_eq!(clocks[0].event, event::ClockEvent::Heartbeat);
    let stepped = clocks.last().unwrap();
    assert_eq!(stepped.event, event::ClockEvent::Step);
    assert!((-30_100..=-29_900).contains(&stepped.step_ms), "{}", stepped.step_ms);
    let reaped = records.iter().find(|record| record.kind == Kind::Outcome).unwrap();
    assert_eq!(reaped.outcome.as_ref().unwrap().status, part::Status::Unknown);
}
