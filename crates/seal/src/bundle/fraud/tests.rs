#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use tlog::tile::{Plan, push_entry};

use super::*;
use crate::key::NoteKey;
use crate::statement::tests::{declaration, digest, key, say};
use crate::statement::{Countersignature, Predicate, Revocation, Revoked, Verdict};

/// A log that states what it likes.
#[derive(Default)]
struct Liar {
    entries: Vec<Vec<u8>>,
    map: Map,
}

impl Liar {
    fn key() -> NoteKey {
        key(20).into_note_key("log.example", tlog::note::Algorithm::Ed25519).unwrap()
    }

    fn trust() -> Trust {
        // A witness is asked for that never cosigned: what convicts a log needs none.
        let witness =
            key(21).into_note_key("w.example", tlog::note::Algorithm::Cosignature).unwrap();
        let (log, witness) =
            (tlog::Sign::verifier(&Self::key()).clone(), tlog::Sign::verifier(&witness).clone());
        let policy = format!("log {log}\nwitness w {witness}\nquorum w\n");
        let registry = key(9).public().clone();
        Trust::parse(&format!(
            "policy = '''\n{policy}'''\n[[registry]]\nname = 'r'\nkey = '''\n{registry}'''\n"
        ))
        .unwrap()
    }

    fn state(&mut self, wrong: bool) {
        let covers = u64::try_from(self.entries.len()).unwrap();
        let mut root = self.map.root();
        root.0[3] ^= u8::from(wrong);
        self.entries.push(MapLeaf { covers, root }.to_entry());
    }

    fn say(&mut self, server: &str, predicate: Predicate) {
        let statement = crate::Statement { server: server.to_owned(), ..say(predicate) };
        let entry = Envelope::sign(statement, &[&key(1)]).unwrap().bytes().to_vec();
        let index = u64::try_from(self.entries.len()).unwrap();
        for key in keys(&entry) {
            self.map.insert(key, Latest { leaf: Hash::of_leaf(&entry), index });
        }
        self.entries.push(entry);
    }

    fn checkpoint(&self, size: usize) -> String {
        let mut tree = tlog::Frontier::default();
        self.entries[..size]
            .iter()
            .for_each(|entry| tree.append(Hash::of_leaf(entry), |_, _, _| {}));
        let size = u64::try_from(size).unwrap();
        let checkpoint = Checkpoint { origin: "log.example".to_owned(), size, root: tree.root() };
        checkpoint.sign(&[&Self::key()], 0).unwrap()
    }

    fn hashes(&self, plan: &Plan) -> tlog::tile::Hashes {
        let row: Vec<u8> = self.entries.iter().flat_map(|entry| Hash::of_leaf(entry).0).collect();
        let tiles = plan.tiles().iter().map(|tile| row[..usize::from(tile.width) * 32].to_vec());
        plan.verify(&tiles.collect::<Vec<_>>()).unwrap()
    }

    fn proof(&self, from: usize, before: &Map) -> Fraud {
        let note = self.checkpoint(self.entries.len());
        let indices: Vec<u64> =
            (from..self.entries.len()).map(|i| u64::try_from(i).unwrap()).collect();
        let plan = Plan::inclusion(&opened(&note, &Self::trust()).unwrap(), &indices).unwrap();
        let hashes = self.hashes(&plan);
        let leaf = |index: &u64| Entry {
            entry: self.entries[usize::try_from(*index).unwrap()].clone(),
            index: *index,
            hashes: hashes.inclusion(*index).unwrap(),
        };
        Fraud::WrongMap(WrongMap::of(note, indices.iter().map(leaf).collect(), before.clone()))
    }
}

fn revoked(version: &str) -> Predicate {
    let of = Revoked::Version { version: version.to_owned() };
    Predicate::Revocation(Revocation { of, reason: "stolen".to_owned() })
}

