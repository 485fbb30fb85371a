//! A trail to attack, and what an attacker can do to its files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use audit::record::{event, part};
use audit::signer::{Local, Signer, TailKey};
use audit::trail::{Clock, Config, Trail};
use audit::verify::{self, Answer, Known};
use audit::{Kind, Record};
use serde_json::{Value, json};
use surface::Digest;
use tlog::Hash;
use tlog::tile::{self, Tile};

pub(crate) const ORIGIN: &str = "audit.example/one";
const COMMIT: &str =
    "commit:sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const TOKEN: &str = "tok:000102030405060708090a0b0c0d0e0f";

/// The simulated time; an hour before now at the start.
static NOW_MS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn real_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn now_ms() -> u64 {
    NOW_MS.load(Ordering::Relaxed)
}

fn later_ms() -> u64 {
    now_ms() + 5_000
}

pub(crate) fn config() -> Config {
    let digest = Digest::of_bytes(b"test");
    Config {
        origin: ORIGIN.parse().unwrap(),
        mode: event::Mode::Closed,
        heartbeat_s: 60,
        observer: part::Observer {
            workload: "guard-1".parse().unwrap(),
            build_digest: digest,
            config_digest: digest,
        },
        deadline: Duration::from_secs(10),
        call_time_max: Duration::from_mins(10),
        clock: Clock {
            wall_ms: Arc::new(now_ms),
            mono_ns: Arc::new(|| now_ms() * 1_000_000),
            src: "test".parse().unwrap(),
        },
        settle_records: 256,
        faults: None,
    }
}

/// The honest trail: four checkpoints 50 seconds apart, a full bundle, a tail, a clean end; its
/// copy of three quarters; and the folder of the signer.
pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) definition: Vec<u8>,
}

impl World {
    pub(crate) fn new() -> Self {
        NOW_MS.store(real_ms() - 3_600_000, Ordering::Relaxed);
        let folder = tempfile::tempdir().unwrap();
        let definition = br#"{"name":"read_chart"}"#.to_vec();
        let world = Self { folder, definition };
        let signer = Local::create(&world.path("signer"), ORIGIN, now_ms).unwrap();
        let trail = Trail::create(&world.path("honest"), config(), Arc::new(signer)).unwrap();
        let definition = Digest::of_bytes(&world.definition);
        let objects = world.path("honest").join("objects");
        fs::create_dir_all(&objects).unwrap();
        for object in [&world.definition[..], b"permit;"] {
            let digest = Digest::of_bytes(object).to_string();
            fs::write(objects.join(digest.replace("sha256:", "")), object).unwrap();
        }
        for phase in 0..4 {
            for n in 0..40 {
                let approver = (n == 5).then(|| approve(&trail));
                call(&trail, &definition, approver);
            }
            world.wait_for_checkpoint(82 + 81 * phase);
            NOW_MS.fetch_add(50_000, Ordering::Relaxed);
            if phase == 2 {
                copy(&world.path("honest"), &world.path("earlier"));
            }
        }
        trail.close().unwrap();
        // How many checkpoints stand between those depends on the machine.
        for name in ["honest", "earlier"] {
            let copy = Victim { folder: world.path(name), signer: world.path("signer") };
            copy.keep_notes(|size| (size > 1 && size % 81 == 1) || size == 326);
        }
        world
    }

