//! Runs a program to its end, with a limit of time.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub mod guarded;
pub mod oauth;
pub mod peer;
pub mod postgres;
pub mod proxy;
pub mod registry;
pub mod s3;
pub mod sts;

/// A program and what it is run with.
#[derive(Debug)]
pub struct Program {
    command: Command,
    time_max: Duration,
}

/// What a program left behind.
#[derive(Debug)]
pub struct Output {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Program {
    /// The program at `path`.
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self { command: Command::new(path.as_ref()), time_max: Duration::from_mins(2) }
    }

    /// The binary under test.
    pub fn countersign() -> Self {
        Self::at(crate::paths::countersign())
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it there.
    #[must_use]
    pub fn directory(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    /// Ends it after this time, and fails.
    #[must_use]
    pub fn time_max(mut self, time: Duration) -> Self {
        self.time_max = time;
        self
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Output {
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{:?} does not start: {error}", self.command));
        let stdout = read_all(child.stdout.take());
        let stderr = read_all(child.stderr.take());
        let status = wait(&mut child, self.time_max);
        let (stdout, stderr) = (text(stdout), text(stderr));
        let Some(status) = status else {
            panic!("{:?} did not end within {:?}\n{stdout}\n{stderr}", self.command, self.time_max)
        };
        Output { code: status.code(), stdout, stderr }
    }
}

impl Output {
    /// Fails unless the exit code is `code`.
    #[track_caller]
    #[allow(clippy::return_self_not_must_use, reason = "most callers want no more than the code")]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "the exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not JSON ({error}):\n{}", self.stdout))
    }
}

/// Waits for a child; kills it, and gives nothing, when it takes longer than `time_max`.
pub fn wait(child: &mut Child, time_max: Duration) -> Option<std::process::ExitStatus> {
    let deadline = Instant::now() + time_max;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn read_all(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("the pipe was asked for");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn text(reader: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&reader.join().expect("the reader does not panic")).into_owned()
}