/// A log with two states of its map: the second after more names and a name again.
fn log(wrong: bool) -> (Liar, Map) {
    let mut log = Liar::default();
    log.say("a/b", Predicate::Declaration(declaration()));
    log.say("a/c", Predicate::Declaration(declaration()));
    log.state(false);
    let before = log.map.clone();
    log.say("a/b", revoked("1.4.0"));
    log.say("a/d", Predicate::Declaration(declaration()));
    log.say("a/d", revoked("1.4.0"));
    log.state(wrong);
    (log, before)
}

/// The check that fails, and what is done to a proof.
type Edit = (&'static str, fn(&mut WrongMap));

fn failed(fraud: &Fraud) -> Option<&'static str> {
    let checks = fraud.verify(&Liar::trust()).checks;
    checks.iter().find(|check| !check.holds).map(|check| check.code)
}

#[test]
fn a_wrong_map_convicts_and_a_right_one_does_not() {
    let (liar, before) = log(true);
    let fraud = liar.proof(2, &before);
    assert_eq!(failed(&fraud), None, "{:?}", fraud.verify(&Liar::trust()));
    assert_eq!(Fraud::parse(fraud.to_json().as_bytes()).unwrap(), fraud);
    assert_eq!(failed(&liar.proof(0, &Map::default())), None, "or from the first entry");
    // Nobody is framed: not by the truth, nor by evidence with parts missing.
    let (honest, before) = log(false);
    assert_eq!(failed(&honest.proof(2, &before)), Some("seal.fraud"));
    assert_eq!(failed(&honest.proof(3, &before)), Some("seal.fraud"), "no map before");
    assert_eq!(failed(&honest.proof(4, &Map::default())), Some("seal.fraud"));
    let Fraud::WrongMap(whole) = honest.proof(2, &before) else { panic!() };
    let edits: [Edit; 6] = [
        ("seal.fraud", |it| drop(it.leaves.remove(1))),
        ("seal.inclusion", |it| it.leaves[3].entry.push(b' ')),
        ("seal.inclusion", |it| it.leaves[3].hashes[0].0[0] ^= 1),
        ("seal.fraud", |it| drop(it.paths.pop())),
        ("seal.fraud", |it| it.paths.swap(0, 2)),
        ("seal.checkpoint", |it| it.checkpoint = it.checkpoint.replace("log.example", "log.other")),
    ];
    for (code, edit) in edits {
        let mut it = whole.clone();
        edit(&mut it);
        assert_eq!(failed(&Fraud::WrongMap(it)), Some(code));
    }
}

#[test]
fn two_trees_convict_and_one_that_grew_does_not() {
    let (log, _) = log(false);
    let (mut other, _) = self::log(false);
    other.say("a/e", revoked("2"));
    other.state(false);
    let fork = |old: String, new: &Liar| {
        let note = new.checkpoint(new.entries.len());
        let (old_head, head) =
            (opened(&old, &Liar::trust()).unwrap(), opened(&note, &Liar::trust()).unwrap());
        let hashes = new.hashes(&Plan::consistency(&head, old_head.size).unwrap());
        let (prefix, proof) = (hashes.prefix().unwrap(), hashes.consistency().unwrap());
        Fraud::Fork(Fork { checkpoints: [old, note], prefix, hashes: proof })
    };
    for size in 1..=log.entries.len() {
        assert_eq!(failed(&fork(log.checkpoint(size), &other)), Some("seal.fraud"), "it grew");
    }
    other.entries[0] = log.entries[1].clone();
    for size in 1..=log.entries.len() {
        let fraud = fork(log.checkpoint(size), &other);
        assert_eq!(failed(&fraud), None, "{size}");
        assert_eq!(Fraud::parse(fraud.to_json().as_bytes()).unwrap(), fraud);
        // The root of the fork is what its own proof leads to.
        let Fraud::Fork(mut it) = fraud else { panic!() };
        it.prefix.0[0] ^= 1;
        assert_eq!(failed(&Fraud::Fork(it)), Some("seal.fraud"));
    }
}

