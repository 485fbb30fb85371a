//! Countersign beside what it stands between: load, start, memory, digests and drift, in one run.
//!
//! Every figure comes with a baseline that was measured in the same minute on the same machine, and
//! only the ratio of the two is meant to be quoted. Nothing here fails because something is slow.

mod args;
mod bars;
mod client;
mod contender;
mod machine;
mod measure;
mod process;
mod role;
mod stats;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

/// What a step of a bench gives. A bench has one reader, so an error is a sentence.
type Outcome<T> = Result<T, Fault>;
type Fault = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run(args::Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            table::say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: args::Args) -> Outcome<()> {
    match args.verb {
        args::Verb::Role(role) => role::run(role),
        args::Verb::Measure(verb) => measure::run(verb, &args.options),
    }
}
