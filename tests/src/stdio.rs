//! A raw client over a child's pipes.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::rpc::Client;
use crate::{program, rpc};

/// A child and the lines it wrote.
#[derive(Debug)]
pub struct StdioClient {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    put_back: VecDeque<Vec<u8>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    next_id: u64,
    modern: bool,
}

impl StdioClient {
    /// Starts the command and speaks to it as a client of the legacy era.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::with_capacity(1 << 16, stdout);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    break;
                }
            }
        });
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&stderr);
        let mut pipe = child.stderr.take().expect("stderr is a pipe");
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                written.lock().expect("no writer panics").extend_from_slice(&chunk[..count]);
            }
        });
        let put_back = VecDeque::new();
        Self { child, stdin, lines, put_back, stderr, next_id: 1, modern: false }
    }

    /// The same, as a client of the modern era.
    pub fn start_modern(command: &mut Command) -> Self {
        let mut client = Self::start(command);
        client.modern = true;
        client
    }

    /// The process id of the child.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes bytes as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        let written = stdin.write_all(bytes).and_then(|()| stdin.flush());
        if let Err(error) = written {
            panic!("the child reads no more ({error}); its stderr:\n{}", self.stderr());
        }
    }

    /// Writes a message and the end of its line.
    pub fn send(&mut self, message: &Value) {
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        self.send_bytes(&line);
    }

    /// The pipe, for a thread that writes while this one reads.
    pub fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("stdin is open")
    }

    /// The next line, its end included.
    #[track_caller]
    pub fn line(&mut self) -> Vec<u8> {
        self.put_back.pop_front().unwrap_or_else(|| self.fresh_line())
    }

    #[track_caller]
    fn fresh_line(&mut self) -> Vec<u8> {
        match self.lines.recv_timeout(TIME_MAX) {
            Ok(line) => line,
            Err(why) => {
                let why = match why {
                    RecvTimeoutError::Timeout => "there was no line in time",
                    RecvTimeoutError::Disconnected => "stdout was closed",
                };
                panic!("{why}; stderr:\n{}", self.stderr())
            }
        }
    }

    /// The next line if it comes within `time`.
    pub fn line_within(&mut self, time: Duration) -> Option<Vec<u8>> {
        self.put_back.pop_front().or_else(|| self.lines.recv_timeout(time).ok())
    }

    /// The next message.
    #[track_caller]
    pub fn message(&mut self) -> Value {
        let line = self.line();
        serde_json::from_slice(&line)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&line)))
    }

    /// The response with this id; what comes before it is kept.
    #[track_caller]
    pub fn response(&mut self, id: &Value) -> Value {
        let mut seen = 0;
        loop {
            if seen == self.put_back.len() {
                let line = self.fresh_line();
                self.put_back.push_back(line);
            }
            match serde_json::from_slice::<Value>(&self.put_back[seen]) {
                Ok(message) if message["id"] == *id && message.get("method").is_none() => {
                    self.put_back.remove(seen);
                    return message;
                }
                _ => seen += 1,
            }
        }
    }

    /// What was written to stderr so far.
    pub fn stderr(&self) -> String {
        let bytes = self.stderr.lock().expect("no writer panics");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The guard's events among the lines of stderr.
    pub fn events(&self) -> Vec<Value> {
        events_in(&self.stderr())
    }

    /// Waits until an event is there for which `wanted` holds.
    #[track_caller]
    pub fn event(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + TIME_MAX;
        loop {
            if let Some(event) = self.events().into_iter().find(|event| wanted(event)) {
                return event;
            }
            assert!(Instant::now() < deadline, "no such event; stderr:\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Closes stdin.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Closes stdin and waits for the child's end.
    pub fn end(&mut self) -> ExitStatus {
        self.close_stdin();
        program::wait(&mut self.child, TIME_MAX)
            .unwrap_or_else(|| panic!("the child keeps running; stderr:\n{}", self.stderr()))
    }
}

impl Client for StdioClient {
    fn open(&mut self) -> Value {
        if self.modern {
            return self.request("server/discover", json!({}));
        }
        self.send(&rpc::initialize(0));
        let response = self.response(&json!(0));
        self.send(&rpc::notification("notifications/initialized", json!({})));
        response
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        let id = json!(self.next_id);
        self.next_id += 1;
        self.send(&if self.modern {
            rpc::modern_request(id.clone(), method, params)
        } else {
            rpc::request(id.clone(), method, params)
        });
        self.response(&id)
    }
}

impl Drop for StdioClient {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = program::wait(&mut self.child, Duration::from_secs(3));
    }
}

/// The lines of `text` that are events.
pub fn events_in(text: &str) -> Vec<Value> {
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|value| value["event"].is_string() && value["verdict"].is_string())
        .collect()
}

const TIME_MAX: Duration = Duration::from_secs(30);
