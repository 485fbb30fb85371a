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
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(crate) use capture::{answer_as_client, capture};

use self::inbox::Inbox;
use self::outbox::Outbox;
use self::process::Process;
use self::relay::Relay;
use crate::gate::Gate;
use crate::limits;
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
    let mut signals = Signals::listen()?;
    let mut to_client = std::pin::pin!(relay.to_client(Inbox::new(pipes.stdout)));
    let mut listed = std::pin::pin!(relay.keep_listed());
    let end = tokio::select! {
        ended = &mut to_client => ended.map(|()| End::Server),
        ended = relay.to_server(Inbox::new(stdin)) => ended.map(|()| End::Client),
        () = &mut listed => Ok(End::Client),
        () = signals.any() => Ok(End::Told),
    };
    // A server that reads nothing more is ended without.
    drop(tokio::time::timeout(limits::END_GRACE, relay.server_may_end()).await);
    let mut is_told = matches!(end, Ok(End::Told));
    // Whether the server says nothing more.
    let mut is_silent = !matches!(end, Ok(End::Client | End::Told));
    if matches!(end, Ok(End::Client)) {
        tokio::select! {
            _ = &mut to_client => is_silent = true,
            () = relay.answered() => {}
            () = signals.any() => is_told = true,
            () = tokio::time::sleep(limits::LAST_ANSWERS_TIME_MAX) => {}
        }
    }
    let status = {
        let mut ending = std::pin::pin!(process.end(is_told));
        // What the server still says while it ends reaches the client.
        tokio::select! {
            status = &mut ending => status,
            _ = &mut to_client, if !is_silent => {
                is_silent = true;
                ending.await
            }
        }
    }?;
    if !is_silent {
        drop(tokio::time::timeout(limits::END_GRACE, &mut to_client).await);
    }
    let last_words = async {
        if !matches!(end, Ok(End::Client | End::Told)) {
            relay.server_ended(status).await;
        }
        relay.client_may_end().await;
        // A client that closed its end has nothing more to read.
        let _ = written.await;
    };
    tokio::select! {
        () = last_words => {}
        // A client that does not read keeps nobody waiting.
        () = signals.any() => {}
        () = tokio::time::sleep(limits::LAST_ANSWERS_TIME_MAX), if !matches!(end, Ok(End::Server)) => {}
    }
    end.map(|_| status)
}

/// What ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The server ended, or its client reads nothing more.
    Server,
    /// The client left.
    Client,
    /// Somebody told us to end.
    Told,
}

/// The signals by which somebody tells us to end.
struct Signals([Signal; 3]);

impl Signals {
    fn listen() -> io::Result<Self> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Ok(Self([signal(interrupt)?, signal(terminate)?, signal(hangup)?]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests;
