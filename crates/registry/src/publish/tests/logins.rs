//! Logins against a resolver, web servers and an issuer on loopback.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::world::{Answer, Issuer, World, key, now_s, record, signed};
use crate::limits;

async fn by_domain(
    world: &World,
    method: &str,
    domain: &str,
    (timestamp, signature): (String, String),
) -> Answer {
    let body = json!({ "domain": domain, "timestamp": timestamp, "signed_timestamp": signature });
    world.send("POST", &format!("/v0.1/auth/{method}"), None, body.to_string()).await
}

async fn by_oidc(world: &World, token: &str) -> Answer {
    world
        .send("POST", "/v0/auth/github-oidc", None, json!({ "oidc_token": token }).to_string())
        .await
}

#[tokio::test]
async fn a_txt_record_proves_a_domain_split_and_beside_others() {
    let world = World::new().await;
    let record = record(&key(1));
    let (left, right) = record.split_at(20);
    world.dns.publish_split("example.com", &[left, right]);
    by_domain(&world, "dns", "Example.com", signed(&key(1), now_s(), 0)).await.ok();
    let other = super::world::record(&key(2));
    world.dns.publish("example.com", &["v=spf1 -all", &record, &other]);
    let token = by_domain(&world, "dns", "example.com", signed(&key(2), now_s(), 0)).await.ok();
    assert!(token["expires_at"].as_u64().unwrap() <= now_s() + 300);
    let wrong = by_domain(&world, "dns", "example.com", signed(&key(3), now_s(), 0)).await;
    wrong.refused(401, "namespace.signature");
}

#[tokio::test]
async fn a_failing_resolver_is_no_absence_and_an_absence_no_proof() {
    let world = World::new().await;
    world.dns.fail("example.com", 2);
    let answer = by_domain(&world, "dns", "example.com", signed(&key(1), now_s(), 0)).await;
    answer.refused(401, "namespace.unresolved");
    world.dns.fail("example.com", 3);
    let answer = by_domain(&world, "dns", "example.com", signed(&key(1), now_s(), 0)).await;
    answer.refused(401, "namespace.absent");
    world.dns.publish("example.com", &["v=spf1 -all"]);
    let answer = by_domain(&world, "dns", "example.com", signed(&key(1), now_s(), 0)).await;
    answer.refused(401, "namespace.absent");
}

#[tokio::test]
async fn a_signed_timestamp_counts_once_and_for_fifteen_seconds() {
    let world = World::new().await;
    world.dns.publish("example.com", &[&record(&key(1))]);
    let proof = signed(&key(1), now_s(), 0);
    by_domain(&world, "dns", "example.com", proof.clone()).await.ok();
    let again = by_domain(&world, "dns", "example.com", proof.clone()).await;
    again.refused(401, "namespace.replayed");
    // The same proof through the other door, and for another domain of the same key.
    world.web.put("example.com", "/.well-known/mcp-registry-auth", 200, record(&key(1)));
    let http = by_domain(&world, "http", "example.com", proof).await;
    http.refused(401, "namespace.replayed");
    for s in [now_s() - 20, now_s() + 20] {
        let answer = by_domain(&world, "dns", "example.com", signed(&key(1), s, 0)).await;
        answer.refused(401, "namespace.timestamp");
    }
}

#[tokio::test]
async fn a_well_known_file_proves_a_domain_and_not_what_is_below_it() {
    let world = World::new().await;
    let path = "/.well-known/mcp-registry-auth";
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    // Compressed: the sign of y before x.
    let point = pair.public_key().as_ref();
    let mut compressed = vec![2 + (point[96] & 1)];
    compressed.extend_from_slice(&point[1..49]);
    let record = format!("v=MCPv1; k=ecdsap384; p={}\n", STANDARD.encode(compressed));
    world.web.put("example.com", path, 200, record);
    let (timestamp, _) = signed(&key(1), now_s(), 0);
    let signature = pair.sign(&SystemRandom::new(), timestamp.as_bytes()).unwrap();
    let signature = super::world::hex(signature.as_ref());
    let token = by_domain(&world, "http", "example.com", (timestamp, signature)).await.ok();
    let token = token["registry_token"].as_str().unwrap();
    let entry = |name: &str| {
        json!({ "$schema": super::super::server_json::SCHEMA, "name": name, "description": "d", "version": "1.0.0" })
            .to_string()
    };
    world.send("POST", "/v0/publish", Some(token), entry("com.example/a")).await.ok();
    for name in ["com.example.x/a", "com.examplex/a", "com/a", "io.github.example/a"] {
        let answer = world.send("POST", "/v0/publish", Some(token), entry(name)).await;
        answer.refused(403, "publish.not-covered");
    }
}

