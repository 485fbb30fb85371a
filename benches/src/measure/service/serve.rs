//! The registry's reads under a steady load, beside a handler that answers with the same bytes and does
//! nothing else, in the same run.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use harness::Scratch;
use registry::mirror::Mirror;
use registry::service::Service;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::mirror;
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
    let rows = options.pick(4_200, mirror::ALL_ROWS);
    let time = Duration::from_secs(options.pick(2, 10));
    let scratch = Scratch::new();
    let service = filled(&scratch, rows).await?;
    let size = service.log().published().ok_or("nothing is published")?.checkpoint.size;
    let address = listen(registry::api::router(service.clone(), Router::new())).await?;
    let title = format!(
        "{PER_S} requests/s for {} s over {CONNECTIONS} connections, from when each was due; {rows} rows, \
         {size} entries",
        time.as_secs()
    );
    let mut table =
        Table::new(title, &["what", "bytes", "p50 ms", "p99 ms", "handler p99 ms", "×"]);
    let reads: [(&str, &str, f64, Path); 3] = [
        ("a page of 30 servers", "page p99 at 84,000 rows", 5.0, |_| "/v0.1/servers".to_owned()),
        ("a search that finds one to a hundred", "search p99 at 84,000 rows", 5.0, |number| {
            format!("/v0.1/servers?search=acme{}/", number * STRIDE % 600)
        }),
        ("a proof of inclusion", "proof p99", 1.0, |number| {
            format!("/log/proof/{}", number * STRIDE % PROVED)
        }),
    ];
    for (what, bar, limit_ms, path) in reads {
        let sample = exchange(&mut TcpStream::connect(address).await?, &asking(&path(1))).await?;
        let handler = listen(constant(sample.clone())).await?;
        load(address, path, time / 5).await?;
        let mut bare = load(handler, path, time).await?;
        let mut ours = load(address, path, time).await?;
        let (bare_ms, p99_ms) = (quantile(&mut bare, 0.99), quantile(&mut ours, 0.99));
        let bytes = Cell::Text(sample.len().to_string());
        let cells = [quantile(&mut ours, 0.5), p99_ms, bare_ms, p99_ms / bare_ms].map(Cell::from);
        table.row(what, std::iter::once(bytes).chain(cells).collect::<Vec<_>>());
        if rows == mirror::ALL_ROWS {
            bars.at_most(bar, p99_ms, limit_ms, "ms");
        }
    }
    report.tables.push(table);
    service.close().await;
    Ok(())
}

/// The path of a request, by its number.
type Path = fn(u64) -> String;

/// A registry over files and SQLite that has mirrored `rows` entries.
async fn filled(scratch: &Scratch, rows: usize) -> Outcome<Service> {
    let (upstream, _) = mirror::serve(mirror::pages(rows)).await?;
    let service = mirror::registry(scratch.path()).await?;
    let config = json!({
        "url": format!("http://{upstream}"), "requests_per_second": 1_000_000,
        "exceptions": [upstream.to_string()] });
    let client = mirror::client(upstream)?;
    let mirror = Mirror::new(service.clone(), client, serde_json::from_value(config)?);
    mirror::sweep(&mirror, rows, rows).await?;
    Ok(service)
}

/// Answers every path with `body`.
fn constant(body: Bytes) -> Router {
    Router::new().route("/{*path}", get(move || std::future::ready(body.clone())))
}

async fn listen(router: Router) -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(registry::api::serve(listener, router, std::future::pending()));
    Ok(address)
}

/// Milliseconds from when each request was due to the end of its answer.
async fn load(address: SocketAddr, path: Path, time: Duration) -> Outcome<Vec<f64>> {
    let start = Instant::now() + Duration::from_millis(50);
    let mut connections = JoinSet::new();
    for first in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        connections.spawn(async move {
            let mut latencies_ms = Vec::new();
            for number in (first..).step_by(STEP) {
                let due = start + Duration::from_micros(number * 1_000_000 / PER_S);
                if due >= start + time {
                    break;
                }
                tokio::time::sleep_until(due.into()).await;
                exchange(&mut stream, &asking(&path(number))).await?;
                latencies_ms.push(due.elapsed().as_secs_f64() * 1e3);
            }
            Outcome::Ok(latencies_ms)
        });
    }
    let mut all = Vec::new();
    while let Some(joined) = connections.join_next().await {
        all.extend(joined??);
    }
    Ok(all)
}

fn asking(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
}

/// The body of the answer to a request, which has to be a success.
pub(super) async fn exchange(stream: &mut TcpStream, request: &str) -> Outcome<Bytes> {
    stream.write_all(request.as_bytes()).await?;
    let mut received = Vec::with_capacity(64 << 10);
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Err("an answer was cut off".into());
        }
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(received.get(..end).unwrap_or_default()).to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.ok_or("an answer without a length")?.trim().parse()?;
        if received.len() < end + 4 + length {
            continue;
        }
        if !head.starts_with("http/1.1 200") {
            return Err(String::from_utf8_lossy(&received).into_owned().into());
        }
        return Ok(Bytes::from(received).slice(end + 4..));
    }
}

const PER_S: u64 = 1_000;
const CONNECTIONS: u64 = 32;
const STEP: usize = 32;
/// Spreads requests over names and entries.
const STRIDE: u64 = 7_919;
/// Every log here has more entries.
const PROVED: u64 = 4_200;
