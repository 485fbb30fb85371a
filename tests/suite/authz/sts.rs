//! The token service: the real binary, tokens of an independent authorization server, clients, proofs and
//! verification by an independent library.

mod canary;
mod configuration;
mod decisions;
mod ended;
mod federation;
pub(super) mod protocol;
mod reload;
mod threats;

use harness::{Draft, Others, Sts};
use serde_json::{Value, json};

/// Where the servers of the chain would be.
const HOPS: [&str; 4] = [
    "http://127.0.0.1:9001/mcp",
    "http://127.0.0.1:9002/mcp",
    "http://127.0.0.1:9003/mcp",
    "http://127.0.0.1:9004/mcp",
];

/// A domain: an authorization server, a token service, three hops and where they lead.
struct Domain {
    others: Others,
    sts: Sts,
}

impl Domain {
    fn start() -> Self {
        Self::with(|_, _| ())
    }

    /// The same with more configuration.
    fn with(configure: impl FnOnce(&Draft, &mut Others)) -> Self {
        let mut others = Others::start(&json!({ HOPS[0]: "files:read files:write files:all" }));
        let draft = Draft::new();
        draft.trust(&others);
        for hop in ["hop1", "hop2", "hop3"] {
            draft.client(&mut others, hop, hop);
        }
        draft.write("edges.json", &edges().to_string());
        configure(&draft, &mut others);
        let sts = draft.start();
        sts.wait_for("an issuer's keys changed");
        Self { others, sts }
    }

    /// A person's token for hop 1, and the agent's proof as it calls hop 1.
    #[track_caller]
    fn call(&mut self, person: &str) -> (String, String) {
        let token = self.others.login(person, HOPS[0], "files:read files:write", "agent");
        let proof = self.others.proof("agent", HOPS[0], &token);
        (token, proof)
    }

    /// Asks for a token as a hop, for the next.
    #[track_caller]
    fn exchange(&mut self, hop: usize, subject: &str, proof: &str, scope: &str) -> Value {
        let name = format!("hop{}", hop + 1);
        let asked = self.sts.exchange(&name, subject, proof, HOPS[hop + 1], scope);
        self.others.ask("ask", asked)
    }

    /// The same, which has to succeed; the token, and the hop's own proof as it calls the next.
    #[track_caller]
    fn next(&mut self, hop: usize, subject: &str, proof: &str, scope: &str) -> (String, String) {
        let answer = self.exchange(hop, subject, proof, scope);
        assert_eq!(answer["status"], 200, "{answer}\n{}", self.sts.written());
        let token = answer["body"]["access_token"].as_str().expect("a token").to_owned();
        let proof = self.others.proof(&format!("hop{}-dpop", hop + 1), HOPS[hop + 1], &token);
        (token, proof)
    }

    /// A token as an independent reader sees it, for whom it is meant.
    #[track_caller]
    fn verify(&mut self, token: &str, audience: &str) -> Value {
        let asked = json!({
            "token": token, "jwks": self.sts.endpoint("jwks"), "issuer": self.sts.issuer,
            "audience": audience,
        });
        self.others.ask("verify", asked)
    }

    /// Ends a grant by one of its tokens.
    fn revoke(&mut self, hop: &str, token: &str) -> Value {
        self.others.ask(
            "ask",
            json!({
                "endpoint": self.sts.endpoint("revoke"), "issuer": self.sts.issuer, "client": hop,
                "by": hop, "form": { "token": token },
            }),
        )
    }
}

/// Edges along the chain, each narrower than the last.
fn edges() -> Value {
    let server = |hop: usize, scopes: &[&str]| json!({ "resource": HOPS[hop], "client": format!("hop{}", hop + 1), "scopes": scopes });
    let edge = |from: usize, scopes: Value| {
        json!({ "from": HOPS[from], "client": format!("hop{}", from + 1), "to": HOPS[from + 1],
                "scopes": scopes })
    };
    let mut last = server(3, &["row:get"]);
    last.as_object_mut().expect("an object").remove("client");
    json!({
        "version": 1,
        "servers": [
            server(0, &["files:read", "files:write", "files:all"]),
            server(1, &["doc:get", "doc:put"]),
            server(2, &["blob:get", "blob:put"]),
            last,
        ],
        "edges": [
            edge(0, json!({ "files:read": ["doc:get"], "files:write": ["doc:get", "doc:put"] })),
            edge(1, json!({ "doc:get": ["blob:get"], "doc:put": ["blob:put"] })),
            edge(2, json!({ "blob:get": ["row:get"] })),
        ],
    })
}

