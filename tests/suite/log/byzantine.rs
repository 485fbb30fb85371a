//! Logs, witnesses and registries that lie, before the commands that people run: each lie is refused
//! with its code. Whoever lies here has the real keys.

mod evidence;
mod maps;
mod tiles;
mod times;
mod trees;
mod witnesses;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use harness::{
    Guard, Loopback, LyingLog, LyingWitness, Output, Program, Registry, Scratch, ServerCommand,
    now_s, paths,
};
use seal::PublicKey;
use seal::statement::{Predicate, Revocation, Revoked};
use serde_json::json;

const NAME: &str = "com.example/files";

/// A registry with two versions of a server; it no longer runs.
struct Published {
    registry: Registry,
    scratch: Scratch,
    publisher: PublicKey,
    /// The indices of the two declarations.
    declared: [u64; 2],
}

impl Published {
    /// The same for all tests that run at one time: publishing takes seconds, as a login counts once a
    /// second.
    fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Published>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let new = Arc::new(Self::new());
            *shared = Arc::downgrade(&new);
            new
        })
    }

    fn new() -> Self {
        let mut registry = Registry::start("");
        let scratch = Scratch::new();
        Registry::key(&scratch, "publisher.pem");
        std::fs::write(scratch.join("server.py"), SERVER).expect("written");
        let refused = publish(&registry, &scratch, "0.0.1");
        let record = refused.stderr.split('`').find(|part| part.starts_with("v=MCPv1"));
        let record = record.unwrap_or_else(|| panic!("{}", refused.stderr));
        registry.names.publish("example.com", &[record]);
        let declared = ["1.0.0", "1.1.0"].map(|version| {
            // A timestamp of a login counts once: the next second is another.
            std::thread::sleep(Duration::from_millis(1_050));
            let published = publish(&registry, &scratch, version).expect(0);
            published.json()["index"].as_u64().expect("an index")
        });
        let (copy, url) = (scratch.join("copy"), format!("{}/log", registry.url));
        run(&["log", "sync", &url, text(&copy), "--trust", text(&registry.trust())]).expect(0);
        registry.stop();
        let shown = run(&["key", "show", text(&scratch.join("publisher.pem")), "--json"]);
        let publisher = shown.json()["publicKey"].as_str().and_then(|key| key.parse().ok());
        Self { registry, scratch, publisher: publisher.expect("a key"), declared }
    }
}

/// What the operator of that registry can do with its keys.
struct World {
    published: Arc<Published>,
    /// What one test writes.
    scratch: Scratch,
    log: LyingLog,
    witness: LyingWitness,
}

impl std::ops::Deref for World {
    type Target = Published;

    fn deref(&self) -> &Published {
        &self.published
    }
}

impl World {
    fn new() -> Self {
        let published = Published::shared();
        let scratch = Scratch::new();
        let log = LyingLog::of(&published.registry.data(), &published.scratch.join("copy"));
        let witness = LyingWitness::new("witness.test/w", 41);
        let world = Self { published, scratch, log, witness };
        world.write("witnessed.toml", &world.trust_text());
        world
    }

    /// Trust roots that ask for the witness, and for a proof of the last hour.
    fn trust_text(&self) -> String {
        format!(
            "freshness_s_max = 3600\npolicy = '''\n{}witness w {}\nquorum w\n'''\n[[registry]]\n\
             name = 'r'\nkey = '''\n{}'''\n",
            self.log.verifiers(),
            self.witness.verifier(),
            self.log.registry()
        )
    }

    fn trust(&self) -> String {
        text(&self.registry.trust()).to_owned()
    }

    fn witnessed(&self) -> String {
        self.file("witnessed.toml")
    }

    /// A signed checkpoint with the witness's word that it was cosigned then.
    fn cosigned(&self, log: &LyingLog, size: u64, time_s: u64) -> String {
        let head = log.head(size);
        log.sign(&head) + &self.witness.cosign(&head, time_s)
    }

    /// The same log led elsewhere after its first `size` entries.
    fn fork(&self, size: usize) -> LyingLog {
        self.log.fork(&self.registry.data(), &self.log.entries[..size])
    }

    fn file(&self, name: &str) -> String {
        text(&self.scratch.join(name)).to_owned()
    }

