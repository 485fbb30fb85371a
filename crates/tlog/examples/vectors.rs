//! Writes `vectors/log.json` and `vectors/map.json`; the same bytes each time.
//!
//! ```text
//! cargo run -p countersign-tlog --example vectors
//! ```
//!
//! ML-DSA signs with fresh randomness. So a signature of type 0x06 is kept from the committed file
//! for as long as it verifies; there it was made by another implementation (`npm run sign`).

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use seal::Crypto;
use seal::key::{Algorithm as KeyAlgorithm, NoteKey, PrivateKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tlog::map::{Latest, MapLeaf};
use tlog::note::{Algorithm, Signature};
use tlog::tile::{Hashes, Plan, Tile, push_entry};
use tlog::{Checkpoint, Frontier, Hash, Map, Policy, Proof, Sign as _, cosignature};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let sizes = [0, 1, 2, 3, 7, 8, 255, 256, 257, 1000, 65_537, 70_000];
    let logs = sizes.map(Log::new);
    let keys = Keys::new()?;
    let kept = std::fs::read_to_string(file("log.json")).unwrap_or_default();
    let cosigned = Cosigned::new(&keys, &logs, &kept)?;
    let vectors = json!({
        "keys": keys.shown(),
        "trees": logs.iter().map(Log::shown).collect::<Outcome<Vec<_>>>()?,
        "refused": refused(&logs)?,
        "checkpoints": cosigned.shown(&keys),
        "notes": notes(&keys, &cosigned)?,
        "policies": policies(&keys, &cosigned)?,
        "proofs": proofs(&keys, &cosigned, &logs)?,
    });
    write("log.json", &vectors)?;
    write("map.json", &maps())
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(name)
}

fn write(name: &str, vectors: &Value) -> Outcome<()> {
    Ok(std::fs::write(file(name), serde_json::to_string_pretty(vectors)? + "\n")?)
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(Hash::to_string).collect()
}

/// A log of the entries `entry 0`, `entry 1` …
struct Log {
    checkpoint: Checkpoint,
    rows: BTreeMap<u8, Vec<Hash>>,
    roots: Vec<Hash>,
}

