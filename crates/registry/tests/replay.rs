//! Real histories of real registries, replayed through a loopback upstream: every in-place edit, every
//! addition and every disappearance is found once, and none is invented.
//!
//! The short form replays `replay/history.jsonl`, the whole histories of 21 entries of the
//! `ToolHive` registry (stacklok/toolhive-registry, Apache-2.0) and of Docker's catalogue (docker/mcp-registry,
//! MIT), one change a line with its commit. The long form takes any file of that form, and folders of
//! whole registry states, from the environment:
//!
//! ```text
//! REPLAY_HISTORY=drift-registry.jsonl REPLAY_STATES=FOLDER \
//!     cargo test --release -p countersign-registry --test replay -- --nocapture
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "replay/history.rs"]
mod history;
#[path = "replay/pair.rs"]
mod pair;
#[path = "replay/states.rs"]
mod states;

use std::collections::BTreeMap;
use std::time::Instant;

use registry::mirror::Scope;

use history::{Expected, History};
use pair::Pair;

#[tokio::test]
async fn every_edit_and_disappearance_of_a_real_history_is_found_once_and_none_invented() {
    let fixture = || include_str!("replay/history.jsonl").to_owned();
    let text = std::env::var("REPLAY_HISTORY")
        .map_or_else(|_| fixture(), |path| std::fs::read_to_string(path).expect("a history"));
    let history = History::read(&text);
    let pair = Pair::start().await;
    pair.serve(history.rows());
    let start = Instant::now();
    let first = pair.mirror.sync(Scope::Everything).await.expect("the first sweep");
    assert_eq!(first.rows, history.rows().len() as u64);
    assert_eq!(pair.changes().await, [], "the first sweep is no news");
    let (mut told, mut sweeps, mut rows) = (BTreeMap::<_, usize>::new(), 1, first.rows);
    let (mut missed, mut invented) = (Vec::new(), Vec::new());
    let mut history = history;
    while let Some(step) = history.next_step() {
        pair.serve(history.rows());
        // What is gone is gone after the second sweep.
        let needed = if step.values().any(|it| *it == Expected::Vanished) { 2 } else { 1 };
        for _ in 0..needed {
            rows += pair.mirror.sync(Scope::Everything).await.expect("a sweep").rows;
            sweeps += 1;
        }
        let found = pair.changes().await;
        for (server, expected) in &step {
            let of: Vec<_> = found.iter().filter(|(name, ..)| name == server).collect();
            let told = of.iter().filter(|(_, code, _)| expected.codes().contains(&code.as_str()));
            if told.count() != 1 {
                missed.push(format!("{server}: {expected:?}, told {of:?}"));
            }
        }
        for (server, code, severity) in found {
            let is_expected = step.get(&server).is_some_and(|it| it.allows(&code));
            if !is_expected && code != "upstream.reset" {
                invented.push(format!("{server}: {code}"));
            }
            *told.entry((code, severity)).or_default() += 1;
        }
    }
    assert_eq!((missed, invented), (Vec::<String>::new(), Vec::<String>::new()));
    println!("{} changes in {} commits", history.expected.values().sum::<usize>(), history.steps);
    println!("expected {:?}", history.expected);
    println!("told {told:?}");
    println!("{sweeps} sweeps, {rows} rows, {} statements", pair.statements());
    println!("{:.1} s", start.elapsed().as_secs_f32());
    assert!(history.expected.values().all(|count| *count > 0), "the history has all kinds");
}

#[tokio::test]
async fn whole_registry_states_are_mirrored_and_a_migration_is_told_as_such() {
    for (name, rows) in states::all() {
        let pair = Pair::start().await;
        pair.serve(rows.iter().map(|(_, old)| old.clone()).collect());
        let report = pair.mirror.sync(Scope::Everything).await.expect("a sweep");
        assert_eq!((report.rows, report.stated), (rows.len() as u64, rows.len() as u64), "{name}");
        // Entries without a name are nobody's; the first sweep alerts nobody all the same.
        let nameless = rows.iter().filter(|(_, old)| old["name"] == "").count();
        let of = |count: usize, severity: i64| -> Vec<_> {
            vec![("127.0.0.1".to_owned(), "entry.unreadable".to_owned(), severity); count]
        };
        assert_eq!(hosts(pair.changes().await), of(nameless, 0), "{name}");
        pair.mirror.sync(Scope::Everything).await.expect("a sweep");
        assert_eq!(pair.changes().await, [], "{name}: nothing changed");
        // The same registry in the names of the newest schema.
        pair.serve(rows.iter().map(|(new, _)| new.clone()).collect());
        pair.mirror.sync(Scope::Everything).await.expect("a sweep");
        let changes = hosts(pair.changes().await);
        let (unreadable, changes): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|(_, code, _)| code == "entry.unreadable");
        assert_eq!(unreadable, of(nameless, 2), "{name}");
        let renamed = rows.iter().filter(|(new, old)| new != old && old["name"] != "").count();
        assert!(changes.iter().all(|(_, code, _)| code == "entry.migrated"), "{name}: {changes:?}");
        assert_eq!(changes.len(), renamed, "{name}");
        let entries = rows.len();
        println!(
            "{name}: {entries} entries, {nameless} nameless, {renamed} migrated, none rewritten"
        );
    }
}

/// Changes without the ports of upstreams.
fn hosts(changes: Vec<(String, String, i64)>) -> Vec<(String, String, i64)> {
    let host = |(server, code, severity): (String, String, i64)| {
        (server.split(':').next().unwrap().to_owned(), code, severity)
    };
    changes.into_iter().map(host).collect()
}
