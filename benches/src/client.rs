//! The load: a closed loop of `tools/call`, each answer checked.

mod http;
mod stdio;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(crate) use http::{Dial, HttpSession};
pub(crate) use stdio::StdioSession;

use crate::Outcome;
use crate::contender::Side;
use crate::process::{Usage, usage};
use crate::stats;

/// The client of one contender, with its sessions open.
pub(crate) enum Client {
    /// A session for each concurrent call, each on a connection of its own.
    Http { dial: Dial, sessions: Vec<HttpSession> },
    /// One session that all concurrent calls share.
    Stdio(Box<StdioSession>),
}

/// What one contender did in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) calls_per_s: f64,
    /// Processor time of the gateway for each call; of the server, where there is no gateway.
    pub(crate) cpu_us: f64,
    /// Processor time of the server for each call.
    pub(crate) server_cpu_us: f64,
    pub(crate) rss_mib: f64,
}

/// How long to load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// What the loop and its observer share.
#[derive(Default)]
struct Meter {
    calls: AtomicU64,
    recording: AtomicBool,
    stop: AtomicBool,
}

/// The calls of a slice: a text that any serialiser writes alike, and numbered.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    tool: String,
    /// The text after the number, as it stands in JSON.
    filler: String,
}

impl Client {
    /// Calls with `concurrency` calls in flight; `side` is what is measured meanwhile.
    pub(crate) async fn slice(
        &mut self,
        script: &Script,
        concurrency: usize,
        span: Span,
        side: &Side,
    ) -> Outcome<Slice> {
        let meter = Arc::new(Meter::default());
        let watched = watch(&meter, span, side);
        let loaded = async {
            match self {
                Self::Http { dial, sessions } => {
                    http::ready(dial, sessions, script, concurrency).await?;
                    tokio::try_join!(http::run(sessions, script, concurrency, &meter), watched)
                }
                Self::Stdio(session) => {
                    tokio::try_join!(session.run(script, concurrency, &meter), watched)
                }
            }
        };
        let loaded = tokio::time::timeout(span.warm_up + span.measured + STALL_TIME_MAX, loaded);
        let (mut latencies, (before, after)) =
            loaded.await.map_err(|_| "it stopped answering")??;
        Ok(after.since(&before, &mut latencies))
    }
}

/// Calls, time and usage at one instant.
struct Reading {
    at: Instant,
    calls: u64,
    gateway: Usage,
    server: Usage,
}

async fn watch(meter: &Meter, span: Span, side: &Side) -> Outcome<(Reading, Reading)> {
    let read = || Reading {
        at: Instant::now(),
        calls: meter.calls.load(Ordering::Relaxed),
        gateway: usage(&side.gateway),
        server: usage(&side.server),
    };
    tokio::time::sleep(span.warm_up).await;
    meter.recording.store(true, Ordering::Relaxed);
    let before = read();
    tokio::time::sleep(span.measured).await;
    let after = read();
    meter.recording.store(false, Ordering::Relaxed);
    meter.stop.store(true, Ordering::Relaxed);
    Ok((before, after))
}

impl Reading {
    #[expect(clippy::cast_precision_loss, reason = "counts of one slice")]
    fn since(&self, before: &Self, latencies_ms: &mut [f64]) -> Slice {
        let calls = (self.calls - before.calls) as f64;
        let used = |after: Usage, before: Usage| {
            after.cpu_ns.saturating_sub(before.cpu_ns) as f64 / 1e3 / calls
        };
        let server_cpu_us = used(self.server, before.server);
        let is_direct = self.gateway.rss_kib == 0;
        let resident = if is_direct { self.server } else { self.gateway };
        Slice {
            p50_ms: stats::quantile(latencies_ms, 0.5),
            p99_ms: stats::quantile(latencies_ms, 0.99),
            calls_per_s: calls / (self.at - before.at).as_secs_f64(),
            cpu_us: if is_direct { server_cpu_us } else { used(self.gateway, before.gateway) },
            server_cpu_us,
            rss_mib: resident.rss_kib as f64 / 1024.0,
        }
    }
}

