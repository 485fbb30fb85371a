//! `countersign guard --observe`, against `countersign up`: what a guard saw is in the log if its owner
//! wanted that, and nothing else ever is.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use harness::guard::{ALIAS, Listening};
use harness::{Guard, HttpClient, Liar, Program, Registry, Scratch, ServerCommand};
use serde_json::{Value, json};

use super::publish::Publisher;
use super::watching::{statements, wait};

const NAME: &str = "com.example/files";

struct World {
    registry: Registry,
    guard: Guard,
    publisher: Publisher,
    observer: PathBuf,
}

impl World {
    /// A registry that lists an observer, and a publisher.
    fn new() -> Self {
        let guard = Guard::new();
        let key = |name: &str| {
            let path = guard.file(name);
            let made = Program::countersign().args(["key", "new"]).arg(&path).run();
            assert_eq!(made.code, Some(0), "{}", made.stderr);
            path
        };
        let (observer, _stranger) = (key("observer.pem"), key("stranger.pem"));
        let shown = Program::countersign().args(["key", "show", "--json"]).arg(&observer).run();
        let pem = shown.json()["publicKey"].as_str().expect("a key").to_owned();
        let registry = Registry::start(&format!("[admission]\nobservers = ['''{pem}''']\n"));
        let publisher = Publisher::new(&registry);
        Self { registry, guard, publisher, observer }
    }

    /// Publishes what is shown at a URL, and pins it with its proof.
    fn publish_and_pin(&self, url: &str) {
        let scratch = &self.publisher.scratch;
        std::thread::sleep(Duration::from_millis(1_050));
        let published = self
            .registry
            .publish(scratch)
            .args(["--key", "publisher.pem", "--dns", "example.com", "--json", url])
            .run();
        assert_eq!(published.code, Some(0), "{}\n{}", published.stdout, published.stderr);
        let mut pin = vec!["pin".to_owned(), "--name".to_owned(), ALIAS.to_owned()];
        pin.extend(self.backed());
        pin.push(url.to_owned());
        let pin: Vec<&str> = pin.iter().map(String::as_str).collect();
        self.guard.run(&pin).expect(0);
    }

    /// What makes a guard look at the log.
    fn backed(&self) -> Vec<String> {
        let (log, trust) = (format!("{}/log", self.registry.url), self.registry.trust());
        let trust = trust.to_str().expect("paths are UTF-8");
        ["--log", &log, "--trust", trust, "--as", NAME].map(str::to_owned).to_vec()
    }

    fn listen(&self, more: &[&str], url: &str) -> Listening {
        let backed = self.backed();
        let options: Vec<&str> = backed.iter().map(String::as_str).chain(more.to_vec()).collect();
        self.guard.listen(&options, url)
    }

    fn observer(&self) -> &str {
        self.observer.to_str().expect("paths are UTF-8")
    }

    /// The observations in the log.
    fn observations(&self) -> Vec<Value> {
        let mut said = statements(&self.registry);
        said.retain(|it| it["predicate"]["of"]["kind"] == "surface");
        said
    }

    fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let answer = HttpClient::new(&format!("{}{path}", self.registry.url)).send("GET", &[], b"");
        (answer.status, answer.bytes())
    }
}

/// Calls a tool, as a modern client does, with these headers beside.
fn call(url: &str, more: &[(&str, &str)]) {
    let params = json!({ "name": "send_letter", "arguments": {} });
    let message = harness::rpc::modern_request(1, "tools/call", params).to_string();
    let plain = [
        ("Accept", "application/json, text/event-stream"),
        ("Content-Type", "application/json"),
        ("MCP-Protocol-Version", harness::rpc::MODERN),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "send_letter"),
    ];
    let headers: Vec<_> =
        plain.iter().chain(more).map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let answer = HttpClient::new(url).send("POST", &headers, message.as_bytes());
    assert_eq!(answer.status, 200);
}

/// Long enough for what should not come.
fn settle() {
    std::thread::sleep(Duration::from_millis(1_500));
}

