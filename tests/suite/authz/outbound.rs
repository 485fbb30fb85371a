//! A guard's outbound side: real guards in a row, an independent authorization server, our own token
//! service, the official suite's client scenarios.

mod conformance;

use std::fmt::Write as _;

use authz::token::{Algorithm, KeySet, Signer};
use harness::guard::{ALIAS, Listening};
use harness::http::{Answer, HttpClient, free_port};
use harness::{Draft, Fixture, Guard, Others, Sts};
use serde_json::{Value, json};

const SECRET: &str = "canary-client-secret-0123456789";

/// An agent, a guard that is hop 1, a guard that is hop 2, the conformance fixture behind it.
struct Row {
    others: Others,
    sts: Sts,
    hops: [String; 2],
    first: Listening,
    second: Listening,
    _kept: (Guard, Guard, Fixture),
}

impl Row {
    /// A row whose last server asks for these scopes.
    fn start(needed: &str, mode: &str) -> Self {
        let addresses = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        let hops = addresses.clone().map(|address| format!("http://{address}/mcp"));
        let mut others = Others::start(
            &json!({ &hops[0]: "files:read files:write", &hops[1]: "doc:get doc:put" }),
        );
        let key = Signer::generate(Algorithm::Es256).expect("a key");
        let draft = Draft::new();
        draft.trust(&others);
        draft.write("hop1.json", &KeySet(vec![key.public().clone()]).jwks().to_string());
        draft.configure("\n[[client]]\nid = \"hop1\"\njwks = \"hop1.json\"\n");
        draft.write("edges.json", &edges(&hops).to_string());
        let sts = draft.start();
        sts.wait_for("an issuer's keys changed");
        let fixture = Fixture::start();
        let back = protected(&mut others, &hops[1], needed, &[&sts.issuer]);
        let options = ["--mode", "observe", "--authorize", "authorize.toml"];
        let second = back.listen_at(&addresses[1], &options, fixture.url());
        let front = protected(&mut others, &hops[0], "\"files:read\"", &[]);
        let pem = key.to_pem().expect("a key is written");
        private(&front, "hop1.pem", pem.expose());
        private(&front, "secret", SECRET);
        let write = |name: &str, text: &str| {
            std::fs::write(front.file(name), text).expect("a scratch file");
        };
        write("edges.json", &edges(&hops).to_string());
        write(
            "outbound.toml",
            &format!(
                "resource = \"{}\"\nloopback = true\nedges = \"edges.json\"\nfrom = \"{}\"\n\
                 [caller]\nroute = \"exchange\"\nown = true\nissuer = \"{}\"\ndpop = \"required\"\n\
                 [caller.client]\nid = \"hop1\"\nkey = \"hop1.pem\"\n\
                 [service]\nroute = \"client-credentials\"\nissuer = \"{}\"\n\
                 profile = \"oidc-provider\"\ndpop = \"required\"\nscopes = [\"doc:get\", \"doc:put\"]\n\
                 [service.client]\nid = \"doctor\"\nsecret = \"secret\"\n",
                hops[1], hops[0], sts.issuer, others.issuer
            ),
        );
        // In this mode nothing passes that the guard could not list, as itself.
        let options =
            ["--mode", mode, "--authorize", "authorize.toml", "--outbound", "outbound.toml"];
        if mode == "fixed" {
            front.run(&["pin", "--name", ALIAS, "--outbound", "outbound.toml", &hops[1]]).expect(0);
        }
        let first = front.listen_at(&addresses[0], &options, &hops[1]);
        Self { others, sts, hops, first, second, _kept: (front, back, fixture) }
    }

    /// A call of a tool by an agent, in the modern era, with a proof of its own.
    fn call(&mut self, token: &str) -> Answer {
        let proof = self.others.proof("agent", &self.hops[0], token);
        call(self.first.url(), token, &proof)
    }
}

