//! `countersign lock`: what is pinned, and whether each surface is the one that was approved.

use super::Desk;
use crate::args;
use crate::failure::{Exit, Failure};
use crate::lock::entry::Origin;
use crate::lock::{Entry, Key};
use crate::output::{safe, style};
use crate::report::{human, json};
use crate::source::words_shown;

/// Shows and verifies the pins.
///
/// # Errors
/// Pins that cannot be read; the first surface that is not what was approved, after all are shown.
pub(super) fn run(desk: &Desk, arguments: &args::Lock) -> Result<Exit, Failure> {
    let entries = desk.store.entries()?;
    let mut first_wrong = None;
    let mut text = String::new();
    for (key, entry) in &entries {
        let verified = desk.store.load(key);
        text.push_str(&shown(key, entry, verified.is_ok()));
        if let Err(error) = verified {
            let failure = Failure::from(error);
            if first_wrong.is_some() || arguments.json {
                desk.output.failure(&failure);
            }
            first_wrong.get_or_insert(failure);
        }
    }
    if arguments.json {
        desk.output.json(&json::Pins::of(&entries))?;
    } else if !arguments.verify {
        desk.output.data(&text)?;
        let pins = human::counted(entries.len(), "pin");
        desk.output.note(&format!("{pins} in {}", desk.store.place()));
    }
    first_wrong.map_or(Ok(Exit::Same), Err)
}

fn shown(key: &Key, entry: &Entry, is_verified: bool) -> String {
    let name = style::paint(style::NAME, key);
    let state = if is_verified {
        style::paint(style::SAME, "verified")
    } else {
        style::paint(style::ERROR, "not what was approved")
    };
    let items = human::counted(entry.items.len(), "item");
    let origin = match &entry.origin {
        Origin::Command { run, .. } => format!("run      {}", words_shown(run)),
        Origin::Url { url, .. } => format!("url      {url}"),
        Origin::File(path) => format!("file     {path}"),
        Origin::Unknown => "origin   unknown".to_owned(),
    };
    let mut lines = vec![safe::line(&origin)];
    lines.extend(entry.artefact.as_ref().map(|a| safe::line(&format!("artefact {a}"))));
    lines.push(format!("exact    {}", entry.digests.exact));
    lines.push(format!("semantic {}", entry.digests.semantic));
    if let Some((at, approval)) = entry.approvals.last_key_value() {
        lines.push(safe::line(&format!("approved {at} by {}", approval.by)));
    }
    format!("{name}: {items}, {state}\n  {}\n", lines.join("\n  "))
}
