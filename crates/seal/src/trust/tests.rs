#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::statement::tests::key;

fn pem(seed: u8) -> String {
    key(seed).public().to_string()
}

fn text(more: &str) -> String {
    let log = key(20).into_note_key("log.example", tlog::note::Algorithm::Ed25519).unwrap();
    let log = tlog::Sign::verifier(&log).to_string();
    let registry = pem(9);
    format!(
        "{more}\npolicy = '''\nlog {log}\nquorum none\n'''\n\n[[registry]]\nname = \"registry.example\"\nkey = '''\n{registry}'''\n"
    )
}

fn with(table: &str) -> String {
    format!("{}\n{table}\n", text(""))
}

#[test]
fn a_trust_file_reads() {
    let publisher =
        format!("[[publisher]]\nservers = \"io.github.acme/*\"\nkey = '''\n{}'''", pem(1));
    let observer = format!("[[observer]]\nname = \"monitor\"\nkey = '''\n{}'''", pem(3));
    let trust = Trust::parse(&with(&format!("{publisher}\n{observer}"))).unwrap();
    assert_eq!(trust.registries, [key(9).public().clone()]);
    assert_eq!(trust.observers, [key(3).public().clone()]);
    assert_eq!(trust.freshness_s_max, limits::FRESHNESS_S);
    assert_eq!(trust.policy.logs().len(), 1);
    for (server, count) in [
        ("io.github.acme/files", 1),
        ("io.github.acme/", 0),
        ("io.github.acme", 0),
        ("io.github.acmes/files", 0),
        ("io.github.acm/files", 0),
    ] {
        assert_eq!(trust.publishers_of(server).count(), count, "{server}");
    }
    assert!(trust.history().key(&key(1).public().id()).is_some());
}

#[test]
fn freshness_is_a_number_of_seconds_or_any() {
    let of = |more: &str| Trust::parse(&text(more)).map(|trust| trust.freshness_s_max);
    assert_eq!(of("freshness_s_max = 60").unwrap(), 60);
    assert_eq!(of("freshness_s_max = \"any\"").unwrap(), u64::MAX);
    for wrong in ["freshness_s_max = -1", "freshness_s_max = \"never\"", "freshness_s_max = 1.5"] {
        assert_eq!(of(wrong).unwrap_err().code(), "seal.trust-malformed", "{wrong}");
    }
}

#[test]
fn what_cannot_be_read_in_one_way_is_refused() {
    let code = |text: &str| Trust::parse(text).unwrap_err().code();
    assert_eq!(code(&text("more = 1")), "seal.trust-malformed");
    assert_eq!(code(&text("freshness_s_max = 1\nfreshness_s_max = 2")), "seal.trust-malformed");
    assert_eq!(code(&with("[[publishers]]\nservers = \"a/b\"")), "seal.trust-malformed");
    assert_eq!(code(&with("[[observer]]\nname = \"x\"\nkey = \"x\"")), "seal.trust-key");
    let private = key(3).to_pem(None).unwrap();
    let leaked = format!("[[observer]]\nname = \"x\"\nkey = '''\n{}'''", private.as_str());
    assert_eq!(code(&with(&leaked)), "seal.trust-key");
    for pattern in ["*", "/*", "io.github.*", "io.*/files", "io.github.acme*", "a b/*", ""] {
        let publisher = format!("[[publisher]]\nservers = \"{pattern}\"\nkey = '''\n{}'''", pem(1));
        assert_eq!(code(&with(&publisher)), "seal.trust-pattern", "{pattern}");
    }
    assert_eq!(code(&text("").replace("quorum none", "quorum both")), "seal.trust-policy");
    let whole = text("");
    let (start, _) = whole.split_once("[[registry]]").unwrap();
    assert_eq!(code(start), "seal.trust-no-registry");
    assert_eq!(code(""), "seal.trust-malformed");
}

#[test]
fn a_trust_file_is_bounded() {
    let fill = |size: usize| {
        let text = text("");
        format!("{text}{}", "#".repeat(size - text.len()))
    };
    assert!(Trust::parse(&fill(limits::TRUST_BYTES_MAX)).is_ok());
    let long = Trust::parse(&fill(limits::TRUST_BYTES_MAX + 1)).unwrap_err();
    assert_eq!(long.code(), "seal.trust-too-long");
}
