//! Writes `vectors/envelope.json`; the same bytes each time, as Ed25519 signs without randomness.
//!
//! ```text
//! cargo run -p countersign-seal --example vectors
//! ```

use std::collections::BTreeMap;
use std::error::Error;

use seal::key::{Algorithm, PrivateKey};
use seal::statement::{
    Approval, Countersignature, Declaration, Revocation, Revoked, Rotation, Status, Verdict,
};
use seal::{Envelope, Predicate, Statement};
use serde_json::{Value, json};
use surface::Digest;

fn main() -> Result<(), Box<dyn Error>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/envelope.json");
    let text = serde_json::to_string_pretty(&vectors()?)?;
    std::fs::write(path, format!("{text}\n"))?;
    Ok(())
}

fn vectors() -> Result<Value, Box<dyn Error>> {
    let keys = [1_u8, 2].map(|seed| PrivateKey::from_seed(Algorithm::Ed25519, &[seed; 32]));
    let [first, second] = keys;
    let (first, second) = (first?, second?);
    let mut envelopes = Vec::new();
    for predicate in predicates(&first, &second) {
        let signers: &[&PrivateKey] = match predicate {
            Predicate::Rotation(_) => &[&first, &second],
            _ => &[&first],
        };
        let statement = Statement {
            server: "io.github.acme/files".to_owned(),
            time: "2026-11-25T12:00:00Z".to_owned(),
            previous: Some(41),
            predicate,
        };
        let names = statement.names();
        let envelope = Envelope::sign(statement, signers)?;
        let leaf = Digest::from_sha256(tlog::Hash::of_leaf(envelope.bytes()).0);
        let text = String::from_utf8(envelope.bytes().to_vec())?;
        envelopes.push(json!({ "envelope": text, "leaf": leaf, "names": names }));
    }
    let keys = [(1, &first), (2, &second)].map(|(seed, key)| {
        json!({
            "seed": format!("{seed:02x}").repeat(32),
            "keyid": key.public().id(),
            "publicKey": key.public().to_string(),
        })
    });
    Ok(json!({ "envelopes": envelopes, "keys": keys }))
}

fn predicates(first: &PrivateKey, second: &PrivateKey) -> Vec<Predicate> {
    let digest = |text: &str| Digest::of_bytes(text.as_bytes());
    let version = || "1.4.0".to_owned();
    let reason = || "stolen \u{1F511}".to_owned();
    vec![
        Predicate::Declaration(Declaration {
            version: version(),
            entry: digest("server.json"),
            object: digest("server.json as published"),
            surface: None,
            artefacts: BTreeMap::from([(
                "npm:@acme/files@1.4.0".to_owned(),
                format!("sha512:{}", "0a".repeat(64)),
            )]),
        }),
        Predicate::Countersignature(Countersignature {
            version: version(),
            declaration: 7,
            leaf: digest("leaf"),
            verdict: Verdict::Allow,
            findings: Vec::new(),
            namespace: "dns".to_owned(),
        }),
        Predicate::Approval(Approval {
            of: digest("exact"),
            held: None,
            by: "ops".to_owned(),
            reason: reason(),
        }),
        Predicate::Status(Status {
            version: Some(version()),
            status: "deprecated".to_owned(),
            message: String::new(),
        }),
        Predicate::Revocation(Revocation {
            of: Revoked::Version { version: version() },
            reason: reason(),
        }),
        Predicate::Revocation(Revocation {
            of: Revoked::Key { key: first.public().id(), since: 12 },
            reason: reason(),
        }),
        Predicate::Rotation(Rotation {
            from: first.public().id(),
            to: second.public().to_string(),
        }),
    ]
}
