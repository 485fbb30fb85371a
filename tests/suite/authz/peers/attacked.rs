//! `countersign auth attack` before our guard and before servers of others: what each lets in stands in
//! `docs/peers/resource-servers.md`.

use std::fmt::Write as _;
use std::path::PathBuf;

use harness::guard::Guard;
use harness::http::free_port;
use harness::http::recorder::Recorder;
use harness::program::guarded::{Guarded, Kind};
use harness::{Program, Scratch};
use serde_json::Value;

use super::table;

pub(super) const ISSUER: &str = "https://as.a.example";

/// The key of an issuer for attacks, and its JWKS.
pub(super) fn key(scratch: &Scratch) -> (PathBuf, PathBuf) {
    let (key, jwks) = (scratch.join("attack.pem"), scratch.join("jwks.json"));
    let made = Program::countersign().args(["auth", "attack", "x", "--init", "--key"]).arg(&key);
    let made = made.run().expect(0);
    assert!(!made.stdout.contains("\"d\""), "a private key is printed");
    std::fs::write(&jwks, made.stdout).expect("written");
    (key, jwks)
}

/// The report on one server; it fits its schema and shows no token.
#[track_caller]
pub(super) fn attack(url: &str, key: &std::path::Path) -> (Option<i32>, Value) {
    let address = url.trim_start_matches("http://").split('/').next().expect("an address");
    let output = Program::countersign()
        .args(["auth", "attack", url, "--json", "--issuer", ISSUER, "--scope", "files:read"])
        .args(["--allow", address, "--key"])
        .arg(key)
        .run();
    for text in [&output.stdout, &output.stderr] {
        assert!(!text.contains("eyJ"), "a token is in the output: {text}");
    }
    assert!(matches!(output.code, Some(0 | 3)), "{}", output.stderr);
    let report = output.json();
    let schema = harness::paths::tests_file("../docs/schema/auth-attack.json");
    let schema = std::fs::read_to_string(schema).expect("a schema");
    let schema: Value = serde_json::from_str(&schema).expect("a schema");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<_> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    (output.code, report)
}

/// Our guard before a server that answers everything alike.
struct Ours {
    _guard: Guard,
    listening: harness::guard::Listening,
    upstream: Recorder,
}

fn ours(jwks: &std::path::Path) -> Ours {
    let (guard, upstream) = (Guard::new(), Recorder::start());
    let address = format!("127.0.0.1:{}", free_port());
    let config = format!(
        "resource = \"http://{address}/mcp\"\nscopes = [\"files:read\"]\n[[trusted]]\nissuer = \"{ISSUER}\"\njwks = \"{}\"\n",
        jwks.display()
    );
    std::fs::write(guard.file("authorize.toml"), config).expect("written");
    let options = ["--mode", "observe", "--authorize", "authorize.toml"];
    let listening = guard.listen_at(&address, &options, &upstream.url);
    Ours { _guard: guard, listening, upstream }
}

#[test]
fn our_guard_refuses_every_token_and_proof_of_the_attacker() {
    let scratch = Scratch::new();
    let (key, jwks) = key(&scratch);
    let ours = ours(&jwks);
    let (code, report) = attack(ours.listening.url(), &key);
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(report["bound"], true, "it takes bound tokens");
    for row in report["attacks"].as_array().expect("attacks") {
        assert_eq!(row["outcome"], "refused", "{row}");
        assert!(matches!(row["status"].as_u64(), Some(400 | 401 | 403)), "{row}");
    }
    // Good tokens came through, and none of them to the server.
    let seen = ours.upstream.seen();
    assert!(seen.contains("initialize") && !seen.contains("eyJ"), "{seen}");
    assert!(!ours.listening.stderr().contains("eyJ"), "a token is in the events");
}

#[test]
fn what_other_servers_let_in_is_what_the_documentation_says() {
    let scratch = Scratch::new();
    let (key, jwks) = key(&scratch);
    let ours = ours(&jwks);
    let upstream = Recorder::start();
    let start = |kind| Guarded::start(kind, &jwks, ISSUER, &upstream.url);
    let others = [Kind::FastMcp, Kind::PythonSdk, Kind::TypeScriptSdk].map(start);
    let mut reports = vec![attack(ours.listening.url(), &key).1];
    reports.extend(others.iter().map(|server| attack(&server.url(), &key).1));
    let mut text = String::from(
        "| Attack | Whose demand | Our guard | FastMCP gateway | Python SDK + PyJWT | TypeScript SDK + jose |\n|---|---|---|---|---|---|\n",
    );
    let rows = |report: &Value| report["attacks"].as_array().expect("attacks").clone();
    for (at, row) in rows(&reports[0]).iter().enumerate() {
        let said = |name: &str| row[name].as_str().expect("a text").to_owned();
        let (what, attack, section) = (said("what"), said("attack"), said("section"));
        let _ = write!(text, "| {what} (`{attack}`) | {}: {section} |", said("demand"));
        for report in &reports {
            let outcome = rows(report)[at]["outcome"].as_str().expect("a word").to_owned();
            let shown = if outcome == "accepted" { "**accepted**".to_owned() } else { outcome };
            let _ = write!(text, " {shown} |");
        }
        text.push('\n');
    }
    table::is("resource-servers.md", &text);
}
