//! Connections to one origin: opened when needed, used again, never redirected, never proxied.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use tower_service::Service;

use crate::limits;

type Sender = SendRequest<Full<Bytes>>;

/// The connections to one origin.
pub(crate) struct Pool {
    origin: Uri,
    connector: Connector,
    idle: Arc<Idle>,
}

/// The body of an answer. Read to its end, it gives its connection back; dropped before, it
/// closes it.
pub(crate) struct Answer {
    body: Incoming,
    lease: Option<Lease>,
}

enum Connector {
    Plain(HttpConnector),
    Tls(HttpsConnector<HttpConnector>),
}

struct Lease {
    sender: Sender,
    idle: Arc<Idle>,
}

/// The connection that was used last is used first, so that a burst's others grow old.
#[derive(Default)]
struct Idle {
    senders: Mutex<Vec<(Instant, Sender)>>,
}

impl Pool {
    /// Connections to the origin of `url`. TLS is set up only for `https`.
    pub(crate) fn new(url: &Uri) -> io::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(limits::IDLE_TIME_MAX));
        let connector = if url.scheme() == Some(&Scheme::HTTPS) {
            tcp.enforce_http(false);
            let provider = rustls::crypto::aws_lc_rs::default_provider();
            let builder =
                HttpsConnectorBuilder::new().with_provider_and_platform_verifier(provider)?;
            Connector::Tls(builder.https_only().enable_http1().wrap_connector(tcp))
        } else {
            Connector::Plain(tcp)
        };
        Ok(Self { origin: url.clone(), connector, idle: Arc::default() })
    }

    /// Sends `request`, whose URI is in origin form, and waits for the head of the answer. A
    /// request is sent again only if nothing of it was written.
    pub(crate) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> io::Result<Response<Answer>> {
        while let Some(mut sender) = self.idle.take() {
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.lease(response, sender)),
                Err(mut failure) => match failure.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(io::Error::other(failure.into_error())),
                },
            }
        }
        // In a box, because it is rare, and large beside all else that a request needs.
        let connecting = Box::pin(self.connect());
        let connecting = tokio::time::timeout(limits::CONNECT_TIME_MAX, connecting);
        let mut sender = connecting.await.map_err(|_| io::ErrorKind::TimedOut)??;
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        Ok(self.lease(response, sender))
    }

    fn lease(&self, response: Response<Incoming>, sender: Sender) -> Response<Answer> {
        let lease = Lease { sender, idle: Arc::clone(&self.idle) };
        response.map(|body| {
            let mut answer = Answer { body, lease: Some(lease) };
            answer.release_if_ended();
            answer
        })
    }

    async fn connect(&self) -> io::Result<Sender> {
        match &self.connector {
            Connector::Plain(connector) => {
                let stream = connector.clone().call(self.origin.clone()).await;
                handshake(stream.map_err(io::Error::other)?).await
            }
            Connector::Tls(connector) => {
                let stream = connector.clone().call(self.origin.clone()).await;
                handshake(stream.map_err(io::Error::other)?).await
            }
        }
    }
}

async fn handshake(stream: impl Read + Write + Unpin + Send + 'static) -> io::Result<Sender> {
    let mut builder = http1::Builder::new();
    builder.max_header_size(limits::HEAD_BYTES_MAX);
    let (sender, connection) = builder.handshake(stream).await.map_err(io::Error::other)?;
    // What goes wrong with the connection, its request hears.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

impl Idle {
    fn take(&self) -> Option<Sender> {
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((since, sender)) = senders.pop() {
            if since.elapsed() >= limits::IDLE_TIME_MAX {
                senders.clear();
            } else if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    fn put(&self, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |(since, _): &(Instant, Sender)| since.elapsed() >= limits::IDLE_TIME_MAX;
        if senders.len() >= limits::IDLE_CONNECTIONS_MAX || senders.first().is_some_and(is_old) {
            senders.remove(0);
        }
        senders.push((Instant::now(), sender));
    }
}

impl Answer {
    fn release_if_ended(&mut self) {
        if self.body.is_end_stream()
            && let Some(Lease { sender, idle }) = self.lease.take()
        {
            idle.put(sender);
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.release_if_ended();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
