//! Access tokens and proofs of possession, judged by us and by joserfc: nothing that joserfc refuses
//! is accepted, and what we refuse beyond it is in one table (`docs/spec/tokens.md`).

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use authz::token::proof::Expected;
use authz::token::{
    AccessError, Algorithm, Issuer, JwtError, KeySet, Proof, ProofError, Signer, TokenHash, Typ,
    Verifier,
};
use harness::paths;
use harness::paths::scratch::Scratch;
use harness::program::Program;
use harness::random::Random;
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.a.test";
const AUDIENCE: &str = "https://hop1.a.test/mcp";
const NOW_S: u64 = 1_795_600_000;

/// What one of us says about a case.
type Judgement = Result<(), Refused>;

#[derive(Debug, PartialEq)]
enum Refused {
    Token(AccessError),
    Proof(ProofError),
}

static CASES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let made = jose().arg("make").run().expect(0).stdout;
    made.lines().map(|line| serde_json::from_str(line).expect("a case is JSON")).collect()
});

fn jose() -> Program {
    let script = paths::tests_file("interop/jose.py");
    Program::at(paths::python("authz", "python")).arg(script)
}

/// joserfc's judgements.
fn theirs(cases: &[Value]) -> Vec<bool> {
    let scratch = Scratch::new();
    let lines = cases.iter().fold(String::new(), |mut lines, case| {
        writeln!(lines, "{case}").expect("a text grows");
        lines
    });
    let file = scratch.join("cases.jsonl");
    std::fs::write(&file, lines).expect("the scratch directory can be written");
    let said = jose().arg("judge").arg(file).run().expect(0).stdout;
    said.lines().map(|line| line == "true").collect()
}

fn text<'c>(case: &'c Value, name: &str) -> &'c str {
    case[name].as_str().unwrap_or_else(|| panic!("{case} has no `{name}`"))
}

fn ours(case: &Value) -> Judgement {
    if text(case, "kind") == "token" {
        let keys = KeySet::from_value(&case["jwks"]).expect("joserfc's keys are keys");
        let issuer = Issuer {
            iss: ISSUER.to_owned(),
            keys: Arc::new(tokio::sync::watch::Sender::new(keys)),
            typ: Typ::AtJwt,
            scope_claim: "scope".to_owned(),
            client_claims: vec!["client_id".to_owned()],
            is_own: false,
        };
        let verifier = Verifier { issuers: vec![issuer], audience: AUDIENCE.to_owned() };
        return verifier.verify(text(case, "text"), NOW_S).map(drop).map_err(Refused::Token);
    }
    let hash = TokenHash::of("token");
    let expected =
        Expected { method: "POST", uri: AUDIENCE, token: Some(&hash), age_s_max: 300, nonce: None };
    Proof::verify(text(case, "text"), &expected, NOW_S)
        .and_then(|proof| proof.is_of(&authz::token::Thumbprint(text(case, "jkt").to_owned())))
        .map_err(Refused::Proof)
}

/// What joserfc accepts and we refuse, and why.
fn stricter(name: &str) -> Option<Refused> {
    const DUPLICATE: JwtError = JwtError::Malformed("a part is not strict JSON");
    const SCALAR: JwtError =
        JwtError::Malformed("a part has a scalar that parsers read differently");
    Some(match name {
        "audience: two" => Refused::Token(AccessError::Audience),
        "exp: fraction" => Refused::Token(AccessError::Time("no whole seconds")),
        "cnf: unknown" | "cnf: two" => Refused::Token(AccessError::Confirmation),
        "act: list" => Refused::Token(AccessError::Actors("a level is no object")),
        "act: nobody" => Refused::Token(AccessError::Actors("a level names nobody")),
        "scope: tab" => Refused::Token(AccessError::Claim("scope")),
        "details: unknown" => Refused::Token(AccessError::Claim("authorization_details")),
        "more: large number" => Refused::Token(AccessError::Malformed(SCALAR)),
        "twice the same claim" | "twice inside" => {
            Refused::Token(AccessError::Malformed(DUPLICATE))
        }
        "jku" => Refused::Token(AccessError::Key(JwtError::Header("jku"))),
        "proof: jku" => Refused::Proof(ProofError::Jwt(JwtError::Header("jku"))),
        _ => return None,
    })
}