#[test]
fn a_guard_that_is_asked_to_tells_the_log_what_everybody_is_shown() {
    let world = World::new();
    let lie = world.guard.file("lie");
    let liar = Liar::with("tool-description")
        .set("when", "file")
        .set("file", lie.to_str().expect("paths are UTF-8"))
        .set("ttl_ms", 0)
        .listen();
    world.publish_and_pin(liar.url());
    // Nobody asked for it.
    let silent = world.listen(&[], liar.url());
    call(silent.url(), &[]);
    settle();
    assert_eq!(world.observations(), Vec::<Value>::new());
    // What somebody is shown to whom the server may know is theirs.
    let guarded = world.listen(&["--observe", world.observer()], liar.url());
    for header in [("Authorization", "Bearer mine"), ("Cookie", "id=1"), ("X-User", "alice")] {
        call(guarded.url(), &[header]);
    }
    settle();
    assert_eq!(world.observations(), Vec::<Value>::new());
    // What anybody is shown is in the log, and can be read there.
    let other = world.listen(&["--observe", world.observer()], liar.url());
    call(other.url(), &[]);
    let seen = wait(&world.registry, |it| it["predicate"]["of"]["kind"] == "surface");
    let of = &seen["predicate"]["of"];
    assert_eq!(seen["subject"][0]["name"], NAME);
    assert_eq!((&of["endpoint"], &of["cacheScope"]), (&json!(liar.url()), &json!("public")));
    assert_eq!(of["surface"]["authorization"], "anonymous");
    assert_eq!(seen["predicate"].get("client"), None, "which client asked stays here");
    let object = of["surface"]["object"].as_str().expect("a digest");
    let (status, document) = world.get(&format!("/log/object/{object}"));
    assert_eq!(status, 200);
    assert!(String::from_utf8_lossy(&document).contains("send_letter"));
    // Once: another call says nothing new.
    call(other.url(), &[]);
    settle();
    assert_eq!(world.observations().len(), 1);
    // Another surface is told, and everybody hears that it is not what is declared.
    std::fs::write(&lie, "").expect("written");
    let deadline = Instant::now() + Duration::from_secs(20);
    let told = loop {
        call(other.url(), &[]);
        let (_, page) = world.get("/v0.1/countersign/changes?kind=surface&severity=critical");
        let page: Value = serde_json::from_slice(&page).expect("JSON");
        let told = page["changes"].as_array().expect("a list").clone();
        if !told.is_empty() {
            break told;
        }
        assert!(Instant::now() < deadline, "{}", other.stderr());
        std::thread::sleep(Duration::from_millis(200));
    };
    let codes: Vec<_> = told.iter().map(|change| change["code"].clone()).collect();
    assert_eq!(codes, ["surface.changed", "surface.contradicts"]);
    assert_eq!(world.observations().len(), 2);
}

#[test]
fn a_private_surface_is_never_told() {
    let world = World::new();
    let published = world.publisher.publish(&world.registry, "1.0.0", "Reads a file.", &[]);
    assert_eq!(published.code, Some(0), "{}", published.stderr);
    let liar = Liar::honest().set("scope", "private").set("ttl_ms", 0).listen();
    world.guard.pin_url(liar.url());
    let options = ["--mode", "observe", "--observe", world.observer()];
    let guarded = world.listen(&options, liar.url());
    for _ in 0..3 {
        call(guarded.url(), &[]);
        settle();
    }
    assert_eq!(world.observations(), Vec::<Value>::new());
    assert!(!guarded.stderr().contains("is not in the log"), "{}", guarded.stderr());
}

#[test]
fn an_observer_whom_nobody_lists_is_refused_and_calls_go_on() {
    let world = World::new();
    let liar = Liar::honest().listen();
    world.publish_and_pin(liar.url());
    let stranger = world.guard.file("stranger.pem");
    let stranger = stranger.to_str().expect("paths are UTF-8");
    let guarded = world.listen(&["--observe", stranger], liar.url());
    call(guarded.url(), &[]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !guarded.stderr().contains("publish.not-observer") {
        assert!(Instant::now() < deadline, "{}", guarded.stderr());
        std::thread::sleep(Duration::from_millis(50));
    }
    call(guarded.url(), &[]);
    let lines = guarded.stderr();
    let lines = lines.lines().filter(|line| line.contains("publish.not-observer"));
    assert_eq!(lines.count(), 1, "a failure is one line");
    assert_eq!(world.observations(), Vec::<Value>::new());
}

#[test]
fn what_may_be_somebodys_alone_is_not_observed_at_all() {
    let (guard, scratch) = (Guard::new(), Scratch::new());
    let key = Registry::key(&scratch, "observer.pem");
    let key = key.to_str().expect("paths are UTF-8");
    let listen = ["--listen", "127.0.0.1:0", "--upstream"];
    let url = "http://127.0.0.1:9/mcp";
    let refused = |more: &[&str], url: &str, says: &str| {
        let mut arguments = vec!["guard", "--mode", "observe", "--observe", key];
        arguments.extend(listen);
        arguments.push(url);
        arguments.extend(more);
        let out = guard.run(&arguments);
        assert_eq!(out.code, Some(2), "{}", out.stderr);
        assert!(out.stderr.contains(says), "{}", out.stderr);
    };
    refused(&[], url, "published name");
    let command = ["guard", "--mode", "observe", "--observe", key];
    let out = guard.run_on(&command, &ServerCommand::new("cat"));
    assert_eq!(out.code, Some(2), "{}", out.stderr);
    let world = World::new();
    let backed = world.backed();
    let backed: Vec<&str> = backed.iter().map(String::as_str).collect();
    let lent = [&backed[..], &["--header", "x-api-key: hush"]].concat();
    refused(&lent, url, "for you alone");
    refused(&backed, "http://127.0.0.1:9/mcp?key=hush", "for you alone");
    let file = guard.file("bundle");
    let file =
        ["--log", file.to_str().expect("paths are UTF-8"), backed[2], backed[3], "--as", NAME];
    refused(&file, url, "the log of a registry");
}
