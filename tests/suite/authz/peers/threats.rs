//! The threat table before others, and where our own test of each row is.

use std::fmt::Write as _;

use authz::token::{Algorithm, Signer};
use harness::http::recorder::Recorder;
use harness::http::{Answer, HttpClient};
use harness::program::guarded::{Guarded, Kind};
use harness::{Others, Peer, Scratch};
use serde_json::{Value, json};

use super::servers::{Attacked, Outcomes, Tried};
use super::{attacked, table};

const RESOURCE: &str = "http://127.0.0.1:9001/mcp";
const NEXT: &str = "http://127.0.0.1:9002/mcp";

/// The rows, and our tests of them.
const ROWS: &[(&str, &str, &[&str])] = &[
    (
        "T1",
        "a hop passes the inbound token on",
        &["a_server_never_sees_the_token_that_let_a_client_in"],
    ),
    (
        "T2",
        "a token of one hop used at another",
        &["t2_tokens_of_three_issuers_count_at_one_server_each"],
    ),
    (
        "T3",
        "a stolen token exchanged by another hop",
        &["a_stolen_token_is_worth_nothing_to_another_hop_or_without_its_holder"],
    ),
    ("T4", "a hop widens scope or target", &["no_hop_reaches_further_than_its_edge"]),
    ("T5", "scopes pile up", &["t5_scopes_that_pile_up_at_the_client_stay_there"]),
    ("T6", "an unrelated actor token", &["t6_an_actor_token_has_to_fit_subject_and_client"]),
    ("T7", "a forged or exploding chain of actors", &["t7_a_forged_chain_of_actors_is_refused"]),
    ("T8", "rings and floods", &["t8_a_ring_is_not_closed"]),
    ("T9", "binding lost at exchange", &["t9_nobody_gets_a_bearer_token_for_a_bound_one"]),
    (
        "T10",
        "a replayed or wrong proof",
        &["our_guard_refuses_every_token_and_proof_of_the_attacker"],
    ),
    (
        "T11",
        "a confused deputy at the sign-in",
        &["the_conformance_suite_finds_nothing_wrong_but_that_nobody_signs_in_here"],
    ),
    (
        "T12",
        "mix-up, a foreign issuer",
        &["our_guard_refuses_every_token_and_proof_of_the_attacker"],
    ),
    (
        "T13",
        "an assertion replayed or of another kind",
        &["a_person_of_one_domain_reaches_the_other_under_another_name"],
    ),
    (
        "T14",
        "token type confusion",
        &[
            "our_guard_refuses_every_token_and_proof_of_the_attacker",
            "t14_no_other_token_is_a_subject",
        ],
    ),
    ("T15", "requests into the inside", &["t15_a_key_that_is_named_by_the_token_is_not_fetched"]),
    (
        "T16",
        "a revoked user goes on",
        &["an_event_ends_everything_of_its_subject_within_a_second_and_nothing_of_others"],
    ),
    ("T17", "key confusion", &["our_guard_refuses_every_token_and_proof_of_the_attacker"]),
    (
        "T18",
        "a weakened requirement of a tool",
        &["t18_a_server_that_weakens_its_schemes_changes_nothing_but_is_seen"],
    ),
    (
        "T19",
        "an endpoint of the same origin",
        &["t19_a_sibling_of_the_same_origin_is_another_server"],
    ),
    ("T20", "one user's token serves another", &["t20_two_users_at_once_get_each_their_own"]),
    (
        "T21",
        "a token in a log, an error or a record",
        &["each_decision_is_recorded_exactly_and_without_a_secret"],
    ),
    (
        "T22",
        "the service as an oracle",
        &["until_a_client_is_known_every_refusal_is_one_in_words_and_in_time"],
    ),
];

#[test]
fn the_threat_table_before_others_is_what_the_documentation_says() {
    let resources = json!({ RESOURCE: "files:read files:write files:all", NEXT: "files:read" });
    let mut others = Others::start(&resources);
    let peers = [
        Peer::oidc_provider(&mut others),
        Peer::glewlwyd(&mut others, &resources),
        Peer::oauth_as(&mut others, &resources),
    ];
    let mut columns: Vec<Outcomes> = Vec::new();
    for peer in &peers {
        let attacked = Attacked {
            others: &mut others,
            peer,
            resource: RESOURCE,
            next: NEXT,
            outcomes: Outcomes::new(),
        };
        columns.push(attacked.run());
    }
    columns.push(gateway());
    let mut text = String::from(
        "| | Attack | Ours | Our test | oidc-provider | Glewlwyd | oauth-as | FastMCP gateway |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (threat, what, tests) in ROWS {
        let named: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
        let _ = write!(text, "| {threat} | {what} | refused | {} |", named.join(", "));
        for column in &columns {
            let _ = write!(text, " {} |", cell(column.get(threat)));
        }
        text.push('\n');
    }
    table::is("authorization.md", &text);
}

