//! Our log read by others, and theirs by us: Go's `sumdb` and `crypto/mldsa`, `aics-tlog`,
//! `scitt-cose`.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::{Scratch, paths};
use seal::Crypto;
use seal::key::{Algorithm as KeyAlgorithm, NoteKey, PrivateKey};
use serde_json::{Value, json};
use tlog::note::Algorithm;
use tlog::tile::{self, Plan, Tile, WIDTH};
use tlog::{Checkpoint, Frontier, Hash, Sign, VerifierKey, cosignature, tree};

const ORIGIN: &str = "ours.example/log";
/// Around powers of 256, and where subtrees of a level share a tile.
const SIZES: [u64; 7] = [1, 255, 256, 257, 1_000, 65_537, 70_000];

/// A log of ours in a folder, as tlog-tiles lays it out, and what is claimed of it.
fn write_log(folder: &Path, size: u64) {
    let (old_size, index) = (size / 3 + 1, size * 4 / 5);
    let mut rows: BTreeMap<u8, Vec<Hash>> = BTreeMap::new();
    let mut tree = Frontier::default();
    let mut old_root = Hash::of_nothing();
    for at in 0..size {
        tree.append(Hash::of_leaf(&entry(at)), |level, _, hash| {
            if level % 8 == 0 {
                rows.entry(level / 8).or_default().push(hash);
            }
        });
        if tree.size() == old_size {
            old_root = tree.root();
        }
    }
    let bytes_of = |tile: &Tile| {
        let start = tile.index * WIDTH;
        let Some(level) = tile.level else {
            let mut bundle = Vec::new();
            for at in start..start + u64::from(tile.width) {
                tile::push_entry(&mut bundle, &entry(at)).unwrap();
            }
            return bundle;
        };
        let start = usize::try_from(start).unwrap();
        let row = &rows[&level][start..start + usize::from(tile.width)];
        row.iter().flat_map(|hash| hash.0).collect()
    };
    for tile in Tile::new_between(0, size) {
        let path = folder.join(tile.to_string());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes_of(&tile)).unwrap();
    }
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root: tree.root() };
    let keys = [
        key(ORIGIN, KeyAlgorithm::Ed25519, Algorithm::Ed25519),
        key(ORIGIN, KeyAlgorithm::MlDsa44, Algorithm::MlDsa44),
        key("witness.example/w", KeyAlgorithm::Ed25519, Algorithm::Cosignature),
    ];
    let note = checkpoint.sign(&[&keys[0], &keys[1]], 1_800_000_000).unwrap()
        + &cosignature::cosign(&checkpoint, 1_800_000_001, &keys[2]).unwrap();
    std::fs::write(folder.join("checkpoint"), note).unwrap();
    let proofs = |plan: Plan| {
        let tiles: Vec<_> = plan.tiles().iter().map(bytes_of).collect();
        plan.verify(&tiles).unwrap()
    };
    let included = proofs(Plan::inclusion(&checkpoint, &[index]).unwrap());
    let grown = proofs(Plan::consistency(&checkpoint, old_size).unwrap());
    let texts = |hashes: Vec<Hash>| hashes.iter().map(Hash::to_string).collect::<Vec<_>>();
    let claims = json!({
        "keys": keys.iter().map(|key| key.verifier().to_string()).collect::<Vec<_>>(),
        "oldSize": old_size,
        "oldRoot": old_root.to_string(),
        "consistency": texts(grown.consistency().unwrap()),
        "index": index,
        "entry": STANDARD.encode(entry(index)),
        "inclusion": texts(included.inclusion(index).unwrap()),
    });
    std::fs::write(folder.join("claims.json"), claims.to_string()).unwrap();
}

fn entry(at: u64) -> Vec<u8> {
    format!("our entry {at}").into_bytes()
}

fn key(name: &str, kind: KeyAlgorithm, algorithm: Algorithm) -> NoteKey {
    let seed = [algorithm.number(); 32];
    PrivateKey::from_seed(kind, &seed).unwrap().into_note_key(name, algorithm).unwrap()
}

