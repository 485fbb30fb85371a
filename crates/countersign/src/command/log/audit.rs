//! `countersign log audit`: the whole log, read and verified from what it serves alone.

mod versions;

use std::path::Path;

use seal::fraud::{self, Reuse, WrongMap};
use seal::{Envelope, Fraud, PublicKey};
use serde::Serialize;
use tlog::map::{Latest, Map, MapLeaf};
use tlog::tile::{Tile, WIDTH};
use tlog::{Frontier, Hash};

use versions::Versions;

use super::newest;
use crate::args::log as args;
use crate::codes;
use crate::command::Desk;
use crate::failure::{Exit, Failure};
use crate::log::reader::Reader;
use crate::log::view::View;
use crate::log::{self, limits};
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
        view.follows(&held, &arguments.source.evidence).await?;
    }
    let size = view.checkpoint().size;
    let progress = Count::of("auditing", size);
    let mut audit = Auditor::default();
    for bundle in 0..size.div_ceil(WIDTH) {
        for entry in view.entries(bundle).await? {
            let Err(caught) = audit.take(entry, &trust.registries) else { continue };
            return Err(audit.convict(&view, &arguments.source.evidence, caught).await);
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
    since: Since,
    versions: Versions,
}

/// What the log did, with the indices of what shows it.
#[derive(Debug, Clone, Copy)]
enum Caught {
    /// The map leaf there is wrong.
    Map(u64),
    /// As [`Versions::take`] says.
    Reuse([u64; 3]),
}

impl Caught {
    fn refusal(self) -> Failure {
        match self {
            Self::Map(index) => Failure::refusal(
                codes::LOG_MAP,
                format!("entry {index} states another map than the entries before it make"),
            ),
            Self::Reuse([owner, later, index]) => Failure::refusal(
                codes::LOG_REUSED,
                format!(
                    "entry {index} admits what entry {later} declares of a version that entry {owner} \
                     fixed otherwise"
                ),
            ),
        }
    }
}

/// What a proof that a map leaf is wrong would be made of; honest logs have a batch of it at most.
#[derive(Default)]
struct Since {
    /// The map as the last map leaf stated it.
    map: Map,
    /// That leaf, if there was one, and every entry after it.
    entries: Vec<Vec<u8>>,
    size_bytes: usize,
    /// No proof is so long: only the last entry is kept, and the audit goes on without one.
    is_too_long: bool,
}

impl Auditor {
    fn take(&mut self, entry: Vec<u8>, registries: &[PublicKey]) -> Result<(), Caught> {
        let index = self.tree.size();
        let leaf = Hash::of_leaf(&entry);
        let stated = MapLeaf::parse(&entry);
        let envelope = Envelope::parse(&entry);
        self.since.push(entry);
        self.ends_with_map = stated.is_some();
        if let Some(stated) = stated {
            self.check_map(index, stated)?;
            self.since.restart(&self.map);
        } else if let Ok(envelope) = envelope {
            self.statements += 1;
            if let Some(indices) = self.versions.take(index, &envelope, registries) {
                return Err(Caught::Reuse(indices));
            }
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

    fn check_map(&mut self, index: u64, stated: MapLeaf) -> Result<(), Caught> {
        self.map_leaves += 1;
        if stated.covers != index || stated.root != self.map.root() {
            return Err(Caught::Map(index));
        }
        Ok(())
    }

    /// The refusal of what was caught; its proof is made, and kept.
    async fn convict(&self, view: &View, evidence: &Path, caught: Caught) -> Failure {
        let refusal = caught.refusal();
        if matches!(caught, Caught::Map(_)) && self.since.is_too_long {
            return refusal.hint("keep a copy: a proof with all these entries would be too long");
        }
        match self.proof(view, caught).await {
            Ok(fraud) => log::fraud::keep(&fraud, evidence, refusal),
            Err(failure) => refusal.hint(format!("the proof could not be made: {failure}")),
        }
    }

    async fn proof(&self, view: &View, caught: Caught) -> Result<Fraud, Failure> {
        let checkpoint = view.note().to_owned();
        let indices = match caught {
            Caught::Reuse(indices) => {
                let mut leaves = Vec::new();
                for index in indices {
                    let (entry, proof) = view.prove(index).await?;
                    leaves.push(fraud::Entry { entry, index, hashes: proof.hashes });
                }
                return Ok(Fraud::Reuse(Reuse { checkpoint, leaves }));
            }
            Caught::Map(index) => {
                let count = u64::try_from(self.since.entries.len()).unwrap_or_default();
                let past = index.saturating_add(1);
                (past.saturating_sub(count)..past).collect::<Vec<_>>()
            }
        };
        let proofs = view.inclusion(&indices).await?;
        let leaves = self.since.entries.iter().zip(indices).zip(proofs);
        let leaf = |((entry, index), hashes): ((&Vec<u8>, u64), _)| fraud::Entry {
            entry: entry.clone(),
            index,
            hashes,
        };
        let wrong = WrongMap::of(checkpoint, leaves.map(leaf).collect(), self.since.map.clone());
        Ok(Fraud::WrongMap(wrong))
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

impl Since {
    fn push(&mut self, entry: Vec<u8>) {
        self.size_bytes = self.size_bytes.saturating_add(entry.len());
        self.entries.push(entry);
        let is_too_long = self.entries.len() > seal::limits::FRAUD_LEAVES_MAX
            || self.size_bytes > seal::limits::FRAUD_BYTES_MAX / 8 * 5;
        if self.is_too_long || is_too_long {
            self.is_too_long = true;
            let before = self.entries.len().saturating_sub(1);
            self.entries.drain(..before);
        }
    }

    /// Begins anew with the map leaf that came last, which is right.
    fn restart(&mut self, map: &Map) {
        let leaf = self.entries.pop();
        *self = Self { map: map.clone(), entries: leaf.into_iter().collect(), ..Self::default() };
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
