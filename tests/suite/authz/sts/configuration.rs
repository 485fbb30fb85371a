//! What an operator does: make, check, start, rotate.

use harness::{Draft, Others, Output, Program};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

use super::{Domain, HOPS, edges, refusal};

fn check(draft: &Draft) -> Output {
    let checked = Program::countersign().args(["sts", "--check", "--json", "--config"]);
    checked.arg(draft.config()).run()
}

#[test]
fn a_new_service_works_is_its_owners_alone_and_is_written_over_by_nothing() {
    let draft = Draft::new();
    let folder = draft.config().parent().expect("a folder").to_owned();
    for name in ["sts.toml", "nonce.key", "subject.key", "keys/current.pem", "keys/next.pem"] {
        let mode = std::fs::metadata(folder.join(name)).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let about = check(&draft).expect(0).json();
    assert_eq!(about["issuer"], draft.issuer);
    assert_eq!(about["publishes"].as_array().expect("keys").len(), 2);
    let before = std::fs::read(folder.join("keys/current.pem")).expect("a key");
    let again = Program::countersign()
        .args(["sts", "--init", "--issuer", "https://other.example", "--config"])
        .arg(draft.config())
        .run();
    assert_eq!(again.code, Some(1), "{}", again.stderr);
    assert_eq!(std::fs::read(folder.join("keys/current.pem")).expect("a key"), before);
    draft.start().stop();
}

#[test]
fn bad_configuration_is_refused_at_the_start_with_its_place_and_the_fix() {
    let mut others = Others::start(&json!({ HOPS[0]: "files:read" }));
    let mut case = |change: &dyn Fn(&Draft), place: &str, fix: &str| {
        let draft = Draft::new();
        draft.client(&mut others, "hop1", "hop1");
        change(&draft);
        // Not only where it is checked: nothing listens.
        let started = Program::countersign()
            .args(["sts", "--listen", "127.0.0.1:0", "--config"])
            .arg(draft.config())
            .run();
        assert_eq!(started.code, Some(2), "{}", started.stderr);
        assert!(started.stderr.contains(place), "{place}: {}", started.stderr);
        let hint = started.stderr.lines().find(|line| line.starts_with("hint:"));
        assert!(hint.is_some_and(|hint| hint.contains(fix)), "{fix}: {}", started.stderr);
    };
    let with = |pointer: &'static str, value: Value| {
        move |draft: &Draft| {
            let mut edges = edges();
            *edges.pointer_mut(pointer).expect("a place") = value.clone();
            draft.write("edges.json", &edges.to_string());
        }
    };
    case(
        &|draft| draft.configure("\n[[trusted]]\nissuer = 'http://as.example'\njwks = 'x'\n"),
        "trusted[1], issuer: http is accepted on loopback alone",
        "use https",
    );
    case(
        &|draft| {
            draft.configure(
                "\n[[transmitter]]\nissuer = 'https://ssf.example'\n\
                 jwks = 'hop1.jwks.json'\nsubjects = ['https://as.example']\n",
            );
        },
        "transmitter[1], subjects: `https://as.example` is no issuer",
        "[[trusted]]",
    );
    case(&with("/edges/0/to", json!("http://127.0.0.1:9/mcp")), "/edges/0/to", "docs/schema");
    let audience = json!({ "resource": HOPS[1], "audience": HOPS[0], "scopes": ["doc:get"] });
    case(&with("/servers/1", audience), "/servers/1", "docs/schema");
    case(&with("/edges/0/scopes", json!({ "files:rd": ["doc:get"] })), "files:rd", "docs/schema");
    // Hop 2 is nobody here.
    case(
        &|draft| draft.write("edges.json", &edges().to_string()),
        "/edges/1/client: `hop2` is no client",
        "[[client]]",
    );
}

/// A header that anybody could write, and the hash of the certificate in it.
#[test]
fn a_token_is_bound_to_the_certificate_that_the_terminator_saw_and_no_other_header_counts() {
    const CERTIFICATE: &str = ":MAMBAgM=:";
    for (configured, peers) in [(true, "127.0.0.1"), (true, "10.9.8.7"), (false, "")] {
        let mut domain = Domain::with(|draft, _| {
            if configured {
                draft.configure(&format!("\n[terminator]\npeers = [\"{peers}\"]\n"));
            }
        });
        let (root, proof) = domain.call("alice");
        let mut asked = domain.sts.exchange("hop1", &root, &proof, HOPS[1], "doc:get");
        asked["dpop"] = Value::Null;
        asked["headers"] = json!({ "client-cert": CERTIFICATE });
        let answer = domain.others.ask("ask", asked.clone());
        let url = domain.sts.endpoint(".well-known/oauth-authorization-server");
        let metadata = domain.others.ask("fetch", json!({ "url": url }));
        let promised = &metadata["body"]["tls_client_certificate_bound_access_tokens"];
        assert_eq!(promised.as_bool(), configured.then_some(true));
        if peers != "127.0.0.1" {
            assert_eq!(refusal(&answer).1, "authz.exchange.binding-downgrade", "{answer}");
            continue;
        }
        assert_eq!(answer["status"], 200, "{answer}");
        assert_eq!(answer["body"]["token_type"], "Bearer");
        let token = answer["body"]["access_token"].as_str().expect("a token");
        let cnf = domain.verify(token, HOPS[1])["payload"]["cnf"].clone();
        // SHA-256 of 30 03 01 02 03, by `openssl dgst -sha256 -binary | basenc --base64url`.
        assert_eq!(
            cnf,
            json!({ "x5t#S256": "P25swlFhE42QZ_-tnp6q9Xu7gvujz4PE7DfvqWzzGLo" }),
            "and to nothing else"
        );
        let proof = domain.others.proof("agent", HOPS[0], &root);
        asked["form"]["subject_token_proof"] = json!(proof);
        asked["headers"]["client-cert"] = json!("no certificate");
        let answer = domain.others.ask("ask", asked);
        assert_eq!(refusal(&answer).1, "authz.sts.request-malformed", "{answer}");
    }
}

#[test]
fn a_key_is_known_before_it_signs_and_as_long_as_its_tokens_live() {
    let mut domain = Domain::start();
    let (root, proof) = domain.call("alice");
    let (one, proof) = domain.next(0, &root, &proof, "doc:get");
    let before = domain.verify(&one, HOPS[1])["header"]["kid"].clone();
    let jwks = domain.others.ask("fetch", json!({ "url": domain.sts.endpoint("jwks") }));
    let keys = jwks["body"]["keys"].as_array().expect("keys").clone();
    assert_eq!(keys[0]["kid"], before);
    assert!(keys.iter().all(|key| key["d"].is_null()), "{keys:?}");
    // As the guide says: current is retired, next is current, a new one is next.
    domain.sts = domain.sts.change(|draft| {
        let path = |name: &str| draft.config().parent().expect("a folder").join(name);
        draft.write("keys/old.jwk", &keys[0].to_string());
        std::fs::rename(path("keys/next.pem"), path("keys/current.pem")).expect("moved");
        let text = std::fs::read_to_string(draft.config()).expect("a configuration");
        let text = text.replace("next = \"keys/next.pem\"", "retired = [\"keys/old.jwk\"]");
        draft.write("sts.toml", &text);
    });
    domain.sts.wait_for("an issuer's keys changed");
    // A token of the old key is exchanged and read, and what is issued is of the new one.
    domain.verify(&one, HOPS[1]);
    let (two, _) = domain.next(1, &one, &proof, "blob:get");
    assert_eq!(domain.verify(&two, HOPS[2])["header"]["kid"], keys[1]["kid"]);
}
