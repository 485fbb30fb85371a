use policy::limits::{CHAIN_MAX, NAME_BYTES_MAX, SCOPES_MAX};
use policy::{Asked, Name, Policies, Reason, Request, RequestError, Subject};
use serde_json::{Value, json};

use super::{call, exchange, name, world};

fn written() -> Value {
    json!({
        "subject": {"type": "Principal", "id": "https://idp.a.test#alice", "properties": {"x": 1}},
        "action": {"name": "exchange"},
        "resource": {"type": "Edge", "id": "https://hop1.a.test/mcp -> https://hop2.a.test/mcp"},
        "context": {
            "agent": "https://sts.a.test#hop1", "depth": 1,
            "chain": ["https://sts.a.test#hop1", "https://idp.a.test#agent"],
            "requested": ["doc:get"], "allowed": ["doc:get", "doc:put"],
            "parent_bound": true, "child_bound": true, "auth_age_s": 120,
            "revoked": false, "destructive": false, "time": "now",
        },
    })
}

#[test]
fn a_request_is_read_from_json() {
    assert_eq!(Request::from_json(&written()).unwrap(), exchange());
    let mut of_call = written();
    of_call["action"]["name"] = json!("call_tool");
    of_call["resource"] = json!({"type": "Tool", "id": "https://hop2.a.test/mcp#get#all"});
    let read = Request::from_json(&of_call).unwrap();
    let asked =
        Asked::CallTool { server: "https://hop2.a.test/mcp".into(), tool: "get#all".into() };
    assert_eq!(read.asked, asked);
    of_call["action"]["name"] = json!("read_resource");
    of_call["resource"] = json!({"type": "Resource", "id": "https://hop2.a.test/mcp#file:///a#b"});
    let read = Request::from_json(&of_call).unwrap();
    let server = || "https://hop2.a.test/mcp".to_owned();
    assert_eq!(read.asked, Asked::ReadResource { server: server(), uri: "file:///a#b".into() });
    of_call["action"]["name"] = json!("get_prompt");
    assert!(Request::from_json(&of_call).is_err(), "a resource is no prompt");
    of_call["resource"] = json!({"type": "Prompt", "id": "https://hop2.a.test/mcp#p"});
    of_call["context"]["mapped"] = json!({
        "subject_type": "identity", "action": "a", "resource_type": "t", "resource_id": "i",
    });
    let read = Request::from_json(&of_call).unwrap();
    assert_eq!(read.asked, Asked::GetPrompt { server: server(), prompt: "p".into() });
    assert_eq!(read.facts.mapped.unwrap().resource_id, "i");
    of_call["context"]["mapped"] = json!({"action": "a"});
    assert!(Request::from_json(&of_call).is_err(), "half a mapping");
}

#[test]
fn each_fact_is_required() {
    let facts: Vec<String> = written()["context"].as_object().unwrap().keys().cloned().collect();
    for fact in facts.iter().filter(|fact| *fact != "time") {
        for broken in [None, Some(json!(null)), Some(json!({"a": 1}))] {
            let mut request = written();
            let context = request["context"].as_object_mut().unwrap();
            match broken {
                None => drop(context.remove(fact)),
                Some(value) => drop(context.insert(fact.clone(), value)),
            }
            let error = Request::from_json(&request).unwrap_err();
            assert_eq!(error.code(), "policy.request-context", "{fact}");
            assert!(error.to_string().contains(fact.as_str()), "{error}");
        }
    }
    for (fact, value) in [("depth", json!(-1)), ("auth_age_s", json!(1.5)), ("chain", json!(["x"]))]
    {
        let mut request = written();
        request["context"][fact] = value;
        assert!(Request::from_json(&request).is_err(), "{fact}");
    }
}

