//! A trail under load: `trail kills COUNT` kills a writer at random moments and checks each time that
//! nothing it promised is lost and that both verdicts are `yes` after the next start; `trail measure
//! RECORDS` prints records a second, the machine's own synchronisation beside, and how long verifying
//! takes.
//!
//! The writer is this program too: it prints the index of each record after it is durable.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use audit::record::{event, part};
use audit::signer::{Local, Signer as _};
use audit::trail::{Clock, Config, Trail};
use audit::verify::{self, Known};
use audit::{Kind, Record};
use serde_json::json;
use surface::Digest;

const ORIGIN: &str = "audit.example/load";
const COMMIT: &str =
    "commit:sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const TOKEN: &str = "tok:000102030405060708090a0b0c0d0e0f";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", folder] => write(Path::new(folder)),
        ["kills", count] => kills(count.parse().expect("a number of kills")),
        ["measure", records] => measure(records.parse().expect("a number of records")),
        _ => println!("trail kills COUNT | trail measure RECORDS"),
    }
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Opens the trail in a folder, or makes it, with its signer beside.
fn open(folder: &Path) -> Trail {
    let (digest, start) = (Digest::of_bytes(b"load"), Instant::now());
    let config = Config {
        origin: ORIGIN.parse().unwrap(),
        mode: event::Mode::Closed,
        heartbeat_s: 60,
        observer: part::Observer {
            workload: "load".parse().unwrap(),
            build_digest: digest,
            config_digest: digest,
        },
        deadline: Duration::from_secs(30),
        call_time_max: Duration::from_mins(5),
        clock: Clock {
            wall_ms: Arc::new(now_ms),
            mono_ns: Arc::new(move || u64::try_from(start.elapsed().as_nanos()).unwrap()),
            src: "system".parse().unwrap(),
        },
        settle_records: audit::limits::SETTLE_RECORDS,
        faults: None,
    };
    let (signer, trail) = (folder.join("signer"), folder.join("trail"));
    let is_new = !trail.join("keys").exists();
    let signer = Local::open(&signer, now_ms)
        .unwrap_or_else(|_| Local::create(&signer, ORIGIN, now_ms).unwrap());
    let make = if is_new { Trail::create } else { Trail::open };
    make(&trail, config, Arc::new(signer)).unwrap()
}

/// A decision and its outcome, as a guard would write them.
struct Call {
    decision: Record,
    outcome: Record,
}

impl Call {
    fn new(trail: &Trail) -> Self {
        let mut decision = serde_json::to_value(trail.record(Kind::Decision).unwrap()).unwrap();
        decision["call_id"] = json!(trail.record(Kind::Decision).unwrap().id);
        decision["who"] = json!({ "principal": { "kind": "person", "id": TOKEN },
            "auth": { "iss": "https://id.example", "method": "oidc", "jti": TOKEN },
            "purpose_of_use": ["TREAT"], "break_glass": false });
        decision["server"] = json!({ "name": "acme/ehr", "target": "https://mcp.example",
            "transport": "http", "drift": "none", "pin": { "surface_digest":
            Digest::of_bytes(b"surface"), "log_origin": "log.example", "leaf_index": 7 } });
        decision["op"] = json!({ "method": "tools/call", "tool": "read_chart", "jsonrpc_id": 1,
            "tool_def_digest": Digest::of_bytes(b"tool"), "protocol_version": "2026-07-28" });
        decision["data"] =
            json!({ "classes": ["phi"], "subjects": [TOKEN], "direction": "out", "bytes": 812 });
        decision["args"] = json!({ "root": COMMIT });
        decision["decision"] = json!({ "verdict": "allow", "reasons": ["policy.ok"],
            "policy": { "id": "p", "version": "3", "digest": Digest::of_bytes(b"permit;") } });
        let mut outcome = serde_json::to_value(trail.record(Kind::Outcome).unwrap()).unwrap();
        outcome["call_id"] = decision["call_id"].clone();
        outcome["result"] = json!({ "root": COMMIT, "is_error": false, "truncated": false });
        outcome["outcome"] = json!({ "status": "executed", "latency_us": 900 });
        let read = |value| Record::read(&surface::canonical::to_vec(&value)).unwrap();
        Self { decision: read(decision), outcome: read(outcome) }
    }

