//! Scan, canonical form and digest over real surfaces, beside plain SHA-256 and a common parser.

use serde::de::IgnoredAny;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use surface::{Digest, Digests, Kind, canonical};
use wire::{Document, Policy};

use super::{SURFACES, interleave, keep};
use crate::Outcome;
use crate::args::Options;
use crate::bars::Bars;
use crate::client::Script;
use crate::table::{Cell, Report, Table};

pub(super) fn run(options: &Options, report: &mut Report, bars: &mut Bars) -> Outcome<()> {
    report.tables.push(messages(options));
    let values = SURFACES.map(serde_json::from_str::<Value>);
    let values = values.into_iter().collect::<Result<Vec<_>, _>>()?;
    let tools: Vec<&Value> =
        values.iter().filter_map(|list| list.get("tools")?.as_array()).flatten().collect();
    let canonical: Vec<Vec<u8>> = tools.iter().map(|tool| canonical::to_vec(tool)).collect();
    for (tool, ours) in tools.iter().zip(&canonical) {
        if serde_json_canonicalizer::to_vec(tool)? != *ours {
            return Err("two implementations of RFC 8785 differ".into());
        }
    }
    let names = [
        "SHA-256 of canonical bytes",
        "serde_json: parse",
        "serde_json_canonicalizer + SHA-256",
        "wire: strict scan",
        "wire: strict scan and owned value",
        "canonical form",
        "canonical form + SHA-256",
        "exact and semantic digest",
    ];
    let times = interleave(
        options.pick(10, 200),
        [
            &mut || canonical.iter().for_each(|tool| keep(Sha256::digest(tool))),
            &mut || SURFACES.iter().for_each(|text| keep(parse(text))),
            &mut || tools.iter().for_each(|tool| keep(other_digest(tool))),
            &mut || SURFACES.iter().for_each(|text| keep(scan(text))),
            &mut || SURFACES.iter().for_each(|text| keep(scan_and_own(text))),
            &mut || tools.iter().for_each(|tool| keep(canonical::to_vec(tool))),
            &mut || tools.iter().for_each(|tool| keep(Digest::of(tool))),
            &mut || tools.iter().for_each(|tool| keep(Digests::of_item(Kind::Tool, tool))),
        ],
    );
    let bytes: usize = canonical.iter().map(Vec::len).sum();
    let title =
        format!("Digests: {} tools of {} servers, {bytes} bytes", tools.len(), values.len());
    let mut table = Table::new(title, &["work", "MB/s", "× SHA-256", "× serde_json parse"]);
    let [sha, parse, ..] = times;
    #[expect(clippy::cast_precision_loss, reason = "a quarter of a megabyte")]
    let megabytes = bytes as f64 / 1e6;
    for (name, time) in names.iter().zip(times) {
        table.row(
            *name,
            [Cell::from(megabytes / time), Cell::from(time / sha), Cell::from(time / parse)],
        );
    }
    report.tables.push(table);
    if let Some(digest) = times.get(6) {
        bars.at_least("canonicalise + digest", megabytes / digest, 100.0, "MB/s");
    }
    Ok(())
}

/// The scan of a call, as the guard does it twice for each `tools/call`.
fn messages(options: &Options) -> Table {
    let mut table = Table::new("Scan of one message", &["message", "µs", "MB/s", "× serde_json"]);
    for payload in [256, 4096, 65_536] {
        let message = Script::new("echo", payload).request();
        let many = |work: &dyn Fn()| (0..REPEATS).for_each(|_| work());
        let [skip, scan] = interleave(
            options.pick(20, 200),
            [&mut || many(&|| keep(serde_json::from_slice::<IgnoredAny>(&message))), &mut || {
                many(&|| keep(Document::parse(&message, &Policy::default())));
            }],
        );
        let us = scan / f64::from(REPEATS) * 1e6;
        #[expect(clippy::cast_precision_loss, reason = "the size of a message")]
        let rate = message.len() as f64 / us;
        table.row(
            format!("tools/call, {payload} bytes of text"),
            [us, rate, scan / skip].map(Cell::from),
        );
    }
    table
}

/// One scan is too short for a clock.
const REPEATS: u32 = 100;

fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn other_digest(tool: &Value) -> Option<[u8; 32]> {
    let canonical = serde_json_canonicalizer::to_vec(tool).ok()?;
    Some(Sha256::digest(canonical).into())
}

fn scan(text: &str) -> Option<usize> {
    Some(Document::parse(text.as_bytes(), &Policy::default()).ok()?.root().end())
}

fn scan_and_own(text: &str) -> Option<Value> {
    let document = Document::parse(text.as_bytes(), &Policy::default()).ok()?;
    surface::json::exact(document.root()).ok()
}
