//! Raw HTTP/1.1 with keep-alive: one session for each connection, no library in the way.

use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Meter, NUMBER_FIRST, Script, find};
use crate::{Fault, Outcome};

/// Where a contender listens.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    pub(crate) port: u16,
    pub(crate) path: &'static str,
}

/// One session on one connection.
pub(crate) struct HttpSession {
    stream: TcpStream,
    /// Everything of a request before the value of `Content-Length`.
    head: String,
    next: u64,
    request: Vec<u8>,
    body: Vec<u8>,
    received: Vec<u8>,
    reply: Vec<u8>,
}

impl HttpSession {
    /// Connects, initializes and lists the tools.
    pub(crate) async fn open(dial: &Dial) -> Outcome<Self> {
        let Dial { port, path } = dial;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n"
        );
        let mut session = Self {
            stream: connect(*port).await?,
            head: format!("{head}Content-Length: "),
            next: NUMBER_FIRST,
            request: Vec::new(),
            body: Vec::new(),
            received: Vec::new(),
            reply: Vec::new(),
        };
        let headers = session.exchange(INITIALIZE).await?;
        let id = header(&headers, "mcp-session-id");
        let id = id.map(|id| format!("Mcp-Session-Id: {id}\r\n")).unwrap_or_default();
        session.head = format!("{head}{id}MCP-Protocol-Version: 2025-06-18\r\nContent-Length: ");
        session.exchange(INITIALIZED).await?;
        session.exchange(LIST).await?;
        if find(&session.reply, b"echo").is_none() {
            return Err("it does not list the tool".into());
        }
        Ok(session)
    }

    async fn call(&mut self, script: &Script) -> Outcome<()> {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        script.write(self.next, &mut body);
        let exchanged = self.exchange(&body).await;
        self.body = body;
        exchanged?;
        let answered = script.check(&self.reply)?;
        if answered != self.next {
            return Err(format!("call {} got the answer to {answered}", self.next).into());
        }
        self.next += 1;
        Ok(())
    }

    /// Posts `body`; leaves the body of the answer in `self.reply` and gives its headers.
    async fn exchange(&mut self, body: &[u8]) -> Outcome<String> {
        self.request.clear();
        self.request.extend_from_slice(self.head.as_bytes());
        self.request.extend_from_slice(body.len().to_string().as_bytes());
        self.request.extend_from_slice(b"\r\n\r\n");
        self.request.extend_from_slice(body);
        self.stream.write_all(&self.request).await?;
        let headers = self.read_headers().await?;
        self.reply.clear();
        if header(&headers, "transfer-encoding").is_some() {
            self.read_chunks().await?;
        } else {
            let length = header(&headers, "content-length").map_or(Ok(0), str::parse)?;
            self.read_to_reply(length).await?;
        }
        if headers.get(9..10) == Some("2") {
            return Ok(headers);
        }
        let body = String::from_utf8_lossy(&self.reply);
        Err(format!("{}: {body}", headers.lines().next().unwrap_or_default()).into())
    }

    async fn read_headers(&mut self) -> Outcome<String> {
        let end = self.read_until(b"\r\n\r\n").await?;
        let headers: Vec<u8> = self.received.drain(..end).collect();
        Ok(String::from_utf8(headers)?)
    }

    async fn read_chunks(&mut self) -> Outcome<()> {
        loop {
            let end = self.read_until(b"\r\n").await?;
            let line: Vec<u8> = self.received.drain(..end).collect();
            let size = std::str::from_utf8(&line)?.trim().split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16)?;
            self.read_to_reply(size).await?;
            let end = self.read_until(b"\r\n").await?;
            self.received.drain(..end);
            if size == 0 {
                return Ok(());
            }
        }
    }

    async fn read_to_reply(&mut self, length: usize) -> Outcome<()> {
        while self.received.len() < length {
            self.read_more().await?;
        }
        self.reply.extend(self.received.drain(..length));
        Ok(())
    }

    /// The offset after the next `mark`.
    async fn read_until(&mut self, mark: &[u8]) -> Outcome<usize> {
        loop {
            if let Some(at) = find(&self.received, mark) {
                return Ok(at + mark.len());
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Outcome<()> {
        self.received.reserve(16 << 10);
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err("it closed the connection".into()),
            _ => Ok(()),
        }
    }
}

/// Brings `concurrency` sessions to life: connects anew, since a server may close a connection that
/// was idle, and opens anew what answers no call.
pub(super) async fn ready(
    dial: &Dial,
    sessions: &mut Vec<HttpSession>,
    script: &Script,
    concurrency: usize,
) -> Outcome<()> {
    for session in sessions.iter_mut().take(concurrency) {
        session.stream = connect(dial.port).await?;
        session.received.clear();
        if session.call(script).await.is_err() {
            *session = open_patiently(dial, script).await?;
        }
    }
    while sessions.len() < concurrency {
        sessions.push(open_patiently(dial, script).await?);
    }
    Ok(())
}

/// Opens a session; again when the first call fails, as a real client would.
async fn open_patiently(dial: &Dial, script: &Script) -> Outcome<HttpSession> {
    let mut tries = 0;
    loop {
        let opened = async {
            let mut session = HttpSession::open(dial).await?;
            session.call(script).await?;
            Ok(session)
        };
        tries += 1;
        match opened.await {
            Err(_) if tries < TRIES_MAX => {}
            opened => return opened,
        }
    }
}

/// Calls on each session until the meter says stop.
pub(super) async fn run(
    sessions: &mut Vec<HttpSession>,
    script: &Script,
    concurrency: usize,
    meter: &std::sync::Arc<Meter>,
) -> Outcome<Vec<f64>> {
    let mut tasks = JoinSet::new();
    for mut session in sessions.drain(..concurrency) {
        let (meter, script) = (std::sync::Arc::clone(meter), script.clone());
        tasks.spawn(async move {
            let mut latencies_ms = Vec::new();
            while !meter.is_over() {
                let began = Instant::now();
                session.call(&script).await?;
                meter.answered(began, &mut latencies_ms);
            }
            Ok::<_, Fault>((session, latencies_ms))
        });
    }
    let mut latencies_ms = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let (session, of_session) = ended??;
        sessions.push(session);
        latencies_ms.extend(of_session);
    }
    Ok(latencies_ms)
}

async fn connect(port: u16) -> Outcome<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn header<'h>(headers: &'h str, name: &str) -> Option<&'h str> {
    headers.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

const INITIALIZE: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1.0.0"}}}"#;
const INITIALIZED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const LIST: &[u8] = br#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;

const TRIES_MAX: usize = 5;
