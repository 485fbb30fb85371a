//! `kill -9` under load, in short; `cargo run -p countersign-audit --example trail -- kills 1000` in
//! full.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

#[test]
fn kills_lose_no_promised_record_and_leave_both_verdicts_yes() {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(|deps| deps.parent()).unwrap().join("examples/trail");
    let output = Command::new(program).args(["kills", "5"]).output().expect("the example is built");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("5 kills"), "{out}");
}
