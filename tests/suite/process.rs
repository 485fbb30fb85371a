//! A local server's process: its end, its exit code, its stderr.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::{Client, Guard, StdioClient, Tape};
use serde_json::json;

#[test]
fn a_server_that_outlives_its_stdin_is_ended_with_its_children() {
    let guard = Guard::new();
    let mut client = open(&guard, "stubborn");
    let processes = Tape::processes(&guard);
    assert_eq!(processes.len(), 2);
    assert!(processes.iter().all(|id| runs(*id)), "the server and its child run");
    client.end();
    assert_gone(&processes);
}

#[test]
fn a_server_ends_with_a_guard_that_is_told_to_end() {
    let guard = Guard::new();
    let mut client = open(&guard, "stubborn");
    let processes = Tape::processes(&guard);
    let killed = Command::new("kill").arg("-TERM").arg(client.id().to_string()).status();
    assert!(killed.is_ok_and(|status| status.success()));
    client.end();
    assert_gone(&processes);
}

#[test]
fn the_exit_code_of_the_server_is_the_guards() {
    let guard = Guard::new();
    let mut client = open(&guard, "exit");
    client.send(&harness::rpc::request(1, "tools/call", json!({ "name": "echo" })));
    assert_eq!(client.end().code(), Some(7), "{}", client.stderr());
}

#[test]
fn a_crash_answers_what_is_in_flight_and_is_reported() {
    let guard = Guard::new();
    let mut client = open(&guard, "crash");
    let response = client.request("tools/call", json!({ "name": "echo" }));
    assert!(response["error"]["message"].is_string(), "{response:#}");
    let event = client.event(|event| event["event"] == "server" && event["verdict"] != "allow");
    assert!(event["reasons"][0]["sentence"].is_string(), "{event:#}");
    assert_ne!(client.end().code(), Some(0));
}

#[test]
fn the_stderr_of_the_server_passes() {
    let guard = Guard::new();
    let mut client = open(&guard, "chatty");
    client.end();
    assert!(client.stderr().contains("the tape speaks"), "{}", client.stderr());
}

#[test]
fn a_server_that_does_not_start_is_an_error_with_its_name() {
    let guard = Guard::new();
    let missing = harness::ServerCommand::new("/nonexistent/server");
    let output = guard.run_on(&["surface"], &missing).expect(1);
    assert!(output.stderr.contains("/nonexistent/server"), "{}", output.stderr);
}

fn open(guard: &Guard, quirk: &str) -> StdioClient {
    guard.pin(&Tape::new().command(guard));
    let tape = Tape::new().set("quirk", quirk);
    let mut client = guard.stdio(&["--mode", "fixed"], &tape.command(guard));
    client.open();
    client
}

#[track_caller]
fn assert_gone(processes: &[u32]) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while processes.iter().any(|id| runs(*id)) {
        assert!(Instant::now() < deadline, "{processes:?} still run");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process runs; one that ended and was not waited for does not.
fn runs(id: u32) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}
