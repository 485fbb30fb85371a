#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::key::{Algorithm, PrivateKey};
use crate::limits;

pub(crate) fn digest(text: &str) -> Digest {
    Digest::of_bytes(text.as_bytes())
}

pub(crate) fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(Algorithm::Ed25519, &[seed; 32]).unwrap()
}

fn claim() -> SurfaceClaim {
    SurfaceClaim {
        digests: Digests { exact: digest("exact"), semantic: digest("semantic") },
        object: digest("object"),
        era: Era::Modern,
        protocol_version: "2026-07-28".to_owned(),
        authorization: "anonymous".to_owned(),
    }
}

fn finding() -> Finding {
    Finding {
        code: "surface.tool.description-changed".to_owned(),
        severity: "critical".to_owned(),
        place: "tools/send_\u{1F4E7}".to_owned(),
    }
}

pub(crate) fn say(predicate: Predicate) -> Statement {
    Statement {
        server: "io.github.acme/files".to_owned(),
        time: "2026-11-25T12:00:00Z".to_owned(),
        previous: Some(41),
        predicate,
    }
}

pub(crate) fn declaration() -> Declaration {
    let artefact = ("npm:@acme/files@1.4.0".to_owned(), format!("sha512:{}", "0a".repeat(64)));
    Declaration {
        version: "1.4.0".to_owned(),
        entry: digest("server.json"),
        object: digest("server.json as published"),
        surface: Some(claim()),
        artefacts: BTreeMap::from([artefact]),
    }
}

fn observed() -> Vec<Observed> {
    let endpoint = "https://files.example/mcp".to_owned();
    let entry = |entry: Option<Digest>| Observed::Entry {
        upstream: "https://registry.example".to_owned(),
        version: "1.4.0".to_owned(),
        entry,
        object: entry,
        status: "active".to_owned(),
        official: entry.map(|_| Official {
            message: String::new(),
            published_at: Some("2026-11-25T12:00:00.123Z".to_owned()),
            updated_at: None,
            is_latest: true,
        }),
    };
    vec![
        Observed::Surface {
            endpoint: endpoint.clone(),
            surface: Some(claim()),
            outcome: "surface".to_owned(),
            cache_scope: Some("public".to_owned()),
            ttl_ms: Some(60_000),
        },
        Observed::Authorization {
            endpoint: endpoint.clone(),
            servers: vec!["https://login.example".to_owned()],
            object: None,
        },
        Observed::Surface {
            endpoint: endpoint.clone(),
            surface: None,
            outcome: "auth-required".to_owned(),
            cache_scope: None,
            ttl_ms: None,
        },
        entry(Some(digest("entry"))),
        entry(None),
        Observed::Namespace {
            method: "dns".to_owned(),
            subject: "acme.example".to_owned(),
            state: "changed".to_owned(),
            key: Some(key(1).public().id().to_string()),
        },
        Observed::SplitView {
            endpoint,
            observations: vec![3, 4],
            verdict: "split-view".to_owned(),
        },
    ]
}

/// One of each kind, with and without what may be absent.
pub(crate) fn every() -> Vec<Statement> {
    let bare = Declaration { surface: None, artefacts: BTreeMap::new(), ..declaration() };
    let mut all = vec![
        Predicate::Declaration(declaration()),
        Predicate::Declaration(bare),
        Predicate::Countersignature(Countersignature {
            version: "1.4.0".to_owned(),
            declaration: 7,
            leaf: digest("leaf"),
            verdict: Verdict::Hold,
            findings: vec![finding()],
            namespace: "github-oidc".to_owned(),
        }),
        Predicate::Approval(Approval {
            of: digest("exact"),
            held: Some(8),
            by: "ops@acme.example".to_owned(),
            reason: String::new(),
        }),
        Predicate::Status(Status {
            version: None,
            status: "deprecated".to_owned(),
            message: "use 2.0".to_owned(),
        }),
        Predicate::Rotation(Rotation {
            from: key(1).public().id(),
            to: key(2).public().to_string(),
        }),
    ];
    let undone = [
        Revoked::Version { version: "1.4.0".to_owned() },
        Revoked::Surface { exact: digest("exact") },
        Revoked::Key { key: key(1).public().id(), since: 12 },
    ];
    all.extend(
        undone.map(|of| Predicate::Revocation(Revocation { of, reason: "stolen".to_owned() })),
    );
    all.extend(observed().into_iter().enumerate().map(|(index, of)| {
        let (changes, vantage, client) = if index == 0 {
            (vec![finding()], Some("fra-1".to_owned()), Some("claude/1.0".to_owned()))
        } else {
            (Vec::new(), None, None)
        };
        Predicate::Observation(Observation { of, changes, vantage, client })
    }));
    all.into_iter().map(say).collect()
}

