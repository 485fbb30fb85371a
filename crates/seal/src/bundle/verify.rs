//! Verification of a bundle: every check, in an order that a person can follow, each with its code.
//!
//! A check that builds on one that failed fails too, so that no sentence claims more than is proved.

use std::collections::BTreeMap;

use tlog::map::Latest;
use tlog::{Hash, Map, tree};

use super::{Bundle, Check, Leaf, Outcome, Verified, names};
use crate::crypto::Crypto;
use crate::history::{KeyHistory, Lapse};
use crate::key::KeyId;
use crate::statement::{
    Countersignature, Declaration, Predicate, Revocation, Revoked, Status, Verdict,
};
use crate::trust::Trust;

/// The codes of the checks, in their order, with what each asks.
pub const CHECKS: &[(&str, &str)] = &[
    (CHECKPOINT, "The log signed the checkpoint and a quorum of witnesses cosigned it."),
    (INCLUSION, "Every leaf of the bundle is in the log."),
    (SIGNATURES, "Every leaf is signed by a key that counts where it stands."),
    (DECLARATION, "One declaration fixes a version of one server."),
    (PUBLISHER, "The key that signed the declaration is the publisher's."),
    (COUNTERSIGNATURE, "A registry that is believed admitted exactly this declaration."),
    (LATEST, "The log's map proves what is newest under every name that could undo it."),
    (REVOCATION, "Neither the version, nor its surface, nor a key that signed for it is revoked."),
    (STATUS, "The version is not deleted."),
    (FRESHNESS, "The proof is as new as the reader asks."),
];

pub(super) const CHECKPOINT: &str = "seal.checkpoint";
pub(super) const INCLUSION: &str = "seal.inclusion";
const SIGNATURES: &str = "seal.signatures";
const DECLARATION: &str = "seal.declaration";
const PUBLISHER: &str = "seal.publisher";
const COUNTERSIGNATURE: &str = "seal.countersignature";
const LATEST: &str = "seal.latest";
const REVOCATION: &str = "seal.revocation";
const STATUS: &str = "seal.status";
const FRESHNESS: &str = "seal.freshness";

/// What a check says: that something holds, or why it does not.
pub(super) type Said = Result<String, String>;

pub(super) fn verify(bundle: &Bundle, trust: &Trust, now_s: u64) -> Outcome {
    let mut checks = Vec::with_capacity(CHECKS.len());
    let verified = walk(bundle, trust, now_s, &mut checks);
    let holds = checks.len() == CHECKS.len() && checks.iter().all(|check| check.holds);
    Outcome { checks, verified: verified.filter(|_| holds) }
}

fn walk(bundle: &Bundle, trust: &Trust, now_s: u64, checks: &mut Vec<Check>) -> Option<Verified> {
    let mut say = |code, said: Said| {
        let (holds, says) = match said {
            Ok(says) => (true, says),
            Err(says) => (false, says),
        };
        checks.push(Check { code, holds, says });
        holds.then_some(())
    };
    let opened = trust.policy.open(bundle.checkpoint.as_bytes(), &Crypto);
    let opened = opened.map_err(|error| say(CHECKPOINT, Err(sentence(&error)))).ok()?;
    say(CHECKPOINT, Ok(of_checkpoint(&opened)))?;
    let checkpoint = &opened.checkpoint;
    say(INCLUSION, inclusion(bundle, checkpoint))?;
    let (history, signers) = match signatures(bundle, trust) {
        Ok(verified) => verified,
        Err(why) => return say(SIGNATURES, Err(why)).and(None),
    };
    say(SIGNATURES, Ok(format!("{} of {0} leaves are signed", bundle.leaves.len())))?;
    let evidence = Evidence { bundle, trust, history, signers };
    let (leaf, declaration) = match evidence.declaration() {
        Ok(found) => found,
        Err(why) => return say(DECLARATION, Err(why)).and(None),
    };
    let server = &leaf.envelope.statement().server;
    let version = &declaration.version;
    say(DECLARATION, Ok(format!("{server} {version} is declared at index {}", leaf.index)))?;
    let admitted = evidence.countersignature(leaf, declaration);
    let has_registry = admitted.is_ok();
    say(PUBLISHER, evidence.publisher(leaf, has_registry));
    say(COUNTERSIGNATURE, admitted);
    let newest = match evidence.latest(leaf, checkpoint) {
        Ok(newest) => newest,
        Err(why) => return say(LATEST, Err(why)).and(None),
    };
    say(LATEST, Ok(format!("{} names are proved at size {}", newest.len(), checkpoint.size)))?;
    say(REVOCATION, evidence.revocation(leaf, declaration, &newest));
    say(STATUS, evidence.status(leaf, declaration, &newest));
    say(FRESHNESS, trust.freshness(opened.time_s(), now_s));
    Some(Verified {
        server: server.clone(),
        version: version.clone(),
        surface: declaration.surface.as_ref().map(|surface| surface.digests),
        entry: declaration.entry,
        latest: newest.get(server).copied().flatten().map_or(leaf.index, |latest| latest.index),
        size: checkpoint.size,
        time_s: opened.time_s(),
    })
}

