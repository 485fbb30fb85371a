//! The benches, each a module, and what they share.

mod append;
mod calls;
mod digest;
mod drift;
mod hops;
mod memory;
mod scale;
mod seal;
mod service;
mod start;
mod tree;

pub(crate) use append::open;
use tokio::runtime::Builder;

use crate::Outcome;
use crate::args::{Measure, Options};
use crate::bars::Bars;
use crate::contender::{GUARD, Guard};
use crate::machine::Machine;
use crate::table::Report;

/// Measures what was asked for and prints it.
pub(crate) fn run(verb: Measure, options: &Options) -> Outcome<()> {
    let mut report = Report::new(Machine::here());
    let mut bars = Bars::default();
    let asked = |this| verb == Measure::All || verb == this;
    if asked(Measure::Digest) {
        digest::run(options, &mut report, &mut bars)?;
    }
    if asked(Measure::Drift) {
        drift::run(options, &mut report, &mut bars)?;
    }
    if asked(Measure::Append) || asked(Measure::LogGrowth) {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        if asked(Measure::Append) {
            runtime.block_on(append::run(options, &mut report, &mut bars))?;
        }
        if asked(Measure::LogGrowth) {
            runtime.block_on(append::grow(options, &mut report, &mut bars))?;
        }
    }
    if asked(Measure::Mirror) {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(service::mirror::run(options, &mut report, &mut bars))?;
    }
    if asked(Measure::Scale) {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(scale::run(options, &mut report, &mut bars))?;
    }
    if asked(Measure::Policy) {
        hops::policy::run(options, &mut report, &mut bars)?;
        hops::call::run(options, &mut report, &mut bars)?;
    }
    if asked(Measure::Seal) {
        seal::run(options, &mut report, &mut bars)?;
    }
    if asked(Measure::Authz) {
        hops::token::run(options, &mut report, &mut bars)?;
        hops::exchange::run(options, &mut report, &mut bars)?;
    }
    if asked(Measure::Serve) {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(service::serve::run(options, &mut report, &mut bars))?;
    }
    if asked(Measure::Witness) {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(service::witness::run(options, &mut report, &mut bars))?;
    }
    if asked(Measure::Tree) {
        tree::run(options, &mut report, &mut bars)?;
    }
    if asked(Measure::Growth) {
        tree::grow(options, &mut report)?;
    }
    if matches!(verb, Measure::All | Measure::Calls | Measure::Start | Measure::Memory) {
        let guard = options.wants(GUARD).then(|| Guard::find(options));
        let guard = guard.transpose()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        if asked(Measure::Start) {
            start::run(options, guard.as_ref(), &mut report, &mut bars)?;
        }
        if asked(Measure::Memory) {
            runtime.block_on(memory::run(options, guard.as_ref(), &mut report, &mut bars))?;
        }
        if asked(Measure::Calls) {
            runtime.block_on(calls::run(options, guard.as_ref(), &mut report, &mut bars))?;
        }
    }
    report.tables.push(bars.table());
    report.print(options.format)?;
    Ok(())
}

/// The real surfaces of `benches/surfaces`: each a result of `tools/list`.
const SURFACES: [&str; 5] = [
    include_str!("../surfaces/azure-devops.json"),
    include_str!("../surfaces/chrome-devtools.json"),
    include_str!("../surfaces/kubernetes.json"),
    include_str!("../surfaces/playwright.json"),
    include_str!("../surfaces/supabase.json"),
];

/// Lets the optimiser believe that somebody needs `value`.
fn keep<T>(value: T) {
    drop(std::hint::black_box(value));
}

/// Runs `work` for each of `names` in turn, round after round, and gives each one's median time in
/// seconds.
fn interleave<const N: usize>(rounds: usize, mut work: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for (work, times) in work.iter_mut().zip(&mut times) {
            let began = std::time::Instant::now();
            work();
            times.push(began.elapsed().as_secs_f64());
        }
    }
    times.map(crate::stats::median)
}
