//! What the tests of a log share: keys, a configuration, entries, an oracle.

use std::sync::Arc;

use bytes::Bytes;
use seal::PrivateKey;
use seal::key::Algorithm;
use store::log::Published;
use store::oracle::{Audited, Oracle};
use store::{Backend, Config, Log, Object, Receipt, SubmitError};
use surface::Digest;
use tlog::note::Algorithm as NoteAlgorithm;
use tlog::{Sign, VerifierKey};

pub(crate) const ORIGIN: &str = "log.example/test";
pub(crate) const NOW_MS: u64 = 1_790_000_000_000;

pub(crate) fn key(name: &str, seed: u8, algorithm: NoteAlgorithm) -> Arc<dyn Sign> {
    let kind = match algorithm {
        NoteAlgorithm::MlDsa44 => Algorithm::MlDsa44,
        _ => Algorithm::Ed25519,
    };
    let key = PrivateKey::from_seed(kind, &[seed; 32]).unwrap();
    Arc::new(key.into_note_key(name, algorithm).unwrap())
}

/// The keys of the test log.
pub(crate) fn keys() -> Vec<Arc<dyn Sign>> {
    vec![key(ORIGIN, 1, NoteAlgorithm::Ed25519), key(ORIGIN, 2, NoteAlgorithm::MlDsa44)]
}

pub(crate) fn verifiers() -> Vec<VerifierKey> {
    keys().iter().map(|key| key.verifier().clone()).collect()
}

pub(crate) fn config() -> Config {
    Config { names_of: Some(names_of), ..Config::new(ORIGIN, keys(), || NOW_MS) }
}

/// An entry is `name…:text` or `name…:text@object`.
pub(crate) fn names_of(entry: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(entry);
    let mut parts: Vec<String> = text.split(':').map(str::to_owned).collect();
    parts.pop();
    parts
}

pub(crate) fn objects_of(entry: &[u8]) -> Vec<Digest> {
    let text = String::from_utf8_lossy(entry);
    let object = text.split_once('@').map(|(_, object)| Digest::of_bytes(object.as_bytes()));
    object.into_iter().collect()
}

pub(crate) fn oracle() -> Oracle {
    Oracle::new(ORIGIN.into(), verifiers(), Some(names_of), Some(objects_of))
}

pub(crate) fn entry(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// Submits an entry with the object that it names.
pub(crate) async fn submit(log: &Log, text: &str) -> Result<Receipt, SubmitError> {
    let objects = text.split_once('@').map(|(_, object)| Object::new(entry(object)));
    log.submit(entry(text), objects.into_iter().collect()).await
}

pub(crate) async fn create(backend: Arc<dyn Backend>) -> Log {
    Log::create(&*backend, &config()).await.unwrap();
    Log::open(backend, config()).await.unwrap()
}

/// Waits until an index is published.
pub(crate) async fn published_past(log: &Log, index: u64) -> Arc<Published> {
    let mut publications = log.publications();
    let is_past = |published: &Option<Arc<Published>>| {
        published.as_ref().is_some_and(|published| published.checkpoint.size > index)
    };
    let published = publications.wait_for(is_past).await.unwrap().clone();
    published.unwrap()
}

/// The oracle over a backend whose log is closed or at rest.
pub(crate) async fn check(oracle: &mut Oracle, backend: &dyn Backend) -> Audited {
    match oracle.check(backend).await {
        Ok(audited) => audited,
        Err(error) => panic!("{}: {error}: {error:?}", error.code()),
    }
}
