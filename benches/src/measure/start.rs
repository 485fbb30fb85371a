//! From starting a process to the first byte of its answer to `initialize`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Outcome;
use crate::args::{Options, Transport};
use crate::bars::Bars;
use crate::contender::{DIRECT, Echo, FORWARDER, GUARD, Guard, start_role};
use crate::process::Group;
use crate::stats::{median, quantile};
use crate::table::{Cell, Report, Table, say};

pub(super) fn run(
    options: &Options,
    guard: Option<&Guard>,
    report: &mut Report,
    bars: &mut Bars,
) -> Outcome<()> {
    for transport in &options.transport {
        say(&format!("{transport}: starting processes"));
        let starts = match transport {
            Transport::Http => over_http(options, guard)?,
            Transport::Stdio => over_stdio(options, guard)?,
        };
        let guard_ms = tabulate(&format!("Start to first byte, {transport}"), starts, report);
        if let Some(guard_ms) = guard_ms {
            bars.at_most(format!("guard, start to first byte, {transport}"), guard_ms, 30.0, "ms");
        }
    }
    Ok(())
}

/// How long each start of one contender took, in milliseconds.
type Starts = Vec<(&'static str, Vec<f64>)>;

fn rounds(options: &Options) -> usize {
    options.rounds.unwrap_or(options.pick(5, 30))
}

fn over_stdio(options: &Options, guard: Option<&Guard>) -> Outcome<Starts> {
    let echo = Echo::stdio(options)?;
    let mut commands = vec![(DIRECT, echo.command()), (FORWARDER, echo.forwarded()?)];
    if let Some(guard) = guard {
        commands.push((GUARD, guard.before_stdio(&echo)?));
    }
    let mut starts: Starts = commands.iter().map(|(name, _)| (*name, Vec::new())).collect();
    for _ in 0..rounds(options) {
        for ((_, command), (_, times_ms)) in commands.iter_mut().zip(&mut starts) {
            times_ms.push(first_byte_stdio_ms(command)?);
        }
    }
    Ok(starts)
}

fn over_http(options: &Options, guard: Option<&Guard>) -> Outcome<Starts> {
    let (_server, port) = Echo::http(options)?;
    let upstream = format!("127.0.0.1:{port}");
    let mut starts: Starts = vec![(FORWARDER, Vec::new())];
    if let Some(guard) = guard {
        drop(guard.before_http(port)?);
        starts.push((GUARD, Vec::new()));
    }
    for _ in 0..rounds(options) {
        for (name, times_ms) in &mut starts {
            let began = Instant::now();
            let (group, front) = match guard.filter(|_| *name == GUARD) {
                Some(guard) => guard.start_http(port)?,
                None => start_role(&["forward-http", &upstream])?,
            };
            times_ms.push(first_byte_http_ms(began, group, front)?);
        }
    }
    Ok(starts)
}

/// Adds a table and gives the median of the guard.
fn tabulate(title: &str, starts: Starts, report: &mut Report) -> Option<f64> {
    let mut table = Table::new(title, &["path", "p50 ms", "p90 ms", "× first row"]);
    let first = starts.first().map(|(_, times)| median(times.iter().copied())).unwrap_or_default();
    let mut guard_ms = None;
    for (name, mut times) in starts {
        let p90 = quantile(&mut times, 0.9);
        let p50 = median(times);
        table.row(name, [p50, p90, p50 / first].map(Cell::from));
        if name == GUARD {
            guard_ms = Some(p50);
        }
    }
    report.tables.push(table);
    guard_ms
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