impl Meter {
    /// Notes a call that began at `began` and has been answered.
    fn answered(&self, began: Instant, latencies_ms: &mut Vec<f64>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.recording.load(Ordering::Relaxed) {
            latencies_ms.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Script {
    /// Calls of `tool` with an argument of `payload` bytes: lines of words, the line feed escaped
    /// once in 64 bytes as in a real text.
    pub(crate) fn new(tool: &str, payload: usize) -> Self {
        let line = "the quick brown fox jumps over the lazy dog and then rests now\\n";
        let mut filler = MARK.to_owned();
        while filler.len() + NUMBER_DIGITS < payload {
            let room = payload - NUMBER_DIGITS - filler.len();
            filler.push_str(line.get(..room).filter(|_| room < line.len() - 1).unwrap_or(line));
        }
        Self { tool: tool.to_owned(), filler }
    }

    /// The request of a call, as it goes over the wire.
    pub(crate) fn request(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(NUMBER_FIRST, &mut out);
        out
    }

    /// Appends the request with the id `number`, which has [`NUMBER_DIGITS`] digits.
    fn write(&self, number: u64, out: &mut Vec<u8>) {
        let Self { tool, filler } = self;
        let number = number.to_string();
        for part in [
            r#"{"jsonrpc":"2.0","id":"#,
            &number,
            r#","method":"tools/call","params":{"name":""#,
            tool,
            r#"","arguments":{"text":""#,
            &number,
            filler,
            r#""}}}"#,
        ] {
            out.extend_from_slice(part.as_bytes());
        }
    }

    /// The number of the call that `answer` answers, when it is the echo of that call.
    fn check(&self, answer: &[u8]) -> Outcome<u64> {
        let wrong = || format!("a wrong answer: {}", String::from_utf8_lossy(answer));
        let mark = find(answer, MARK.as_bytes()).ok_or_else(wrong)?;
        let (head, text) = answer.split_at(mark);
        let tail = text.strip_prefix(self.filler.as_bytes()).ok_or_else(wrong)?;
        let (head, number) = head.split_at(mark.saturating_sub(NUMBER_DIGITS));
        let number = digits(number).ok_or_else(wrong)?;
        let is_error = [head, tail].iter().any(|part| find(part, br#""isError":true"#).is_some());
        let id = id_in(head).or_else(|| id_in(tail));
        if id == Some(number) && !is_error { Ok(number) } else { Err(wrong().into()) }
    }
}

fn id_in(part: &[u8]) -> Option<u64> {
    let after = part.get(find(part, br#""id":"#)? + 5..)?.trim_ascii_start();
    digits(after.get(..NUMBER_DIGITS)?)
}

fn digits(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Where `needle` first stands in `hay`.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

/// Begins the text after the number, and stands nowhere else in a message.
const MARK: &str = "|echo|";

/// Who answers nothing for so long answers nothing any more.
const STALL_TIME_MAX: Duration = Duration::from_secs(10);

const NUMBER_DIGITS: usize = 7;

/// Numbers from here on have [`NUMBER_DIGITS`] digits for nine million calls.
const NUMBER_FIRST: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_has_the_size_asked_for() {
        for payload in [256, 4096, 5000] {
            let script = Script::new("echo", payload);
            let size = NUMBER_DIGITS + script.filler.len();
            assert!(size == payload || size == payload + 1, "{payload}: {size}");
        }
    }

    #[test]
    fn only_the_echo_of_the_same_call_passes() {
        let script = Script::new("echo", 256);
        let answer = |id: &str, number: &str| {
            format!(
                r#"{{"result":{{"content":[{{"type":"text","text":"{number}{}"}}]}},"id": {id}}}"#,
                script.filler
            )
        };
        let good = answer("1000001", "1000001");
        assert_eq!(script.check(good.as_bytes()).unwrap(), 1_000_001);
        assert!(script.check(answer("1000001", "1000002").as_bytes()).is_err());
        assert!(script.check(good.replace("fox", "cat").as_bytes()).is_err());
        let held = good.replace(r#""content""#, r#""isError":true,"content""#);
        assert!(script.check(held.as_bytes()).is_err());
        assert!(serde_json::from_slice::<serde_json::Value>(&script.request()).is_ok());
    }
}