fn of_checkpoint(opened: &tlog::policy::Verified) -> String {
    let witnesses: Vec<&str> = opened.witnesses.iter().map(|(name, _)| name.as_str()).collect();
    let cosigned = match witnesses.as_slice() {
        [] => "no witness is asked for".to_owned(),
        names => format!("cosigned by {}", names.join(", ")),
    };
    let checkpoint = &opened.checkpoint;
    format!("the log {} signed size {}; {cosigned}", checkpoint.origin, checkpoint.size)
}

fn inclusion(bundle: &Bundle, checkpoint: &tlog::Checkpoint) -> Said {
    for leaf in &bundle.leaves {
        let hash = Hash::of_leaf(leaf.envelope.bytes());
        included(checkpoint, leaf.index, hash, &leaf.hashes)
            .map_err(|why| format!("leaf {}: {why}", leaf.index))?;
    }
    Ok(format!("{} leaves are in the log", bundle.leaves.len()))
}

pub(super) fn included(
    checkpoint: &tlog::Checkpoint,
    index: u64,
    leaf: Hash,
    hashes: &[Hash],
) -> Result<(), String> {
    tree::verify_inclusion(leaf, index, checkpoint.size, hashes, checkpoint.root)
        .map_err(|error| sentence(&error))
}

/// The key history of the leaves, and for each leaf the signers that count.
fn signatures(
    bundle: &Bundle,
    trust: &Trust,
) -> Result<(KeyHistory, BTreeMap<u64, Vec<KeyId>>), String> {
    let mut history = trust.history();
    for key in &bundle.keys {
        history.learn(key.clone());
    }
    let wrong = |leaf: &Leaf, error: &dyn std::error::Error| {
        format!("leaf {}: {}", leaf.index, sentence(error))
    };
    for leaf in &bundle.leaves {
        history.follow(leaf.index, &leaf.envelope).map_err(|error| wrong(leaf, &error))?;
    }
    let mut signers = BTreeMap::new();
    for leaf in &bundle.leaves {
        let keys = &bundle.keys;
        let all = leaf.envelope.verify(keys).map_err(|error| wrong(leaf, &error))?;
        let counting = history.signers(leaf.index, &leaf.envelope);
        let counting = counting.map_err(|error| wrong(leaf, &error))?;
        if all.is_empty() && counting.is_empty() {
            return Err(format!("leaf {}: no key is there for its signature", leaf.index));
        }
        signers.insert(leaf.index, counting);
    }
    Ok((history, signers))
}

/// What is known once every signature is verified.
struct Evidence<'b> {
    bundle: &'b Bundle,
    trust: &'b Trust,
    history: KeyHistory,
    signers: BTreeMap<u64, Vec<KeyId>>,
}

type Newest = BTreeMap<String, Option<Latest>>;

impl<'b> Evidence<'b> {
    fn counting(&self, leaf: &Leaf) -> &[KeyId] {
        self.signers.get(&leaf.index).map(Vec::as_slice).unwrap_or_default()
    }

    /// The first declaration: a later one is there as what is newest of the server.
    fn declaration(&self) -> Result<(&'b Leaf, &'b Declaration), String> {
        let all = self.bundle.leaves.iter().filter_map(|leaf| {
            match &leaf.envelope.statement().predicate {
                Predicate::Declaration(declaration) => Some((leaf, declaration)),
                _ => None,
            }
        });
        let first = all.min_by_key(|(leaf, _)| leaf.index);
        first.ok_or_else(|| "no declaration is there".to_owned())
    }

