//! Connections to one origin: opened when needed, used again, never redirected, never proxied.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

use crate::limits;

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
    Plain(HttpConnector<Names>),
    Tls(HttpsConnector<HttpConnector<Names>>),
}

/// How the name becomes addresses: as the system says, or as somebody has checked.
#[derive(Clone)]
enum Names {
    System(GaiResolver),
    Checked(Arc<[SocketAddr]>),
}

/// One connection. It moves only while whoever uses it is polled: no task of its own, so no wake
/// from task to task for each message.
struct Line {
    sender: SendRequest<Full<Bytes>>,
    driver: Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>,
    is_closed: bool,
}

struct Lease {
    line: Line,
    idle: Arc<Idle>,
}

/// The connection that was used last is used first, so that a burst's others grow old.
#[derive(Default)]
struct Idle {
    lines: Mutex<Vec<(Instant, Line)>>,
}

impl Pool {
    /// Connections to the origin of `url`, at one of `addresses` if they are given. TLS is set up only
    /// for `https`.
    ///
    /// # Errors
    /// A URL with an address that is not one of `addresses`; TLS that cannot be set up.
    pub(crate) fn new(url: &Uri, addresses: Option<&[SocketAddr]>) -> io::Result<Self> {
        let mut tcp = HttpConnector::new_with_resolver(Names::new(url, addresses)?);
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
        while let Some(mut line) = self.idle.take() {
            if !line.is_ready().await {
                continue;
            }
            match line.send(request).await {
                Ok(response) => return Ok(self.lease(response, line)),
                Err(mut failure) => match failure.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(io::Error::other(failure.into_error())),
                },
            }
        }
        // In a box, because it is rare, and large beside all else that a request needs.
        let connecting = Box::pin(self.connect());
        let connecting = tokio::time::timeout(limits::CONNECT_TIME_MAX, connecting);
        let mut line = connecting.await.map_err(|_| io::ErrorKind::TimedOut)??;
        let sent = line.send(request).await;
        let response = sent.map_err(|failure| io::Error::other(failure.into_error()))?;
        Ok(self.lease(response, line))
    }

    fn lease(&self, response: Response<Incoming>, line: Line) -> Response<Answer> {
        let lease = Lease { line, idle: Arc::clone(&self.idle) };
        response.map(|body| {
            let mut answer = Answer { body, lease: Some(lease) };
            if answer.body.is_end_stream() {
                answer.release();
            }
            answer
        })
    }

    async fn connect(&self) -> io::Result<Line> {
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

impl Names {
    fn new(url: &Uri, addresses: Option<&[SocketAddr]>) -> io::Result<Self> {
        let Some(addresses) = addresses else { return Ok(Self::System(GaiResolver::new())) };
        // An address in the URL is dialled without asking anybody.
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let literal: Option<IpAddr> = host.parse().ok();
        if literal.is_some_and(|ip| addresses.iter().all(|address| address.ip() != ip)) {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the address was not checked",
            ));
        }
        Ok(Self::Checked(addresses.into()))
    }
}

impl Service<Name> for Names {
    type Response = Box<dyn Iterator<Item = SocketAddr> + Send>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::System(system) => system.poll_ready(context),
            Self::Checked(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, name: Name) -> Self::Future {
        match self {
            Self::System(system) => {
                let asking = system.call(name);
                Box::pin(async { Ok(Box::new(asking.await?) as Self::Response) })
            }
            Self::Checked(addresses) => {
                let addresses: Vec<_> = addresses.to_vec();
                Box::pin(async { Ok(Box::new(addresses.into_iter()) as Self::Response) })
            }
        }
    }
}

async fn handshake(stream: impl Read + Write + Unpin + Send + 'static) -> io::Result<Line> {
    let mut builder = http1::Builder::new();
    builder.max_header_size(limits::HEAD_BYTES_MAX);
    let (sender, connection) = builder.handshake(stream).await.map_err(io::Error::other)?;
    Ok(Line { sender, driver: Box::pin(connection), is_closed: false })
}

impl Line {
    /// Moves the connection as far as it goes by itself.
    fn drive(&mut self, context: &mut Context<'_>) {
        // What goes wrong with the connection, its request hears.
        self.is_closed = self.is_closed || self.driver.as_mut().poll(context).is_ready();
    }

    /// Waits until the answer before is over; whether the connection can be used again.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|context| {
            // Even a line that seems ready may have been closed while nobody looked.
            self.drive(context);
            if self.is_closed {
                return Poll::Ready(false);
            }
            self.sender.poll_ready(context).map(|ready| ready.is_ok())
        })
        .await
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        let mut response = pin!(self.sender.try_send_request(request));
        let (driver, is_closed) = (&mut self.driver, &mut self.is_closed);
        poll_fn(move |context| {
            *is_closed = *is_closed || driver.as_mut().poll(context).is_ready();
            response.as_mut().poll(context)
        })
        .await
    }
}

impl Idle {
    fn take(&self) -> Option<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, line) = lines.pop()?;
        if since.elapsed() < limits::IDLE_TIME_MAX {
            return Some(line);
        }
        // The one used last is too old, so all are.
        lines.clear();
        None
    }

    fn put(&self, line: Line) {
        if line.is_closed {
            return;
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |(since, _): &(Instant, Line)| since.elapsed() >= limits::IDLE_TIME_MAX;
        if lines.len() >= limits::IDLE_CONNECTIONS_MAX || lines.first().is_some_and(is_old) {
            lines.remove(0);
        }
        lines.push((Instant::now(), line));
    }
}

impl Answer {
    fn release(&mut self) {
        if let Some(Lease { line, idle }) = self.lease.take() {
            idle.put(line);
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
        let mut polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_pending()
            && let Some(lease) = &mut self.lease
        {
            lease.line.drive(context);
            polled = Pin::new(&mut self.body).poll_frame(context);
        }
        let frame = ready!(polled);
        if frame.is_none() || self.body.is_end_stream() {
            self.release();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
