//! The rules over rows, in order (`docs/spec/audit-trail.md`).

mod links;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use surface::Digest;
use tlog::tile::Tile;
use tlog::{Checkpoint, Frontier, Hash, VerifierKey};

use super::notes::{self, Dated, Notes};
use super::read::Entries;
use super::row::{Facts, Row};
use super::{Findings, Known, Question, Report, VerifyError, record};
use crate::limits;
use crate::record::Kind;
use crate::record::event::ConfigEvent;
use crate::trail::layout::{entries, read};
use links::Links;

pub(super) struct Fold<'k> {
    folder: PathBuf,
    known: &'k Known,
    keys: Vec<VerifierKey>,
    findings: Findings,
    tree: Frontier,
    /// The hashes of unfinished tiles above level 0.
    levels: Vec<Vec<Hash>>,
    notes: Notes,
    next: Option<Dated>,
    /// The newest checkpoint that the records make.
    newest: Option<Dated>,
    /// The newest checkpoint by size and time, whatever its root.
    seen: Option<(u64, u64)>,
    /// A checkpoint that was kept, and whether it was met.
    expect: Option<Checkpoint>,
    window: Window,
    links: Links,
    objects: BTreeSet<Digest>,
    prunes: Vec<(u64, u64)>,
}

/// The records since the last checkpoint.
#[derive(Default)]
struct Window {
    /// The earliest and the latest, with their indices.
    earliest: Option<(u64, u64)>,
    latest: Option<(u64, u64)>,
    /// Whether a start or a gap explains silence.
    is_excused: bool,
}

impl<'k> Fold<'k> {
    pub(super) fn new(
        folder: &Path,
        known: &'k Known,
        keys: &[VerifierKey],
        mut findings: Findings,
    ) -> Result<Self, VerifyError> {
        let mut notes = Notes::open(folder, keys)?;
        let next = notes.next(&mut findings)?;
        let mut expect = None;
        if let Some(note) = &known.expect {
            match notes::open(note, keys) {
                Ok((checkpoint, _)) => expect = Some(checkpoint),
                Err(_) => findings.changed("audit.changed.expected", "the expected checkpoint"),
            }
        }
        if known.expect.is_none() && known.witnesses.is_none() {
            findings.remark("audit.remark.rollback", "the trail");
        }
        let mut fold = Self {
            folder: folder.to_owned(),
            known,
            keys: keys.to_vec(),
            findings,
            tree: Frontier::default(),
            levels: Vec::new(),
            notes,
            next,
            newest: None,
            seen: None,
            expect,
            window: Window::default(),
            links: Links::default(),
            objects: BTreeSet::new(),
            prunes: Vec::new(),
        };
        fold.meet()?;
        Ok(fold)
    }

    pub(super) fn findings(&mut self) -> &mut Findings {
        &mut self.findings
    }

    pub(super) fn take(&mut self, rows: Vec<Row>) -> io::Result<()> {
        for row in rows {
            if row.tile.is_some_and(|tile| tile != row.leaf) {
                self.findings.changed("audit.changed.leaf", record(row.index));
            }
            self.grow(row.leaf)?;
            match &row.facts {
                Ok(facts) => self.facts(row.index, facts),
                Err(code) if !code.is_empty() => self.findings.changed(code, record(row.index)),
                Err(_) => {}
            }
            self.links.take(row.index, row.digest, row.facts.ok(), &mut self.findings);
            self.meet()?;
        }
        Ok(())
    }

