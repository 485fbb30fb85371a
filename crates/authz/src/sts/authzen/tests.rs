use axum::body::to_bytes;
use http::Method;
use tower::ServiceExt as _;

use super::*;
use crate::exchange::engine::tests::engine;
use crate::limits::{EVALUATION_DEPTH_MAX, EVALUATIONS_MAX};

const NAME: &str = "https://sts.a.test/pdp";

fn point() -> Router {
    let engine: Arc<dyn Decide> = Arc::new(engine());
    router(Arc::new(move || Arc::clone(&engine)), NAME, "k-1".into())
}

/// Asks by `POST` and gives the status and the body as JSON.
async fn ask(path: &str, body: String) -> (StatusCode, Value) {
    let request = Request::post(format!("/pdp/access/v1/{path}"))
        .header(AUTHORIZATION, "Bearer k-1")
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .unwrap();
    told(point().oneshot(request).await.unwrap()).await
}

async fn told(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

/// A call that is allowed.
fn call() -> Value {
    json!({
        "subject": {"type": "Principal", "id": "https://idp.a.test#alice"},
        "action": {"name": "call_tool"},
        "resource": {"type": "Tool", "id": "https://hop2.a.test/mcp#get"},
        "context": {
            "agent": "https://sts.a.test#hop1", "depth": 1,
            "chain": ["https://sts.a.test#hop1", "https://idp.a.test#agent"],
            "requested": ["doc:get"], "allowed": ["doc:get"], "parent_bound": true,
            "child_bound": true, "auth_age_s": 60, "revoked": false, "destructive": false,
        },
    })
}

fn decisions(answer: &Value) -> Vec<bool> {
    let listed = answer["evaluations"].as_array().unwrap().iter();
    listed.map(|decision| decision["decision"].as_bool().unwrap()).collect()
}

#[tokio::test]
async fn an_evaluation_is_decided_with_its_reason() {
    let (status, answer) = ask("evaluation", call().to_string()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["decision"], true);
    assert_eq!(answer["context"]["policies"], json!(["call-with-the-tools-scopes"]));
    let mut denied = call();
    denied["context"]["revoked"] = json!(true);
    let (status, answer) = ask("evaluation", denied.to_string()).await;
    assert_eq!((status, &answer["decision"]), (StatusCode::OK, &json!(false)));
    assert_eq!(answer["context"]["code"], "policy.forbidden");
    assert_eq!(answer["context"]["policies"], json!(["nothing-after-revocation"]));
}

#[tokio::test]
async fn the_specifications_own_examples_are_answered_and_denied() {
    let user = json!({"type": "user", "id": "alice@acmecorp.com"});
    let time = json!({"time": "1985-10-26T01:22-07:00"});
    let single = json!({
        "subject": user, "resource": {"type": "account", "id": "123"},
        "action": {"name": "can_read", "properties": {"method": "GET"}}, "context": time,
    });
    let (status, answer) = ask("evaluation", single.to_string()).await;
    assert_eq!((status, &answer["decision"]), (StatusCode::OK, &json!(false)));
    assert_eq!(answer["context"]["code"], "policy.request-unknown");
    let document = |id: &str| json!({"resource": {"type": "document", "id": id}});
    let mut edits = document("resource-search.md");
    edits["action"] = json!({"name": "can_edit"});
    let several = json!({
        "subject": user, "context": time, "action": {"name": "can_read"},
        "evaluations": [document("boxcarring.md"), document("subject-search.md"), edits],
        "options": {"another_option": "value"},
    });
    let (status, answer) = ask("evaluations", several.to_string()).await;
    assert_eq!((status, decisions(&answer)), (StatusCode::OK, vec![false; 3]));
    assert_eq!(answer["evaluations"][2]["context"]["error"]["status"], 404);
    assert_eq!(answer.get("decision"), None);
    let (status, answer) = ask("evaluations", single.to_string()).await;
    assert_eq!((status, &answer["decision"]), (StatusCode::OK, &json!(false)), "without a list");
}

#[tokio::test]
async fn evaluations_share_what_they_do_not_say_and_end_as_asked() {
    let tool = |name: &str| json!({"resource": {"type": "Tool", "id": format!("https://hop2.a.test/mcp#{name}")}});
    let mut several = call();
    several["evaluations"] = json!([tool("get"), tool("rm"), tool("get"), {"context": 7}]);
    for (semantic, expected) in [
        (json!({}), vec![true, false, true, false]),
        (json!({"evaluations_semantic": "execute_all"}), vec![true, false, true, false]),
        (json!({"evaluations_semantic": "deny_on_first_deny"}), vec![true, false]),
        (json!({"evaluations_semantic": "permit_on_first_permit"}), vec![true]),
    ] {
        several["options"] = semantic;
        let (status, answer) = ask("evaluations", several.to_string()).await;
        assert_eq!((status, decisions(&answer)), (StatusCode::OK, expected));
    }
    several["evaluations"] = json!([]);
    let (_, answer) = ask("evaluations", several.to_string()).await;
    assert_eq!(answer["decision"], true, "an empty list is a single evaluation");
}

#[tokio::test]
async fn what_is_no_evaluation_is_refused_whole() {
    let without = |member: &str| {
        let mut body = call();
        body.as_object_mut().unwrap().remove(member);
        body.to_string()
    };
    let twice = call().to_string().replacen('{', "{\"action\":{\"name\":\"exchange\"},", 1);
    for (path, body) in [
        ("evaluation", without("subject")),
        ("evaluation", without("action")),
        ("evaluations", without("resource")),
        ("evaluation", twice),
        ("evaluation", "[]".to_owned()),
        ("evaluation", "{".to_owned()),
        ("evaluations", json!({"evaluations": {}}).to_string()),
        ("evaluations", json!({"evaluations": [7]}).to_string()),
        ("evaluations", json!({"evaluations": [], "options": 7}).to_string()),
        ("evaluations", json!({"options": {"evaluations_semantic": "any"}}).to_string()),
        ("evaluations", json!({"options": {"evaluations_semantic": null}}).to_string()),
    ] {
        let (status, message) = ask(path, body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(
            message.as_str().unwrap().ends_with("[authz.authzen.request-malformed]"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn bodies_have_bounds() {
    let many = |count| {
        let mut body = call();
        body["evaluations"] = vec![json!({}); count].into();
        body.to_string()
    };
    let (status, answer) = ask("evaluations", many(EVALUATIONS_MAX)).await;
    assert_eq!((status, decisions(&answer).len()), (StatusCode::OK, EVALUATIONS_MAX));
    let (status, message) = ask("evaluations", many(EVALUATIONS_MAX + 1)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(message.as_str().unwrap().ends_with("[authz.authzen.too-many]"), "{message}");
    let padded = |bytes: usize| {
        let body = call().to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    assert_eq!(ask("evaluation", padded(EVALUATIONS_BYTES_MAX)).await.0, StatusCode::OK);
    let (status, _) = ask("evaluation", padded(EVALUATIONS_BYTES_MAX + 1)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let deep = |depth: usize| {
        let nested = format!("{}{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        call().to_string().replacen('{', &format!("{{\"x\":{nested},"), 1)
    };
    assert_eq!(ask("evaluation", deep(EVALUATION_DEPTH_MAX)).await.0, StatusCode::OK);
    let (status, _) = ask("evaluation", deep(EVALUATION_DEPTH_MAX + 1)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nobody_asks_without_the_key_and_identifiers_come_back() {
    let with = |key: Option<&str>, kind: &str, id: usize| {
        let mut request = Request::post("/pdp/access/v1/evaluation")
            .header(CONTENT_TYPE, kind)
            .header("x-request-id", "i".repeat(id));
        if let Some(key) = key {
            request = request.header(AUTHORIZATION, key);
        }
        let request = request.body(Body::from(call().to_string())).unwrap();
        async { point().oneshot(request).await.unwrap() }
    };
    for key in [None, Some("Bearer k-2"), Some("Bearer k-"), Some("Basic k-1"), Some("k-1")] {
        let response = with(key, "application/json", 1).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{key:?}");
        assert_eq!(response.headers()[WWW_AUTHENTICATE], format!("Bearer realm=\"{NAME}\""));
        let (_, message) = told(response).await;
        assert!(!message.to_string().contains("k-"), "{message}");
    }
    let ok =
        with(Some("bearer k-1"), "application/json; charset=utf-8", REQUEST_ID_BYTES_MAX).await;
    assert_eq!(ok.status(), StatusCode::OK);
    assert_eq!(ok.headers()["x-request-id"].len(), REQUEST_ID_BYTES_MAX);
    let long = with(Some("Bearer k-1"), "application/json", REQUEST_ID_BYTES_MAX + 1).await;
    assert_eq!(long.status(), StatusCode::BAD_REQUEST);
    let form = with(Some("Bearer k-1"), "text/plain", 1).await;
    assert_eq!(form.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_metadata_names_itself_and_what_there_is() {
    let request = Request::builder()
        .method(Method::GET)
        .uri("/.well-known/authzen-configuration/pdp")
        .body(Body::empty())
        .unwrap();
    let (status, metadata) = told(point().oneshot(request).await.unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(metadata["policy_decision_point"], NAME);
    assert_eq!(metadata["access_evaluation_endpoint"], format!("{NAME}/access/v1/evaluation"));
    assert_eq!(metadata["access_evaluations_endpoint"], format!("{NAME}/access/v1/evaluations"));
    assert_eq!(metadata.as_object().unwrap().len(), 3, "no search is promised");
}

#[test]
fn each_code_stands_in_the_table_once() {
    let source = include_str!("../authzen.rs");
    for (code, meaning) in CODES {
        assert_eq!(source.matches(&format!("\"{code}\"")).count(), 1, "{code}");
        assert!(meaning.ends_with('.'), "{code}");
    }
}
