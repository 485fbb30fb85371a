//! A database, an object store, and a proxy before each.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use harness::{Postgres, Proxy, S3};
use object_store::aws::AmazonS3Builder;
use seal::{PrivateKey, key};
use store::scale::{self, Scale};
use store::{Config, StoreError};
use tlog::{Sign, VerifierKey, note};

/// What a test runs against.
pub(crate) struct World {
    pub(crate) postgres: Postgres,
    pub(crate) s3: S3,
    pub(crate) to_postgres: Proxy,
    pub(crate) to_s3: Proxy,
}

impl World {
    pub(crate) fn new() -> Self {
        let postgres = Postgres::start();
        let s3 = S3::start();
        let to_postgres = Proxy::to(postgres.port());
        let to_s3 = Proxy::to(s3.port());
        Self { postgres, s3, to_postgres, to_s3 }
    }

    /// Through the proxies.
    pub(crate) fn proxied(&self) -> (String, String) {
        let database =
            format!("postgres://countersign@127.0.0.1:{}/postgres", self.to_postgres.port());
        (database, S3::url_at(self.to_s3.port(), PREFIX))
    }

    /// Past them.
    pub(crate) fn direct(&self) -> (String, String) {
        (self.postgres.url("postgres"), self.s3.url(PREFIX))
    }

    /// A backend through the proxies.
    pub(crate) async fn open(&self) -> Scale {
        open(&self.proxied()).await.unwrap()
    }

    /// A backend past the proxies.
    pub(crate) async fn open_direct(&self) -> Scale {
        open(&self.direct()).await.unwrap()
    }
}

pub(crate) async fn open((database, objects): &(String, String)) -> Result<Scale, StoreError> {
    let credentials =
        AmazonS3Builder::new().with_access_key_id(S3::KEY).with_secret_access_key(S3::KEY);
    scale::open_with(database, objects, credentials, ORIGIN).await
}

/// How the test's log works.
pub(crate) fn config() -> Config {
    let key = |algorithm, note, seed| -> Arc<dyn Sign> {
        let key = PrivateKey::from_seed(algorithm, &[seed; 32]).unwrap();
        Arc::new(key.into_note_key(ORIGIN, note).unwrap())
    };
    let keys = vec![
        key(key::Algorithm::Ed25519, note::Algorithm::Ed25519, 1),
        key(key::Algorithm::MlDsa44, note::Algorithm::MlDsa44, 2),
    ];
    Config { names_of: Some(names_of), ..Config::new(ORIGIN, keys, now_ms) }
}

/// The keys that verify it.
pub(crate) fn verifiers() -> Vec<VerifierKey> {
    config().keys.iter().map(|key| key.verifier().clone()).collect()
}

/// The name of a test entry: what stands before its first colon.
fn names_of(entry: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(entry);
    text.split_once(':').map(|(name, _)| name.to_owned()).into_iter().collect()
}

/// The clock of this replica, which may be wrong.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now_ms = u64::try_from(since.as_millis()).unwrap();
    let wrong_ms = std::env::var("CLOCK_WRONG_MS").ok().and_then(|text| text.parse().ok());
    now_ms.saturating_add_signed(wrong_ms.unwrap_or_default())
}

/// Runs `work` on threads as the service does, with an end.
pub(crate) fn run(work: impl Future<Output = ()>) {
    run_for(Duration::from_mins(2), work);
}

/// The same, with an end of its own.
pub(crate) fn run_for(time: Duration, work: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(time, work).await.expect("the test ends in time");
    });
}

pub(crate) const ORIGIN: &str = "log.example/scale";
pub(crate) const PREFIX: &str = "logs/one";
