//! Real states of other registries, published through the real service over loopback.
//!
//! A few rows here; all of them with
//! `COUNTERSIGN_STATES=DIR cargo test -p countersign-registry states -- --nocapture`, where DIR holds
//! `seed.json`, `docker.json` and `toolhive.json`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::server_json::SCHEMA;
use super::world::{Issuer, World};

/// Rows of the official registry's seed of 2025-05-16 (MIT), shortened: an npm package, a remote on
/// the client's own machine, a description that is too long, a name that is none.
fn seed() -> Value {
    json!([
        { "name": "io.github.21st-dev/magic-mcp", "description": "It's like v0 but in your Cursor",
          "repository": { "url": "https://github.com/21st-dev/magic-mcp", "source": "github", "id": "935450522" },
          "version_detail": { "version": "0.0.1-seed" },
          "packages": [{ "registry_name": "npm", "name": "@21st-dev/magic", "version": "0.0.46",
            "environment_variables": [{ "description": "${input:apiKey}", "name": "API_KEY" }] }] },
        { "name": "io.github.a/local", "description": "d", "version_detail": { "version": "0.0.1-seed" },
          "remotes": [{ "transport_type": "sse", "url": "http://localhost:5008/sse" }] },
        { "name": "io.github.b/long", "description": "x".repeat(200), "version_detail": { "version": "0.0.1-seed" } },
        { "name": "io.github.c/a b", "description": "d", "version_detail": { "version": "0.0.1-seed" } },
    ])
}

#[tokio::test]
async fn states_of_other_registries_are_published_as_far_as_they_keep_the_rules() {
    let folder = std::env::var("COUNTERSIGN_STATES").ok();
    let read = |name: &str| -> Option<Value> {
        let text = std::fs::read(format!("{}/{name}", folder.as_ref()?)).unwrap();
        Some(serde_json::from_slice(&text).unwrap())
    };
    let world = World::new().await;
    let seed = read("seed.json").unwrap_or_else(seed);
    let seed = seed.as_array().unwrap();
    // As it was then, no row keeps today's rules: each is refused with a code.
    let mut old = BTreeMap::new();
    let login = login(&world, "nobody", 0).await;
    for row in seed {
        let answer = world.send("POST", "/v0/publish", Some(&login), row.to_string()).await;
        assert_eq!(answer.status, 400, "{row}");
        assert!(answer.code().starts_with("server-json."), "{:?}", answer.body);
        *old.entry(answer.code().to_owned()).or_insert(0) += 1;
    }
    let mut rows: Vec<(Value, Vec<&str>)> = seed.iter().map(of_seed).collect();
    let all = |name: &str| read(name).unwrap_or_default();
    rows.extend(
        all("docker.json")
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, row)| of_docker(name, row)),
    );
    let toolhive = all("toolhive.json");
    for key in ["servers", "remote_servers"] {
        let rows_of = toolhive.pointer(&format!("/registry/{key}")).and_then(Value::as_object);
        rows.extend(rows_of.into_iter().flatten().map(|(name, row)| of_toolhive(name, row)));
    }
    let (mut codes, mut changes, mut taken) = (BTreeMap::new(), BTreeMap::new(), 0);
    for (number, (entry, changed)) in rows.iter().enumerate() {
        for change in changed {
            *changes.entry(*change).or_insert(0) += 1;
        }
        let name = entry["name"].as_str().unwrap();
        let owner = name.split('/').next().unwrap().trim_start_matches("io.github.").to_owned();
        let login = self::login(&world, &owner, number + 1).await;
        let answer = world.send("POST", "/v0/publish", Some(&login), entry.to_string()).await;
        if answer.status == 200 {
            taken += 1;
            assert_eq!(&answer.body["server"], entry, "served as it was published");
        } else {
            assert!(!answer.code().is_empty() && answer.status < 500, "{:?}", answer.body);
            *codes.entry(answer.code().to_owned()).or_insert(0) += 1;
        }
    }
    println!("rows {}, as they were: {old:#?}", rows.len());
    println!("changes by the converter: {changes:#?}\ntaken {taken}, refused: {codes:#?}");
    assert_eq!(taken + codes.values().sum::<usize>(), rows.len());
    if folder.is_none() {
        let expected = [("server-json.name-pattern", 1), ("server-json.remote-url", 1)];
        assert_eq!(codes, expected.map(|(code, count)| (code.to_owned(), count)).into());
        assert_eq!((taken, changes["description cut"]), (2, 1));
    }
}

