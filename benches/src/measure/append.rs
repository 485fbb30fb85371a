//! A log in a folder: statements a second, how long each waits, what it takes on disk and in memory;
//! beside the disk's own synchronisation, plain hashing and one core's verifications of the same run.

mod growth;
mod peer;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use harness::Scratch;
use seal::statement::{Declaration, SurfaceClaim};
use seal::{Envelope, Predicate, PrivateKey, PublicKey, Statement, key};
use sha2::{Digest as _, Sha256};
use store::files::Files;
use store::{Config, Log, Object};
use surface::{Digest, Digests, Era};
use tlog::{Sign, note};
use tokio::sync::mpsc;
use wire::{Document, Policy};

use super::keep;
use crate::args::Options;
use crate::bars::Bars;
use crate::stats::{median, quantile};
use crate::table::{Cell, Report, Table};
use crate::{Fault, Outcome};

pub(crate) use growth::{open, run as grow};

pub(super) async fn run(options: &Options, report: &mut Report, bars: &mut Bars) -> Outcome<()> {
    let time = Duration::from_secs(options.pick(3, 20));
    let sync_ms = sync_ms()?;
    let histor = peer::histor(options);
    let small = statements(time, 1_024).await?;
    let calm = statements(time, 16).await?;
    let signed = submissions(time.min(SIGNED_TIME_MAX), 64).await?;
    let title = format!(
        "Statements into a log in files; fdatasync of 256 bytes takes {sync_ms:.2} ms, SHA-256 makes \
         {:.0} MB/s, one core verifies {:.0} Ed25519 signatures/s",
        sha_mb_per_s(),
        verifications_per_s()?
    );
    let columns = ["what", "/s", "durable p50 ms", "p99 ms", "proof p50 ms", "p99 ms", "× bytes"];
    let mut table = Table::new(title, &columns);
    for (name, it) in [
        ("256 bytes, 1,024 at once", &small),
        ("256 bytes, 16 at once", &calm),
        ("signed, an 11 kB surface each, 64 at once", &signed),
    ] {
        let times = [it.durable_ms[0], it.durable_ms[1], it.proof_ms[0], it.proof_ms[1]];
        let cells = [it.per_s].into_iter().chain(times).chain([it.stored]);
        table.row(name, cells.map(Cell::from));
    }
    match histor {
        Ok(per_s) => {
            for (name, per_s) in per_s {
                let none = std::iter::repeat_n(Cell::Empty, 5);
                table.row(name, std::iter::once(Cell::from(per_s)).chain(none));
            }
        }
        Err(why) => report.missing.push(format!("HISTOR: {why}")),
    }
    report.tables.push(table);
    bars.at_least("small statements", small.per_s, 20_000.0, "/s");
    bars.at_least("signed submissions with an 11 kB surface", signed.per_s, 5_000.0, "/s");
    bars.at_most("submit to durable, p99", signed.durable_ms[1], 50.0, "ms");
    bars.at_most("submit to a proof, p99", signed.proof_ms[1], 250.0, "ms");
    bars.at_most("storage of small statements", small.stored, 1.3, "× their bytes");
    bars.at_most("storage of statements and surfaces", signed.stored, 1.3, "× their bytes");
    Ok(())
}

/// What one load found. Times are p50 and p99.
struct Load {
    per_s: f64,
    durable_ms: [f64; 2],
    proof_ms: [f64; 2],
    /// Bytes on disk over bytes submitted.
    stored: f64,
}

/// What there is to submit: an entry and its object, or nothing more.
type Make = Arc<dyn Fn(u64) -> Outcome<Option<(Bytes, Vec<Object>)>> + Send + Sync>;

/// Entries of 256 bytes about fifty thousand names.
async fn statements(time: Duration, at_once: usize) -> Outcome<Load> {
    load(time, at_once, Arc::new(|number| Ok(Some((entry(number, number % 50_000), Vec::new())))))
        .await
}

