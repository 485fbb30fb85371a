//! Checks what others have published: the cases of transparency-dev/merkle (`testdata/`, inclusion and
//! consistency, also inclusion in subtrees), and the log of transparency-dev/tessera
//! (`testdata/log/`, sizes 0 to 15).
//!
//! ```text
//! cargo run -p countersign-tlog --example published -- MERKLE/testdata TESSERA/testdata/log
//! ```

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use seal::Crypto;
use serde_json::Value;
use tlog::tile::{Plan, Tile, entries};
use tlog::tree::{verify_consistency, verify_inclusion};
use tlog::{Checkpoint, Frontier, Hash, VerifierKey};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(merkle), Some(tessera)) = (arguments.next(), arguments.next()) else {
        return Err("usage: published MERKLE/testdata TESSERA/testdata/log".into());
    };
    let (mut count, mut skipped) = (0, 0);
    for (kind, holds) in KINDS {
        let mut paths = Vec::new();
        find(&merkle.join(kind), &mut paths)?;
        for path in paths {
            let case: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
            // Growth from nothing is "useless" there, and true by tlog-witness.
            if is_from_nothing(&case) {
                skipped += 1;
                continue;
            }
            let wanted = case.get("wantErr") != Some(&Value::Bool(true));
            if holds(&case).is_some() != wanted {
                return Err(format!("{}: {wanted} was wanted", path.display()).into());
            }
            count += 1;
        }
    }
    let sizes = log(&tessera)?;
    writeln!(std::io::stdout(), "{count} cases and logs of {sizes} sizes hold; {skipped} skipped")?;
    Ok(())
}

fn is_from_nothing(case: &Value) -> bool {
    let proof = case.get("proof").and_then(Value::as_array);
    case.get("size1").and_then(Value::as_u64) == Some(0) && proof.is_none_or(Vec::is_empty)
}

/// Whether the claim of a case holds.
type Holds = fn(&Value) -> Option<()>;

const KINDS: [(&str, Holds); 3] = [
    ("inclusion", |case| {
        let (index, size) = (case["leafIdx"].as_u64()?, case["treeSize"].as_u64()?);
        let (leaf, root) = (hash(&case["leafHash"])?, hash(&case["root"])?);
        verify_inclusion(leaf, index, size, &hashes(&case["proof"])?, root).ok()
    }),
    ("consistency", |case| {
        let (old, size) = (case["size1"].as_u64()?, case["size2"].as_u64()?);
        let (old_root, root) = (hash(&case["root1"])?, hash(&case["root2"])?);
        verify_consistency(old, old_root, size, root, &hashes(&case["proof"])?).ok()
    }),
    ("subtreeinclusion", |case| {
        let at = |name: &str| case[name].as_u64();
        let (start, end) = (at("start")?, at("end")?);
        let size = end.checked_sub(start).filter(|size| *size > 0)?;
        // A subtree begins at a multiple of the least power of two that holds it.
        if start % size.checked_next_power_of_two()? != 0 {
            return None;
        }
        let (leaf, root) = (hash(&case["leafHash"])?, hash(&case["root"])?);
        let index = at("leafIdx")?.checked_sub(start)?;
        verify_inclusion(leaf, index, size, &hashes(&case["proof"])?, root).ok()
    }),
];

/// Reads each size of the log through its tiles, and every entry through its bundle.
fn log(folder: &Path) -> Outcome<u64> {
    let key: VerifierKey = TESSERA.parse()?;
    let mut older: Option<Checkpoint> = None;
    for size in 0..=15 {
        let note = std::fs::read(folder.join(format!("checkpoint.{size}")))?;
        let checkpoint = Checkpoint::open(&note, std::slice::from_ref(&key), &Crypto)?;
        let read = |tile: &Tile| std::fs::read(folder.join(tile.to_string()));
        let all: Vec<_> = (0..size).collect();
        let plan = Plan::inclusion(&checkpoint, &all)?;
        let tiles = plan.tiles().iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let verified = plan.verify(&tiles)?;
        let mut tree = Frontier::default();
        for tile in Tile::new_between(0, size).iter().filter(|tile| tile.level.is_none()) {
            for entry in entries(&read(tile)?, tile.width)? {
                let leaf = Hash::of_leaf(entry);
                if verified.leaf(tree.size()) != Some(leaf) {
                    return Err(format!("entry {} of {size}", tree.size()).into());
                }
                tree.append(leaf, |_, _, _| {});
            }
        }
        if tree.root() != checkpoint.root || checkpoint.size != size {
            return Err(format!("the root of {size}").into());
        }
        if let Some(older) = &older {
            let plan = Plan::consistency(&checkpoint, older.size)?;
            let tiles = plan.tiles().iter().map(read).collect::<Result<Vec<_>, _>>()?;
            let grown = plan.verify(&tiles)?.consistency().ok_or("what was planned")?;
            verify_consistency(older.size, older.root, size, checkpoint.root, &grown)?;
        }
        older = Some(checkpoint);
    }
    Ok(16)
}

fn find(folder: &Path, paths: &mut Vec<PathBuf>) -> Outcome<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { find(&path, paths)? } else { paths.push(path) }
    }
    Ok(())
}

/// A hash; for a text that is none ("don't care 2") some hash of its own; nothing for no text.
fn hash(value: &Value) -> Option<Hash> {
    let text = value.as_str().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| Hash::of_leaf(text.as_bytes())))
}

fn hashes(value: &Value) -> Option<Vec<Hash>> {
    value.as_array().map_or(Some(Vec::new()), |all| all.iter().map(hash).collect())
}

/// From `testdata/build_log.sh` of transparency-dev/tessera.
const TESSERA: &str =
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
