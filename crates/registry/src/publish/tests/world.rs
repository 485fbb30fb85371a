//! A registry on loopback, and the services of others that it asks: web servers, a resolver, an
//! issuer of tokens. The registry, its log and its verifiers are the real ones.

mod dns;
mod web;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seal::key::Algorithm;
use seal::{Envelope, Predicate, PrivateKey, Statement};
use serde_json::{Value, json};
use store::memory::Memory;
use store::{Config, Database, Log};
use surface::document::{self, Detail};
use surface::{CacheScope, Surface};
use tlog::Sign;
use tlog::note::Algorithm as NoteAlgorithm;

use super::super::server_json::SCHEMA;
use super::super::*;
use crate::namespace::{self, Github};
use crate::net::{Client, Resolve, Rules};
use crate::service::{Identity, MIGRATIONS, names_of};

pub(super) use dns::Dns;
pub(super) use web::{Issuer, Web};

pub(super) const ORIGIN: &str = "https://registry.test";

pub(super) struct World {
    pub(super) url: String,
    pub(super) web: Web,
    pub(super) dns: Dns,
    pub(super) issuer: Issuer,
    pub(super) service: Service,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

/// An answer of the registry.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(super) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{:?}", self.body);
        self.body
    }

    pub(super) fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.code()), (status, code), "{:?}", self.body);
        self.body
    }
}

struct Loopback;

#[async_trait]
impl Resolve for Loopback {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        Ok(vec!["127.0.0.1".parse().unwrap()])
    }
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub(super) fn now_s() -> u64 {
    now_ms() / 1_000
}

pub(super) fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(Algorithm::Ed25519, &[seed; 32]).unwrap()
}

/// Whose approval counts.
pub(super) fn reviewer() -> PrivateKey {
    key(200)
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Admission::default()).await
    }

    pub(super) async fn with(admission: Admission) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (web, dns) = (Web::start().await, Dns::start().await);
        let issuer = Issuer::new(&web);
        let service = service(&folder).await;
        let rules = Rules { exceptions: vec![web.address], ..Rules::default() };
        let client = Client::new(rules, Arc::new(Loopback)).unwrap();
        let config = namespace::Config {
            github: Some(Github {
                issuer: "https://token.test".into(),
                keys: web.url("token.test", "/jwks"),
                api: web.url("api.test", "/"),
                client_id: Some("Iv23test".into()),
            }),
            resolvers: vec![dns.address],
            well_known: web
                .url("x", "/.well-known/mcp-registry-auth")
                .to_string()
                .replace("//x:", "//{domain}:"),
            ..namespace::Config::new(ORIGIN)
        };
        let namespaces = Namespaces::new(service.clone(), config, client.clone()).unwrap();
        let reviewers = vec![reviewer().public().clone()];
        let admission = Admission { reviewers, ..admission };
        let registries = Registries {
            npm: Some(web.url("npm.test", "/")),
            pypi: Some(web.url("pypi.test", "/")),
            are_bundles_fetched: false,
        };
        let publisher = Publisher::new(service.clone(), namespaces, admission, registries, client);
        let router = crate::api::router(
            service.clone(),
            handlers::router(publisher).merge(crate::feed::router(service.clone())),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(crate::api::serve(listener, router, std::future::pending()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url, web, dns, issuer, service, http, _folder: folder }
    }

    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let method = method.parse().unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        request = request.header("content-type", "application/json").body(body.into());
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap();
        let body =
            serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
        Answer { status, body }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, "").await
    }

    /// A login as `com.example`, by DNS.
    pub(super) async fn login(&self) -> String {
        self.dns.publish("example.com", &[&record(&key(100))]);
        // A timestamp counts once for a key; offsets make it another text of the same second.
        for minutes in 0..700 {
            let (timestamp, signature) = signed(&key(100), now_s(), minutes);
            let body = json!({ "domain": "example.com", "timestamp": timestamp, "signed_timestamp": signature });
            let answer = self.send("POST", "/v0/auth/dns", None, body.to_string()).await;
            if answer.code() != "namespace.replayed" {
                return answer.ok()["registry_token"].as_str().unwrap().to_owned();
            }
        }
        panic!("no timestamp is left")
    }

    /// Publishes a declaration under a key.
    pub(super) async fn declare(&self, token: &str, key: &PrivateKey, draft: &Draft) -> Answer {
        self.send("POST", "/v0.1/countersign/publish", Some(token), draft.signed(&[key]).to_body())
            .await
    }

    /// What the API shows of a version: its state under our key.
    pub(super) async fn state(&self, version: &str) -> String {
        let shown =
            self.get(&format!("/v0.1/servers/com.example%2Ffiles/versions/{version}")).await.ok();
        shown["_meta"]["test.registry/countersign"]["state"].as_str().unwrap().to_owned()
    }

    /// The codes in the feed.
    pub(super) async fn changes(&self) -> Vec<String> {
        use sqlx::Row as _;
        let rows = sqlx::query("SELECT code FROM changes ORDER BY id");
        let rows = rows.fetch_all(self.service.database().pool()).await.unwrap();
        rows.iter().map(|row| row.try_get(0).unwrap()).collect()
    }

    /// The statement at an index.
    pub(super) async fn statement(&self, index: &Value) -> Statement {
        let index = index.as_u64().unwrap();
        let entries = self.service.log().entries(index, index + 1).await.unwrap();
        Envelope::parse(&entries[0]).unwrap().statement().clone()
    }

    /// Takes a statement about `com.example/files` by some keys.
    pub(super) async fn take(&self, predicate: Predicate, keys: &[&PrivateKey]) -> Answer {
        let envelope = Envelope::sign(statement("com.example/files", predicate), keys).unwrap();
        let pems: Vec<String> = keys.iter().map(|key| key.public().to_string()).collect();
        let envelope = String::from_utf8(envelope.bytes().to_vec()).unwrap();
        let body = format!("{{\"envelope\":{envelope},\"keys\":{}}}", json!(pems));
        self.send("POST", "/v0.1/countersign/statements", None, body).await
    }
}

