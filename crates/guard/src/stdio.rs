//! The guard before a local server: stdin and stdout of both sides.
//!
//! Two loops move lines, one each way; each line is scanned once, handed to the
//! [`Session`], and forwarded as it came unless the session says otherwise.

mod capture;
mod in_flight;
mod inbox;
mod outbox;
mod own;
mod pipe;
mod process;
mod relay;

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::signal::unix::{SignalKind, signal};

pub(crate) use capture::{answer_as_client, capture};

use self::inbox::Inbox;
use self::outbox::Outbox;
use self::process::Process;
use self::relay::Relay;
use crate::gate::Gate;
use crate::target::Command;

/// Runs `command` and stands between it and our own stdin and stdout until either side ends;
/// gives how the server ended.
///
/// # Errors
/// A server that cannot be started, or our own stdin or stdout failing.
pub async fn run(command: &Command, gate: Arc<Gate>) -> io::Result<ExitStatus> {
    run_between(command, gate, own::stdin()?, own::stdout()?).await
}

/// The same between any client's ends of two pipes.
async fn run_between(
    command: &Command,
    gate: Arc<Gate>,
    stdin: impl AsyncRead + Unpin,
    stdout: impl AsyncWrite + Unpin + Send + 'static,
) -> io::Result<ExitStatus> {
    let (mut process, pipes) = Process::start(command, false)?;
    let (server, _) = Outbox::to(pipes.stdin);
    let (client, written) = Outbox::to(stdout);
    let relay = Relay::new(gate, server, client);
    let mut ends = [
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    ];
    let [interrupt, terminate, hangup] = &mut ends;
    let mut to_client = std::pin::pin!(relay.to_client(Inbox::new(pipes.stdout)));
    let mut listed = std::pin::pin!(relay.keep_listed());
    let client_left = tokio::select! {
        ended = &mut to_client => ended.map(|()| false),
        ended = relay.to_server(Inbox::new(stdin)) => ended.map(|()| true),
        () = &mut listed => Ok(true),
        _ = interrupt.recv() => Ok(true),
        _ = terminate.recv() => Ok(true),
        _ = hangup.recv() => Ok(true),
    };
    relay.server_may_end().await;
    let status = if matches!(client_left, Ok(true)) {
        // What the server still says while it ends reaches the client.
        let answered = async { tokio::join!(&mut to_client, relay.answered()).0 };
        let status = tokio::select! {
            _ = answered => process.end().await,
            () = tokio::time::sleep(crate::limits::LAST_ANSWERS_TIME_MAX) => process.end().await,
        };
        status?
    } else {
        let status = process.end().await?;
        relay.server_ended(status).await;
        status
    };
    relay.client_may_end().await;
    // A client that closed its end has nothing more to read.
    let _ = written.await;
    client_left.map(|_| status)
}

#[cfg(test)]
mod tests;
