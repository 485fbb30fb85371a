//! Real servers from npm and PyPI: shown, pinned, checked, guarded, and one version after another.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::guard::ALIAS;
use harness::http::free_port;
use harness::{Client, Guard, HttpClient, Program, ServerCommand, StdioClient, paths, rpc};
use serde_json::{Value, json};

/// Where a server's versions come from.
enum Origin {
    /// Node runs this file of these npm packages: the new one, and the old one if there is one.
    Npm(&'static str, Option<&'static str>, &'static str),
    /// This program of the new environment, and of the old one if it is there too.
    PyPi(&'static str, bool),
    /// This program of the old environment alone.
    OldPyPi(&'static str),
}

/// A real server, and a call that does no harm.
struct Real {
    origin: Origin,
    arguments: fn(&Guard) -> Vec<String>,
    call: (&'static str, fn(&Guard) -> Value),
    /// What the answer holds, where it does not depend on the network or a browser.
    answer: Option<&'static str>,
}

#[test]
fn everything() {
    Real {
        origin: npm("server-everything"),
        arguments: none,
        call: ("echo", |_| json!({ "message": "good morning" })),
        answer: Some("good morning"),
    }
    .prove();
}

#[test]
fn filesystem() {
    Real {
        origin: npm("server-filesystem"),
        arguments: |guard| vec![directory(guard)],
        call: ("list_allowed_directories", |_| json!({})),
        answer: Some("llowed directories"),
    }
    .prove();
}

#[test]
fn memory() {
    Real {
        origin: npm("server-memory"),
        arguments: none,
        call: ("read_graph", |_| json!({})),
        answer: Some("entities"),
    }
    .prove();
}

#[test]
fn sequential_thinking() {
    Real {
        origin: npm("server-sequential-thinking"),
        arguments: none,
        call: (
            "sequentialthinking",
            |_| json!({ "thought": "one", "nextThoughtNeeded": false, "thoughtNumber": 1, "totalThoughts": 1 }),
        ),
        answer: Some("thoughtNumber"),
    }
    .prove();
}

#[test]
fn playwright() {
    Real {
        origin: Origin::Npm("@playwright/mcp", Some("old-playwright"), "cli.js"),
        arguments: none,
        call: ("browser_close", |_| json!({})),
        answer: None,
    }
    .prove();
}

#[test]
fn context7() {
    Real {
        origin: Origin::Npm("@upstash/context7-mcp", None, "dist/index.js"),
        arguments: none,
        call: ("resolve-library-id", |_| json!({ "libraryName": "serde", "query": "derive" })),
        answer: None,
    }
    .prove();
}

#[test]
fn hello_world() {
    Real {
        origin: Origin::Npm("mcp-hello-world", None, "build/stdio.js"),
        arguments: none,
        call: ("add", |_| json!({ "a": 2, "b": 3 })),
        answer: Some("5"),
    }
    .prove();
}

#[test]
fn time() {
    Real {
        origin: Origin::PyPi("mcp-server-time", true),
        arguments: none,
        call: ("get_current_time", |_| json!({ "timezone": "Etc/UTC" })),
        answer: Some("UTC"),
    }
    .prove();
}

#[test]
fn git() {
    Real {
        origin: Origin::PyPi("mcp-server-git", true),
        arguments: none,
        call: ("git_status", |guard| {
            let made =
                Command::new("git").args(["init", "-q"]).current_dir(guard.directory()).status();
            assert!(made.is_ok_and(|status| status.success()), "git makes a repository");
            json!({ "repo_path": directory(guard) })
        }),
        answer: Some("Repository status"),
    }
    .prove();
}

#[test]
fn fetch() {
    Real {
        origin: Origin::PyPi("mcp-server-fetch", true),
        arguments: none,
        call: ("fetch", |_| json!({ "url": "http://127.0.0.1:9/" })),
        answer: None,
    }
    .prove();
}

#[test]
fn sqlite() {
    Real {
        origin: Origin::OldPyPi("mcp-server-sqlite"),
        arguments: |guard| vec!["--db-path".to_owned(), format!("{}/notes.db", directory(guard))],
        call: ("list_tables", |_| json!({})),
        answer: Some("["),
    }
    .prove();
}

#[test]
fn everything_over_streamable_http() {
    let server = listen("streamableHttp", "mcp");
    let guard = Guard::new();
    guard.pin_url(&server.url);
    guard.run(&["check"]).expect(0);
    let mut direct = HttpClient::new(&server.url);
    direct.open();
    let tools = direct.list("tools/list", "tools");
    for mode in ["fixed", "hold"] {
        let listening = guard.listen(&["--mode", mode], &server.url);
        let mut client = HttpClient::new(listening.url());
        client.open();
        assert_eq!(client.list("tools/list", "tools"), tools, "{mode}");
        let response = client.call("echo", &json!({ "message": "good morning" }));
        assert!(rpc::text_of(&response).contains("good morning"), "{mode}: {response:#}");
    }
}

#[test]
fn everything_over_the_oldest_http_transport() {
    let server = listen("sse", "sse");
    let guard = Guard::new();
    guard.pin_url(&server.url);
    guard.run(&["check"]).expect(0);
    let walk = |url: &str| {
        let client = Program::at(paths::node()).arg(paths::tests_file("clients/sse.mjs")).arg(url);
        client.time_max(Duration::from_secs(30)).run().expect(0).json()
    };
    let direct = walk(&server.url);
    for mode in ["fixed", "hold"] {
        let listening = guard.listen(&["--mode", mode], &server.url);
        assert_eq!(walk(listening.url()), direct, "{mode}: {}", listening.stderr());
    }
}

/// server-everything, listening until this is dropped.
struct Everything {
    child: Child,
    url: String,
}

impl Drop for Everything {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn listen(transport: &str, path: &str) -> Everything {
    let port = free_port();
    let child = Command::new(paths::node())
        .arg(paths::npm("@modelcontextprotocol/server-everything/dist/index.js"))
        .arg(transport)
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("node starts");
    let server = Everything { child, url: format!("http://127.0.0.1:{port}/{path}") };
    HttpClient::new(&server.url).wait();
    server
}

impl Real {
    /// Everything that a person does with a server.
    fn prove(&self) {
        let guard = Guard::new();
        let new = self.command(&guard, false).expect("every server has a version to pin");
        self.surface(&guard, &new);
        guard.pin(&new);
        for _ in 0..2 {
            guard.run_on(&["check", "--name", ALIAS], &new).expect(0);
        }
        self.guarded(&guard, &new);
        if let Some(old) = self.command(&guard, true) {
            drift(&old, &new);
        }
    }

    /// `surface --json` holds every tool that the server lists.
    fn surface(&self, guard: &Guard, server: &ServerCommand) {
        let shown = guard.run_on(&["surface", "--json"], server).expect(0).json().to_string();
        let mut client = StdioClient::start(&mut server.direct(guard.directory()));
        client.open();
        let tools = client.list("tools/list", "tools");
        assert!(tools.iter().any(|tool| tool["name"] == self.call.0), "{tools:#?}");
        for tool in tools {
            assert!(shown.contains(&tool["name"].to_string()), "{} is not shown", tool["name"]);
        }
    }

    /// A client lists and calls through the guard as it does directly.
    fn guarded(&self, guard: &Guard, server: &ServerCommand) {
        let mut direct = StdioClient::start(&mut server.direct(guard.directory()));
        direct.open();
        let tools = direct.list("tools/list", "tools");
        let arguments = (self.call.1)(guard);
        for mode in ["fixed", "hold"] {
            let mut client = guard.stdio(&["--mode", mode], server);
            let opening = client.open();
            assert!(opening["result"]["capabilities"].is_object(), "{mode}: {opening:#}");
            assert_eq!(client.list("tools/list", "tools"), tools, "{mode}");
            let response = client.call(self.call.0, &arguments);
            assert!(!rpc::is_held(&response), "{mode}: {response:#}");
            assert!(response["result"]["content"].is_array(), "{mode}: {response:#}");
            if let Some(answer) = self.answer {
                assert!(rpc::text_of(&response).contains(answer), "{mode}: {response:#}");
            }
            client.end();
        }
    }

    fn command(&self, guard: &Guard, old: bool) -> Option<ServerCommand> {
        let mut command = match (&self.origin, old) {
            (Origin::Npm(package, _, file), false) => node(package, file),
            (Origin::Npm(_, package, file), true) => node((*package)?, file),
            (Origin::PyPi(program, _), false) => ServerCommand::new(paths::python("new", program)),
            (Origin::PyPi(program, true), true) | (Origin::OldPyPi(program), false) => {
                ServerCommand::new(paths::python("old", program))
            }
            (Origin::PyPi(_, false) | Origin::OldPyPi(_), true) => return None,
        };
        for argument in (self.arguments)(guard) {
            command = command.arg(argument);
        }
        Some(command.env("MEMORY_FILE_PATH", format!("{}/memory.jsonl", directory(guard))))
    }
}

/// The pin of the old version against the new one: drift, each change with a code and a sentence.
fn drift(old: &ServerCommand, new: &ServerCommand) {
    let guard = Guard::new();
    guard.pin(old);
    let (code, report) = guard.check(new);
    assert_eq!(code, Some(3), "{report:#}");
    let changes = super::changes(&report);
    assert!(!changes.is_empty(), "{report:#}");
    for change in &changes {
        let text = |member: &str| change[member].as_str().unwrap_or_default();
        assert!(text("code").starts_with("surface."), "{change:#}");
        assert!(text("place").contains('/'), "{change:#}");
        assert!(SEVERITIES.contains(&text("severity")), "{change:#}");
        assert!(text("sentence").ends_with(['.', '!', '?', ')']), "{change:#}");
    }
    let human = guard.run_on(&["check", "--name", ALIAS], new).expect(3);
    assert!(human.stdout.contains(changes[0]["place"].as_str().unwrap_or("?")), "{}", human.stdout);
}

fn npm(name: &'static str) -> Origin {
    let (new, old) = match name {
        "server-everything" => ("@modelcontextprotocol/server-everything", "old-server-everything"),
        "server-filesystem" => ("@modelcontextprotocol/server-filesystem", "old-server-filesystem"),
        "server-memory" => ("@modelcontextprotocol/server-memory", "old-server-memory"),
        _ => ("@modelcontextprotocol/server-sequential-thinking", "old-server-sequential-thinking"),
    };
    Origin::Npm(new, Some(old), "dist/index.js")
}

fn node(package: &str, file: &str) -> ServerCommand {
    let file = paths::npm(&format!("{package}/{file}"));
    ServerCommand::new(paths::node()).arg(file.to_str().expect("paths are UTF-8"))
}

fn directory(guard: &Guard) -> String {
    guard.directory().to_str().expect("paths are UTF-8").to_owned()
}

fn none(_: &Guard) -> Vec<String> {
    Vec::new()
}

const SEVERITIES: [&str; 4] = ["info", "notice", "warning", "critical"];
