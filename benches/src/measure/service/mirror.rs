//! A mirror of a whole upstream from loopback, beside a bare download of the same pages in the same run.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use authz::net::{Client, Request, Rules, System};
use harness::Scratch;
use registry::mirror::{Mirror, Scope};
use registry::service::{Identity, MIGRATIONS, Service, names_of};
use seal::{PrivateKey, key};
use serde_json::json;
use store::{Database, Log, files::Files};
use tlog::{Sign, note};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Outcome;
use crate::args::Options;
use crate::bars::Bars;
use crate::table::{Cell, Report, Table};

pub(in crate::measure) async fn run(
    options: &Options,
    report: &mut Report,
    bars: &mut Bars,
) -> Outcome<()> {
    let rows = options.pick(4_200, 84_000);
    let (address, bytes) = serve(pages(rows)).await?;
    let bare_s = download(address, rows).await?;
    let scratch = Scratch::new();
    let service = registry(scratch.path()).await?;
    let config = json!({
        "url": format!("http://{address}"), "requests_per_second": 1_000_000,
        "exceptions": [address.to_string()] });
    let mirror = Mirror::new(service.clone(), client(address)?, serde_json::from_value(config)?);
    let [first_s, again_s] = [sweep(&mirror, rows, rows).await?, sweep(&mirror, rows, 0).await?];
    service.close().await;
    let megabytes = count(bytes) / 1e6;
    let title =
        format!("{rows} entries of an upstream on loopback, {megabytes:.0} MB in pages of 100");
    let mut table = Table::new(title, &["what", "s", "rows/s", "× download"]);
    for (what, time_s) in [
        ("bare download of the pages", bare_s),
        ("first sweep: every entry signed, logged, projected", first_s),
        ("sweep of what is known: parsed, digested, compared", again_s),
    ] {
        let cells = [time_s, count(rows) / time_s, time_s / bare_s];
        table.row(what, cells.map(Cell::from));
    }
    report.tables.push(table);
    if rows == ALL_ROWS {
        bars.at_most("mirror of 84,000 entries", first_s, 60.0, "s");
    }
    Ok(())
}

pub(super) async fn sweep(mirror: &Mirror, rows: usize, stated: usize) -> Outcome<f64> {
    let start = Instant::now();
    let report = mirror.sync(Scope::Everything).await?;
    let time_s = start.elapsed().as_secs_f64();
    if (report.rows, report.stated) != (rows as u64, stated as u64) {
        return Err(format!("{report:?}").into());
    }
    Ok(time_s)
}

/// Every page, read and dropped.
async fn download(address: SocketAddr, rows: usize) -> Outcome<f64> {
    let client = client(address)?;
    let start = Instant::now();
    for from in (0..rows).step_by(PAGE_ROWS) {
        let url = format!("http://{address}/v0.1/servers?limit=100&cursor={from}").parse()?;
        let answer = client.send(Request { bytes_max: 16 << 20, ..Request::get(url) }).await?;
        super::super::keep(answer.body.len());
    }
    Ok(start.elapsed().as_secs_f64())
}

pub(super) fn client(address: SocketAddr) -> Outcome<Client> {
    let rules = Rules { exceptions: vec![address], ..Rules::default() };
    Ok(Client::new(rules, Arc::new(System))?)
}

/// Answers with pages, each whole and made before.
pub(super) fn pages(rows: usize) -> Vec<Vec<u8>> {
    let page = |from: usize| {
        let listed: Vec<_> = (from..rows.min(from + PAGE_ROWS)).map(row).collect();
        let next = (from + PAGE_ROWS < rows).then(|| (from + PAGE_ROWS).to_string());
        let body = json!({ "servers": listed, "metadata": { "nextCursor": next } }).to_string();
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    (0..rows).step_by(PAGE_ROWS).map(page).collect()
}

/// An entry of the usual kind: a package, two variables, a remote.
fn row(number: usize) -> serde_json::Value {
    let (name, version) = (format!("io.github.acme{}/server-{number}", number / 7), "1.4.0");
    json!({
        "server": {
            "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
            "name": name, "version": version, "title": "Files",
            "description": "Reads, writes and searches the files of a workspace that you choose.",
            "repository": { "url": format!("https://github.com/acme/{number}"), "source": "github", "id": number.to_string() },
            "packages": [{
                "registryType": "npm", "identifier": format!("@acme/server-{number}"), "version": version,
                "transport": { "type": "stdio" }, "runtimeHint": "npx",
                "environmentVariables": [
                    { "name": "ACME_TOKEN", "description": "Your token.", "isRequired": true, "isSecret": true },
                    { "name": "ACME_ROOT", "description": "Where to begin.", "default": "." } ] }],
            "remotes": [{ "type": "streamable-http", "url": format!("https://mcp{number}.acme.example/mcp") }]
        },
        "_meta": { "io.modelcontextprotocol.registry/official": {
            "status": "active", "publishedAt": "2026-03-01T12:00:00Z",
            "updatedAt": "2026-03-01T12:00:00Z", "isLatest": true } }
    })
}

pub(super) async fn serve(pages: Vec<Vec<u8>>) -> Outcome<(SocketAddr, usize)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let bytes = pages.iter().map(Vec::len).sum();
    let pages = Arc::new(pages);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&pages)));
        }
    });
    Ok((address, bytes))
}

async fn answer(mut stream: TcpStream, pages: Arc<Vec<Vec<u8>>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    loop {
        let read = stream.read_buf(&mut head).await?;
        if read == 0 {
            return Ok(());
        }
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        head.clear();
        let cursor = text.split("cursor=").nth(1).and_then(|rest| rest.split([' ', '&']).next());
        let from: usize = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or_default();
        let Some(page) = pages.get(from / PAGE_ROWS) else { return Ok(()) };
        stream.write_all(page).await?;
    }
}

/// A registry as `countersign up` runs it: files and SQLite.
pub(super) async fn registry(folder: &Path) -> Outcome<Service> {
    let seed = |seed: u8| PrivateKey::from_seed(key::Algorithm::Ed25519, &[seed; 32]);
    let ml_dsa = PrivateKey::from_seed(key::Algorithm::MlDsa44, &[3; 32])?;
    let keys: Vec<Arc<dyn Sign>> = vec![
        Arc::new(seed(1)?.into_note_key(ORIGIN, note::Algorithm::Ed25519)?),
        Arc::new(ml_dsa.into_note_key(ORIGIN, note::Algorithm::MlDsa44)?),
    ];
    let log_keys = keys.iter().map(|key| key.verifier().clone()).collect();
    let config = || store::Config {
        names_of: Some(names_of),
        ..store::Config::new(ORIGIN, keys.clone(), now_ms)
    };
    let files = Files::new(folder.join("log"));
    Log::create(&files, &config()).await?;
    let log = Log::open(Arc::new(files), config()).await?;
    let url = format!("sqlite:{}", folder.join("index.db").display());
    let database = Database::open(&url, MIGRATIONS).await?;
    let identity = Identity {
        keys: vec![seed(2)?],
        operator: "com.example.registry".to_owned(),
        public_url: "http://127.0.0.1".to_owned(),
        log_keys,
    };
    Ok(Service::new(log, database, identity))
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

const ORIGIN: &str = "registry.example.com/log";
const PAGE_ROWS: usize = 100;
pub(super) const ALL_ROWS: usize = 84_000;
