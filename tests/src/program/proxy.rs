//! A TCP proxy that fails on demand, between a client and a real server.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A proxy on a loopback port. It ends with the process.
#[derive(Debug, Clone)]
pub struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives; the connection ends.
    Lost,
    /// It is applied; the connection ends instead of the answer.
    AnswerLost,
    /// It arrives, and the connection ends at once: while it is applied, the client is elsewhere.
    CutAtOnce,
    /// It is applied; the answer is an HTTP 500.
    AnsweredFailed,
    /// It never arrives; the answer is an HTTP 500.
    Failed,
    /// Nothing comes any more, and the connection stays open.
    Silent,
}

#[derive(Debug, Default)]
struct State {
    rule: Option<(Vec<u8>, Fault, u32)>,
    hits: u32,
    is_down: bool,
    connections: Vec<TcpStream>,
}

impl Proxy {
    /// A proxy to a port on loopback.
    pub fn to(upstream: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let port = listener.local_addr().expect("its own address").port();
        let it = Self { port, state: Arc::default() };
        let accepting = it.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accepting.accept(client, upstream);
            }
        });
        it
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets the next `count` requests that hold `needle` fail so.
    pub fn fail(&self, needle: impl Into<Vec<u8>>, fault: Fault, count: u32) {
        let mut state = self.state();
        state.rule = Some((needle.into(), fault, count));
        state.hits = 0;
    }

    /// How many requests failed since then.
    pub fn hits(&self) -> u32 {
        self.state().hits
    }

    /// Lets everything through again.
    pub fn heal(&self) {
        let mut state = self.state();
        state.rule = None;
        state.is_down = false;
    }

    /// Ends every connection, and takes no new one until it is healed: a partition.
    pub fn cut(&self) {
        let mut state = self.state();
        state.is_down = true;
        for connection in state.connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no thread of the proxy panics")
    }

    fn accept(&self, client: TcpStream, upstream: u16) {
        if self.state().is_down {
            return;
        }
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)) else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let clone = |stream: &TcpStream| stream.try_clone().expect("a socket can be cloned");
        let mut state = self.state();
        state.connections.retain(|connection| connection.peer_addr().is_ok());
        state.connections.extend([clone(&client), clone(&server)]);
        drop(state);
        let fault = Arc::new(Mutex::new(None));
        let (up, down) = (self.clone(), fault.clone());
        let (from, to) = (clone(&client), clone(&server));
        std::thread::spawn(move || up.requests(from, to, &fault));
        std::thread::spawn(move || answers(server, client, &down));
    }

    /// Client to server. A request is judged whole reads at a time, with the end of the one before,
    /// so that a needle on their border is found.
    fn requests(&self, mut client: TcpStream, mut server: TcpStream, fault: &Mutex<Option<Fault>>) {
        let mut buffer = vec![0; 1 << 16];
        let mut tail = Vec::new();
        while let Ok(length @ 1..) = client.read(&mut buffer) {
            let chunk = &buffer[..length];
            tail.extend_from_slice(chunk);
            let hit = self.hit(&tail);
            tail.drain(..tail.len().saturating_sub(64));
            match hit {
                Some(Fault::Lost) => break,
                Some(Fault::Failed) => {
                    let _ = client.write_all(FAILED);
                    break;
                }
                Some(Fault::Silent) => {
                    std::thread::sleep(SILENCE);
                    break;
                }
                Some(other) => {
                    tail.clear();
                    *fault.lock().expect("no thread of the proxy panics") = Some(other);
                }
                None => {}
            }
            if server.write_all(chunk).is_err() {
                break;
            }
            if hit == Some(Fault::CutAtOnce) {
                // The server keeps its connection, and what it was sent.
                let _ = client.shutdown(Shutdown::Both);
                std::thread::sleep(Duration::from_millis(500));
                break;
            }
        }
        let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
    }

    fn hit(&self, bytes: &[u8]) -> Option<Fault> {
        let mut state = self.state();
        let (needle, fault, count) = state.rule.as_mut()?;
        if *count == 0 || !bytes.windows(needle.len()).any(|window| window == needle) {
            return None;
        }
        *count -= 1;
        let fault = *fault;
        state.hits += 1;
        Some(fault)
    }
}

/// Server to client, unless the request before is to fail.
fn answers(mut server: TcpStream, mut client: TcpStream, fault: &Mutex<Option<Fault>>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = server.read(&mut buffer) {
        let fault = *fault.lock().expect("no thread of the proxy panics");
        if fault == Some(Fault::AnsweredFailed) {
            let _ = client.write_all(FAILED);
        }
        if fault.is_some() || client.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
}

const FAILED: &[u8] =
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const SILENCE: Duration = Duration::from_mins(1);
