//! Policies of the running service: what they take away from an exchange (X14), and the same engine
//! asked by others (AuthZEN 1.0).

use harness::Program;
use serde_json::{Value, json};

use super::{Domain, HOPS, refusal};

const KEY: &str = "a-key-for-the-decision-endpoint";

/// A service whose policies are the built-in ones and a rule against one person.
fn domain() -> Domain {
    Domain::with(|draft, others| {
        draft.write_private("authzen.key", KEY);
        let built_in = Program::countersign().args(["policy", "init"]).run();
        let rule = format!(
            "\n@id(\"not-bob\")\nforbid (principal, action, resource)\n\
             when {{ principal == Principal::\"{}#bob\" }};\n",
            others.issuer
        );
        draft.write("own.cedar", &(built_in.stdout + &rule));
        draft.prepend("authzen_key = \"authzen.key\"\npolicy = \"own.cedar\"\n");
    })
}

pub(super) fn evaluation(domain: &Domain, person: &str) -> Value {
    let agent = format!("{}#hop1", domain.sts.issuer);
    let names = &domain.others.issuer;
    json!({
        "subject": { "type": "Principal", "id": format!("{names}#{person}") },
        "action": { "name": "exchange" },
        "resource": { "type": "Edge", "id": format!("{} -> {}", HOPS[0], HOPS[1]) },
        "context": {
            "agent": agent, "depth": 1, "chain": [agent, format!("{names}#agent")],
            "requested": ["doc:get"], "allowed": ["doc:get", "doc:put"], "parent_bound": true,
            "child_bound": true, "auth_age_s": 60, "revoked": false, "destructive": false,
        },
    })
}

pub(super) fn ask(domain: &mut Domain, path: &str, key: &str, body: &str) -> Value {
    let headers = json!({
        "content-type": "application/json", "authorization": format!("Bearer {key}"),
        "x-request-id": "r-1",
    });
    let url = domain.sts.endpoint(path);
    let asked = json!({ "url": url, "method": "POST", "headers": headers, "body": body });
    domain.others.ask("fetch", asked)
}

#[test]
fn a_policy_takes_an_exchange_away_from_one_person_alone() {
    let mut domain = domain();
    let (alice, proof) = domain.call("alice");
    domain.next(0, &alice, &proof, "doc:get");
    let (bob, proof) = domain.call("bob");
    let answer = domain.exchange(0, &bob, &proof, "doc:get");
    let (error, code) = refusal(&answer);
    assert_eq!((error.as_str(), code.as_str()), ("invalid_target", "authz.exchange.policy-denied"));
    assert!(!answer.to_string().contains("not-bob"), "which policy it was is told to nobody");
}

#[test]
fn the_engine_of_exchanges_answers_others_who_show_its_key() {
    let mut domain = domain();
    let place = domain.sts.endpoint(".well-known/authzen-configuration");
    let metadata = domain.others.ask("fetch", json!({ "url": place }))["body"].take();
    assert_eq!(metadata["policy_decision_point"], domain.sts.issuer);
    let evaluations = metadata["access_evaluations_endpoint"].as_str().expect("an endpoint");
    assert_eq!(evaluations, domain.sts.endpoint("access/v1/evaluations"));
    let [alice, bob] = ["alice", "bob"].map(|person| evaluation(&domain, person));
    let one = ask(&mut domain, "access/v1/evaluation", KEY, &alice.to_string());
    assert_eq!((&one["status"], &one["body"]["decision"]), (&json!(200), &json!(true)), "{one}");
    assert_eq!(one["headers"]["x-request-id"], "r-1");
    let both = json!({ "evaluations": [alice, bob] }).to_string();
    let both = ask(&mut domain, "access/v1/evaluations", KEY, &both);
    let second = &both["body"]["evaluations"][1];
    assert_eq!(second["decision"], false, "{both}");
    assert_eq!(second["context"]["policies"], json!(["not-bob"]), "by the service's own policies");
    let refused = ask(&mut domain, "access/v1/evaluation", "another", &alice.to_string());
    assert_eq!(refused["status"], 401);
    assert!(!domain.sts.written().contains(KEY), "the key is in no event");
}
