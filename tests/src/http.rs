//! A raw HTTP/1.1 client: what was sent and what came back are bytes.

pub mod recorder;
pub mod server;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::rpc::{self, Client};

/// A client of one Streamable HTTP endpoint.
#[derive(Debug)]
pub struct HttpClient {
    authority: String,
    path: String,
    session: Option<String>,
    next_id: u64,
    modern: bool,
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its `id`.
    pub id: Option<String>,
    /// The lines of `data`, joined.
    pub data: Vec<u8>,
}

#[derive(Debug)]
struct Body {
    reader: BufReader<TcpStream>,
    extent: Extent,
}

#[derive(Debug, Clone, Copy)]
enum Extent {
    Length(usize),
    Chunks { left: usize, done: bool },
    UntilClosed,
}

impl HttpClient {
    /// A client of the legacy era for `http://HOST:PORT/PATH`.
    pub fn new(url: &str) -> Self {
        let rest = url.strip_prefix("http://").expect("the URL is plain HTTP");
        let (authority, path) = rest.split_once('/').expect("the URL has a path");
        Self {
            authority: authority.to_owned(),
            path: format!("/{path}"),
            session: None,
            next_id: 1,
            modern: false,
        }
    }

    /// A client of the modern era.
    pub fn modern(url: &str) -> Self {
        Self { modern: true, ..Self::new(url) }
    }