#[test]
fn every_kind_reads_back_from_its_payload() {
    for statement in every() {
        let payload = statement.to_payload().unwrap();
        assert_eq!(Statement::parse(&payload).unwrap(), statement);
        assert_eq!(surface::canonical::to_vec(&json(&payload)), payload);
    }
}

fn json(payload: &[u8]) -> serde_json::Value {
    serde_json::from_slice(payload).unwrap()
}

#[test]
fn the_payload_of_a_declaration_is_what_the_specification_shows() {
    let bare = Declaration { surface: None, artefacts: BTreeMap::new(), ..declaration() };
    let payload = say(Predicate::Declaration(bare)).to_payload().unwrap();
    let entry = digest("server.json").to_string();
    let object = digest("server.json as published");
    let hex = entry.strip_prefix("sha256:").unwrap();
    let expected = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","predicate":{{"entry":"{entry}","object":"{object}","previous":41,"time":"2026-11-25T12:00:00Z","version":"1.4.0"}},"predicateType":"https://countersign.dev/predicate/declaration/v1","subject":[{{"digest":{{"sha256":"{hex}"}},"name":"io.github.acme/files"}}]}}"#
    );
    assert_eq!(String::from_utf8(payload).unwrap(), expected);
}

/// Applies `edit` to the payload of every kind, writes it canonically, and reads it.
fn refused(edit: impl Fn(&mut serde_json::Value), code: &str) {
    for statement in every() {
        let mut value = json(&statement.to_payload().unwrap());
        edit(&mut value);
        let payload = surface::canonical::to_vec(&value);
        let refused = Statement::parse(&payload).expect_err(code);
        assert_eq!(refused.code(), code, "{refused}: {value}");
    }
}

#[test]
fn a_wrong_subject_digest_is_refused() {
    let other = digest("another").to_string();
    let hex = other.strip_prefix("sha256:").unwrap();
    refused(|value| value["subject"][0]["digest"]["sha256"] = hex.into(), "seal.statement-subject");
}

#[test]
fn an_unknown_member_is_refused_wherever_it_stands() {
    let more = || serde_json::json!(1);
    refused(|value| value["more"] = more(), "seal.statement-not-canonical");
    refused(|value| value["subject"][0]["more"] = more(), "seal.statement-not-canonical");
    refused(|value| value["subject"][0]["digest"]["sha1"] = more(), "seal.statement-not-canonical");
    refused(|value| value["predicate"]["more"] = more(), "seal.statement-predicate");
    let second = |value: &mut serde_json::Value| {
        let first = value["subject"][0].clone();
        value["subject"].as_array_mut().unwrap().push(first);
    };
    refused(second, "seal.statement-not-canonical");
    for statement in every() {
        let mut value = json(&statement.to_payload().unwrap());
        let Some(of) = value.pointer_mut("/predicate/of").filter(|of| of.is_object()) else {
            continue;
        };
        of["more"] = more();
        assert!(Statement::parse(&surface::canonical::to_vec(&value)).is_err());
    }
}

#[test]
fn a_statement_of_another_type_or_time_is_refused() {
    refused(
        |value| value["_type"] = "https://in-toto.io/Statement/v0.1".into(),
        "seal.statement-type",
    );
    refused(
        |value| value["predicateType"] = "https://slsa.dev/provenance/v1".into(),
        "seal.statement-kind",
    );
    refused(
        |value| value["predicate"]["time"] = "2026-11-25T12:00:00.5Z".into(),
        "seal.statement-time",
    );
    refused(|value| value["predicate"]["time"] = 1.into(), "seal.statement-member");
    refused(|value| value["predicate"]["previous"] = "41".into(), "seal.statement-member");
    refused(|value| value["predicate"] = serde_json::Value::Null, "seal.statement-member");
}

