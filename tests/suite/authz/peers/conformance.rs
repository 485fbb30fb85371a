//! The official suite for authorization servers, before our token service and the servers of others, check by
//! check: what it says stands in `docs/peers/conformance.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::{Draft, Others, Peer, Scratch, paths, program};
use serde_json::{Value, json};

use super::table;
use crate::authz::sts::protocol::collect;

const RESOURCE: &str = "https://hop1.a.test/mcp";

/// What it says of one server, by check.
fn conformance(issuer: &str, peer: Option<(&Peer, &mut Others)>) -> BTreeMap<String, String> {
    let scratch = Scratch::new();
    let mut command = Command::new(paths::node());
    command.arg(paths::npm("@modelcontextprotocol/conformance/dist/index.js"));
    command.args(["authorization", "--url", issuer, "-o"]).arg(scratch.join("results"));
    if peer.is_some() {
        command.args(["--client-id", "agent", "--resource", RESOURCE, "-p", "39411"]);
    }
    let mut child = command
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the suite starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    if let Some((peer, others)) = peer {
        let place = peer.endpoint("authorization_endpoint");
        let asked = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let at = line.find(place)?;
            line[at..].split_whitespace().next().map(str::to_owned)
        });
        if let Some(url) = asked {
            let went = peer.browse(others, &url);
            if !went["stuck"].is_null() {
                // The suite would wait for five minutes.
                let _ = child.kill();
            }
        }
    }
    std::thread::spawn(move || lines.map_while(Result::ok).count());
    assert!(program::wait(&mut child, Duration::from_secs(20)).is_some(), "it does not end");
    let mut checks: Vec<Value> = Vec::new();
    collect(&scratch.join("results"), &mut checks);
    let text = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    checks.iter().map(|check| (text(check, "id"), text(check, "status"))).collect()
}

#[test]
fn the_conformance_suite_says_of_each_server_what_the_documentation_says() {
    let resources = json!({ RESOURCE: "files:read" });
    let mut others = Others::start(&resources);
    let peers = [
        Peer::oidc_provider(&mut others),
        Peer::glewlwyd(&mut others, &resources),
        Peer::oauth_as(&mut others, &resources),
    ];
    let sts = Draft::new().start();
    let mut columns = vec![conformance(&sts.issuer, None)];
    for peer in &peers {
        columns.push(conformance(&peer.issuer, Some((peer, &mut others))));
    }
    let ids: std::collections::BTreeSet<_> = columns.iter().flat_map(BTreeMap::keys).collect();
    assert!(ids.len() >= 3, "{ids:?}");
    let mut text = String::from(
        "| Check | Our token service | oidc-provider | Glewlwyd | oauth-as |\n|---|---|---|---|---|\n",
    );
    for id in ids {
        let said: Vec<_> =
            columns.iter().map(|it| it.get(id).map_or("-", String::as_str)).collect();
        let _ = writeln!(text, "| `{id}` | {} |", said.join(" | ").to_lowercase());
    }
    table::is("conformance.md", &text);
}
