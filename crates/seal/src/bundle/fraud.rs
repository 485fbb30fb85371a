//! Proofs that a log lies, each complete in itself: whoever knows the log's keys can verify one, and
//! needs neither the log nor whoever caught it.
//!
//! A log convicts itself by what it signed: a map leaf that does not follow from the map leaf before it
//! and the entries between; two checkpoints of which neither continues the other; or, with its registry,
//! a version that was admitted with other content than was declared first.

mod file;

use tlog::map::{Latest, MapLeaf, MapProof};
use tlog::{Checkpoint, Hash, Map, Policy, tree};

use crate::bundle::verify::{CHECKPOINT, INCLUSION, Said, included, names_exactly, sentence};
use crate::bundle::{Check, Outcome};
use crate::crypto::Crypto;
use crate::envelope::Envelope;
use crate::statement::{Predicate, Verdict};
use crate::trust::Trust;

/// Evidence against a log: well-formed, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fraud {
    /// The log states a map that its own entries do not make.
    WrongMap(WrongMap),
    /// The log signed two trees.
    Fork(Fork),
    /// The registry admitted a version twice.
    Reuse(Reuse),
}

/// A map leaf, and all that makes it wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongMap {
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
    /// The map leaf before it, or entry 0 if there is none; the entries between; the wrong map leaf.
    pub leaves: Vec<Entry>,
    /// For each name of each entry between, in their order: what the map held for it until then.
    pub paths: Vec<MapProof>,
}

/// One entry and its inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes.
    pub entry: Vec<u8>,
    /// Its index.
    pub index: u64,
    /// The inclusion proof.
    pub hashes: Vec<Hash>,
}

/// Two checkpoints of one log, the smaller first, and what the larger has in the place of the smaller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The signed checkpoints, verbatim.
    pub checkpoints: [String; 2],
    /// The root over as many first leaves of the second as the first has.
    pub prefix: Hash,
    /// The consistency proof from that root to the second.
    pub hashes: Vec<Hash>,
}

/// Two declarations of one version, of which the registry admitted the later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reuse {
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
    /// The declaration that owns the version, the later one, and its countersignature.
    pub leaves: Vec<Entry>,
}

impl WrongMap {
    /// The proof over `leaves`, with the map as it was before the entries between.
    pub fn of(checkpoint: String, leaves: Vec<Entry>, mut map: Map) -> Self {
        let mut paths = Vec::new();
        for leaf in &leaves {
            let latest = Latest { leaf: Hash::of_leaf(&leaf.entry), index: leaf.index };
            for key in keys(&leaf.entry) {
                map.root();
                paths.push(map.prove(&key));
                map.insert(key, latest);
            }
        }
        Self { checkpoint, leaves, paths }
    }

    fn verify(&self, trust: &Trust, checks: &mut Vec<Check>) -> Option<()> {
        let opened = say(checks, CHECKPOINT, opened(&self.checkpoint, trust), signed)?;
        say(checks, INCLUSION, all_included(&self.leaves, &opened), Clone::clone)?;
        say(checks, FRAUD, self.is_wrong(&opened.origin), Clone::clone).map(drop)
    }

    fn is_wrong(&self, origin: &str) -> Said {
        if !self.leaves.is_sorted_by(|a, b| a.index.checked_add(1) == Some(b.index)) {
            return Err("an entry between is left out".to_owned());
        }
        let (last, before) = self.leaves.split_last().ok_or("no entry is there")?;
        let stated = MapLeaf::parse(&last.entry).ok_or("the last entry states no map")?;
        let (mut root, between) = match before.split_first() {
            Some((first, between)) if MapLeaf::parse(&first.entry).is_some() => {
                (MapLeaf::parse(&first.entry).map_or_else(Hash::of_nothing, |it| it.root), between)
            }
            _ if before.first().unwrap_or(last).index == 0 => (Hash::of_nothing(), before),
            _ => return Err("nothing says what the map was before these entries".to_owned()),
        };
        let mut paths = self.paths.iter();
        for leaf in between {
            let latest = Latest { leaf: Hash::of_leaf(&leaf.entry), index: leaf.index };
            for key in keys(&leaf.entry) {
                let path = paths.next().ok_or("a name has no path")?;
                let inserted = path.insert(root, &key, latest);
                root =
                    inserted.map_err(|why| format!("entry {}: {}", leaf.index, sentence(&why)))?;
            }
        }
        let index = last.index;
        if stated.covers != index {
            return Ok(format!(
                "entry {index} of {origin} covers {}, by its own word",
                stated.covers
            ));
        }
        if stated.root == root {
            return Err(format!("entry {index} states what the entries before it make"));
        }
        Ok(format!(
            "entry {index} of {origin} states the map {}, and those before make {root}",
            stated.root
        ))
    }
}

impl Fork {
    fn verify(&self, trust: &Trust, checks: &mut Vec<Check>) -> Option<()> {
        let [old, new] = &self.checkpoints;
        let both = opened(old, trust).and_then(|old| Ok([old, opened(new, trust)?]));
        let signed = |[old, new]: &[Checkpoint; 2]| {
            format!("the log {} signed sizes {} and {}", old.origin, old.size, new.size)
        };
        let [old, new] = say(checks, CHECKPOINT, both, signed)?;
        say(checks, FRAUD, self.is_fork(&old, &new), Clone::clone).map(drop)
    }

