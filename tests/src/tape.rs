//! The recording server: it answers with bytes it was given and writes down bytes that arrive.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::guard::ServerCommand;
use crate::http::free_port;
use crate::{Guard, HttpClient, paths, program};

/// A recording server in the directory of a guard.
#[derive(Debug, Default)]
pub struct Tape {
    script: HashMap<String, Vec<String>>,
    config: Map<String, Value>,
}

/// A recording server that listens, until this is dropped.
#[derive(Debug)]
pub struct ListeningTape {
    child: Child,
    url: String,
}

impl Tape {
    /// A server without a script.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a member of the configuration.
    #[must_use]
    pub fn set(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.config.insert(member.to_owned(), value.into());
        self
    }

    /// Over stdio: answers `message` with `answer`, which holds the ends of its lines.
    pub fn answer(&mut self, message: &[u8], answer: &[u8]) {
        self.script.insert(digest(message), vec![hex(answer)]);
    }

    /// Over HTTP: answers `message` with a body of this content type.
    pub fn answer_http(&mut self, message: &[u8], content_type: &str, body: &[u8]) {
        self.script.insert(digest(message), vec![hex(content_type.as_bytes()), hex(body)]);
    }

    /// The command that runs it over stdio, with its files in the guard's directory.
    pub fn command(&self, guard: &Guard) -> ServerCommand {
        let script = guard.file("script.json");
        let text = json!(self.script).to_string();
        std::fs::write(&script, text).expect("the directory can be written");
        let path = |path: &Path| Value::from(path.to_str().expect("paths are UTF-8"));
        let mut config = self.config.clone();
        config.insert("script".to_owned(), path(&script));
        config.insert("log".to_owned(), path(&guard.file("tape.log")));
        config.insert("pids".to_owned(), path(&guard.file("pids")));
        ServerCommand::new("python3")
            .arg(paths::tests_file("tape/tape.py").to_str().expect("paths are UTF-8"))
            .env("TAPE", Value::Object(config).to_string())
    }

    /// Runs it over HTTP.
    #[track_caller]
    pub fn listen(self, guard: &Guard) -> ListeningTape {
        let port = free_port();
        let command = self.set("port", port).command(guard);
        let child =
            command.direct(guard.directory()).stdin(Stdio::null()).spawn().expect("python3 starts");
        let listening = ListeningTape { child, url: format!("http://127.0.0.1:{port}/mcp") };
        HttpClient::new(&listening.url).wait();
        listening
    }

    /// The messages that arrived, in order.
    pub fn arrived(guard: &Guard) -> Vec<Vec<u8>> {
        let text = std::fs::read_to_string(guard.file("tape.log")).unwrap_or_default();
        text.lines().map(unhex).collect()
    }

    /// The ids of its processes.
    #[track_caller]
    pub fn processes(guard: &Guard) -> Vec<u32> {
        let text = std::fs::read_to_string(guard.file("pids")).expect("it wrote its ids");
        text.split(' ').map(|id| id.parse().expect("an id is a number")).collect()
    }
}

impl ListeningTape {
    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for ListeningTape {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = program::wait(&mut self.child, std::time::Duration::from_secs(3));
    }
}

fn digest(message: &[u8]) -> String {
    hex(&Sha256::digest(message))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("the log is hex");
    (0..text.len()).step_by(2).map(digits).collect()
}
