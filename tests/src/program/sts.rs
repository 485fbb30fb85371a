//! A token service of `countersign sts`.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Others, Program, Scratch, paths};

/// A running service; ends on drop.
#[derive(Debug)]
pub struct Sts {
    child: Child,
    /// Who it is, and where.
    pub issuer: String,
    scratch: Scratch,
    written: Arc<Mutex<String>>,
}

/// A service that is still to start: its folder, made by `--init`.
#[derive(Debug)]
pub struct Draft {
    /// Who it will be.
    pub issuer: String,
    scratch: Scratch,
}

impl Draft {
    /// A folder with keys, an empty edge file and a configuration, as `--init` makes them.
    pub fn new() -> Self {
        Self::at("")
    }

    /// The same for a service under a path.
    pub fn at(path: &str) -> Self {
        let scratch = Scratch::new();
        // Its issuer has to be known before it listens.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("an address").port();
        let issuer = format!("http://127.0.0.1:{port}{path}");
        let made = Program::countersign()
            .args(["sts", "--init", "--json", "--issuer", &issuer, "--config"])
            .arg(scratch.join("sts.toml"))
            .run();
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        Self { issuer, scratch }
    }

    /// Writes a file of the folder.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.scratch.join(name), text).expect("written");
    }

    /// Writes a file that its owner alone may read.
    pub fn write_private(&self, name: &str, text: &str) {
        self.write(name, text);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(self.scratch.join(name), mode).expect("written");
    }

    /// Puts something before the configuration: members that belong to no section.
    pub fn prepend(&self, text: &str) {
        let path = self.config();
        let known = std::fs::read_to_string(&path).expect("a configuration");
        std::fs::write(path, text.to_owned() + &known).expect("written");
    }

    /// Adds to the configuration.
    pub fn configure(&self, more: &str) {
        let path = self.config();
        let known = std::fs::read_to_string(&path).expect("a configuration");
        std::fs::write(path, known + more).expect("written");
    }

    /// A client with a key of the others.
    pub fn client(&self, others: &mut Others, id: &str, key: &str) {
        let file = format!("{id}.jwks.json");
        self.write(&file, &json!({ "keys": [others.jwk(key)] }).to_string());
        self.configure(&format!("\n[[client]]\nid = \"{id}\"\njwks = \"{file}\"\n"));
    }

    /// The authorization server of the others, its keys fetched.
    pub fn trust(&self, others: &Others) {
        let (issuer, address) = (&others.issuer, &others.address);
        self.prepend(&format!("exceptions = [\"{address}\"]\n"));
        self.configure(&format!(
            "\n[[trusted]]\nissuer = \"{issuer}\"\njwks_url = \"{issuer}/jwks\"\n"
        ));
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.scratch.join("sts.toml")
    }

    /// Starts it.
    #[track_caller]
    pub fn start(self) -> Sts {
        let address = self.issuer.trim_start_matches("http://").split('/').next();
        let mut child = Command::new(paths::countersign())
            .args(["sts", "--log-format", "json", "--log-level", "trace", "--listen"])
            .arg(address.expect("an address"))
            .arg("--config")
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let written = Arc::<Mutex<String>>::default();
        let all = Arc::clone(&written);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                *all.lock().expect("nobody panics") += &(line + "\n");
            }
        });
        let sts = Sts { child, issuer: self.issuer, scratch: self.scratch, written };
        sts.wait_for("serving ");
        sts
    }
}

impl Default for Draft {
    fn default() -> Self {
        Self::new()
    }
}

impl Sts {
    /// An endpoint.
    pub fn endpoint(&self, name: &str) -> String {
        format!("{}/{name}", self.issuer)
    }

    /// What it wrote to stderr so far.
    pub fn written(&self) -> String {
        self.written.lock().expect("nobody panics").clone()
    }

    /// Waits until it has written this.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.written().contains(text) {
            assert!(Instant::now() < deadline, "no `{text}` in: {}", self.written());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The grants, as bytes: what is in them must be no secret.
    pub fn grants(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for name in ["grants.db", "grants.db-wal"] {
            all.extend(std::fs::read(self.scratch.join(name)).unwrap_or_default());
        }
        all
    }

    /// Its folder: configuration, keys, and what it wrote.
    pub fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// The decisions that it recorded, a line of JSON each.
    pub fn decisions(&self) -> String {
        std::fs::read_to_string(self.scratch.join("decisions.jsonl")).expect("records")
    }

    /// Writes a file of its folder while it runs.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.scratch.join(name), text).expect("written");
    }

    /// Stops it as an operator does, and starts it again.
    #[must_use]
    #[track_caller]
    pub fn restart(self) -> Self {
        self.change(|_| ())
    }

    /// The same with other files.
    #[must_use]
    #[track_caller]
    pub fn change(mut self, change: impl FnOnce(&Draft)) -> Self {
        self.stop();
        let scratch = std::mem::take(&mut self.scratch);
        let draft = Draft { issuer: self.issuer.clone(), scratch };
        change(&draft);
        draft.start()
    }

    /// Stops it as an operator does.
    #[track_caller]
    pub fn stop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let ended = crate::program::wait(&mut self.child, Duration::from_secs(30));
        assert!(ended.is_some_and(|status| status.success()), "{}", self.written());
    }

    /// What an exchange by `client` with the key of that name asks for.
    pub fn exchange(&self, hop: &str, subject: &str, proof: &str, to: &str, scope: &str) -> Value {
        json!({
            "endpoint": self.endpoint("token"), "issuer": self.issuer, "client": hop, "by": hop,
            "dpop": format!("{hop}-dpop"),
            "form": {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "subject_token": subject, "subject_token_proof": proof,
                "resource": to, "scope": scope,
            },
        })
    }
}

impl Drop for Sts {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
