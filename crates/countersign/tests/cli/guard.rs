//! `guard`: what the command line promises; what the guard itself does is proved in its own crate.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::schemas::assert_valid;
use crate::shell::{Shell, drifted, server};

struct Guarded {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Guarded {
    fn start(shell: &Shell, arguments: &[&str]) -> Self {
        let mut child = shell
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn ask(&mut self, id: u32, method: &str, params: Value) -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        writeln!(self.child.stdin.as_mut().unwrap(), "{message}").unwrap();
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
        assert_eq!(answer["id"], id);
        answer
    }

    fn open(&mut self) {
        let client = json!({ "name": "test", "version": "1" });
        let params =
            json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
        self.ask(1, "initialize", params);
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        writeln!(self.child.stdin.as_mut().unwrap(), "{ready}").unwrap();
    }

    fn call(&mut self, id: u32) -> Value {
        self.ask(id, "tools/call", json!({ "name": "send_email", "arguments": {} }))
    }

    fn end(mut self) -> i32 {
        drop(self.child.stdin.take());
        self.child.wait().unwrap().code().unwrap()
    }
}

#[test]
fn a_drifted_tool_is_held_until_it_is_approved_in_another_terminal() {
    let shell = Shell::new();
    shell.run_server(&["pin", "--name", "mail"], "shown.json");
    let mut guarded = Guarded::start(&shell, &["guard", "mail", "--events", "events.jsonl"]);
    guarded.open();
    assert_eq!(guarded.call(2)["result"]["content"][0]["text"], "called");
    shell.write("shown.json", &drifted());
    // The listing that decides is at most as old as the guard's own bound.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let held = guarded.call(3);
    assert_eq!(held["result"]["isError"], true, "{held}");
    assert!(held.to_string().contains("countersign approve mail"), "{held}");
    let approved = shell.run(&["approve", "mail", "--all"]);
    assert_eq!(approved.exit, 0, "{}", approved.err);
    assert_eq!(guarded.call(4)["result"]["content"][0]["text"], "called");
    assert_eq!(guarded.end(), 7, "the server's exit code is passed on");
    let events = shell.read("events.jsonl");
    for event in events.lines() {
        assert_valid("event", &serde_json::from_str(event).unwrap());
    }
    assert!(events.lines().any(|line| line.contains(r#""verdict":"hold""#)), "{events}");
}

#[test]
fn fixed_needs_a_pin_and_the_other_modes_make_one() {
    let shell = Shell::new();
    let refused = shell.run_server(&["guard", "--name", "mail"], "shown.json");
    assert_eq!((refused.exit, refused.out.as_str()), (1, ""), "{}", refused.err);
    assert!(refused.err.contains("countersign pin --name mail -- python3"), "{}", refused.err);
    let server = server();
    let command = ["python3", server.to_str().unwrap(), "shown.json"];
    let arguments = [&["guard", "--name", "mail", "--mode", "hold", "--"][..], &command].concat();
    let mut guarded = Guarded::start(&shell, &arguments);
    guarded.open();
    assert_eq!(guarded.call(2)["result"]["content"][0]["text"], "called");
    assert_eq!(guarded.end(), 7);
    assert_eq!(shell.run(&["check", "mail"]).exit, 0);
    let pin = &shell.json(&["lock", "--json"])["pins"][0];
    assert_eq!(pin["approvals"].as_object().unwrap().values().next().unwrap()["by"], "first use");
}

#[test]
fn other_machines_are_let_in_only_when_asked_for() {
    let shell = Shell::new();
    let arguments = ["--mode", "observe", "--upstream", "http://127.0.0.1:9/mcp", "--name", "far"];
    let listen = ["guard", "--listen", "0.0.0.0:0"];
    let refused = shell.run(&[&listen[..], &arguments].concat());
    assert_eq!(refused.exit, 2, "{}", refused.err);
    assert!(refused.err.contains("--allow-remote-clients"), "{}", refused.err);
}
