#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::key::PrivateKey;
use crate::statement::tests::{declaration, key, say};

fn rotation(from: &PrivateKey, to: &PrivateKey, signers: &[&PrivateKey]) -> Envelope {
    let rotation = Rotation { from: from.public().id(), to: to.public().to_string() };
    Envelope::sign(say(Predicate::Rotation(rotation)), signers).unwrap()
}

fn revocation(of: &PrivateKey, since: u64, signer: &PrivateKey) -> Envelope {
    let of = Revoked::Key { key: of.public().id(), since };
    let revocation = Revocation { of, reason: "stolen".to_owned() };
    Envelope::sign(say(Predicate::Revocation(revocation)), &[signer]).unwrap()
}

fn id(key: &PrivateKey) -> KeyId {
    key.public().id()
}

/// A history that knows a registry (9) and the publisher's first key (1).
fn history() -> KeyHistory {
    let mut history = KeyHistory::new(&[key(9).public().clone()]);
    history.learn(key(1).public().clone());
    history
}

#[test]
fn a_rotated_key_counts_until_its_rotation_and_the_next_one_from_there() {
    let (a, b, c) = (key(1), key(2), key(3));
    let mut history = history();
    let change = history.follow(10, &rotation(&a, &b, &[&a, &b])).unwrap();
    assert_eq!(change, Some(KeyChange::Rotated { from: id(&a), to: b.public().clone() }));
    assert_eq!(history.lapse(&id(&a), 9), None);
    assert_eq!(history.lapse(&id(&a), 10), Some(Lapse::Rotated(10)));
    assert_eq!(history.lapse(&id(&b), 10), None);
    history.follow(20, &rotation(&b, &c, &[&b, &c])).unwrap().unwrap();
    assert_eq!(history.newest(&id(&a)), id(&c));
    assert!(history.speaks_for(&id(&c), &id(&a)) && !history.speaks_for(&id(&a), &id(&c)));
    let said = Envelope::sign(say(Predicate::Declaration(declaration())), &[&b]).unwrap();
    assert_eq!(history.signers(19, &said).unwrap(), [id(&b)]);
    assert_eq!(history.signers(20, &said).unwrap(), []);
}

#[test]
fn a_rotation_signed_by_only_one_of_the_keys_changes_nothing() {
    let (a, b) = (key(1), key(2));
    for signers in [&[&a][..], &[&b], &[&key(9)], &[&a, &key(9)]] {
        let mut history = history();
        assert_eq!(history.follow(10, &rotation(&a, &b, signers)).unwrap(), None);
        assert_eq!(history.lapse(&id(&a), 11), None);
        assert_eq!(history.newest(&id(&a)), id(&a));
    }
}

#[test]
fn a_key_is_rotated_once_and_in_no_circle() {
    let (a, b, c) = (key(1), key(2), key(3));
    let mut history = history();
    history.follow(10, &rotation(&a, &b, &[&a, &b])).unwrap().unwrap();
    assert_eq!(history.follow(11, &rotation(&a, &c, &[&a, &c])).unwrap(), None, "a thief is late");
    assert_eq!(history.follow(12, &rotation(&b, &a, &[&a, &b])).unwrap(), None, "a circle");
    assert_eq!(history.newest(&id(&a)), id(&b));
}

#[test]
fn a_revoked_key_used_later_does_not_count() {
    let a = key(1);
    let said = Envelope::sign(say(Predicate::Declaration(declaration())), &[&a]).unwrap();
    for signer in [key(1), key(9)] {
        let mut history = history();
        assert_eq!(history.signers(12, &said).unwrap(), [id(&a)]);
        let change = history.follow(12, &revocation(&a, 7, &signer)).unwrap();
        assert_eq!(change, Some(KeyChange::Revoked { key: id(&a), since: 7 }));
        assert_eq!(history.signers(6, &said).unwrap(), [id(&a)]);
        assert_eq!(history.signers(7, &said).unwrap(), []);
        assert_eq!(history.signers(13, &said).unwrap(), []);
        // Nothing weakens it, and it cannot rotate away.
        history.follow(14, &revocation(&a, 13, &key(1))).unwrap();
        assert_eq!(history.lapse(&id(&a), 7), Some(Lapse::Revoked(7)));
        assert_eq!(history.follow(15, &rotation(&a, &key(2), &[&a, &key(2)])).unwrap(), None);
    }
}

