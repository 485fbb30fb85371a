//! A server on the loopback interface that answers what it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::Files;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// The path, without its query.
    pub path: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status, a type and a body.
    Is(u16, &'static str, Vec<u8>),
    /// Bytes without end.
    Endless,
    /// Nothing: the connection stays open.
    Silence,
}

/// A running server. Its threads end with the test.
#[derive(Debug)]
pub struct Loopback {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    files: Arc<Mutex<Files>>,
}

impl Loopback {
    /// Serves a log below `/log/`.
    pub fn log(files: Files) -> Self {
        let files = Arc::new(Mutex::new(files));
        let served = Arc::clone(&files);
        let url = listen(move |request| {
            let path = request.path.strip_prefix("/log/").unwrap_or_default();
            match served.lock().expect("nobody panics with it").get(path) {
                Some(bytes) if bytes == ENDLESS => Reply::Endless,
                Some(bytes) => Reply::Is(200, "application/octet-stream", bytes.clone()),
                None => Reply::Is(404, "text/plain", b"not here\n".to_vec()),
            }
        });
        Self { url, files }
    }

    /// Serves what a function answers.
    pub fn answering(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self { url: listen(answer), files: Arc::default() }
    }

    /// Where the log is read.
    pub fn log_url(&self) -> String {
        format!("{}/log", self.url)
    }

    /// Serves another log from now on.
    pub fn show(&self, files: Files) {
        *self.files.lock().expect("nobody panics with it") = files;
    }

    /// Changes one file, or adds it; `None` takes it away.
    pub fn tamper(&self, path: &str, bytes: Option<Vec<u8>>) {
        let mut files = self.files.lock().expect("nobody panics with it");
        match bytes {
            Some(bytes) => files.insert(path.to_owned(), bytes),
            None => files.remove(path),
        };
    }
}

fn listen(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("a listener has an address");
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                // Whoever asked may be gone before it is answered.
                let _ = serve(stream, &*answer);
            });
        }
    });
    format!("http://{address}")
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&Request) -> Reply) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let target = line.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    match answer(&Request { path, body }) {
        Reply::Is(status, kind, body) => {
            let head = format!(
                "HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(&body)
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            let zeros = vec![0; 1 << 16];
            loop {
                stream.write_all(&zeros)?;
            }
        }
        Reply::Silence => {
            reader.read_to_end(&mut Vec::new())?;
            Ok(())
        }
    }
}

/// A file that has no end.
pub const ENDLESS: &[u8] = b"(without end)";
