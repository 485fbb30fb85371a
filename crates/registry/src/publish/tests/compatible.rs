//! The requests of the official publisher tool, byte for byte as its encoder writes them: members of
//! maps in alphabetical order, members of structures in the order of their declaration, `<`, `>` and
//! `&` escaped.

use super::world::{World, key, now_s, record, signed};

#[tokio::test]
async fn the_official_tool_logs_in_publishes_and_changes_a_status() {
    let world = World::new().await;
    world.dns.publish("example.com", &[&record(&key(1))]);
    let (timestamp, signature) = signed(&key(1), now_s(), 0);
    let login = format!(
        r#"{{"domain":"example.com","signed_timestamp":"{signature}","timestamp":"{timestamp}"}}"#
    );
    let answer = world.send("POST", "/v0/auth/dns", None, login).await.ok();
    let token = answer["registry_token"].as_str().unwrap();
    assert!(answer["expires_at"].is_i64(), "seconds since 1970: {answer}");
    let entry = concat!(
        r#"{"$schema":"https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json","#,
        r#""name":"com.example/weather","description":"Weather \u0026 alerts \u003e 5 days","#,
        r#""repository":{"url":"https://github.com/example/weather","source":"github"},"#,
        r#""version":"1.0.2","packages":[{"registryType":"npm","identifier":"@example/weather","#,
        r#""version":"1.0.2","transport":{"type":"stdio"},"#,
        r#""environmentVariables":[{"description":"Key","isRequired":true,"isSecret":true,"name":"KEY"}]}],"#,
        r#""remotes":[{"type":"streamable-http","url":"https://{tenant}.example.com/mcp","#,
        r#""variables":{"tenant":{"isRequired":true}}}]}"#,
    );
    let shown = world.send("POST", "/v0/publish", Some(token), entry).await.ok();
    assert_eq!(shown["server"]["description"], "Weather & alerts > 5 days");
    // What it reads back: the status under the official key, with deleted versions.
    let path = "/v0/servers/com.example%2Fweather";
    let shown = world.get(&format!("{path}/versions/1.0.2?include_deleted=true")).await.ok();
    assert_eq!(shown["_meta"]["io.modelcontextprotocol.registry/official"]["status"], "active");
    let body = r#"{"status":"deprecated","statusMessage":"Use 2.0.0"}"#;
    world.send("PATCH", &format!("{path}/versions/1.0.2/status"), Some(token), body).await.ok();
    let listed = world.get(&format!("{path}/versions?include_deleted=true")).await.ok();
    let official = &listed["servers"][0]["_meta"]["io.modelcontextprotocol.registry/official"];
    assert_eq!(official["status"], "deprecated");
    let body = r#"{"status":"deleted"}"#;
    let changed = world.send("PATCH", &format!("{path}/status"), Some(token), body).await.ok();
    assert_eq!(changed["updatedCount"], 1);
}

#[tokio::test]
async fn the_official_tool_finds_the_github_application_and_the_list_of_mistakes() {
    let world = World::new().await;
    assert_eq!(world.get("/v0/health").await.ok()["github_client_id"], "Iv23test");
    let body = r#"{"name":"com.example/a","description":"","version":"^1"}"#;
    let answer = world.send("POST", "/v0/validate", None, body).await.ok();
    assert_eq!(answer["valid"], false);
    let issues = answer["issues"].as_array().unwrap();
    let paths: Vec<_> = issues.iter().map(|issue| issue["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/$schema", "/version", "/description"]);
}

#[tokio::test]
async fn the_official_tool_logs_in_with_github() {
    let world = World::new().await;
    let token = world.issuer.token(&super::world::Issuer::claims("one"));
    let body = format!(r#"{{"oidc_token":"{token}"}}"#);
    world.send("POST", "/v0/auth/github-oidc", None, body).await.ok();
    world.web.put("api.test", "/user", 200, r#"{"login":"octo","id":583231,"type":"User"}"#);
    world.web.put("api.test", "/user/memberships/orgs", 200, "[]");
    world.send("POST", "/v0/auth/github-at", None, r#"{"github_token":"gho_x"}"#).await.ok();
    // One account, whichever token proves it: no re-key.
    assert!(!world.changes().await.contains(&"namespace.rekeyed".to_owned()));
}
