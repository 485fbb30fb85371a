//! A witness asked by many logs at once, over HTTP, beside one core's bare signatures of the same run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use harness::Scratch;
use registry::witness::{Config, KnownLog, LogList, Witness, init};
use seal::crypto::Crypto;
use seal::{PrivateKey, key};
use tlog::witness::AddCheckpoint;
use tlog::{Checkpoint, Hash, Sign, note};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::super::append::sync_ms;
use super::super::keep;
use super::serve::exchange;
use crate::Outcome;
use crate::args::Options;
use crate::bars::Bars;
use crate::stats::quantile;
use crate::table::{Cell, Report, Table};

pub(in crate::measure) async fn run(
    options: &Options,
    report: &mut Report,
    bars: &mut Bars,
) -> Outcome<()> {
    let steps = options.pick(40, 400);
    let logs = (0..LOGS).map(|number| requests(number, steps)).collect::<Outcome<Vec<_>>>()?;
    let scratch = Scratch::new();
    init(scratch.path(), NAME).await?;
    let list = logs.iter().fold(LogList::default(), |mut list, (known, _)| {
        list.add(known.0.clone(), known.1.clone());
        list
    });
    let keys = vec![
        key(key::Algorithm::Ed25519, NAME, note::Algorithm::Cosignature, 200)?,
        key(key::Algorithm::MlDsa44, NAME, note::Algorithm::MlDsa44, 201)?,
    ];
    let bare = bare_per_s(&keys)?;
    let witness = Witness::open(Config {
        data: scratch.path().to_owned(),
        name: NAME.to_owned(),
        keys,
        logs: list,
        verify: Arc::new(Crypto),
        clock: || NOW_S,
    })
    .await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(registry::api::serve(listener, witness.router(), std::future::pending()));

    let began = Instant::now();
    let mut times_ms = ask(address, logs.into_iter().map(|(_, requests)| requests)).await?;
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let rate = times_ms.len() as f64 / began.elapsed().as_secs_f64();
    let title = format!(
        "add-checkpoint from {LOGS} logs at once, {steps} each; fdatasync of 256 bytes takes {:.2} ms",
        sync_ms()?
    );
    let columns = ["what", "/s", "p50 ms", "p99 ms", "× one core's signatures"];
    let mut table = Table::new(title, &columns);
    let (p50, p99) = (quantile(&mut times_ms, 0.5), quantile(&mut times_ms, 0.99));
    let cells = [rate, p50, p99, rate / bare].map(Cell::from);
    table.row("verify, prove, store, cosign by Ed25519 and ML-DSA-44", cells);
    let cells = [Cell::from(bare), Cell::Empty, Cell::Empty, Cell::from(1.0)];
    table.row("the signatures alone: one Ed25519 verified, one of each made", cells);
    report.tables.push(table);
    bars.at_least("add-checkpoint", rate, 3_000.0, "/s");
    Ok(())
}

/// A log that grows by one entry at a time, and what it asks of a witness: its origin and key, and
/// the requests in their order.
fn requests(number: u64, steps: usize) -> Outcome<((String, KnownLog), Vec<String>)> {
    let origin = format!("log-{number}.example");
    let seed = u8::try_from(number % 200)?;
    let signer = key(key::Algorithm::Ed25519, &origin, note::Algorithm::Ed25519, seed)?;
    let known = KnownLog {
        keys: vec![signer.verifier().clone()],
        requests_per_day: u32::MAX,
        contact: "nobody".to_owned(),
    };
    let leaves: Vec<Hash> =
        (0..steps).map(|at| Hash::of_leaf(format!("{number} {at}").as_bytes())).collect();
    let requests = (1..=steps).map(|size| {
        let leaves = leaves.get(..size).unwrap_or_default();
        let (size_now, old) = (u64::try_from(size)?, size - 1);
        let checkpoint = Checkpoint { origin: origin.clone(), size: size_now, root: root(leaves) };
        let checkpoint = checkpoint.sign(&[&*signer], NOW_S)?;
        let proof = if old == 0 { Vec::new() } else { consistency(leaves, old, true) };
        Ok(AddCheckpoint { old_size: u64::try_from(old)?, proof, checkpoint }.to_string())
    });
    let requests = requests.collect::<Outcome<Vec<_>>>()?;
    Ok(((origin, known), requests))
}

/// Sends each log's requests one after the other, all logs at once; milliseconds of each.
async fn ask(address: SocketAddr, logs: impl Iterator<Item = Vec<String>>) -> Outcome<Vec<f64>> {
    let mut asking = JoinSet::new();
    for requests in logs {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        asking.spawn(async move {
            let mut times_ms = Vec::with_capacity(requests.len());
            for body in requests {
                let head = format!(
                    "POST /add-checkpoint HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let began = Instant::now();
                exchange(&mut stream, &(head + &body)).await?;
                times_ms.push(began.elapsed().as_secs_f64() * 1e3);
            }
            Outcome::Ok(times_ms)
        });
    }
    let mut all = Vec::new();
    while let Some(times_ms) = asking.join_next().await {
        all.extend(times_ms??);
    }
    Ok(all)
}

/// How often a second one core can do what no witness does without.
fn bare_per_s(keys: &[Arc<dyn Sign>]) -> Outcome<f64> {
    let verified = PrivateKey::from_seed(key::Algorithm::Ed25519, &[9; 32])?;
    let message = [7; 128];
    let signature = verified.sign(&message)?;
    let began = Instant::now();
    for _ in 0..BARE {
        keep(verified.public().verify(&message, &signature));
        for key in keys {
            keep(key.sign(&message)?);
        }
    }
    Ok(f64::from(BARE) / began.elapsed().as_secs_f64())
}

fn key(
    kind: key::Algorithm,
    name: &str,
    algorithm: note::Algorithm,
    seed: u8,
) -> Outcome<Arc<dyn Sign>> {
    let key = PrivateKey::from_seed(kind, &[seed; 32])?;
    Ok(Arc::new(key.into_note_key(name, algorithm)?))
}

/// RFC 6962, section 2.1.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of_nothing(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            Hash::of_node(root(left), root(right))
        }
    }
}

/// RFC 6962, section 2.1.2.
fn consistency(leaves: &[Hash], old: usize, is_known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_known { Vec::new() } else { vec![root(leaves)] };
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut proof, other) = if old <= at {
        (consistency(left, old, is_known), right)
    } else {
        (consistency(right, old - at, false), left)
    };
    proof.push(root(other));
    proof
}

/// The largest power of two below a length of two or more.
fn split(length: usize) -> usize {
    length.next_power_of_two() / 2
}

const NAME: &str = "witness.example";
const NOW_S: u64 = 1_764_000_000;
const LOGS: u64 = 64;
const BARE: u32 = 2_000;
