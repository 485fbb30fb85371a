//! Captures a local server in a process of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use surface::Era;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::ChildStdout;
use tokio::task::JoinHandle;
use wire::rpc::Request;
use wire::{Document, Frame, Message};

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::pipe::{Pipe, id_in};
use super::process::Process;
use crate::capture::opening;
use crate::capture::{Ask, CaptureError, Captured, Conditions, ask};
use crate::channel::ChannelError;
use crate::target::Command;

/// Runs `command`, asks it for everything, and ends it.
///
/// # Errors
/// Anything short of a whole surface.
pub(crate) async fn capture(
    command: &Command,
    conditions: &Conditions,
) -> Result<Captured, CaptureError> {
    match attempt(command, conditions, Opening::EitherEra).await {
        // Some legacy servers end when the first request is not `initialize`.
        Err(CaptureError::Ended { .. }) => attempt(command, conditions, Opening::Legacy).await,
        outcome => outcome,
    }
}

#[derive(Clone, Copy)]
enum Opening {
    EitherEra,
    Legacy,
}

async fn attempt(
    command: &Command,
    conditions: &Conditions,
    opening: Opening,
) -> Result<Captured, CaptureError> {
    let (mut process, pipes) = Process::start(command, true).map_err(|source| {
        CaptureError::Start { program: command.program.display().to_string(), source }
    })?;
    let (outbox, _writer) = Outbox::to(pipes.stdin);
    let pipe = Arc::new(Pipe::new(outbox, conditions.answer_time_max));
    let changes = Arc::new(AtomicU64::new(0));
    let reader = tokio::spawn(read(pipes.stdout, Arc::clone(&pipe), Arc::clone(&changes)));
    let stderr = tokio::spawn(tail(pipes.stderr));
    let asked = async {
        let opened = open(&pipe, conditions, opening).await?;
        let doubts = || changes.load(Ordering::Relaxed);
        let ask = Ask { channel: &*pipe, era: opened.era, meta: opened.meta, doubts };
        let observation = ask.observe(Some(&opened.result)).await?;
        Ok(Captured { observation, protocol_version: opened.protocol_version })
    };
    let outcome = tokio::time::timeout(conditions.answer_time_max * WHOLE_FACTOR, asked).await;
    pipe.outbox.end().await;
    let status = process.end(false).await;
    reader.abort();
    match outcome.unwrap_or(Err(CaptureError::TimedOut)) {
        Err(CaptureError::Exchange { source: ChannelError::Closed, .. }) => {
            let status = status.map_or_else(|error| error.to_string(), |s| s.to_string());
            Err(CaptureError::Ended { status, stderr: said(stderr).await })
        }
        outcome => outcome,
    }
}

/// A server that has answered for the first time.
struct Opened {
    era: Era,
    protocol_version: String,
    meta: Option<Map<String, Value>>,
    result: Bytes,
}

/// Finds the era: a discovery that succeeds is modern; any other answer, or none, is legacy. A
/// server that is slow to start is asked both ways, and its first good answer counts.
async fn open(
    pipe: &Pipe,
    conditions: &Conditions,
    opening: Opening,
) -> Result<Opened, CaptureError> {
    if let Opening::Legacy = opening {
        return legacy(pipe, conditions).await;
    }
    let mut discovery = std::pin::pin!(modern(pipe, conditions));
    match tokio::time::timeout(ERA_TIME_MAX, &mut discovery).await {
        Ok(Err(error)) if is_closed(&error) => Err(error),
        Ok(Err(_)) => legacy(pipe, conditions).await,
        Ok(opened) => opened,
        Err(_) => {
            let mut initialization = std::pin::pin!(legacy(pipe, conditions));
            tokio::select! {
                discovered = &mut discovery => match discovered {
                    Ok(opened) => Ok(opened),
                    Err(_) => initialization.await,
                },
                initialized = &mut initialization => initialized,
            }
        }
    }
}

