//! X5: what may be asked for. Threats T4, T5.

use serde_json::{Value, json};

use super::world::*;
use super::*;

const X5: &str = "authority-exceeded";

fn scoped(scope: Option<&str>) -> Request {
    Request { scope: scope.map(str::to_owned), ..first() }
}

fn detailed(scope: Option<&str>, details: &Value) -> Request {
    Request { authorization_details: Some(details.to_string()), ..scoped(scope) }
}

fn tool(tool: &str) -> Value {
    json!({ "type": "mcp_tool", "server": uri(2), "tool": tool })
}

#[tokio::test]
async fn x5_what_is_asked_for_is_within_the_map_of_what_is_held() {
    let world = world();
    let issued = world.ok(&scoped(Some("read write"))).await;
    assert_eq!(issued.scope, "read write");
    for scope in
        ["admin", "read admin", "read unknown", "Read", "read*", "", " ", "re\"ad", "openid"]
    {
        assert_eq!(world.code(&scoped(Some(scope))).await, X5, "{scope}");
    }
    assert_eq!(world.code(&scoped(None)).await, X5, "nobody said what");
    let held = |scope: &str| first_of(&with(root(), "scope", json!(scope)));
    let to = |request: Request, scope: &str| Request { scope: Some(scope.to_owned()), ..request };
    world.ok(&to(held("write"), "read")).await;
    assert_eq!(world.code(&to(held("read"), "write")).await, X5);
    assert_eq!(world.code(&to(held("openid"), "read")).await, X5);
    world.ok(&to(held("read offline_access"), "read")).await;
    assert_eq!(world.code(&to(held("read email"), "read")).await, X5, "a scope that nobody knows");
    world.ok(&to(held("read admin"), "read")).await;
    let code = world.code(&to(held("read admin"), "admin")).await;
    assert_eq!(code, X5, "known and unmapped gives nothing, whatever its name");
    assert!(world.last().requested.contains("admin"), "what was asked for is recorded");
}

#[tokio::test]
async fn x5_a_child_never_gets_more_than_its_parent_passed_on() {
    let world = world();
    let narrow = world.ok(&scoped(Some("read"))).await.token;
    let next = |scope: &str| Request {
        scope: Some(scope.to_owned()),
        ..request(2, 3, &narrow, &KEYS.hops[1])
    };
    assert_eq!(
        world.code(&next("write")).await,
        X5,
        "the grant would allow it, the parent does not"
    );
    world.ok(&next("read")).await;
    // And an edge that widens meets the ceiling of the grant, and the target's own scopes.
    let mut wide = file();
    wide["edges"][1] = edge(2, 3, &json!({ "read": ["read", "write", "admin"] }));
    world.exchange.replace(edges(&wide), Arc::new(PermitAll));
    assert_eq!(world.code(&next("admin")).await, X5, "beyond the ceiling");
    world.ok(&next("write")).await;
    let mut less = wide;
    less["servers"][2]["scopes"] = json!(["read"]);
    less["edges"] = json!([edge(2, 3, &json!({ "read": ["read"] }))]);
    world.exchange.replace(edges(&less), Arc::new(PermitAll));
    assert_eq!(world.code(&next("write")).await, X5);
}

#[tokio::test]
async fn x5_without_a_scope_the_tools_pinned_requirement_counts() {
    let world = world();
    let issued = world.ok(&detailed(None, &json!([tool("get")]))).await;
    assert_eq!(issued.scope, "read");
    assert_eq!(issued.authorization_details, Some(json!([tool("get")])));
    assert_eq!(read(&issued.token)["authorization_details"], json!([tool("get")]));
    let issued = world.ok(&detailed(None, &json!([tool("get"), tool("put")]))).await;
    assert_eq!(issued.scope, "read write");
    let issued = world.ok(&detailed(Some("read"), &json!([tool("put")]))).await;
    assert_eq!(issued.scope, "read", "less than the tool needs is the caller's choice");
    for (what, asked, error) in [
        ("a tool beyond", detailed(None, &json!([tool("wipe")])), "invalid_scope"),
        (
            "an unknown tool",
            detailed(None, &json!([tool("other")])),
            "invalid_authorization_details",
        ),
        (
            "beside a scope",
            detailed(Some("read"), &json!([tool("other")])),
            "invalid_authorization_details",
        ),
        (
            "another server",
            detailed(
                Some("read"),
                &json!([{
                    "type": "mcp_tool", "server": uri(3), "tool": "get"
                }]),
            ),
            "invalid_authorization_details",
        ),
        (
            "another type",
            detailed(
                Some("read"),
                &json!([{
                    "type": "payment", "server": uri(2), "tool": "get"
                }]),
            ),
            "invalid_authorization_details",
        ),
        (
            "a member too many",
            detailed(
                Some("read"),
                &json!([{
                    "type": "mcp_tool", "server": uri(2), "tool": "get", "actions": ["x"]
                }]),
            ),
            "invalid_authorization_details",
        ),
        ("no list", detailed(Some("read"), &tool("get")), "invalid_authorization_details"),
        ("an empty list", detailed(None, &json!([])), "invalid_scope"),
        (
            "no JSON",
            Request { authorization_details: Some("[".into()), ..scoped(Some("read")) },
            "invalid_authorization_details",
        ),
    ] {
        let refused = world.ask(&asked).await.unwrap_err();
        assert_eq!(
            (refused.oauth_error(), refused.code()),
            (error, "authz.exchange.authority-exceeded"),
            "{what}"
        );
    }
}

