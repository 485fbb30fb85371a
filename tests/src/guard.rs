//! The binary's commands, as tests use them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::free_port;
use crate::stdio::events_in;
use crate::{HttpClient, Output, Program, Scratch, StdioClient, paths, program};

/// A directory with a lock file, and the commands that use it.
#[derive(Debug, Default)]
pub struct Guard {
    scratch: Scratch,
}

/// A guard that listens.
#[derive(Debug)]
pub struct Listening {
    child: Child,
    url: String,
    stderr: Arc<Mutex<Vec<u8>>>,
}

/// A command line and the environment it wants.
#[derive(Debug, Clone, Default)]
pub struct ServerCommand {
    /// The program and its arguments.
    pub line: Vec<String>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
}

impl ServerCommand {
    /// A program without arguments.
    pub fn new(program: impl AsRef<Path>) -> Self {
        let line = vec![program.as_ref().to_str().expect("paths are UTF-8").to_owned()];
        Self { line, environment: Vec::new() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.line.push(argument.into());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// The server itself, without a guard.
    pub fn direct(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.line[0]);
        command.args(&self.line[1..]).current_dir(directory);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Guard {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    /// `countersign VERB ARGUMENTS`, in this directory.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.program().args(arguments).args(LOCK).run()
    }

    /// `countersign VERB ARGUMENTS -- COMMAND…`
    pub fn run_on(&self, arguments: &[&str], server: &ServerCommand) -> Output {
        let mut program = self.program().args(arguments).args(LOCK).arg("--").args(&server.line);
        for (name, value) in &server.environment {
            program = program.env(name, value);
        }
        program.run()
    }

    /// Pins what the command shows.
    #[track_caller]
    pub fn pin(&self, server: &ServerCommand) {
        self.run_on(&["pin", "--name", ALIAS], server).expect(0);
    }

    /// The changes that `check --json` reports for the command, against the pin.
    #[track_caller]
    pub fn check(&self, server: &ServerCommand) -> (Option<i32>, Value) {
        let output = self.run_on(&["check", "--json", "--name", ALIAS], server);
        let report = output.json();
        (output.code, report)
    }

    /// A guarded stdio server.
    pub fn stdio(&self, options: &[&str], server: &ServerCommand) -> StdioClient {
        StdioClient::start(&mut self.stdio_command(options, server))
    }

    /// The same for a modern client.
    pub fn stdio_modern(&self, options: &[&str], server: &ServerCommand) -> StdioClient {
        StdioClient::start_modern(&mut self.stdio_command(options, server))
    }

    /// `countersign guard --name ALIAS OPTIONS -- COMMAND…`
    pub fn stdio_command(&self, options: &[&str], server: &ServerCommand) -> Command {
        let mut command = Command::new(paths::countersign());
        command.args(["guard", "--name", ALIAS]).args(LOCK).args(options);
        command.arg("--").args(&server.line);
        command.envs(server.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.directory());
        command
    }

    /// Pins what is shown at a URL.
    #[track_caller]
    pub fn pin_url(&self, url: &str) {
        self.run(&["pin", "--name", ALIAS, url]).expect(0);
    }

    /// A guard in front of a URL.
    #[track_caller]
    pub fn listen(&self, options: &[&str], upstream: &str) -> Listening {
        self.listen_at(&format!("127.0.0.1:{}", free_port()), options, upstream)
    }

    /// The same at an address that its configuration has to name.
    #[track_caller]
    pub fn listen_at(&self, address: &str, options: &[&str], upstream: &str) -> Listening {
        let mut child = Command::new(paths::countersign())
            .args(["guard", "--name", ALIAS, "--listen", address, "--upstream", upstream])
            .args(LOCK)
            .args(options)
            .current_dir(self.directory())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the guard starts");
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&stderr);
        let mut pipe = child.stderr.take().expect("stderr is a pipe");
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                written.lock().expect("no writer panics").extend_from_slice(&chunk[..count]);
            }
        });
        let (_, path) = upstream.trim_start_matches("http://").split_once('/').unwrap_or_default();
        let listening = Listening { child, url: format!("http://{address}/{path}"), stderr };
        HttpClient::new(&listening.url).wait();
        listening
    }

    fn program(&self) -> Program {
        Program::countersign().directory(self.directory())
    }
}

impl Listening {
    /// Where clients reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was written to stderr so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().expect("no writer panics")).into_owned()
    }

    /// Waits until an event is there for which `wanted` holds.
    #[track_caller]
    pub fn event(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(event) = events_in(&self.stderr()).into_iter().find(|event| wanted(event)) {
                return event;
            }
            assert!(Instant::now() < deadline, "no such event; stderr:\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = program::wait(&mut self.child, Duration::from_secs(3));
    }
}

/// The alias under which tests pin.
pub const ALIAS: &str = "subject";

/// The lock file, named: a directory outside a repository would use the user's own database.
const LOCK: [&str; 2] = ["--lock", "mcp.lock"];
