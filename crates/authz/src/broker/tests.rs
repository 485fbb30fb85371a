//! The broker before issuers of its own, which answer as each test needs.

#![allow(clippy::unwrap_used, clippy::panic)]

mod routes;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::cache::{Cache, Key, Slot, Who};
use super::*;
use crate::net::System;
use crate::token::scope;

const NOW_S: u64 = 1_800_000_000;
const RESOURCE: &str = "https://hop2.a.test/mcp";

/// An authorization server on loopback, which answers as `answer` makes it of the form.
struct Issuer {
    url: String,
    asked: Arc<AtomicUsize>,
}

type Form = HashMap<String, String>;

impl Issuer {
    async fn start(
        more: Value,
        answer: impl Fn(&Form) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut metadata = json!({ "issuer": url, "token_endpoint": format!("{url}/token") });
        metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, answer) = (Arc::clone(&asked), Arc::new(answer));
        let token = move |body: String| {
            count.fetch_add(1, Ordering::Relaxed);
            let form: Form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            let (status, body) = answer(&form);
            async move {
                // Time for others to come too.
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                (StatusCode::from_u16(status).unwrap(), body.to_string())
            }
        };
        let router = Router::new()
            .route(
                "/.well-known/oauth-authorization-server",
                get(|| async move { metadata.to_string() }),
            )
            .route("/token", post(token));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked }
    }

    fn broker(&self, more: &str) -> Arc<Broker> {
        let text = format!(
            "resource = \"{RESOURCE}\"\nloopback = true\n[caller]\nroute = \"exchange\"\nissuer = \"{}\"\n{more}\n[caller.client]\nid = \"hop1\"\n",
            self.url
        );
        broker(&text)
    }
}

fn broker(text: &str) -> Arc<Broker> {
    let config = config::Config::parse(text, Path::new("")).unwrap();
    Arc::new(Broker::new(config, Arc::new(System), Box::new(|_| {}), || NOW_S).unwrap())
}

fn person(iss: &str, sub: &str, client: &str, token: &str) -> Caller {
    Caller::Person(Arc::new(Person {
        subject: Subject { iss: iss.to_owned(), sub: sub.to_owned() },
        client_id: client.to_owned(),
        scopes: BTreeSet::from(["read".to_owned()]),
        expires_s: NOW_S + 300,
        token: token.into(),
        proof: None,
    }))
}

/// What a request shows.
async fn shown(broker: &Arc<Broker>, caller: &Caller) -> Result<String, Refused> {
    let headers = broker.turn(caller.clone()).headers("POST", RESOURCE).await?;
    Ok(headers["authorization"].to_str().unwrap().to_owned())
}

fn issued(token: &str) -> Value {
    json!({
        "access_token": token, "token_type": "Bearer", "expires_in": 300,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    })
}

/// Everyone who differs from another in one name alone.
fn everyone() -> Vec<(Caller, String)> {
    let mut all = Vec::new();
    for iss in ["https://a.test", "https://b.test"] {
        for sub in ["alice", "bob"] {
            for client in ["agent", "other"] {
                for _ in 0..2 {
                    let token = format!("{sub}-{client}-{}", all.len());
                    all.push((person(iss, sub, client, &token), token));
                }
            }
        }
    }
    all
}

#[test]
fn no_token_is_ever_shown_for_another_caller() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let strategy = proptest::collection::vec(0..16_usize, 64);
    let config = ProptestConfig { cases: 12, ..ProptestConfig::default() };
    proptest!(config, |(order in strategy)| {
        runtime.block_on(async {
            let issuer = Issuer::start(json!({}), |form| (200, issued(&form["subject_token"]))).await;
            let (broker, everyone) = (issuer.broker(""), everyone());
            let calls: Vec<_> = order.iter().map(|at| {
                let (broker, (caller, token)) = (Arc::clone(&broker), everyone[*at].clone());
                tokio::spawn(async move {
                    for _ in 0..3 {
                        let shown = shown(&broker, &caller).await.unwrap();
                        assert_eq!(shown, format!("Bearer {token}"));
                    }
                })
            }).collect();
            for call in calls {
                call.await.unwrap();
            }
            // Of many who want one token, one asks.
            let different = order.iter().collect::<BTreeSet<_>>().len();
            assert_eq!(issuer.asked.load(Ordering::Relaxed), different);
        });
    });
}

