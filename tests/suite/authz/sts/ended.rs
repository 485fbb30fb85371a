//! Guards that are told what ended (G11), by the real service and the real guard.

use std::time::{Duration, Instant};

use harness::Guard;
use harness::guard::Listening;
use harness::http::HttpClient;
use harness::http::recorder::Recorder;
use serde_json::json;

use super::federation::told_with;
use super::{Domain, HOPS};

/// A guard before a hop, which asks the service what ended.
fn guard(domain: &Domain, hop: usize, folder: &Guard, upstream: &Recorder) -> Listening {
    let (issuer, own) = (&domain.others.issuer, &domain.sts.issuer);
    let own_address = own.trim_start_matches("http://");
    let config = format!(
        "resource = \"{}\"\nown = \"{own}\"\nexceptions = [\"{}\", \"{own_address}\"]\n\
         [grants]\nurl = \"{own}/ended\"\nkey = \"ended.key\"\n\
         [[trusted]]\nissuer = \"{own}\"\njwks_url = \"{own}/jwks\"\n\
         [[trusted]]\nissuer = \"{issuer}\"\njwks_url = \"{issuer}/jwks\"\n",
        HOPS[hop], domain.others.address,
    );
    std::fs::write(folder.file("authorize.toml"), config).expect("a scratch file");
    std::fs::write(folder.file("ended.key"), KEY).expect("a scratch file");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(folder.file("ended.key"), mode).expect("a scratch file");
    let options = ["--mode", "observe", "--authorize", "authorize.toml"];
    folder.listen(&options, &upstream.url)
}

/// Calls a guarded hop; the status, and the code of a refusal.
fn call(
    domain: &mut Domain,
    guard: &Listening,
    hop: usize,
    by: &str,
    token: &str,
) -> (u16, String) {
    let proof = domain.others.proof(by, HOPS[hop], token);
    let headers = [
        ("Accept", "application/json, text/event-stream"),
        ("Content-Type", "application/json"),
        ("Authorization", &*format!("DPoP {token}")),
        ("DPoP", &proof),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let answer = HttpClient::new(guard.url()).send("POST", &headers, body);
    let status = answer.status;
    let body: serde_json::Value = serde_json::from_slice(&answer.bytes()).expect("JSON");
    (status, body["error"]["data"]["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn t16_a_call_is_denied_within_a_second_of_the_event_that_ended_its_grant() {
    let mut domain = told_with(|draft| {
        draft.write_private("ended.key", KEY);
        draft.prepend("ended_key = \"ended.key\"\n");
    });
    let (folders, upstream) = ([Guard::new(), Guard::new()], Recorder::start());
    let guards = [0, 1].map(|hop| guard(&domain, hop, &folders[hop], &upstream));
    let people: Vec<String> = (0..6).map(|at| format!("person-{at}")).collect();
    let mut tokens = Vec::new();
    for person in people.iter().map(String::as_str).chain(["bystander"]) {
        let (root, proof) = domain.call(person);
        let (one, _) = domain.next(0, &root, &proof, "doc:get");
        assert_eq!(
            call(&mut domain, &guards[0], 0, "agent", &root).0,
            200,
            "{}",
            guards[0].stderr()
        );
        assert_eq!(
            call(&mut domain, &guards[1], 1, "hop1-dpop", &one).0,
            200,
            "{}",
            guards[1].stderr()
        );
        tokens.push((root, one));
    }
    let dead = (401, "authz.guard.grant-dead".to_owned());
    let mut took = Vec::new();
    for (person, (root, one)) in people.iter().zip(&tokens) {
        // One revokes by a token, the others by an event of the person.
        let start = if person == "person-0" {
            let start = Instant::now();
            assert_eq!(domain.revoke("hop1", root)["status"], 200);
            start
        } else {
            let set = domain.event("ssf", person, json!({}));
            let start = Instant::now();
            assert_eq!(domain.push(&set)["status"], 202);
            start
        };
        for (hop, by, token) in [(1, "hop1-dpop", one), (0, "agent", root)] {
            while call(&mut domain, &guards[hop], hop, by, token) != dead {
                assert!(start.elapsed() < Duration::from_secs(10), "{person} at {hop}");
                std::thread::sleep(Duration::from_millis(5));
            }
            took.push(start.elapsed());
        }
    }
    took.sort_unstable();
    println!("event to denied call: {took:?}");
    // The machine of a test is shared: half of them have to be as fast as all are on one that is not.
    assert!(took[took.len() / 2] < Duration::from_secs(1), "{took:?}");
    let (root, one) = tokens.last().expect("the bystander's");
    assert_eq!(call(&mut domain, &guards[0], 0, "agent", root).0, 200, "nobody ended theirs");
    assert_eq!(call(&mut domain, &guards[1], 1, "hop1-dpop", one).0, 200);
}

#[test]
fn what_ended_is_told_to_whoever_has_the_key_alone() {
    let mut domain = told_with(|draft| {
        draft.write_private("ended.key", KEY);
        draft.prepend("ended_key = \"ended.key\"\n");
    });
    let url = domain.sts.endpoint("ended");
    let mut ask = |url: &str, key: &str| {
        let headers = json!({ "authorization": key });
        domain.others.ask("fetch", json!({ "url": url, "headers": headers }))
    };
    let good = ask(&format!("{url}?since=0"), &format!("Bearer {KEY}"));
    assert_eq!(good["status"], 200, "{good}");
    assert_eq!(good["headers"]["cache-control"], "no-store");
    assert_eq!(good["body"]["grants"], json!([]));
    for (key, status) in [
        ("", 401),
        ("Bearer ", 401),
        (&*format!("Bearer {KEY}x"), 401),
        (&*format!("Basic {KEY}"), 401),
    ] {
        assert_eq!(ask(&format!("{url}?since=0"), key)["status"], status, "{key}");
    }
    for query in ["", "?since=", "?since=x", "?since=-1", "?until=0"] {
        let answer = ask(&format!("{url}{query}"), &format!("Bearer {KEY}"));
        assert_eq!(answer["status"], 400, "{query}");
    }
    // Without a key in the configuration it is not there.
    let mut plain = Domain::start();
    let url = format!("{}?since=0", plain.sts.endpoint("ended"));
    assert_eq!(plain.others.ask("fetch", json!({ "url": url }))["status"], 404);
}

const KEY: &str = "0123456789-canary-ended-key";