    /// The keys of the publisher that are known beforehand bind; without them the registry, which
    /// proved the namespace, answers for the key.
    fn publisher(&self, leaf: &Leaf, has_registry: bool) -> Said {
        let server = &leaf.envelope.statement().server;
        let counting = self.counting(leaf);
        let Some(first) = counting.first() else {
            return Err(self.lapse(leaf));
        };
        let mut roots = self.trust.publishers_of(server).peekable();
        if roots.peek().is_none() {
            return if has_registry {
                Ok(format!("the registry answers for the key {first}"))
            } else {
                Err("no registry answers for the key, and the trust roots name none".to_owned())
            };
        }
        let roots: Vec<KeyId> = roots.map(crate::key::PublicKey::id).collect();
        let speaks = |key: &&KeyId| roots.iter().any(|root| self.history.speaks_for(key, root));
        counting.iter().find(speaks).map_or_else(
            || Err(format!("{first} is not the key that the trust roots name for {server}")),
            |key| Ok(format!("the trust roots name the key {key}")),
        )
    }

    /// Why nobody who signed a leaf counts.
    fn lapse(&self, leaf: &Leaf) -> String {
        let lapses = leaf.envelope.signers().iter();
        let mut lapses = lapses.filter_map(|key| Some((key, self.history.lapse(key, leaf.index)?)));
        match lapses.next() {
            Some((key, Lapse::Revoked(since))) => {
                format!("the key {key} is revoked from index {since} on")
            }
            Some((key, Lapse::Rotated(at))) => {
                format!("another key took the place of {key} at index {at}")
            }
            None => "no key is there for the signature".to_owned(),
        }
    }

    fn registry_signed(&self, leaf: &Leaf) -> bool {
        self.counting(leaf).iter().any(|key| self.history.is_registry(key))
    }

    /// The newest countersignature of a registry that names exactly this declaration.
    fn countersignature(&self, declared: &Leaf, declaration: &Declaration) -> Said {
        let hash = Hash::of_leaf(declared.envelope.bytes());
        let fits = |leaf: &&Leaf| self.registry_signed(leaf) && leaf.index > declared.index;
        let mut all = self.bundle.leaves.iter().filter(fits).filter_map(|leaf| {
            let statement = leaf.envelope.statement();
            let same_server = statement.server == declared.envelope.statement().server;
            match &statement.predicate {
                Predicate::Countersignature(it)
                    if same_server && names_exactly(it, declared.index, hash, declaration) =>
                {
                    Some((leaf, it))
                }
                _ => None,
            }
        });
        let (leaf, it) = all.next_back().ok_or("no registry that is believed admitted it")?;
        let at = leaf.index;
        match it.verdict {
            Verdict::Allow => Ok(format!("admitted at index {at}, namespace by {}", it.namespace)),
            Verdict::Hold => match self.approval(leaf, declaration) {
                Some(by) => Ok(format!("held at index {at} and approved by {by}")),
                None => Err(format!("the registry holds it at index {at}, and nobody approved it")),
            },
            Verdict::Deny => Err(format!("the registry refused it at index {at}")),
        }
    }