/// The code and the standard's error of a refusal.
#[track_caller]
fn refusal(answer: &Value) -> (String, String) {
    let text = |name: &str| answer["body"][name].as_str().unwrap_or_default().to_owned();
    assert_ne!(answer["status"], 200, "{answer}");
    (text("error"), text("code"))
}

#[test]
fn a_chain_of_three_hops_narrows_at_each_and_names_everybody() {
    let mut domain = Domain::start();
    let (root, proof) = domain.call("alice");
    let (one, proof) = domain.next(0, &root, &proof, "doc:get doc:put");
    let (two, proof) = domain.next(1, &one, &proof, "blob:get");
    let (three, _) = domain.next(2, &two, &proof, "row:get");
    let mut last: Option<Value> = None;
    for (at, (token, scope)) in
        [(&one, "doc:get doc:put"), (&two, "blob:get"), (&three, "row:get")].iter().enumerate()
    {
        let read = domain.verify(token, HOPS[at + 1]);
        let (claims, header) = (&read["payload"], &read["header"]);
        assert_eq!(header["typ"], "at+jwt");
        assert_eq!(header.as_object().expect("a header").len(), 3, "typ, alg, kid: {header}");
        assert_eq!(claims["aud"], HOPS[at + 1], "one audience, and a string");
        assert_eq!(claims["scope"], *scope);
        assert_eq!(claims["sub"], "alice");
        assert_eq!(claims["client_id"], format!("hop{}", at + 1));
        let dpop = domain.others.jwk(&format!("hop{}-dpop", at + 1));
        assert_eq!(claims["cnf"], json!({ "jkt": dpop["kid"] }));
        // Whoever acts now, and inside it everybody before, the agent last.
        let mut act = &claims["act"];
        for hop in (1..=at + 1).rev() {
            assert_eq!(act["sub"], format!("hop{hop}"), "{claims}");
            act = &act["act"];
        }
        assert_eq!(act["sub"], "agent", "{claims}");
        assert_eq!(act["act"], Value::Null);
        if let Some(parent) = &last {
            assert_eq!(claims["txn"], parent["txn"], "one grant");
            assert!(claims["exp"].as_u64() <= parent["exp"].as_u64(), "no longer than its parent");
            assert_ne!(claims["pth"], parent["pth"]);
        }
        last = Some(claims.clone());
    }
    // Nothing that was shown is written anywhere.
    let written = domain.sts.written();
    let grants = String::from_utf8_lossy(&domain.sts.grants()).into_owned();
    for token in [&root, &one, &two, &three] {
        let signature = token.rsplit('.').next().expect("a signature");
        assert!(!written.contains(signature), "a token in the log");
        assert!(!grants.contains(signature), "a token among the grants");
    }
}

#[test]
fn a_server_whose_issuer_stamps_another_audience_is_a_hop_like_others() {
    let mut domain = Domain::with(|draft, _| {
        let mut edges = edges();
        edges["servers"][1]["audience"] = json!("api://hop2");
        draft.write("edges.json", &edges.to_string());
    });
    let (root, proof) = domain.call("alice");
    let (one, proof) = domain.next(0, &root, &proof, "doc:get");
    assert_eq!(domain.verify(&one, HOPS[1])["payload"]["aud"], HOPS[1]);
    domain.next(1, &one, &proof, "blob:get");
}

