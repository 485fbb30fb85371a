//! A server that keeps what it is sent, and answers everything alike.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// One that runs.
#[derive(Debug)]
pub struct Recorder {
    /// Where.
    pub url: String,
    seen: Arc<Mutex<String>>,
}

impl Recorder {
    /// Starts one.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut bytes = [0; 16 << 10];
                let count = stream.read(&mut bytes).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes[..count]);
                kept.lock().expect("no writer panics").push_str(&text);
                let body = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
                let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            }
        });
        Self { url, seen }
    }

    /// What it was sent so far.
    pub fn seen(&self) -> String {
        self.seen.lock().expect("no writer panics").clone()
    }
}