impl Log {
    fn new(size: u64) -> Self {
        let mut rows: BTreeMap<u8, Vec<Hash>> = BTreeMap::new();
        let mut tree = Frontier::default();
        let mut roots = vec![tree.root()];
        for index in 0..size {
            tree.append(Hash::of_leaf(&entry(index)), |level, _, hash| {
                if level % 8 == 0 {
                    rows.entry(level / 8).or_default().push(hash);
                }
            });
            roots.push(tree.root());
        }
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root: tree.root() };
        Self { checkpoint, rows, roots }
    }

    fn tile(&self, tile: &Tile) -> Outcome<Vec<u8>> {
        let start = tile.index * 256;
        let Some(level) = tile.level else {
            let mut bundle = Vec::new();
            for index in start..start + u64::from(tile.width) {
                push_entry(&mut bundle, &entry(index))?;
            }
            return Ok(bundle);
        };
        let start = usize::try_from(start)?;
        let row =
            self.rows.get(&level).and_then(|row| row.get(start..start + usize::from(tile.width)));
        Ok(row.ok_or("a tile of the log")?.iter().flat_map(|hash| hash.0).collect())
    }

    fn read(&self, plan: &Plan) -> Outcome<Hashes> {
        let tiles = plan.tiles().iter().map(|tile| self.tile(tile)).collect::<Outcome<Vec<_>>>()?;
        Ok(plan.verify(&tiles)?)
    }

    fn inclusion(&self, index: u64) -> Outcome<Vec<Hash>> {
        let hashes = self.read(&Plan::inclusion(&self.checkpoint, &[index])?)?;
        Ok(hashes.inclusion(index).ok_or("a leaf of the log")?)
    }

    fn consistency(&self, old_size: u64) -> Outcome<Vec<Hash>> {
        let hashes = self.read(&Plan::consistency(&self.checkpoint, old_size)?)?;
        Ok(hashes.consistency().ok_or("what was planned")?)
    }

    fn root(&self, size: u64) -> Outcome<Hash> {
        Ok(*self.roots.get(usize::try_from(size)?).ok_or("a size of the log")?)
    }

    fn shown(&self) -> Outcome<Value> {
        let size = self.checkpoint.size;
        let mut inside = vec![0, 1, 6, 255, 256, size / 2, 65_536, size.saturating_sub(1)];
        inside.retain(|index| *index < size);
        inside.sort_unstable();
        inside.dedup();
        let inclusion = |index: &u64| -> Outcome<Value> {
            Ok(json!({ "index": index, "hashes": texts(&self.inclusion(*index)?) }))
        };
        let consistency = |old: &u64| -> Outcome<Value> {
            let hashes = texts(&self.consistency(*old)?);
            Ok(json!({ "oldSize": old, "oldRoot": self.root(*old)?.to_string(), "hashes": hashes }))
        };
        let olds: Vec<_> = inside.iter().copied().chain([size]).collect();
        // Of a large log: what is above the leaves, and the edges.
        let is_shown = |tile: &Tile| size < 2_000 || tile.level > Some(0) || tile.width < 256;
        let tile = |tile: Tile| -> Outcome<Value> {
            Ok(
                json!({ "path": tile.to_string(), "sha256": hex(&Sha256::digest(self.tile(&tile)?)) }),
            )
        };
        Ok(json!({
            "size": size,
            "root": self.checkpoint.root.to_string(),
            "inclusion": inside.iter().map(inclusion).collect::<Outcome<Vec<_>>>()?,
            "consistency": olds.iter().map(consistency).collect::<Outcome<Vec<_>>>()?,
            "tiles": Tile::new_between(0, size).into_iter().filter(is_shown).map(tile).collect::<Outcome<Vec<_>>>()?,
        }))
    }
}

/// Proofs that prove nothing: one hash more, fewer, swapped, changed; of another leaf or size.
fn refused(logs: &[Log]) -> Outcome<Value> {
    let log = logs.iter().find(|log| log.checkpoint.size == 7).ok_or("a small log")?;
    let (good, root) = (log.inclusion(2)?, log.checkpoint.root);
    let mut inclusion = Vec::new();
    let mut add = |what: &str, index: u64, size: u64, hashes: &[Hash]| {
        let leaf = Hash::of_leaf(&entry(2)).to_string();
        inclusion.push(json!({
            "what": what, "index": index, "size": size, "leaf": leaf,
            "root": root.to_string(), "hashes": texts(hashes),
        }));
    };
    add("another index", 3, 7, &good);
    add("an index past the tree", 7, 7, &good);
    add("another size", 2, 3, &good);
    let mut consistency = Vec::new();
    let (grown, old_root) = (log.consistency(3)?, log.root(3)?);
    let mut add_grown = |what: &str, old_size: u64, hashes: &[Hash]| {
        consistency.push(json!({
            "what": what, "oldSize": old_size, "oldRoot": old_root.to_string(), "size": 7,
            "root": root.to_string(), "hashes": texts(hashes),
        }));
    };
    add_grown("another old size", 4, &grown);
    add_grown("an old size past the tree", 8, &grown);
    add_grown("a proof for an empty tree", 0, &grown);
    add_grown("a proof for the same tree", 7, &grown);
    for (what, spoil) in SPOILS {
        let (mut one, mut other) = (good.clone(), grown.clone());
        spoil(&mut one);
        spoil(&mut other);
        add(what, 2, 7, &one);
        add_grown(what, 3, &other);
    }
    Ok(json!({ "inclusion": inclusion, "consistency": consistency }))
}

type Spoil = fn(&mut Vec<Hash>);

