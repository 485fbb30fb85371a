//! Authorization servers that nobody here wrote: their tokens before our guard and our token service.

mod attacked;
mod conformance;
mod servers;
mod table;
mod threats;

use std::fmt::Write as _;

use harness::guard::{Guard, Listening};
use harness::http::free_port;
use harness::http::recorder::Recorder;
use harness::program::peer::token;
use harness::{Draft, HttpClient, Others, Peer, Sts};
use serde_json::{Value, json};

use servers::EXCHANGE;

/// Two resources with a guard each, a token service, and the servers that issue tokens for them.
struct World {
    others: Others,
    peers: Vec<Peer>,
    resource: String,
    next: String,
    guards: [Protected; 2],
    sts: Sts,
}

/// A guard before a server that answers everything alike.
struct Protected {
    listening: Listening,
    _guard: Guard,
    _upstream: Recorder,
}

impl Protected {
    fn start(address: &str, others: &mut Others, peers: &[Peer]) -> Self {
        let (guard, upstream) = (Guard::new(), Recorder::start());
        let mut config =
            format!("resource = \"http://{address}/mcp\"\nscopes = [\"files:read\"]\n");
        for (at, peer) in peers.iter().enumerate() {
            let jwks = others.ask("fetch", json!({ "url": peer.jwks }));
            let text = jwks["text"].as_str().expect("keys");
            std::fs::write(guard.file(&format!("{at}.json")), text).expect("written");
            let issuer = &peer.issuer;
            let _ = writeln!(config, "[[trusted]]\nissuer = \"{issuer}\"\njwks = \"{at}.json\"");
        }
        std::fs::write(guard.file("authorize.toml"), config).expect("written");
        let options = ["--mode", "observe", "--authorize", "authorize.toml"];
        let listening = guard.listen_at(address, &options, &upstream.url);
        Self { listening, _guard: guard, _upstream: upstream }
    }
}

impl World {
    fn start() -> Self {
        let [first, second] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        let [resource, next] = [&first, &second].map(|address| format!("http://{address}/mcp"));
        let resources = json!({ &resource: "files:read files:write", &next: "files:read" });
        let mut others = Others::start(&resources);
        let peers = vec![
            Peer::oidc_provider(&mut others),
            Peer::glewlwyd(&mut others, &resources),
            Peer::oauth_as(&mut others, &resources),
        ];
        let guards =
            [&first, &second].map(|address| Protected::start(address, &mut others, &peers));
        let draft = Draft::new();
        let addresses: Vec<_> = peers.iter().map(Peer::address).collect();
        draft.prepend(&format!("home = {:?}\nexceptions = {addresses:?}\n", peers[0].issuer));
        for Peer { issuer, jwks, .. } in &peers {
            draft.configure(&format!(
                "\n[[trusted]]\nissuer = \"{issuer}\"\njwks_url = \"{jwks}\"\n"
            ));
        }
        draft.client(&mut others, "hop1", "hop1");
        draft.write("edges.json", &edges(&resource, &next).to_string());
        let sts = draft.start();
        sts.wait_for("an issuer's keys changed");
        Self { others, peers, resource, next, guards, sts }
    }