#[tokio::test]
async fn x5_details_of_the_grant_are_narrowed_and_never_dropped() {
    let limited = |arguments: Value| {
        let mut limit = tool("get");
        limit["arguments"] = arguments;
        with(root(), "authorization_details", json!([limit]))
    };
    let wide = limited(json!({ "path": { "enum": ["/a", "/b", 3] } }));
    let ask = |root: &Value, details: Option<Value>| Request {
        authorization_details: details.map(|it| it.to_string()),
        ..first_of(root)
    };
    let world = world();
    let issued = world.ok(&ask(&wide, None)).await;
    assert_eq!(
        issued.authorization_details.unwrap()[0]["arguments"],
        json!({ "path": { "enum": ["/a", "/b", 3] } }),
        "who asks for nothing gets no more"
    );
    let narrowed = |arguments: Value| {
        let mut asked = tool("get");
        asked["arguments"] = arguments;
        Some(json!([asked]))
    };
    for good in [
        json!({ "path": { "enum": ["/a", "/b", 3] } }),
        json!({ "path": { "enum": ["/b"] } }),
        json!({ "path": { "const": 3 } }),
        json!({ "path": { "const": "/a" }, "more": { "const": 1 } }),
    ] {
        let issued = world.ok(&ask(&wide, narrowed(good.clone()))).await;
        assert_eq!(issued.authorization_details.unwrap()[0]["arguments"], good);
    }
    for (what, asked) in [
        ("one more", narrowed(json!({ "path": { "enum": ["/a", "/c"] } }))),
        ("another", narrowed(json!({ "path": { "const": "/c" } }))),
        ("another type", narrowed(json!({ "path": { "const": "3" } }))),
        ("another name", narrowed(json!({ "other": { "const": "/a" } }))),
        ("no constraint", Some(json!([tool("get")]))),
        ("another tool", {
            let mut other = tool("put");
            other["arguments"] = json!({ "path": { "const": 3 } });
            Some(json!([other]))
        }),
        (
            "one good, one bad",
            Some(json!([narrowed(json!({ "path": { "const": 3 } })).unwrap()[0], tool("get")])),
        ),
    ] {
        let error = world.ask(&ask(&wide, asked)).await.unwrap_err();
        assert_eq!(error.oauth_error(), "invalid_authorization_details", "{what}");
    }
    let only = limited(json!({ "path": { "const": "/a" } }));
    let back = narrowed(json!({ "path": { "enum": ["/a", "/b"] } }));
    assert_eq!(world.code(&ask(&only, back)).await, X5, "from `const` to `enum` is wider");
}

/// T5: a client that gathers scopes over a hundred calls; what is exchanged stays what a tool needs.
#[tokio::test]
async fn t5_scopes_that_pile_up_at_the_client_stay_there() {
    let scopes: Vec<String> = (0..100).map(|n| format!("s{n:02}")).collect();
    let names: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let mut servers = vec![server(1, &names), server(2, &names)];
    let tools = scopes.iter().map(|scope| (format!("tool-{scope}"), json!({ "scopes": [scope] })));
    servers[1]["tools"] = Value::Object(tools.collect());
    let same = scopes.iter().map(|scope| (scope.clone(), json!([scope])));
    let file = json!({
        "version": 1, "servers": servers, "edges": [edge(1, 2, &Value::Object(same.collect()))],
    });
    let world = world_of(&file, |_| ());
    for call in 0..100 {
        let held = scopes[..=call].join(" ");
        let need = &scopes[call];
        let mut asked = first_of(&with(root(), "scope", json!(held)));
        asked.scope = None;
        asked.authorization_details = Some(json!([tool(&format!("tool-{need}"))]).to_string());
        assert_eq!(world.ok(&asked).await.scope, *need);
    }
}

#[tokio::test]
async fn a_token_has_to_fit_a_header() {
    let long: Vec<String> = (0..60).map(|n| format!("{n:0100}")).collect();
    let names: Vec<&str> = long.iter().map(String::as_str).collect();
    let file = json!({
        "version": 1,
        "servers": [server(1, &["read", "write"]), server(2, &names)],
        "edges": [edge(1, 2, &json!({ "read": names }))],
    });
    let world = world_of(&file, |_| ());
    let ask = |count: usize| Request { scope: Some(long[..count].join(" ")), ..first() };
    let size = world.ok(&ask(30)).await.token.expose().len();
    let max = crate::limits::TOKEN_CHARS_MAX;
    // Each scope more takes 101 bytes, which are 134 or 135 characters of Base64url.
    let fits = 30 + (max - size) / 135;
    assert!(world.ok(&ask(fits)).await.token.expose().len() <= max);
    assert_eq!(world.code(&ask(fits + 2)).await, X5);
}
