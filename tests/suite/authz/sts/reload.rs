//! Edges and keys that change while the service runs.

use std::time::{Duration, Instant};

use harness::Draft;
use serde_json::{Value, json};

use super::{Domain, HOPS, edges, refusal};

const KEY: &str = "a-key-for-the-decision-endpoint";

fn numbered(version: u64, change: impl FnOnce(&mut Value)) -> String {
    let mut edges = edges();
    edges["version"] = json!(version);
    change(&mut edges);
    edges.to_string()
}

impl Domain {
    /// Waits until the service said something this often.
    #[track_caller]
    fn said(&self, text: &str, times: usize) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.sts.written().matches(text).count() < times {
            assert!(Instant::now() < deadline, "no `{text}`: {}", self.sts.written());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn counters(&mut self) -> String {
        let url = self.sts.endpoint("metrics");
        let text = self.others.ask("fetch", json!({ "url": url }));
        text["text"].as_str().unwrap_or_default().to_owned()
    }
}

const REPLACED: &str = "another edge file is in force";
const REFUSED: &str = "authz.sts.edges-refused";

#[test]
fn another_edge_file_is_in_force_at_once_for_all_that_depends_on_it() {
    let mut domain = Domain::with(|draft, _| {
        draft.write_private("authzen.key", KEY);
        draft.prepend("authzen_key = \"authzen.key\"\n");
    });
    let (root, proof) = domain.call("alice");
    let (one, _) = domain.next(0, &root, &proof, "doc:get");
    // Hop 1 may reach hop 3 now, and hop 2 no more.
    domain.sts.write(
        "edges.json",
        &numbered(2, |edges| {
            edges["edges"][0] = json!({ "from": HOPS[0], "client": "hop1", "to": HOPS[2],
                "scopes": { "files:read": ["blob:get"] } });
        }),
    );
    domain.said(REPLACED, 1);
    let proof = domain.others.proof("agent", HOPS[0], &root);
    let answer = domain.exchange(0, &root, &proof, "doc:get");
    assert_eq!(refusal(&answer).1, "authz.exchange.edge-missing");
    // What is new holds for a new grant: policy knows the edge, or it would deny.
    let (fresh, proof) = domain.call("alice");
    let asked = domain.sts.exchange("hop1", &fresh, &proof, HOPS[2], "blob:get");
    let answer = domain.others.ask("ask", asked);
    assert_eq!(answer["status"], 200, "{answer}\n{}", domain.sts.written());
    // The decision endpoint decides over the same edges.
    let agent = format!("{}#hop1", domain.sts.issuer);
    let question = |to: &str, scope: &str| {
        json!({
            "subject": { "type": "Principal", "id": format!("{}#alice", domain.others.issuer) },
            "action": { "name": "exchange" },
            "resource": { "type": "Edge", "id": format!("{} -> {to}", HOPS[0]) },
            "context": {
                "agent": agent, "depth": 1,
                "chain": [agent, format!("{}#agent", domain.others.issuer)],
                "requested": [scope], "allowed": [scope], "parent_bound": true,
                "child_bound": true, "auth_age_s": 60, "revoked": false, "destructive": false,
            },
        })
    };
    let body =
        json!({ "evaluations": [question(HOPS[2], "blob:get"), question(HOPS[1], "doc:get")] });
    let asked = json!({
        "url": domain.sts.endpoint("access/v1/evaluations"), "method": "POST",
        "headers": { "content-type": "application/json", "authorization": format!("Bearer {KEY}") },
        "body": body.to_string(),
    });
    let answer = domain.others.ask("fetch", asked);
    let decisions = &answer["body"]["evaluations"];
    assert_eq!(decisions[0]["decision"], true, "{answer}");
    assert_eq!(decisions[1]["decision"], false, "{answer}");
    // Revocation too: hop 2 is another server's client now, and hop 1's token is none of it.
    domain.sts.write(
        "edges.json",
        &numbered(3, |edges| {
            let servers = edges["servers"].as_array_mut().expect("servers");
            servers.remove(1);
            edges["edges"] = json!([]);
        }),
    );
    domain.said(REPLACED, 2);
    assert_eq!(domain.revoke("hop2", &one)["status"], 200);
    let ended = domain.sts.written().matches("a grant was revoked").count();
    assert_eq!(ended, 0, "hop 2 acts for no server any more");
    let counters = domain.counters();
    assert!(counters.contains("countersign_sts_edges_version 3"), "{counters}");
}

#[test]
fn an_edge_file_that_is_bad_or_older_leaves_the_one_before() {
    let mut domain = Domain::start();
    domain.sts.write("edges.json", &numbered(5, |_| ()));
    domain.said(REPLACED, 1);
    let none = |edges: &mut Value| edges["edges"] = json!([]);
    let bad = [
        numbered(4, none),
        // Of its own number: what a record calls version 5 is one file.
        numbered(5, none),
        "{\"version\": 6, \"serv".to_owned(),
        numbered(6, |edges| edges["edges"][0]["client"] = json!("nobody")),
        numbered(6, |edges| edges["edges"][0]["scopes"] = json!({ "files:rd": ["doc:get"] })),
    ];
    for (at, text) in bad.iter().enumerate() {
        domain.sts.write("edges.json", text);
        domain.said(REFUSED, at + 1);
        let (root, proof) = domain.call("alice");
        domain.next(0, &root, &proof, "doc:get");
    }
    assert!(domain.sts.written().contains("its version is 4, and 5 is in force: raise it"));
    let counters = domain.counters();
    assert!(counters.contains("edges_version 5"), "{counters}");
    assert!(counters.contains("edges_files_total{result=\"refused\"} 5"), "{counters}");
    // A good one again.
    domain.sts.write("edges.json", &numbered(6, none));
    domain.said(REPLACED, 2);
    let (root, proof) = domain.call("alice");
    let answer = domain.exchange(0, &root, &proof, "doc:get");
    assert_eq!(refusal(&answer).1, "authz.exchange.edge-missing");
}

#[test]
fn a_client_is_told_when_to_come_back() {
    let mut domain = Domain::with(|draft: &Draft, _| {
        // 33 targets of one token: one more than there may be.
        let mut edges = edges();
        for at in 0..33 {
            let to = format!("http://127.0.0.1:{}/mcp", 9_200 + at);
            let servers = edges["servers"].as_array_mut().expect("servers");
            servers.push(json!({ "resource": to, "scopes": ["x"] }));
            let list = edges["edges"].as_array_mut().expect("edges");
            list.push(json!({ "from": HOPS[0], "client": "hop1", "to": to,
                "scopes": { "files:read": ["x"] } }));
        }
        draft.write("edges.json", &edges.to_string());
    });
    let (root, _) = domain.call("alice");
    for at in 0..33 {
        let proof = domain.others.proof("agent", HOPS[0], &root);
        let to = format!("http://127.0.0.1:{}/mcp", 9_200 + at);
        let asked = domain.sts.exchange("hop1", &root, &proof, &to, "x");
        let answer = domain.others.ask("ask", asked);
        if at < 32 {
            assert_eq!(answer["status"], 200, "{at}: {answer}");
            continue;
        }
        assert_eq!(answer["status"], 429, "{answer}");
        assert_eq!(refusal(&answer).1, "authz.exchange.rate-exceeded");
        assert_eq!(answer["headers"]["retry-after"], "300", "{answer}");
        // Another token has its own targets.
        let (fresh, proof) = domain.call("alice");
        domain.next(0, &fresh, &proof, "doc:get");
    }
}

/// What another issuer publishes, and how often it was asked for it.
const JWKS: &str = "/published/jwks";

impl Domain {
    fn publish(&mut self, path: &str, status: u16, body: &Value) -> u64 {
        let asked = json!({ "path": path, "status": status, "body": body.to_string() });
        self.others.ask("publish", asked)["asked"].as_u64().expect("a number")
    }

