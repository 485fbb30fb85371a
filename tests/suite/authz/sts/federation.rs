//! Events that end grants, and assertions between two domains.

use std::time::{Duration, Instant};

use harness::{Draft, Others};
use serde_json::{Value, json};

use super::{Domain, HOPS, edges, refusal};

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";

/// A domain whose transmitter `ssf` may speak of the subjects of its authorization server.
fn told(poll: bool) -> Domain {
    transmitted(poll, |_| ())
}

/// The same, pushed, with more configuration.
pub(super) fn told_with(configure: impl FnOnce(&Draft)) -> Domain {
    transmitted(false, configure)
}

fn transmitted(poll: bool, configure: impl FnOnce(&Draft)) -> Domain {
    Domain::with(|draft, others| {
        configure(draft);
        draft.write("ssf.jwks.json", &json!({ "keys": [others.jwk("ssf")] }).to_string());
        let issuer = &others.issuer;
        let more = if poll {
            draft.write_private("poll.token", "poll-token\n");
            format!("poll = \"{issuer}/poll\"\ntoken_file = \"poll.token\"\n")
        } else {
            String::new()
        };
        draft.configure(&format!(
            "\n[[transmitter]]\nissuer = \"https://ssf.a.example\"\njwks = \"ssf.jwks.json\"\n\
             subjects = [\"{issuer}\"]\n{more}"
        ));
    })
}