/// A guard that asks for tokens of the others, and of our own token service.
fn protected(others: &mut Others, resource: &str, scopes: &str, own: &[&str]) -> Guard {
    let guard = Guard::new();
    let mut config =
        format!("resource = \"{resource}\"\nscopes = [{scopes}]\ndpop_required = true\n");
    config.extend(own.iter().map(|own| format!("own = \"{own}\"\n")));
    let issuer = others.issuer.clone();
    for (at, issuer) in std::iter::once(issuer.as_str()).chain(own.iter().copied()).enumerate() {
        let jwks = others.ask("fetch", json!({ "url": format!("{issuer}/jwks") }));
        let jwks = jwks["text"].as_str().expect("keys");
        std::fs::write(guard.file(&format!("{at}.json")), jwks).expect("a scratch file");
        let _ = writeln!(config, "[[trusted]]\nissuer = \"{issuer}\"\njwks = \"{at}.json\"");
    }
    std::fs::write(guard.file("authorize.toml"), config).expect("a scratch file");
    guard
}

fn private(guard: &Guard, name: &str, text: &str) {
    std::fs::write(guard.file(name), text).expect("a scratch file");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(guard.file(name), mode).expect("a scratch file");
}

fn edges(hops: &[String; 2]) -> Value {
    json!({
        "version": 1,
        "servers": [
            { "resource": hops[0], "client": "hop1", "scopes": ["files:read", "files:write"] },
            { "resource": hops[1], "scopes": ["doc:get", "doc:put"] },
        ],
        "edges": [{
            "from": hops[0], "client": "hop1", "to": hops[1],
            "scopes": { "files:read": ["doc:get"], "files:write": ["doc:get", "doc:put"] },
        }],
    })
}

fn call(url: &str, token: &str, proof: &str) -> Answer {
    let version = "2026-07-28";
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": "test_simple_text", "arguments": {},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": version,
                "io.modelcontextprotocol/clientInfo": { "name": "agent", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    });
    let headers = [
        ("Accept", "application/json, text/event-stream"),
        ("Content-Type", "application/json"),
        ("MCP-Protocol-Version", version),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "test_simple_text"),
        ("Authorization", &format!("DPoP {token}")),
        ("DPoP", proof),
    ];
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    HttpClient::new(url).send("POST", &headers, body.to_string().as_bytes())
}

#[track_caller]
fn text(answer: Answer) -> String {
    String::from_utf8_lossy(&answer.bytes()).into_owned()
}

#[test]
fn a_call_through_two_guards_is_made_with_a_token_of_its_own_at_each() {
    let mut row = Row::start("\"doc:get\"", "fixed");
    let token = row.others.login("alice", &row.hops[0].clone(), "files:read", "agent");
    for _ in 0..3 {
        let answer = row.call(&token);
        let (status, said) = (answer.status, text(answer));
        assert_eq!(status, 200, "{said}\n{}\n{}", row.first.stderr(), row.second.stderr());
        assert!(said.contains("This is a simple text response"), "{said}");
    }
    // One exchange for three calls: for hop 2, by hop 1, of what the edge gives.
    let records = row.sts.decisions();
    let [record] = records.lines().collect::<Vec<_>>()[..] else { panic!("{records}") };
    let record: Value = serde_json::from_str(record).expect("JSON");
    assert_eq!((&record["hop"], &record["aud"]), (&json!(row.hops[0]), &json!(row.hops[1])));
    assert_eq!(record["granted"], json!(["doc:get"]));
    // Nobody passes on what they were shown: hop 2 refuses it.
    let proof = row.others.proof("agent", &row.hops[1], &token);
    assert_eq!(call(row.second.url(), &token, &proof).status, 401);
    for said in [row.first.stderr(), row.second.stderr(), row.sts.written()] {
        assert!(!said.contains("eyJ"), "a token is in the output: {said}");
        assert!(!said.contains(SECRET), "a secret is in the output");
    }
}