    /// The same with ids of now.
    fn again(&self, trail: &Trail) -> Self {
        let id = || trail.record(Kind::Decision).unwrap().id;
        let call_id = Some(id());
        let decision = Record { id: id(), call_id, ..self.decision.clone() };
        Self { decision, outcome: Record { id: id(), call_id, ..self.outcome.clone() } }
    }
}

fn write(folder: &Path) {
    let trail = open(folder);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let model = Call::new(&trail);
                loop {
                    let call = model.again(&trail);
                    let seq = trail.append(call.decision).unwrap().seq;
                    say(&format!("promised {seq}\n"));
                    trail.append(call.outcome).unwrap();
                }
            });
        }
    });
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
}

fn kills(count: u32) {
    let folder = tempfile::tempdir().unwrap();
    let (mut promised, mut random) = (0, [0; 2]);
    for _ in 0..count {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["write".as_ref(), folder.path().as_os_str()]).stdout(Stdio::piped());
        let mut writer = command.spawn().unwrap();
        let out = BufReader::new(writer.stdout.take().unwrap());
        aws_lc_rs::rand::fill(&mut random).unwrap();
        // From before the first record to well after several checkpoints.
        let pause = Duration::from_millis(u64::from(u16::from_be_bytes(random) % 1_600));
        let reader = std::thread::spawn(move || {
            let seqs = out.lines().map_while(Result::ok);
            seqs.filter_map(|line| line.strip_prefix("promised ")?.parse::<u64>().ok()).max()
        });
        std::thread::sleep(pause);
        writer.kill().unwrap();
        writer.wait().unwrap();
        promised = promised.max(reader.join().unwrap().map_or(0, |seq| seq + 1));
        if folder.path().join("trail/keys").exists() {
            open(folder.path()).close().unwrap();
            let report = verify::verify(&folder.path().join("trail"), &known(folder.path()));
            let report = report.unwrap();
            assert!(report.is_clean(), "{:#?}", report.findings);
            assert!(report.records >= promised, "{} of {promised}", report.records);
        }
    }
    println!("{count} kills, {promised} records promised, none lost, both verdicts yes");
}

fn known(folder: &Path) -> Known {
    let keys = Local::open(&folder.join("signer"), now_ms).unwrap().verifiers();
    Known { keys, now_ms: now_ms(), ..Known::default() }
}

fn measure(records: usize) {
    let folder = tempfile::tempdir_in(".").unwrap();
    let trail = open(folder.path());
    let (left, waits) = (AtomicUsize::new(records / 2), std::sync::Mutex::new(Vec::new()));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..128 {
            scope.spawn(|| {
                let (model, mut own) = (Call::new(&trail), Vec::new());
                while left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                    .is_ok()
                {
                    let call = model.again(&trail);
                    let asked = Instant::now();
                    trail.append(call.decision).unwrap();
                    own.push(asked.elapsed());
                    trail.submit(call.outcome, Box::new(|result| assert!(result.is_ok())));
                }
                waits.lock().unwrap().extend(own);
            });
        }
    });
    trail.close().unwrap();
    let took = start.elapsed();
    let mut waits = waits.into_inner().unwrap();
    waits.sort_unstable();
    let at = |part: usize| waits[(waits.len() - 1) * part / 1_000];
    let rate = records as u128 * 1_000_000 / took.as_micros();
    println!("{records} records, 128 callers: {rate} a second");
    println!("decision durable: p50 {:?}, p99 {:?}", at(500), at(990));
    println!(
        "one append of 4 KiB and its synchronisation here: {:?}",
        synchronisation(folder.path())
    );
    let start = Instant::now();
    let report = verify::verify(&folder.path().join("trail"), &known(folder.path())).unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    println!("verified {} records in {:?}", report.records, start.elapsed());
}

/// The middle of a hundred.
fn synchronisation(folder: &Path) -> Duration {
    let mut file = std::fs::File::create(folder.join("sync")).unwrap();
    let mut times: Vec<_> = (0..100)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[7; 4_096]).unwrap();
            file.sync_data().unwrap();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[50]
}
