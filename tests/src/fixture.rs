//! The conformance fixture as an HTTP server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::paths;

/// The fixture, listening on a port of its own until this is dropped.
#[derive(Debug)]
pub struct Fixture {
    child: Child,
    url: String,
}

impl Fixture {
    /// Starts it.
    pub fn start() -> Self {
        let mut command = Command::new(paths::fixture());
        let mut child = command
            .args(["--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the fixture starts");
        let mut url = String::new();
        let stdout = child.stdout.take().expect("stdout is a pipe");
        BufReader::new(stdout).read_line(&mut url).expect("the fixture says where it listens");
        Self { child, url: url.trim().to_owned() }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
