//! Tripwires on real texts, and their page.
//!
//! `benign.jsonl` holds descriptions from MIT-licensed servers; each line names its source.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its records fails")]

use drift::tripwire::{self, Class};
use serde::Deserialize;

#[derive(Deserialize)]
struct Record {
    source: String,
    name: String,
    texts: Vec<String>,
}

#[test]
fn no_blocking_rule_meets_a_real_text() {
    let mut texts = 0;
    for line in include_str!("benign.jsonl").lines() {
        let record: Record = serde_json::from_str(line).unwrap();
        let hits = tripwire::scan_name(&record.name);
        let hits = hits.into_iter().chain(record.texts.iter().flat_map(|t| tripwire::scan(t)));
        let blocking: Vec<_> = hits.filter(|hit| hit.class == Class::Blocking).collect();
        assert_eq!(blocking, Vec::new(), "{} {}", record.source, record.name);
        texts += record.texts.len();
    }
    assert!(texts > 500, "the sample is {texts} texts");
}

#[test]
fn the_page_is_the_generated_one_but_for_the_rates() {
    let page = include_str!("../../../../docs/tripwires.md");
    let lines: Vec<_> = page.lines().collect();
    let committed: Vec<_> = lines.iter().filter(|line| !line.starts_with("Measured: ")).collect();
    let rated = tripwire::page(|_| Some(String::new()));
    let generated: Vec<_> = rated.lines().filter(|line| !line.starts_with("Measured: ")).collect();
    assert_eq!(committed.into_iter().copied().collect::<Vec<_>>(), generated);
    let measured = lines.iter().filter(|line| line.starts_with("Measured: ")).count();
    assert_eq!(measured, tripwire::RULES.len(), "each rule has its rate");
}