impl Domain {
    /// A security event token about a person.
    pub(super) fn event(&mut self, by: &str, person: &str, more: Value) -> String {
        let now = self.others.now_s();
        let mut claims = json!({
            "iss": "https://ssf.a.example", "aud": self.sts.issuer, "iat": now,
            "jti": format!("e-{person}-{more}"),
            "sub_id": { "format": "iss_sub", "iss": self.others.issuer, "sub": person },
            "events": { format!("{CAEP}session-revoked"): { "event_timestamp": now } },
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let asked = json!({ "by": by, "typ": "secevent+jwt", "claims": claims });
        let made = self.others.ask("sign", asked);
        made["token"].as_str().expect("a token").to_owned()
    }

    pub(super) fn push(&mut self, set: &str) -> Value {
        let endpoint = self.sts.endpoint("events");
        self.others.ask("push", json!({ "endpoint": endpoint, "set": set }))
    }

    /// Whether hop 1 still gets a token for hop 2 with this one.
    fn is_alive(&mut self, root: &str) -> bool {
        let proof = self.others.proof("agent", HOPS[0], root);
        self.exchange(0, root, &proof, "doc:get")["status"] == 200
    }
}

#[test]
fn an_event_ends_everything_of_its_subject_within_a_second_and_nothing_of_others() {
    let mut domain = told(false);
    let (root, proof) = domain.call("alice");
    let (one, _) = domain.next(0, &root, &proof, "doc:get doc:put");
    let (bobs, _) = domain.call("bob");
    assert!(domain.is_alive(&root) && domain.is_alive(&bobs));
    let set = domain.event("ssf", "alice", json!({}));
    let told = Instant::now();
    let answer = domain.push(&set);
    assert_eq!((answer["status"].as_u64(), answer["text"].as_str()), (Some(202), Some("")));
    let proof = domain.others.proof("hop1-dpop", HOPS[1], &one);
    let denied = domain.exchange(1, &one, &proof, "blob:get");
    let elapsed = told.elapsed();
    assert_eq!(refusal(&denied).1, "authz.exchange.subject-refused");
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
    assert!(!domain.is_alive(&root));
    assert!(domain.is_alive(&bobs), "the same event is nothing to somebody else");
    // Told again it is acknowledged again, and a later login is another grant.
    assert_eq!(domain.push(&set)["status"], 202);
    std::thread::sleep(Duration::from_millis(1100));
    let (fresh, _) = domain.call("alice");
    assert!(domain.is_alive(&fresh));
    assert_eq!(domain.push(&set)["status"], 202);
    assert!(domain.is_alive(&fresh), "an event is older than what is granted after it");
    // Durable: a service that was stopped has not forgotten.
    domain.sts = domain.sts.restart();
    domain.sts.wait_for("an issuer's keys changed");
    assert!(!domain.is_alive(&root) && domain.is_alive(&fresh));
}

#[test]
fn what_is_no_event_of_the_transmitter_for_us_ends_nothing() {
    let mut domain = told(false);
    let (root, _) = domain.call("alice");
    assert!(domain.is_alive(&root));
    let other = domain.others.issuer.clone() + "/other";
    let issuer = domain.others.issuer.clone();
    for (by, more, word) in [
        ("thief", json!({}), "invalid_key"),
        ("ssf", json!({ "iss": "https://ssf.b.example" }), "invalid_issuer"),
        ("ssf", json!({ "aud": "https://sts.b.example" }), "invalid_audience"),
        (
            "ssf",
            json!({ "sub_id": { "format": "iss_sub", "iss": other, "sub": "alice" } }),
            "invalid_issuer",
        ),
        ("ssf", json!({ "sub_id": { "format": "opaque", "id": "alice" } }), "invalid_request"),
        ("ssf", json!({ "iat": 4_000_000_000_u64 }), "invalid_request"),
    ] {
        let set = domain.event(by, "alice", more.clone());
        let answer = domain.push(&set);
        assert_eq!(answer["status"], 400, "{more}: {answer}");
        assert_eq!(answer["body"]["err"], word, "{more}: {answer}");
    }
    // The same claims as another kind of token, and an access token as an event.
    let claims = json!({ "iss": "https://ssf.a.example", "aud": domain.sts.issuer, "iat": 1, "jti": "j",
        "sub_id": { "format": "iss_sub", "iss": issuer, "sub": "alice" },
        "events": { format!("{CAEP}session-revoked"): {} } });
    for typ in ["JWT", "at+jwt", "dpop+jwt"] {
        let made = domain.others.ask("sign", json!({ "by": "ssf", "typ": typ, "claims": claims }));
        let answer = domain.push(made["token"].as_str().expect("a token"));
        assert_eq!(answer["body"]["err"], "invalid_request", "{typ}");
    }
    assert_eq!(domain.push(&root)["body"]["err"], "invalid_request");
    assert!(domain.is_alive(&root));
}

#[test]
fn an_event_that_is_polled_is_acknowledged_once_it_is_recorded() {
    let mut domain = told(true);
    let (root, _) = domain.call("alice");
    assert!(domain.is_alive(&root));
    let set = domain.event("ssf", "alice", json!({ "jti": "good" }));
    let bad = domain.event("thief", "alice", json!({ "jti": "bad" }));
    domain.others.ask("wait", json!({ "jti": "bad", "set": bad }));
    let told = Instant::now();
    domain.others.ask("wait", json!({ "jti": "good", "set": set }));
    while domain.is_alive(&root) {
        assert!(told.elapsed() < Duration::from_secs(1), "{}", domain.sts.written());
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let done = domain.others.ask("acknowledged", json!({}))["acknowledged"].clone();
        if done.as_array().is_some_and(|done| done.len() >= 2) {
            let done: Vec<_> = done.as_array().into_iter().flatten().collect();
            assert!(
                done.contains(&&json!("good")) && done.contains(&&json!("refused bad")),
                "{done:?}"
            );
            break;
        }
        assert!(Instant::now() < deadline, "{done}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Two domains: a person and hops of A, a server of B.
pub(super) struct Two {
    pub(super) a: Domain,
    pub(super) b: harness::Sts,
}

pub(super) const THERE: &str = "http://127.0.0.1:9103/mcp";
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";

fn two() -> Two {
    two_with(|_, _| ())
}

/// The same with more configuration of A.
pub(super) fn two_with(configure: impl FnOnce(&Draft, &mut Others)) -> Two {
    let mut others = Others::start(&json!({ HOPS[0]: "files:read files:write" }));
    let (here, there) = (Draft::new(), Draft::new());
    here.trust(&others);
    for hop in ["hop1", "hop2", "hop3"] {
        here.client(&mut others, hop, hop);
    }
    let mut edges = edges();
    let list = edges["servers"].as_array_mut().expect("servers");
    list.push(json!({ "resource": THERE, "scopes": ["far:get"] }));
    let list = edges["edges"].as_array_mut().expect("edges");
    list.push(json!({ "from": HOPS[0], "client": "hop1", "to": THERE, "via": "id-jag",
        "profile": "b", "scopes": { "files:read": ["far:get"] } }));
    here.write("edges.json", &edges.to_string());
    here.write_private("b.key", "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA\n");
    here.configure(&format!(
        "\n[[domain]]\nissuer = \"{}\"\nresources = [\"{THERE}\"]\npairwise_key = \"b.key\"\n\
         clients = {{ hop1 = \"hop1-at-b\" }}\n",
        there.issuer
    ));
    there.client(&mut others, "hop1-at-b", "hop1");
    let far = json!({ "version": 1, "edges": [],
        "servers": [{ "resource": THERE, "scopes": ["far:get", "far:put"] }] });
    there.write("edges.json", &far.to_string());
    let address = here.issuer.trim_start_matches("http://").to_owned();
    there.prepend(&format!("exceptions = [\"{address}\"]\n"));
    there.configure(&format!(
        "\n[[accept]]\nissuer = \"{0}\"\njwks_url = \"{0}/jwks\"\nresources = [\"{THERE}\"]\n",
        here.issuer
    ));
    configure(&here, &mut others);
    let sts = here.start();
    sts.wait_for("an issuer's keys changed");
    let b = there.start();
    b.wait_for("an issuer's keys changed");
    Two { a: Domain { others, sts }, b }
}

impl Two {
    /// An assertion for domain B of who called hop 1.
    pub(super) fn assert(&mut self, root: &str, proof: &str) -> Value {
        let mut asked = self.a.sts.exchange("hop1", root, proof, THERE, "far:get");
        asked["form"]["requested_token_type"] = json!(ID_JAG);
        asked["form"]["audience"] = json!(self.b.issuer);
        self.a.others.ask("ask", asked)
    }

    /// Shows an assertion to domain B.
    pub(super) fn redeem(&mut self, assertion: &str, dpop: &str) -> Value {
        self.a.others.ask(
            "ask",
            json!({
                "endpoint": self.b.endpoint("token"), "issuer": self.b.issuer, "client": "hop1-at-b",
                "by": "hop1", "dpop": dpop,
                "form": { "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                          "assertion": assertion, "resource": THERE },
            }),
        )
    }
}

#[test]
fn a_person_of_one_domain_reaches_the_other_under_another_name() {
    let mut two = two();
    let (root, proof) = two.a.call("alice");
    let answer = two.assert(&root, &proof);
    assert_eq!(answer["status"], 200, "{answer}\n{}", two.a.sts.written());
    assert_eq!(answer["body"]["token_type"], "N_A");
    assert_eq!(answer["body"]["issued_token_type"], ID_JAG);
    let assertion = answer["body"]["access_token"].as_str().expect("an assertion").to_owned();
    // The draft binds it: another key gets nothing, and the assertion is not used up by the attempt.
    let thief = two.redeem(&assertion, "thief");
    assert_eq!(refusal(&thief).0, "invalid_grant", "{thief}");
    let answer = two.redeem(&assertion, "hop1-dpop");
    assert_eq!(answer["status"], 200, "{answer}\n{}", two.b.written());
    assert_eq!(answer["body"]["token_type"], "DPoP");
    assert!(answer["body"]["refresh_token"].is_null());
    let token = answer["body"]["access_token"].as_str().expect("a token").to_owned();
    let read = two.a.others.ask(
        "verify",
        json!({ "token": token, "jwks": two.b.endpoint("jwks"), "issuer": two.b.issuer,
                "audience": THERE }),
    );
    let claims = &read["payload"];
    assert_ne!(claims["sub"], "alice");
    assert_eq!(claims["scope"], "far:get");
    assert_eq!(claims["client_id"], "hop1-at-b");
    assert_eq!(claims["act"]["sub"], "hop1-at-b", "{claims}");
    // Shown twice.
    let again = two.redeem(&assertion, "hop1-dpop");
    assert_eq!(refusal(&again).1, "authz.federation.replayed");
    // Each was decided, and each decision is recorded, as those of an exchange are.
    let records = two.b.decisions();
    let records: Vec<Value> =
        records.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let schema =
        std::fs::read_to_string(harness::paths::tests_file("../docs/schema/decision.json"));
    let schema: Value = serde_json::from_str(&schema.expect("a schema")).expect("a schema");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    assert!(records.iter().all(|record| schema.is_valid(record)), "{records:?}");
    let [stolen, issued, replayed] = records.as_slice() else { panic!("three: {records:?}") };
    assert_eq!(stolen["code"], "authz.federation.holder-unproven");
    assert_eq!(replayed["code"], "authz.federation.replayed");
    assert_eq!((&issued["txn"], &issued["pth"]), (&claims["txn"], &claims["pth"]));
    assert_eq!((&issued["actor"], &issued["aud"]), (&json!("hop1-at-b"), &json!(THERE)));
    assert_eq!((&issued["granted"], &issued["code"]), (&json!(["far:get"]), &Value::Null));
    let checks = json!(["X1", "X8", "assertion", "X5", "X12", "X10"]);
    assert_eq!(issued["checks"], checks);
    // Nothing of A's name for her in B.
    let grants = String::from_utf8_lossy(&two.b.grants()).into_owned();
    assert!(!grants.contains("alice") && !two.b.written().contains("alice"));
    // Another token as an assertion.
    let confused = two.redeem(&root, "hop1-dpop");
    assert_eq!(refusal(&confused).1, "authz.federation.type");
}

/// How long from the push of an event to a denied call, beside a call that is served: the 99th of 100.
/// `COUNTERSIGN_EVENTS` makes it another number.
#[test]
fn from_an_event_to_a_denied_call_p99_is_below_a_second() {
    let count = std::env::var("COUNTERSIGN_EVENTS").ok().and_then(|text| text.parse().ok());
    let count: usize = count.unwrap_or(20);
    let mut domain = told(false);
    let (mut denied, mut served) = (Vec::new(), Vec::new());
    for at in 0..count {
        let person = format!("person-{at}");
        let (root, proof) = domain.call(&person);
        let started = Instant::now();
        domain.next(0, &root, &proof, "doc:get");
        served.push(started.elapsed());
        let set = domain.event("ssf", &person, json!({}));
        let told = Instant::now();
        assert_eq!(domain.push(&set)["status"], 202);
        assert!(!domain.is_alive(&root));
        denied.push(told.elapsed());
    }
    let p99 = |times: &mut Vec<Duration>| {
        times.sort();
        times[(times.len() * 99).div_ceil(100) - 1]
    };
    let (denied, served) = (p99(&mut denied), p99(&mut served));
    println!("event to denied call p99 {denied:?}, an exchange p99 {served:?}, {count} times");
    assert!(denied < Duration::from_secs(1), "{denied:?}");
}