#[test]
fn bytes_that_are_not_canonical_are_refused() {
    let payload = String::from_utf8(every()[0].to_payload().unwrap()).unwrap();
    for (wrong, code) in [
        (payload.replace(",\"", ", \""), "seal.statement-not-canonical"),
        (format!("{payload}\n"), "seal.statement-not-canonical"),
        (payload.replace("\"1.4.0\"", "\"1.4\\u002e0\""), "seal.statement-not-canonical"),
        (payload.replace(":41,", ":41.0,"), "seal.statement-not-canonical"),
        (payload.replace("{\"_type\"", "{\"_type\":\"x\",\"_type\""), "seal.statement-json"),
        (payload.replace("{\"_type\"", "{\"_TYPE\":\"x\",\"_type\""), "seal.statement-json"),
        (payload.replace(":41,", ":9007199254740993,"), "seal.statement-json"),
        (payload[1..].to_owned(), "seal.statement-json"),
    ] {
        assert_eq!(Statement::parse(wrong.as_bytes()).unwrap_err().code(), code, "{wrong}");
    }
}

#[test]
fn each_bound_holds_at_the_limit_and_not_one_past_it() {
    type Edit = fn(&mut Statement, usize);
    fn declared(statement: &mut Statement) -> &mut Declaration {
        let Predicate::Declaration(it) = &mut statement.predicate else { panic!("a declaration") };
        it
    }
    let cases: [(Edit, usize); 5] = [
        (|s, n| s.server = "s".repeat(n), limits::SERVER_BYTES_MAX),
        (|s, n| declared(s).version = "\u{1F4E7}".repeat(n), limits::VERSION_CHARS_MAX),
        (
            |s, n| {
                let artefact =
                    (0..n).map(|i| (format!("{i}"), format!("sha256:{}", "0".repeat(64))));
                declared(s).artefacts = artefact.collect();
            },
            limits::LIST_MAX,
        ),
        (
            |s, n| {
                let digest = format!("sha256:{}", "0".repeat(64));
                declared(s).artefacts = BTreeMap::from([("a".repeat(n), digest)]);
            },
            limits::TEXT_BYTES_MAX,
        ),
        (
            |s, n| declared(s).surface.as_mut().unwrap().protocol_version = "1".repeat(n),
            limits::WORD_BYTES_MAX,
        ),
    ];
    for (edit, limit) in cases {
        let mut statement = say(Predicate::Declaration(declaration()));
        edit(&mut statement, limit);
        assert_eq!(Statement::parse(&statement.to_payload().unwrap()).unwrap(), statement);
        edit(&mut statement, limit + 1);
        assert_eq!(statement.to_payload().unwrap_err().code(), "seal.statement-bound");
        edit(&mut statement, 0);
        let empty = statement.to_payload();
        assert_eq!(empty.is_err(), limit != limits::LIST_MAX);
    }
    let mut statement = say(Predicate::Declaration(declaration()));
    statement.previous = Some(limits::INTEGER_MAX);
    assert!(Statement::parse(&statement.to_payload().unwrap()).is_ok());
    statement.previous = Some(limits::INTEGER_MAX + 1);
    assert_eq!(statement.to_payload().unwrap_err().code(), "seal.statement-bound");
}

#[test]
fn a_name_has_no_space_so_that_names_in_the_map_are_distinct() {
    for server in ["a b", "", "a\n", "a\u{e9}", "a\u{7f}"] {
        let mut statement = every().remove(0);
        statement.server = server.to_owned();
        assert_eq!(statement.to_payload().unwrap_err().code(), "seal.statement-bound");
    }
    let mut seen = std::collections::BTreeSet::new();
    for statement in every() {
        let names = statement.names();
        assert_eq!(names[0], statement.server);
        for name in &names[1..] {
            assert!(seen.insert(name.clone()), "{name}");
        }
    }
    assert_eq!(seen.len(), 5);
}

#[test]
fn a_rotation_names_two_keys() {
    let pem = key(2).public().to_string();
    for to in [
        key(1).public().to_string(),
        pem.trim_end().to_owned(),
        pem.replace('\n', "\r\n"),
        key(2).to_pem(None).unwrap().to_string(),
        String::new(),
    ] {
        let rotation = Rotation { from: key(1).public().id(), to };
        let refused = say(Predicate::Rotation(rotation)).to_payload().unwrap_err();
        assert_eq!(refused.code(), "seal.statement-bound");
    }
}
