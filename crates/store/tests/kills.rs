//! `kill -9` under load, in short; `cargo run -p countersign-store --example kills -- 1000` in full.
//!
//! It starts programs, which hold this one's files open for a moment: tests of locks are elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

#[test]
fn fifteen_kills_lose_nothing_that_was_promised() {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(|deps| deps.parent()).unwrap().join("examples/kills");
    let output = Command::new(program).arg("15").output().expect("cargo builds the examples");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("15 kills"), "{out}");
}