    /// Waits until something accepts connections there.
    #[track_caller]
    pub fn wait(&self) {
        let deadline = Instant::now() + TIME_MAX;
        while TcpStream::connect(&self.authority).is_err() {
            assert!(Instant::now() < deadline, "nothing listens on {}", self.authority);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a notification.
    #[track_caller]
    pub fn notify(&self, method: &str, params: Value) {
        let answer = self.post(rpc::notification(method, params).to_string().as_bytes());
        let status = answer.status;
        assert_eq!(status, 202, "{method}: {}", String::from_utf8_lossy(&answer.bytes()));
    }

    /// Posts a body as it is, with the headers that the era and the body ask for.
    #[track_caller]
    pub fn post(&self, body: &[u8]) -> Answer {
        let mut headers = vec![
            ("Accept".to_owned(), "application/json, text/event-stream".to_owned()),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        let message: Value = serde_json::from_slice(body).unwrap_or_default();
        if self.modern {
            headers.push(("MCP-Protocol-Version".to_owned(), rpc::MODERN.to_owned()));
            if let Some(method) = message["method"].as_str() {
                headers.push(("Mcp-Method".to_owned(), method.to_owned()));
            }
            let params = &message["params"];
            if let Some(name) = params["name"].as_str().or_else(|| params["uri"].as_str()) {
                headers.push(("Mcp-Name".to_owned(), name.to_owned()));
            }
        } else if let Some(session) = &self.session {
            headers.push(("Mcp-Session-Id".to_owned(), session.clone()));
            headers.push(("MCP-Protocol-Version".to_owned(), rpc::LEGACY.to_owned()));
        }
        self.send("POST", &headers, body)
    }

    /// Opens the stream on which a legacy server speaks by itself.
    #[track_caller]
    pub fn get(&self) -> Answer {
        let mut headers = vec![("Accept".to_owned(), "text/event-stream".to_owned())];
        if let Some(session) = &self.session {
            headers.push(("Mcp-Session-Id".to_owned(), session.clone()));
            headers.push(("MCP-Protocol-Version".to_owned(), rpc::LEGACY.to_owned()));
        }
        self.send("GET", &headers, b"")
    }

    /// Sends a request with exactly these headers, beside `Host` and the body's length.
    #[track_caller]
    pub fn send(&self, method: &str, headers: &[(String, String)], body: &[u8]) -> Answer {
        use std::fmt::Write as _;
        let mut head = format!("{method} {} HTTP/1.1\r\n", self.path);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            let _ = write!(head, "Host: {}\r\n", self.authority);
        }
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        let mut stream = TcpStream::connect(&self.authority)
            .unwrap_or_else(|error| panic!("{}: {error}", self.authority));
        stream.set_read_timeout(Some(TIME_MAX)).expect("a timeout can be set");
        // A server may answer and close before it read the whole body.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        Answer::read(stream)
    }
}

impl Client for HttpClient {
    fn open(&mut self) -> Value {
        if self.modern {
            return self.request("server/discover", json!({}));
        }
        let answer = self.post(rpc::initialize(0).to_string().as_bytes());
        self.session = answer.header("mcp-session-id").map(str::to_owned);
        let response = answer.response(&json!(0));
        self.notify("notifications/initialized", json!({}));
        response
    }

    fn hear(&mut self) {
        if self.modern {
            return;
        }
        let mut stream = self.get();
        assert_eq!(stream.status, 200, "the stream of the server");
        std::thread::spawn(move || while stream.event().is_some() {});
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        let id = json!(self.next_id);
        self.next_id += 1;
        let message = if self.modern {
            rpc::modern_request(id.clone(), method, params)
        } else {
            rpc::request(id.clone(), method, params)
        };
        self.post(message.to_string().as_bytes()).response(&id)
    }
}

impl Answer {
    fn read(stream: TcpStream) -> Self {
        let mut reader = BufReader::with_capacity(1 << 16, stream);
        let status_line = head_line(&mut reader);
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("`{status_line}` is no status line"));
        let mut headers = Vec::new();
        loop {
            let line = head_line(&mut reader);
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let find = |name: &str| headers.iter().find(|header| header.0 == name);
        let extent = if find("transfer-encoding").is_some() {
            Extent::Chunks { left: 0, done: false }
        } else if let Some((_, length)) = find("content-length") {
            Extent::Length(length.parse().expect("a length is a number"))
        } else {
            Extent::UntilClosed
        };
        Self { status, headers, body: Body { reader, extent } }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.0 == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the body is a stream of events.
    pub fn is_stream(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"))
    }

    /// The whole body.
    pub fn bytes(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = self.body.read_to_end(&mut bytes);
        read.expect("the body can be read");
        bytes
    }

    /// The next event; nothing at the end of the stream.
    pub fn event(&mut self) -> Option<Event> {
        let mut event = Event { id: None, data: Vec::new() };
        let mut lines = 0;
        loop {
            let line = self.body.line()?;
            let (field, value) = match line.iter().position(|byte| *byte == b':') {
                _ if line.is_empty() && lines == 0 && event.id.is_none() => continue,
                _ if line.is_empty() => return Some(event),
                Some(0) => continue,
                Some(colon) => (&line[..colon], &line[colon + 1..]),
                None => (&line[..], &b""[..]),
            };
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match field {
                b"data" => {
                    if lines > 0 {
                        event.data.push(b'\n');
                    }
                    event.data.extend_from_slice(value);
                    lines += 1;
                }
                b"id" => event.id = Some(String::from_utf8_lossy(value).into_owned()),
                _ => {}
            }
        }
    }

    /// The next message of the stream; nothing at its end.
    pub fn message(&mut self) -> Option<Value> {
        loop {
            let event = self.event()?;
            if !event.data.is_empty() {
                return Some(serde_json::from_slice(&event.data).expect("an event is JSON"));
            }
        }
    }

    /// The response with this id, from a body or a stream.
    #[track_caller]
    pub fn response(mut self, id: &Value) -> Value {
        if self.is_stream() {
            while let Some(message) = self.message() {
                if message["id"] == *id && message.get("method").is_none() {
                    return message;
                }
            }
            panic!("the stream ended without a response to {id}");
        }
        let status = self.status;
        let bytes = self.bytes();
        serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            panic!("status {status}, {error}: {}", String::from_utf8_lossy(&bytes))
        })
    }
}

impl Body {
    /// The next line without its end; nothing at the end of the body.
    fn line(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            match self.read(&mut byte) {
                // A peer that ends may leave a stream in the middle.
                Ok(0) | Err(_) => return None,
                Ok(_) if byte == *b"\n" => {
                    if line.last() == Some(&b'\r') {
                        line.pop();
                    }
                    return Some(line);
                }
                Ok(_) => line.push(byte[0]),
            }
        }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match &mut self.extent {
            Extent::UntilClosed => self.reader.read(buffer),
            Extent::Length(left) => {
                let want = buffer.len().min(*left);
                let count = self.reader.read(&mut buffer[..want])?;
                *left -= count;
                Ok(count)
            }
            Extent::Chunks { left, done } => {
                if *left == 0 && !*done {
                    let size = head_line(&mut self.reader);
                    *left = usize::from_str_radix(size.trim(), 16).expect("a chunk has a size");
                    *done = *left == 0;
                }
                if *done {
                    return Ok(0);
                }
                let want = buffer.len().min(*left);
                let count = self.reader.read(&mut buffer[..want])?;
                *left -= count;
                if *left == 0 {
                    head_line(&mut self.reader);
                }
                Ok(count)
            }
        }
    }
}

/// A free port of the loopback interface.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    listener.local_addr().expect("a listener has an address").port()
}

fn head_line(reader: &mut impl BufRead) -> String {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).expect("the head can be read");
    String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()
}

const TIME_MAX: Duration = Duration::from_secs(30);