#[test]
fn what_the_next_server_lacks_is_asked_of_the_agent_by_its_own_names() {
    let mut row = Row::start("\"doc:get\", \"doc:put\"", "hold");
    let hop = row.hops[0].clone();
    let less = row.others.login("alice", &hop, "files:read", "agent");
    for _ in 0..2 {
        let answer = row.call(&less);
        let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
        let (status, said) = (answer.status, text(answer));
        assert_eq!(status, 403, "{said}\n{}", row.first.stderr());
        assert!(challenge.contains(r#"scope="files:read files:write""#), "{challenge}");
        assert!(challenge.contains("insufficient_scope"), "{challenge}");
        assert!(challenge.contains("/.well-known/oauth-protected-resource/mcp"), "{challenge}");
        assert!(!challenge.contains("doc:"), "the next server's names: {challenge}");
    }
    let more = row.others.login("alice", &hop, "files:read files:write", "agent");
    let answer = row.call(&more);
    let (status, said) = (answer.status, text(answer));
    assert_eq!(status, 200, "{said}");
}

#[test]
fn two_people_at_once_are_never_one_another() {
    let mut row = Row::start("\"doc:get\", \"doc:put\"", "hold");
    let hop = row.hops[0].clone();
    let alice = row.others.login("alice", &hop, "files:read files:write", "agent");
    let bob = row.others.login("bob", &hop, "files:read", "agent");
    let calls: Vec<_> = (0..32)
        .map(|at| {
            let (token, status) = if at % 2 == 0 { (&alice, 200) } else { (&bob, 403) };
            (token.clone(), row.others.proof("agent", &hop, token), status)
        })
        .collect();
    let url = row.first.url().to_owned();
    std::thread::scope(|scope| {
        for (token, proof, status) in &calls {
            let url = &url;
            scope.spawn(move || assert_eq!(call(url, token, proof).status, *status));
        }
    });
    let records = row.sts.decisions();
    let issued = records.lines().filter(|line| !line.contains("\"code\"")).count();
    assert!((1..=2).contains(&issued), "one exchange for each of them at most: {records}");
}

#[test]
fn what_does_not_fit_together_is_refused_at_the_start() {
    let guard = Guard::new();
    private(&guard, "secret", SECRET);
    let good = "resource = \"https://hop2.a.test/mcp\"\n";
    for (config, options, said) in [
        ("", &[][..], "there is no way to a token"),
        ("[service]\nroute = \"sign-in\"\n", &["--authorize", "authorize.toml"], "every caller"),
        (
            "[caller]\nroute = \"exchange\"\nissuer = \"https://sts.a.test\"\n[caller.client]\nid = \"a\"\n",
            &[],
            "nobody shows one",
        ),
        ("[caller]\nroute = \"client-credentials\"\n", &[], "it says nothing of who calls"),
        (
            "[service]\nroute = \"client-credentials\"\n[service.client]\nid = \"a\"\nsecret = \"secret\"\n",
            &[],
            "who issues tokens is not said",
        ),
        (
            "[service]\nroute = \"client-credentials\"\nissuer = \"http://as.a.test\"\n[service.client]\nid = \"a\"\n",
            &[],
            "http is accepted on loopback alone",
        ),
        ("[service]\nroute = \"sign-in\"\nscopse = []\n", &[], "unknown field"),
    ] {
        std::fs::write(guard.file("outbound.toml"), format!("{good}{config}")).expect("written");
        let authorize = "resource = \"https://hop1.a.test/mcp\"\n[[trusted]]\nissuer = \"https://a.test\"\njwks = \"k.json\"\n";
        std::fs::write(guard.file("authorize.toml"), authorize).expect("written");
        let key = Signer::generate(Algorithm::Es256).expect("a key");
        let jwks = KeySet(vec![key.public().clone()]).jwks().to_string();
        std::fs::write(guard.file("k.json"), jwks).expect("written");
        let mut line = vec!["guard", "--mode", "observe", "--listen", "127.0.0.1:0", "--upstream"];
        line.extend(["http://127.0.0.1:9/mcp", "--outbound", "outbound.toml"]);
        line.extend(options);
        let output = guard.run(&line);
        assert_eq!(output.code, Some(2), "{config}: {}", output.stderr);
        assert!(output.stderr.contains(said), "{config}: {}", output.stderr);
        assert!(output.stderr.contains("hint:"), "{config}: {}", output.stderr);
    }
}
