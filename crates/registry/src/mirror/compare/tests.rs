#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::json;

use super::*;

fn codes(before: &Value, after: &Value) -> Vec<(String, String, String)> {
    let findings = content(before, after);
    findings.into_iter().map(|it| (it.code, it.severity, it.place)).collect()
}

fn with(pointer: &str, value: Value) -> Value {
    let mut server = server();
    *server.pointer_mut(pointer).expect(pointer) = value;
    server
}

fn server() -> Value {
    json!({
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": "io.github.acme/files", "version": "1.0.0", "description": "Files",
        "repository": { "url": "https://github.com/acme/files", "source": "github", "id": "1" },
        "packages": [{
            "registryType": "npm", "identifier": "@acme/files", "version": "1.0.0",
            "transport": { "type": "stdio" },
            "environmentVariables": [{ "name": "TOKEN", "description": "Yours", "isSecret": true }]
        }],
        "remotes": [{
            "type": "streamable-http", "url": "https://files.acme.com/mcp",
            "headers": [{ "name": "X-Key", "placeholder": "key" }],
            "variables": { "some_key": { "choices": ["a", "b"] } }
        }]
    })
}

#[test]
fn nothing_is_found_where_nothing_changed() {
    assert_eq!(codes(&server(), &server()), []);
}

#[test]
fn what_decides_is_critical_and_what_explains_is_not() {
    for (pointer, value, severity) in [
        ("/description", json!("Files!"), "warning"),
        ("/repository/url", json!("https://github.com/acme/other"), "warning"),
        ("/packages/0/version", json!("1.0.1"), "critical"),
        ("/packages/0/identifier", json!("@acme/filez"), "critical"),
        ("/packages/0/environmentVariables/0/name", json!("SECRET"), "critical"),
        ("/packages/0/environmentVariables/0/isSecret", json!(false), "critical"),
        ("/packages/0/environmentVariables/0/description", json!("Mine"), "warning"),
        ("/remotes/0/url", json!("https://api.acme.com/mcp"), "critical"),
        ("/remotes/0/headers/0/name", json!("X-Other"), "critical"),
        ("/remotes/0/headers/0/placeholder", json!("other"), "warning"),
        ("/remotes/0/variables/some_key/choices/1", json!("c"), "critical"),
    ] {
        let expected = ("entry.rewritten".to_owned(), severity.to_owned(), pointer.to_owned());
        assert_eq!(codes(&server(), &with(pointer, value)), [expected], "{pointer}");
    }
}

#[test]
fn members_and_elements_that_come_or_go_are_named_once() {
    let before = server();
    let mut after = server();
    after["packages"][0].as_object_mut().unwrap().remove("environmentVariables");
    after["remotes"][0]["headers"].as_array_mut().unwrap().push(json!({ "name": "X/~Y" }));
    let places: Vec<_> = codes(&before, &after).into_iter().map(|(.., place)| place).collect();
    assert_eq!(places, ["/packages/0/environmentVariables", "/remotes/0/headers/1"]);
    let back: Vec<_> = codes(&after, &before).into_iter().map(|(.., place)| place).collect();
    assert_eq!(back, places);
}

#[test]
fn renaming_keys_between_schema_versions_is_a_migration() {
    let old = json!({
        "name": "io.github.acme/files", "description": "Files",
        "version_detail": { "version": "1.0.0" },
        "packages": [{ "registry_name": "npm", "name": "@acme/files", "version": "1.0.0",
            "environment_variables": [{ "name": "TOKEN", "is_secret": true }] }],
        "remotes": [{ "transport_type": "streamable", "url": "https://files.acme.com/mcp",
            "variables": { "some_key": { "is_required": true } } }]
    });
    let new = json!({
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": "io.github.acme/files", "description": "Files", "version": "1.0.0",
        "packages": [{ "registryType": "npm", "identifier": "@acme/files", "version": "1.0.0",
            "transport": { "type": "stdio" },
            "environmentVariables": [{ "name": "TOKEN", "isSecret": true }] }],
        "remotes": [{ "type": "streamable-http", "url": "https://files.acme.com/mcp",
            "variables": { "some_key": { "is_required": true } } }]
    });
    for (old, new) in [(&old, &new), (&server(), &with("/$schema", json!("older")))] {
        let migrated = ("entry.migrated".to_owned(), "info".to_owned(), String::new());
        assert_eq!(codes(old, new), [migrated]);
    }
    // A migration is no cover: what else changes with it is found.
    let mut more = new.clone();
    more["packages"][0]["identifier"] = json!("@acme/filez");
    let place = "/packages/0/identifier".to_owned();
    assert_eq!(codes(&old, &more), [("entry.rewritten".into(), "critical".into(), place)]);
    // A key that a publisher chose is no name of the schema.
    let mut chosen = server();
    let variables = chosen["remotes"][0]["variables"].as_object_mut().unwrap();
    let value = variables.remove("some_key").unwrap();
    variables.insert("someKey".to_owned(), value);
    assert!(codes(&server(), &chosen).iter().all(|(code, ..)| code == "entry.rewritten"));
}

