//! What stands on the wire: metadata, forms, errors, headers.

use std::time::Instant;

use harness::{Draft, Others, Program, Scratch, paths};
use serde_json::{Value, json};

use super::{Domain, HOPS, refusal};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

#[test]
fn metadata_are_where_the_issuer_says_and_promise_what_is_kept() {
    let mut others = Others::start(&json!({ HOPS[0]: "files:read" }));
    for path in ["", "/tenant/a"] {
        let sts = Draft::at(path).start();
        let root = sts.issuer.trim_end_matches(path).to_owned();
        let url = format!("{root}/.well-known/oauth-authorization-server{path}");
        let answer = others.ask("fetch", json!({ "url": url }));
        assert_eq!(answer["status"], 200, "{url}");
        assert_eq!(answer["headers"]["content-type"], "application/json");
        let metadata = &answer["body"];
        assert_eq!(metadata["issuer"], sts.issuer);
        assert_eq!(metadata["subject_token_proof_supported"], true);
        assert_eq!(metadata["grant_types_supported"], json!([EXCHANGE]));
        assert_eq!(metadata["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
        for endpoint in ["token_endpoint", "revocation_endpoint"] {
            let url = metadata[endpoint].as_str().expect("an endpoint");
            let answer = others.ask("fetch", json!({ "url": url, "method": "POST" }));
            assert_eq!(answer["body"]["code"], "authz.sts.request-malformed", "{url}: {answer}");
            assert_eq!(others.ask("fetch", json!({ "url": url }))["status"], 405, "{url}");
        }
        let jwks = others.ask("fetch", json!({ "url": metadata["jwks_uri"] }));
        assert_eq!(jwks["body"]["keys"].as_array().expect("keys").len(), 2);
        for path in ["healthz", "metrics"] {
            let answer = others.ask("fetch", json!({ "url": format!("{root}/{path}") }));
            assert_eq!(answer["status"], 200, "{path}");
        }
    }
}

#[test]
fn a_form_is_read_in_one_way_only() {
    let mut domain = Domain::start();
    let endpoint = domain.sts.endpoint("token");
    let form = "application/x-www-form-urlencoded";
    let right = format!("grant_type={}", EXCHANGE.replace(':', "%3A"));
    let long = |length: usize| format!("{right}&x={}", "x".repeat(length));
    let room = (48 << 10) - right.len() - 3;
    for (url, media_type, body, status, code) in [
        (endpoint.clone(), form, "grant_type=a&grant_type=a".to_owned(), 400, "malformed"),
        (endpoint.clone(), form, "grant_type=%".to_owned(), 400, "malformed"),
        (endpoint.clone(), form, String::new(), 400, "malformed"),
        (endpoint.clone(), "application/json", "{}".to_owned(), 400, "malformed"),
        (format!("{endpoint}?client_id=hop1"), form, right.clone(), 400, "malformed"),
        (endpoint.clone(), form, long(room + 1), 413, "too-large"),
        (endpoint.clone(), form, long(room), 401, "unauthenticated"),
        (
            endpoint.clone(),
            "Application/X-WWW-form-urlencoded; charset=UTF-8",
            right.clone(),
            401,
            "unauthenticated",
        ),
    ] {
        let headers = json!({ "content-type": media_type });
        let asked = json!({ "url": url, "method": "POST", "headers": headers, "body": body });
        let answer = domain.others.ask("fetch", asked);
        assert_eq!(answer["status"], status, "{url} {media_type}: {answer}");
        assert!(refusal(&answer).1.contains(code), "{answer}");
        assert_eq!(answer["headers"]["cache-control"], "no-store");
        assert!(answer["headers"]["dpop-nonce"].is_string(), "{answer}");
    }
    let two = json!({ "url": endpoint, "method": "POST", "body": right,
        "headers": { "content-type": form, "dpop": "a, b" } });
    assert_ne!(domain.others.ask("fetch", two)["status"], 200);
}

#[test]
fn until_a_client_is_known_every_refusal_is_one_in_words_and_in_time() {
    let mut domain = Domain::start();
    let (root, proof) = domain.call("alice");
    let whole = domain.sts.exchange("hop1", &root, &proof, HOPS[1], "doc:get");
    let with = |pointer: &str, value: Value| {
        let mut asked = whole.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a place");
        asked.pointer_mut(parent).expect("a place")[name] = value;
        asked
    };
    let mut first: Option<(Value, String)> = None;
    for (what, asked) in [
        ("a client that nobody knows", with("/client", json!("nobody"))),
        ("another client's key", with("/by", json!("hop2"))),
        ("an assertion for another", with("/assertion", json!({ "aud": HOPS[0] }))),
        ("an assertion for two", with("/assertion", json!({ "aud": [domain.sts.issuer, "x"] }))),
        ("an assertion by another", with("/assertion", json!({ "iss": "hop2" }))),
        ("an assertion that is over", with("/assertion", json!({ "exp": 1 }))),
        ("an assertion without an end", with("/assertion", json!({ "exp": null }))),
        ("an assertion without a name", with("/assertion", json!({ "jti": null }))),
        ("no assertion", with("/client", Value::Null)),
        ("no assertion, and no subject token", {
            let mut asked = with("/client", Value::Null);
            asked["form"] =
                json!({ "grant_type": EXCHANGE, "client_id": "hop1", "client_secret": "s" });
            asked
        }),
    ] {
        let started = Instant::now();
        let answer = domain.others.ask("ask", asked);
        let elapsed = started.elapsed();
        assert_eq!(answer["status"], 401, "{what}: {answer}");
        assert!(elapsed.as_millis() >= 25, "{what}: {elapsed:?}");
        let mut headers = answer["headers"].clone();
        for changing in ["date", "dpop-nonce"] {
            headers.as_object_mut().expect("headers").remove(changing);
        }
        let said = (headers, answer["text"].as_str().expect("a body").to_owned());
        match &first {
            None => {
                let found = refusal(&answer);
                assert_eq!(found.0, "invalid_client");
                assert_eq!(found.1, "authz.exchange.client-unauthenticated");
                first = Some(said);
            }
            Some(first) => assert_eq!(*first, said, "{what}"),
        }
    }
    // And one who is known is served: none of this used the proof.
    assert_eq!(domain.others.ask("ask", whole)["status"], 200);
}

#[test]
fn the_conformance_suite_finds_nothing_wrong_but_that_nobody_signs_in_here() {
    let draft = Draft::new();
    let sts = draft.start();
    let scratch = Scratch::new();
    let ran = Program::at(paths::node())
        .arg(paths::npm("@modelcontextprotocol/conformance/dist/index.js"))
        .args(["authorization", "--url", &sts.issuer, "-o"])
        .arg(scratch.join("results"))
        .directory(&scratch.join(""))
        .run();
    let mut checks = Vec::new();
    collect(&scratch.join("results"), &mut checks);
    let of = |id: &str| {
        let found = checks.iter().find(|check| check["id"] == id);
        found.unwrap_or_else(|| panic!("no {id}: {}{}", ran.stdout, ran.stderr))
    };
    // Clients that are metadata documents: without a warning.
    assert_eq!(of("authorization-server-metadata-cimd")["status"], "SUCCESS");
    // RFC 8414 §2: whoever has no authorization endpoint names none. The suite wants one.
    let metadata = of("authorization-server-metadata");
    let wanted =
        ["authorization_endpoint", "response_types_supported", "code_challenge_methods_supported"];
    let said =
        wanted.map(|claim| format!("Response body does not include valid \"{claim}\" claim"));
    assert_eq!(metadata["errorMessage"], said.join(", "), "{metadata}");
    assert_eq!(of("authorization-code-grant")["status"], "SKIPPED");
}

pub(in crate::authz) fn collect(folder: &std::path::Path, checks: &mut Vec<Value>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, checks);
        } else if path.file_name().is_some_and(|name| name == "checks.json") {
            let text = std::fs::read_to_string(path).expect("read");
            let found: Vec<Value> = serde_json::from_str(&text).expect("checks");
            checks.extend(found);
        }
    }
}
