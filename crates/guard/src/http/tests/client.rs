//! A client of HTTP that keeps every byte, and a guard for it to speak through.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::fixture::Fixture;
use crate::capture::{Captured, Conditions, capture};
use crate::event::Events;
use crate::gate::{Gate, Mode, Stance};
use crate::http::{Tokens, serve};
use crate::pin::{MemoryPins, Pin, PinSource};
use crate::target::{Endpoint, Target};

/// A guard before a fixture, and a client of it.
pub(super) struct Guarded {
    pub(super) fixture: Arc<Fixture>,
    pub(super) address: SocketAddr,
    pub(super) pins: Arc<MemoryPins>,
    pub(super) events: Written,
    pub(super) session: Option<String>,
    pub(super) stop: Option<oneshot::Sender<()>>,
    pub(super) served: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// What was written as events.
#[derive(Clone, Default)]
pub(super) struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An answer with all its bytes.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) status: u16,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Bytes,
}

impl Whole {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Guarded {
    /// A guard that holds what is not as the fixture shows it now.
    pub(super) async fn before(fixture: Arc<Fixture>) -> Self {
        let pins = Arc::new(MemoryPins::default());
        let seen = capture_of(&fixture).await.expect("a surface").observation;
        pins.approve(Pin::new(seen.surface, seen.cache_scope));
        fixture.arrived.lock().unwrap().clear();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let events = Written::default();
        let source = Arc::clone(&pins) as Arc<dyn PinSource>;
        let stance = Stance::of(Mode::Hold);
        let gate = Gate::new("calc".to_owned(), stance, source, Events::to(events.clone()));
        let (stop, stopped) = oneshot::channel();
        let origins = vec!["https://app.example".parse().unwrap()];
        let shutdown = async move { drop(stopped.await) };
        let endpoint = endpoint_of(&fixture);
        let served = tokio::spawn(serve(
            listener,
            endpoint,
            origins,
            Tokens::default(),
            Arc::new(gate),
            shutdown,
        ));
        Self { fixture, address, pins, events, session: None, stop: Some(stop), served }
    }

    /// The same with an open legacy session.
    pub(super) async fn opened(fixture: Arc<Fixture>) -> Self {
        let mut guarded = Self::before(fixture).await;
        let answer = guarded
            .post(&message(
                "initialize",
                &json!({ "protocolVersion": "2025-11-25",
            "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } }),
            ))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let session = answer.headers.get("mcp-session-id");
        guarded.session = session.map(|session| session.to_str().unwrap().to_owned());
        let notified = guarded.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        assert_eq!(notified.await.status, 202);
        guarded
    }

    /// A POST with what every client sends.
    pub(super) fn request(&self, body: &str) -> Request<Full<Bytes>> {
        let mut request = Request::post("/mcp")
            .header("host", self.address.to_string())
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()
    }

    pub(super) async fn post(&self, body: &str) -> Whole {
        self.send(self.request(body)).await
    }

    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Whole {
        let (head, body) = open(self.address, request).await.into_parts();
        Whole { status: head.status.as_u16(), headers: head.headers, body: whole(body).await }
    }

    pub(super) async fn call(&self, tool: &str) -> Whole {
        self.post(&call(tool)).await
    }

    /// The stream of the session, or of HTTP+SSE.
    pub(super) async fn stream(&self) -> Response<Incoming> {
        let mut request = Request::get("/mcp")
            .header("host", self.address.to_string())
            .header("accept", "text/event-stream");
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        open(self.address, request.body(Full::default()).unwrap()).await
    }

    /// Stops the guard, which has to end in time.
    pub(super) async fn end_within(&mut self, time_max: Duration) {
        self.stop.take().unwrap().send(()).unwrap();
        let ended = tokio::time::timeout(time_max, &mut self.served);
        ended.await.expect("an end in time").unwrap().unwrap();
    }

    /// The events so far, which are written within a tenth of a second.
    pub(super) async fn events(&self) -> String {
        tokio::time::sleep(Duration::from_millis(200)).await;
        String::from_utf8(self.events.0.lock().unwrap().clone()).unwrap()
    }
}

pub(super) fn endpoint_of(fixture: &Fixture) -> Endpoint {
    let headers = http::HeaderMap::from_iter([(
        http::HeaderName::from_static("x-configured"),
        http::HeaderValue::from_static("hush-configured"),
    )]);
    Endpoint { url: fixture.url().parse().unwrap(), headers }
}

pub(super) async fn capture_of(
    fixture: &Fixture,
) -> Result<Captured, crate::capture::CaptureError> {
    let answer_time_max = Duration::from_secs(5);
    let conditions = Conditions { answer_time_max, ..Conditions::default() };
    capture(&Target::Url(endpoint_of(fixture)), &conditions).await
}

/// Sends one request over a connection of its own, which lives as long as the answer.
pub(super) async fn open(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answer = tokio::time::timeout(Duration::from_secs(20), sender.send_request(request));
    answer.await.expect("an answer in time").unwrap()
}

pub(super) async fn whole(body: Incoming) -> Bytes {
    body.collect().await.unwrap().to_bytes()
}

/// The next bytes of a stream.
pub(super) async fn next(body: &mut Incoming) -> Option<Bytes> {
    let frame = tokio::time::timeout(Duration::from_secs(10), body.frame());
    let frame = frame.await.expect("bytes in time")?;
    frame.unwrap().into_data().ok()
}

/// Whatever a stream says within a moment.
pub(super) async fn until_quiet(body: &mut Incoming) -> String {
    let mut said = String::new();
    while let Ok(Some(frame)) = tokio::time::timeout(QUIET, body.frame()).await {
        said.push_str(&String::from_utf8_lossy(&frame.unwrap().into_data().unwrap()));
    }
    said
}

pub(super) fn message(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string()
}

pub(super) fn call(tool: &str) -> String {
    message("tools/call", &json!({ "name": tool, "arguments": { "a": 1 } }))
}

pub(super) fn is_held(answer: &Value) -> bool {
    answer["result"]["_meta"]["countersign/verdict"]["verdict"] == "hold"
}

/// The request `method` of a modern client; its headers are made by [`modern_headers`].
pub(super) fn modern(method: &str, mut params: Value) -> String {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    message(method, &params)
}

pub(super) fn with_headers(
    mut request: Request<Full<Bytes>>,
    headers: &[(&'static str, &str)],
) -> Request<Full<Bytes>> {
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    request
}

pub(super) fn delete(guarded: &Guarded) -> Request<Full<Bytes>> {
    let mut request = guarded.request("");
    *request.method_mut() = Method::DELETE;
    request
}

/// Longer than anything on loopback takes, shorter than a test is waited for.
const QUIET: Duration = Duration::from_millis(400);
