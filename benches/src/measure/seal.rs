//! Signing, reading and verifying a statement, beside the raw rates of the cryptographic library.

use seal::key::{Algorithm, PrivateKey};
use seal::statement::{Declaration, SurfaceClaim};
use seal::{Envelope, Predicate, PublicKey, Statement};
use surface::{Digest, Digests, Era};

use super::{interleave, keep};
use crate::Outcome;
use crate::args::Options;
use crate::bars::Bars;
use crate::table::{Cell, Report, Table};

/// One signature is too short for a clock.
const REPEATS: u32 = 50;

pub(super) fn run(options: &Options, report: &mut Report, bars: &mut Bars) -> Outcome<()> {
    let title = "Statements: one declaration, one signature";
    let columns = [
        "key",
        "raw sign /s",
        "raw verify /s",
        "sign /s",
        "parse /s",
        "parse + verify /s",
        "× raw verify",
    ];
    let mut table = Table::new(title, &columns);
    for algorithm in Algorithm::ALL {
        let key = PrivateKey::from_seed(algorithm, &[7; 32])?;
        let keys = [key.public().clone()];
        let statement = declaration();
        let envelope = Envelope::sign(statement.clone(), &[&key])?;
        let payload = statement.to_payload()?;
        let signature = key.sign(&payload)?;
        let many = |work: &dyn Fn()| (0..REPEATS).for_each(|_| work());
        let times = interleave(
            options.pick(10, 100),
            [
                &mut || many(&|| keep(key.sign(&payload))),
                &mut || many(&|| keep(key.public().verify(&payload, &signature))),
                &mut || many(&|| keep(Envelope::sign(statement.clone(), &[&key]))),
                &mut || many(&|| keep(Envelope::parse(envelope.bytes()))),
                &mut || many(&|| keep(accept(envelope.bytes(), &keys))),
            ],
        );
        let rates = times.map(|time| f64::from(REPEATS) / time);
        let [_, raw, _, _, whole] = rates;
        let cells = rates.into_iter().chain([raw / whole]).map(Cell::from);
        table.row(algorithm.as_str(), cells);
        if algorithm == Algorithm::Ed25519 {
            bars.at_least("read and verify a statement, one core", whole, 10_000.0, "/s");
        }
    }
    report.tables.push(table);
    Ok(())
}

fn accept(bytes: &[u8], keys: &[PublicKey]) -> bool {
    Envelope::parse(bytes).and_then(|envelope| envelope.verify(keys)).is_ok_and(|by| by.len() == 1)
}

fn declaration() -> Statement {
    let digest = |text: &str| Digest::of_bytes(text.as_bytes());
    Statement {
        server: "io.github.acme/files".to_owned(),
        time: "2026-11-25T12:00:00Z".to_owned(),
        previous: Some(41),
        predicate: Predicate::Declaration(Declaration {
            version: "1.4.0".to_owned(),
            entry: digest("server.json"),
            object: digest("server.json as published"),
            surface: Some(SurfaceClaim {
                digests: Digests { exact: digest("exact"), semantic: digest("semantic") },
                object: digest("object"),
                era: Era::Modern,
                protocol_version: "2026-07-28".to_owned(),
                authorization: "anonymous".to_owned(),
            }),
            artefacts: std::collections::BTreeMap::new(),
        }),
    }
}
