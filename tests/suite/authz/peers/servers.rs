//! The attacks of the threat table before authorization servers of others and one gateway; what came of them
//! stands in `docs/peers/authorization.md`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::http::recorder::Recorder;
use harness::program::peer::{SECRET, token};
use harness::{Others, Peer};
use serde_json::{Value, json};

pub(super) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// What no standard that binds these servers forbids.
const OURS: &[&str] = &[
    "one token for two servers",
    "a response that does not say who answers",
    "a token that another client holds and was not called with",
    "all that was held, by asking for nothing",
    "a ring: hop 1, hop 2, hop 1",
];
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What came of the attacks, by threat; a threat that is missing does not apply.
pub(super) type Outcomes = BTreeMap<&'static str, Vec<Tried>>;

/// One attack.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) what: &'static str,
    pub(super) is_accepted: bool,
    /// Whether we alone demand that it is refused.
    pub(super) is_ours: bool,
}

/// One peer under attack.
pub(super) struct Attacked<'a> {
    pub(super) others: &'a mut Others,
    pub(super) peer: &'a Peer,
    pub(super) resource: &'a str,
    pub(super) next: &'a str,
    pub(super) outcomes: Outcomes,
}

impl Attacked<'_> {
    pub(super) fn run(mut self) -> Outcomes {
        self.audiences();
        self.sign_in();
        self.proofs();
        self.fetches();
        self.oracle();
        if self.peer.offers(EXCHANGE) {
            self.exchange();
        }
        assert!(!self.peer.offers(JWT_BEARER), "T13 has to be tried at {}", self.peer.name);
        self.secrets();
        self.outcomes
    }

    fn tried(&mut self, threat: &'static str, what: &'static str, is_accepted: bool) {
        let is_ours = OURS.contains(&what);
        self.outcomes.entry(threat).or_default().push(Tried { what, is_accepted, is_ours });
    }

    /// T2, T4, T19: what a client may ask for itself.
    fn audiences(&mut self) {
        let ask = |it: &mut Self, pairs: &[(&str, &str)]| {
            let mut form = vec![("grant_type", "client_credentials")];
            form.extend(pairs);
            it.peer.ask(it.others, "doctor", None, json!(form))
        };
        let scope = ("scope", "files:read");
        let (resource, next) = (("resource", self.resource), ("resource", self.next));
        let two = ask(self, &[resource, next, scope]);
        let is_two =
            claims(&two).is_some_and(|it| it["aud"].as_array().is_some_and(|all| all.len() > 1));
        self.tried("T2", "one token for two servers", is_two);
        let foreign = ask(self, &[("resource", "https://other.example/mcp"), scope]);
        let is_stamped =
            claims(&foreign).is_some_and(|it| it["aud"] == "https://other.example/mcp");
        self.tried("T2", "a token for a server that nobody declared", is_stamped);
        let child = format!("{}/child", self.resource);
        let below = ask(self, &[("resource", &child), scope]);
        let is_stamped = claims(&below).is_some_and(|it| it["aud"] == child.as_str());
        self.tried("T19", "a token for a path below a declared one", is_stamped);
        let wider = ask(self, &[resource, ("scope", "files:read files:all")]);
        self.tried("T4", "a scope that the client does not have", holds(&wider, "files:all"));
    }

    /// T11, T12: the front channel.
    fn sign_in(&mut self) {
        let (peer, resource) = (self.peer, self.resource);
        let good = peer.code(self.others, None, resource, "files:read", json!({}));
        token(&good);
        let is_named = good["said"]["iss"] == peer.issuer.as_str();
        self.tried("T12", "a response that does not say who answers", !is_named);
        let evil = json!({ "redirect_uri": "http://127.0.0.1:1/evil" });
        let answer = peer.authorize(self.others, resource, evil);
        let place = answer["location"].as_str().unwrap_or_default().to_owned();
        let is_sent = place.starts_with("http://127.0.0.1:1/evil");
        self.tried(
            "T11",
            "a redirect to somewhere else",
            is_sent || place.contains("/interaction"),
        );
        let without = json!({ "code_challenge": null, "code_challenge_method": null });
        let answer = peer.authorize(self.others, resource, without);
        let place = answer["location"].as_str().unwrap_or_default().to_owned();
        let is_open = place.contains("/interaction") || !answer["said"]["code"].is_null();
        self.tried("T11", "a code without PKCE", is_open || answer["status"] == 200);
        let other = json!({ "verifier": "x".repeat(43) });
        let answer = peer.code(self.others, None, resource, "files:read", other);
        self.tried("T11", "a stolen code with another verifier", is_issued(&answer));
        let answer = peer.code(self.others, None, resource, "files:read", json!({ "again": true }));
        self.tried("T11", "a code for the second time", is_issued(&answer));
    }

    /// T10 at the token endpoint.
    fn proofs(&mut self) {
        let endpoint = self.peer.endpoint("token_endpoint").to_owned();
        let now_s = self.others.now_s();
        let made = |it: &mut Self, claims: Value, header: Value| {
            let asked =
                json!({ "by": "doctor-dpop", "uri": endpoint, "claims": claims, "header": header });
            it.others.ask("proof", asked)["proof"].as_str().expect("a proof").to_owned()
        };
        let good = made(self, json!({}), json!({}));
        let first = self.shown(&good);
        assert_eq!(first["status"], 200, "{} takes no proof: {first}", self.peer.name);
        assert!(claims(&first).is_some_and(|it| it["cnf"]["jkt"].is_string()), "{first}");
        let again = self.shown(&good);
        self.tried("T10", "a replayed proof", is_issued(&again));
        let jwk = self.others.jwk("doctor-dpop");
        let private = json!({ "kty": jwk["kty"], "crv": jwk["crv"], "x": jwk["x"], "y": jwk["y"],
            "d": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE" });
        for (what, claims, header) in [
            (
                "a proof for another place",
                json!({ "htu": "https://other.example/token" }),
                json!({}),
            ),
            ("a proof for another method", json!({ "htm": "GET" }), json!({})),
            ("a proof of an hour ago", json!({ "iat": now_s - 3600 }), json!({})),
            ("a proof of another type", json!({}), json!({ "typ": "JWT" })),
            ("a proof with its private key", json!({}), json!({ "jwk": private })),
        ] {
            let proof = made(self, claims, header);
            let answer = self.shown(&proof);
            self.tried("T10", what, is_issued(&answer));
        }
        let good = made(self, json!({}), json!({}));
        let mut parts = good.split('.');
        let header = decoded(parts.next().expect("a header"));
        let (mut header, body) = (header, parts.next().expect("a body"));
        header["alg"] = json!("none");
        let none = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(header.to_string()));
        let answer = self.shown(&none);
        self.tried("T10", "a proof without a signature", is_issued(&answer));
    }

    fn shown(&mut self, proof: &str) -> Value {
        let form = json!({ "grant_type": "client_credentials", "resource": self.resource,
            "scope": "files:read" });
        self.others.ask(
            "token",
            json!({ "endpoint": self.peer.endpoint("token_endpoint"), "client": "doctor",
                    "secret": SECRET, "proof": proof, "form": form }),
        )
    }

    /// T15: a client that is a URL, on this machine.
    fn fetches(&mut self) {
        let inside = Recorder::start();
        let client = inside.url.replace("/mcp", "/client.json");
        let known = inside.seen().len();
        self.peer.authorize(self.others, self.resource, json!({ "client_id": client }));
        let after = inside.seen().len();
        self.tried("T15", "a client that is a URL inside", after > known);
        self.peer.authorize(self.others, self.resource, json!({ "request_uri": client }));
        self.tried("T15", "a request that is a URL inside", inside.seen().len() > after);
    }

    /// T22: whether an answer tells which client exists.
    fn oracle(&mut self) {
        let endpoint = self.peer.endpoint("token_endpoint").to_owned();
        let form = json!({ "grant_type": "client_credentials", "resource": self.resource,
            "scope": "files:read" });
        let [known, unknown] = ["doctor", "nobody"].map(|client| {
            let asked =
                json!({ "endpoint": endpoint, "client": client, "secret": "wrong", "form": form });
            let answer = self.others.ask("token", asked);
            assert_ne!(answer["status"], 200, "{answer}");
            (answer["status"].clone(), answer["text"].clone())
        });
        self.tried("T22", "whether a client exists, by a wrong secret", known != unknown);
    }

    /// T3, T4, T5, T6, T8, T9, T14, T17: exchange (RFC 8693).
    fn exchange(&mut self) {
        let (peer, resource, next) = (self.peer, self.resource, self.next);
        let alice = token(&peer.code(self.others, None, resource, "files:read", json!({})));
        let bound = peer.code(self.others, Some("agent"), resource, "files:read", json!({}));
        let bound = token(&bound);
        let stolen = self.exchanged("hop2", &alice, resource, "files:read", &json!({}));
        self.tried(
            "T3",
            "a token that another client holds and was not called with",
            is_issued(&stolen),
        );
        let wider = self.exchanged("hop1", &alice, resource, "files:read files:write", &json!({}));
        self.tried("T4", "a wider scope", holds(&wider, "files:write"));
        let further = self.exchanged("hop1", &alice, next, "files:read", &json!({}));
        self.tried("T4", "a server that was not granted", is_issued(&further));
        let all = peer.code(self.others, None, resource, "files:read files:write", json!({}));
        let whole = self.exchanged("hop1", &token(&all), resource, "", &json!({}));
        self.tried("T5", "all that was held, by asking for nothing", holds(&whole, "files:write"));
        let actor = token(&peer.ask(
            self.others,
            "hop2",
            None,
            json!({
            "grant_type": "client_credentials", "resource": next, "scope": "files:read" }),
        ));
        let with = json!({ "actor_token": actor, "actor_token_type": ACCESS_TOKEN });
        let acted = self.exchanged("hop1", &alice, resource, "files:read", &with);
        self.tried("T6", "an actor token of another client", is_issued(&acted));
        let mut ring = alice.clone();
        let mut closed = true;
        for hop in ["hop1", "hop2", "hop1"] {
            let own = token(&peer.ask(
                self.others,
                hop,
                None,
                json!({
                "grant_type": "client_credentials", "resource": resource, "scope": "files:read" }),
            ));
            let with = json!({ "actor_token": own, "actor_token_type": ACCESS_TOKEN });
            let answer = self.exchanged(hop, &ring, resource, "files:read", &with);
            closed = closed && is_issued(&answer);
            if closed {
                ring = token(&answer);
            }
        }
        self.tried("T8", "a ring: hop 1, hop 2, hop 1", closed);
        let unproven = self.exchanged("hop1", &bound, resource, "files:read", &json!({}));
        self.tried("T9", "a bound token without its holder", is_issued(&unproven));
        let foreign = self.others.login("bob", resource, "files:read", "agent");
        let proof = self.others.proof("agent", resource, &alice);
        for (what, subject) in
            [("a token of another issuer", foreign), ("a proof as the subject", proof)]
        {
            let answer = self.exchanged("hop1", &subject, resource, "files:read", &json!({}));
            self.tried("T14", what, is_issued(&answer));
        }
        let mut parts = alice.split('.');
        let (head, body) = (parts.next().expect("a header"), parts.next().expect("claims"));
        let mut header = decoded(head);
        header["alg"] = json!("none");
        let none = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(header.to_string()));
        let answer = self.exchanged("hop1", &none, resource, "files:read", &json!({}));
        self.tried("T17", "a subject token without a signature", is_issued(&answer));
    }

    fn exchanged(&mut self, by: &str, subject: &str, to: &str, scope: &str, more: &Value) -> Value {
        let mut form = json!({ "grant_type": EXCHANGE, "subject_token": subject,
            "subject_token_type": ACCESS_TOKEN, "resource": to });
        if !scope.is_empty() {
            form["scope"] = json!(scope);
        }
        for (name, value) in more.as_object().into_iter().flatten() {
            form[name] = value.clone();
        }
        self.peer.ask(self.others, by, None, form)
    }

    /// T21: what it wrote of all this.
    fn secrets(&mut self) {
        let own = self.others.written();
        let written = self.peer.written() + &own;
        let is_shown = written.contains("eyJ") || written.contains(SECRET);
        self.tried("T21", "a token or a secret in what it writes", is_shown);
    }
}

fn is_issued(answer: &Value) -> bool {
    answer["status"] == 200 && answer["body"]["access_token"].is_string()
}

/// The claims of a token that was issued; nobody's signature is checked here.
fn claims(answer: &Value) -> Option<Value> {
    let token = answer["body"]["access_token"].as_str().filter(|_| is_issued(answer))?;
    token.split('.').nth(1).map(decoded)
}

fn holds(answer: &Value, scope: &str) -> bool {
    let held = claims(answer).map(|it| it["scope"].as_str().unwrap_or_default().to_owned());
    held.is_some_and(|held| held.split(' ').any(|one| one == scope))
}

fn decoded(part: &str) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("Base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}
