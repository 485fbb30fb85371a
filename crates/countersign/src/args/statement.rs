//! Arguments of the commands about keys and statements.

use clap::{Args, Subcommand};

/// `countersign key`
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key
    New,
}

/// `countersign sign`
#[derive(Debug, Args)]
pub(crate) struct Sign {}

/// `countersign verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {}
