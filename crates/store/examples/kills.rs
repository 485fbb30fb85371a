//! Kills a writer again and again at random moments, and checks each time that nothing it promised
//! is lost and that no two checkpoints disagree: `kills COUNT [SEED]`.
//!
//! The writer is this program too. It writes a line for each promise and each published checkpoint
//! to its stdout, after it has it. `SIGKILL` leaves the files as the kernel has them, so this shows
//! what the program does at any moment, not what a disk does without power.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use seal::PrivateKey;
use seal::key::Algorithm;
use store::files::Files;
use store::oracle::Oracle;
use store::{Config, Log, Object, Receipt};
use surface::Digest;
use tlog::note::Algorithm as NoteAlgorithm;
use tlog::{Checkpoint, Hash, Sign};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match arguments.as_slice() {
        [verb, folder, round] if verb == "write" => runtime.block_on(write(folder, round)),
        [count, rest @ ..] => {
            let seed = rest.first().and_then(|seed| seed.parse().ok()).unwrap_or(1);
            runtime.block_on(kill(count.parse().expect("a number of kills"), seed));
        }
        [] => println!("kills COUNT [SEED]"),
    }
}

/// Appends as fast as it can, from many tasks, until it is killed.
async fn write(folder: &str, round: &str) {
    let log = Log::open(Arc::new(Files::new(folder)), config()).await.unwrap();
    let mut publications = log.publications();
    tokio::spawn(async move {
        while publications.changed().await.is_ok() {
            let published = publications.borrow_and_update().clone();
            if let Some(published) = published {
                let Checkpoint { size, root, .. } = &published.checkpoint;
                say(&format!("shown {size} {root}\n"));
            }
        }
    });
    let tasks = (0..64).map(|task| {
        let (log, round) = (log.clone(), round.to_owned());
        tokio::spawn(async move {
            for n in 0.. {
                let text = format!("s{}:{round}-{task}-{n}@object {}", n % 50, n % 9);
                let object = Object::new(text.split_once('@').unwrap().1.to_owned().into());
                let receipt = log.submit(text.into(), vec![object]).await.unwrap();
                say(&format!("promised {} {}\n", receipt.index, receipt.leaf));
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// One write for each line, so that a line that was read was promised.
fn say(line: &str) {
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
}

async fn kill(count: u64, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    Log::create(&Files::new(&path), &config()).await.unwrap();
    let keys = config().keys.iter().map(|key| key.verifier().clone()).collect();
    let mut oracle = Oracle::new(ORIGIN.into(), keys, Some(names_of), Some(objects_of));
    let (mut random, mut promises, began) = (seed, 0, Instant::now());
    let (mut size, mut moments) = (0, [0; 3]);
    for round in 1..=count {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Every fourth while the log is being opened, however long that takes; the others in its load.
        let wait = Duration::from_micros((random >> 33) % 120_000);
        let lines = run(&path, round, wait, round % 4 != 0);
        moments[if lines.contains("promised") { 2 } else { usize::from(!lines.is_empty()) }] += 1;
        for line in lines.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let (number, hash): (u64, Hash) =
                (words[1].parse().unwrap(), words[2].parse().unwrap());
            if words[0] == "shown" {
                let shown = Checkpoint { origin: ORIGIN.into(), size: number, root: hash };
                oracle.saw(&shown).expect("no fork");
            } else {
                promises += 1;
                oracle
                    .promised(Receipt { index: number, leaf: hash, is_duplicate: false })
                    .unwrap();
            }
        }
        // Reading everything each time would leave no time for kills once the log is large.
        if round % (1 + size / 20_000) == 0 || round == count {
            size = oracle.check(&Files::new(&path)).await.expect("nothing is lost").size;
        }
        if round % 100 == 0 {
            println!("{round} kills, {promises} promises, {size} entries, {:.0?}", began.elapsed());
        }
    }
    let [opening, opened, appending] = moments;
    println!(
        "{count} kills (seed {seed}; {opening} before the log was open, {opened} before the first promise, \
         {appending} under load): {promises} promises kept, {size} entries, no two checkpoints disagree"
    );
}

/// Runs a writer, kills it after a time from its start or from its first line, and gives what it said
/// in whole lines.
fn run(path: &Path, round: u64, wait: Duration, from_first_line: bool) -> String {
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program)
        .args(["write", path.to_str().unwrap(), &round.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (told, first_line) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        let (mut text, mut line) = (String::new(), String::new());
        while out.read_line(&mut line).is_ok_and(|length| length > 0) {
            if line.ends_with('\n') {
                text += &line;
                let _ = told.send(());
            }
            line.clear();
        }
        let _ = out.read_to_string(&mut line);
        text
    });
    if from_first_line {
        first_line.recv_timeout(Duration::from_mins(1)).expect("the log opens");
    }
    std::thread::sleep(wait);
    assert!(child.try_wait().unwrap().is_none(), "the writer ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap()
}

fn config() -> Config {
    let key = |algorithm, note, seed| -> Arc<dyn Sign> {
        let key = PrivateKey::from_seed(algorithm, &[seed; 32]).unwrap();
        Arc::new(key.into_note_key(ORIGIN, note).unwrap())
    };
    let keys = vec![
        key(Algorithm::Ed25519, NoteAlgorithm::Ed25519, 1),
        key(Algorithm::MlDsa44, NoteAlgorithm::MlDsa44, 2),
    ];
    Config { names_of: Some(names_of), ..Config::new(ORIGIN, keys, || 1_790_000_000_000) }
}

fn names_of(entry: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(entry);
    text.split_once(':').map(|(name, _)| name.to_owned()).into_iter().collect()
}

fn objects_of(entry: &[u8]) -> Vec<Digest> {
    let text = String::from_utf8_lossy(entry);
    let object = text.split_once('@').map(|(_, object)| Digest::of_bytes(object.as_bytes()));
    object.into_iter().collect()
}

const ORIGIN: &str = "log.example/kills";
