//! HISTOR, a log of the same field, over its SQLite.

use std::process::Command;

use harness::Scratch;

use crate::Outcome;
use crate::args::Options;

/// Appends a second, by how they are batched; an error says why it was not measured.
pub(super) fn histor(options: &Options) -> Outcome<Vec<(String, f64)>> {
    let python = options.peers.join("histor/bin/python");
    if !python.exists() {
        return Err("not installed; `benches/setup` does".into());
    }
    let folder = Scratch::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/histor_log.py");
    let seconds = options.pick("2", "10");
    let output = Command::new(python).arg(script).arg(seconds).arg(folder.join("log")).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let text = String::from_utf8(output.stdout)?;
    let row = |line: &str| {
        let (batch, per_s) = line.split_once(' ')?;
        let name = format!("HISTOR 0.4.2: 1.1 kB labels, {batch} a transaction, not synchronised");
        Some((name, per_s.parse().ok()?))
    };
    let rows: Option<Vec<_>> = text.lines().map(row).collect();
    Ok(rows.ok_or("HISTOR printed what is no rate")?)
}
