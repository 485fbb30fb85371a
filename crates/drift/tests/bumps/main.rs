//! Real version bumps, reduced to the items that changed: what a person is told about each.
//!
//! Recorded from MIT-licensed servers (`modelcontextprotocol/servers`, `github/github-mcp-server`);
//! each line names its source and the two versions.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its records fails")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use drift::{Change, Severity, compare};
use serde::Deserialize;
use serde_json::Value;
use surface::{Era, Surface};

#[derive(Deserialize)]
struct Bump {
    server: String,
    from: String,
    to: String,
    before: BTreeMap<String, Value>,
    after: BTreeMap<String, Value>,
}

impl Bump {
    fn all() -> Vec<Self> {
        let lines = include_str!("bumps.jsonl").lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn changes(&self) -> Vec<Change> {
        let surface = |items: &BTreeMap<String, Value>| {
            let items = items.iter().map(|(place, item)| (place.parse().unwrap(), item.clone()));
            Surface { era: Era::Legacy, items: items.collect() }
        };
        compare(&surface(&self.before), &surface(&self.after), &[])
    }
}

#[test]
fn each_bump_reads_as_it_is_written_down() {
    let mut read = String::new();
    for bump in Bump::all() {
        writeln!(read, "{} {} to {}", bump.server, bump.from, bump.to).unwrap();
        let mut told: Vec<_> = bump.changes();
        told.sort_by(|a, b| (&a.place, a.code).cmp(&(&b.place, b.code)));
        for change in told {
            writeln!(read, "  {} {}\n    {}", change.code, change.place, change.sentence).unwrap();
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bumps/expected.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &read).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap();
    let first = read.lines().zip(expected.lines()).find(|(read, expected)| read != expected);
    assert!(read == expected, "run with BLESS=1 and read the diff; it begins with {first:#?}");
}

#[test]
fn real_bumps_are_not_alarms() {
    for bump in Bump::all() {
        for change in bump.changes() {
            // A server that may now question the user is worth a look.
            let is_expected = change.code.ends_with("powerful-capability-added");
            let is_calm = change.severity < Severity::Warning;
            assert!(is_calm || is_expected, "{} {}: {change:#?}", bump.server, bump.to);
        }
    }
}
