//! A registry over a log in memory and tables in a file, for tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use seal::key::Algorithm;
use seal::statement::{Countersignature, Declaration, Status, SurfaceClaim, Verdict};
use seal::{Envelope, Predicate, PrivateKey, Statement};
use store::{Config, Database, Log, Object, memory::Memory};
use surface::{Digest, Digests, Era};
use tlog::Sign;

use super::{Appended, Identity, MIGRATIONS, Service, names_of};

pub(crate) const ORIGIN: &str = "registry.example.com/log";
pub(crate) const OPERATOR: &str = "com.example.registry";

/// A registry that is gone with its folder.
pub(crate) struct Fixture {
    pub(crate) service: Service,
    pub(crate) backend: Memory,
    pub(crate) folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let backend = Memory::new();
        Log::create(&backend, &config()).await.unwrap();
        Self::over(backend, tempfile::tempdir().unwrap()).await
    }

    /// A registry over a log and tables that are there.
    pub(crate) async fn over(backend: Memory, folder: tempfile::TempDir) -> Self {
        let log = Log::open(Arc::new(backend.another(None)), config()).await.unwrap();
        let url = format!("sqlite:{}", folder.path().join("index.db").display());
        let database = Database::open(&url, MIGRATIONS).await.unwrap();
        let identity = Identity {
            keys: vec![key(200)],
            operator: OPERATOR.into(),
            public_url: "http://127.0.0.1".into(),
            log_keys: log_keys().iter().map(|key| key.verifier().clone()).collect(),
        };
        Self { service: Service::new(log, database, identity), backend, folder }
    }

    /// Declares a version with a surface, as its publisher, and countersigns it.
    pub(crate) async fn publish(&self, server: &str, version: &str) -> Appended {
        self.publish_as(&key(1), server, version, &format!(r#"{{"surface":"{server}"}}"#)).await
    }

    pub(crate) async fn publish_as(
        &self,
        publisher: &PrivateKey,
        server: &str,
        version: &str,
        shown: &str,
    ) -> Appended {
        let body = body(server, version);
        let exact = Digest::of_bytes(shown.as_bytes());
        let it = Declaration {
            version: version.into(),
            entry: Digest::of_bytes(body.as_bytes()),
            object: Digest::of_bytes(body.as_bytes()),
            surface: Some(SurfaceClaim {
                digests: Digests { exact, semantic: exact },
                object: exact,
                era: Era::Modern,
                protocol_version: "2026-07-28".into(),
                authorization: "anonymous".into(),
            }),
            artefacts: BTreeMap::new(),
        };
        let statement = self.statement(server, Predicate::Declaration(it));
        let envelope = Envelope::sign(statement, &[publisher]).unwrap();
        let objects = vec![Object::new(body.into()), Object::new(Bytes::from(shown.to_owned()))];
        let keys = [publisher.public().clone()];
        let declared = self.service.append(envelope, &keys, objects).await.unwrap();
        let it = Countersignature {
            version: version.into(),
            declaration: declared.receipt.index,
            leaf: Digest::of_bytes(&[&[0], declared.envelope.bytes()].concat()),
            verdict: Verdict::Allow,
            findings: vec![],
            namespace: "dns".into(),
        };
        let statement = self.statement(server, Predicate::Countersignature(it));
        self.service.state(statement, vec![]).await.unwrap();
        declared
    }

    pub(crate) async fn status(&self, server: &str, version: Option<&str>, status: &str) {
        let it = Status {
            version: version.map(str::to_owned),
            status: status.into(),
            message: String::new(),
        };
        let statement = self.statement(server, Predicate::Status(it));
        self.service.state(statement, vec![]).await.unwrap();
    }

    pub(crate) fn statement(&self, server: &str, predicate: Predicate) -> Statement {
        let time = seal::time::format(self.service.now_s()).unwrap();
        Statement { server: server.into(), time, previous: None, predicate }
    }

    /// Waits until the newest durable entry is published.
    pub(crate) async fn published(&self) {
        let size = *self.service.log().sizes().borrow();
        let mut publications = self.service.log().publications();
        let there = publications.wait_for(|published| {
            published.as_ref().is_some_and(|published| published.checkpoint.size >= size)
        });
        tokio::time::timeout(std::time::Duration::from_secs(10), there).await.unwrap().unwrap();
    }
}

/// server.json as somebody formatted it.
pub(crate) fn body(server: &str, version: &str) -> String {
    format!("{{\n  \"version\": \"{version}\",\n  \"name\": \"{server}\", \"x\": 1.50\n}}")
}

pub(crate) fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(Algorithm::Ed25519, &[seed; 32]).unwrap()
}

pub(crate) fn log_keys() -> Vec<Arc<dyn Sign>> {
    let ml_dsa = PrivateKey::from_seed(Algorithm::MlDsa44, &[202; 32]).unwrap();
    vec![
        Arc::new(key(201).into_note_key(ORIGIN, tlog::note::Algorithm::Ed25519).unwrap()),
        Arc::new(ml_dsa.into_note_key(ORIGIN, tlog::note::Algorithm::MlDsa44).unwrap()),
    ]
}

fn config() -> Config {
    Config { names_of: Some(names_of), ..Config::new(ORIGIN, log_keys(), now_ms) }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