    /// Adds a leaf, and compares the tiles above level 0 that it completes.
    fn grow(&mut self, leaf: Hash) -> io::Result<()> {
        let mut nodes = Vec::new();
        self.tree.append(leaf, |level, index, hash| {
            if level > 0 && level % 8 == 0 {
                nodes.push((level / 8, index, hash));
            }
        });
        for (level, index, hash) in nodes {
            let at = usize::from(level) - 1;
            if self.levels.len() <= at {
                self.levels.push(Vec::new());
            }
            let Some(row) = self.levels.get_mut(at) else { continue };
            row.push(hash);
            if row.len() < 256 {
                continue;
            }
            let tile = Tile { level: Some(level), index: index / 256, width: 256 }.to_string();
            let made: Vec<u8> = row.drain(..).flat_map(|hash| hash.0).collect();
            match read(&self.folder.join(&tile), 8_192)? {
                None => self.findings.missing("audit.missing.tile", tile),
                Some(bytes) if bytes != made => self.findings.changed("audit.changed.tile", tile),
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn facts(&mut self, index: u64, facts: &Facts) {
        let at = Some((facts.wall_ms, index));
        self.window.earliest = self.window.earliest.map_or(at, |held| at.min(Some(held)));
        let is_later = self.window.latest.is_none_or(|(wall_ms, _)| facts.wall_ms > wall_ms);
        self.window.latest = if is_later { at } else { self.window.latest };
        let event = facts.config.as_ref().map(|config| config.event);
        self.window.is_excused |= facts.gap.is_some() || event == Some(ConfigEvent::Open);
        self.objects.extend(&facts.objects);
        if let Some(prune) = &facts.prune {
            self.prunes.push((prune.from.number(), prune.to.number()));
        }
        if let Some(gap) = &facts.gap {
            if gap.count.number() > 0 {
                self.findings.missing("audit.missing.gap", record(index));
            } else {
                self.findings.remark("audit.remark.gap", record(index));
            }
        }
        if index == 0 && (facts.kind, event) != (Kind::Config, Some(ConfigEvent::Open)) {
            self.findings.missing("audit.missing.first", record(0));
        }
    }

    /// Compares the tree with the checkpoint of this size, if there is one.
    fn meet(&mut self) -> io::Result<()> {
        let size = self.tree.size();
        if let Some(expect) = self.expect.take_if(|expect| expect.size <= size)
            && expect.root != self.tree.root()
        {
            self.findings.changed("audit.changed.expected", record(expect.size));
        }
        while let Some(dated) = self.next.take_if(|dated| dated.checkpoint.size <= size) {
            self.next = self.notes.next(&mut self.findings)?;
            let place = format!("checkpoint {}", dated.number);
            self.date(&dated, &place);
            self.window = Window::default();
            self.seen = Some((dated.checkpoint.size, dated.time_ms));
            if dated.checkpoint.root == self.tree.root() {
                self.newest = Some(dated);
            } else {
                self.findings.changed("audit.changed.root", place);
            }
        }
        Ok(())
    }

    /// The times of the records that a checkpoint covers first.
    fn date(&mut self, dated: &Dated, place: &str) {
        let before_ms = self.seen.map(|(_, time_ms)| time_ms);
        if let Some((wall_ms, index)) = self.window.earliest
            && before_ms.is_some_and(|before| wall_ms + limits::CLOCK_SKEW_MS < before)
        {
            self.findings.changed("audit.changed.time", record(index));
        }
        if let Some((wall_ms, index)) = self.window.latest
            && wall_ms > dated.time_ms + limits::CLOCK_SKEW_MS
        {
            self.findings.changed("audit.changed.time", record(index));
        }
        let silence_ms = before_ms.map_or(0, |before| dated.time_ms.saturating_sub(before));
        if silence_ms > self.links.silence_max_ms() && !self.window.is_excused {
            self.findings.missing("audit.missing.checkpoint", place);
        }
    }

    pub(super) fn finish(mut self, from: &Entries, origin: String) -> Result<Report, VerifyError> {
        let (records, covered) = (self.tree.size(), self.covered());
        if records == 0 {
            self.findings.missing("audit.missing.first", record(0));
        }
        if self.next.is_some() {
            self.findings.missing("audit.missing.truncated", record(records));
        }
        if self.expect.is_some() {
            self.findings.missing("audit.missing.expected", record(records));
        }
        if covered < records && from.proven_from.is_none_or(|first| first > covered) {
            self.findings.unproven("audit.changed.uncovered", record(covered));
        }
        self.late(records);
        self.bodies(&from.bare);
        self.check_objects()?;
        self.witnessed();
        self.links.finish(self.known.now_ms, &mut self.findings);
        let answer = |question| self.findings.answer(question);
        Ok(Report {
            nothing_changed: answer(Question::NothingChanged),
            nothing_missing: answer(Question::NothingMissing),
            origin,
            records,
            covered,
            remarks: self.findings.remarks.into_iter().collect(),
            findings: self.findings.found.into_values().collect(),
        })
    }

    fn covered(&self) -> u64 {
        self.newest.as_ref().map_or(0, |newest| newest.checkpoint.size)
    }

    /// Records after the newest checkpoint, which should have one by now.
    fn late(&mut self, records: u64) {
        let size = self.seen.map_or(0, |(size, _)| size);
        if size >= records {
            return;
        }
        let before_ms = self.seen.map(|(_, time_ms)| time_ms);
        let span_ms = self.window.latest.zip(before_ms.or(self.window.earliest.map(|at| at.0)));
        let span_ms = span_ms.map_or(0, |((latest, _), before)| latest.saturating_sub(before));
        let is_late = span_ms > self.links.silence_max_ms() && !self.window.is_excused;
        if self.links.is_closed() || is_late {
            self.findings.missing("audit.missing.checkpoint", record(size));
        }
    }

    fn bodies(&mut self, bare: &[u64]) {
        for index in bare {
            let is_in = |(from, to): &(u64, u64)| *from <= index * 256 && index * 256 + 256 <= *to;
            if !self.prunes.iter().any(is_in) {
                let path = Tile { level: None, index: *index, width: 256 }.to_string();
                self.findings.missing("audit.missing.body", path);
            }
        }
    }

    /// Each definition and policy is what its name says, and each that a record names is there.
    fn check_objects(&mut self) -> io::Result<()> {
        let folder = self.folder.join("objects");
        let mut names: Vec<_> = entries(&folder)?.collect::<io::Result<_>>()?;
        names.sort_by_key(std::fs::DirEntry::file_name);
        for entry in names {
            let name = entry.file_name().to_string_lossy().into_owned();
            let bytes = read(&entry.path(), store::limits::OBJECT_SIZE_MAX as u64)?;
            let digest = Digest::of_bytes(&bytes.unwrap_or_default());
            if digest.to_string() != format!("sha256:{name}") {
                self.findings.changed("audit.changed.object", format!("objects/{name}"));
            }
        }
        for digest in &self.objects {
            let name = digest.to_string().replace("sha256:", "");
            if !folder.join(&name).exists() {
                self.findings.missing("audit.missing.object", format!("objects/{name}"));
            }
        }
        Ok(())
    }

    fn witnessed(&mut self) {
        let Some(policy) = &self.known.witnesses else { return };
        let policy = policy.clone().for_log(self.keys.clone());
        let note = self.newest.as_ref().map(|newest| newest.note.as_slice()).unwrap_or_default();
        if policy.open(note, &seal::Crypto).is_err() {
            self.findings.unproven("audit.changed.witness", "the newest checkpoint");
        }
    }
}