#[test]
fn a_stolen_token_is_worth_nothing_to_another_hop_or_without_its_holder() {
    let mut domain = Domain::start();
    let (root, proof) = domain.call("alice");
    // Hop 2 is a client as good as hop 1, and was never called with this token.
    let stolen = domain.exchange(1, &root, &proof, "blob:get");
    assert_eq!(refusal(&stolen).1, "authz.exchange.subject-refused");
    let silent = domain.exchange(0, &root, "", "doc:get");
    assert_eq!(refusal(&silent).1, "authz.exchange.subject-refused");
    // A proof by another key, for another server, for another token.
    let (other, _) = domain.call("bob");
    let wrong = [
        domain.others.proof("thief", HOPS[0], &root),
        domain.others.proof("agent", HOPS[1], &root),
        domain.others.proof("agent", HOPS[0], &other),
    ];
    for proof in &wrong {
        let answer = domain.exchange(0, &root, proof, "doc:get");
        assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused");
        assert_eq!(answer["body"], stolen["body"], "which check it was is told to nobody");
    }
    // The one proof of the one call counts once for each target.
    domain.next(0, &root, &proof, "doc:get");
    let again = domain.exchange(0, &root, &proof, "doc:get");
    assert_eq!(refusal(&again).1, "authz.exchange.subject-refused");
}

#[test]
fn no_hop_reaches_further_than_its_edge() {
    let mut domain = Domain::start();
    let (root, proof) = domain.call("alice");
    for (to, scope, error, code) in [
        (HOPS[2], "blob:get", "invalid_target", "authz.exchange.edge-missing"),
        ("http://127.0.0.1:9999/mcp", "x", "invalid_target", "authz.exchange.edge-missing"),
        (HOPS[1], "files:read", "invalid_scope", "authz.exchange.authority-exceeded"),
        (HOPS[1], "", "invalid_scope", "authz.exchange.authority-exceeded"),
    ] {
        let proof = domain.others.proof("agent", HOPS[0], &root);
        let asked = domain.sts.exchange("hop1", &root, &proof, to, scope);
        let answer = domain.others.ask("ask", asked);
        let found = refusal(&answer);
        assert_eq!((found.0.as_str(), found.1.as_str()), (error, code), "{to} {scope}: {answer}");
    }
    // What a hop was given less of, it cannot give more of.
    let (one, proof) = domain.next(0, &root, &proof, "doc:get");
    let answer = domain.exchange(1, &one, &proof, "blob:put");
    assert_eq!(refusal(&answer).1, "authz.exchange.authority-exceeded");
}

#[test]
fn any_token_of_a_tree_ends_the_whole_of_it() {
    let mut domain = Domain::start();
    for at in 0..3 {
        let (root, proof) = domain.call("alice");
        let (one, proof) = domain.next(0, &root, &proof, "doc:get doc:put");
        let (two, proof) = domain.next(1, &one, &proof, "blob:get");
        let (revoker, token) = [("hop1", &root), ("hop1", &one), ("hop2", &two)][at];
        // Nobody that the token was neither issued to nor is for.
        domain.revoke("hop3", &root);
        let alive = domain.exchange(2, &two, &proof, "row:get");
        assert_eq!(alive["status"], 200, "{alive}");
        assert_eq!(domain.revoke(revoker, token)["status"], 200);
        for (hop, token, dpop, scope) in [
            (0, &root, "agent", "doc:get"),
            (1, &one, "hop1-dpop", "blob:get"),
            (2, &two, "hop2-dpop", "row:get"),
        ] {
            let proof = domain.others.proof(dpop, HOPS[hop], token);
            let answer = domain.exchange(hop, token, &proof, scope);
            assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "{at} {hop}");
        }
    }
    // What nobody knows is as gone as what was revoked (RFC 7009 §2.2).
    assert_eq!(domain.revoke("hop1", "nothing")["status"], 200);
}

#[test]
fn a_root_token_that_was_revoked_founds_nothing() {
    let mut domain = Domain::start();
    let (root, proof) = domain.call("alice");
    assert_eq!(domain.revoke("hop1", &root)["status"], 200);
    let answer = domain.exchange(0, &root, &proof, "doc:get");
    assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused");
}

