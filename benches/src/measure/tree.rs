//! The log's tree and map at a million entries and names, beside plain SHA-256.

use std::time::Instant;

use sha2::{Digest as _, Sha256};
use tlog::map::Latest;
use tlog::tile::{Plan, Tile};
use tlog::tree::{verify_consistency, verify_inclusion};
use tlog::{Checkpoint, Frontier, Hash, Map};

use super::{interleave, keep};
use crate::Outcome;
use crate::args::Options;
use crate::bars::Bars;
use crate::process::usage;
use crate::table::{Cell, Report, Table};

pub(super) fn run(options: &Options, report: &mut Report, bars: &mut Bars) -> Outcome<()> {
    let count = options.pick(100_000, 1_000_000);
    report.tables.push(tree(options, count, bars)?);
    report.tables.push(map(options, count, bars)?);
    Ok(())
}

fn tree(options: &Options, count: u64, bars: &mut Bars) -> Outcome<Table> {
    let began = Instant::now();
    let log = Log::new(count);
    let built_s = began.elapsed().as_secs_f64();
    let mut indices = (0..).map(|step: u64| step * 7_919_771 % count);
    let mut next = move || indices.next().unwrap_or_default();
    let mut other = 1;
    let (root, size) = (log.checkpoint.root, log.checkpoint.size);
    let index = count / 3;
    let proof = log.include(index).ok_or("an inclusion proof")?;
    let old = count / 3 + 1;
    let grown = log.grow(old).ok_or("a consistency proof")?;
    let old_root = Log::new(old).checkpoint.root;
    let [node, append, make, verify, make_grown, verify_grown] = interleave(
        options.pick(10, 100),
        [
            &mut || many(&mut || keep(Sha256::digest(NODE))),
            &mut || {
                let mut tree = Frontier::default();
                many(&mut || tree.append(root, |_, _, hash| keep(hash)));
            },
            &mut || many(&mut || keep(log.include(next()))),
            &mut || {
                many(&mut || keep(verify_inclusion(log.leaf(index), index, size, &proof, root)))
            },
            &mut || {
                other = (other * 31) % count;
                many(&mut || keep(log.grow(other + 1)));
            },
            &mut || many(&mut || keep(verify_consistency(old, old_root, size, root, &grown))),
        ],
    )
    .map(|time| time / f64::from(REPEATS));
    verify_inclusion(log.leaf(index), index, size, &proof, root)?;
    verify_consistency(old, old_root, size, root, &grown)?;
    let title = format!(
        "Tree of {count} entries; proofs are made from tiles in memory, each of whose hashes is authenticated"
    );
    let mut table = Table::new(title, &["work", "µs", "× SHA-256 of a node"]);
    let mut row = |what: &str, time: f64| {
        table.row(what, [Cell::from(time * 1e6), Cell::from(time / node)]);
    };
    row("SHA-256 of 65 bytes, a node", node);
    row("append a leaf's hash", append);
    row("inclusion: read tiles, prove", make);
    row("inclusion: verify", verify);
    row("consistency: read tiles, prove", make_grown);
    row("consistency: verify", verify_grown);
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    row("build: an entry of 16 bytes to leaf, nodes and row", built_s / count as f64);
    bars.at_most(format!("inclusion proof of {count} entries"), make * 1e6, 1000.0, "µs");
    Ok(table)
}

/// The rows of hashes that tiles are cut from.
struct Log {
    checkpoint: Checkpoint,
    rows: Vec<Vec<u8>>,
}

impl Log {
    fn new(count: u64) -> Self {
        let mut rows = vec![Vec::new(); 3];
        let mut tree = Frontier::default();
        for index in 0..count {
            tree.append(leaf(index), |level, _, hash| {
                let row = rows.get_mut(usize::from(level / 8)).filter(|_| level % 8 == 0);
                row.into_iter().for_each(|row| row.extend(hash.0));
            });
        }
        let origin = "bench.example/log".to_owned();
        Self { checkpoint: Checkpoint { origin, size: count, root: tree.root() }, rows }
    }

    fn leaf(&self, index: u64) -> Hash {
        let start = usize::try_from(index * 32).unwrap_or_default();
        let leaf = self.rows.first().and_then(|row| row.get(start..)?.first_chunk());
        Hash(leaf.copied().unwrap_or_default())
    }

