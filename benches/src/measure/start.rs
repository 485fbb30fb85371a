//! From starting a process to the first byte of its answer to `initialize`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Outcome;
use crate::args::Options;
use crate::bars::Bars;
use crate::contender::{DIRECT, FORWARDER, GUARD, Guard, start_role};
use crate::process::{self, Group};
use crate::stats::{median, quantile};
use crate::table::{Cell, Report, Table, say};

pub(super) async fn run(
    options: &Options,
    guard: Option<&Guard>,
    report: &mut Report,
    bars: &mut Bars,
) -> Outcome<()> {
    let rounds = options.rounds.unwrap_or(options.pick(5, 30));
    say("starting processes");
    let this = std::env::current_exe()?.to_string_lossy().into_owned();
    let mut stdio = vec![
        (DIRECT, process::role(&["echo-stdio"])?),
        (FORWARDER, process::role(&["forward-stdio", &this, "echo-stdio"])?),
    ];
    if let Some(guard) = guard {
        stdio.push((GUARD, guard.before_stdio()?));
    }
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); stdio.len()];
    for _ in 0..rounds {
        for ((_, command), times) in stdio.iter_mut().zip(&mut times) {
            times.push(first_byte_stdio_ms(command)?);
        }
    }
    let names = stdio.iter().map(|(name, _)| *name);
    let guard_ms = tabulate("Start to first byte, stdio", names, times, report);
    judge(bars, "stdio", guard_ms);

    let (_server, port) = start_role(&["echo-http"])?;
    let upstream = format!("127.0.0.1:{port}");
    if let Some(guard) = guard {
        drop(guard.before_http(port)?);
    }
    let mut times = vec![Vec::new(); if guard.is_some() { 2 } else { 1 }];
    for _ in 0..rounds {
        for (who, times) in times.iter_mut().enumerate() {
            let began = Instant::now();
            let (group, front) = match guard.filter(|_| who == 1) {
                Some(guard) => guard.start_http(port)?,
                None => start_role(&["forward-http", &upstream])?,
            };
            times.push(first_byte_http_ms(began, group, front)?);
        }
    }
    let names = [FORWARDER, GUARD].into_iter();
    let guard_ms = tabulate("Start to first byte, HTTP", names, times, report);
    judge(bars, "HTTP", guard_ms);
    Ok(())
}

/// Adds a table and gives the median of the guard.
fn tabulate(
    title: &str,
    names: impl Iterator<Item = &'static str>,
    times: Vec<Vec<f64>>,
    report: &mut Report,
) -> Option<f64> {
    let mut table = Table::new(title, &["path", "p50 ms", "p90 ms", "× first row"]);
    let first = times.first().cloned().unwrap_or_default();
    let mut guard_ms = None;
    for (name, mut times) in names.zip(times) {
        let p90 = quantile(&mut times, 0.9);
        let p50 = median(times.iter().copied());
        table.row(name, [p50, p90, p50 / median(first.iter().copied())].map(Cell::from));
        if name == GUARD {
            guard_ms = Some(p50);
        }
    }
    report.tables.push(table);
    guard_ms
}

fn judge(bars: &mut Bars, transport: &str, guard_ms: Option<f64>) {
    if let Some(guard_ms) = guard_ms {
        bars.at_most(format!("guard, start to first byte, {transport}"), guard_ms, 30.0, "ms");
    }
}

fn first_byte_stdio_ms(command: &mut Command) -> Outcome<f64> {
    let began = Instant::now();
    let mut group = Group::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
    let mut input = group.child().stdin.take().ok_or("no stdin")?;
    let mut output = group.child().stdout.take().ok_or("no stdout")?;
    input.write_all(INITIALIZE)?;
    input.write_all(b"\n")?;
    output.read_exact(&mut [0])?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

fn first_byte_http_ms(began: Instant, group: Group, port: u16) -> Outcome<f64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n\r\n",
        INITIALIZE.len()
    );
    stream.write_all(&[head.as_bytes(), INITIALIZE].concat())?;
    stream.read_exact(&mut [0])?;
    drop(group);
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

const INITIALIZE: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1.0.0"}}}"#;