#[test]
fn a_request_without_its_parts_is_malformed_and_one_about_others_unknown() {
    for (place, code) in [
        ("/subject", "policy.request-form"),
        ("/subject/type", "policy.request-form"),
        ("/subject/id", "policy.request-form"),
        ("/action", "policy.request-form"),
        ("/action/name", "policy.request-form"),
        ("/resource", "policy.request-form"),
        ("/resource/id", "policy.request-form"),
        ("/context", "policy.request-form"),
    ] {
        let mut request = written();
        *request.pointer_mut(place).unwrap() = json!(7);
        assert_eq!(Request::from_json(&request).unwrap_err().code(), code, "{place}");
    }
    for (place, other) in [
        ("/subject/type", "user"),
        ("/action/name", "can_read"),
        ("/resource/type", "Server"),
        ("/resource/type", "Tool"),
    ] {
        let mut request = written();
        *request.pointer_mut(place).unwrap() = json!(other);
        let error = Request::from_json(&request).unwrap_err();
        assert!(matches!(error, RequestError::Unknown { .. }), "{place}: {error}");
    }
}

#[test]
fn names_cannot_be_mistaken_for_others() {
    assert!(Name::new("https://a.test#b", "c").is_err(), "else it were (a.test, b#c)");
    assert!(Name::new("", "c").is_err());
    assert!(Name::new("https://a.test", "").is_err());
    assert_eq!(name("https://a.test#b#c"), Name::new("https://a.test", "b#c").unwrap());
}

#[test]
fn a_request_has_bounds() {
    let policies = Policies::built_in().unwrap();
    let world = world();
    let decide = |change: &dyn Fn(&mut Request)| {
        let mut request = call();
        change(&mut request);
        policies.decide(&world, &request).code()
    };
    let scopes = |count: usize| (0..count).map(|n| format!("s{n}"));
    assert_eq!(decide(&|r| r.facts.requested = scopes(SCOPES_MAX).collect()), None);
    let over = Some("policy.request-size");
    assert_eq!(decide(&|r| r.facts.requested = scopes(SCOPES_MAX + 1).collect()), over);
    assert_eq!(decide(&|r| r.facts.allowed = scopes(SCOPES_MAX + 1).collect()), over);
    let agents = |count: usize| (0..count).map(|n| name(&format!("https://a.test#{n}")));
    assert_eq!(decide(&|r| r.facts.chain = agents(CHAIN_MAX).collect()), None);
    assert_eq!(decide(&|r| r.facts.chain = agents(CHAIN_MAX + 1).collect()), over);
    let long = |bytes: usize| Name::new("i", &"n".repeat(bytes - 1)).unwrap();
    let subject = |bytes| Subject::Principal(long(bytes));
    assert_eq!(decide(&|r| r.subject = subject(NAME_BYTES_MAX)), None);
    assert_eq!(decide(&|r| r.subject = subject(NAME_BYTES_MAX + 1)), over);
    assert_eq!(decide(&|r| r.facts.agent = long(NAME_BYTES_MAX + 1)), over);
    let scope = |bytes| std::iter::once("s".repeat(bytes)).collect();
    assert_eq!(decide(&|r| r.facts.requested = scope(NAME_BYTES_MAX)), None);
    assert_eq!(decide(&|r| r.facts.requested = scope(NAME_BYTES_MAX + 1)), over);
    let tool = |bytes: usize| Asked::CallTool { server: "s".into(), tool: "t".repeat(bytes - 1) };
    let unknown = Some("policy.failed");
    assert_eq!(decide(&|r| r.asked = tool(NAME_BYTES_MAX)), unknown);
    assert_eq!(decide(&|r| r.asked = tool(NAME_BYTES_MAX + 1)), over);
}

#[test]
fn a_refused_request_is_denied_with_its_code() {
    let mut request = exchange();
    request.facts.chain = vec![request.facts.agent.clone(); CHAIN_MAX + 1];
    let verdict = Policies::built_in().unwrap().decide(&world(), &request);
    assert!(matches!(verdict.reason, Reason::Refused { code: "policy.request-size", .. }));
    assert!(!verdict.is_allowed());
}
