//! Lines over the stdin and stdout of a process; all concurrent calls share one session.

use std::collections::HashMap;
use std::process::Stdio;
use std::time::Instant;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use super::{Meter, NUMBER_FIRST, Script, find};
use crate::process::end_group;
use crate::{Fault, Outcome};

/// A running server or gateway with its session open. Ended when dropped.
pub(crate) struct StdioSession {
    pid: u32,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u64,
    _child: Child,
}

impl StdioSession {
    /// Starts `command`, initializes and lists the tools.
    pub(crate) async fn open(command: std::process::Command) -> Outcome<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut command = Command::from(command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
        let mut session = Self {
            pid: child.id().ok_or("it ended at once")?,
            input: child.stdin.take().ok_or("no stdin")?,
            output: BufReader::new(child.stdout.take().ok_or("no stdout")?),
            next: NUMBER_FIRST,
            _child: child,
        };
        session.exchange(INITIALIZE).await?;
        session.input.write_all(INITIALIZED).await?;
        let listed = session.exchange(LIST).await?;
        if find(&listed, b"\"echo\"").is_none() {
            return Err("it does not list the tool".into());
        }
        Ok(session)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    async fn exchange(&mut self, line: &[u8]) -> Outcome<Vec<u8>> {
        self.input.write_all(line).await?;
        let mut answer = Vec::new();
        while find(&answer, b"\"result\"").is_none() {
            answer.clear();
            if self.output.read_until(b'\n', &mut answer).await? == 0 {
                return Err("it closed its stdout".into());
            }
        }
        Ok(answer)
    }

    /// Keeps `concurrency` calls in flight until the meter says stop, then waits for the rest.
    pub(super) async fn run(
        &mut self,
        script: &Script,
        concurrency: usize,
        meter: &Meter,
    ) -> Outcome<Vec<f64>> {
        let (order, mut ordered) = mpsc::unbounded_channel::<u64>();
        let Self { input, output, next, .. } = self;
        // Writing must not wait for reading: a full pipe in each direction would stop both.
        let write = async {
            let mut line = Vec::new();
            while let Some(number) = ordered.recv().await {
                line.clear();
                script.write(number, &mut line);
                line.push(b'\n');
                input.write_all(&line).await?;
            }
            Ok::<(), Fault>(())
        };
        let read = async {
            let mut latencies_ms = Vec::new();
            let mut began = HashMap::with_capacity(concurrency);
            let mut call_next = |began: &mut HashMap<_, _>| {
                began.insert(*next, Instant::now());
                *next += 1;
                order.send(*next - 1)
            };
            for _ in 0..concurrency {
                call_next(&mut began)?;
            }
            let mut line = Vec::new();
            while !began.is_empty() {
                line.clear();
                if output.read_until(b'\n', &mut line).await? == 0 {
                    return Err("it closed its stdout".into());
                }
                let number = script.check(&line)?;
                let began_at = began.remove(&number).ok_or("an answer nobody waits for")?;
                meter.answered(began_at, &mut latencies_ms);
                if !meter.is_over() {
                    call_next(&mut began)?;
                }
            }
            drop(order);
            Ok::<Vec<f64>, Fault>(latencies_ms)
        };
        let ((), latencies_ms) = tokio::try_join!(write, read)?;
        Ok(latencies_ms)
    }
}

impl Drop for StdioSession {
    fn drop(&mut self) {
        end_group(self.pid);
    }
}

const INITIALIZE: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":\"bench\",\"version\":\"1.0.0\"}}}\n";
const INITIALIZED: &[u8] = b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
const LIST: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}\n";
