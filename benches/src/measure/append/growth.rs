//! What a log costs as it grows: to append, to prove, to open again, in memory and on disk.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use harness::Scratch;
use store::Log;
use store::files::Files;
use tokio::task::JoinSet;

use super::{config, entry, size_on_disk};
use crate::args::Options;
use crate::bars::Bars;
use crate::process::usage;
use crate::stats::quantile;
use crate::table::{Cell, Report, Table};
use crate::{Fault, Outcome};

/// Logs of ten thousand entries to ten million, each about another name, so that the map grows too.
pub(crate) async fn run(options: &Options, report: &mut Report, bars: &mut Bars) -> Outcome<()> {
    let columns = [
        "entries",
        "append /s",
        "proof p50 ms",
        "p99 ms",
        "latest p50 ms",
        "open s",
        "MiB",
        "× bytes",
    ];
    let mut table = Table::new("A log in files, by its entries; a name for each", &columns);
    for count in
        SIZES.into_iter().filter(|size| *size <= options.pick(100_000, options.entries_max))
    {
        let folder = Scratch::new();
        let root = folder.join("log");
        Log::create(&Files::new(&root), &config()?).await?;
        let log = Log::open(Arc::new(Files::new(&root)), config()?).await?;
        let began = Instant::now();
        fill(&log, count).await?;
        let append = rate(count, began);
        log.close().await;
        drop(log);
        let began = Instant::now();
        let log = Log::open(Arc::new(Files::new(&root)), config()?).await?;
        let open = began.elapsed().as_secs_f64();
        let mut proofs = Vec::new();
        let mut latest = Vec::new();
        for n in 0..500_u64 {
            let began = Instant::now();
            log.proof(n.wrapping_mul(7_919_993) % count).await?.ok_or("no proof")?;
            proofs.push(began.elapsed().as_secs_f64() * 1e3);
            let name = [format!("server-{}", n.wrapping_mul(7_919_993) % count)];
            let began = Instant::now();
            log.latest(&name).await?.ok_or("no proof of the latest")?;
            latest.push(began.elapsed().as_secs_f64() * 1e3);
        }
        let stored = size_on_disk(&root)? / bytes(count);
        log.close().await;
        drop(log);
        let memory = opened_mib(&root)?;
        let times =
            [quantile(&mut proofs, 0.5), quantile(&mut proofs, 0.99), quantile(&mut latest, 0.5)];
        let cells = [append].into_iter().chain(times).chain([open, memory, stored]);
        table.row(count.to_string(), cells.map(Cell::from));
        if count == 1_000_000 {
            bars.at_most("memory with a million names", memory, 400.0, "MiB");
            bars.at_most(
                "inclusion proof in a million entries, p99",
                quantile(&mut proofs, 0.99),
                1.0,
                "ms",
            );
        }
    }
    report.tables.push(table);
    Ok(())
}

/// Opens a log, and says how many KiB this process takes then.
pub(crate) async fn open(folder: &Path) -> Outcome<()> {
    let log = Log::open(Arc::new(Files::new(folder)), config()?).await?;
    writeln!(std::io::stdout().lock(), "{}", usage(&[std::process::id()]).rss_kib)?;
    log.close().await;
    Ok(())
}

/// What a process takes that did nothing but open the log.
fn opened_mib(root: &Path) -> Outcome<f64> {
    let this = std::env::current_exe()?;
    let output = Command::new(this).arg("open-log").arg(root).output()?;
    let kib: u32 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(f64::from(kib) / 1024.0)
}

async fn fill(log: &Log, count: u64) -> Outcome<()> {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let log = log.clone();
        tasks.spawn(async move {
            for number in (task..count).step_by(usize::try_from(TASKS)?) {
                log.submit(entry(number, number), Vec::new()).await?;
            }
            Ok::<_, Fault>(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a count of entries")]
fn rate(count: u64, began: Instant) -> f64 {
    count as f64 / began.elapsed().as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "bytes of entries")]
fn bytes(count: u64) -> f64 {
    (count * super::ENTRY_SIZE as u64) as f64
}

const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
const TASKS: u64 = 1_024;
