//! Reads the recorded sets.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use surface::Surface;
use surface::document;
use wire::Document;

use crate::Pair;

type Read<T> = Result<T, Box<dyn Error>>;

/// The surface of one benign server.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) surface: Surface,
}

/// The records of `DIRECTORY/NAME.jsonl.gz`.
pub(crate) fn records(directory: &Path, name: &str) -> Read<Vec<Value>> {
    let file = directory.join(format!("{name}.jsonl.gz"));
    let output = Command::new("gzip").arg("-dc").arg(&file).output()?;
    if !output.status.success() {
        return Err(
            format!("{}: {}", file.display(), String::from_utf8_lossy(&output.stderr)).into()
        );
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// Every pair of consecutive recorded surfaces of one server.
pub(crate) fn bumps(directory: &Path) -> Read<Vec<Pair>> {
    let mut at = HashMap::new();
    for record in records(directory, "drift-tools-snapshots")? {
        let key = ["source", "server", "version"].map(|member| text(&record, member));
        if let Some(surface) = surface_of(&record) {
            at.insert(key, surface);
        }
    }
    let mut pairs = Vec::new();
    for bump in records(directory, "drift-tools-bumps")? {
        let key = |version| [text(&bump, "source"), text(&bump, "server"), text(&bump, version)];
        let (Some(before), Some(after)) = (at.get(&key("from")), at.get(&key("to"))) else {
            continue;
        };
        pairs.push(Pair {
            source: text(&bump, "source"),
            server: text(&bump, "server"),
            label: format!(
                "{} -> {} {}",
                text(&bump, "from"),
                text(&bump, "to"),
                text(&bump, "label")
            ),
            before: before.clone(),
            after: after.clone(),
            neighbours: Vec::new(),
        });
    }
    Ok(pairs)
}

/// Recorded attack pairs whose metadata differ.
pub(crate) fn attacks(directory: &Path) -> Read<Vec<Pair>> {
    let mut pairs = Vec::new();
    for record in records(directory, "drift-attacks")? {
        let list = |member: &str| surface_of(&json!({ "tools": record.get(member) }));
        let (Some(before), Some(after)) = (list("before"), list("after")) else { continue };
        if before != after {
            pairs.push(Pair {
                source: text(&record, "set"),
                server: text(&record, "group"),
                label: format!("{} {}", text(&record, "id"), text(&record, "attack_type")),
                before,
                after,
                neighbours: Vec::new(),
            });
        }
    }
    Ok(pairs)
}

/// Real servers, presumed benign.
pub(crate) fn benign(directory: &Path) -> Read<Vec<Server>> {
    let servers = records(directory, "benign-tools")?;
    let server = |record: &Value| {
        Some(Server { name: text(record, "server"), surface: surface_of(record)? })
    };
    Ok(servers.iter().filter_map(server).collect())
}

/// Recorded lists name a tool twice now and then; the first one counts.
fn surface_of(record: &Value) -> Option<Surface> {
    let mut record = record.clone();
    if let Some(tools) = record.get_mut("tools").and_then(Value::as_array_mut) {
        let mut seen = std::collections::HashSet::new();
        tools.retain(|tool| tool.get("name").is_some_and(|name| seen.insert(name.clone())));
    }
    if let Value::Object(members) = &mut record {
        members.retain(|key, value| KEPT.contains(&key.as_str()) && !value.is_null());
    }
    let bytes = serde_json::to_vec(&record).ok()?;
    let parsed = Document::parse(&bytes, &document::POLICY).ok()?;
    document::read(parsed.root()).ok()
}

const KEPT: [&str; 5] = ["tools", "prompts", "resources", "resourceTemplates", "initialize"];

pub(crate) fn text(record: &Value, member: &str) -> String {
    record.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}
