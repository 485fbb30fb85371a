//! The official conformance suite, direct and through the guard: identical, and all pass.

use std::path::Path;
use std::time::Duration;

use harness::{Fixture, Guard, Program, Scratch, paths};
use serde_json::Value;

#[test]
fn the_suite_of_2025_11_25_passes_and_sees_no_guard() {
    compare("2025-11-25", 83);
}

#[test]
fn the_suite_of_2026_07_28_passes_and_sees_no_guard() {
    compare("2026-07-28", 197);
}

/// One check: its scenario, its id and how it ended. Ids repeat, so that only the order tells.
type Check = (String, String, String);

fn compare(requirements: &str, passed: usize) {
    let fixture = Fixture::start();
    let direct = checks(requirements, fixture.url());
    let succeeded = direct.iter().filter(|check| check.2 == "SUCCESS").count();
    assert_eq!(succeeded, passed, "checks that pass without a guard");
    for mode in ["fixed", "hold"] {
        let guard = Guard::new();
        guard.pin_url(fixture.url());
        let listening = guard.listen(&["--mode", mode], fixture.url());
        let guarded = checks(requirements, listening.url());
        for (number, direct) in direct.iter().enumerate() {
            let guarded = guarded.get(number);
            assert_eq!(guarded, Some(direct), "{mode}: stderr\n{}", listening.stderr());
        }
        assert_eq!(guarded.len(), direct.len(), "{mode}: checks");
    }
}

/// Runs the suite; fails unless it says that everything passed.
fn checks(requirements: &str, url: &str) -> Vec<Check> {
    let out = Scratch::new();
    let output = Program::at(paths::node())
        .arg(paths::npm("@modelcontextprotocol/conformance/dist/index.js"))
        .args(["server", "--url", url, "--requirements", requirements, "-o"])
        .arg(out.path())
        .time_max(Duration::from_mins(5))
        .run();
    let checks = read_checks(out.path());
    let failed: Vec<&Check> = checks.iter().filter(|check| check.2 == "FAILURE").collect();
    assert_eq!(output.code, Some(0), "{url}: {failed:#?}\n{}", output.stderr);
    checks
}

fn read_checks(out: &Path) -> Vec<Check> {
    let mut scenarios: Vec<_> = std::fs::read_dir(out)
        .expect("the suite writes its results")
        .map(|entry| entry.expect("a directory can be read").path())
        .collect();
    scenarios.sort();
    let mut checks = Vec::new();
    for scenario in scenarios {
        let bytes = std::fs::read(scenario.join("checks.json")).expect("a scenario has checks");
        let list: Vec<Value> = serde_json::from_slice(&bytes).expect("checks are a list");
        let name = scenario.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // The directory's name ends in the time of the run.
        let name = name.get(..name.len().saturating_sub(TIME_STAMP.len())).unwrap_or_default();
        for check in list {
            let text = |member: &str| check[member].as_str().unwrap_or_default().to_owned();
            checks.push((name.to_owned(), text("id"), text("status")));
        }
    }
    checks
}

const TIME_STAMP: &str = "-2026-11-25T07-17-44-005Z";