    /// Who approved, with a registry's key, what a countersignature held.
    fn approval(&self, held: &Leaf, declaration: &Declaration) -> Option<&'b str> {
        let of = declaration.surface.as_ref().map_or(declaration.entry, |it| it.digests.exact);
        let fits = |leaf: &&Leaf| self.registry_signed(leaf) && leaf.index > held.index;
        self.bundle.leaves.iter().filter(fits).find_map(|leaf| {
            match &leaf.envelope.statement().predicate {
                Predicate::Approval(it) if it.of == of && it.held == Some(held.index) => {
                    Some(it.by.as_str())
                }
                _ => None,
            }
        })
    }

    /// What the map holds under every name that could undo the declaration.
    fn latest(&self, declared: &Leaf, checkpoint: &tlog::Checkpoint) -> Result<Newest, String> {
        let latest = self.bundle.latest.as_ref().ok_or("the latest state is not in the bundle")?;
        let last = checkpoint.size.checked_sub(1).ok_or("the log is empty")?;
        if latest.map_leaf.covers != last {
            return Err("the map does not cover everything before its leaf".to_owned());
        }
        let entry = Hash::of_leaf(&latest.map_leaf.to_entry());
        included(checkpoint, last, entry, &latest.hashes)
            .map_err(|why| format!("the leaf of the map: {why}"))?;
        let mut newest = Newest::new();
        for (name, path) in &latest.paths {
            let held = path.verify(latest.map_leaf.root, &Map::key(name));
            let held = held.map_err(|error| format!("`{name}`: {}", sentence(&error)))?;
            newest.insert(name.clone(), held);
        }
        let all: Vec<_> = self.bundle.leaves.iter().map(|leaf| &leaf.envelope).collect();
        let server = &declared.envelope.statement().server;
        for name in names(&declared.envelope, &all) {
            let held = newest.get(&name).ok_or_else(|| format!("`{name}` is not proved"))?;
            if name == *server {
                // The index is enough: whatever undoes something has a name of its own.
                let knows = held.is_some_and(|held| held.index >= declared.index);
                knows.then_some(()).ok_or("the map is older than the declaration")?;
            } else if let Some(held) = held.filter(|held| self.leaf(held).is_none()) {
                let index = held.index;
                return Err(format!("what is newest under `{name}`, leaf {index}, is not there"));
            }
        }
        Ok(newest)
    }

    /// The leaf of the bundle that the map names.
    fn leaf(&self, held: &Latest) -> Option<&'b Leaf> {
        let is_it = |leaf: &&Leaf| {
            leaf.index == held.index && Hash::of_leaf(leaf.envelope.bytes()) == held.leaf
        };
        self.bundle.leaves.iter().find(is_it)
    }

    /// Nothing is revoked. What stands under the name of a revocation and was signed by nobody who
    /// may revoke could hide one that counts: it does not pass either.
    fn revocation(&self, declared: &Leaf, declaration: &Declaration, newest: &Newest) -> Said {
        let server = &declared.envelope.statement().server;
        let exact = declaration.surface.as_ref().map(|surface| surface.digests.exact);
        let version = Revoked::Version { version: declaration.version.clone() };
        let mut undone = vec![("the version", version)];
        undone.extend(exact.map(|exact| ("the surface", Revoked::Surface { exact })));
        for (what, of) in &undone {
            let Some(held) = newest.get(&of.name(server)).copied().flatten() else { continue };
            let why = self.leaf(&held).map_or("", |leaf| reason(leaf));
            let by = self.leaf(&held).filter(|leaf| self.may_undo(declared, leaf));
            return Err(match by {
                Some(leaf) => format!("{what} was revoked at index {}: {why}", leaf.index),
                None => format!(
                    "a revocation of {what} at index {} is signed by nobody who may revoke it",
                    held.index
                ),
            });
        }
        if self.counting(declared).is_empty() {
            return Err(self.lapse(declared));
        }
        Ok("nothing that it rests on is revoked".to_owned())
    }

    fn status(&self, declared: &Leaf, declaration: &Declaration, newest: &Newest) -> Said {
        let server = &declared.envelope.statement().server;
        let version = Some(declaration.version.as_str());
        let names = [version, None].map(|version| crate::statement::status_name(server, version));
        let held = names.iter().filter_map(|name| newest.get(name).copied().flatten());
        // The newer of the two says what holds.
        let Some(held) = held.max_by_key(|held| held.index) else {
            return Ok("active".to_owned());
        };
        let leaf = self.leaf(&held).filter(|leaf| self.may_undo(declared, leaf));
        let Some(leaf) = leaf else {
            return Err(format!(
                "a status at index {} is signed by nobody who may set it",
                held.index
            ));
        };
        match &leaf.envelope.statement().predicate {
            Predicate::Status(Status { status, message, .. }) if status == "deleted" => {
                Err(format!("deleted at index {}: {message}", leaf.index))
            }
            Predicate::Status(Status { status, .. }) => {
                Ok(format!("{status} since index {}", leaf.index))
            }
            _ => Err(format!("leaf {} is no status", leaf.index)),
        }
    }

    /// Whether a registry, or whoever speaks for the publisher, signed a leaf.
    fn may_undo(&self, declared: &Leaf, leaf: &Leaf) -> bool {
        let publishers = declared.envelope.signers();
        self.counting(leaf).iter().any(|key| {
            self.history.is_registry(key)
                || publishers.iter().any(|root| self.history.speaks_for(key, root))
        })
    }
}

pub(super) fn names_exactly(
    it: &Countersignature,
    index: u64,
    hash: Hash,
    declaration: &Declaration,
) -> bool {
    let leaf = surface::Digest::from_sha256(hash.0);
    it.declaration == index && it.leaf == leaf && it.version == declaration.version
}

fn reason(leaf: &Leaf) -> &str {
    match &leaf.envelope.statement().predicate {
        Predicate::Revocation(Revocation { reason, .. }) => reason,
        _ => "",
    }
}

/// An error and its causes in one line.
pub(super) fn sentence(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let lines: Vec<String> = causes.map(ToString::to_string).collect();
    lines.join(": ")
}