async fn modern(pipe: &Pipe, conditions: &Conditions) -> Result<Opened, CaptureError> {
    let meta = opening::meta(conditions.client.as_ref());
    let params = Map::from_iter([("_meta".to_owned(), Value::Object(meta.clone()))]);
    let result = ask(pipe, "server/discover", params).await?;
    let protocol_version = opening::MODERN_VERSION.to_owned();
    Ok(Opened { era: Era::Modern, protocol_version, meta: Some(meta), result })
}

async fn legacy(pipe: &Pipe, conditions: &Conditions) -> Result<Opened, CaptureError> {
    let asked = ask(pipe, "initialize", opening::initialize(conditions.client.as_ref()));
    let result = tokio::time::timeout(conditions.answer_time_max * 2, asked)
        .await
        .unwrap_or(Err(CaptureError::TimedOut))?;
    let protocol_version = opening::negotiated(&result)?;
    let notified = pipe.notify("notifications/initialized", json!({})).await;
    notified.map_err(|source| CaptureError::Exchange {
        method: "notifications/initialized".to_owned(),
        source,
    })?;
    Ok(Opened { era: Era::Legacy, protocol_version, meta: None, result })
}

const fn is_closed(error: &CaptureError) -> bool {
    matches!(error, CaptureError::Exchange { source: ChannelError::Closed, .. })
}

/// Reads a server's stdout to its end: answers go to whoever asked, lines that are no messages
/// are left out, and the server's own requests are answered as by a client that offers nothing.
async fn read(stdout: ChildStdout, pipe: Arc<Pipe>, changes: Arc<AtomicU64>) -> io::Result<()> {
    let mut inbox = Inbox::new(stdout);
    while let Some(line) = inbox.next().await? {
        let Ok(line) = line else { continue };
        let document = Document::parse(&line, &wire::Policy::default());
        let frame = document.as_ref().map_err(|refusal| *refusal).and_then(Frame::read);
        match frame {
            Err(_) => {
                // Whoever asked refuses it too, and says why.
                id_in(&line).map(|id| pipe.deliver(&id, &line));
            }
            Ok(Frame::One(Message::Response(response))) => {
                response.id.map(|id| pipe.deliver(&id.key(), &line));
            }
            Ok(Frame::One(Message::Request(request))) => {
                let _ = pipe.outbox.send(answer_as_client(&request)).await;
            }
            Ok(Frame::One(Message::Notification(notification)))
                if notification.method.ends_with("/list_changed") =>
            {
                changes.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
    pipe.close();
    Ok(())
}

/// The answer of a client that has no roots, no model and no person.
pub(crate) fn answer_as_client(request: &Request<'_>) -> Bytes {
    let id = request.id.raw();
    Bytes::from(match &*request.method {
        "ping" => crate::answer::result(id, &json!({})),
        "roots/list" => crate::answer::result(id, &json!({ "roots": [] })),
        method => {
            let text = format!("`{method}` is not answered during a capture");
            crate::answer::error(id, METHOD_NOT_FOUND, &text, &Value::Null)
        }
    })
}

/// The end of what a server writes to stderr.
async fn tail(stderr: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut stderr) = stderr else { return kept };
    let mut chunk = vec![0; TAIL_BYTES_MAX];
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        kept.extend_from_slice(chunk.get(..read).unwrap_or_default());
        kept.drain(..kept.len().saturating_sub(TAIL_BYTES_MAX));
    }
    kept
}

async fn said(stderr: JoinHandle<Vec<u8>>) -> String {
    let ended = tokio::time::timeout(Duration::from_secs(1), stderr).await;
    let bytes = ended.ok().and_then(Result::ok).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

const METHOD_NOT_FOUND: i64 = -32_601;

/// How long a server may take over its first answer before it is asked the legacy way too.
const ERA_TIME_MAX: Duration = Duration::from_secs(5);

/// A whole capture may take this many times as long as one answer.
const WHOLE_FACTOR: u32 = 10;

/// How much of a failing server's stderr is shown.
const TAIL_BYTES_MAX: usize = 2 << 10;
