//! Measures drift on recorded surfaces: alerts on real version bumps, recall over attacks, rank.
//!
//! `cargo run --release -p countersign-drift --example measure -- DATA_DIR [--json] [--markdown]
//! [--explain] [--features] [--rules]`
//!
//! The directory holds `drift-tools-snapshots`, `drift-tools-bumps`, `drift-attacks`,
//! `benign-tools` and `poisoning`, each `.jsonl.gz`. Nothing is drawn at random that a seed does
//! not give: the same data makes the same table.

mod data;
mod operators;
mod payload;
mod random;
mod report;
mod speed;

use std::error::Error;
use std::path::Path;

use drift::{Change, Neighbour, Severity};
use surface::Surface;

/// Two surfaces, and whose they are.
struct Pair {
    source: String,
    server: String,
    label: String,
    before: Surface,
    after: Surface,
    neighbours: Vec<Neighbour>,
}

/// The changes of a pair, and what they come to.
struct Outcome {
    source: String,
    server: String,
    label: String,
    /// Nothing but the serialiser moved: the exact digests differ, the semantic ones do not.
    noise_only: bool,
    changes: Vec<Change>,
}

impl Outcome {
    fn of(pair: &Pair) -> Self {
        use surface::Digests;
        let (before, after) = (Digests::of_surface(&pair.before), Digests::of_surface(&pair.after));
        Self {
            source: pair.source.clone(),
            server: pair.server.clone(),
            label: pair.label.clone(),
            noise_only: before.exact != after.exact && before.semantic == after.semantic,
            changes: drift::compare(&pair.before, &pair.after, &pair.neighbours),
        }
    }

    /// The most important change: what a list is sorted by.
    fn top(&self) -> Option<(Severity, u32)> {
        self.changes.iter().map(|change| (change.severity, change.score)).max()
    }

    fn reaches(&self, severity: Severity) -> bool {
        self.top().is_some_and(|(top, _)| top >= severity)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: measure DATA_DIR [--json] [--markdown]")?;
    let flags: Vec<String> = arguments.collect();
    let has = |flag: &str| flags.iter().any(|given| given == flag);
    let directory = Path::new(&directory);

    let bumps: Vec<_> = data::bumps(directory)?.iter().map(Outcome::of).collect();
    let recorded: Vec<_> = data::attacks(directory)?.iter().map(Outcome::of).collect();
    let tools = data::benign(directory)?;
    let payloads = payload::Payloads::read(directory)?;
    let generated = operators::all(&tools, &payloads).iter().map(Outcome::of).collect();
    let report = report::Report::new(bumps, recorded, generated, &tools);
    let speed = speed::of_scan(&tools);

    let text = if has("--json") {
        report.json(&speed)
    } else if has("--features") {
        report.features()
    } else if has("--rules") {
        report.rules()
    } else if has("--explain") {
        report.explain()
    } else {
        report.markdown(&speed)
    };
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}