#[test]
fn grants_keys_and_used_proofs_outlive_a_restart() {
    let mut domain = Domain::start();
    let (root, used) = domain.call("alice");
    let (one, proof) = domain.next(0, &root, &used, "doc:get");
    let (revoked, _) = domain.call("bob");
    assert_eq!(domain.revoke("hop1", &revoked)["status"], 200);
    domain.sts = domain.sts.restart();
    domain.sts.wait_for("an issuer's keys changed");
    domain.next(1, &one, &proof, "blob:get");
    let answer = domain.exchange(0, &root, &used, "doc:get");
    assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "the proof was used");
    let proof = domain.others.proof("agent", HOPS[0], &revoked);
    let answer = domain.exchange(0, &revoked, &proof, "doc:get");
    assert_eq!(refusal(&answer).1, "authz.exchange.subject-refused", "it was revoked");
}

#[test]
fn a_client_is_its_document_and_proves_itself_by_its_key_alone() {
    const DOCUMENT: &str = "https://hop1.a.example/client.json";
    let mut domain = Domain::with(|draft, others| {
        let document = json!({
            "client_id": DOCUMENT, "token_endpoint_auth_method": "private_key_jwt",
            "jwks": { "keys": [others.jwk("document")] },
        });
        draft.write("hop1.client.json", &document.to_string());
        let known = std::fs::read_to_string(draft.config()).expect("a configuration");
        let other = known
            .replace("id = \"hop1\"\njwks = \"hop1.jwks.json\"", "document = \"hop1.client.json\"");
        assert_ne!(known, other);
        draft.write("sts.toml", &format!("needs_nonce = true\n{other}"));
        draft.write(
            "edges.json",
            &edges().to_string().replace("\"hop1\"", &format!("\"{DOCUMENT}\"")),
        );
    });
    let (root, proof) = domain.call("alice");
    let mut asked = domain.sts.exchange("hop1", &root, &proof, HOPS[1], "doc:get");
    asked["client"] = Value::Null;
    asked["form"]["client_id"] = json!(DOCUMENT);
    for (dpop, status) in [("thief", 401), ("document", 200)] {
        asked["dpop"] = json!(dpop);
        let answer = domain.others.ask("ask", asked.clone());
        assert_eq!(answer["status"], status, "{answer}");
    }
    // Another client is asked for a nonce, and proves itself with it.
    asked["form"]["client_id"] = json!("hop2");
    assert_eq!(domain.others.ask("ask", asked)["status"], 401, "hop 2 has no document");
}

#[test]
fn each_decision_is_recorded_exactly_and_without_a_secret() {
    let mut domain = Domain::start();
    let (root, proof) = domain.call("alice");
    let (one, _) = domain.next(0, &root, &proof, "doc:get");
    domain.exchange(0, &root, &proof, "doc:get");
    domain.exchange(1, &root, &proof, "blob:get");
    let text = domain.sts.decisions();
    let records: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let schema = harness::paths::tests_file("../docs/schema/decision.json");
    let schema = std::fs::read_to_string(schema).expect("a schema");
    let schema: Value = serde_json::from_str(&schema).expect("a schema");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    for record in &records {
        assert!(schema.is_valid(record), "{record}");
    }
    let [issued, replayed, stolen] = records.as_slice() else { panic!("three decisions: {text}") };
    let claims = domain.verify(&one, HOPS[1])["payload"].clone();
    assert_eq!((&issued["txn"], &issued["pth"]), (&claims["txn"], &claims["pth"]));
    assert_eq!((&issued["hop"], &issued["aud"]), (&json!(HOPS[0]), &json!(HOPS[1])));
    assert_eq!(issued["checks"].as_array().map(Vec::len), Some(14), "{issued}");
    assert_eq!(issued["granted"], json!(["doc:get"]));
    assert_eq!(replayed["code"], "authz.exchange.holder-unproven", "{replayed}");
    assert_eq!(stolen["code"], "authz.exchange.subject-not-for-requester", "{stolen}");
    for secret in [&root, &one, &proof] {
        let signature = secret.rsplit('.').next().expect("a signature");
        assert!(!text.contains(signature), "{text}");
    }
    assert!(!text.contains("alice"), "{text}");
}
