#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

/// Every table of this crate.
const TABLES: [&[(&str, &str)]; 9] = [
    CODES,
    FINDINGS,
    crate::publish::CODES,
    crate::publish::server_json::CODES,
    crate::namespace::CODES,
    crate::mirror::CODES,
    crate::monitor::CODES,
    crate::feed::CODES,
    crate::feed::webhook::CODES,
];

#[test]
fn the_tables_hold_every_code_that_the_sources_give_and_no_other() {
    let mut given = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut given);
    let refusals = TABLES.iter().copied().chain([crate::witness::CODES]).flatten();
    let refusals: Vec<&str> = refusals.map(|(code, _)| *code).collect();
    let distinct: BTreeSet<&str> = refusals.iter().copied().collect();
    assert_eq!(distinct.len(), refusals.len(), "a code stands twice");
    let changes: BTreeSet<&str> = CHANGES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(changes.len(), CHANGES.len(), "a code stands twice");
    let listed: BTreeSet<String> =
        distinct.iter().chain(&changes).map(|code| (*code).to_owned()).collect();
    assert_eq!(given, listed);
}

#[test]
fn every_sentence_is_one() {
    for (code, sentence) in TABLES.iter().copied().chain([crate::witness::CODES]).flatten() {
        let is_one = sentence.ends_with('.') && !sentence.starts_with(char::is_whitespace);
        // Those of entries are parts of a sentence.
        assert!(is_one || code.starts_with("server-json."), "{code}: {sentence}");
    }
}

/// Every text outside tests and tables that looks like a code.
fn collect(folder: &Path, given: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "tests" || name == "tests.rs" || name == "fixture.rs" {
            continue;
        }
        if path.is_dir() {
            collect(&path, given);
            continue;
        }
        let source = std::fs::read_to_string(path).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        given.extend(without_tables(source).split('"').filter(|it| is_code(it)).map(str::to_owned));
    }
}

/// The source without what stands in tables: a row gives nothing.
fn without_tables(source: &str) -> String {
    let mut rest = source;
    let mut kept = String::new();
    while let Some((before, table)) = rest.split_once("&str)] = &[") {
        kept.push_str(before);
        let end = if table.starts_with('$') { ";" } else { "]" };
        rest = table.split_once(end).unwrap().1;
    }
    kept + rest
}

fn is_code(text: &str) -> bool {
    let Some((family, rest)) = text.split_once('.') else { return false };
    let is_word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'))
    };
    FAMILIES.contains(&family) && is_word(rest) && !MEMBERS.contains(&text)
}

const FAMILIES: [&str; 19] = [
    "api",
    "artefact",
    "authorization",
    "entry",
    "feed",
    "key",
    "mirror",
    "monitor",
    "namespace",
    "net",
    "operator",
    "publish",
    "server-json",
    "service",
    "surface",
    "upstream",
    "version",
    "webhook",
    "witness",
];

/// Members of a declaration that an error names, and a file.
const MEMBERS: [&str; 5] =
    ["surface.digests", "surface.object", "surface.era", "surface.authorization", "witness.db"];
