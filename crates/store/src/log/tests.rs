#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use seal::key::Algorithm;
use seal::{Crypto, PrivateKey};
use tlog::note::Algorithm as NoteAlgorithm;
use tlog::tree::verify_inclusion;

use super::*;
use crate::files::Files;
use crate::memory::Memory;

pub(crate) const ORIGIN: &str = "log.example/test";
pub(crate) const NOW_MS: u64 = 1_790_000_000_000;

/// The keys of a test log.
pub(crate) fn keys() -> Vec<Arc<dyn Sign>> {
    let key = |algorithm, note, seed| -> Arc<dyn Sign> {
        let key = PrivateKey::from_seed(algorithm, &[seed; 32]).unwrap();
        Arc::new(key.into_note_key(ORIGIN, note).unwrap())
    };
    vec![
        key(Algorithm::Ed25519, NoteAlgorithm::Ed25519, 1),
        key(Algorithm::MlDsa44, NoteAlgorithm::MlDsa44, 2),
    ]
}

/// The names of a test entry: what stands before its colons.
pub(crate) fn names_of(entry: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(entry);
    let mut parts: Vec<String> = text.split(':').map(str::to_owned).collect();
    parts.pop();
    parts
}

pub(crate) fn config() -> Config {
    Config { names_of: Some(names_of), ..Config::new(ORIGIN, keys(), || NOW_MS) }
}

pub(crate) async fn open(backend: Arc<dyn Backend>) -> Log {
    Log::create(&*backend, &config()).await.unwrap();
    Log::open(backend, config()).await.unwrap()
}

pub(crate) fn entry(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn published_past(log: &Log, index: u64) -> Arc<Published> {
    let mut publications = log.publications();
    let is_past = |published: &Option<Arc<Published>>| {
        published.as_ref().is_some_and(|published| published.checkpoint.size > index)
    };
    let published = publications.wait_for(is_past).await.unwrap().clone();
    published.unwrap()
}

async fn works(backend: Arc<dyn Backend>) {
    let log = open(Arc::clone(&backend)).await;
    assert_eq!(log.published().unwrap().checkpoint.size, 0);
    let object = Object::new(entry("a surface"));
    let digest = object.digest();
    let first = log.submit(entry("a:1"), vec![object]).await.unwrap();
    assert_eq!((first.index, first.is_duplicate), (0, false));
    let again = log.submit(entry("a:1"), vec![]).await.unwrap();
    assert_eq!((again.index, again.is_duplicate), (0, true));
    let many = (0..600).map(|n| log.submit(entry(&format!("b:{n}")), vec![]));
    let many = futures_util::future::try_join_all(many).await.unwrap();
    let last = many.iter().map(|receipt| receipt.index).max().unwrap();
    let published = published_past(&log, last).await;
    assert_eq!(log.object(&digest).await.unwrap(), Some(entry("a surface")));
    for receipt in [first].iter().chain(&many) {
        let proof = log.proof(receipt.index).await.unwrap().unwrap();
        let checkpoint =
            Checkpoint::open(proof.checkpoint.as_bytes(), &config().verifiers(), &Crypto);
        let checkpoint = checkpoint.unwrap();
        assert_eq!(checkpoint, published.checkpoint);
        let (size, root) = (checkpoint.size, checkpoint.root);
        verify_inclusion(receipt.leaf, receipt.index, size, &proof.hashes, root).unwrap();
    }
    let (at, latest) = log.latest(&["b".into(), "c".into()]).await.unwrap().unwrap();
    let leaf = Hash::of_leaf(&latest.map_leaf.to_entry());
    let (size, root) = (at.checkpoint.size, at.checkpoint.root);
    verify_inclusion(leaf, size - 1, size, &latest.hashes, root).unwrap();
    let newest = latest.paths[0].1.verify(latest.map_leaf.root, &Map::key("b")).unwrap();
    assert_eq!(newest.unwrap().index, last);
    assert_eq!(latest.paths[1].1.verify(latest.map_leaf.root, &Map::key("c")).unwrap(), None);

    log.close().await;
    assert!(matches!(log.submit(entry("z:1"), vec![]).await, Err(SubmitError::Closed)));
    let log = Log::open(backend, config()).await.unwrap();
    assert_eq!(log.published().unwrap().checkpoint, published.checkpoint);
    for receipt in &many {
        assert_eq!(log.find(receipt.leaf).await.unwrap(), Some(receipt.index));
        let read = log.entries(receipt.index, receipt.index + 1).await.unwrap();
        assert_eq!(Hash::of_leaf(&read[0]), receipt.leaf);
    }
    assert_eq!(log.entries(200, 900).await.unwrap().len(), 256);
    assert_eq!(log.object(&digest).await.unwrap(), Some(entry("a surface")));
}

#[tokio::test]
async fn a_log_in_memory_sequences_proves_and_opens_again() {
    works(Arc::new(Memory::new())).await;
}

#[tokio::test]
async fn a_log_in_files_sequences_proves_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    works(Arc::new(Files::new(folder.path().join("log")))).await;
}
