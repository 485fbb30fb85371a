//! A database, an object store, and a proxy before each.

use std::time::Duration;

use harness::{Postgres, Proxy, S3};
use object_store::aws::AmazonS3Builder;
use store::StoreError;
use store::scale::{self, Scale};

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

/// Runs `work` on threads as the service does, with an end.
pub(crate) fn run(work: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(120), work).await.expect("the test ends in time");
    });
}

pub(crate) const ORIGIN: &str = "log.example/scale";
pub(crate) const PREFIX: &str = "logs/one";