    /// What a guard answers to a token, with the holder's proof if it is bound.
    fn call(&mut self, at: usize, token: &str, holder: Option<&str>) -> u16 {
        let mut headers = vec![
            ("Accept".to_owned(), "application/json, text/event-stream".to_owned()),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        let scheme = if holder.is_some() { "DPoP" } else { "Bearer" };
        headers.push(("Authorization".to_owned(), format!("{scheme} {token}")));
        let url = self.guards[at].listening.url().to_owned();
        if let Some(by) = holder {
            headers.push(("DPoP".to_owned(), self.others.proof(by, &url, token)));
        }
        let body = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        HttpClient::new(&url).send("POST", &headers, body).status
    }

    /// What our token service answers to hop 1 that was called with the token.
    fn exchange(&mut self, token: &str, holder: Option<&str>) -> Value {
        let proof = holder.map(|by| self.others.proof(by, &self.resource, token));
        let proof = proof.unwrap_or_default();
        let mut asked = self.sts.exchange("hop1", token, &proof, &self.next, "doc:get");
        if proof.is_empty() {
            asked["form"].as_object_mut().expect("a form").remove("subject_token_proof");
        }
        self.others.ask("ask", asked)
    }

    /// A token that has to be worth something here: to the guard, and to the token service.
    #[track_caller]
    fn counts(&mut self, name: &str, token: &str, holder: Option<&str>) {
        assert_eq!(
            self.call(0, token, holder),
            200,
            "{name}: {}",
            self.guards[0].listening.stderr()
        );
        let answer = self.exchange(token, holder);
        assert_eq!(answer["status"], 200, "{name}: {answer}\n{}", self.sts.decisions());
        let made = harness::program::peer::token(&answer);
        let read = self.others.ask(
            "verify",
            json!({ "token": made, "jwks": self.sts.endpoint("jwks"),
                    "issuer": self.sts.issuer, "audience": self.next }),
        );
        assert_eq!(read["payload"]["scope"], "doc:get", "{name}");
        assert_eq!(read["payload"]["act"]["sub"], "hop1", "{name}");
    }
}

fn edges(resource: &str, next: &str) -> Value {
    json!({
        "version": 1,
        "servers": [
            { "resource": resource, "client": "hop1", "scopes": ["files:read", "files:write"] },
            { "resource": next, "scopes": ["doc:get"] },
        ],
        "edges": [{ "from": resource, "client": "hop1", "to": next,
                    "assurance": { "bound": false }, "scopes": { "files:read": ["doc:get"] } }],
    })
}

#[test]
fn tokens_of_three_servers_count_at_the_guard_and_are_exchanged() {
    let mut world = World::start();
    let peers = std::mem::take(&mut world.peers);
    let resource = world.resource.clone();
    for peer in &peers {
        for holder in [None, Some("agent")] {
            let others = &mut world.others;
            let code = peer.code(others, holder, &resource, "files:read", json!({}));
            let alice = token(&code);
            let credentials = peer.credentials(others, holder, &resource, "files:read");
            let itself = token(&credentials);
            world.counts(&format!("{} code {holder:?}", peer.name), &alice, holder);
            world.counts(&format!("{} credentials {holder:?}", peer.name), &itself, holder);
        }
    }
}

#[test]
fn a_token_that_oauth_as_exchanged_is_exchanged_on() {
    let mut world = World::start();
    let peers = std::mem::take(&mut world.peers);
    let resource = world.resource.clone();
    let peer = peers.iter().find(|peer| peer.offers(EXCHANGE)).expect("one exchanges");
    let code = peer.code(&mut world.others, None, &resource, "files:read files:write", json!({}));
    let form = json!({
        "grant_type": EXCHANGE, "subject_token": token(&code), "resource": resource,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "scope": "files:read",
    });
    let exchanged = peer.ask(&mut world.others, "hop2", None, form);
    assert_eq!(exchanged["body"]["scope"], "files:read", "{exchanged}");
    world.counts("exchanged", &token(&exchanged), None);
}

#[test]
fn t2_tokens_of_three_issuers_count_at_one_server_each() {
    let mut world = World::start();
    let peers = std::mem::take(&mut world.peers);
    let resources = [world.resource.clone(), world.next.clone()];
    for peer in &peers {
        for holder in [None, Some("agent")] {
            for (own, resource) in resources.iter().enumerate() {
                let answer = peer.credentials(&mut world.others, holder, resource, "files:read");
                let token = token(&answer);
                for at in [0, 1] {
                    let expected = if at == own { 200 } else { 401 };
                    let status = world.call(at, &token, holder);
                    assert_eq!(status, expected, "{}: {resource} at {at}", peer.name);
                }
            }
        }
    }
    for guard in &world.guards {
        assert!(guard.listening.stderr().contains("authz.guard.audience-mismatch"));
    }
}
