//! The `countersign` binary: arguments, output, wiring.

mod args;
mod artefact;
mod codes;
mod command;
mod env;
mod failure;
mod lock;
mod log;
mod output;
mod report;
mod source;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Cli;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.global.color);
    match command::run(&cli, output) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}
