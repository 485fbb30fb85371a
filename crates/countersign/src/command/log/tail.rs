//! `countersign log tail`: the newest entries, each verified.

use std::path::Path;
use std::time::Duration;

use seal::{Envelope, Trust};
use serde::Serialize;
use tlog::map::MapLeaf;
use tlog::tile::WIDTH;

use super::newest;
use crate::args::log as args;
use crate::command::Desk;
use crate::failure::{Exit, Failure};
use crate::log::view::View;
use crate::output::{safe, style};

/// Prints entries.
///
/// # Errors
/// A log that cannot be read or verified.
pub(super) async fn run(desk: &Desk, arguments: &args::Tail) -> Result<Exit, Failure> {
    let (mut view, trust) = newest(&arguments.source).await?;
    let size = view.checkpoint().size;
    let mut next = print(desk, arguments, &view, size.saturating_sub(arguments.count)).await?;
    if !arguments.follow {
        return Ok(Exit::Same);
    }
    loop {
        tokio::time::sleep(LOOK_PAUSE).await;
        view = grown(view, &trust, &arguments.source.evidence).await?;
        next = print(desk, arguments, &view, next).await?;
    }
}

/// The log as it is now, which has to continue what it was.
async fn grown(view: View, trust: &Trust, evidence: &Path) -> Result<View, Failure> {
    let newer = View::newest(view.reader().clone(), trust).await?;
    newer.follows(&view, evidence).await?;
    Ok(newer)
}

/// Prints the entries from `start` on, and gives the index after the last.
async fn print(
    desk: &Desk,
    arguments: &args::Tail,
    view: &View,
    start: u64,
) -> Result<u64, Failure> {
    let size = view.checkpoint().size;
    let mut next = start;
    while next < size {
        let bundle = next / WIDTH;
        let skipped = usize::try_from(next % WIDTH).unwrap_or_default();
        for entry in view.entries(bundle).await?.iter().skip(skipped) {
            let line = Line::of(next, entry);
            if arguments.server.as_ref().is_none_or(|server| line.server.as_ref() == Some(server)) {
                desk.output.data(&line.shown(arguments.json)?)?;
            }
            next += 1;
        }
    }
    Ok(next)
}

/// An entry, in one line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    index: u64,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    envelope: Option<serde_json::Value>,
}

impl Line {
    fn of(index: u64, entry: &[u8]) -> Self {
        let blank = |kind: &str| Self {
            index,
            kind: kind.to_owned(),
            server: None,
            time: None,
            signers: Vec::new(),
            envelope: None,
        };
        if MapLeaf::parse(entry).is_some() {
            return blank("map");
        }
        let Ok(envelope) = Envelope::parse(entry) else { return blank("unknown") };
        let statement = envelope.statement();
        let kind = statement.predicate.type_uri().trim_end_matches("/v1");
        Self {
            server: Some(statement.server.clone()),
            time: Some(statement.time.clone()),
            signers: envelope.signers().iter().map(|key| key.0.to_string()).collect(),
            envelope: serde_json::from_slice(envelope.bytes()).ok(),
            ..blank(kind.rsplit('/').next().unwrap_or_default())
        }
    }

    fn shown(&self, as_json: bool) -> Result<String, Failure> {
        if as_json {
            let text = serde_json::to_string(self)
                .map_err(|error| Failure::new("writing JSON").because(error))?;
            return Ok(safe::json(&text) + "\n");
        }
        let server = self.server.as_deref().unwrap_or("-");
        let time = self.time.as_deref().unwrap_or("-");
        let kind = style::paint(style::NAME, format!("{:<16}", self.kind));
        Ok(format!("{:>9}  {kind} {time:<20} {}\n", self.index, safe::line(server)))
    }
}

const LOOK_PAUSE: Duration = Duration::from_secs(2);