#[test]
fn only_the_key_its_successor_and_registries_revoke() {
    let (a, b) = (key(1), key(2));
    let mut history = history();
    history.learn(key(5).public().clone());
    assert_eq!(history.follow(8, &revocation(&a, 0, &key(5))).unwrap(), None, "a stranger");
    assert_eq!(history.follow(9, &revocation(&a, 0, &key(6))).unwrap(), None, "one unknown");
    history.follow(10, &rotation(&a, &b, &[&a, &b])).unwrap().unwrap();
    assert_eq!(history.follow(11, &revocation(&b, 0, &a)).unwrap(), None, "the predecessor");
    assert!(history.follow(12, &revocation(&a, 3, &b)).unwrap().is_some());
    assert_eq!(history.lapse(&id(&a), 3), Some(Lapse::Revoked(3)));
}

#[test]
fn a_stolen_old_key_cannot_undo_the_rotation_away_from_it() {
    let (a, b) = (key(1), key(2));
    let mut history = history();
    history.follow(10, &rotation(&a, &b, &[&a, &b])).unwrap().unwrap();
    let change = history.follow(11, &revocation(&a, 0, &a)).unwrap();
    assert_eq!(change, Some(KeyChange::Revoked { key: id(&a), since: 11 }));
    assert_eq!(history.newest(&id(&a)), id(&b));
    assert_eq!(history.lapse(&id(&a), 9), None);
    // A registry, which proved the namespace again, can: the rotation was the thief's.
    history.follow(12, &revocation(&a, 10, &key(9))).unwrap().unwrap();
    assert_eq!(history.newest(&id(&a)), id(&a));
    assert!(!history.speaks_for(&id(&b), &id(&a)));
}

#[test]
fn nobody_revokes_for_later_only() {
    let mut history = history();
    history.follow(10, &revocation(&key(1), 1 << 50, &key(9))).unwrap().unwrap();
    assert_eq!(history.lapse(&id(&key(1)), 10), Some(Lapse::Revoked(10)));
}

#[test]
fn a_registry_rotates_and_its_new_key_revokes() {
    let (old, new) = (key(9), key(8));
    let mut history = history();
    assert_eq!(history.follow(5, &revocation(&key(1), 0, &new)).unwrap(), None);
    history.follow(6, &rotation(&old, &new, &[&old, &new])).unwrap().unwrap();
    assert!(history.is_registry(&id(&new)));
    assert_eq!(history.follow(7, &revocation(&key(1), 0, &old)).unwrap(), None, "rotated away");
    assert!(history.follow(8, &revocation(&key(1), 0, &new)).unwrap().is_some());
}

#[test]
fn a_wrong_signature_is_an_error_and_changes_nothing() {
    let (a, b) = (key(1), key(2));
    let good = rotation(&a, &b, &[&a, &b]);
    let mut value: serde_json::Value = serde_json::from_slice(good.bytes()).unwrap();
    let list = value["signatures"].as_array_mut().unwrap();
    let (first, second) = (list[0]["sig"].clone(), list[1]["sig"].clone());
    list[0]["sig"] = second;
    list[1]["sig"] = first;
    let wrong = Envelope::parse(&surface::canonical::to_vec(&value)).unwrap();
    let mut history = history();
    assert_eq!(history.follow(10, &wrong).unwrap_err().code(), "seal.signature");
    assert_eq!(history.lapse(&id(&a), 11), None);
}

#[test]
fn so_many_rotations_are_followed_and_no_more() {
    let keys: Vec<PrivateKey> = (0..=limits::ROTATIONS_MAX + 1)
        .map(|at| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&at.to_be_bytes());
            PrivateKey::from_seed(crate::key::Algorithm::Ed25519, &seed).unwrap()
        })
        .collect();
    let mut history = KeyHistory::new(&[key(9).public().clone()]);
    history.learn(keys[0].public().clone());
    for (pair, index) in keys.windows(2).zip(10..) {
        let (from, to) = (&pair[0], &pair[1]);
        history.follow(index, &rotation(from, to, &[from, to])).unwrap().unwrap();
    }
    let (root, at) = (id(&keys[0]), id(&keys[limits::ROTATIONS_MAX]));
    let past = id(&keys[limits::ROTATIONS_MAX + 1]);
    assert!(history.speaks_for(&at, &root) && !history.speaks_for(&past, &root));
    assert_eq!(history.newest(&root), at);
}
