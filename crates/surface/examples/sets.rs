//! Reads every record of JSON Lines files as a surface, and measures how fast.
//!
//! ```text
//! cargo run --release -p countersign-surface --example sets -- DIRECTORY
//! ```
//!
//! DIRECTORY holds `*.jsonl`, each line one surface as [`surface::document`] reads them. Prints what
//! was read and refused, then megabytes of JSON per second.
#![allow(clippy::print_stdout, reason = "an example speaks on stdout")]

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use surface::{Digest, Digests, Surface, canonical, document, json};
use wire::{Document, Policy};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args().nth(1).ok_or("usage: sets DIRECTORY")?);
    let mut surfaces = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let text = std::fs::read_to_string(&path)?;
            surfaces.extend(read_all(&path.display().to_string(), &text));
        }
    }
    semantics(&surfaces);
    speed(&surfaces)
}

fn read_all(name: &str, text: &str) -> Vec<Surface> {
    let mut refusals = BTreeMap::<String, usize>::new();
    let mut surfaces = Vec::new();
    for line in text.lines() {
        let read = Document::parse(line.as_bytes(), &document::POLICY)
            .map_err(Into::into)
            .and_then(|scanned| document::read(scanned.root()));
        match read {
            Ok(surface) => surfaces.push(surface),
            Err(error) => *refusals.entry(error.to_string()).or_default() += 1,
        }
    }
    let items: usize = surfaces.iter().map(|surface| surface.items.len()).sum();
    println!("{name}: {} records read, {items} items", surfaces.len());
    for (refusal, count) in refusals {
        println!("  refused {count} times: {refusal}");
    }
    surfaces
}

/// How many items each have a semantic form of their own, and that each form stands.
fn semantics(surfaces: &[Surface]) {
    let items = surfaces.iter().flat_map(|surface| &surface.items);
    let (mut changed, mut unstable) = (0, 0);
    for (place, item) in items {
        let form = surface::semantic::normalize(place.kind, item);
        changed += usize::from(form != *item);
        unstable += usize::from(surface::semantic::normalize(place.kind, &form) != form);
    }
    println!("semantic form: {changed} items differ from theirs, {unstable} forms are not stable");
}

fn speed(surfaces: &[Surface]) -> Result<(), Box<dyn Error>> {
    let bodies: Vec<String> = surfaces.iter().map(body).collect();
    let values = bodies.iter().map(|body| owned(body)).collect::<Result<Vec<_>, _>>()?;
    println!("speed over {} list results:", bodies.len());
    report("scan", &bodies, &bodies, |body| {
        Document::parse(body.as_bytes(), &Policy::default()).is_ok()
    });
    report("scan and own", &bodies, &bodies, |body| owned(body).is_ok());
    report("canonical form", &bodies, &values, canonical::to_vec);
    report("canonical form and exact digest", &bodies, &values, Digest::of);
    report("scan, own, canonical form and exact digest", &bodies, &bodies, |body| {
        owned(body).map(|value| Digest::of(&value)).ok()
    });
    report("both digests of every item", &bodies, surfaces, Digests::of_surface);
    Ok(())
}

/// Prints the speed of `work`, one input for each body: bytes of all bodies through the sum of the
/// shortest times of each, so that a busy machine disturbs little.
fn report<I, O>(name: &str, bodies: &[String], inputs: &[I], work: impl Fn(&I) -> O) {
    let mut shortest = vec![f64::INFINITY; inputs.len()];
    for _ in 0..15 {
        for (input, shortest) in inputs.iter().zip(&mut shortest) {
            let start = Instant::now();
            black_box(work(black_box(input)));
            *shortest = shortest.min(start.elapsed().as_secs_f64());
        }
    }
    let bytes: usize = bodies.iter().map(String::len).sum();
    let megabytes = f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1e6;
    println!("  {:>4.0} MB/s {name}", megabytes / shortest.iter().sum::<f64>());
}

/// A surface as the result that a server sends.
fn body(surface: &Surface) -> String {
    let tools: Vec<_> = surface.of(surface::Kind::Tool).map(|(_, tool)| tool).collect();
    serde_json::json!({ "tools": tools }).to_string()
}

fn owned(body: &str) -> Result<serde_json::Value, wire::Refusal> {
    json::exact(Document::parse(body.as_bytes(), &Policy::default())?.root())
}
