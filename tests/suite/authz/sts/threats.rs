//! Rows of the threat table, as attacks on a running token service by those who hold real tokens.

use harness::http::recorder::Recorder;
use harness::{Draft, Others};
use serde_json::{Value, json};

use super::{Domain, HOPS, edges, refusal};

const FORGER: &str = "https://forger.a.example";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A domain that also trusts an issuer whose key the attacker has.
fn with_forger() -> Domain {
    Domain::with(|draft: &Draft, others: &mut Others| {
        let home = others.issuer.clone();
        draft.prepend(&format!("home = \"{home}\"\n"));
        draft.write("forger.json", &json!({ "keys": [others.jwk("forger")] }).to_string());
        draft.configure(&format!("\n[[trusted]]\nissuer = \"{FORGER}\"\njwks = \"forger.json\"\n"));
    })
}

impl Domain {
    /// A token by the forger's key, bound to the agent's; `claims` and `header` change it.
    fn forged(&mut self, typ: &str, claims: &Value, header: &Value) -> (String, String) {
        let (now_s, jkt) = (self.others.now_s(), self.others.jwk("agent")["kid"].clone());
        let mut all = json!({
            "iss": FORGER, "sub": "alice", "aud": HOPS[0], "client_id": "agent",
            "scope": "files:read", "iat": now_s, "exp": now_s + 300, "jti": "1",
            "cnf": { "jkt": jkt },
        });
        for (name, value) in claims.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        let asked = json!({ "by": "forger", "typ": typ, "claims": all, "header": header });
        let token = self.others.ask("sign", asked)["token"].as_str().expect("a token").to_owned();
        let proof = self.others.proof("agent", HOPS[0], &token);
        (token, proof)
    }

    /// What hop 1 is answered about a forged token.
    fn shown(&mut self, typ: &str, claims: &Value, header: &Value) -> Value {
        let (token, proof) = self.forged(typ, claims, header);
        self.exchange(0, &token, &proof, "doc:get")
    }
}

#[test]
fn t6_an_actor_token_has_to_fit_subject_and_client() {
    let mut domain = with_forger();
    let (root, proof) = domain.call("alice");
    let (bobs, _) = domain.call("bob");
    let (forged, _) = domain.forged("at+jwt", &json!({ "client_id": "hop1" }), &json!({}));
    for actor in [&root, &bobs, &forged] {
        let mut asked = domain.sts.exchange("hop1", &root, &proof, HOPS[1], "doc:get");
        asked["form"]["actor_token"] = json!(actor);
        asked["form"]["actor_token_type"] = json!(ACCESS_TOKEN);
        let answer = domain.others.ask("ask", asked);
        assert_eq!(refusal(&answer).1, "authz.exchange.actor-mismatch", "{answer}");
    }
    // The same without an actor token is good: nothing of it was used up.
    domain.next(0, &root, &proof, "doc:get");
}

#[test]
fn t7_a_forged_chain_of_actors_is_refused() {
    let mut domain = with_forger();
    let one = |sub: &str| json!({ "iss": FORGER, "sub": sub });
    let answer = domain.shown("at+jwt", &json!({ "act": one("hop0") }), &json!({}));
    assert_eq!(answer["status"], 200, "a good chain: {answer}");
    let mut deep = one("hop0");
    for at in 1..12 {
        deep = json!({ "iss": FORGER, "sub": format!("hop{at}"), "act": deep });
    }
    let long = one(&"x".repeat(5000));
    for act in [
        json!(null),
        json!([one("a")]),
        json!("hop0"),
        json!({}),
        json!({ "sub": "" }),
        json!({ "sub": 1 }),
        json!({ "sub": "a", "act": [] }),
        deep,
        long,
    ] {
        let answer = domain.shown("at+jwt", &json!({ "act": act }), &json!({}));
        assert_ne!(answer["status"], 200, "{act}");
        let code = refusal(&answer).1;
        let known =
            ["actor-chain-invalid", "subject-refused"].map(|it| format!("authz.exchange.{it}"));
        assert!(known.contains(&code), "{act}: {answer}");
    }
}

