//! A registry of `countersign up`, and the resolver that it asks.

mod names;

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Program, Scratch, paths};

pub use names::Names;

/// A running registry; ends on drop.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    /// Where it listens.
    pub url: String,
    /// The resolver that it asks for TXT records.
    pub names: Names,
    scratch: Scratch,
}

impl Registry {
    /// A new registry; `configuration` is added to its `registry.toml`.
    pub fn start(configuration: &str) -> Self {
        let (scratch, names) = (Scratch::new(), Names::start());
        let resolvers = format!("[namespaces]\nresolvers = [\"{}\"]\n", names.address);
        let config = scratch.join("registry.toml");
        std::fs::write(&config, format!("{resolvers}{configuration}")).expect("written");
        let mut child = Command::new(paths::countersign())
            .arg("up")
            .arg("--data")
            .arg(scratch.join("data"))
            .arg("--config")
            .arg(&config)
            .args(["--init", "--origin", "registry.test/log", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .expect("the registry starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut said = Vec::new();
        let url = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = receiver.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("the registry does not serve: {said:?}"));
            let address = line.split_whitespace().find_map(|word| word.strip_suffix("/v0.1"));
            if let Some(address) = address.filter(|address| address.starts_with("http://")) {
                break address.to_owned();
            }
            said.push(line);
        };
        // Whoever reads nothing more must not stop the registry.
        std::thread::spawn(move || while receiver.recv().is_ok() {});
        Self { child, url, names, scratch }
    }

    /// Whom readers have to believe.
    pub fn trust(&self) -> PathBuf {
        self.scratch.join("data/trust.toml")
    }

    /// A new key file in `scratch`.
    pub fn key(scratch: &Scratch, name: &str) -> PathBuf {
        let path = scratch.join(name);
        let made = Program::countersign().args(["key", "new"]).arg(&path).run();
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        path
    }

    /// `countersign publish` with what every publication needs.
    pub fn publish(&self, scratch: &Scratch) -> Program {
        Program::countersign()
            .arg("publish")
            .args(["--registry", &self.url])
            .arg("--trust")
            .arg(self.trust())
            .directory(scratch.path())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