#[test]
fn what_joserfc_makes_is_judged_alike_or_refused_for_a_reason_of_the_table() {
    let mut accepted = 0;
    for case in CASES.iter() {
        let (algorithm, name) = text(case, "name").split_once(": ").expect("an algorithm first");
        let ours = ours(case);
        // A proof's RSA key could be for two algorithms: the message would choose.
        let is_rsa_proof = text(case, "kind") == "proof" && matches!(algorithm, "RS256" | "PS256");
        if let Some(refused) = stricter(name).filter(|_| !is_rsa_proof) {
            assert_eq!(case["accepts"], true, "{algorithm}: {name} is in the table for nothing");
            assert_eq!(ours, Err(refused), "{algorithm}: {name}");
            continue;
        }
        assert_eq!(json!(ours.is_ok()), case["accepts"], "{algorithm}: {name}: {ours:?}");
        accepted += usize::from(ours.is_ok());
    }
    // Of each algorithm and kind some are good: a judge that refuses all is no judge.
    assert!(CASES.len() > 400 && accepted > 70, "{} {accepted}", CASES.len());
}

#[test]
fn what_we_make_joserfc_accepts() {
    let claims = json!({
        "iss": ISSUER, "sub": "user", "aud": AUDIENCE, "client_id": "agent", "scope": "a b",
        "iat": NOW_S, "exp": NOW_S + 300, "jti": "1", "act": {"iss": ISSUER, "sub": "hop"},
    });
    let mut cases = Vec::new();
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        for _ in 0..16 {
            let signer = Signer::generate(algorithm).expect("a key can be drawn");
            let token = signer.sign("at+jwt", &claims).expect("a key signs");
            let jwks = KeySet(vec![signer.public().clone()]).jwks();
            cases.push(json!({"kind": "token", "jwks": jwks, "text": token.expose()}));
            let hash = TokenHash::of("token");
            let proof = Proof::make(&signer, "POST", AUDIENCE, Some(&hash), None, NOW_S);
            let jkt = signer.public().thumbprint().0;
            let proof = proof.expect("a key signs");
            cases.push(json!({"kind": "proof", "jkt": jkt, "text": proof.expose()}));
        }
    }
    for (case, accepts) in cases.iter().zip(theirs(&cases)) {
        assert!(accepts && ours(case).is_ok(), "{case}");
    }
}

/// One small change to a good text, as an attacker or a bad copy would make it.
fn changed(random: &mut Random, good: &str, other: &str) -> String {
    let mut bytes = good.as_bytes().to_vec();
    let at = random.below(bytes.len());
    match random.below(6) {
        0 => bytes[at] = random.pick(b"ABab01-_=.+/ \n"),
        1 => bytes.insert(at, random.pick(b"A=.-\n ")),
        2 => drop(bytes.remove(at)),
        3 => bytes.truncate(at),
        // The parts of two texts mixed.
        4 => {
            let part = random.below(3);
            let other: Vec<&str> = other.split('.').collect();
            let parts = good.split('.').enumerate();
            let parts = parts.map(|(i, own)| if i == part { other[i] } else { own });
            return parts.collect::<Vec<_>>().join(".");
        }
        // Padding, and other bits behind the last byte of a part.
        _ => {
            let dot = good.match_indices('.').map(|(at, _)| at).chain([bytes.len()]);
            let ends: Vec<usize> = dot.collect();
            let end = random.pick(&ends);
            if random.below(2) == 0 {
                bytes.insert(end, b'=');
            } else if let Some(last) = bytes.get_mut(end - 1) {
                *last = last.saturating_add(1);
            }
        }
    }
    String::from_utf8(bytes).expect("ASCII stays ASCII")
}

#[test]
fn nothing_that_joserfc_refuses_is_accepted_however_it_is_changed() {
    let mut random = Random::new(7_519);
    let good: Vec<&Value> = CASES.iter().filter(|case| case["accepts"] == true).collect();
    let cases: Vec<Value> = (0..3_000)
        .map(|_| {
            let mut case = random.pick(&good).clone();
            let other = random.pick(&good);
            let text = changed(&mut random, text(&case, "text"), text(other, "text"));
            case["text"] = text.into();
            case
        })
        .collect();
    let mut both = 0;
    for (case, theirs) in cases.iter().zip(theirs(&cases)) {
        let ours = ours(case);
        assert!(theirs || ours.is_err(), "accepted by us alone: {case}");
        both += usize::from(theirs && ours.is_ok());
        // The one reason of form: Base64url in another encoding than its one (RFC 7515 §2).
        let name = text(case, "name").split_once(": ").map_or("", |(_, name)| name);
        if theirs && stricter(name).is_none() && ours.is_err() {
            let malformed = JwtError::Malformed("a part is not Base64url");
            let token = Err(Refused::Token(AccessError::Malformed(malformed)));
            let proof = Err(Refused::Proof(ProofError::Jwt(malformed)));
            assert!(ours == token || ours == proof, "{ours:?} {case}");
        }
    }
    assert!(both > 0, "some changes change nothing: the same part of the same text");
}
