//! Drift of two surfaces of a hundred real tools, beside the parsing of both.

use serde_json::{Value, json};
use surface::{Era, Kind, Place, Surface};

use super::{SURFACES, interleave, keep};
use crate::Outcome;
use crate::args::Options;
use crate::bars::Bars;
use crate::table::{Cell, Report, Table};

pub(super) fn run(options: &Options, report: &mut Report, bars: &mut Bars) -> Outcome<()> {
    let mut before = Surface::empty(Era::Legacy);
    for text in SURFACES {
        let mut list: Value = serde_json::from_str(text)?;
        let tools = list.get_mut("tools").and_then(Value::as_array_mut).map(std::mem::take);
        for tool in tools.unwrap_or_default() {
            let name = tool.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            if before.items.len() < TOOLS {
                before.items.insert(Place::new(Kind::Tool, name), tool);
            }
        }
    }
    let few = changed(&before, TOOLS / 10);
    let all = changed(&before, TOOLS);
    let bytes = serde_json::to_vec(&before.items.values().collect::<Vec<_>>())?;
    let times = interleave(
        options.pick(10, 200),
        [
            &mut || (0..2).for_each(|_| keep(parse(&bytes))),
            &mut || keep(drift::compare(&before, &before, &[])),
            &mut || keep(drift::compare(&before, &few, &[])),
            &mut || keep(drift::compare(&before, &all, &[])),
        ],
    );
    let names =
        ["serde_json: parse both", "nothing changed", "ten tools changed", "every tool changed"];
    let counts = [None, Some(&before), Some(&few), Some(&all)];
    let title = format!("Drift: two surfaces of {TOOLS} tools, {} bytes each", bytes.len());
    let mut table = Table::new(title, &["work", "ms", "× parse", "changes"]);
    let [parse, _, few_time, _] = times;
    for ((name, time), after) in names.iter().zip(times).zip(counts) {
        #[expect(clippy::cast_precision_loss, reason = "a count of changes")]
        let changes = after.map(|after| drift::compare(&before, after, &[]).len() as f64);
        table.row(*name, [Cell::from(time * 1e3), Cell::from(time / parse), Cell::from(changes)]);
    }
    report.tables.push(table);
    bars.at_most("drift of two 100-tool surfaces, ten changed", few_time * 1e3, 2.0, "ms");
    Ok(())
}

/// `before` with a new sentence and a new parameter in `count` of its tools.
fn changed(before: &Surface, count: usize) -> Surface {
    let mut after = before.clone();
    for tool in after.items.values_mut().take(count) {
        if let Some(Value::String(text)) = tool.get_mut("description") {
            text.push_str(" Results are sorted by date.");
        }
        if let Some(Value::Object(properties)) = tool.pointer_mut("/inputSchema/properties") {
            let limit = json!({ "type": "integer", "description": "How many results to give." });
            properties.insert("resultLimit".to_owned(), limit);
        }
    }
    after
}

fn parse(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

const TOOLS: usize = 100;
