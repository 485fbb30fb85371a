#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::needless_pass_by_value)]

use serde_json::json;
use surface::Era;

use super::*;
use crate::limits;
use crate::resource::protection::tests::protection;
use crate::token::Access;
use crate::token::tests::fixture::{NOW_S, STRICT, claims, token};

fn access(protection: &Protection, scopes: &[&str]) -> Access {
    let access = protection.verifier.verify(&token(STRICT, &claims(STRICT)), NOW_S).unwrap();
    Access { scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(), ..access }
}

fn surface(tools: &[Value]) -> Surface {
    let mut surface = Surface::empty(Era::Modern);
    for tool in tools {
        let name = tool["name"].as_str().unwrap();
        surface.items.insert(Place::new(Kind::Tool, name), tool.clone());
    }
    surface
}

/// Calls the tool `a`, pinned as `tool`, with a token of `scopes`.
fn call(protection: &Protection, tool: &Value, scopes: &[&str]) -> Result<(), Box<Forbidden>> {
    call_with(protection, tool, scopes, r#"{"name":"a","arguments":{}}"#)
}

fn call_with(
    protection: &Protection,
    tool: &Value,
    scopes: &[&str],
    params: &str,
) -> Result<(), Box<Forbidden>> {
    let pinned = protection.pinned(&surface(std::slice::from_ref(tool))).unwrap();
    let document = wire::Document::parse(params.as_bytes(), &wire::Policy::default()).unwrap();
    let subject = Subject::Tool("a".into());
    let places = [Place::new(Kind::Tool, "a")];
    let call = Call { subject: &subject, places: &places, params: Some(document.root()) };
    protection.permit(&pinned, &access(protection, scopes), &call)
}

fn tool(more: Value) -> Value {
    let mut tool = json!({"name": "a", "inputSchema": {"type": "object"}});
    tool.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    tool
}

fn asks(scopes: &[&str]) -> Value {
    tool(json!({"securitySchemes": [{"type": "oauth2", "scopes": scopes}]}))
}

fn policed(policy: &str) -> Protection {
    let default = policy::Source { name: "default.cedar", text: policy::DEFAULT };
    let own = policy::Source { name: "own.cedar", text: policy };
    let policies = Policies::parse(&[default, own]).unwrap();
    Protection { policing: Some(Policing { policies, edges: None }), ..protection() }
}

#[test]
fn a_call_needs_the_scopes_that_the_pinned_tool_names_beside_those_of_every_request() {
    let all = protection();
    let refused = |tool: &Value, scopes: &[&str]| call(&all, tool, scopes).unwrap_err().refused;
    assert!(call(&all, &asks(&["w"]), &["files:read", "w", "x"]).is_ok());
    let lacks = refused(&asks(&["w", "v"]), &["files:read", "w"]);
    assert_eq!((lacks.status.as_u16(), lacks.code), (403, "authz.guard.scope-missing"));
    assert!(lacks.sentence.ends_with("needs: `v`"), "{}", lacks.sentence);
    let place = "https://hop1.a.test/.well-known/oauth-protected-resource/mcp";
    let expected = format!(
        r#"Bearer error="insufficient_scope", scope="files:read v w", resource_metadata="{place}""#
    );
    assert_eq!(lacks.challenge, Some(expected), "all that the call needs, and no more");
    // Without a scheme, or with `noauth`, what every request needs is needed.
    for open in [tool(json!({})), tool(json!({"securitySchemes": [{"type": "noauth"}]}))] {
        assert!(call(&all, &open, &["files:read"]).is_ok(), "{open}");
        assert_eq!(refused(&open, &[]).code, "authz.guard.scope-missing", "{open}");
    }
    let meta = tool(json!({"_meta": {"securitySchemes": [{"type": "oauth2", "scopes": ["w"]}]}}));
    assert_eq!(refused(&meta, &["files:read"]).code, "authz.guard.scope-missing");
    assert!(call(&all, &meta, &["files:read", "w"]).is_ok());
}

#[test]
fn any_one_scheme_lets_in_and_the_challenge_names_the_nearest() {
    let all = protection();
    let ways = tool(json!({"securitySchemes": [
        {"type": "oauth2", "scopes": ["admin", "audit"]}, {"type": "oauth2", "scopes": ["w"]},
    ]}));
    assert!(call(&all, &ways, &["files:read", "w"]).is_ok());
    assert!(call(&all, &ways, &["files:read", "admin", "audit"]).is_ok());
    let refused =
        |scopes: &[&str]| call(&all, &ways, scopes).unwrap_err().refused.challenge.unwrap();
    assert!(refused(&["files:read"]).contains(r#"scope="files:read w""#));
    let nearer = refused(&["files:read", "audit"]);
    assert!(nearer.contains(r#"scope="admin audit files:read""#), "{nearer}");
}

#[test]
fn what_nobody_pinned_is_refused_and_a_resource_needs_what_every_request_needs() {
    let all = protection();
    let pinned = all.pinned(&surface(&[])).unwrap();
    let (few, none) = (access(&all, &["files:read"]), access(&all, &[]));
    let permit = |access: &Access, subject: &Subject<'_>| {
        let call = Call { subject, places: &[], params: None };
        all.permit(&pinned, access, &call).map_err(|forbidden| forbidden.refused.code)
    };
    for unknown in [Subject::Tool("a".into()), Subject::Prompt("a".into())] {
        assert_eq!(permit(&few, &unknown), Err("authz.guard.scope-missing"), "{unknown:?}");
    }
    let resource = Subject::Resource("file:///a".into());
    assert_eq!(permit(&few, &resource), Ok(()));
    assert_eq!(permit(&none, &resource), Err("authz.guard.scope-missing"));
}

#[test]
fn schemes_that_are_not_understood_whole_are_refused_with_their_place() {
    let all = protection();
    let many = |count| vec![json!({"type": "oauth2"}); count];
    assert!(
        all.pinned(&surface(&[tool(json!({"securitySchemes": many(limits::SCHEMES_MAX)}))]))
            .is_ok()
    );
    for (more, place) in [
        (json!({"securitySchemes": []}), "tools/a/securitySchemes"),
        (json!({"securitySchemes": {}}), "tools/a/securitySchemes"),
        (json!({"securitySchemes": many(limits::SCHEMES_MAX + 1)}), "tools/a/securitySchemes"),
        (json!({"securitySchemes": [1]}), "tools/a/securitySchemes/0"),
        (json!({"securitySchemes": [{"type": "apiKey"}]}), "tools/a/securitySchemes/0/type"),
        (json!({"securitySchemes": [{"scopes": ["a"]}]}), "tools/a/securitySchemes/0/type"),
        (
            json!({"securitySchemes": [{"type": "noauth"}, {"type": "noauth", "scopes": []}]}),
            "tools/a/securitySchemes/1/scopes",
        ),
        (
            json!({"securitySchemes": [{"type": "oauth2", "scopes": "a"}]}),
            "tools/a/securitySchemes/0/scopes",
        ),
        (
            json!({"securitySchemes": [{"type": "oauth2", "scopes": ["a b"]}]}),
            "tools/a/securitySchemes/0/scopes",
        ),
        (
            json!({"securitySchemes": [{"type": "oauth2", "scopes": ["a"], "audience": "x"}]}),
            "tools/a/securitySchemes/0",
        ),
        (json!({"_meta": {"securitySchemes": []}}), "tools/a/_meta/securitySchemes"),
        (
            json!({"securitySchemes": [{"type": "oauth2", "scopes": ["a"]}],
            "_meta": {"securitySchemes": [{"type": "noauth"}]}}),
            "tools/a/securitySchemes",
        ),
    ] {
        let error = all.pinned(&surface(&[tool(more.clone())])).unwrap_err();
        assert_eq!(
            (error.place.as_str(), error.code()),
            (place, "authz.guard.pin-malformed"),
            "{more}"
        );
        assert!(!error.fix.is_empty());
    }
}

const FORBIDS: &str = r#"
@id("no-destruction-without-proof") forbid (principal, action == Action::"call_tool", resource)
  when { context.destructive && !context.parent_bound };
@id("not-the-king") forbid (principal, action, resource)
  when { context has mapped && context.mapped.resource_id == "king" };
@id("not-the-keys") forbid (principal, action == Action::"read_resource", resource)
  when { context.item == "file:///keys" };"#;

#[test]
fn policy_decides_after_the_scopes_and_its_name_is_for_the_record_alone() {
    let all = policed(FORBIDS);
    let safe = tool(json!({"annotations": {"destructiveHint": false}}));
    assert!(call(&all, &safe, &["files:read"]).is_ok());
    assert!(
        call(&all, &tool(json!({"annotations": {"readOnlyHint": true}})), &["files:read"]).is_ok()
    );
    let denied = call(&all, &tool(json!({})), &["files:read"]).unwrap_err();
    assert_eq!(
        (denied.refused.status.as_u16(), denied.refused.code),
        (403, "authz.guard.policy-denied")
    );
    assert!(denied.why.contains("no-destruction-without-proof"), "{}", denied.why);
    assert!(denied.why.contains("policy.forbidden"), "{}", denied.why);
    assert!(!denied.refused.sentence.contains("no-destruction"), "{}", denied.refused.sentence);
    assert_eq!(denied.refused.challenge, None, "no scope would help");
    let first = call(&all, &tool(json!({})), &[]).unwrap_err();
    assert_eq!(first.refused.code, "authz.guard.scope-missing", "policy is not asked before");
    let pinned = all.pinned(&surface(&[])).unwrap();
    let read = |uri: &str| {
        let subject = Subject::Resource(uri.into());
        let call = Call { subject: &subject, places: &[], params: None };
        all.permit(&pinned, &access(&all, &["files:read"]), &call).map_err(|denied| denied.why)
    };
    assert_eq!(read("file:///a"), Ok(()));
    assert!(read("file:///keys").unwrap_err().contains("not-the-keys"));
}

#[test]
fn a_policy_that_errs_denies_a_call() {
    let all = policed(
        r#"@id("overflows") forbid (principal, action, resource)
             when { context.depth - 9223372036854775807 - 2 > 0 };"#,
    );
    let denied = call(&all, &tool(json!({})), &["files:read"]).unwrap_err();
    assert_eq!(denied.refused.code, "authz.guard.policy-denied");
    assert!(
        denied.why.contains("overflows") && denied.why.contains("policy.failed"),
        "{}",
        denied.why
    );
}

fn mapped(mapping: Value) -> Value {
    tool(json!({
        "annotations": {"destructiveHint": false},
        "inputSchema": {"type": "object", "x-authzen-mapping": mapping},
    }))
}

#[test]
fn the_pinned_mapping_says_what_policy_is_asked() {
    let all = policed(FORBIDS);
    let single = mapped(json!({"evaluation": {
        "subject": {"type": "identity", "id": "$token.sub"},
        "action": {"name": "get"},
        "resource": {"type": "customer", "id": "$params.arguments.id"},
        "context": {"agent": "$token.?client_id"},
    }}));
    let several = mapped(json!({"evaluations": {
        "action": {"name": "copy"},
        "evaluations": [
            {"resource": {"type": "object", "id": "$params.arguments.from"}},
            {"resource": {"type": "object", "id": "$params.arguments.to"}, "action": {"name": "w"}},
        ],
    }}));
    let code = |tool: &Value, arguments: Value| {
        let params = json!({"name": "a", "arguments": arguments}).to_string();
        call_with(&all, tool, &["files:read"], &params).map_err(|denied| denied.refused.code)
    };
    assert_eq!(code(&single, json!({"id": "queen"})), Ok(()));
    assert_eq!(code(&single, json!({"id": 7})), Ok(()));
    assert_eq!(code(&single, json!({"id": "king"})), Err("authz.guard.policy-denied"));
    assert_eq!(code(&several, json!({"from": "a", "to": "b"})), Ok(()));
    assert_eq!(
        code(&several, json!({"from": "a", "to": "king"})),
        Err("authz.guard.policy-denied")
    );
    assert_eq!(
        code(&several, json!({"from": "king", "to": "b"})),
        Err("authz.guard.policy-denied")
    );
    for broken in [
        json!({}),
        json!({"id": null}),
        json!({"id": ["king"]}),
        json!({"id": ""}),
        json!({"id": "queen", "ID": "king"}),
    ] {
        assert_eq!(code(&single, broken.clone()), Err("authz.guard.mapping-failed"), "{broken}");
    }
}

#[test]
fn a_mapping_that_is_not_followed_whole_is_refused_where_policy_is_asked() {
    let all = policed("");
    let ok = json!({"action": {"name": "a"}, "resource": {"type": "t", "id": "$$5"}});
    let but = |member: &str, value: Value| {
        let mut body = ok.clone();
        body[member] = value;
        json!({"evaluation": body})
    };
    assert!(all.pinned(&surface(&[mapped(json!({"evaluation": ok.clone()}))])).is_ok());
    let entry = json!({"subject": {"id": "$token.sub"}, "action": {"name": "a"},
        "resource": {"type": "t", "id": "i"}});
    let many = |count: usize| json!({"evaluations": {"evaluations": vec![ok.clone(); count]}});
    assert!(all.pinned(&surface(&[mapped(many(limits::QUESTIONS_MAX))])).is_ok());
    for (mapping, place) in [
        (json!({}), ""),
        (json!({"evaluation": ok.clone(), "evaluations": {}}), ""),
        (json!({"question": ok.clone()}), "/question"),
        (json!({"evaluation": {"action": {"name": "a"}}}), "/evaluation/resource"),
        (but("options", json!({})), "/evaluation"),
        (but("subject", json!({"id": "$params.arguments.who"})), "/evaluation/subject/id"),
        (but("subject", json!({"id": "root"})), "/evaluation/subject/id"),
        (but("action", json!({"name": "$params.x == 1 ? 'a' : 'b'"})), "/evaluation/action/name"),
        (but("action", json!({"name": "$token.roles"})), "/evaluation/action/name"),
        (but("action", json!({"name": ""})), "/evaluation/action/name"),
        (but("resource", json!({"type": "t", "id": "$params"})), "/evaluation/resource/id"),
        (but("resource", json!({"type": "t", "id": 5})), "/evaluation/resource/id"),
        (many(0), "/evaluations/evaluations"),
        (many(limits::QUESTIONS_MAX + 1), "/evaluations/evaluations"),
        (json!({"evaluations": {"evaluations": [entry]}}), "/evaluations/evaluations/0"),
    ] {
        let tool = mapped(mapping.clone());
        let error = all.pinned(&surface(std::slice::from_ref(&tool))).unwrap_err();
        assert_eq!(error.place, format!("tools/a/x-authzen-mapping{place}"), "{mapping}");
        assert!(protection().pinned(&surface(&[tool])).is_ok(), "no policy asks: {mapping}");
    }
}