/// What a registry does with each declaration: its surface is parsed strictly, canonicalised and
/// digested, the envelope is parsed and its signature verified; then both are added.
async fn submissions(time: Duration, at_once: usize) -> Outcome<Load> {
    let key = PrivateKey::from_seed(key::Algorithm::Ed25519, &[3; 32])?;
    let public: [PublicKey; 1] = [key.public().clone()];
    let tools = surface_of(SURFACE_SIZE);
    let surface_at = move |number: u64| tools.replace("NUMBER", &format!("{number:08}"));
    let envelopes: Vec<Vec<u8>> = (0..time.as_secs() * SIGNED_PER_S_MAX)
        .map(|number| {
            let object = Digest::of_bytes(surface_at(number).as_bytes());
            Ok::<_, Fault>(Envelope::sign(statement(number, object), &[&key])?.bytes().to_vec())
        })
        .collect::<Result<_, _>>()?;
    let make = move |number: u64| {
        let Some(envelope) = envelopes.get(usize::try_from(number)?) else { return Ok(None) };
        let surface = surface_at(number);
        let document = Document::parse(surface.as_bytes(), &Policy::default())?;
        let canonical = surface::canonical::to_vec(&surface::json::exact(document.root())?);
        let parsed = Envelope::parse(envelope)?;
        if parsed.verify(&public)?.is_empty() {
            return Err("the signature does not verify".into());
        }
        Ok(Some((Bytes::from(envelope.clone()), vec![Object::new(canonical.into())])))
    };
    load(time, at_once, Arc::new(make)).await
}

/// Submits from many tasks at once, and asks for the proof of some as soon as there is one.
async fn load(time: Duration, at_once: usize, make: Make) -> Outcome<Load> {
    let folder = Scratch::new();
    let root = folder.join("log");
    Log::create(&Files::new(&root), &config()?).await?;
    let log = Log::open(Arc::new(Files::new(&root)), config()?).await?;
    let (number, submitted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (sampled, samples) = mpsc::unbounded_channel();
    let proving = tokio::spawn(proofs(log.clone(), samples));
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..at_once {
        let (log, make, sampled) = (log.clone(), Arc::clone(&make), sampled.clone());
        let (number, submitted) = (Arc::clone(&number), Arc::clone(&submitted));
        tasks.spawn(async move {
            let mut times = Vec::new();
            while start.elapsed() < time {
                let number = number.fetch_add(1, Ordering::Relaxed);
                let began = Instant::now();
                let Some((entry, objects)) = make(number)? else { break };
                let size = objects.iter().map(|object| object.bytes().len()).sum::<usize>();
                submitted.fetch_add((entry.len() + size) as u64, Ordering::Relaxed);
                let receipt = log.submit(entry, objects).await?;
                times.push(began.elapsed().as_secs_f64() * 1e3);
                if number % SAMPLED == 0 {
                    sampled.send((began, receipt.index))?;
                }
            }
            Ok::<_, Fault>(times)
        });
    }
    drop(sampled);
    let mut durable = Vec::new();
    while let Some(task) = tasks.join_next().await {
        durable.append(&mut task??);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of statements")]
    let per_s = durable.len() as f64 / start.elapsed().as_secs_f64();
    let mut proofs = proving.await??;
    log.close().await;
    #[expect(clippy::cast_precision_loss, reason = "bytes on a disk")]
    let stored = size_on_disk(&root)? / submitted.load(Ordering::Relaxed) as f64;
    let durable_ms = [quantile(&mut durable, 0.5), quantile(&mut durable, 0.99)];
    let proof_ms = [quantile(&mut proofs, 0.5), quantile(&mut proofs, 0.99)];
    Ok(Load { per_s, durable_ms, proof_ms, stored })
}

/// The times from submitting to a proof, each waited for by itself.
async fn proofs(
    log: Log,
    mut samples: mpsc::UnboundedReceiver<(Instant, u64)>,
) -> Outcome<Vec<f64>> {
    let mut proving = tokio::task::JoinSet::new();
    while let Some((began, index)) = samples.recv().await {
        let (log, mut publications) = (log.clone(), log.publications());
        proving.spawn(async move {
            publications
                .wait_for(|published| {
                    published.as_ref().is_some_and(|published| published.checkpoint.size > index)
                })
                .await?;
            log.proof(index).await?.ok_or("no proof of what is published")?;
            Ok::<_, Fault>(began.elapsed().as_secs_f64() * 1e3)
        });
    }
    let mut times = Vec::new();
    while let Some(time) = proving.join_next().await {
        times.push(time??);
    }
    Ok(times)
}

/// An entry of 256 bytes about a name.
fn entry(number: u64, name: u64) -> Bytes {
    let name = format!("server-{name}");
    let width = ENTRY_SIZE - name.len() - 1;
    Bytes::from(format!("{name}:{number:0>width$}"))
}

/// A surface of many tools.
fn surface_of(size: usize) -> String {
    let tool = |n: usize| {
        format!(
            "{{\"name\":\"tool-{n}\",\"description\":\"Reads NUMBER files below a folder and says which \
             of them changed since it was last asked, and how.\",\"inputSchema\":{{\"type\":\"object\",\
             \"properties\":{{\"path\":{{\"type\":\"string\",\"description\":\"The folder.\"}},\"depth\":\
             {{\"type\":\"integer\",\"minimum\":0,\"maximum\":64}}}},\"required\":[\"path\"]}}}}"
        )
    };
    let count = size / tool(10).len();
    format!("{{\"tools\":[{}]}}", (0..count).map(tool).collect::<Vec<_>>().join(","))
}

fn statement(number: u64, object: Digest) -> Statement {
    let surface = SurfaceClaim {
        digests: Digests { exact: object, semantic: object },
        object,
        era: Era::Modern,
        protocol_version: "2026-07-28".to_owned(),
        authorization: "anonymous".to_owned(),
    };
    Statement {
        server: format!("io.github.acme/server-{}", number % 50_000),
        time: "2026-11-25T12:00:00Z".to_owned(),
        previous: None,
        predicate: Predicate::Declaration(Declaration {
            version: format!("1.{number}.0"),
            entry: object,
            object,
            surface: Some(surface),
            artefacts: std::collections::BTreeMap::new(),
        }),
    }
}

/// Blocks that the files of a folder take.
fn size_on_disk(folder: &Path) -> Outcome<f64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut size = 0.0;
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        let metadata = file.metadata()?;
        #[expect(clippy::cast_precision_loss, reason = "bytes on a disk")]
        let blocks = (metadata.blocks() * 512) as f64;
        size += blocks;
        if metadata.is_dir() {
            size += size_on_disk(&file.path())?;
        }
    }
    Ok(size)
}