    /// A checkpoint comes within a second or so.
    fn wait_for_checkpoint(&self, size: u64) {
        let line = format!("\n{size}\n");
        for _ in 0..1_000 {
            let notes = fs::read_to_string(self.path("honest").join("checkpoints"));
            // The note, and what is written after it.
            if notes.is_ok_and(|text| text.contains(&line) && text.ends_with("\n\n")) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("no checkpoint of {size} records");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A fresh copy to attack.
    pub(crate) fn victim(&self) -> Victim {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = self.path(&format!("{number}/victim"));
        copy(&self.path("honest"), &folder);
        Victim { folder, signer: self.path("signer") }
    }

    pub(crate) fn keys(&self) -> Vec<tlog::VerifierKey> {
        Local::open(&self.path("signer"), now_ms).unwrap().verifiers()
    }

    pub(crate) fn tail_keys(&self) -> BTreeMap<u64, TailKey> {
        let signer = Local::open(&self.path("signer"), now_ms).unwrap();
        BTreeMap::from([(0, signer.tail_key(0).unwrap())])
    }
}

fn approve(trail: &Trail) -> String {
    let mut record = serde_json::to_value(trail.record(Kind::Approval).unwrap()).unwrap();
    record["approval"] = json!({ "of": "call", "args_root": COMMIT, "by": TOKEN,
        "at": "2026-11-25T12:00:00.123Z", "meaning": "approved", "signature": "AAAA" });
    trail.append(read(&record)).unwrap();
    TOKEN.to_owned()
}

fn call(trail: &Trail, definition: &Digest, approver: Option<String>) {
    let call_id = trail.record(Kind::Decision).unwrap().id;
    let mut decision = serde_json::to_value(trail.record(Kind::Decision).unwrap()).unwrap();
    decision["call_id"] = json!(call_id);
    decision["who"] = json!({ "principal": { "kind": "person", "id": TOKEN },
        "purpose_of_use": ["TREAT"], "break_glass": false });
    decision["server"] = json!({ "name": "acme/ehr", "target": "https://mcp.example",
        "transport": "http", "drift": "none" });
    decision["op"] =
        json!({ "method": "tools/call", "tool": "read_chart", "tool_def_digest": definition });
    decision["data"] = json!({ "subjects": [TOKEN], "direction": "out", "bytes": 812 });
    decision["args"] = json!({ "root": COMMIT });
    decision["decision"] = json!({ "verdict": "allow", "policy":
        { "id": "p", "version": "3", "digest": Digest::of_bytes(b"permit;") } });
    if let Some(approver) = approver {
        decision["decision"]["approver"] = json!(approver);
    }
    trail.append(read(&decision)).unwrap();
    let mut outcome = serde_json::to_value(trail.record(Kind::Outcome).unwrap()).unwrap();
    outcome["call_id"] = json!(call_id);
    outcome["result"] = json!({ "root": COMMIT, "is_error": false, "truncated": false });
    outcome["outcome"] = json!({ "status": "executed", "latency_us": 900 });
    trail.append(read(&outcome)).unwrap();
}

pub(crate) fn read(value: &Value) -> Record {
    Record::read(&surface::canonical::to_vec(value)).unwrap()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A copy of the trail in an attacker's hands.
pub(crate) struct Victim {
    pub(crate) folder: PathBuf,
    signer: PathBuf,
}

impl Victim {
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn flip(&self, name: &str, at: usize) {
        let mut bytes = fs::read(self.file(name)).unwrap();
        bytes[at] ^= 1;
        fs::write(self.file(name), bytes).unwrap();
    }

    /// The newest segment of the tail, as a name.
    pub(crate) fn segment(&self) -> String {
        let names = fs::read_dir(self.file("tail")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        format!("tail/{}", names.max().unwrap())
    }

    pub(crate) fn entries(&self) -> Vec<Vec<u8>> {
        let mut entries = Vec::new();
        while let Ok(bytes) = fs::read(self.file(&bundle(entries.len() / 256))) {
            entries.extend(tile::entries(&bytes, 256).unwrap().iter().map(|e| e.to_vec()));
        }
        let mut names: Vec<_> =
            fs::read_dir(self.file("tail")).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        for name in names {
            let bytes = fs::read(name).unwrap();
            let mut rest = &bytes[..];
            while let Some((length, after)) = rest.split_first_chunk::<4>() {
                let (body, after) = after.split_at(u32::from_be_bytes(*length) as usize);
                let first = u64::from_be_bytes(body[12..20].try_into().unwrap());
                let count = u16::from_be_bytes(body[20..22].try_into().unwrap());
                let found = tile::entries(&body[22..], count).unwrap();
                let skip = entries.len().saturating_sub(usize::try_from(first).unwrap());
                entries.extend(found.iter().skip(skip).map(|e| e.to_vec()));
                rest = &after[32..];
            }
        }
        entries
    }

    /// Writes these records with bundles, tiles and frames that fit them, without any key.
    pub(crate) fn write(&self, entries: &[Vec<u8>]) {
        fs::remove_dir_all(self.file("tile")).unwrap();
        fs::remove_dir_all(self.file("tail")).unwrap();
        fs::create_dir_all(self.file("tail")).unwrap();
        fs::create_dir_all(self.file("tile/entries")).unwrap();
        fs::create_dir_all(self.file("tile/0")).unwrap();
        let chunks = entries.chunks_exact(256);
        let (rest, settled) = (chunks.remainder(), entries.len() / 256 * 256);
        for (index, chunk) in chunks.enumerate() {
            let (mut body, mut hashes) = (Vec::new(), Vec::new());
            for entry in chunk {
                tile::push_entry(&mut body, entry).unwrap();
                hashes.extend_from_slice(&Hash::of_leaf(entry).0);
            }
            fs::write(self.file(&bundle(index)), body).unwrap();
            fs::write(self.file(&hashes_of(index)), hashes).unwrap();
        }
        if rest.is_empty() {
            return;
        }
        let mut body = vec![0; 12];
        body.extend_from_slice(&(settled as u64).to_be_bytes());
        body.extend_from_slice(&u16::try_from(rest.len()).unwrap().to_be_bytes());
        for entry in rest {
            tile::push_entry(&mut body, entry).unwrap();
        }
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let frame = [&length[..], &body, &[0; 32]].concat();
        fs::write(self.file(&format!("tail/{settled:020}")), frame).unwrap();
    }

    /// Changes the records as JSON, keeps their bytes canonical, and renumbers and chains them.
    pub(crate) fn rechained(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let entries = self.entries();
        let mut values = entries.iter().map(|e| serde_json::from_slice(e).unwrap()).collect();
        change(&mut values);
        let mut prev = Digest::from_sha256([0; 32]);
        let mut out = Vec::new();
        for (seq, mut value) in values.into_iter().enumerate() {
            value["seq"] = json!(seq);
            value["prev"] = json!(prev);
            let bytes = surface::canonical::to_vec(&value);
            prev = Digest::of_bytes(&bytes);
            out.push(bytes);
        }
        self.write(&out);
    }

    /// Checkpoints over what is there now, with the stolen keys of the log.
    pub(crate) fn resign(&self, later: bool) {
        let stolen = self.folder.with_file_name("stolen");
        let _ = fs::remove_dir_all(&stolen);
        fs::create_dir_all(&stolen).unwrap();
        fs::copy(self.signer.join("keys"), stolen.join("keys")).unwrap();
        fs::write(stolen.join("edge"), "0\n").unwrap();
        let clock = if later { later_ms } else { now_ms };
        let signer = Local::open(&stolen, clock).unwrap();
        let leaves: Vec<_> = self.entries().iter().map(|entry| Hash::of_leaf(entry)).collect();
        let note = signer.extend(0, &leaves).unwrap();
        fs::write(self.file("checkpoints"), format!("{note}\n")).unwrap();
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file("checkpoints")).unwrap();
        let parts: Vec<_> = text.split("\n\n").collect();
        parts.chunks_exact(2).map(|pair| format!("{}\n\n{}\n", pair[0], pair[1])).collect()
    }

    /// The checkpoints of sizes that `keep` takes.
    pub(crate) fn keep_notes(&self, keep: impl Fn(u64) -> bool) {
        let size = |note: &String| note.lines().nth(1).unwrap().parse().unwrap();
        let notes: Vec<_> = self.notes().into_iter().filter(|note| keep(size(note))).collect();
        self.write_notes(&notes);
    }

    pub(crate) fn write_notes(&self, notes: &[String]) {
        let text: String = notes.iter().map(|note| note.clone() + "\n").collect();
        fs::write(self.file("checkpoints"), text).unwrap();
    }

    /// Both verifiers: their verdicts and findings, which have to agree.
    pub(crate) fn verify(&self, name: &str, outside: &Outside) -> (Answer, Answer, Vec<String>) {
        let ours = verify::verify(&self.folder, &outside.known()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verify.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(&self.folder).args(outside.words(&self.folder));
        let output = command.output().unwrap();
        let theirs: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
        let mine = serde_json::to_value(&ours).unwrap();
        for member in ["nothing_changed", "nothing_missing", "records", "covered", "findings"] {
            assert_eq!(mine[member], theirs[member], "{name}: {member}\n{mine:#}\n{theirs:#}");
        }
        assert_eq!(mine["remarks"], theirs["remarks"], "{name}");
        assert_eq!(output.status.code(), Some(if ours.is_clean() { 0 } else { 3 }), "{name}");
        let found = ours.findings.iter().map(|f| format!("{} {}", f.code, f.place)).collect();
        (ours.nothing_changed, ours.nothing_missing, found)
    }
}

/// What is known from outside.
#[derive(Default, Clone)]
pub(crate) struct Outside {
    pub(crate) keys: Vec<tlog::VerifierKey>,
    pub(crate) expect: Option<String>,
    pub(crate) witnesses: Option<String>,
    pub(crate) tail_keys: BTreeMap<u64, TailKey>,
}

impl Outside {
    fn known(&self) -> Known {
        Known {
            keys: self.keys.clone(),
            expect: self.expect.clone().map(String::into_bytes),
            witnesses: self.witnesses.as_ref().map(|text| text.parse().unwrap()),
            tail_keys: self.tail_keys.clone(),
            now_ms: real_ms(),
        }
    }

    fn words(&self, folder: &Path) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(self.keys.iter().flat_map(|key| ["--key".into(), key.to_string()]));
        for (option, text) in [("--expect", &self.expect), ("--witness-policy", &self.witnesses)] {
            if let Some(text) = text {
                let file = folder.with_file_name(option);
                fs::write(&file, text).unwrap();
                words.extend([option.to_owned(), file.display().to_string()]);
            }
        }
        let tails = self.tail_keys.iter().map(|(epoch, key)| format!("{epoch}:{}", key.to_hex()));
        words.extend(tails.flat_map(|key| ["--tail-key".to_owned(), key]));
        words
    }
}

pub(crate) fn bundle(index: usize) -> String {
    Tile { level: None, index: index as u64, width: 256 }.to_string()
}

pub(crate) fn hashes_of(index: usize) -> String {
    Tile { level: Some(0), index: index as u64, width: 256 }.to_string()
}