    fn is_fork(&self, old: &Checkpoint, new: &Checkpoint) -> Said {
        if old.origin != new.origin {
            return Err("the checkpoints are of two logs".to_owned());
        }
        tree::verify_consistency(old.size, self.prefix, new.size, new.root, &self.hashes)
            .map_err(|why| sentence(&why))?;
        if self.prefix == old.root {
            return Err("the second checkpoint continues the first".to_owned());
        }
        Ok(format!("of its first {} entries, {} signed two trees", old.size, old.origin))
    }
}

impl Reuse {
    fn verify(&self, trust: &Trust, checks: &mut Vec<Check>) -> Option<()> {
        let opened = say(checks, CHECKPOINT, opened(&self.checkpoint, trust), signed)?;
        say(checks, INCLUSION, all_included(&self.leaves, &opened), Clone::clone)?;
        say(checks, FRAUD, self.is_reuse(trust), Clone::clone).map(drop)
    }

    fn is_reuse(&self, trust: &Trust) -> Said {
        let [owner, later, admission] = self.leaves.as_slice() else {
            return Err("not two declarations and a countersignature".to_owned());
        };
        if owner.index >= later.index {
            return Err("the second declaration does not come later".to_owned());
        }
        let parsed = |leaf: &Entry| Envelope::parse(&leaf.entry).map_err(|why| sentence(&why));
        let (first, second, by) = (parsed(owner)?, parsed(later)?, parsed(admission)?);
        let (of, again, admits) = (first.statement(), second.statement(), by.statement());
        let (
            Predicate::Declaration(declared),
            Predicate::Declaration(other),
            Predicate::Countersignature(admitted),
        ) = (&of.predicate, &again.predicate, &admits.predicate)
        else {
            return Err("not two declarations and a countersignature".to_owned());
        };
        let is_one_version = of.server == again.server && declared.version == other.version;
        if !is_one_version || !declared.content().contradicts(&other.content()) {
            return Err("the declarations do not contradict each other".to_owned());
        }
        let leaf = Hash::of_leaf(&later.entry);
        let is_admitted = admits.server == again.server
            && names_exactly(admitted, later.index, leaf, other)
            && admitted.verdict != Verdict::Deny;
        let signers = by.verify(&trust.registries).map_err(|why| sentence(&why))?;
        let signer = signers.first().filter(|_| is_admitted);
        let signer = signer.ok_or("no registry that is believed admitted the later declaration")?;
        Ok(format!(
            "{} {} is what entry {} declares, and {signer} admitted entry {}",
            of.server, declared.version, owner.index, later.index
        ))
    }
}

/// What a proof says that it is, in its member `mediaType`.
pub const MEDIA_TYPE: &str = file::MEDIA_TYPE;

impl Fraud {
    /// Reads a proof, in any JSON formatting.
    ///
    /// # Errors
    /// Bytes that are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, FraudError> {
        file::parse(bytes)
    }

    /// The canonical JSON of the proof.
    pub fn to_json(&self) -> String {
        file::to_json(self)
    }

    /// Verifies it by the keys of the log, and of its registry, alone: no witness, and nobody who caught
    /// it, is believed.
    pub fn verify(&self, trust: &Trust) -> Outcome {
        let mut checks = Vec::new();
        match self {
            Self::WrongMap(it) => it.verify(trust, &mut checks),
            Self::Fork(it) => it.verify(trust, &mut checks),
            Self::Reuse(it) => it.verify(trust, &mut checks),
        };
        Outcome { checks, verified: None }
    }
}

/// The keys under which the map holds an entry.
fn keys(entry: &[u8]) -> Vec<tlog::map::Key> {
    let names = Envelope::parse(entry).map(|envelope| envelope.statement().names());
    names.unwrap_or_default().iter().map(|name| Map::key(name)).collect()
}

fn opened(note: &str, trust: &Trust) -> Result<Checkpoint, String> {
    let log = Policy::of_log(trust.policy.logs().to_vec());
    let opened = log.open(note.as_bytes(), &Crypto).map_err(|error| sentence(&error))?;
    Ok(opened.checkpoint)
}

fn signed(it: &Checkpoint) -> String {
    format!("the log {} signed size {}", it.origin, it.size)
}

fn all_included(leaves: &[Entry], checkpoint: &Checkpoint) -> Said {
    for leaf in leaves {
        included(checkpoint, leaf.index, Hash::of_leaf(&leaf.entry), &leaf.hashes)
            .map_err(|why| format!("entry {}: {why}", leaf.index))?;
    }
    Ok(format!("{} entries are in the log", leaves.len()))
}

/// Notes a check, and gives what it found if it holds.
fn say<T>(
    checks: &mut Vec<Check>,
    code: &'static str,
    said: Result<T, String>,
    says: impl FnOnce(&T) -> String,
) -> Option<T> {
    let holds = said.is_ok();
    let says = said.as_ref().map_or_else(Clone::clone, says);
    checks.push(Check { code, holds, says });
    said.ok()
}

/// Why bytes are no proof of fraud.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FraudError {
    /// The bytes are no proof.
    #[error("not a proof of fraud: {0}")]
    Malformed(&'static str),
    /// Not JSON that every parser reads alike, or longer than the limit.
    #[error("reading a proof of fraud")]
    Json(#[source] wire::Refusal),
}

impl FraudError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "seal.fraud-malformed",
            Self::Json(_) => "seal.fraud-json",
        }
    }
}

const FRAUD: &str = "seal.fraud";

#[cfg(test)]
mod tests;