/// The median time that the disk takes to keep 256 bytes.
pub(super) fn sync_ms() -> Outcome<f64> {
    let directory = Scratch::new();
    let mut file = std::fs::File::create(directory.join("sync"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        file.write_all(&[7; 256])?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(times))
}

fn sha_mb_per_s() -> f64 {
    let bytes = vec![7; 1 << 20];
    let start = Instant::now();
    (0..200).for_each(|_| keep(Sha256::digest(&bytes)));
    200.0 * 1.048_576 / start.elapsed().as_secs_f64()
}

fn verifications_per_s() -> Outcome<f64> {
    let key = PrivateKey::from_seed(key::Algorithm::Ed25519, &[7; 32])?;
    let signature = key.sign(b"message")?;
    let start = Instant::now();
    (0..5_000).for_each(|_| keep(key.public().verify(b"message", &signature)));
    Ok(5_000.0 / start.elapsed().as_secs_f64())
}

fn config() -> Outcome<Config> {
    let key = |algorithm, note, seed| -> Outcome<Arc<dyn Sign>> {
        let key = PrivateKey::from_seed(algorithm, &[seed; 32])?;
        Ok(Arc::new(key.into_note_key(ORIGIN, note)?))
    };
    let keys = vec![
        key(key::Algorithm::Ed25519, note::Algorithm::Ed25519, 1)?,
        key(key::Algorithm::MlDsa44, note::Algorithm::MlDsa44, 2)?,
    ];
    Ok(Config { names_of: Some(names_of), ..Config::new(ORIGIN, keys, now_ms) })
}

/// An envelope names its server; another entry what stands before its colon.
fn names_of(entry: &[u8]) -> Vec<String> {
    if let Ok(envelope) = Envelope::parse(entry) {
        return envelope.statement().names();
    }
    let text = String::from_utf8_lossy(entry);
    text.split_once(':').map(|(name, _)| name.to_owned()).into_iter().collect()
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

const ORIGIN: &str = "log.example/bench";
const ENTRY_SIZE: usize = 256;
/// One submission in so many is followed to its proof: all would be a load of their own.
const SAMPLED: u64 = 64;
const SURFACE_SIZE: usize = 11 << 10;
/// Submissions that are signed beforehand, for each second of the load.
const SIGNED_PER_S_MAX: u64 = 12_000;
const SIGNED_TIME_MAX: Duration = Duration::from_secs(10);