#[tokio::test]
async fn a_page_a_redirect_or_a_long_file_prove_nothing() {
    let world = World::new().await;
    let path = "/.well-known/mcp-registry-auth";
    let attempt = async |host: &str, code: &str| {
        by_domain(&world, "http", host, signed(&key(1), now_s(), 0)).await.refused(401, code)
    };
    world.web.put("html.com", path, 200, format!("<html>{}</html>", record(&key(1))));
    attempt("html.com", "namespace.record").await;
    world.web.put("twice.com", path, 200, format!("{0}\n{0}", record(&key(1))));
    attempt("twice.com", "namespace.record").await;
    world.web.put("real.com", path, 200, record(&key(1)));
    world.web.redirect("moved.com", path, world.web.url("real.com", path).as_str());
    attempt("moved.com", "net.redirect").await;
    world.web.put("long.com", path, 200, format!("{}{}", record(&key(1)), " ".repeat(4_096)));
    attempt("long.com", "net.too-large").await;
    world.web.put("down.com", path, 500, "");
    attempt("down.com", "namespace.status").await;
    attempt("none.com", "namespace.absent").await;
    for domain in ["alice.github.io", "127.0.0.1", "localhost", "co.uk"] {
        attempt(domain, "namespace.domain").await;
    }
}

#[tokio::test]
async fn a_token_of_github_actions_proves_its_owner_once() {
    let world = World::new().await;
    let token = world.issuer.token(&Issuer::claims("one"));
    let login = by_oidc(&world, &token).await.ok();
    by_oidc(&world, &token).await.refused(401, "namespace.replayed");
    let entry = json!({ "$schema": super::super::server_json::SCHEMA, "name": "io.github.octo/files",
                        "description": "d", "version": "1.0.0" });
    let token = login["registry_token"].as_str().unwrap();
    world.send("POST", "/v0/publish", Some(token), entry.to_string()).await.ok();
    assert_eq!(world.web.count("/jwks"), 1, "the keys of the issuer are kept");
}

#[tokio::test]
async fn a_token_that_is_not_for_us_or_not_by_the_issuer_proves_nothing() {
    let world = World::new().await;
    let wrong = |key: &str, value: serde_json::Value| {
        let mut claims = Issuer::claims(&format!("{key}{value}"));
        claims[key] = value;
        claims
    };
    for claims in [
        wrong("aud", json!("https://registry.modelcontextprotocol.io")),
        wrong("aud", json!(["https://registry.test", "https://evil.test"])),
        wrong("iss", json!("https://evil.test")),
        wrong("exp", json!(now_s() - 1)),
        wrong("exp", json!(now_s() + 90_000)),
        wrong("iat", json!(now_s() + 600)),
        wrong("nbf", json!(now_s() + 600)),
        wrong("jti", json!(null)),
        wrong("repository_owner", json!("octo/files")),
        wrong("repository_owner", json!("../x")),
        wrong("repository_owner_id", json!(null)),
    ] {
        let answer = by_oidc(&world, &world.issuer.token(&claims)).await;
        answer.refused(401, "namespace.oidc");
    }
    let header = |header: serde_json::Value| world.issuer.token_with(&header, &Issuer::claims("h"));
    for token in [
        header(json!({ "alg": "RS256", "kid": "unknown" })),
        header(json!({ "alg": "RS256", "kid": "other" })),
        header(json!({ "alg": "RS512", "kid": "k1" })),
        header(json!({ "alg": "HS256", "kid": "k1" })),
        header(json!({ "alg": "RS256", "kid": "k1", "jwk": {} })),
        header(json!({ "alg": "RS256", "kid": "k1", "crit": ["x"] })),
        header(json!({ "alg": "RS256" })),
    ] {
        by_oidc(&world, &token).await.refused(401, "namespace.oidc");
    }
    // No algorithm, and no signature.
    let none = json!({ "alg": "none", "kid": "k1" });
    let unsigned = |signature: &str| {
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{signature}", part(&none), part(&Issuer::claims("none")))
    };
    by_oidc(&world, &unsigned("")).await.refused(401, "namespace.oidc");
    by_oidc(&world, &unsigned("AAAA")).await.refused(401, "namespace.oidc");
    // The right claims under another key.
    let other = World::new().await;
    let forged = other.issuer.token(&Issuer::claims("forged"));
    by_oidc(&world, &forged).await.refused(401, "namespace.oidc");
    for token in ["", ".", "..", "a.b", "a.b.c", &"a".repeat(9_000)] {
        by_oidc(&world, token).await.refused(401, "namespace.oidc");
    }
    // A key that nobody knows made us ask the issuer no more often than once.
    assert_eq!(world.web.count("/jwks"), 1);
}

