//! Arguments of the commands about logs and what is published in them.

use clap::{Args, Subcommand};

/// `countersign publish`
#[derive(Debug, Args)]
pub(crate) struct Publish {}

/// `countersign log`
#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    /// Print the newest entries
    Tail,
}