const SPOILS: [(&str, Spoil); 5] = [
    ("one hash more", |hashes| hashes.push(Hash::of_nothing())),
    ("one hash fewer", |hashes| hashes.truncate(hashes.len() - 1)),
    ("two hashes swapped", |hashes| hashes.swap(0, 1)),
    ("a bit flipped", |hashes| hashes.iter_mut().take(1).for_each(|hash| hash.0[31] ^= 1)),
    ("no hashes", Vec::clear),
];

/// The keys of a log and of two witnesses, from seeds of one repeated byte.
struct Keys(Vec<(NoteKey, u8)>);

impl Keys {
    fn new() -> Outcome<Self> {
        let key = |name: &str, kind, algorithm, seed: u8| -> Outcome<_> {
            Ok((PrivateKey::from_seed(kind, &[seed; 32])?.into_note_key(name, algorithm)?, seed))
        };
        Ok(Self(vec![
            key(ORIGIN, KeyAlgorithm::Ed25519, Algorithm::Ed25519, 1)?,
            key(ORIGIN, KeyAlgorithm::MlDsa44, Algorithm::MlDsa44, 2)?,
            key("witness.example/ed25519", KeyAlgorithm::Ed25519, Algorithm::Cosignature, 3)?,
            key("witness.example/ml-dsa", KeyAlgorithm::MlDsa44, Algorithm::MlDsa44, 4)?,
        ]))
    }

    fn vkey(&self, at: usize) -> String {
        self.0.get(at).map(|(key, _)| key.verifier().to_string()).unwrap_or_default()
    }

    fn shown(&self) -> Value {
        let key = |(key, seed): &(NoteKey, u8)| json!({ "verifierKey": key.verifier().to_string(), "seed": hex(&[*seed; 32]) });
        self.0.iter().map(key).collect()
    }
}

/// Checkpoints with signatures of types 1 and 6 by the log, 4 and 6 by witnesses.
struct Cosigned(Vec<(Checkpoint, String)>);

impl Cosigned {
    fn new(keys: &Keys, logs: &[Log], kept: &str) -> Outcome<Self> {
        let of = |log: &Log| -> Outcome<_> {
            let checkpoint = log.checkpoint.clone();
            let mut note = format!("{}\n", checkpoint.text());
            for (at, (key, _)) in keys.0.iter().enumerate() {
                note += &line(&checkpoint, key, TIME_S + u64::try_from(at)?, kept)?;
            }
            Ok((checkpoint, note))
        };
        let few = logs.iter().filter(|log| [0, 1, 8, 70_000].contains(&log.checkpoint.size));
        Ok(Self(few.map(of).collect::<Outcome<_>>()?))
    }

    fn shown(&self, keys: &Keys) -> Value {
        let names = keys.0.iter().enumerate().skip(1);
        let times: Vec<_> = names.map(|(at, (key, _))| json!({ "key": key.verifier().to_string(), "time": TIME_S + at as u64 })).collect();
        let one = |(checkpoint, note): &(Checkpoint, String)| {
            json!({
                "origin": checkpoint.origin, "size": checkpoint.size,
                "root": checkpoint.root.to_string(), "note": note, "times": times,
            })
        };
        self.0.iter().map(one).collect()
    }

    fn of(&self, size: u64) -> Outcome<&str> {
        let found = self.0.iter().find(|(checkpoint, _)| checkpoint.size == size);
        Ok(&found.ok_or("a cosigned size")?.1)
    }
}

fn line(checkpoint: &Checkpoint, key: &NoteKey, time_s: u64, kept: &str) -> Outcome<String> {
    let verifier = key.verifier();
    match verifier.algorithm() {
        Algorithm::Ed25519 => {
            let bytes = tlog::Sign::sign(key, checkpoint.text().as_bytes())?;
            Ok(format!(
                "{}\n",
                Signature { name: verifier.name().to_owned(), id: verifier.id(), bytes }
            ))
        }
        Algorithm::Cosignature => Ok(cosignature::cosign(checkpoint, time_s, key)?),
        Algorithm::MlDsa44 => {
            // The lines of notes, as JSON writes them.
            let lines = kept.split("\\n").filter_map(|line| Signature::parse(line).ok());
            let mut held = lines.filter(|line| {
                cosignature::verify(checkpoint, line, verifier, &Crypto) == Some(time_s)
            });
            match held.next() {
                Some(line) => Ok(format!("{line}\n")),
                None => Ok(cosignature::cosign(checkpoint, time_s, key)?),
            }
        }
    }
}

