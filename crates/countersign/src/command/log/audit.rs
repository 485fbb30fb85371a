//! `countersign log audit`: the whole log, read and verified from what it serves alone.

use std::path::Path;

use seal::Envelope;
use serde::Serialize;
use tlog::map::{Latest, Map, MapLeaf};
use tlog::tile::{Tile, WIDTH};
use tlog::{Frontier, Hash};

use super::newest;
use crate::args::log as args;
use crate::codes;
use crate::command::Desk;
use crate::failure::{Exit, Failure};
use crate::log::limits;
use crate::log::reader::Reader;
use crate::log::view::View;
use crate::output::progress::Count;

/// Reads every entry and every tile, and rebuilds tree and map from the entries.
///
/// # Errors
/// A log that cannot be read, or in which anything is not what its checkpoint and its entries say.
pub(super) async fn run(desk: &Desk, arguments: &args::Audit) -> Result<Exit, Failure> {
    let (view, trust) = newest(&arguments.source).await?;
    if let Some(since) = &arguments.since
        && let Some(note) = read(since).await?
    {
        let held = View::at(view.reader().clone(), &note, &trust)?;
        view.follows(held.checkpoint()).await?;
    }
    let size = view.checkpoint().size;
    let progress = Count::of("auditing", size);
    let mut audit = Auditor::default();
    for bundle in 0..size.div_ceil(WIDTH) {
        for entry in view.entries(bundle).await? {
            audit.take(&entry)?;
        }
        progress.add(usize::try_from(WIDTH).unwrap_or_default());
    }
    drop(progress);
    audit.compare(&view).await?;
    if let Some(since) = &arguments.since {
        std::fs::write(since, view.note())
            .map_err(|error| Failure::new(format!("writing {}", since.display())).because(error))?;
    }
    let report = audit.report(&view);
    if arguments.json {
        desk.output.json(&report)?;
    } else {
        desk.output.data(&report.shown())?;
    }
    Ok(Exit::Same)
}

/// Tree and map as the entries make them.
#[derive(Default)]
struct Auditor {
    tree: Frontier,
    /// The nodes of the tree by level, as far as tiles hold them.
    levels: Vec<Vec<Hash>>,
    map: Map,
    map_leaves: u64,
    statements: u64,
    /// Whether the last entry stated the map's root.
    ends_with_map: bool,
}

impl Auditor {
    fn take(&mut self, entry: &[u8]) -> Result<(), Failure> {
        let index = self.tree.size();
        let leaf = Hash::of_leaf(entry);
        self.ends_with_map = false;
        if let Some(stated) = MapLeaf::parse(entry) {
            self.check_map(index, stated)?;
            self.ends_with_map = true;
        } else if let Ok(envelope) = Envelope::parse(entry) {
            self.statements += 1;
            for name in envelope.statement().names() {
                self.map.insert(Map::key(&name), Latest { leaf, index });
            }
        }
        let levels = &mut self.levels;
        self.tree.append(leaf, |level, _, hash| {
            // Tiles hold every eighth level.
            if level % 8 == 0 {
                let row = usize::from(level / 8);
                levels.resize_with(levels.len().max(row + 1), Vec::new);
                if let Some(row) = levels.get_mut(row) {
                    row.push(hash);
                }
            }
        });
        Ok(())
    }

    fn check_map(&mut self, index: u64, stated: MapLeaf) -> Result<(), Failure> {
        self.map_leaves += 1;
        if stated.covers != index || stated.root != self.map.root() {
            let what = format!("entry {index} states another map than the entries before it make");
            return Err(Failure::refusal(codes::LOG_MAP, what).hint(
                "this is proof of fraud on its own: keep the entries before it and the checkpoint",
            ));
        }
        Ok(())
    }

    /// Compares with the checkpoint, and with every tile that is served.
    async fn compare(&self, view: &View) -> Result<(), Failure> {
        let checkpoint = view.checkpoint();
        let forged = |what: String| Failure::refusal(codes::LOG_FORGED, what);
        if self.tree.size() != checkpoint.size || self.tree.root() != checkpoint.root {
            return Err(forged("the entries make another tree than the checkpoint".to_owned()));
        }
        if self.map_leaves > 0 && !self.ends_with_map {
            let what = "the checkpoint does not end with the state of the map".to_owned();
            return Err(Failure::refusal(codes::LOG_MAP, what));
        }
        for tile in Tile::new_between(0, checkpoint.size) {
            let Some(level) = tile.level else { continue };
            let served = view.tile(tile).await?;
            let start = usize::try_from(tile.index * WIDTH).unwrap_or(usize::MAX);
            let end = start.saturating_add(tile.width.into());
            let row = self.levels.get(usize::from(level));
            let made = row.and_then(|row| row.get(start..end)).unwrap_or_default();
            if !made.iter().flat_map(|hash| hash.0).eq(served.iter().copied()) {
                return Err(forged(format!("`{tile}` is not what the entries make")));
            }
        }
        Ok(())
    }

    fn report<'a>(&self, view: &'a View) -> Report<'a> {
        let checkpoint = view.checkpoint();
        let witnesses = &view.verified().witnesses;
        Report {
            schema: "countersign.audit/1",
            origin: &checkpoint.origin,
            size: checkpoint.size,
            root: checkpoint.root.to_string(),
            statements: self.statements,
            map_leaves: self.map_leaves,
            witnesses: witnesses.iter().map(|(name, _)| name.as_str()).collect(),
            time_s: view.verified().time_s(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    schema: &'static str,
    origin: &'a str,
    size: u64,
    root: String,
    statements: u64,
    map_leaves: u64,
    witnesses: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_s: Option<u64>,
}

impl Report<'_> {
    fn shown(&self) -> String {
        let cosigned = match self.witnesses.as_slice() {
            [] => "by nobody else".to_owned(),
            witnesses => format!("by {}", witnesses.join(", ")),
        };
        format!(
            "{}\n  entries    {} ({} statements, {} states of the map), each in the tree\n  \
             root       {}\n  cosigned   {cosigned}\n",
            self.origin, self.size, self.statements, self.map_leaves, self.root
        )
    }
}

async fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let here = Reader::Folder(std::path::PathBuf::new());
    here.read(&path.to_string_lossy(), limits::CHECKPOINT_BYTES_MAX).await
}
