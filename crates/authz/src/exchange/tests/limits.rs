//! X10, X13, X14: how long, how often, and what policy says. Threat T8.

use serde_json::json;

use super::world::*;
use super::*;

#[tokio::test]
async fn x10_no_token_outlives_parent_grant_edge_or_five_minutes() {
    let ttl = |ttl_s: u64| {
        let mut file = file();
        file["edges"][0]["ttl_s"] = json!(ttl_s);
        world_of(&file, |_| ())
    };
    let until = |expires_s: u64| first_of(&with(root(), "exp", json!(expires_s)));
    for (ttl_s, root_s, expected) in [
        (300, 1_000, Some(300)),
        (120, 1_000, Some(120)),
        (300, 299, Some(299)),
        (5, 1_000, Some(5)),
        (300, 5, Some(5)),
        (300, 4, None),
        (300, 0, None),
    ] {
        let world = ttl(ttl_s);
        let asked = until(NOW_S + root_s);
        let expires_s = match expected {
            Some(life_s) => {
                let issued = world.ok(&asked).await;
                assert_eq!(issued.expires_in_s, life_s, "{ttl_s} {root_s}");
                Some(read(&issued.token)["exp"].as_u64().unwrap() - NOW_S)
            }
            None => None,
        };
        assert_eq!(expires_s, expected);
    }
    assert_eq!(ttl(300).code(&until(NOW_S + 4)).await, "lifetime-exhausted");
    // Within the skew that others' tokens have, and over all the same: none is added.
    assert_eq!(ttl(300).code(&until(NOW_S - 100)).await, "grant-dead");
    let world = ttl(60);
    let child = world.ok(&first()).await.token;
    let grandchild = world.ok(&request(2, 3, &child, &KEYS.hops[1])).await;
    assert_eq!(grandchild.expires_in_s, 60, "no longer than its parent");
    let late =
        Request { client_assertion: Some(assertion(2)), ..request(2, 3, &child, &KEYS.hops[1]) };
    let refused = world.exchange.exchange(&late, NOW_S + 56).await.unwrap_err();
    assert_eq!(refused.code(), "authz.exchange.lifetime-exhausted");
    // A grant that ends before its tokens: a refreshed root token is another grant.
    let access = |expires_s| crate::token::Access { expires_s, ..access() };
    let grant = |expires_s| crate::grant::Grant { expires_s, ..grant() };
    let of = |parent_s, grant_s| issue::expiry(&access(parent_s), &grant(grant_s), 300, NOW_S).ok();
    assert_eq!(of(NOW_S + 500, NOW_S + 50), Some(NOW_S + 50));
    assert_eq!(of(NOW_S + 50, NOW_S + 500), Some(NOW_S + 50));
    let short = world_of(&file(), |config| config.token_s_max = 30);
    assert_eq!(short.ok(&first()).await.expires_in_s, 30, "no longer than the service says");
}

fn access() -> crate::token::Access {
    let issuers = vec![issuer(IDP, &KEYS.idp)];
    Verifier { issuers, audience: uri(1) }.verify(signed(&root()).expose(), NOW_S).unwrap()
}

fn grant() -> crate::grant::Grant {
    let access = access();
    crate::grant::Grant {
        txn: "t".to_owned(),
        root: access.hash,
        subject: access.subject.clone(),
        root_client: access.subject,
        ceiling: std::collections::BTreeMap::new(),
        details: Vec::new(),
        expires_s: access.expires_s,
        depth_max: DEPTH,
        root_issued_s: access.issued_s,
        revoked: None,
    }
}

#[tokio::test]
async fn x13_a_grant_a_token_and_a_client_have_bounds() {
    let world = world_of(&file(), |config| config.bounds.exchanges_max = 3);
    let token = signed(&root());
    for _ in 0..3 {
        world.ok(&request(1, 2, &token, &KEYS.agent)).await;
    }
    let error = world.ask(&request(1, 2, &token, &KEYS.agent)).await.unwrap_err();
    assert_eq!((error.code(), error.retry_s()), ("authz.exchange.rate-exceeded", Some(1_000)));
    world.ok(&first()).await;

    let world = world_of(&file(), |config| config.client_per_minute_max = 2);
    let child = world.ok(&first()).await.token;
    world.ok(&first()).await;
    let error = world.ask(&first()).await.unwrap_err();
    assert_eq!((error.code(), error.retry_s()), ("authz.exchange.rate-exceeded", Some(60)));
    world.ok(&request(2, 3, &child, &KEYS.hops[1])).await;
    assert!(world.exchange.exchange(&first(), NOW_S + 59).await.is_err());
    assert!(world.exchange.exchange(&first(), NOW_S + 60).await.is_ok(), "another minute");
}