async fn service(folder: &tempfile::TempDir) -> Service {
    let note = |seed: u8| -> Arc<dyn Sign> {
        Arc::new(key(seed).into_note_key("log.test", NoteAlgorithm::Ed25519).unwrap())
    };
    let config =
        || Config { names_of: Some(names_of), ..Config::new("log.test", vec![note(101)], now_ms) };
    let backend = Arc::new(Memory::new());
    Log::create(&*backend, &config()).await.unwrap();
    let log = Log::open(backend, config()).await.unwrap();
    let path = folder.path().join("index.sqlite");
    let database = Database::open(&format!("sqlite:{}", path.display()), MIGRATIONS).await.unwrap();
    let log_keys = vec![note(101).verifier().clone()];
    let (operator, public_url) = ("test.registry".into(), ORIGIN.into());
    let identity = Identity { keys: vec![key(102)], operator, public_url, log_keys };
    Service::new(log, database, identity)
}

pub(super) fn statement(server: &str, predicate: Predicate) -> Statement {
    let time = seal::time::format(now_s()).unwrap();
    Statement { server: server.into(), time, previous: None, predicate }
}

/// The record by which a domain publishes a key.
pub(super) fn record(key: &PrivateKey) -> String {
    format!("v=MCPv1; k=ed25519; p={}", STANDARD.encode(key.public().raw()))
}

/// A timestamp, written with an offset, and its signature in hexadecimal digits.
pub(super) fn signed(key: &PrivateKey, time_s: u64, offset_minutes: i32) -> (String, String) {
    let time = jiff::Timestamp::from_second(i64::try_from(time_s).unwrap()).unwrap();
    let text = if offset_minutes == 0 {
        time.to_string()
    } else {
        let offset = jiff::tz::Offset::from_seconds(offset_minutes * 60).unwrap();
        time.display_with_offset(offset).to_string()
    };
    let signature = key.sign(text.as_bytes()).unwrap();
    (text, hex(&signature))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// What somebody means to publish.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) entry: Value,
    pub(super) tools: Value,
    pub(super) artefacts: std::collections::BTreeMap<String, String>,
    pub(super) cache_scope: CacheScope,
}

impl Draft {
    pub(super) fn new(version: &str) -> Self {
        let entry = json!({
            "$schema": SCHEMA, "name": "com.example/files", "description": "Reads files.",
            "version": version,
        });
        let tools = json!([{ "name": "read_file", "description": "Reads a file.",
            "inputSchema": { "type": "object", "properties": { "path": { "type": "string" } } } }]);
        Self {
            entry,
            tools,
            artefacts: std::collections::BTreeMap::default(),
            cache_scope: CacheScope::Public,
        }
    }

    pub(super) fn with_tools(version: &str, description: &str) -> Self {
        let mut draft = Self::new(version);
        draft.tools[0]["description"] = json!(description);
        draft
    }

    pub(super) fn surface(&self) -> Surface {
        let answers = json!({
            "initialize": { "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
                            "serverInfo": { "name": "files", "version": "1" } },
            "tools/list": { "tools": self.tools },
        });
        let text = answers.to_string();
        let scanned = wire::Document::parse(text.as_bytes(), &document::POLICY).unwrap();
        document::read(scanned.root()).unwrap()
    }

    pub(super) fn document(&self) -> Vec<u8> {
        let written = document::write(&self.surface(), self.cache_scope, Detail::Items);
        surface::canonical::to_vec(&written)
    }

    /// The submission, signed by some keys.
    pub(super) fn signed(&self, keys: &[&PrivateKey]) -> Submission {
        self.said(keys, |_| {})
    }

    /// The submission with a declaration that was changed before it was signed.
    pub(super) fn said(
        &self,
        keys: &[&PrivateKey],
        change: impl FnOnce(&mut Statement),
    ) -> Submission {
        let entry_bytes = self.entry.to_string();
        let entry = ServerJson::parse(entry_bytes.as_bytes()).unwrap();
        let public = Self { cache_scope: CacheScope::Public, ..self.clone() };
        let mut declaration =
            declaration(&entry, &public.document(), "2025-11-25", self.artefacts.clone()).unwrap();
        let document = self.document();
        if let Some(claim) = &mut declaration.surface {
            claim.object = surface::Digest::of_bytes(&document);
        }
        let mut statement = statement(entry.name(), Predicate::Declaration(declaration));
        change(&mut statement);
        let envelope = Envelope::sign(statement, keys).unwrap();
        Submission {
            entry: entry_bytes.into(),
            surface: document.into(),
            envelope: bytes::Bytes::copy_from_slice(envelope.bytes()),
            keys: keys.iter().map(|key| key.public().to_string()).collect(),
        }
    }
}

pub(super) fn address_of(socket: &impl LocalAddress) -> SocketAddr {
    socket.local()
}

pub(super) trait LocalAddress {
    fn local(&self) -> SocketAddr;
}

impl LocalAddress for tokio::net::UdpSocket {
    fn local(&self) -> SocketAddr {
        self.local_addr().unwrap()
    }
}

impl LocalAddress for tokio::net::TcpListener {
    fn local(&self) -> SocketAddr {
        self.local_addr().unwrap()
    }
}
