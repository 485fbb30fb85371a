#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use seal::crypto::Crypto;
use seal::key::{Algorithm, PrivateKey};
use sqlx::{Connection as _, Row as _};
use store::log::{CosignError, Cosigner};
use tlog::note::Algorithm as Note;
use tlog::{Checkpoint, Hash, Sign, VerifierKey, cosignature};
use tokio::net::TcpListener;
use url::Url;

use super::*;
use crate::net::{Client, Rules, System};

mod hostile;
mod lists;
mod protocol;
mod restored;

fn key(seed: u8, name: &str, algorithm: Note) -> Arc<dyn Sign> {
    let kind = match algorithm {
        Note::MlDsa44 => Algorithm::MlDsa44,
        Note::Ed25519 | Note::Cosignature => Algorithm::Ed25519,
    };
    let key = PrivateKey::from_seed(kind, &[seed; 32]).unwrap();
    Arc::new(key.into_note_key(name, algorithm).unwrap())
}

/// A log in memory that can fork.
struct TestLog {
    origin: String,
    keys: Vec<Arc<dyn Sign>>,
    leaves: Vec<Hash>,
}

impl TestLog {
    fn new(origin: &str) -> Self {
        let keys = vec![key(1, origin, Note::Ed25519), key(2, origin, Note::MlDsa44)];
        Self { origin: origin.to_owned(), keys, leaves: Vec::new() }
    }

    /// Adds leaves; logs of another `salt` fork here.
    fn grow(&mut self, count: usize, salt: &str) -> &mut Self {
        for _ in 0..count {
            let entry = format!("{salt} {}", self.leaves.len());
            self.leaves.push(Hash::of_leaf(entry.as_bytes()));
        }
        self
    }

    fn size(&self) -> u64 {
        self.leaves.len().try_into().unwrap()
    }

    fn checkpoint_at(&self, size: u64) -> Checkpoint {
        let size_usize = usize::try_from(size).unwrap();
        Checkpoint { origin: self.origin.clone(), size, root: root(&self.leaves[..size_usize]) }
    }

    fn note(&self) -> String {
        self.sign(&self.checkpoint_at(self.size()))
    }

    fn sign(&self, checkpoint: &Checkpoint) -> String {
        let keys: Vec<&dyn Sign> = self.keys.iter().map(|key| &**key).collect();
        checkpoint.sign(&keys, 1).unwrap()
    }

    fn proof(&self, old_size: u64) -> Vec<Hash> {
        if old_size == 0 || old_size >= self.size() {
            return Vec::new();
        }
        consistency(&self.leaves, usize::try_from(old_size).unwrap(), true)
    }

    fn request(&self, old_size: u64) -> String {
        let (proof, checkpoint) = (self.proof(old_size), self.note());
        tlog::witness::AddCheckpoint { old_size, proof, checkpoint }.to_string()
    }

    fn list(&self, per_day: u32) -> String {
        let entries = self.keys.iter().map(|key| {
            let key = key.verifier();
            format!("vkey {key}\norigin {}\nqpd {per_day}\ncontact nobody\n\n", self.origin)
        });
        entries.collect()
    }
}

/// RFC 6962 section 2.1, by its recursion: nothing of `tlog` but the hash of a node.
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

/// RFC 6962 section 2.1.2, by its recursion.
fn consistency(leaves: &[Hash], old: usize, is_whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_whole { Vec::new() } else { vec![root(leaves)] };
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    if old <= at {
        let mut proof = consistency(left, old, is_whole);
        proof.push(root(right));
        proof
    } else {
        let mut proof = consistency(right, old - at, false);
        proof.push(root(left));
        proof
    }
}

fn split(leaves: usize) -> usize {
    leaves.next_power_of_two() / 2
}

fn witness_keys(name: &str) -> Vec<Arc<dyn Sign>> {
    vec![key(8, name, Note::Cosignature), key(9, name, Note::MlDsa44)]
}

static CLOCK_S: AtomicU64 = AtomicU64::new(1_800_000_000);

fn clock() -> u64 {
    CLOCK_S.load(Ordering::Relaxed)
}

const NAME: &str = "witness.example/w1";
const OFTEN: u32 = (1 << 31) - 1;

async fn open(data: &Path, logs: &str) -> Result<Witness, StateError> {
    open_at(data, logs, clock).await
}

async fn open_at(data: &Path, logs: &str, clock: fn() -> u64) -> Result<Witness, StateError> {
    let logs = format!("logs/v0\n{logs}").parse().unwrap();
    let verify = Arc::new(Crypto);
    let (data, name, keys) = (data.to_owned(), NAME.to_owned(), witness_keys(NAME));
    Witness::open(Config { data, name, keys, logs, verify, clock }).await
}

async fn new(data: &Path, logs: &str) -> Witness {
    init(data, NAME).await.unwrap();
    open(data, logs).await.unwrap()
}

/// An answer: status, content type, body.
type Answer = (u16, String, String);

async fn ask(
    witness: &Witness,
    method: &str,
    path: &str,
    body: impl Into<axum::body::Body>,
) -> Answer {
    use tower::ServiceExt as _;
    let request = http::Request::builder().method(method).uri(path).body(body.into()).unwrap();
    let response = witness.router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, kind.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
}

async fn add(witness: &Witness, body: impl Into<axum::body::Body>) -> Answer {
    ask(witness, "POST", "/add-checkpoint", body).await
}

async fn monitored(witness: &Witness, origin: &str) -> Answer {
    let path = format!("/{}/checkpoint", server::hash_of(origin));
    ask(witness, "GET", &path, axum::body::Body::empty()).await
}

/// Which types of cosignature of `checkpoint` are in some lines, each verified.
fn verified(lines: &str, checkpoint: &Checkpoint) -> Vec<Note> {
    let keys: Vec<VerifierKey> =
        witness_keys(NAME).iter().map(|key| key.verifier().clone()).collect();
    let mut found = Vec::new();
    for line in lines.lines() {
        let line = tlog::note::Signature::parse(line).unwrap();
        let key = keys.iter().find(|key| key.is_named_by(&line)).expect("a key of the witness");
        let time_s = cosignature::verify(checkpoint, &line, key, &Crypto).expect("it verifies");
        assert!(time_s > 0);
        found.push(key.algorithm());
    }
    found
}

async fn evidence(data: &Path) -> Vec<(String, i64, Option<String>, String)> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(data.join("witness.db"));
    let mut db = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query("SELECT origin, size, held, request FROM evidence ORDER BY size");
    let rows = rows.fetch_all(&mut db).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
}

/// Serves a router on loopback: its URL, and a client that may dial it.
async fn served(router: axum::Router) -> (Url, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(crate::api::serve(listener, router, std::future::pending()));
    (format!("http://{address}/").parse().unwrap(), dialling(address))
}

fn dialling(address: SocketAddr) -> Client {
    let rules = Rules { exceptions: vec![address], ..Rules::default() };
    Client::new(rules, Arc::new(System)).unwrap()
}