#[tokio::test]
async fn an_access_token_proves_its_user_and_the_organisations_that_the_user_owns() {
    let world = World::new().await;
    world.web.put("api.test", "/user", 200, json!({ "login": "Alice", "id": 7 }).to_string());
    let member = |login: &str, id: u64, role: &str| json!({ "state": "active", "role": role, "organization": { "login": login, "id": id } });
    let members = json!([member("owned", 8, "admin"), member("joined", 9, "member")]);
    world.web.put("api.test", "/user/memberships/orgs", 200, members.to_string());
    let body = json!({ "github_token": "gho_secret" }).to_string();
    let login = world.send("POST", "/v0/auth/github-at", None, body.clone()).await.ok();
    let token = login["registry_token"].as_str().unwrap();
    let entry = |owner: &str| {
        json!({ "$schema": super::super::server_json::SCHEMA, "name": format!("io.github.{owner}/a"),
                "description": "d", "version": "1.0.0" })
        .to_string()
    };
    for owner in ["Alice", "owned"] {
        world.send("POST", "/v0/publish", Some(token), entry(owner)).await.ok();
    }
    let joined = world.send("POST", "/v0/publish", Some(token), entry("joined")).await;
    joined.refused(403, "publish.not-covered");
    assert_eq!(world.web.credentials()[0], "Bearer gho_secret");
    // A token that may not read memberships proves the user alone.
    world.web.put("api.test", "/user/memberships/orgs", 403, "");
    let login = world.send("POST", "/v0/auth/github-at", None, body.clone()).await.ok();
    let token = login["registry_token"].as_str().unwrap();
    let owned = world.send("POST", "/v0/publish", Some(token), entry("owned")).await;
    owned.refused(403, "publish.not-covered");
    world.web.put("api.test", "/user", 401, "{}");
    world.send("POST", "/v0/auth/github-at", None, body).await.refused(401, "namespace.status");
}

#[tokio::test]
async fn no_statement_and_no_answer_holds_a_credential() {
    let world = World::new().await;
    let oidc = world.issuer.token(&Issuer::claims("one"));
    let login = by_oidc(&world, &oidc).await.ok();
    let ours = login["registry_token"].as_str().unwrap();
    world.dns.publish("example.com", &[&record(&key(1))]);
    let (timestamp, signature) = signed(&key(1), now_s(), 0);
    by_domain(&world, "dns", "example.com", (timestamp, signature.clone())).await.ok();
    let size = *world.service.log().sizes().borrow();
    let entries = world.service.log().entries(0, size).await.unwrap();
    assert!(entries.len() >= 2);
    for entry in entries {
        let text = String::from_utf8_lossy(&entry);
        let payload = seal::Envelope::parse(&entry).map(|it| format!("{:?}", it.statement()));
        for secret in [&oidc, ours, &signature] {
            assert!(!text.contains(secret) && !payload.as_deref().unwrap_or("").contains(secret));
        }
    }
    let refused = by_oidc(&world, &oidc).await;
    assert!(!refused.body.to_string().contains(&oidc));
}

#[tokio::test]
async fn tokens_key_sets_and_files_are_read_to_their_bounds() {
    let world = World::new().await;
    for (life_s, is_taken) in
        [(limits::OIDC_LIFE_S_MAX, true), (limits::OIDC_LIFE_S_MAX + 1, false)]
    {
        let mut claims = Issuer::claims(&format!("life {life_s}"));
        claims["exp"] = json!(claims["iat"].as_u64().unwrap() + life_s);
        let answer = by_oidc(&world, &world.issuer.token(&claims)).await;
        assert_eq!(answer.status == 200, is_taken, "{life_s}: {}", answer.body);
    }
    for (count, is_found) in [(authz::limits::KEYS_MAX, true), (authz::limits::KEYS_MAX + 1, false)]
    {
        let world = World::new().await;
        world.issuer.publish_last_of(&world.web, count);
        let answer = by_oidc(&world, &world.issuer.token(&Issuer::claims("one"))).await;
        assert_eq!(answer.status == 200, is_found, "{count}: {}", answer.body);
    }
    let path = "/.well-known/mcp-registry-auth";
    for (length, code) in [
        (limits::WELL_KNOWN_BYTES_MAX, None),
        (limits::WELL_KNOWN_BYTES_MAX + 1, Some("net.too-large")),
    ] {
        let mut body = record(&key(1));
        body.push_str(&" ".repeat(length - body.len()));
        let host = format!("of{length}.com");
        world.web.put(&host, path, 200, body);
        let answer = by_domain(&world, "http", &host, signed(&key(1), now_s(), 0)).await;
        match code {
            Some(code) => drop(answer.refused(401, code)),
            None => drop(answer.ok()),
        }
    }
}