/// A login as an account of GitHub; where the rules would not call it one, as another.
async fn login(world: &World, owner: &str, number: usize) -> String {
    let is_account =
        owner.len() <= 39 && owner.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let owner = if is_account && !owner.is_empty() { owner } else { "nobody" };
    let mut claims = Issuer::claims(&format!("login {number}"));
    claims["repository_owner"] = json!(owner);
    claims["repository_owner_id"] = json!(owner.bytes().map(u64::from).sum::<u64>().to_string());
    let body = json!({ "oidc_token": world.issuer.token(&claims) }).to_string();
    let answer = world.send("POST", "/v0/auth/github-oidc", None, body).await.ok();
    answer["registry_token"].as_str().unwrap().to_owned()
}

fn described(entry: &mut Value, text: &str, changes: &mut Vec<&str>) {
    let cut: String = text.chars().take(100).collect();
    if cut != text {
        changes.push("description cut");
    }
    if cut.is_empty() {
        changes.push("description made up");
    }
    entry["description"] = json!(if cut.is_empty() { "No description." } else { &cut });
}

/// The old shape, member by member; what has no place in today's is left out, and said so.
fn of_seed(row: &Value) -> (Value, Vec<&'static str>) {
    let mut changes = vec!["`version_detail` is `version`"];
    let mut entry = json!({ "$schema": SCHEMA, "name": row["name"], "version": row["version_detail"]["version"] });
    described(&mut entry, row["description"].as_str().unwrap_or_default(), &mut changes);
    if row["repository"]["url"].as_str().is_some_and(|url| !url.is_empty()) {
        entry["repository"] = row["repository"].clone();
    }
    let mut packages = Vec::new();
    for package in row["packages"].as_array().into_iter().flatten() {
        let (registry, name) =
            (package["registry_name"].as_str().unwrap_or_default(), &package["name"]);
        let version = package["version"].as_str().unwrap_or_default();
        let stdio = json!({ "type": "stdio" });
        match registry {
            "npm" | "pypi" => packages.push(json!({ "registryType": registry, "identifier": name,
                "version": version, "transport": stdio,
                "environmentVariables": package["environment_variables"].as_array().cloned().unwrap_or_default() })),
            "docker" => packages.push(json!({ "registryType": "oci", "transport": stdio,
                "identifier": format!("{}:{version}", name.as_str().unwrap_or_default()) })),
            _ => changes.push("package of an unknown registry left out"),
        }
        if package.get("package_arguments").is_some() {
            changes.push("arguments left out");
        }
    }
    if !packages.is_empty() {
        changes.push("`registry_name` is `registryType`, `name` is `identifier`");
        entry["packages"] = json!(packages);
    }
    let remotes: Vec<Value> = row["remotes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|remote| json!({ "type": remote["transport_type"], "url": remote["url"] }))
        .collect();
    if !remotes.is_empty() {
        changes.push("`transport_type` is `type`");
        entry["remotes"] = json!(remotes);
    }
    (entry, changes)
}

/// A catalogue's short name becomes one below its publisher's account.
fn named(owner: &str, name: &str, changes: &mut Vec<&'static str>) -> Value {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '-' })
        .collect();
    changes.push("short name put below an account");
    json!({ "$schema": SCHEMA, "name": format!("io.github.{owner}/{plain}"), "version": "2026.02.18" })
}

fn of_docker(name: &str, row: &Value) -> (Value, Vec<&'static str>) {
    let mut changes = Vec::new();
    let mut entry = named("docker", name, &mut changes);
    described(
        &mut entry,
        row["about"]["description"].as_str().unwrap_or_default().trim(),
        &mut changes,
    );
    if let Some(title) = row["about"]["title"].as_str() {
        entry["title"] = json!(title);
    }
    if let (Some(image), Some(commit)) = (row["image"].as_str(), row["source"]["commit"].as_str()) {
        changes.push("image tagged with its source's commit");
        entry["packages"] = json!([{ "registryType": "oci", "identifier": format!("docker.io/{image}:{commit}"),
                                     "transport": { "type": "stdio" } }]);
    }
    remote(&mut entry, &row["remote"]["transport_type"], &row["remote"]["url"]);
    (entry, changes)
}

fn of_toolhive(name: &str, row: &Value) -> (Value, Vec<&'static str>) {
    let mut changes = Vec::new();
    let mut entry = named("stacklok", name, &mut changes);
    described(&mut entry, row["description"].as_str().unwrap_or_default(), &mut changes);
    if let Some(image) = row["image"].as_str() {
        entry["packages"] = json!([{ "registryType": "oci", "identifier": image, "transport": { "type": "stdio" } }]);
    }
    remote(&mut entry, &row["transport"], &row["url"]);
    (entry, changes)
}

fn remote(entry: &mut Value, kind: &Value, url: &Value) {
    if url.is_string() {
        entry["remotes"] = json!([{ "type": kind, "url": url }]);
    }
}