#[test]
fn another_owner_is_found_whatever_else_moves() {
    let moved = |before: Value, after: Value| {
        codes(&before, &after).iter().any(|(code, ..)| code == "entry.repointed")
    };
    let package = |kind: &str, identifier: &str| json!({ "packages": [{ "registryType": kind, "identifier": identifier }] });
    for (kind, before, after, is_moved) in [
        ("npm", "@acme/files", "@acme/filez", false),
        ("npm", "@acme/files", "@evil/files", true),
        ("npm", "files", "filez", true),
        ("pypi", "files", "filez", true),
        ("oci", "mcp/fetch:1", "docker.io/mcp/fetch:2", false),
        ("oci", "mcp/fetch@sha256:1", "mcp/fetch@sha256:2", false),
        ("oci", "mcp/fetch:latest", "mcp/other:latest", false),
        ("oci", "redis:7", "docker.io/library/redis:8", false),
        ("oci", "mcp/fetch:latest", "ghcr.io/stackloklabs/gofetch/server:latest", true),
        ("oci", "ghcr.io/acme/a:1", "ghcr.io/evil/a:1", true),
        ("oci", "ghcr.io/acme/a:1", "ghcr.io.evil.com/acme/a:1", true),
        ("mcpb", "https://github.com/acme/a/x.mcpb", "https://github.com/Acme/b/x.mcpb", false),
        ("mcpb", "https://github.com/acme/a/x.mcpb", "https://github.com/evil/a/x.mcpb", true),
    ] {
        assert_eq!(
            moved(package(kind, before), package(kind, after)),
            is_moved,
            "{before} {after}"
        );
    }
    let remote = |url: &str| json!({ "remotes": [{ "type": "streamable-http", "url": url }] });
    for (before, after, is_moved) in [
        ("https://a.acme.com/mcp", "https://b.acme.com/v2", false),
        ("https://a.acme.com/mcp", "https://a.acme.com.evil.com/mcp", true),
        ("https://a.acme.co.uk/mcp", "https://evil.co.uk/mcp", true),
        ("https://alice.github.io/mcp", "https://bob.github.io/mcp", true),
        ("https://{region}.acme.com/mcp", "https://eu.acme.com/mcp", false),
        ("https://acme.com/mcp", "https://acme.com./mcp", false),
        ("https://acme.com/mcp", "https://user@evil.com/acme.com", true),
    ] {
        assert_eq!(moved(remote(before), remote(after)), is_moved, "{before} {after}");
    }
    let both =
        json!({ "remotes": [{ "url": "https://a.acme.com" }, { "url": "https://b.evil.com" }] });
    assert!(
        !moved(remote("https://a.acme.com"), both.clone()),
        "an owner that joins replaces none"
    );
    assert!(!moved(both, remote("https://a.acme.com")), "one that leaves neither");
}

#[test]
fn a_status_is_a_finding_and_a_deletion_a_warning() {
    let said = |status: &str, message: &str| Official {
        status: status.into(),
        message: message.into(),
        ..Official::default()
    };
    let severity =
        |before: &Official, after: &Official| status(before, after).map(|it| it.severity);
    let active = said("active", "");
    assert_eq!(severity(&active, &active), None);
    assert_eq!(severity(&active, &Official { is_latest: true, ..active.clone() }), None);
    assert_eq!(severity(&active, &said("deprecated", "")).as_deref(), Some("notice"));
    assert_eq!(severity(&active, &said("active", "moved")).as_deref(), Some("notice"));
    assert_eq!(severity(&active, &said("deleted", "")).as_deref(), Some("warning"));
    assert_eq!(severity(&said("deleted", ""), &active).as_deref(), Some("notice"));
}

#[test]
fn latest_that_moves_back_is_seen_by_order_or_by_date() {
    let older = |after: (&str, Option<&str>), before: (&str, Option<&str>)| {
        let latest = |(version, published_at)| Latest { version, published_at };
        is_older(latest(after), latest(before))
    };
    assert!(older(("1.9.0", None), ("1.10.0", None)));
    assert!(!older(("1.10.0", None), ("1.9.0", None)));
    let (day_1, day_2) = (Some("2025-06-18T00:00:00Z"), Some("2025-06-19T00:00:00.5Z"));
    assert!(older(("2025.06.18", day_1), ("2025.06.19", day_2)));
    assert!(!older(("2025.06.19", day_2), ("2025.06.18", day_1)));
    assert!(older(("2025.06.18", day_1), ("1.0.0", day_2)), "an older one that never parses");
    assert!(!older(("x", None), ("y", None)), "nothing is said of what nobody knows");
}

#[test]
fn findings_are_bounded_and_the_urgent_ones_stay() {
    let long = "x".repeat(limits::PLACE_CHARS_MAX + 1);
    let members = (0..limits::FINDINGS_MAX + 9).map(|n| (format!("m{n:03}"), json!(n)));
    let mut after: serde_json::Map<String, Value> = members.collect();
    after.insert("packages".to_owned(), json!([{ long: 1 }]));
    let found = codes(&json!({ "packages": [{}] }), &Value::Object(after));
    assert_eq!(found.len(), limits::FINDINGS_MAX);
    assert_eq!(found[0].1, "critical");
    assert_eq!(found[0].2.chars().count(), limits::PLACE_CHARS_MAX);
}
