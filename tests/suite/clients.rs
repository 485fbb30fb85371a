//! Official clients through the guard, over both transports and in both eras: what they see is what
//! they see without it.

use std::time::Duration;

use harness::guard::ALIAS;
use harness::{Fixture, Guard, Program, ServerCommand, paths};
use serde_json::Value;

#[test]
fn the_python_sdk_sees_no_guard_in_the_legacy_era() {
    compare(&|| python("legacy"));
}

#[test]
fn the_python_sdk_sees_no_guard_in_the_modern_era() {
    compare(&|| python("modern"));
}

#[test]
fn the_first_typescript_sdk_sees_no_guard() {
    compare(&|| typescript("v1", "legacy"));
}

#[test]
fn the_second_typescript_sdk_sees_no_guard_in_the_legacy_era() {
    compare(&|| typescript("v2", "legacy"));
}

#[test]
fn the_second_typescript_sdk_sees_no_guard_in_the_modern_era() {
    compare(&|| typescript("v2", "modern"));
}

/// Runs the client directly and guarded, over both transports.
fn compare(client: &dyn Fn() -> Program) {
    let guard = Guard::new();
    let server = ServerCommand::new(paths::fixture()).arg("--stdio");
    guard.pin(&server);
    let direct = walk(client().arg("--").args(&server.line));
    for mode in ["fixed", "hold"] {
        let binary = paths::countersign();
        let guarded = client()
            .arg("--")
            .arg(&binary)
            .args(["guard", "--name", ALIAS, "--mode", mode, "--lock"])
            .arg(guard.file("mcp.lock"))
            .arg("--")
            .args(&server.line);
        assert_same(&direct, &walk(guarded), &format!("stdio, {mode}"));
    }

    let guard = Guard::new();
    let fixture = Fixture::start();
    guard.pin_url(fixture.url());
    let direct = walk(client().arg(fixture.url()));
    for mode in ["fixed", "hold"] {
        let listening = guard.listen(&["--mode", mode], fixture.url());
        let guarded = walk(client().arg(listening.url()));
        assert_same(&direct, &guarded, &format!("HTTP, {mode}"));
    }
}

fn python(era: &str) -> Program {
    Program::at(paths::python("new", "python"))
        .arg(paths::tests_file("clients/client.py"))
        .arg(era)
        .time_max(Duration::from_mins(1))
}

fn typescript(generation: &str, era: &str) -> Program {
    Program::at(paths::node())
        .arg(paths::tests_file("clients/client.mjs"))
        .args([generation, era])
        .time_max(Duration::from_mins(1))
}

/// The steps of the walk and what was seen in each.
#[track_caller]
fn walk(client: Program) -> Vec<Value> {
    let output = client.run().expect(0);
    let steps = output.json();
    steps.as_array().expect("the client prints a list of steps").clone()
}

#[track_caller]
fn assert_same(direct: &[Value], guarded: &[Value], case: &str) {
    assert_eq!(direct.len(), guarded.len(), "{case}: steps");
    for (direct, guarded) in direct.iter().zip(guarded) {
        if direct[0] == "unknown tool" {
            // The guard answers for a tool that was never approved; both answers are errors.
            let is_error = guarded[1].is_array() || guarded[1]["isError"] == true;
            assert!(is_error, "{case}: {guarded}");
            continue;
        }
        assert_eq!(direct, guarded, "{case}");
    }
}
