//! A registry of `countersign up`, and the resolver that it asks.

mod names;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Output, Program, Scratch, paths};

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
    /// What it was started with beside what every registry is.
    more: Vec<String>,
}

impl Registry {
    /// A new registry; `configuration` is added to its `registry.toml`.
    pub fn start(configuration: &str) -> Self {
        let (scratch, names) = (Scratch::new(), Names::start());
        Self::serve(scratch, names, configuration, &[])
    }

    /// A new registry over a database and an object store.
    pub fn start_over(database: &str, objects: &str) -> Self {
        let more = ["--database", database, "--objects", objects].map(str::to_owned);
        Self::serve(Scratch::new(), Names::start(), "", &more)
    }

    /// A new registry with more arguments.
    pub fn start_with(more: &[&str]) -> Self {
        let more: Vec<_> = more.iter().map(|it| (*it).to_owned()).collect();
        Self::serve(Scratch::new(), Names::start(), "", &more)
    }

    /// Another replica: the same keys and name, and nothing else of its directory.
    #[must_use]
    pub fn replica(&self) -> Self {
        self.keys_over(&self.more)
    }

    /// What serves from another database and object store under the same keys and name.
    #[must_use]
    pub fn over(&self, database: &str, objects: &str) -> Self {
        self.keys_over(&["--database", database, "--objects", objects].map(str::to_owned))
    }

    fn keys_over(&self, more: &[String]) -> Self {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.join("data")).expect("written");
        for part in ["keys", "origin"] {
            copy(&self.data().join(part), &scratch.join("data").join(part));
        }
        Self::serve(scratch, self.names.clone(), "", more)
    }

    /// What serves from a copy of its directory.
    #[must_use]
    pub fn copy(&self) -> Self {
        let scratch = Scratch::new();
        copy(&self.data(), &scratch.join("data"));
        Self::serve(scratch, self.names.clone(), "", &self.more)
    }

    /// What serves from a copy that is made while it runs, in the order of `docs/guide/backup.md`.
    #[must_use]
    pub fn copy_while_it_runs(&self) -> Self {
        let scratch = Scratch::new();
        std::fs::create_dir_all(scratch.join("data/log")).expect("written");
        for part in ["keys", "origin", "log/checkpoint", "log/journal", "log/tile", "log/objects"] {
            let from = self.data().join(part);
            if from.exists() {
                copy(&from, &scratch.join("data").join(part));
            }
        }
        Self::serve(scratch, self.names.clone(), "", &self.more)
    }

    /// Starts it again after [`Self::stop`] or [`Self::kill`], with `more` this once.
    #[must_use]
    pub fn restart(mut self, more: &[&str]) -> Self {
        let scratch = std::mem::take(&mut self.scratch);
        let names = self.names.clone();
        let usual = std::mem::take(&mut self.more);
        let all: Vec<_> = usual.iter().cloned().chain(more.iter().map(|it| (*it).into())).collect();
        let mut again = Self::serve(scratch, names, "", &all);
        again.more = usual;
        again
    }

    /// What a second start over the same directory, or over a copy of it, ends with.
    pub fn refused(&self, data: &Path) -> Output {
        Program::countersign()
            .args(["up", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(&self.more)
            .time_max(Duration::from_secs(30))
            .run()
    }

    fn serve(scratch: Scratch, names: Names, configuration: &str, more: &[String]) -> Self {
        let mut command = command(&scratch, &names, configuration, more);
        let mut child = command.spawn().expect("the registry starts");
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
        Self { child, url, names, scratch, more: more.to_vec() }
    }

    /// A new registry whose checkpoints a witness of its own has to cosign, with both types of key.
    pub fn start_witnessed() -> (Self, Witness) {
        let mut witness = Witness::new();
        let (scratch, names) = (Scratch::new(), Names::start());
        std::fs::write(scratch.join("policy"), witness.policy()).expect("written");
        let policy = scratch.join("policy");
        let more = ["--policy", policy.to_str().expect("paths are UTF-8")].map(str::to_owned);
        // It makes its keys, and does not open a log of which no witness knows.
        let mut first = command(&scratch, &names, "", &more).spawn().expect("the registry starts");
        let ended = crate::program::wait(&mut first, Duration::from_mins(1));
        assert_eq!(ended.and_then(|status| status.code()), Some(1), "no witness, no log");
        witness.serve(&scratch.join("data/trust.toml"));
        (Self::serve(scratch, names, "", &more), witness)
    }

    /// Stops it, as an operator does, and says where its data are.
    pub fn stop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let ended = crate::program::wait(&mut self.child, Duration::from_secs(30));
        assert!(ended.is_some_and(|status| status.success()), "it stops in good order");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("our own child can be waited for");
    }

    /// Its directory.
    pub fn data(&self) -> PathBuf {
        self.scratch.join("data")
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

/// `countersign up` over the data in `scratch`.
fn command(scratch: &Scratch, names: &Names, configuration: &str, more: &[String]) -> Command {
    let resolvers = format!("[namespaces]\nresolvers = [\"{}\"]\n", names.address);
    let config = scratch.join("registry.toml");
    std::fs::write(&config, format!("{resolvers}{configuration}")).expect("written");
    let mut command = Command::new(paths::countersign());
    command.arg("up").arg("--data").arg(scratch.join("data")).arg("--config").arg(&config);
    if !scratch.join("data").exists() {
        command.args(["--init", "--origin", "registry.test/log"]);
    }
    if !more.iter().any(|it| it == "--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command.args(more);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env(name, crate::S3::KEY);
    }
    command.stderr(Stdio::piped()).stdin(Stdio::null());
    command
}

/// Copies a file or a directory, as it is.
pub fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(done.is_ok_and(|status| status.success()), "{} cannot be copied", from.display());
}

/// A witness of `countersign witness`; ends on drop.
#[derive(Debug)]
pub struct Witness {
    scratch: Scratch,
    keys: Vec<String>,
    port: u16,
    child: Option<Child>,
}

impl Witness {
    fn new() -> Self {
        let scratch = Scratch::new();
        let made = Program::countersign()
            .args(["witness", "--init", "--name", "witness.test/w", "--data"])
            .arg(scratch.join("data"))
            .run();
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let keys = made.stdout.lines().map(str::to_owned).collect();
        Self { scratch, keys, port: crate::http::free_port(), child: None }
    }

    /// A new witness that serves for the log of these trust roots.
    pub fn serving(trust: &Path) -> Self {
        let mut witness = Self::new();
        witness.serve(trust);
        witness
    }

    /// Where it is asked.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    fn policy(&self) -> String {
        let [a, b] = self.keys.as_slice() else { panic!("a witness has two keys") };
        let url = self.url();
        format!("witness A {a} {url}\nwitness B {b} {url}\ngroup both all A B\nquorum both\n")
    }

    /// Serves for the log of these trust roots.
    fn serve(&mut self, trust: &Path) {
        let trust = std::fs::read_to_string(trust).expect("the registry wrote its trust roots");
        let key = trust.lines().find_map(|line| line.strip_prefix("log ")).expect("the log's key");
        let logs = self.scratch.join("logs");
        let list = format!("logs/v0\nvkey {key}\nqpd 8640000\ncontact test\n");
        std::fs::write(&logs, list).expect("written");
        let child = Command::new(paths::countersign())
            .args(["witness", "--listen", &format!("127.0.0.1:{}", self.port), "--data"])
            .arg(self.scratch.join("data"))
            .arg("--logs")
            .arg(&logs)
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .spawn()
            .expect("the witness starts");
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "the witness does not serve");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