/// Whole notes and what becomes of them, asked with the log's keys.
fn notes(keys: &Keys, cosigned: &Cosigned) -> Outcome<Vec<Value>> {
    let good = cosigned.of(8)?;
    let mut lines = good.lines().skip(4).map(|line| format!("{line}\n"));
    let (Some(ed25519), Some(ml_dsa), Some(cosignature)) =
        (lines.next(), lines.next(), lines.next())
    else {
        return Err("a note of four signatures".into());
    };
    let (text, _) = good.split_once("\n\n").ok_or("a note")?;
    let note = |lines: &[&str]| format!("{text}\n\n{}", lines.concat());
    let mut wrong = Signature::parse(&ed25519)?;
    wrong.bytes.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    let wrong = format!("{wrong}\n");
    let stranger = format!(
        "{}\n",
        Signature { name: "stranger.example".to_owned(), id: 7, bytes: vec![7; 64] }
    );
    let other_id = Signature { id: 7, ..Signature::parse(&ed25519)? };
    let other_id = format!("{other_id}\n");
    let cases = [
        ("both signatures of the log", note(&[&ed25519, &ml_dsa]), true),
        ("an unknown key beside them", note(&[&stranger, &ed25519, &ml_dsa, &cosignature]), true),
        ("17 signatures", note(&[&ed25519, &ml_dsa, &stranger.repeat(15)]), true),
        ("a known name with an unknown key ID", note(&[&ed25519, &ml_dsa, &other_id]), true),
        ("the same signature twice", note(&[&ed25519, &ed25519, &ml_dsa]), true),
        (
            "a known key whose signature fails, beside one that holds",
            note(&[&ed25519, &wrong, &ml_dsa]),
            false,
        ),
        ("one signature of the log alone", note(&[&ed25519]), false),
        ("no signature", note(&[]), false),
        ("carriage returns", note(&[&ed25519, &ml_dsa]).replace('\n', "\r\n"), false),
        ("no newline at the end", note(&[&ed25519, &ml_dsa]).trim_end().to_owned(), false),
        ("an empty line at the end", note(&[&ed25519, &ml_dsa, "\n"]), false),
        (
            "a size with a leading zero",
            note(&[&ed25519, &ml_dsa]).replacen("\n8\n", "\n08\n", 1),
            false,
        ),
        ("another size", note(&[&ed25519, &ml_dsa]).replacen("\n8\n", "\n9\n", 1), false),
        ("an extension line", note(&[&ed25519, &ml_dsa]).replacen("\n\n", "\nmore\n\n", 1), false),
    ];
    let log: Vec<_> = keys.0.iter().take(2).map(|(key, _)| key.verifier().clone()).collect();
    let case = |(what, note, accepted): (&str, String, bool)| -> Outcome<Value> {
        if Checkpoint::open(note.as_bytes(), &log, &Crypto).is_ok() != accepted {
            return Err(what.into());
        }
        Ok(json!({ "what": what, "note": note, "accepted": accepted }))
    };
    cases.into_iter().map(case).collect()
}

fn policy(keys: &Keys, quorum: &str) -> String {
    let [log, log_pq, a, b] = [0, 1, 2, 3].map(|at| keys.vkey(at));
    format!(
        "# Whom we believe.\nlog {log} https://log.example/\nlog {log_pq}\nwitness A {a}\nwitness B {b}\n{quorum}"
    )
}

