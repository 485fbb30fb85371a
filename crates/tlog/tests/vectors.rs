//! The published vectors hold for this implementation: those of RFC 6962's reference code, and ours.
#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use seal::Crypto;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tlog::map::{Latest, MapLeaf, MapProof};
use tlog::tile::{Tile, push_entry};
use tlog::tree::{verify_consistency, verify_inclusion};
use tlog::{Checkpoint, Frontier, Hash, Map, Note, Policy, Proof, VerifierKey, cosignature};

/// Roots of 1 to 8 of these leaves, and proofs in them: known to every implementation of RFC 6962.
#[test]
fn the_roots_and_proofs_that_every_log_knows() {
    let leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    .map(known);
    let mut tree = Frontier::default();
    assert_eq!(
        tree.root(),
        known("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
    for (leaf, root) in leaves.iter().zip(roots) {
        tree.append(Hash::of_leaf(&bytes(leaf)), |_, _, _| {});
        assert_eq!(tree.root(), root);
    }
    let first = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    .map(known);
    verify_inclusion(Hash::of_leaf(b""), 0, 8, &first, roots[7]).unwrap();
    verify_consistency(1, roots[0], 8, roots[7], &first).unwrap();
    let six = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    .map(known);
    verify_consistency(6, roots[5], 8, roots[7], &six).unwrap();
}

#[test]
fn trees_and_tiles_hold() {
    for tree in list(&log()["trees"]) {
        let (size, root) = (number(&tree["size"]), hash(&tree["root"]));
        let mut rows = vec![Vec::new(); 3];
        let mut grown = Frontier::default();
        for index in 0..size {
            grown.append(Hash::of_leaf(&entry(index)), |level, _, hash| {
                if level % 8 == 0 {
                    rows[usize::from(level / 8)].push(hash);
                }
            });
        }
        assert_eq!(grown.root(), root);
        for proof in tree["inclusion"].as_array().unwrap() {
            let index = number(&proof["index"]);
            let leaf = Hash::of_leaf(&entry(index));
            verify_inclusion(leaf, index, size, &hashes(&proof["hashes"]), root).unwrap();
        }
        for proof in list(&tree["consistency"]) {
            let (old, old_root) = (number(&proof["oldSize"]), hash(&proof["oldRoot"]));
            verify_consistency(old, old_root, size, root, &hashes(&proof["hashes"])).unwrap();
        }
        let all = Tile::new_between(0, size);
        for shown in tree["tiles"].as_array().unwrap() {
            let tile: Tile = text(&shown["path"]).parse().unwrap();
            assert!(all.contains(&tile));
            let start = tile.index * 256;
            let mut bytes = Vec::new();
            for at in start..start + u64::from(tile.width) {
                match tile.level {
                    None => push_entry(&mut bytes, &entry(at)).unwrap(),
                    Some(level) => {
                        bytes.extend(rows[usize::from(level)][usize::try_from(at).unwrap()].0);
                    }
                }
            }
            assert_eq!(Hash(Sha256::digest(bytes).into()), known(text(&shown["sha256"])), "{tile}");
        }
    }
    for wrong in list(&log()["refused"]["inclusion"]) {
        let (index, size) = (number(&wrong["index"]), number(&wrong["size"]));
        let root = hash(&wrong["root"]);
        verify_inclusion(hash(&wrong["leaf"]), index, size, &hashes(&wrong["hashes"]), root)
            .unwrap_err();
    }
    for wrong in list(&log()["refused"]["consistency"]) {
        let (old, size) = (number(&wrong["oldSize"]), number(&wrong["size"]));
        let (old_root, root) = (hash(&wrong["oldRoot"]), hash(&wrong["root"]));
        verify_consistency(old, old_root, size, root, &hashes(&wrong["hashes"])).unwrap_err();
    }
}

#[test]
fn notes_and_cosignatures_hold() {
    let log = log();
    let keys: Vec<VerifierKey> =
        list(&log["keys"]).iter().map(|key| text(&key["verifierKey"]).parse().unwrap()).collect();
    for case in list(&log["checkpoints"]) {
        let note = text(&case["note"]).as_bytes();
        let checkpoint = Checkpoint::open(note, &keys[..2], &Crypto).unwrap();
        let (size, root) = (number(&case["size"]), hash(&case["root"]));
        assert_eq!(checkpoint, Checkpoint { origin: text(&case["origin"]).to_owned(), size, root });
        let note = Note::parse(note).unwrap();
        for time in list(&case["times"]) {
            let key: VerifierKey = text(&time["key"]).parse().unwrap();
            let line = note.signatures_of(&key).next().unwrap();
            let signed = cosignature::verify(&checkpoint, line, &key, &Crypto);
            assert_eq!(signed, Some(number(&time["time"])));
        }
    }
    for case in list(&log["notes"]) {
        let opened = Checkpoint::open(text(&case["note"]).as_bytes(), &keys[..2], &Crypto);
        assert_eq!(opened.is_ok(), case["accepted"] == true, "{}", case["what"]);
    }
    for case in list(&log["policies"]) {
        let policy: Policy = text(&case["policy"]).parse().unwrap();
        let opened = policy.open(text(&case["note"]).as_bytes(), &Crypto);
        assert_eq!(opened.is_ok(), case["accepted"] == true);
        assert_eq!(opened.ok().and_then(|verified| verified.time_s()), case["time"].as_u64());
    }
    let policy: Policy = text(&log["proofs"]["policy"]).parse().unwrap();
    for case in list(&log["proofs"]["cases"]) {
        let proof = Proof::parse(text(&case["proof"]).as_bytes()).unwrap();
        assert_eq!(proof.to_string(), text(&case["proof"]));
        let leaf = Hash::of_leaf(text(&case["entry"]).as_bytes());
        assert_eq!(proof.verify(leaf, &policy, &Crypto).is_ok(), case["accepted"] == true);
    }
}

#[test]
fn maps_hold() {
    for case in list(&parse(include_str!("../../../vectors/map.json"))) {
        let mut map = Map::default();
        let latest =
            |held: &Value| Latest { leaf: hash(&held["leaf"]), index: number(&held["index"]) };
        for one in case["names"].as_array().unwrap() {
            map.insert(Map::key(text(&one["name"])), latest(one));
        }
        let root = map.root();
        assert_eq!(root, hash(&case["root"]));
        let stated = MapLeaf { covers: number(&case["covers"]), root };
        assert_eq!(stated.to_entry(), text(&case["entry"]).as_bytes());
        assert_eq!(MapLeaf::parse(text(&case["entry"]).as_bytes()), Some(stated));
        for shown in list(&case["proofs"]) {
            let key = Map::key(text(&shown["name"]));
            let proof = MapProof::parse(&bytes(text(&shown["proof"]))).unwrap();
            assert_eq!(proof, map.prove(&key));
            let held = (!shown["latest"].is_null()).then(|| latest(&shown["latest"]));
            assert_eq!(proof.verify(root, &key), Ok(held));
        }
    }
}

fn log() -> Value {
    parse(include_str!("../../../vectors/log.json"))
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

fn list(value: &Value) -> &[Value] {
    let list = value.as_array().unwrap();
    assert!(!list.is_empty());
    list
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn hash(value: &Value) -> Hash {
    text(value).parse().unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

fn known(hex: &str) -> Hash {
    Hash(bytes(hex).try_into().unwrap())
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
