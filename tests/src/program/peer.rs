//! Authorization servers that nobody here wrote, each as its own documentation configures it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use std::sync::{Arc, Mutex};

use crate::program::guarded::keep;
use crate::{Others, Scratch, paths};

/// What its clients `doctor`, `hop1` and `hop2` show.
pub const SECRET: &str = "canary-client-secret-0123456789";

/// One that runs; ends on drop.
#[derive(Debug)]
pub struct Peer {
    child: Option<Child>,
    _scratch: Scratch,
    /// What it is called.
    pub name: &'static str,
    /// Who it is.
    pub issuer: String,
    /// Where its keys are.
    pub jwks: String,
    /// What a person's browser holds who signed in there.
    cookie: String,
    metadata: Value,
    written: Arc<Mutex<Vec<u8>>>,
}

/// A process, and what it writes.
type Running = (Child, Arc<Mutex<Vec<u8>>>);

impl Peer {
    /// The `oidc-provider` of the others.
    pub fn oidc_provider(others: &mut Others) -> Self {
        let issuer = others.issuer.clone();
        Self::known(None, Scratch::new(), "oidc-provider", issuer, String::new(), others)
    }

    /// Debian's `glewlwyd`.
    pub fn glewlwyd(others: &mut Others, resources: &Value) -> Self {
        let scratch = Scratch::new();
        let mut command = Command::new(paths::node());
        command.arg(paths::tests_file("clients/glewlwyd.mjs"));
        command.arg(scratch.path()).arg(resources.to_string());
        let (child, line) = start(&mut command);
        let said: Value = serde_json::from_str(&line).expect("a line of JSON");
        let text = |name: &str| said[name].as_str().expect("a text").to_owned();
        Self::known(Some(child), scratch, "Glewlwyd", text("issuer"), text("cookie"), others)
    }

    /// The crate `oauth-as`.
    pub fn oauth_as(others: &mut Others, resources: &Value) -> Self {
        let map = resources.as_object().expect("an object");
        let all = map.values().filter_map(Value::as_str).flat_map(|all| all.split(' '));
        let all: Vec<_> = all.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
        let mut command = Command::new(paths::oauth_as());
        command.arg(all.join(" ")).args(map.keys());
        let (child, line) = start(&mut command);
        Self::known(Some(child), Scratch::new(), "oauth-as", line, String::new(), others)
    }

    fn known(
        running: Option<Running>,
        scratch: Scratch,
        name: &'static str,
        issuer: String,
        cookie: String,
        others: &mut Others,
    ) -> Self {
        let (origin, path) = split(&issuer);
        let places = [
            format!("{origin}/.well-known/oauth-authorization-server{path}"),
            format!("{issuer}/.well-known/openid-configuration"),
        ];
        let metadata = places.iter().map(|url| others.ask("fetch", json!({ "url": url })));
        let metadata = metadata.into_iter().find(|it| it["status"] == 200);
        let metadata = metadata.unwrap_or_else(|| panic!("no metadata of {name}"))["body"].take();
        assert_eq!(metadata["issuer"], issuer, "RFC 8414 §3.3");
        let jwks = metadata["jwks_uri"].as_str().expect("a place of keys").to_owned();
        let (child, written) = match running {
            Some((child, written)) => (Some(child), written),
            None => (None, Arc::default()),
        };
        Self { child, _scratch: scratch, name, issuer, jwks, cookie, metadata, written }
    }

    /// Its address.
    pub fn address(&self) -> &str {
        split(&self.issuer).0.trim_start_matches("http://")
    }

    /// What it wrote to stdout and stderr so far.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().expect("no writer panics")).into_owned()
    }

    /// An endpoint, as its metadata have it.
    #[track_caller]
    pub fn endpoint(&self, name: &str) -> &str {
        self.metadata[name].as_str().unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    /// A form at its token endpoint, by a client with its secret.
    pub fn ask(&self, others: &mut Others, client: &str, dpop: Option<&str>, form: Value) -> Value {
        others.ask(
            "token",
            json!({ "endpoint": self.endpoint("token_endpoint"), "client": client,
                    "secret": SECRET, "dpop": dpop, "form": form }),
        )
    }

    /// The answer to a client that asks for itself.
    pub fn credentials(
        &self,
        others: &mut Others,
        dpop: Option<&str>,
        resource: &str,
        scope: &str,
    ) -> Value {
        let form =
            json!({ "grant_type": "client_credentials", "resource": resource, "scope": scope });
        self.ask(others, "doctor", dpop, form)
    }

    /// The answer to an authorization request that is wrong, by a browser in which alice is signed in.
    pub fn authorize(&self, others: &mut Others, resource: &str, wrong: Value) -> Value {
        let mut asked = json!({
            "authorization": self.endpoint("authorization_endpoint"),
            "endpoint": self.endpoint("token_endpoint"), "cookie": self.cookie,
            "client": "agent", "resource": resource, "scope": "files:read", "wrong": wrong,
        });
        if self.name == "Glewlwyd" {
            asked["wrong"]["g_continue"] = json!("");
        }
        others.ask("code", asked)
    }

    /// Goes to a URL of it as alice's browser, until it is sent back to a client.
    pub fn browse(&self, others: &mut Others, url: &str) -> Value {
        // What its page of sign-in adds when the person goes on.
        let more = if self.name == "Glewlwyd" { "&g_continue" } else { "" };
        others.ask("browse", json!({ "url": format!("{url}{more}"), "cookie": self.cookie }))
    }

    /// Whether its metadata offer the grant.
    pub fn offers(&self, grant: &str) -> bool {
        let grants = self.metadata["grant_types_supported"].as_array();
        grants.is_some_and(|all| all.iter().any(|one| one == grant))
    }

    /// The answer to the agent for alice, who signed in and consented: code and PKCE; `more` changes the
    /// request.
    pub fn code(
        &self,
        others: &mut Others,
        dpop: Option<&str>,
        resource: &str,
        scope: &str,
        more: Value,
    ) -> Value {
        if self.child.is_none() {
            let mut asked =
                json!({ "person": "alice", "resource": resource, "scope": scope, "dpop": dpop });
            for (name, value) in more.as_object().into_iter().flatten() {
                asked[name] = value.clone();
            }
            return others.ask("login", asked);
        }
        let mut asked = json!({
            "authorization": self.endpoint("authorization_endpoint"),
            "endpoint": self.endpoint("token_endpoint"), "cookie": self.cookie,
            "client": "agent", "resource": resource, "scope": scope, "dpop": dpop,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            asked[name] = value.clone();
        }
        if self.name == "Glewlwyd" {
            // What its page of sign-in adds when the person goes on.
            asked["wrong"]["g_continue"] = json!("");
        }
        others.ask("code", asked)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        // A process between us and the server ends it when its input does.
        drop(child.stdin.take());
        if crate::program::wait(child, std::time::Duration::from_millis(500)).is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A token out of an answer.
#[track_caller]
pub fn token(answer: &Value) -> String {
    assert_eq!(answer["status"], 200, "{answer}");
    answer["body"]["access_token"].as_str().expect("a token").to_owned()
}

fn start(command: &mut Command) -> (Running, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let written = Arc::default();
    keep(child.stderr.take(), &written);
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    stdout.read_line(&mut line).expect("it says who it is");
    assert!(!line.is_empty(), "{command:?} ended");
    keep(Some(stdout), &written);
    ((child, written), line.trim_end().to_owned())
}

fn split(issuer: &str) -> (&str, &str) {
    let at = issuer.match_indices('/').nth(2).map_or(issuer.len(), |(at, _)| at);
    issuer.split_at(at)
}
