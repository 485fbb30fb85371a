//! An upstream on loopback, a registry in memory, and a mirror between them.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use authz::net::{Client, Rules, System};
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;
use registry::mirror::{Config, Mirror};
use registry::service::{Identity, MIGRATIONS, names_of};
use registry::{Service, service};
use seal::PrivateKey;
use seal::key::Algorithm;
use serde_json::{Value, json};
use sqlx::Row as _;
use store::memory::Memory;
use store::{Database, Log};
use tlog::Sign;

type Rows = Arc<Mutex<Arc<Vec<Value>>>>;

pub(crate) struct Pair {
    pub(crate) mirror: Mirror,
    service: Service,
    rows: Rows,
    told: Mutex<i64>,
    _folder: tempfile::TempDir,
}

impl Pair {
    pub(crate) async fn start() -> Self {
        let rows = Rows::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/v0.1/servers", get(list))
            .route("/v0.1/servers/{name}/versions/{version}", get(one))
            .with_state(Arc::clone(&rows));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        let service = registry(&folder).await;
        let config = json!({
            "url": format!("http://{address}"), "requests_per_second": 100_000,
            "exceptions": [address.to_string()] });
        let config: Config = serde_json::from_value(config).unwrap();
        let rules = Rules { exceptions: config.exceptions.clone(), ..Rules::default() };
        let client = Client::new(rules, Arc::new(System)).unwrap();
        let mirror = Mirror::new(service.clone(), client, config);
        Self { mirror, service, rows, told: Mutex::new(0), _folder: folder }
    }

    /// What the upstream lists from now on.
    pub(crate) fn serve(&self, rows: Vec<Value>) {
        *self.rows.lock().unwrap() = Arc::new(rows);
    }

    /// What the feed told since the last time: server, code, severity.
    pub(crate) async fn changes(&self) -> Vec<(String, String, i64)> {
        let told = *self.told.lock().unwrap();
        let query =
            sqlx::query("SELECT id, server, code, severity FROM changes WHERE id > $1 ORDER BY id");
        let rows = query.bind(told).fetch_all(self.service.database().pool()).await.unwrap();
        if let Some(last) = rows.last() {
            *self.told.lock().unwrap() = last.get(0);
        }
        rows.iter().map(|row| (row.get(1), row.get(2), row.get(3))).collect()
    }

    pub(crate) fn statements(&self) -> u64 {
        *self.service.log().sizes().borrow()
    }
}

async fn registry(folder: &tempfile::TempDir) -> Service {
    let key = |seed| PrivateKey::from_seed(Algorithm::Ed25519, &[seed; 32]).unwrap();
    let origin = "registry.example.com/log";
    let note_key = key(1).into_note_key(origin, tlog::note::Algorithm::Ed25519).unwrap();
    let keys: Vec<Arc<dyn Sign>> = vec![Arc::new(note_key)];
    let log_keys = keys.iter().map(|key| key.verifier().clone()).collect();
    let config = || store::Config {
        names_of: Some(names_of),
        ..store::Config::new(origin, keys.clone(), now_ms)
    };
    let backend = Memory::new();
    Log::create(&backend, &config()).await.unwrap();
    let log = Log::open(Arc::new(backend), config()).await.unwrap();
    let url = format!("sqlite:{}", folder.path().join("index.db").display());
    let database = Database::open(&url, MIGRATIONS).await.unwrap();
    let identity = Identity {
        keys: vec![key(2)],
        operator: "com.example.registry".into(),
        public_url: "http://127.0.0.1".into(),
        log_keys,
    };
    service::Service::new(log, database, identity)
}

async fn list(State(rows): State<Rows>, RawQuery(query): RawQuery) -> String {
    let rows = Arc::clone(&rows.lock().unwrap());
    let query = query.unwrap_or_default();
    let cursor = query.split('&').find_map(|pair| pair.strip_prefix("cursor="));
    let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
    let page: Vec<_> =
        rows.iter().skip(from).take(100).map(|server| json!({ "server": server })).collect();
    let next = (from + 100 < rows.len()).then(|| (from + 100).to_string());
    json!({ "servers": page, "metadata": { "nextCursor": next } }).to_string()
}

async fn one(
    State(rows): State<Rows>,
    Path((name, version)): Path<(String, String)>,
) -> Result<String, StatusCode> {
    let rows = Arc::clone(&rows.lock().unwrap());
    let row = rows.iter().find(|row| row["name"] == name && row["version"] == version);
    row.map(|server| json!({ "server": server }).to_string()).ok_or(StatusCode::NOT_FOUND)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}
