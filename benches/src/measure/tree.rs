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

/// How both grow, up to ten million.
pub(super) fn grow(options: &Options, report: &mut Report) -> Outcome<()> {
    let sizes: &[u64] = options.pick(&SIZES[..2], &SIZES);
    let columns = [
        "entries",
        "append µs",
        "build µs",
        "prove inclusion µs",
        "verify µs",
        "prove consistency µs",
        "hashes",
    ];
    let mut tree = Table::new("Tree, by its entries", &columns);
    let columns = [
        "names",
        "update µs",
        "in batches µs",
        "prove µs",
        "verify µs",
        "rebuild s",
        "MiB",
        "proof bytes",
    ];
    let mut map = Table::new("Map, by its names", &columns);
    for size in sizes {
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        let number = |count: usize| Cell::from(count as f64);
        let us = |time: f64| Cell::from(time * 1e6);
        let costs = TreeCosts::measure(options, *size)?;
        let TreeCosts { append, build, make, verify, make_grown, .. } = costs;
        let [append, build, make, verify, make_grown] =
            [append, build, make, verify, make_grown].map(us);
        tree.row(size.to_string(), [append, build, make, verify, make_grown, number(costs.hashes)]);
        let costs = MapCosts::measure(options, *size)?;
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let rebuild = Cell::from(costs.rebuild * *size as f64);
        let [single, batch, make, verify] =
            [costs.single, costs.batch, costs.make, costs.verify].map(us);
        let (memory, proof) = (Cell::from(costs.memory_mib), number(costs.proof_bytes));
        map.row(size.to_string(), [single, batch, make, verify, rebuild, memory, proof]);
    }
    report.tables.extend([tree, map]);
    Ok(())
}

const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

fn tree(options: &Options, count: u64, bars: &mut Bars) -> Outcome<Table> {
    let TreeCosts { node, append, build, make, verify, make_grown, verify_grown, .. } =
        TreeCosts::measure(options, count)?;
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
    row("build: an entry of 16 bytes to leaf, nodes and row", build);
    bars.at_most(format!("inclusion proof of {count} entries"), make * 1e6, 1000.0, "µs");
    Ok(table)
}

/// Seconds for each.
struct TreeCosts {
    node: f64,
    append: f64,
    build: f64,
    make: f64,
    verify: f64,
    make_grown: f64,
    verify_grown: f64,
    /// Of the inclusion proof.
    hashes: usize,
}

impl TreeCosts {
    fn measure(options: &Options, count: u64) -> Outcome<Self> {
        let began = Instant::now();
        let log = Log::new(count);
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let build = began.elapsed().as_secs_f64() / count as f64;
        let mut indices = (0..).map(|step: u64| step * 7_919_771 % count);
        let mut next = move || indices.next().unwrap_or_default();
        let mut other = 1;
        let Checkpoint { root, size, .. } = log.checkpoint;
        let (index, old) = (count / 3, count / 3 + 1);
        let proof = log.include(index).ok_or("an inclusion proof")?;
        let grown = log.grow(old).ok_or("a consistency proof")?;
        let old_root = Log::new(old).checkpoint.root;
        verify_inclusion(log.leaf(index), index, size, &proof, root)?;
        verify_consistency(old, old_root, size, root, &grown)?;
        let mut include = || keep(verify_inclusion(log.leaf(index), index, size, &proof, root));
        let mut grow = || keep(verify_consistency(old, old_root, size, root, &grown));
        let [node, append, make, verify, make_grown, verify_grown] = interleave(
            options.pick(10, 100),
            [
                &mut || many(&mut || keep(Sha256::digest(NODE))),
                &mut || {
                    let mut tree = Frontier::default();
                    many(&mut || tree.append(root, |_, _, hash| keep(hash)));
                },
                &mut || many(&mut || keep(log.include(next()))),
                &mut || many(&mut include),
                &mut || {
                    other = (other * 31) % count;
                    many(&mut || keep(log.grow(other + 1)));
                },
                &mut || many(&mut grow),
            ],
        )
        .map(|time| time / f64::from(REPEATS));
        let hashes = proof.len();
        Ok(Self { node, append, build, make, verify, make_grown, verify_grown, hashes })
    }
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
                if let Some(row) = row {
                    row.extend(hash.0);
                }
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
    let MapCosts { node, single, batch, make, verify, rebuild, memory_mib, proof_bytes } =
        MapCosts::measure(options, count)?;
    let title =
        format!("Map of {count} names: {memory_mib:.0} MiB; a proof of {proof_bytes} bytes");
    let mut table = Table::new(title, &["work", "µs", "× SHA-256 of a branch"]);
    let mut row = |what: &str, time: f64| {
        table.row(what, [Cell::from(time * 1e6), Cell::from(time / node)]);
    };
    row("SHA-256 of 98 bytes, a branch", node);
    row("update a name, new root, snapshot", single);
    row("the same in batches of 256, a name", batch);
    row("prove", make);
    row("verify", verify);
    row("rebuild, a name", rebuild);
    bars.at_most(format!("latest state of {count} names, prove"), make * 1e6, 1000.0, "µs");
    bars.at_most(format!("latest state of {count} names, verify"), verify * 1e6, 500.0, "µs");
    bars.at_most(format!("map of {count} names"), memory_mib, 258.0, "MiB");
    Ok(table)
}

/// Seconds for each.
struct MapCosts {
    node: f64,
    single: f64,
    batch: f64,
    make: f64,
    verify: f64,
    rebuild: f64,
    memory_mib: f64,
    proof_bytes: usize,
}

impl MapCosts {
    fn measure(options: &Options, count: u64) -> Outcome<Self> {
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
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let rebuild = began.elapsed().as_secs_f64() / count as f64;
        let after_kib = usage(&[std::process::id()]).rss_kib;
        #[expect(clippy::cast_precision_loss, reason = "a resident set")]
        let memory_mib = after_kib.saturating_sub(before_kib) as f64 / 1024.0;
        let (shown, mut batched) = (map.clone(), map.clone());
        let mut picked = keys.iter().cycle().step_by(7919);
        let mut next = move || picked.next().copied().unwrap_or_default();
        let (mut pick, mut of_batch) = (next.clone(), next.clone());
        let key = next();
        let (present, absent) = (shown.prove(&key), shown.prove(&Map::key("nobody")));
        let is_absent = absent.verify(root, &Map::key("nobody"))?.is_none();
        if present.verify(root, &key)?.is_none() || !is_absent {
            return Err("the map proves what is not so".into());
        }
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
                    many(&mut || keep(batched.insert(of_batch(), latest(2))));
                    keep((batched.root(), batched.clone()));
                },
                &mut || many(&mut || keep(shown.prove(&pick()))),
                &mut || many(&mut || keep(present.verify(root, &key))),
            ],
        )
        .map(|time| time / f64::from(REPEATS));
        let proof_bytes = present.to_bytes().len();
        Ok(Self { node, single, batch, make, verify, rebuild, memory_mib, proof_bytes })
    }
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