#[tokio::test]
async fn what_was_not_asked_for_is_not_used() {
    let jwt = |claims: Value| {
        use base64::Engine as _;
        let part = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part("{}".to_owned()), part(claims.to_string()), part("s".to_owned()))
    };
    let with = |name: &str, value: Value| {
        let mut body = issued("t");
        body[name] = value;
        body
    };
    let two = jwt(json!({ "aud": [RESOURCE, "https://hop3.a.test/mcp"] }));
    let other = jwt(json!({ "aud": "https://hop3.a.test/mcp" }));
    let right = jwt(json!({ "aud": RESOURCE }));
    for (what, body, code) in [
        ("another type", with("token_type", json!("mac")), "type-other"),
        ("DPoP without a proof", with("token_type", json!("DPoP")), "type-other"),
        ("no access token", with("issued_token_type", json!("id_token")), "type-other"),
        ("two audiences", with("access_token", json!(two)), "audience-wider"),
        ("another audience", with("access_token", json!(other)), "audience-wider"),
        ("more scopes", with("scope", json!("doc:get doc:put")), "scope-wider"),
        ("a life that is none", with("expires_in", json!("300")), "answer-malformed"),
        ("no token", with("access_token", Value::Null), "answer-malformed"),
        ("a token that no header carries", with("access_token", json!("a\nb")), "answer-malformed"),
        ("right", with("access_token", json!(right)), ""),
        ("fewer scopes", with("scope", json!("doc:get")), ""),
    ] {
        let issuer = Issuer::start(json!({}), move |_| (200, body.clone())).await;
        let broker = issuer.broker("scopes = [\"doc:get\"]");
        let caller = person("https://a.test", "alice", "agent", "t");
        let code_of =
            |refused: Refused| refused.code().trim_start_matches("authz.outbound.").to_owned();
        let found = shown(&broker, &caller).await.map_or_else(code_of, |_| String::new());
        assert_eq!(found, code, "{what}");
    }
}

#[tokio::test]
async fn a_bound_token_is_asked_for_where_it_is_offered_and_nothing_less_is_taken() {
    let offers = json!({ "dpop_signing_alg_values_supported": ["ES256"] });
    let issuer = Issuer::start(offers.clone(), |_| (200, issued("t"))).await;
    let caller = person("https://a.test", "alice", "agent", "t");
    let refused = shown(&issuer.broker(""), &caller).await.unwrap_err();
    assert_eq!(refused.code(), "authz.outbound.binding-lost");
    assert!(shown(&issuer.broker("dpop = \"never\""), &caller).await.is_ok());
    let silent = Issuer::start(json!({}), |_| (200, issued("t"))).await;
    let refused = shown(&silent.broker("dpop = \"required\""), &caller).await.unwrap_err();
    assert_eq!(refused.code(), "authz.outbound.binding-lost");
    let rsa = json!({ "dpop_signing_alg_values_supported": ["RS256"] });
    let rsa = Issuer::start(rsa, |_| (200, issued("t"))).await;
    let refused = shown(&rsa.broker("dpop = \"required\""), &caller).await.unwrap_err();
    assert_eq!(refused.code(), "authz.outbound.discovery");
}

#[tokio::test]
async fn a_refusal_costs_the_issuer_one_request_and_never_becomes_another_way() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let issuer = Issuer::start(json!({}), move |form| {
        kept.lock().unwrap().push(form["grant_type"].clone());
        (400, json!({ "error": "invalid_grant", "error_description": "canary" }))
    });
    let issuer = issuer.await;
    let broker = issuer.broker("");
    let caller = person("https://a.test", "alice", "agent", "t");
    for _ in 0..5 {
        let refused = shown(&broker, &caller).await.unwrap_err();
        assert_eq!(refused.code(), "authz.outbound.denied");
        assert!(refused.to_string().contains("invalid_grant"), "{refused}");
        assert!(!refused.to_string().contains("canary"), "{refused}");
    }
    assert_eq!(*seen.lock().unwrap(), ["urn:ietf:params:oauth:grant-type:token-exchange"]);
}

#[tokio::test]
async fn metadata_of_another_issuer_are_used_for_nothing() {
    let foreign = json!({ "issuer": "https://other.a.test" });
    let issuer = Issuer::start(foreign, |_| (200, issued("t"))).await;
    let caller = person("https://a.test", "alice", "agent", "t");
    let refused = shown(&issuer.broker(""), &caller).await.unwrap_err();
    assert_eq!(refused.code(), "authz.outbound.issuer-mismatch");
    assert_eq!(issuer.asked.load(Ordering::Relaxed), 0, "no credential went there");
}

