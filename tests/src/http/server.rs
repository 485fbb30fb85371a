//! Servers on loopback that answer what they are told to.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that answers each request by its head, one a connection.
pub struct Server {
    pub address: SocketAddr,
    pub bytes_sent: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

/// An answer with a body.
pub fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Stands for a body of chunks that go on until nobody takes them.
pub const CHUNKS_WITHOUT_END: &[u8] = b"chunks without end";

/// Begins an answer after which the connection is cut.
pub const CUT: &[u8] = b"cut after: ";

impl Server {
    pub async fn start(answers: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), answers).await
    }

    pub async fn at(
        address: SocketAddr,
        answers: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heads, bytes_sent) = (Arc::<Mutex<Vec<String>>>::default(), Arc::default());
        let server = Self { address, bytes_sent: Arc::clone(&bytes_sent), heads: heads.clone() };
        let answers = Arc::new(answers);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (heads, answers) = (Arc::clone(&heads), Arc::clone(&answers));
                let bytes_sent: Arc<AtomicUsize> = Arc::clone(&bytes_sent);
                tokio::spawn(async move {
                    serve(stream, &heads, answers.as_ref(), &bytes_sent).await;
                });
            }
        });
        server
    }

    /// A server whose answer never ends, a byte at a time.
    pub async fn dripping() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let asked = stream.read(&mut [0; 1024]).await.unwrap();
            assert!(asked > 0, "a request came");
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
            let mut sent = stream.write_all(head).await;
            while sent.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                sent = stream.write_all(b"x").await;
            }
        });
        Self { address, bytes_sent: Arc::default(), heads: Arc::default() }
    }

    /// A server that keeps the first bytes it hears, and answers `says`.
    pub async fn raw(seen: Arc<Mutex<Vec<u8>>>, says: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 4096];
            let read = stream.read(&mut bytes).await.unwrap();
            bytes.truncate(read);
            *seen.lock().unwrap() = bytes;
            drop(stream.write_all(says).await);
        });
        address
    }

    /// The heads of the requests that came.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    heads: &Mutex<Vec<String>>,
    answers: &(dyn Fn(&str) -> Vec<u8> + Send + Sync),
    bytes_sent: &AtomicUsize,
) {
    let mut head = Vec::new();
    loop {
        let mut bytes = [0; 1024];
        let Ok(read @ 1..) = stream.read(&mut bytes).await else { return };
        head.extend_from_slice(&bytes[..read]);
        let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&head[..end]).into_owned();
        // Bodies of requests are not read: what follows them is of no interest here.
        head.clear();
        let answer = answers(&text);
        heads.lock().unwrap().push(text);
        let sent = if answer == CHUNKS_WITHOUT_END {
            without_end(&mut stream, bytes_sent).await
        } else {
            stream.write_all(answer.strip_prefix(CUT).unwrap_or(&answer)).await
        };
        if sent.is_err() || answer.starts_with(CUT) {
            return;
        }
    }
}

/// 1 GB in chunks of 64 KiB.
async fn without_end(stream: &mut TcpStream, bytes_sent: &AtomicUsize) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat();
    for _ in 0..(1 << 30) / 0x10000 {
        stream.write_all(&chunk).await?;
        bytes_sent.fetch_add(chunk.len(), Ordering::Relaxed);
    }
    stream.write_all(b"0\r\n\r\n").await
}
