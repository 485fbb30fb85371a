//! The client scenarios of `@modelcontextprotocol/conformance`, before the guard's outbound side: the
//! real guard stands before each scenario's server, and a client that knows nothing of tokens calls it
//! (`clients/outbound.mjs`). What came of each is `docs/conformance-client.md`, which this holds to it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use harness::{Program, Scratch, paths};
use serde_json::Value;

/// Every authorization scenario of the suite, by its version.
const SCENARIOS: [(&str, &[&str]); 4] = [
    ("2025-03-26", &["2025-03-26-oauth-metadata-backcompat", "2025-03-26-oauth-endpoint-fallback"]),
    ("2025-11-25", &BOTH),
    ("2026-07-28", &NEWEST),
    (
        "extension",
        &[
            "client-credentials-jwt",
            "client-credentials-basic",
            "enterprise-managed-authorization",
            "dpop",
            "dpop-nonce",
            "wif-jwt-bearer",
        ],
    ),
];

/// How many run at the same time.
const AT_ONCE: usize = 3;

const BOTH: [&str; 14] = [
    "metadata-default",
    "metadata-var1",
    "metadata-var2",
    "metadata-var3",
    "basic-cimd",
    "scope-from-www-authenticate",
    "scope-from-scopes-supported",
    "scope-omitted-when-undefined",
    "scope-step-up",
    "scope-retry-limit",
    "token-endpoint-auth-basic",
    "token-endpoint-auth-post",
    "token-endpoint-auth-none",
    "pre-registration",
];

const NEWEST: [&str; 25] = [
    "metadata-default",
    "metadata-var1",
    "metadata-var2",
    "metadata-var3",
    "basic-cimd",
    "scope-from-www-authenticate",
    "scope-from-scopes-supported",
    "scope-omitted-when-undefined",
    "scope-step-up",
    "scope-retry-limit",
    "token-endpoint-auth-basic",
    "token-endpoint-auth-post",
    "token-endpoint-auth-none",
    "pre-registration",
    "resource-mismatch",
    "offline-access-scope",
    "offline-access-not-supported",
    "authorization-server-migration",
    "iss-supported",
    "iss-not-advertised",
    "iss-supported-missing",
    "iss-wrong-issuer",
    "iss-unexpected",
    "iss-normalized",
    "metadata-issuer-mismatch",
];

#[test]
fn every_client_scenario_of_the_official_suite_passes() {
    assert_eq!(listed(), scenarios(), "the suite has other scenarios than this test");
    let all =
        SCENARIOS.iter().flat_map(|(version, names)| names.iter().map(|name| (*version, *name)));
    let all: Vec<_> = all.collect();
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(vec![String::new(); all.len()]));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((version, name)) = all.get(at) else { return };
                    let row = row(version, name);
                    rows.lock().expect("no writer panics")[at] = row;
                }
            });
        }
    });
    let table = rows.into_inner().expect("no writer panics").concat();
    let path = paths::tests_file("../docs/conformance-client.md");
    let page = std::fs::read_to_string(path).expect("the page");
    assert!(page.contains(&table), "docs/conformance-client.md should have:\n{table}");
}

/// What came of one scenario: everything that it checks succeeded.
fn row(version: &str, name: &str) -> String {
    let checks = checks(version, name);
    let is_good = |it: &&Value| matches!(it["status"].as_str(), Some("SUCCESS" | "INFO"));
    let odd: Vec<_> = checks.iter().filter(|it| !is_good(it)).collect();
    assert!(odd.is_empty(), "{version} {name}: {odd:#?}");
    // How often a scenario sees one request depends on its client: the kinds do not.
    let kinds = checks.iter().filter(|it| it["status"] == "SUCCESS");
    let kinds: BTreeSet<_> = kinds.filter_map(|it| it["id"].as_str()).collect();
    assert!(!kinds.is_empty(), "{version} {name}: nothing was checked");
    format!("| `auth/{name}` | {version} | {} | pass |\n", kinds.len())
}

/// The scenarios that the suite itself lists.
fn listed() -> Vec<String> {
    let output = suite().arg("list").run().expect(0);
    let text = output.stdout + &output.stderr;
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("- auth/"));
    let mut names: Vec<_> = names
        .filter_map(|line| line.split_whitespace().next())
        // Of authorization servers, which the token service is measured by.
        .filter(|name| !name.starts_with("server-") && !name.starts_with("as-"))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

fn scenarios() -> Vec<String> {
    let all = SCENARIOS.iter().flat_map(|(_, names)| names.iter());
    let mut all: Vec<_> = all.map(|name| (*name).to_owned()).collect();
    all.sort();
    all.dedup();
    all
}

/// Runs one scenario; fails unless the suite says that it passed.
fn checks(version: &str, name: &str) -> Vec<Value> {
    let out = Scratch::new();
    let command = [
        paths::node().display().to_string(),
        paths::tests_file("clients/outbound.mjs").display().to_string(),
        paths::countersign().display().to_string(),
    ];
    let scenario = format!("auth/{name}");
    let mut program = suite();
    program = program.args(["client", "--scenario", &scenario, "--command", &command.join(" ")]);
    if version != "extension" {
        program = program.args(["--spec-version", version]);
    }
    let output = program.arg("-o").arg(out.path()).time_max(Duration::from_mins(1)).run();
    assert_eq!(output.code, Some(0), "{version} {name}\n{}\n{}", output.stdout, output.stderr);
    let mut found = Vec::new();
    collect(out.path(), &mut found);
    let [checks] = found.as_slice() else { panic!("{version} {name}: {} results", found.len()) };
    checks.as_array().expect("checks are a list").clone()
}

fn collect(folder: &Path, found: &mut Vec<Value>) {
    for entry in std::fs::read_dir(folder).expect("the suite writes its results") {
        let path = entry.expect("a directory can be read").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.file_name().is_some_and(|name| name == "checks.json") {
            let bytes = std::fs::read(&path).expect("checks");
            found.push(serde_json::from_slice(&bytes).expect("checks are JSON"));
        }
    }
}

fn suite() -> Program {
    Program::at(paths::node()).arg(paths::npm("@modelcontextprotocol/conformance/dist/index.js"))
}