#[tokio::test]
async fn a_challenge_leads_to_no_address_of_ours() {
    let issuer = Issuer::start(json!({}), |_| (200, issued("t"))).await;
    let broker = broker(&format!("resource = \"{RESOURCE}\"\n[service]\nroute = \"sign-in\"\n"));
    for url in [
        format!("{}/.well-known/oauth-authorization-server", issuer.url),
        "https://169.254.169.254/latest".to_owned(),
        "https://[::ffff:127.0.0.1]/x".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let mut headers = HeaderMap::new();
        let challenge = format!("Bearer resource_metadata=\"{url}\"");
        headers.insert("www-authenticate", challenge.parse().unwrap());
        let mut turn = broker.turn(Caller::Service);
        assert!(turn.headers("POST", RESOURCE).await.unwrap().is_empty());
        let refused = turn.again(StatusCode::UNAUTHORIZED, &headers, RESOURCE).await.unwrap_err();
        assert_eq!(refused.code(), "authz.outbound.unreachable", "{url}");
    }
    assert_eq!(issuer.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_server_that_refuses_every_token_is_asked_twice() {
    let issuer = Issuer::start(json!({}), |form| (200, issued(&form["subject_token"]))).await;
    let broker = issuer.broker("");
    let mut turn = broker.turn(person("https://a.test", "alice", "agent", "t"));
    let mut again = 0;
    loop {
        turn.headers("POST", RESOURCE).await.unwrap();
        match turn.again(StatusCode::UNAUTHORIZED, &HeaderMap::new(), RESOURCE).await {
            Ok(true) => again += 1,
            Ok(false) => panic!("a 401 is no answer"),
            Err(refused) => {
                assert_eq!(refused.code(), "authz.outbound.unauthorized");
                break;
            }
        }
    }
    assert_eq!((again, issuer.asked.load(Ordering::Relaxed)), (1, 2));
}

#[tokio::test]
async fn a_caller_s_token_is_not_used_after_the_one_it_was_exchanged_for() {
    let issuer = Issuer::start(json!({}), |form| (200, issued(&form["subject_token"]))).await;
    let broker = issuer.broker("");
    let Caller::Person(alice) = person("https://a.test", "alice", "agent", "t") else { panic!() };
    let mut alice = Arc::into_inner(alice).unwrap();
    alice.expires_s = NOW_S + limits::OUTBOUND_LIFE_S_MIN;
    let caller = Caller::Person(Arc::new(alice));
    for _ in 0..2 {
        shown(&broker, &caller).await.unwrap();
    }
    assert_eq!(issuer.asked.load(Ordering::Relaxed), 2, "it was kept though it is as good as over");
}

#[test]
fn tokens_that_are_kept_are_bounded() {
    let cache = Cache::default();
    let key = |at: usize| Key {
        who: Who::Service,
        issuer: None,
        resource: at.to_string(),
        scopes: BTreeSet::new(),
        jkt: Thumbprint("k".to_owned()),
    };
    let first = cache.slot(&key(0));
    for at in 1..limits::OUTBOUND_TOKENS_MAX {
        cache.slot(&key(at));
    }
    assert_eq!(cache.count(), limits::OUTBOUND_TOKENS_MAX);
    assert!(Slot::ptr_eq(&first, &cache.slot(&key(0))), "at the limit all are known");
    cache.slot(&key(limits::OUTBOUND_TOKENS_MAX));
    assert!(cache.count() <= limits::OUTBOUND_TOKENS_MAX);
    assert!(Slot::ptr_eq(&first, &cache.slot(&key(0))), "just used");
}

#[test]
fn a_broker_and_a_caller_print_no_token() {
    let caller = person("https://a.test", "alice", "agent", "canary-token");
    assert!(!format!("{caller:?}").contains("canary"));
    let text = format!("resource = \"{RESOURCE}\"\n[service]\nroute = \"sign-in\"\n");
    assert!(!format!("{:?}", broker(&text)).contains("PRIVATE"));
}

#[test]
fn a_step_up_asks_for_the_least_that_gives_it() {
    let folder = tempfile::tempdir().unwrap();
    let from = "https://hop1.a.test/mcp";
    let edges = json!({
        "version": 1,
        "servers": [
            { "resource": from, "client": "hop1", "scopes": ["read", "write", "all"] },
            { "resource": RESOURCE, "scopes": ["doc:get", "doc:put", "doc:drop"] },
        ],
        "edges": [{ "from": from, "client": "hop1", "to": RESOURCE, "scopes": {
            "read": ["doc:get"], "write": ["doc:put"], "all": ["doc:get", "doc:put"],
        } }],
    });
    std::fs::write(folder.path().join("edges.json"), edges.to_string()).unwrap();
    let text = format!(
        "resource = \"{RESOURCE}\"\nedges = \"edges.json\"\nfrom = \"{from}\"\n[caller]\nroute = \"exchange\"\nissuer = \"https://sts.a.test\"\n[caller.client]\nid = \"hop1\"\n"
    );
    let config = config::Config::parse(&text, folder.path()).unwrap();
    let broker = Broker::new(config, Arc::new(System), Box::new(|_| {}), || NOW_S).unwrap();
    let broker = Arc::new(broker);
    for (needed, asked) in [
        ("doc:put", Some("read write")),
        ("doc:get doc:put", Some("read write")),
        // Nothing that the caller could get would help: they are not sent to ask for it.
        ("doc:drop", None),
        ("doc:put doc:drop", None),
        ("doc:get", None),
    ] {
        let mut turn = broker.turn(person("https://a.test", "alice", "agent", "t"));
        let refused = turn.step_up(&scope::parse(needed).unwrap()).unwrap_err();
        assert_eq!(refused.code(), "authz.outbound.step-up");
        let challenge = refused.challenge();
        assert_eq!(challenge.is_some(), asked.is_some(), "{needed}");
        if let (Some(challenge), Some(asked)) = (challenge, asked) {
            assert!(challenge.contains(&format!("scope=\"{asked}\"")), "{challenge}");
            assert!(challenge.contains("https://hop1.a.test/.well-known"), "{challenge}");
        }
    }
}

#[tokio::test]
async fn a_sign_in_ends_by_its_own_state_once() {
    let text =
        format!("resource = \"{RESOURCE}\"\nloopback = true\n[service]\nroute = \"sign-in\"\n");
    let broker = broker(&text);
    let page = Page::open(0).await.unwrap();
    let ended = page.expect("mine").unwrap();
    let visit = async |query: &str| {
        let url = format!("{}?{query}", page.uri).parse().unwrap();
        let answer = broker.net.send(net::Request::get(url)).await.unwrap();
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(
            answer.headers["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("frame-ancestors 'none'")
        );
        assert!(
            !String::from_utf8_lossy(&answer.body).contains("canary"),
            "the page repeats what came"
        );
        answer.status.as_u16()
    };
    let long = "c".repeat(limits::SIGN_IN_PARAMETER_BYTES_MAX + 1);
    for wrong in [
        "code=canary",
        "code=canary&state=other",
        "code=canary&code=2&state=mine",
        "code=canary&state=mine&state=mine",
        &format!("code={long}&state=mine"),
    ] {
        assert_eq!(visit(wrong).await, 400, "{wrong}");
    }
    let long = "c".repeat(limits::SIGN_IN_PARAMETER_BYTES_MAX);
    assert_eq!(visit(&format!("code={long}&state=mine")).await, 200);
    assert!(ended.await.is_ok());
    assert_eq!(visit("code=canary&state=mine").await, 400, "it counts once");
}

#[tokio::test]
async fn sign_ins_that_wait_are_bounded() {
    let page = Page::open(0).await.unwrap();
    let mut waiting: Vec<_> =
        (0..limits::SIGN_INS_MAX).map(|at| page.expect(&at.to_string()).unwrap()).collect();
    assert!(page.expect("one more").is_err());
    page.forget("0");
    waiting.push(page.expect("one more").unwrap());
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../../docs/schema/outbound.json")).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let guide = include_str!("../../../../docs/guide/outbound.md");
    let mut good = 0;
    for block in guide.split("```toml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        if !block.starts_with("resource") {
            continue;
        }
        let value: toml::Value = toml::from_str(block).unwrap();
        let value = serde_json::to_value(value).unwrap();
        assert!(validator.is_valid(&value), "{block}");
        good += 1;
    }
    assert_eq!(good, 2, "examples of the guide");
    let sign_in = json!({ "route": "sign-in" });
    for (value, is_good) in [
        (json!({ "resource": RESOURCE, "service": sign_in }), true),
        (json!({ "resource": RESOURCE }), false),
        (json!({ "resource": RESOURCE, "service": {} }), false),
        (json!({ "resource": RESOURCE, "service": { "route": "password" } }), false),
        (json!({ "resource": RESOURCE, "service": sign_in, "edges": "e.json" }), false),
        (json!({ "resource": RESOURCE, "service": sign_in, "more": 1 }), false),
        (
            json!({ "resource": RESOURCE, "service": { "route": "sign-in", "redirect_port": 65_536 } }),
            false,
        ),
        (
            json!({ "resource": RESOURCE, "service": { "route": "sign-in", "client": { "document": "http://a.test" } } }),
            false,
        ),
    ] {
        assert_eq!(validator.is_valid(&value), is_good, "schema: {value}");
        let members = value.as_object().unwrap().iter();
        let lines: Vec<_> =
            members.map(|(name, value)| format!("{name} = {}", inline(value))).collect();
        let text = lines.join("\n");
        let read = config::Config::parse(&text, Path::new(""));
        assert_eq!(read.is_ok(), is_good, "{value}: {:?}", read.err());
    }
}

/// A value as TOML writes it in one line.
fn inline(value: &Value) -> String {
    let Value::Object(members) = value else { return value.to_string() };
    let members: Vec<_> =
        members.iter().map(|(name, value)| format!("{name} = {}", inline(value))).collect();
    format!("{{ {} }}", members.join(", "))
}
