//! The guard before a remote server: Streamable HTTP of both eras, and HTTP+SSE.
//!
//! [`relay`] takes each request of a client through admission, decision and forwarding, and the
//! answer back through a judge. [`upstream`] is the server's side: connections, and requests of our
//! own. [`capture`](mod@capture) asks a server for everything in a conversation of our own. Absent
//! on purpose: redirects, proxies, compression, caches.

mod body;
mod capture;
pub mod identity;
mod relay;
mod upstream;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use authz::broker::Broker;
use authz::resource::Protection;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use self::relay::Relay;
use self::upstream::Upstream;
use crate::gate::Gate;
use crate::limits;
use crate::target::Endpoint;

pub(crate) use capture::capture;

/// How far serving has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// Open requests may end; standing streams do not wait.
    Ending,
    /// Connections are closed as they stand.
    Ended,
}

/// The tokens of both sides.
#[derive(Debug, Default)]
pub struct Tokens {
    /// Whom tokens let in: then no credential of a client reaches the server.
    pub inbound: Option<Protection>,
    /// Where tokens for the server come from.
    pub outbound: Option<Arc<Broker>>,
}

/// Serves `listener` and stands between its clients and `upstream` until `shutdown` resolves;
/// then lets open requests end, for a bounded time. Browsers may ask from `origins`, such as
/// `https://app.example`; a loopback listener admits loopback origins too. `tokens` are what requests need, and
/// what the server is shown.
///
/// # Errors
/// An address that is not usable, or a listener that fails.
pub async fn serve(
    listener: TcpListener,
    upstream: Endpoint,
    origins: Vec<http::Uri>,
    tokens: Tokens,
    gate: Arc<Gate>,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let (phase, serving) = watch::channel(Phase::Serving);
    let address = listener.local_addr()?;
    let mut upstream = Upstream::new(&upstream, None)?;
    if let Some(broker) = tokens.outbound {
        upstream = upstream.with(broker);
    }
    let relay = Arc::new(
        Relay::new(gate, upstream, address, origins, serving.clone()).protected(tokens.inbound),
    );
    let room = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
    let accepting = accept(listener, relay, serving, Arc::clone(&room));
    tokio::select! {
        failure = accepting => return failure,
        () = shutdown => {}
    }
    phase.send_replace(Phase::Ending);
    let all = u32::try_from(limits::CONNECTIONS_MAX).unwrap_or(u32::MAX);
    drop(tokio::time::timeout(limits::SHUTDOWN_TIME_MAX, room.acquire_many(all)).await);
    phase.send_replace(Phase::Ended);
    Ok(())
}

/// Accepts connections until the listener fails for good.
async fn accept(
    listener: TcpListener,
    relay: Arc<Relay>,
    serving: watch::Receiver<Phase>,
    room: Arc<Semaphore>,
) -> io::Result<()> {
    let mut failures = 0;
    loop {
        let place = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
        match listener.accept().await {
            Ok((stream, peer)) => {
                failures = 0;
                tokio::spawn(converse(
                    stream,
                    peer.ip(),
                    Arc::clone(&relay),
                    serving.clone(),
                    place,
                ));
            }
            // A connection that is gone already, or too many open files for a moment.
            Err(_) if failures < ACCEPT_FAILURES_MAX => {
                failures += 1;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Serves one connection to its end.
async fn converse(
    stream: TcpStream,
    peer: IpAddr,
    relay: Arc<Relay>,
    mut serving: watch::Receiver<Phase>,
    _place: OwnedSemaphorePermit,
) {
    // Without it small messages only wait longer.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| {
        let relay = Arc::clone(&relay);
        async move { Ok::<_, Infallible>(relay.answer(request, peer).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME_MAX)
        .max_header_size(limits::HEAD_BYTES_MAX)
        .pipeline_flush(true);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            biased;
            // What goes wrong with a connection concerns nobody but its client.
            _ = connection.as_mut() => return,
            changed = serving.changed() => match *serving.borrow_and_update() {
                Phase::Serving => {}
                Phase::Ending if changed.is_ok() => connection.as_mut().graceful_shutdown(),
                Phase::Ending | Phase::Ended => return,
            },
        }
    }
}

const ACCEPT_FAILURES_MAX: u32 = 100;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
