//! An MCP server over HTTP, written by hand against the specification, that does as a test says.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::channel::{Channel, Sender};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::client::whole;

/// How a fixture speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// 2026-07-28.
    Modern,
    /// Streamable HTTP with sessions.
    Legacy,
    /// Streamable HTTP of 2025-03-26 with sessions.
    LegacyBatches,
    /// Streamable HTTP without sessions.
    Sessionless,
    /// HTTP+SSE.
    Beside,
}

pub(super) type Headers = Vec<(&'static str, String)>;

/// What answers a call.
#[derive(Clone)]
pub(super) enum Canned {
    /// A status, headers and a body in which `$ID` stands for the id.
    Whole(u16, Headers, String),
    /// Events in which `$ID` stands for the id, each a chunk of its own.
    Events(Vec<String>),
    /// Events, and then the stream stays open.
    OpenEvents(Vec<String>),
    /// Nothing, ever.
    Silence,
    /// The end of the connection.
    Abort,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Arrived {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

pub(super) struct Fixture {
    pub(super) address: SocketAddr,
    kind: Kind,
    /// The tools that are listed.
    pub(super) tools: Mutex<Value>,
    /// Whether lists are answered in event streams.
    pub(super) streams: Mutex<bool>,
    pub(super) calls: Mutex<HashMap<String, Canned>>,
    pub(super) arrived: Mutex<Vec<Arrived>>,
    /// A status instead of any answer, with headers.
    pub(super) refusal: Mutex<Option<(u16, Headers)>>,
    /// The stream that a GET opened last.
    pub(super) standing: Mutex<Option<Sender<Bytes>>>,
    /// What the `endpoint` event says, over HTTP+SSE.
    pub(super) endpoint: Mutex<String>,
    /// Connections that were accepted.
    pub(super) connections: AtomicUsize,
    /// Bodies that were dropped before their end.
    pub(super) hung_up: Arc<Mutex<usize>>,
}

/// A body that tells when it is dropped.
pub(super) struct Told {
    channel: Channel<Bytes>,
    is_ended: bool,
    hung_up: Arc<Mutex<usize>>,
}

impl Fixture {
    pub(super) async fn start(kind: Kind) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fixture = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            kind,
            tools: Mutex::new(json!([tool("echo", "Echoes."), tool("sum", "Sums.")])),
            streams: Mutex::default(),
            calls: Mutex::default(),
            arrived: Mutex::default(),
            refusal: Mutex::default(),
            standing: Mutex::default(),
            endpoint: Mutex::new("/messages?session=s1".to_owned()),
            connections: AtomicUsize::new(0),
            hung_up: Arc::default(),
        });
        let served = Arc::clone(&fixture);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                served.connections.fetch_add(1, Ordering::Relaxed);
                let fixture = Arc::clone(&served);
                let service = service_fn(move |request| {
                    let fixture = Arc::clone(&fixture);
                    async move { Ok::<_, Infallible>(fixture.answer(request).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        fixture
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Answers calls of `tool` so.
    pub(super) fn can(&self, tool: &str, canned: Canned) {
        self.calls.lock().unwrap().insert(tool.to_owned(), canned);
    }

    /// The bodies of the calls that arrived.
    pub(super) fn calls_arrived(&self) -> Vec<Bytes> {
        let arrived = self.arrived.lock().unwrap();
        let is_call =
            |arrived: &&Arrived| String::from_utf8_lossy(&arrived.body).contains("tools/call");
        arrived.iter().filter(is_call).map(|arrived| arrived.body.clone()).collect()
    }

    /// How often `method` arrived.
    pub(super) fn count(&self, method: &Method) -> usize {
        self.arrived.lock().unwrap().iter().filter(|arrived| arrived.method == *method).count()
    }

    /// Sends an event on the stream that a GET opened last.
    pub(super) async fn push(&self, event: &str) {
        let mut sender = self.standing.lock().unwrap().take().expect("an open stream");
        sender.send_data(Bytes::from(event.to_owned())).await.unwrap();
        *self.standing.lock().unwrap() = Some(sender);
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Told> {
        let (head, body) = request.into_parts();
        let body = whole(body).await;
        self.arrived.lock().unwrap().push(Arrived {
            method: head.method.clone(),
            headers: head.headers.clone(),
            body: body.clone(),
        });
        if let Some((status, headers)) = self.refusal.lock().unwrap().clone() {
            return self.whole(status, &headers, "");
        }
        match head.method {
            Method::GET => self.get().await,
            Method::DELETE => self.whole(200, &[], ""),
            _ => self.post(&head.headers, &body, head.uri.path()).await,
        }
    }

    async fn get(&self) -> Response<Told> {
        if let Some(Canned::Whole(status, headers, text)) = self.calls.lock().unwrap().get("GET") {
            return self.whole(*status, headers, text);
        }
        let (mut sender, channel) = Channel::new(64);
        let first = match self.kind {
            Kind::Modern | Kind::Sessionless => return self.whole(405, &[], ""),
            Kind::Legacy | Kind::LegacyBatches => ": open\n\n".to_owned(),
            Kind::Beside => {
                format!("event: endpoint\ndata: {}\n\n", self.endpoint.lock().unwrap())
            }
        };
        sender.send_data(first.into()).await.unwrap();
        *self.standing.lock().unwrap() = Some(sender);
        self.events(channel)
    }

    async fn post(&self, headers: &HeaderMap, body: &Bytes, path: &str) -> Response<Told> {
        // Half an emoji is no Unicode, and means nothing to this server.
        let text = String::from_utf8_lossy(body).replace(r"\ud83d", "");
        let message: Value = serde_json::from_str(&text).unwrap();
        if message.is_array() {
            return self.batch(&message);
        }
        let (method, id) = (message["method"].as_str().unwrap_or_default(), message["id"].clone());
        let is_modern = headers.get("mcp-protocol-version").is_some_and(|v| v == "2026-07-28");
        if self.kind == Kind::Beside {
            if path != "/messages" {
                return self.whole(405, &[], "");
            }
            let canned = Some(self.canned(method, &message)).filter(|_| !id.is_null());
            if let Some(Canned::Whole(_, _, answer)) = canned {
                self.push(&format!("event: message\ndata: {}\n\n", fill(&answer, &id))).await;
            }
            return self.whole(202, &[], "Accepted");
        }
        if is_modern != (self.kind == Kind::Modern) {
            let text = r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Bad Request: Missing session ID"}}"#;
            return self.whole(400, &[json_type()], text);
        }
        if id.is_null() {
            return self.whole(202, &[], "");
        }
        let has_sessions = matches!(self.kind, Kind::Legacy | Kind::LegacyBatches);
        if has_sessions && method != "initialize" && !headers.contains_key("mcp-session-id") {
            return self.whole(400, &[], "");
        }
        match self.canned(method, &message) {
            Canned::Whole(status, headers, text) => self.whole(status, &headers, &fill(&text, &id)),
            Canned::Events(events) => self.stream(&events, &id, false).await,
            Canned::OpenEvents(events) => self.stream(&events, &id, true).await,
            Canned::Silence => std::future::pending().await,
            // A panic ends the task, and with it the connection.
            Canned::Abort => std::panic::resume_unwind(Box::new(())),
        }
    }

    /// The calls of a batch, answered in one array.
    fn batch(&self, message: &Value) -> Response<Told> {
        let calls = message.as_array().unwrap().iter().filter(|member| member.get("id").is_some());
        let answers: Vec<String> =
            calls.map(|call| fill(&ok(&json!({ "content": [] })), &call["id"])).collect();
        self.whole(200, &[json_type()], &format!("[{}]", answers.join(", ")))
    }

    fn canned(&self, method: &str, message: &Value) -> Canned {
        let version = if self.kind == Kind::LegacyBatches { "2025-03-26" } else { "2025-11-25" };
        if let Some(canned) = self.calls.lock().unwrap().get(method) {
            return canned.clone();
        }
        let result = match method {
            "tools/call" => {
                let tool = message["params"]["name"].as_str().unwrap();
                if let Some(canned) = self.calls.lock().unwrap().get(tool) {
                    return canned.clone();
                }
                let text = message["params"]["arguments"].to_string();
                json!({ "content": [{ "type": "text", "text": text }], "resultType": "complete" })
            }
            "initialize" => json!({ "protocolVersion": version, "capabilities": { "tools": {} },
                "serverInfo": { "name": "fixture", "version": "1" } }),
            "server/discover" => json!({ "supportedVersions": ["2026-07-28"],
                "capabilities": { "tools": {} }, "ttlMs": 0, "cacheScope": "private",
                "resultType": "complete" }),
            "tools/list" => json!({ "tools": *self.tools.lock().unwrap(), "ttlMs": 0,
                "cacheScope": "private", "resultType": "complete" }),
            _ => json!({}),
        };
        let mut headers = vec![json_type()];
        if method == "initialize" && self.kind != Kind::Sessionless {
            headers.push(("mcp-session-id", "s1".to_owned()));
        }
        if *self.streams.lock().unwrap() && method != "initialize" {
            let ping = r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#;
            let answer = ok(&result);
            let (hello, tick) = (": hello".to_owned(), "event: tick\ndata: now".to_owned());
            let events = [hello, tick, format!("data: {ping}"), format!("data: {answer}")];
            return Canned::Events(events.map(|event| format!("{event}\n\n")).into());
        }
        Canned::Whole(200, headers, ok(&result))
    }

    fn whole(&self, status: u16, headers: &[(&str, String)], text: &str) -> Response<Told> {
        let (mut sender, channel) = Channel::new(1);
        if !text.is_empty() {
            assert!(sender.try_send(Frame::data(Bytes::from(text.to_owned()))).is_ok());
        }
        drop(sender);
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, value);
        }
        response.body(self.told(channel)).unwrap()
    }

    async fn stream(&self, events: &[String], id: &Value, stays: bool) -> Response<Told> {
        let (mut sender, channel) = Channel::new(64);
        for event in events {
            sender.send_data(fill(event, id).into()).await.unwrap();
        }
        if stays {
            *self.standing.lock().unwrap() = Some(sender);
        }
        self.events(channel)
    }

    fn events(&self, channel: Channel<Bytes>) -> Response<Told> {
        let response = Response::builder()
            .header("content-type", "text/event-stream")
            .header("x-accel-buffering", "no");
        response.body(self.told(channel)).unwrap()
    }

    fn told(&self, channel: Channel<Bytes>) -> Told {
        Told { channel, is_ended: false, hung_up: Arc::clone(&self.hung_up) }
    }
}

impl Body for Told {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = Pin::new(&mut self.channel).poll_frame(context);
        self.is_ended |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if !self.is_ended {
            *self.hung_up.lock().unwrap() += 1;
        }
    }
}

pub(super) fn tool(name: &str, description: &str) -> Value {
    json!({ "name": name, "description": description, "inputSchema": { "type": "object" } })
}

/// A response with `result`, for the id that `$ID` stands for.
pub(super) fn ok(result: &Value) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{result}}}"#)
}

pub(super) fn json_type() -> (&'static str, String) {
    ("content-type", "application/json".to_owned())
}

fn fill(text: &str, id: &Value) -> String {
    text.replace("$ID", &id.to_string())
}