    fn write(&self, name: &str, what: &str) -> String {
        std::fs::write(self.scratch.join(name), what).expect("written");
        self.file(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Program::countersign().args(arguments).directory(self.scratch.path()).run()
    }

    /// `countersign log VERB URL … --trust registry`, with a folder for what convicts.
    fn log_command(&self, verb: &str, url: &str, more: &[&str]) -> Output {
        let trust = self.trust();
        let arguments = [&["log", verb, url, "--trust", &trust, "--evidence", "caught"], more];
        self.run(&arguments.concat())
    }

    /// The one proof that was kept, verified by somebody who has nothing but the log's keys.
    fn convicted(&self) {
        let caught: Vec<PathBuf> = std::fs::read_dir(self.scratch.join("caught"))
            .expect("a proof was kept")
            .map(|entry| entry.expect("the folder can be read").path())
            .collect();
        let [proof] = caught.as_slice() else { panic!("{caught:?}") };
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/fraud.json");
        let json = |path: &Path| -> serde_json::Value {
            let text = std::fs::read_to_string(path).expect("text");
            serde_json::from_str(&text).expect("JSON")
        };
        let schema = jsonschema::validator_for(&json(&schema)).expect("a schema");
        assert!(schema.is_valid(&json(proof)));
        let elsewhere = Scratch::new();
        std::fs::copy(proof, elsewhere.join("proof")).expect("copied");
        std::fs::copy(self.registry.trust(), elsewhere.join("trust")).expect("copied");
        let verify = ["verify", "proof", "--trust", "trust", "--json"];
        let verified = Program::countersign().args(verify).directory(elsewhere.path()).run();
        let checks = verified.expect(0).json()["checks"].clone();
        let checks = checks.as_array().expect("checks");
        let last = checks.last().expect("a check");
        assert_eq!((&last["code"], &last["holds"]), (&json!("seal.fraud"), &json!(true)));
        // Not by the keys of another log, which signed nothing of it.
        let other = LyingWitness::new(&self.log.origin, 7).verifier();
        let trust = std::fs::read_to_string(self.registry.trust()).expect("there");
        let rest = trust.lines().filter(|line| !line.starts_with("log ")).map(|l| format!("{l}\n"));
        let rest: Vec<_> = rest.collect();
        let trust = rest.concat().replace("'''\nquorum", &format!("'''\nlog {other}\nquorum"));
        std::fs::write(elsewhere.join("trust"), trust).expect("written");
        let verified = Program::countersign().args(verify).directory(elsewhere.path()).run();
        assert!(matches!(verified.code, Some(1 | 3)), "{}", verified.stdout);
        std::fs::remove_dir_all(self.scratch.join("caught")).expect("removed");
    }

    fn server(&self) -> ServerCommand {
        let script = self.published.scratch.join("server.py");
        ServerCommand::new(paths::python("new", "python")).arg(text(&script))
    }

    /// Why a guarded call is held; empty if it is not.
    fn held(&self, guard: &Guard, log: &str, trust: &str) -> Vec<String> {
        use harness::Client as _;
        let named = format!("{NAME}@1.0.0");
        let options = ["--log", log, "--trust", trust, "--as", &named];
        let mut command = guard.stdio_command(&options, &self.server());
        let mut client =
            harness::StdioClient::start(command.env("XDG_CACHE_HOME", guard.file("cache")));
        client.open();
        client.request("tools/call", json!({ "name": "read", "arguments": {} }));
        let event = client.event(|event| event["event"] == "decision");
        let reasons = event["reasons"].as_array().cloned().unwrap_or_default();
        reasons.iter().map(|reason| reason["code"].as_str().expect("a code").to_owned()).collect()
    }

    /// Pins what the server shows as version 1.0.0, by evidence that holds.
    fn pinned(&self, evidence: &str, trust: &str) -> Guard {
        let guard = Guard::new();
        self.pin(&guard, evidence, trust).expect(0);
        guard
    }

    fn pin(&self, guard: &Guard, evidence: &str, trust: &str) -> Output {
        let named = format!("{NAME}@1.0.0");
        let pin = ["pin", "--name", harness::guard::ALIAS, "--log", evidence, "--trust", trust];
        guard.run_on(&[&pin[..], &["--as", &named]].concat(), &self.server())
    }
}

fn publish(registry: &Registry, scratch: &Scratch, version: &str) -> Output {
    let entry = json!({
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": NAME, "description": "Reads files.", "version": version,
    });
    std::fs::write(scratch.join("server.json"), entry.to_string()).expect("written");
    registry
        .publish(scratch)
        .args(["--key", "publisher.pem", "--dns", "example.com", "--json", "--"])
        .arg(paths::python("new", "python"))
        .arg(scratch.join("server.py"))
        .run()
}

fn run(arguments: &[&str]) -> Output {
    Program::countersign().args(arguments).run()
}

/// Fails unless a command refused with this code.
#[track_caller]
fn refused(output: Output, code: &str) {
    let output = output.expect(3);
    assert!(output.stderr.contains(&format!("[{code}]")), "{}", output.stderr);
}

fn revocation(version: &str) -> Predicate {
    let of = Revoked::Version { version: version.to_owned() };
    Predicate::Revocation(Revocation { of, reason: "stolen".to_owned() })
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths are UTF-8")
}

const SERVER: &str = r#"
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    answers = {
        "initialize": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                       "serverInfo": {"name": "files", "version": "1"}},
        "tools/list": {"tools": [{"name": "read", "description": "Reads a file.",
                                  "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": [{"type": "text", "text": "done"}]},
    }
    answer = answers.get(message["method"])
    reply = {"result": answer} if answer else {"error": {"code": -32601, "message": "unknown"}}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **reply}), flush=True)
"#;
