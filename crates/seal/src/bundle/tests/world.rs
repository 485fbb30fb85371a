//! A small log with one witness, kept in memory. Its proofs are made the long way, from the
//! definitions of RFC 6962, so that they do not come from the code that verifies them.

use tlog::map::{Latest, MapLeaf};
use tlog::{Checkpoint, Hash, Map};

use super::super::{Bundle, LatestProof, Leaf, names};
use crate::envelope::Envelope;
use crate::key::{NoteKey, PrivateKey, PublicKey};
use crate::statement::tests::{declaration, key, say};
use crate::statement::{Countersignature, Predicate, Verdict};
use crate::trust::Trust;

pub(super) const NOW_S: u64 = 1_795_610_096;

pub(super) fn publisher() -> PrivateKey {
    key(1)
}

pub(super) fn registry() -> PrivateKey {
    key(9)
}

fn note_key(seed: u8, name: &str, algorithm: tlog::note::Algorithm) -> NoteKey {
    key(seed).into_note_key(name, algorithm).unwrap()
}

pub(super) struct World {
    entries: Vec<Envelope>,
}

impl World {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// A log with a declaration and its countersignature.
    pub(super) fn declared() -> Self {
        let mut world = Self::new();
        world.say(Predicate::Declaration(declaration()), &[&publisher()]);
        let admission = world.admission(0, Verdict::Allow);
        world.say(Predicate::Countersignature(admission), &[&registry()]);
        world
    }

    pub(super) fn say(&mut self, predicate: Predicate, keys: &[&PrivateKey]) {
        self.entries.push(Envelope::sign(say(predicate), keys).unwrap());
    }

    pub(super) fn admission(&self, of: usize, verdict: Verdict) -> Countersignature {
        Countersignature {
            version: "1.4.0".to_owned(),
            declaration: u64::try_from(of).unwrap(),
            leaf: surface::Digest::from_sha256(Hash::of_leaf(self.entries[of].bytes()).0),
            verdict,
            findings: Vec::new(),
            namespace: "dns".to_owned(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.entries.len()).unwrap() + 1
    }

    #[allow(clippy::unused_self)]
    pub(super) fn trust(&self) -> Trust {
        Trust::parse(&Self::trust_text()).unwrap()
    }

    pub(super) fn trust_text() -> String {
        let log = note_key(20, "log.example", tlog::note::Algorithm::Ed25519);
        let witness = note_key(21, "witness.example", tlog::note::Algorithm::Cosignature);
        let verifier = |key: &NoteKey| tlog::Sign::verifier(key).to_string();
        format!(
            "policy = \"\"\"\nlog {}\nwitness w {}\nquorum w\n\"\"\"\n\n[[registry]]\nname = \"r\"\nkey = \"\"\"\n{}\"\"\"\n",
            verifier(&log),
            verifier(&witness),
            registry().public()
        )
    }

    /// The bundle of the one declaration, with every leaf that stands under a name of it.
    pub(super) fn bundle(&self) -> Bundle {
        let mut map = Map::default();
        for (index, entry) in (0..).zip(&self.entries) {
            for name in entry.statement().names() {
                map.insert(Map::key(&name), Latest { leaf: Hash::of_leaf(entry.bytes()), index });
            }
        }
        let covers = u64::try_from(self.entries.len()).unwrap();
        let map_leaf = MapLeaf { covers, root: map.root() };
        let mut hashes: Vec<_> = self.entries.iter().map(|it| Hash::of_leaf(it.bytes())).collect();
        hashes.push(Hash::of_leaf(&map_leaf.to_entry()));
        let declared = self
            .entries
            .iter()
            .find(|entry| matches!(entry.statement().predicate, Predicate::Declaration(_)));
        let others: Vec<_> = self.entries.iter().collect();
        let paths = names(declared.unwrap(), &others).into_iter().map(|name| {
            let path = map.prove(&Map::key(&name));
            (name, path)
        });
        let leaves = self.entries.iter().enumerate().map(|(index, envelope)| Leaf {
            envelope: envelope.clone(),
            index: u64::try_from(index).unwrap(),
            hashes: inclusion(index, &hashes),
        });
        let last = hashes.len() - 1;
        let latest =
            LatestProof { hashes: inclusion(last, &hashes), map_leaf, paths: paths.collect() };
        Bundle {
            leaves: leaves.collect(),
            keys: keys(),
            checkpoint: checkpoint(&hashes),
            latest: Some(latest),
        }
    }
}

/// Everybody who signs in these tests.
fn keys() -> Vec<PublicKey> {
    [1, 2, 7, 9].map(|seed| key(seed).public().clone()).to_vec()
}

fn checkpoint(hashes: &[Hash]) -> String {
    let origin = "log.example".to_owned();
    let size = u64::try_from(hashes.len()).unwrap();
    let checkpoint = Checkpoint { origin, size, root: root(hashes) };
    let log = note_key(20, "log.example", tlog::note::Algorithm::Ed25519);
    let witness = note_key(21, "witness.example", tlog::note::Algorithm::Cosignature);
    let signed = checkpoint.sign(&[&log], NOW_S).unwrap();
    let cosigned = tlog::cosignature::cosign(&checkpoint, NOW_S - 60, &witness).unwrap();
    format!("{signed}{cosigned}")
}

/// RFC 6962 section 2.1.
fn root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Hash::of_nothing(),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(split(many.len()));
            Hash::of_node(root(left), root(right))
        }
    }
}

/// RFC 6962 section 2.1.1.
fn inclusion(index: usize, hashes: &[Hash]) -> Vec<Hash> {
    if hashes.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = hashes.split_at(split(hashes.len()));
    if index < left.len() {
        let mut path = inclusion(index, left);
        path.push(root(right));
        path
    } else {
        let mut path = inclusion(index - left.len(), right);
        path.push(root(left));
        path
    }
}

/// The largest power of two below `size`.
fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}