fn go(arguments: &[&str]) -> String {
    let program = paths::tests_file("interop/go/.built/interop");
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn go_verifies_our_checkpoints_tiles_and_proofs() {
    for size in SIZES {
        let scratch = Scratch::new();
        write_log(scratch.path(), size);
        let said = go(&["verify", scratch.path().to_str().unwrap()]);
        assert_eq!(said, format!("verified {size}\n"));
    }
}

#[test]
fn go_refuses_our_log_once_a_byte_of_it_is_another() {
    let scratch = Scratch::new();
    write_log(scratch.path(), 70_000);
    let program = paths::tests_file("interop/go/.built/interop");
    for file in ["checkpoint", "tile/0/218", "tile/1/000", "tile/entries/012"] {
        let path = scratch.join(file);
        let bytes = std::fs::read(&path).unwrap();
        let mut changed = bytes.clone();
        changed[100] ^= 1;
        std::fs::write(&path, changed).unwrap();
        let arguments = ["verify", scratch.path().to_str().unwrap()];
        let output = std::process::Command::new(&program).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{file}");
        std::fs::write(&path, bytes).unwrap();
    }
}

#[test]
fn we_verify_what_go_makes() {
    for size in SIZES {
        let scratch = Scratch::new();
        let (old_size, index) = (size / 3 + 1, size * 4 / 5);
        let folder = scratch.path().to_str().unwrap();
        go(&["make", folder, &size.to_string(), &old_size.to_string(), &index.to_string()]);
        let read = |path: &str| std::fs::read(scratch.join(path)).unwrap();
        let claims: Value = serde_json::from_slice(&read("claims.json")).unwrap();
        let keys: Vec<VerifierKey> = claims["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key.as_str().unwrap().parse().unwrap())
            .collect();
        let log = Checkpoint::open(&read("checkpoint"), &keys[..2], &Crypto).unwrap();
        assert_eq!(log.size, size);
        let note = tlog::Note::parse(&read("checkpoint")).unwrap();
        let line = note.signatures_of(&keys[2]).next().unwrap();
        assert_eq!(cosignature::verify(&log, line, &keys[2], &Crypto), Some(1_700_000_000));

        let hashes = |name: &str| {
            let texts = claims[name].as_array().unwrap().iter();
            texts.map(|text| text.as_str().unwrap().parse().unwrap()).collect::<Vec<Hash>>()
        };
        let leaf = Hash::of_leaf(format!("entry {index}").as_bytes());
        tree::verify_inclusion(leaf, index, size, &hashes("inclusion"), log.root).unwrap();
        let old_root = claims["oldRoot"].as_str().unwrap().parse().unwrap();
        tree::verify_consistency(old_size, old_root, size, log.root, &hashes("consistency"))
            .unwrap();

        let tiles = |plan: &Plan| -> Vec<_> {
            plan.tiles().iter().map(|tile| read(&tile.to_string())).collect()
        };
        let plan = Plan::inclusion(&log, &[index]).unwrap();
        let verified = plan.verify(&tiles(&plan)).unwrap();
        assert_eq!(verified.leaf(index), Some(leaf));
        assert_eq!(verified.inclusion(index), Some(hashes("inclusion")));
        let plan = Plan::consistency(&log, old_size).unwrap();
        let verified = plan.verify(&tiles(&plan)).unwrap();
        assert_eq!(verified.consistency(), Some(hashes("consistency")));
    }
}

#[test]
fn aics_tlog_and_scitt_cose_audit_our_tiles_entries_and_proofs() {
    for size in SIZES {
        let scratch = Scratch::new();
        write_log(scratch.path(), size);
        let output = std::process::Command::new(paths::python("log", "python"))
            .arg(paths::tests_file("interop/audit.py"))
            .arg(scratch.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("audited {size}\n"));
    }
}