    fn tile(&self, tile: &Tile) -> Option<&[u8]> {
        let start = usize::try_from(tile.index).ok()? * 256 * 32;
        self.rows.get(usize::from(tile.level?))?.get(start..start + usize::from(tile.width) * 32)
    }

    fn include(&self, index: u64) -> Option<Vec<Hash>> {
        let plan = Plan::inclusion(&self.checkpoint, &[index]).ok()?;
        let tiles: Option<Vec<_>> = plan.tiles().iter().map(|tile| self.tile(tile)).collect();
        plan.verify(&tiles?).ok()?.inclusion(index)
    }

    fn grow(&self, old: u64) -> Option<Vec<Hash>> {
        let plan = Plan::consistency(&self.checkpoint, old).ok()?;
        let tiles: Option<Vec<_>> = plan.tiles().iter().map(|tile| self.tile(tile)).collect();
        plan.verify(&tiles?).ok()?.consistency()
    }
}

fn map(options: &Options, count: u64, bars: &mut Bars) -> Outcome<Table> {
    let keys: Vec<_> =
        (0..count).map(|index| Map::key(&format!("io.example/server-{index}"))).collect();
    let latest = |index: u64| Latest { leaf: leaf(index), index };
    let before_kib = usage(&[std::process::id()]).rss_kib;
    let began = Instant::now();
    let mut map = Map::default();
    for (key, index) in keys.iter().zip(0..) {
        map.insert(*key, latest(index));
    }
    let root = map.root();
    let built_s = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a resident set")]
    let memory_mib = (usage(&[std::process::id()]).rss_kib - before_kib) as f64 / 1024.0;
    let (shown, mut batched) = (map.clone(), map.clone());
    let mut picked = keys.iter().cycle().step_by(7919);
    let mut next = move || picked.next().copied().unwrap_or_default();
    let mut pick = next.clone();
    let mut of_batch = next.clone();
    let key = next();
    let (present, absent) = (shown.prove(&key), shown.prove(&Map::key("nobody")));
    let [node, single, batch, make, verify] = interleave(
        options.pick(10, 100),
        [
            &mut || many(&mut || keep(Sha256::digest(BRANCH))),
            &mut || {
                many(&mut || {
                    map.insert(next(), latest(1));
                    keep((map.root(), map.clone()));
                });
            },
            &mut || {
                for _ in 0..REPEATS {
                    batched.insert(of_batch(), latest(2));
                }
                keep((batched.root(), batched.clone()));
            },
            &mut || many(&mut || keep(shown.prove(&pick()))),
            &mut || many(&mut || keep(present.verify(root, &key))),
        ],
    )
    .map(|time| time / f64::from(REPEATS));
    if present.verify(root, &key)?.is_none() || absent.verify(root, &Map::key("nobody"))?.is_some()
    {
        return Err("the map proves what is not so".into());
    }
    let title = format!(
        "Map of {count} names: {memory_mib:.0} MiB; a proof of {} bytes",
        present.to_bytes().len()
    );
    let mut table = Table::new(title, &["work", "µs", "× SHA-256 of a branch"]);
    let mut row = |what: &str, time: f64| {
        table.row(what, [Cell::from(time * 1e6), Cell::from(time / node)]);
    };
    row("SHA-256 of 98 bytes, a branch", node);
    row("update a name, new root, snapshot", single);
    row("the same in batches of 256, a name", batch);
    row("prove", make);
    row("verify", verify);
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    row("rebuild, a name", built_s / count as f64);
    bars.at_most(format!("latest state of {count} names, prove"), make * 1e6, 1000.0, "µs");
    bars.at_most(format!("latest state of {count} names, verify"), verify * 1e6, 500.0, "µs");
    bars.at_most(format!("map of {count} names"), memory_mib, 258.0, "MiB");
    Ok(table)
}

fn leaf(index: u64) -> Hash {
    let mut entry = [7; 16];
    entry.iter_mut().zip(index.to_be_bytes()).for_each(|(to, from)| *to = from);
    Hash::of_leaf(&entry)
}

fn many(work: &mut dyn FnMut()) {
    (0..REPEATS).for_each(|_| work());
}

/// One of anything here is too short for a clock; and as many leaves as a batch of the log.
const REPEATS: u32 = 256;
const NODE: [u8; 65] = [1; 65];
const BRANCH: [u8; 98] = [3; 98];
