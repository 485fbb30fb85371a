//! Each code of the catalogue is earned by a change, and each sentence is read.

use std::collections::BTreeSet;

use drift::{Change, Neighbour, catalogue, compare};
use serde_json::{Value, json};
use surface::{Era, Kind, Place, Surface};

mod cases;

use cases::Case;

/// The surface that holds `item` as `kind/name` and nothing else; empty for `null`.
fn surface_of(kind: Kind, items: &[(&str, &Value)]) -> Surface {
    let mut surface = Surface::empty(Era::Legacy);
    for (name, item) in items.iter().filter(|(_, item)| !item.is_null()) {
        surface.items.insert(Place::new(kind, *name), (*item).clone());
    }
    surface
}

fn changes_of(case: &Case) -> Vec<Change> {
    let before: Vec<_> = case.before.iter().map(|(name, item)| (*name, item)).collect();
    let after: Vec<_> = case.after.iter().map(|(name, item)| (*name, item)).collect();
    let neighbours: Vec<_> = case
        .neighbours
        .iter()
        .map(|(server, name)| Neighbour {
            server: (*server).to_owned(),
            place: Place::new(case.kind, *name),
            shape: None,
        })
        .collect();
    compare(&surface_of(case.kind, &before), &surface_of(case.kind, &after), &neighbours)
}

#[test]
fn each_change_reads_as_it_is_written_down() {
    let mut read = String::new();
    for case in cases::all() {
        read.push_str(&format!("{}\n", case.title));
        let changes = changes_of(&case);
        for change in changes.iter().take(SHOWN_MAX) {
            read.push_str(&format!("  {:8} {}\n", change.severity.to_string(), change.code));
            read.push_str(&format!(
                "           {}\n           {}\n",
                change.place, change.sentence
            ));
        }
        if changes.len() > SHOWN_MAX {
            read.push_str(&format!("  and {} more\n", changes.len() - SHOWN_MAX));
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/catalogue/expected.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &read).unwrap();
    }
    assert_eq!(read, std::fs::read_to_string(path).unwrap(), "run with BLESS=1 and read the diff");
}

/// Most changes of a case that are written down.
const SHOWN_MAX: usize = 6;

#[test]
fn each_code_has_a_case() {
    let mut earned: BTreeSet<_> =
        cases::all().iter().flat_map(changes_of).map(|change| change.code).collect();
    let (mut old, mut new) = (Surface::empty(Era::Legacy), Surface::empty(Era::Modern));
    earned.extend(compare(&old, &new, &[]).iter().map(|change| change.code));
    std::mem::swap(&mut old, &mut new);
    let known: BTreeSet<_> = catalogue::codes().into_iter().map(|(code, ..)| code).collect();
    let missing: Vec<_> = known.difference(&earned).collect();
    assert!(missing.is_empty(), "no case earns {missing:#?}");
    let unknown: Vec<_> = earned.difference(&known).collect();
    assert!(unknown.is_empty(), "the catalogue does not list {unknown:#?}");
}

#[test]
fn the_page_of_codes_is_the_generated_one() {
    let page = include_str!("../../../../docs/codes.md");
    let hint = "cargo run -p countersign-drift --example codes > docs/codes.md";
    assert_eq!(page, catalogue::page(), "{hint}");
}

#[test]
fn an_era_is_compared() {
    let changes = compare(&Surface::empty(Era::Modern), &Surface::empty(Era::Legacy), &[]);
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(change.code, "surface.server.era-changed");
    assert_eq!(change.sentence, "The server is now of the \"legacy\" era, \"modern\" before.");
    assert_eq!(
        (change.before.clone(), change.after.clone()),
        (Some(json!("modern")), Some(json!("legacy")))
    );
}