#[test]
fn a_version_admitted_with_other_content_convicts_the_registry() {
    let other = |surface: Option<&str>| {
        let mut it = declaration();
        match surface {
            Some(surface) => it.surface.as_mut().unwrap().digests.exact = digest(surface),
            None => it.surface = None,
        }
        Predicate::Declaration(it)
    };
    let convicts = |first: Predicate, second: Predicate, verdict: Verdict, seed: u8| {
        let mut log = Liar::default();
        log.say("a/b", first);
        log.say("a/b", second);
        let admission = Predicate::Countersignature(Countersignature {
            version: "1.4.0".to_owned(),
            declaration: 1,
            leaf: surface::Digest::from_sha256(Hash::of_leaf(&log.entries[1]).0),
            verdict,
            findings: Vec::new(),
            namespace: "dns".to_owned(),
        });
        let statement = crate::Statement { server: "a/b".to_owned(), ..say(admission) };
        let entry = Envelope::sign(statement, &[&key(seed)]).unwrap();
        log.entries.push(entry.bytes().to_vec());
        let Fraud::WrongMap(it) = log.proof(0, &Map::default()) else { panic!() };
        let fraud = Fraud::Reuse(Reuse { checkpoint: it.checkpoint, leaves: it.leaves });
        assert_eq!(Fraud::parse(fraud.to_json().as_bytes()).unwrap(), fraud);
        let swapped = {
            let Fraud::Reuse(mut it) = fraud.clone() else { panic!() };
            it.leaves.swap(0, 1);
            failed(&Fraud::Reuse(it))
        };
        assert_eq!(swapped, Some("seal.fraud"), "the first owns it, not the last");
        failed(&fraud).is_none()
    };
    let first = || other(Some("exact"));
    assert!(convicts(first(), other(Some("another")), Verdict::Allow, 9));
    assert!(convicts(first(), other(Some("another")), Verdict::Hold, 9));
    assert!(!convicts(first(), other(Some("another")), Verdict::Deny, 9), "it refused");
    assert!(!convicts(first(), other(Some("another")), Verdict::Allow, 1), "somebody else");
    assert!(!convicts(first(), first(), Verdict::Allow, 9), "the same again");
    assert!(!convicts(other(None), first(), Verdict::Allow, 9), "a surface follows its entry");
}

#[test]
fn a_proof_has_its_bounds() {
    let leaf = |index| Entry { entry: Vec::new(), index, hashes: Vec::new() };
    let proof = |leaves, paths| {
        let paths = std::iter::repeat_n(Map::default().prove(&[0; 32]), paths).collect();
        let leaves = (0..leaves).map(leaf).collect();
        let checkpoint = String::new();
        Fraud::parse(Fraud::WrongMap(WrongMap { checkpoint, leaves, paths }).to_json().as_bytes())
    };
    let (leaves, paths) =
        (u64::try_from(crate::limits::FRAUD_LEAVES_MAX).unwrap(), crate::limits::FRAUD_PATHS_MAX);
    assert!(proof(leaves, paths).is_ok());
    assert_eq!(proof(leaves + 1, 0).unwrap_err().code(), "seal.fraud-malformed");
    assert_eq!(proof(0, paths + 1).unwrap_err().code(), "seal.fraud-malformed");
    let mut long = b"{}".to_vec();
    long.resize(crate::limits::FRAUD_BYTES_MAX, b' ');
    assert_eq!(Fraud::parse(&long).unwrap_err().code(), "seal.fraud-malformed");
    long.push(b' ');
    assert_eq!(Fraud::parse(&long).unwrap_err().code(), "seal.fraud-json");
    let mut bundle = Vec::new();
    push_entry(&mut bundle, b"x").unwrap();
    assert!(Fraud::parse(&bundle).is_err());
}
