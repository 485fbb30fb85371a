//! What stands around a token service, by other hands than ours (`clients/oauth.mjs`): an authorization
//! server, an agent, hops, a transmitter of events.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::paths;

/// The others; they end on drop.
#[derive(Debug)]
pub struct Others {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// The authorization server's issuer.
    pub issuer: String,
    /// Its address.
    pub address: String,
    written: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
}

impl Others {
    /// Starts them: an authorization server for these resources, each with its scopes.
    pub fn start(resources: &Value) -> Self {
        let mut child = Command::new(paths::node())
            .arg(paths::tests_file("clients/oauth.mjs"))
            .arg(json!({ "resources": resources }).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Node starts");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let written = std::sync::Arc::default();
        super::guarded::keep(child.stderr.take(), &written);
        let (issuer, address) = (String::new(), String::new());
        let mut others = Self { child, stdin, stdout, issuer, address, written };
        let first = others.line();
        first["issuer"].as_str().expect("an issuer").clone_into(&mut others.issuer);
        first["address"].as_str().expect("an address").clone_into(&mut others.address);
        others
    }

    /// What they wrote to stderr so far.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().expect("no writer panics")).into_owned()
    }

    /// Has them do something.
    #[track_caller]
    pub fn ask(&mut self, what: &str, mut command: Value) -> Value {
        command["do"] = json!(what);
        writeln!(self.stdin, "{command}").expect("they listen");
        let answer = self.line();
        assert!(answer["failed"].is_null(), "{answer}");
        answer
    }

    /// The public half of a key, drawn when it is named first.
    pub fn jwk(&mut self, name: &str) -> Value {
        self.ask("key", json!({ "name": name }))["jwk"].take()
    }

    /// A token from the authorization server for a person who signs in.
    #[track_caller]
    pub fn login(&mut self, person: &str, resource: &str, scope: &str, dpop: &str) -> String {
        let asked = json!({ "person": person, "resource": resource, "scope": scope, "dpop": dpop });
        let answer = self.ask("login", asked);
        assert_eq!(answer["status"], 200, "{answer}");
        assert_eq!(answer["body"]["token_type"], "DPoP", "{answer}");
        answer["body"]["access_token"].as_str().expect("a token").to_owned()
    }

    /// The proof of a token's holder, as it calls `uri`.
    pub fn proof(&mut self, by: &str, uri: &str, token: &str) -> String {
        let made = self.ask("proof", json!({ "by": by, "uri": uri, "token": token }));
        made["proof"].as_str().expect("a proof").to_owned()
    }

    /// The time, in seconds since 1970.
    pub fn now_s(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.expect("it is later than 1970").as_secs()
    }

    #[track_caller]
    fn line(&mut self) -> Value {
        let mut line = String::new();
        let read = self.stdout.read_line(&mut line).expect("they answer");
        assert!(read > 0, "they ended: run `node clients/oauth.mjs` to see why");
        serde_json::from_str(&line).expect("a line of JSON")
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