/// T8: of ten thousand children of one token, thirty-two targets get one; of one grant, a thousand
/// tokens leave.
#[tokio::test]
async fn t8_ten_thousand_children_are_refused() {
    let same = json!({ "read": ["read"] });
    let targets = 40;
    let mut servers = vec![server(1, &["read", "write"])];
    servers.extend(
        (100..100 + targets).map(|hop| json!({ "resource": uri(hop), "scopes": ["read"] })),
    );
    let edges: Vec<_> = (100..100 + targets).map(|hop| edge(1, hop, &same)).collect();
    let file = json!({ "version": 1, "servers": servers, "edges": edges });
    let world = world_of(&file, |config| config.names = Names::new(None, [1; 32]));
    let token = signed(&root());
    let mut given = 0;
    for hop in 100..100 + targets {
        match world.ask(&request(1, hop, &token, &KEYS.agent)).await {
            Ok(_) => given += 1,
            Err(error) => assert_eq!(error.code(), "authz.exchange.rate-exceeded"),
        }
    }
    assert_eq!(given, 32);
    let take = |n: u64| Use {
        txn: world.last().txn.unwrap(),
        parent: crate::token::TokenHash(format!("child {}", n / 20)),
        target: resource(usize::try_from(n).unwrap() % 20),
        once: Vec::new(),
        bounds: Bounds::default(),
    };
    for n in 0..10_000 {
        given += u64::from(world.grants.take(&take(n), NOW_S).await.is_ok());
    }
    assert_eq!(given, crate::limits::GRANT_EXCHANGES_MAX);
    assert_eq!(world.code(&request(1, 100, &token, &KEYS.agent)).await, "rate-exceeded");
}

#[tokio::test]
async fn x14_what_policy_forbids_does_not_permit_or_errs_over_is_refused() {
    let with = |text: &str| {
        let policy = cedar(text);
        world_of(&file(), |config| config.policy = policy)
    };
    let permit = r#"@id("all") permit (principal, action == Action::"exchange", resource);"#;
    let world = with(permit);
    world.ok(&first()).await;
    assert_eq!(world.last().policies, ["all"]);
    for forbid in [
        r"context.depth > 0",
        r#"context.requested.contains("read")"#,
        r"context.parent_bound",
        r"context.child_bound",
        r"context.auth_age_s == 100",
        r#"!context.allowed.contains("admin")"#,
        r"!context.revoked",
        r"!context.destructive",
        r#"principal == Principal::"https://idp.a.test#alice""#,
        r#"context.agent == Agent::"https://sts.a.test#hop1""#,
        r#"context.chain.contains(Agent::"https://idp.a.test#agent")"#,
        r#"resource.to == Server::"https://hop2.a.test/mcp""#,
    ] {
        let text = format!(
            "{permit} @id(\"no\") forbid (principal, action == Action::\"exchange\", \
                            resource) when {{ {forbid} }};"
        );
        let world = with(&text);
        assert_eq!(world.code(&first()).await, "policy-denied", "{forbid}");
        assert_eq!(world.last().policies, ["no"]);
        assert_eq!(world.last().checks.last(), Some(&"X13"), "it is the last check");
    }
    let world = with(r#"@id("call") permit (principal, action == Action::"call_tool", resource);"#);
    assert_eq!(world.code(&first()).await, "policy-denied", "nothing permits it");
    let errs = r#"@id("errs") forbid (principal, action == Action::"exchange", resource)
                  when { 9223372036854775807 + context.depth > 0 };"#;
    let world = with(&format!("{permit} {errs}"));
    assert_eq!(world.code(&first()).await, "policy-denied", "a policy that errs denies");
}

#[tokio::test]
async fn x14_what_a_token_reaches_is_destructive_if_one_tool_is() {
    let text = r#"@id("all") permit (principal, action == Action::"exchange", resource);
        @id("no") forbid (principal, action == Action::"exchange", resource)
        when { context.destructive };"#;
    let world = world_of(&file(), |config| config.policy = cedar(text));
    let scoped = |scope: &str| Request { scope: Some(scope.to_owned()), ..first() };
    let tool = |name: &str| Request {
        scope: None,
        authorization_details: Some(
            json!([{ "type": "mcp_tool", "server": uri(2), "tool": name }]).to_string(),
        ),
        ..first()
    };
    world.ok(&scoped("read")).await;
    assert_eq!(world.code(&scoped("read write")).await, "policy-denied");
    world.ok(&tool("get")).await;
    assert_eq!(world.code(&tool("put")).await, "policy-denied", "what says nothing may destroy");
    let child = world.ok(&scoped("read")).await.token;
    let code = world.code(&request(2, 3, &child, &KEYS.hops[1])).await;
    assert_eq!(code, "policy-denied", "of a server whose tools nobody listed, one may");
}
