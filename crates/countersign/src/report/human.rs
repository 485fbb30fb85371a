//! What was found, for a person: readable with and without colour.

use std::collections::HashMap;
use std::fmt::Write as _;

use drift::{Change, Severity};
use serde_json::Value;
use surface::document::Detail;
use surface::{CacheScope, Digests, Era, Observation};

use super::{Comparison, Outcome};
use crate::output::{safe, style, words};

/// How much of a value that came or went whole is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amount {
    /// Its first lines: enough to know what it is.
    Brief,
    /// All that a person should read before approving it.
    Whole,
}

/// A comparison with a pin, for somebody who wants to know whether to look closer.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    let name = style::paint(style::NAME, &outcome.key);
    match &outcome.result {
        Ok(comparison) => {
            format!("{name}: {}", summary(comparison)) + &details(comparison, Amount::Brief)
        }
        Err(failure) => {
            let label = style::paint(style::ERROR, outcome.status());
            let code = failure.code.map(|code| format!(" [{code}]")).unwrap_or_default();
            let chain = failure.chain().join(": ");
            let mut text = format!("{name}: {label}, {}{code}\n", safe::text(&chain));
            if let Some(hint) = &failure.hint {
                let _ = writeln!(text, "  hint: {}", safe::text(hint));
            }
            text
        }
    }
}

/// The changes of a comparison, most important first.
pub(crate) fn details(comparison: &Comparison, amount: Amount) -> String {
    let mut text = String::new();
    if let Some([before, after]) = &comparison.artefacts {
        let shown = |artefact: &Option<crate::artefact::Artefact>| {
            artefact.as_ref().map_or_else(|| "unknown".to_owned(), |a| safe::line(&a.to_string()))
        };
        let _ = writeln!(text, "  is {}, was {}", shown(after), shown(before));
    }
    match amount {
        Amount::Brief => text.extend(alike(&comparison.changes).iter().map(|group| brief(group))),
        Amount::Whole => text.extend(comparison.changes.iter().map(|c| change(c, amount))),
    }
    if !comparison.is_same() {
        let faint = |digest| style::paint(style::FAINT, digest);
        let _ = writeln!(text, "  {} {}", faint("was".to_owned()), comparison.before.exact);
        let _ = writeln!(text, "  {} {}", faint("is ".to_owned()), comparison.after.exact);
    }
    text
}

/// One line on a comparison.
pub(crate) fn summary(comparison: &Comparison) -> String {
    if comparison.is_same() {
        let same = style::paint(style::SAME, "same");
        return format!("{same}, {}\n", counted(comparison.items, "item"));
    }
    let drift = style::paint(style::ERROR, "drift");
    let mut counts: Vec<String> = Vec::new();
    for severity in [Severity::Critical, Severity::Warning, Severity::Notice, Severity::Info] {
        let count = comparison.changes.iter().filter(|c| c.severity == severity).count();
        if count > 0 {
            counts.push(style::paint(style::of_severity(severity), format!("{count} {severity}")));
        }
    }
    let changes = counted(comparison.changes.len(), "change");
    format!("{drift}, {changes}: {}\n", counts.join(", "))
}

/// One change: where, how much it matters, what and why.
pub(crate) fn change(change: &Change, amount: Amount) -> String {
    let severity = style::paint(style::of_severity(change.severity), change.severity);
    let place = style::paint(style::NAME, safe::line(&change.place));
    let code = style::paint(style::FAINT, format!("[{}]", change.code));
    let mut text = format!("  {severity}  {place}  {code}\n");
    text.push_str(&indented(&safe::text(&change.sentence)));
    for reason in &change.because {
        text.push_str(&indented(&format!("- {}", safe::text(reason))));
    }
    let lines_max = match amount {
        Amount::Brief => BRIEF_LINES,
        Amount::Whole => usize::MAX,
    };
    let difference = words::between(change.before.as_ref(), change.after.as_ref(), lines_max);
    if !difference.is_empty() {
        text.push_str(&indented(&difference));
    }
    text
}

/// Changes that say the same of several items, together: an SDK upgrade touches every tool alike.
fn alike(changes: &[Change]) -> Vec<Vec<&Change>> {
    let mut groups: Vec<Vec<&Change>> = Vec::new();
    let mut known = HashMap::new();
    for change in changes {
        let inside = change.place.strip_prefix(&change.item.to_string()).unwrap_or(&change.place);
        let values =
            [&change.before, &change.after].map(|value| value.as_ref().map(Value::to_string));
        let key = (change.code, change.item.kind, inside, values, &change.because);
        let group = *known.entry(key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups.get_mut(group).into_iter().for_each(|group| group.push(change));
    }
    groups
}

fn brief(group: &[&Change]) -> String {
    let Some((first, others)) = group.split_first() else { return String::new() };
    let mut text = change(first, Amount::Brief);
    if !others.is_empty() {
        let names = others.iter().map(|other| safe::line(&other.item.to_string()));
        let names: Vec<_> = names.take(NAMES_SHOWN_MAX).collect();
        let more = if others.len() > names.len() { ", …" } else { "" };
        let same = format!("and the same of {} more: {}{more}", others.len(), names.join(", "));
        text.push_str(&indented(&style::paint(style::FAINT, same)));
    }
    text
}

/// A surface: its items, each with its exact digest.
pub(crate) fn surface(observation: &Observation, protocol_version: &str, detail: Detail) -> String {
    let surface = &observation.surface;
    let digests = Digests::of_surface(surface);
    let era = match surface.era {
        Era::Legacy => "legacy",
        Era::Modern => "modern",
    };
    let scope = match observation.cache_scope {
        CacheScope::Public => "public",
        CacheScope::Private => "private",
    };
    let mut text = String::new();
    let width = surface.items.keys().map(|place| safe::line(&place.to_string()).chars().count());
    let width = width.max().unwrap_or_default().min(PLACE_CHARS_MAX);
    for (place, item) in &surface.items {
        let shown = safe::line(&place.to_string());
        let digest = Digests::of_item(place.kind, item).exact;
        let pad = " ".repeat(width.saturating_sub(shown.chars().count()));
        let _ = writeln!(text, "{}{pad}  {digest}", style::paint(style::NAME, shown));
        if detail == Detail::Fields {
            for (pointer, digest) in surface::digest::fields(item) {
                let _ = writeln!(text, "    {digest}  {}", safe::line(&pointer));
            }
        }
    }
    let version = safe::line(protocol_version);
    let _ = write!(
        text,
        "\n{} in the {era} era{}, cache scope {scope}\nexact     {}\nsemantic  {}\n",
        counted(surface.items.len(), "item"),
        if version.is_empty() { String::new() } else { format!(" ({version})") },
        digests.exact,
        digests.semantic
    );
    text
}

/// `1 item`, `2 items`.
pub(crate) fn counted(count: usize, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["    ", line, "\n"]).collect()
}

/// Longer places do not push the digests of the others to the right.
const PLACE_CHARS_MAX: usize = 48;

/// Enough to know which items are meant.
const NAMES_SHOWN_MAX: usize = 6;

/// Enough for the first fields of an item.
const BRIEF_LINES: usize = 6;