#[test]
fn t8_a_ring_is_not_closed() {
    let mut domain = Domain::with(|draft, _| {
        let mut edges = edges();
        let back = json!({ "from": HOPS[1], "client": "hop2", "to": HOPS[0],
            "scopes": { "doc:get": ["files:read"] } });
        edges["edges"].as_array_mut().expect("edges").push(back);
        draft.write("edges.json", &edges.to_string());
    });
    let (root, proof) = domain.call("alice");
    let (one, proof) = domain.next(0, &root, &proof, "doc:get");
    let asked = domain.sts.exchange("hop2", &one, &proof, HOPS[0], "files:read");
    let answer = domain.others.ask("ask", asked);
    assert_eq!(refusal(&answer), ("invalid_target".to_owned(), "authz.exchange.cycle".to_owned()));
}

#[test]
fn t9_nobody_gets_a_bearer_token_for_a_bound_one() {
    let mut domain = Domain::start();
    let (root, proof) = domain.call("alice");
    let mut asked = domain.sts.exchange("hop1", &root, &proof, HOPS[1], "doc:get");
    asked["dpop"] = Value::Null;
    let answer = domain.others.ask("ask", asked.clone());
    assert_eq!(refusal(&answer).0, "invalid_dpop_proof", "{answer}");
    asked["dpop"] = json!("hop1-dpop");
    let answer = domain.others.ask("ask", asked);
    assert_eq!(answer["body"]["token_type"], "DPoP", "{answer}");
}

#[test]
fn t14_no_other_token_is_a_subject() {
    let mut domain = with_forger();
    assert_eq!(domain.shown("at+jwt", &json!({}), &json!({}))["status"], 200, "a good token");
    for typ in [
        "JWT",
        "oauth-id-jag+jwt",
        "txntoken+jwt",
        "secevent+jwt",
        "logout+jwt",
        "dpop+jwt",
        "client-authentication+jwt",
        "",
    ] {
        let answer = domain.shown(typ, &json!({}), &json!({}));
        assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "{typ}");
    }
    // What others said of themselves at other doors.
    let (root, proof) = domain.call("alice");
    let answer = domain.exchange(0, &proof, &proof, "doc:get");
    assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "a proof as the subject");
    domain.next(0, &root, &proof, "doc:get");
}

#[test]
fn t15_a_key_that_is_named_by_the_token_is_not_fetched() {
    let mut domain = with_forger();
    let inside = Recorder::start();
    for header in [json!({ "jku": inside.url }), json!({ "x5u": inside.url, "kid": inside.url })] {
        let answer = domain.shown("at+jwt", &json!({}), &header);
        assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "{header}");
        let answer = domain.shown("at+jwt", &json!({ "iss": inside.url }), &header);
        assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "{header}");
    }
    let (root, proof) = domain.call("alice");
    let mut asked = domain.sts.exchange("hop1", &root, &proof, HOPS[1], "doc:get");
    asked["client"] = Value::Null;
    asked["form"]["client_id"] = json!(inside.url);
    assert_eq!(domain.others.ask("ask", asked)["status"], 401, "a client that is a URL");
    assert_eq!(inside.seen(), "", "somebody inside was asked");
}

#[test]
fn t19_a_sibling_of_the_same_origin_is_another_server() {
    let mut domain = with_forger();
    let sibling = |of: &str, path: &str| of.replace("/mcp", path);
    let (root, proof) = domain.call("alice");
    for path in ["/mcp/child", "/mcp2", "/", "/mcp/", "/MCP", "/other"] {
        let target = sibling(HOPS[1], path);
        let asked = domain.sts.exchange("hop1", &root, &proof, &target, "doc:get");
        let answer = domain.others.ask("ask", asked);
        assert_eq!(refusal(&answer).0, "invalid_target", "{target}: {answer}");
        let answer = domain.shown("at+jwt", &json!({ "aud": sibling(HOPS[0], path) }), &json!({}));
        assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "{path}");
    }
    domain.next(0, &root, &proof, "doc:get");
}

#[test]
fn t20_two_users_at_once_get_each_their_own() {
    let mut domain = Domain::start();
    let calls: Vec<_> = (0..16).map(|at| ["alice", "bob"][at % 2]).collect();
    let held: Vec<_> = calls.iter().map(|person| domain.call(person)).collect();
    for (at, person) in calls.iter().enumerate() {
        let (root, proof) = &held[at];
        let (_, other) = &held[(at + 1) % held.len()];
        let answer = domain.exchange(0, root, other, "doc:get");
        assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "another's proof");
        let (token, _) = domain.next(0, root, proof, "doc:get");
        let read = domain.verify(&token, HOPS[1]);
        assert_eq!(read["payload"]["sub"], *person, "{read}");
    }
}