fn cell(tried: Option<&Vec<Tried>>) -> String {
    let Some(tried) = tried else { return "does not apply".to_owned() };
    let accepted = tried.iter().filter(|it| it.is_accepted);
    let accepted: Vec<_> = accepted
        .map(|it| if it.is_ours { format!("{} (ours)", it.what) } else { it.what.to_owned() })
        .collect();
    if accepted.is_empty() {
        return format!("refused ({})", tried.len());
    }
    let of = tried.len();
    format!("**accepted** ({} of {of}): {}", accepted.len(), accepted.join("; "))
}

/// The gateway as a protected server.
fn gateway() -> Outcomes {
    let scratch = Scratch::new();
    let (key, jwks) = attacked::key(&scratch);
    let upstream = Recorder::start();
    let server = Guarded::start(Kind::FastMcp, &jwks, attacked::ISSUER, &upstream.url);
    let mut outcomes = Outcomes::new();
    let one = |what, is_accepted| vec![Tried { what, is_accepted, is_ours: false }];
    let signer = std::fs::read_to_string(&key).expect("a key");
    let signer = Signer::from_pem(&signer).expect("a key");
    let good = token(&signer, &server.url(), 300);
    let opening = json!({ "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "t", "version": "1" } });
    let opened = post(&server, &good, None, "initialize", opening);
    assert_eq!(opened.status, 200, "{}", server.written());
    let session = opened.header("mcp-session-id").map(str::to_owned);
    let listed = post(&server, &good, session.as_deref(), "tools/list", json!({}));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while upstream.seen().is_empty() {
        assert!(std::time::Instant::now() < deadline, "nobody asked: {}", server.written());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    drop((opened, listed));
    let seen = upstream.seen();
    outcomes.insert("T1", one("the token before the server behind", seen.contains(&good)));
    outcomes.insert("T21", one("a token in what it writes", server.written().contains("eyJ")));
    let strange = Signer::generate(Algorithm::Es256).expect("a key");
    let told = [token(&strange, &server.url(), 300), token(&signer, "https://other.example", 300)];
    let [forged, foreign] = told.map(|token| {
        let answer = post(&server, &token, None, "ping", json!({}));
        (answer.status, answer.header("www-authenticate").map(str::to_owned), answer.bytes())
    });
    outcomes.insert("T22", one("whether key or audience was wrong", forged != foreign));
    let (_, report) = attacked::attack(&server.url(), &key);
    let rows = report["attacks"].as_array().expect("attacks");
    for threat in ["T2", "T9", "T10", "T12", "T14", "T16", "T17", "T19"] {
        let of = rows.iter().filter(|row| row["threat"] == threat);
        let tried = of.filter(|row| row["outcome"] != "does not apply").map(|row| Tried {
            what: attack_named(row["attack"].as_str().expect("a name")),
            is_accepted: row["outcome"] == "accepted",
            is_ours: row["demand"] == "ours",
        });
        let tried: Vec<_> = tried.collect();
        if !tried.is_empty() {
            outcomes.insert(threat, tried);
        }
    }
    outcomes
}

fn token(signer: &Signer, audience: &str, life_s: u64) -> String {
    let now_s = harness::now_s();
    let claims = json!({
        "iss": attacked::ISSUER, "sub": "alice", "aud": audience, "client_id": "agent",
        "scope": "files:read", "iat": now_s, "exp": now_s + life_s, "jti": now_s.to_string(),
    });
    signer.sign("at+jwt", &claims).expect("a key signs").expose().to_owned()
}

fn post(
    server: &Guarded,
    token: &str,
    session: Option<&str>,
    method: &str,
    params: Value,
) -> Answer {
    let mut headers = vec![
        ("Accept".to_owned(), "application/json, text/event-stream".to_owned()),
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("Authorization".to_owned(), format!("Bearer {token}")),
    ];
    if let Some(session) = session {
        headers.push(("Mcp-Session-Id".to_owned(), session.to_owned()));
    }
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    HttpClient::new(&server.url()).send("POST", &headers, body.to_string().as_bytes())
}

fn attack_named(id: &str) -> &'static str {
    let found = authz::provider::attack::TABLE.iter().find(|attack| attack.id == id);
    found.expect("an attack").what
}