    /// A token for hop 1 by a key of another issuer, bound to the agent's key.
    fn token(&mut self, by: &str) -> String {
        let jkt = self.others.jwk("agent")["kid"].clone();
        let now = self.others.now_s();
        let claims = json!({
            "iss": "https://as.b.example", "sub": "carol", "aud": HOPS[0], "client_id": "agent",
            "scope": "files:read", "iat": now, "exp": now + 300, "cnf": { "jkt": jkt }, "n": by,
        });
        let made = json!({ "by": by, "typ": "at+jwt", "claims": claims });
        self.others.ask("sign", made)["token"].as_str().expect("a token").to_owned()
    }

    /// Whether a token by this key is exchanged now.
    fn counts(&mut self, by: &str) -> bool {
        let token = self.token(by);
        let proof = self.others.proof("agent", HOPS[0], &token);
        self.exchange(0, &token, &proof, "doc:get")["status"] == 200
    }
}

#[test]
fn an_issuers_new_key_counts_at_once_and_made_up_ones_cost_nothing() {
    let mut domain = Domain::with(|draft, others| {
        let keys = json!({ "keys": [others.jwk("b-old")] }).to_string();
        others.ask("publish", json!({ "path": JWKS, "body": keys }));
        draft.configure(&format!(
            "\n[[trusted]]\nissuer = \"https://as.b.example\"\njwks_url = \"{}{JWKS}\"\n",
            others.issuer
        ));
    });
    domain.said("an issuer's keys changed", 2);
    assert!(domain.counts("b-old"));
    let keys = json!({ "keys": [domain.others.jwk("b-new")] });
    let before = domain.publish(JWKS, 200, &keys);
    assert!(domain.counts("b-new"), "{}", domain.sts.written());
    assert!(!domain.counts("b-old"), "what is withdrawn is withdrawn");
    for at in 0..5 {
        assert!(!domain.counts(&format!("made-up-{at}")));
    }
    let asked = domain.publish(JWKS, 500, &json!("down"));
    assert_eq!(asked, before + 1, "one question for all of them");
    assert!(domain.counts("b-new"), "an issuer that is down keeps its keys");
}

#[test]
fn a_clients_document_is_fetched_where_its_name_says_and_read_again() {
    const PATH: &str = "/published/hop1.json";
    let mut name = String::new();
    let document = |name: &str, keys: &Value| {
        json!({
            "client_id": name, "token_endpoint_auth_method": "private_key_jwt",
            "jwks": { "keys": [keys] },
        })
    };
    let mut domain = Domain::with(|draft, others| {
        name = format!("{}{PATH}", others.issuer);
        let known = std::fs::read_to_string(draft.config()).expect("a configuration");
        let other = known.replace(
            "id = \"hop1\"\njwks = \"hop1.jwks.json\"",
            &format!("document_url = \"{name}\""),
        );
        assert_ne!(known, other);
        draft.write("sts.toml", &other);
        draft.write("edges.json", &edges().to_string().replace("\"hop1\"", &format!("\"{name}\"")));
    });
    let asks = |domain: &mut Domain, dpop: &str| {
        let (root, proof) = domain.call("alice");
        let mut asked = domain.sts.exchange("hop1", &root, &proof, HOPS[1], "doc:get");
        asked["client"] = Value::Null;
        asked["form"]["client_id"] = json!(name);
        asked["dpop"] = json!(dpop);
        domain.others.ask("ask", asked)
    };
    // There is no document yet: nobody is that client.
    let answer = asks(&mut domain, "document");
    assert_eq!(answer["status"], 401, "{answer}");
    assert_eq!(refusal(&answer).1, "authz.exchange.client-unauthenticated");
    // Another client's document counts for nobody; nor does one with a secret beside its keys.
    let key = domain.others.jwk("document");
    domain.publish(PATH, 200, &document("https://other.example/client.json", &key));
    domain.said("`client_id` is not where it was fetched from", 1);
    assert_eq!(asks(&mut domain, "document")["status"], 401);
    domain.publish(PATH, 200, &document(&name, &key));
    domain.said("an issuer's keys changed", 2);
    assert_eq!(asks(&mut domain, "document")["status"], 200, "{}", domain.sts.written());
    assert_eq!(asks(&mut domain, "thief")["status"], 401);
}

/// An issuer whose tokens say nothing by themselves, and which says what it likes about them.
#[test]
fn an_opaque_token_is_what_its_issuer_says_for_the_server_that_asks_and_else_nothing() {
    const PATH: &str = "/published/introspect";
    let mut domain = Domain::with(|draft, others| {
        draft.write_private("issuer.secret", "canary-secret-of-the-service\n");
        draft.configure(&format!(
            "\n[[trusted]]\nissuer = \"https://opaque.example\"\nintrospection = \"{}{PATH}\"\n\
             client_id = \"sts\"\nclient_secret = \"issuer.secret\"\n",
            others.issuer
        ));
    });
    let jkt = domain.others.jwk("agent")["kid"].clone();
    let now = domain.others.now_s();
    let active = json!({
        "active": true, "iss": "https://opaque.example", "sub": "dave", "aud": HOPS[0],
        "client_id": "agent", "scope": "files:read", "token_type": "DPoP", "iat": now,
        "exp": now + 300, "cnf": { "jkt": jkt },
    });
    domain.publish(PATH, 200, &active);
    let ask = |domain: &mut Domain, hop: usize, token: &str, scope: &str| {
        let proof = domain.others.proof("agent", HOPS[hop], token);
        domain.exchange(hop, token, &proof, scope)
    };
    let answer = ask(&mut domain, 0, "opaque-one", "doc:get");
    assert_eq!(answer["status"], 200, "{answer}\n{}", domain.sts.written());
    let token = answer["body"]["access_token"].as_str().expect("a token").to_owned();
    let claims = domain.verify(&token, HOPS[1])["payload"].clone();
    assert_ne!(claims["sub"], "dave", "another domain's");
    // What was kept for hop 1 is not for hop 2, which is another audience.
    let answer = ask(&mut domain, 1, "opaque-one", "blob:get");
    assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "{answer}");
    let last = domain.sts.decisions();
    let last: Value = serde_json::from_str(last.lines().last().expect("a record")).expect("JSON");
    assert_eq!(last["code"], "authz.exchange.subject-not-for-requester", "{last}");
    // Not active, a lie about who says so, no answer: nothing is issued.
    domain.publish(PATH, 200, &json!({ "active": false }));
    let answer = ask(&mut domain, 0, "opaque-two", "doc:get");
    assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "{answer}");
    let mut other = active.clone();
    other["iss"] = json!(domain.others.issuer);
    domain.publish(PATH, 200, &other);
    let answer = ask(&mut domain, 0, "opaque-three", "doc:get");
    assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "{answer}");
    domain.publish(PATH, 500, &active);
    let answer = ask(&mut domain, 0, "opaque-four", "doc:get");
    assert_eq!(answer["status"], 503, "{answer}");
    assert_eq!(answer["headers"]["retry-after"], "1", "{answer}");
    assert_eq!(
        domain.revoke("hop1", "opaque-four")["status"],
        503,
        "nobody knows whether it ended"
    );
    // It ends as any root token does.
    domain.publish(PATH, 200, &active);
    assert_eq!(domain.revoke("hop1", "opaque-one")["status"], 200);
    let answer = ask(&mut domain, 0, "opaque-one", "doc:get");
    assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "{answer}");
    let seen = domain.sts.written() + &domain.sts.decisions();
    for secret in ["opaque-one", "opaque-four", "canary-secret-of-the-service"] {
        assert!(!seen.contains(secret), "{secret} in what the service wrote");
    }
}
