//! Remote servers: headers, and who authorizes them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::schemas::assert_valid;
use crate::shell::{Ran, Shell, ended, fixture};

const TOKEN: &str = "Zx81mQpL0vT3bNw7";

struct Remote {
    child: Child,
    url: String,
}

impl Remote {
    fn start(shell: &Shell) -> Self {
        let mut child = Command::new("python3")
            .arg(fixture("remote.py"))
            .arg(TOKEN)
            .current_dir(shell.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { child, url: format!("http://127.0.0.1:{}/mcp", port.trim()) }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(shell: &Shell, arguments: &[&str]) -> Ran {
    let mut command = shell.command(arguments);
    ended(command.env("MCP_AUTHORIZATION", format!("Bearer {TOKEN}")).output().unwrap())
}

#[test]
fn a_header_is_recorded_by_the_variable_that_holds_it() {
    let shell = Shell::new();
    let remote = Remote::start(&shell);
    let turned_away = shell.run(&["pin", "--name", "far", &remote.url]);
    assert_eq!(turned_away.exit, 1);
    assert!(turned_away.err.contains("--header-env"), "{}", turned_away.err);
    let variable = "Authorization=MCP_AUTHORIZATION";
    let pinned = run(&shell, &["pin", "--name", "far", "--header-env", variable, &remote.url]);
    assert_eq!(pinned.exit, 0, "{}", pinned.err);
    assert_eq!(run(&shell, &["check"]).exit, 0);
    let unset = shell.run(&["check"]);
    assert_eq!(unset.exit, 1);
    assert!(unset.out.contains("`MCP_AUTHORIZATION` is not set"), "{}", unset.out);
    let said = shell.read("mcp.lock") + &pinned.err + &unset.out;
    assert!(said.contains("MCP_AUTHORIZATION") && !said.contains(TOKEN), "{said}");
}

#[test]
fn another_authorizer_is_critical_until_it_is_approved() {
    let shell = Shell::new();
    let remote = Remote::start(&shell);
    let metadata = |issuer: &str| json!({ "resource": remote.url, "authorization_servers": [issuer], "scopes_supported": [] });
    shell.write("metadata.json", &metadata("https://login.example"));
    let variable = "Authorization=MCP_AUTHORIZATION";
    let pinned = run(&shell, &["pin", "--name", "far", "--header-env", variable, &remote.url]);
    assert_eq!(pinned.exit, 0, "{}", pinned.err);
    assert!(shell.read("mcp.lock").contains(r#"authorizers = "https://login.example""#));
    assert_eq!(run(&shell, &["check"]).exit, 0);

    shell.write("metadata.json", &metadata("https://evil.example"));
    let drift = run(&shell, &["check", "--json", "--fail-on", "critical"]);
    assert_eq!(drift.exit, 3, "{}{}", drift.out, drift.err);
    let report = serde_json::from_str(&drift.out).unwrap();
    assert_valid("check", &report);
    let change = &report["servers"][0]["changes"][0];
    assert_eq!(change["code"], "surface.server.authorizer-changed");
    assert_eq!(change["place"], "server/authorization");
    let approved = run(&shell, &["approve", "far", "server/authorization"]);
    assert_eq!(approved.exit, 0, "{}", approved.err);
    assert_eq!(run(&shell, &["check"]).exit, 0);
    assert_valid("lock", &shell.json(&["lock", "--json"]));

    std::fs::remove_file(shell.path().join("metadata.json")).unwrap();
    assert_eq!(run(&shell, &["check", "--fail-on", "critical"]).exit, 3, "nobody authorizes it");
}