/// Policies beside a checkpoint that both witnesses cosigned, and one that neither did.
fn policies(keys: &Keys, cosigned: &Cosigned) -> Outcome<Vec<Value>> {
    let both = cosigned.of(8)?.to_owned();
    let one: String = both.split_inclusive('\n').take(7).collect();
    let none: String = both.split_inclusive('\n').take(6).collect();
    let cases = [
        ("quorum none\n", &none),
        ("quorum A\n", &one),
        ("quorum B\n", &one),
        ("group either any A B\nquorum either\n", &one),
        ("group all all A B\nquorum all\n", &one),
        ("group all all A B\nquorum all\n", &both),
        ("group two 2 A B\nquorum two\n", &both),
        ("group inner any A\ngroup outer 2 inner B\nquorum outer\n", &both),
        ("group either 1 A B\nquorum either\n", &none),
    ];
    let case = |(quorum, note): (&str, &String)| -> Outcome<Value> {
        let text = policy(keys, quorum);
        let opened = text.parse::<Policy>()?.open(note.as_bytes(), &Crypto);
        let time = opened.as_ref().ok().and_then(tlog::policy::Verified::time_s);
        Ok(json!({ "policy": text, "note": note, "accepted": opened.is_ok(), "time": time }))
    };
    cases.into_iter().map(case).collect()
}

/// Texts of tlog-proof, asked for the entry with a policy that wants both witnesses.
fn proofs(keys: &Keys, cosigned: &Cosigned, logs: &[Log]) -> Outcome<Value> {
    let text = policy(keys, "group both all A B\nquorum both\n");
    let policy: Policy = text.parse()?;
    let mut cases = Vec::new();
    for (size, index, claimed) in [(1, 0, 0), (8, 3, 3), (70_000, 55_857, 55_857), (8, 3, 4)] {
        let log = logs.iter().find(|log| log.checkpoint.size == size).ok_or("a size")?;
        let checkpoint = cosigned.of(size)?.to_owned();
        let extra = (index == 3).then(|| b"hint".to_vec());
        let proof = Proof { extra, index, hashes: log.inclusion(index)?, checkpoint };
        let holds = proof.verify(Hash::of_leaf(&entry(claimed)), &policy, &Crypto).is_ok();
        let entry = String::from_utf8(entry(claimed))?;
        cases.push(json!({ "entry": entry, "proof": proof.to_string(), "accepted": holds }));
    }
    Ok(json!({ "policy": text, "cases": cases }))
}

/// Maps of names, with proofs of presence and absence by the encoding of `docs/spec/log.md`.
fn maps() -> Value {
    let one = |count: u64| {
        let name = |index: u64| format!("io.example/server-{index}");
        let mut map = Map::default();
        for index in 0..count {
            let leaf = Hash::of_leaf(&entry(index * 3));
            map.insert(Map::key(&name(index)), Latest { leaf, index: index * 3 });
        }
        let root = map.root();
        let proof = |index: u64| {
            let key = Map::key(&name(index));
            let latest = map.latest(&key);
            let held =
                latest.map(|held| json!({ "index": held.index, "leaf": held.leaf.to_string() }));
            json!({ "name": name(index), "latest": held, "proof": hex(&map.prove(&key).to_bytes()) })
        };
        let leaf = MapLeaf { covers: count * 3, root }.to_entry();
        json!({
            "names": (0..count).map(|index| json!({ "name": name(index), "index": index * 3, "leaf": Hash::of_leaf(&entry(index * 3)).to_string() })).collect::<Vec<_>>(),
            "root": root.to_string(),
            "covers": count * 3,
            "entry": String::from_utf8_lossy(&leaf),
            "proofs": (0..count + 12).step_by(if count > 20 { 7 } else { 1 }).map(proof).collect::<Vec<_>>(),
        })
    };
    [0, 1, 2, 3, 10, 100].map(one).into_iter().collect()
}

const ORIGIN: &str = "log.example/vectors";
const TIME_S: u64 = 1_750_000_000;
