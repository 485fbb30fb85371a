//! Arguments of the commands about logs and what is published in them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::env;

/// `countersign publish`
#[derive(Debug, Args)]
pub(crate) struct Publish {}

/// `countersign log`
#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    /// Print the newest entries, each verified
    Tail(Tail),
    /// Prove that an entry is in the log (C2SP tlog-proof)
    Prove(Prove),
    /// Read the whole log and verify all of it: hashes, map, and that it only ever grew
    Audit(Audit),
    /// Copy the log to a folder, verified; again to bring it up to date
    Sync(Sync),
}

/// A log, and whom to believe about it.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// The log: its URL, such as `https://registry.example/log`, or a FOLDER with a copy
    #[arg(value_name = "URL|FOLDER")]
    pub(crate) log: String,

    /// Whom to believe: logs, witnesses, registries, publishers
    #[arg(long, value_name = "FILE", env = env::TRUST)]
    pub(crate) trust: PathBuf,
}

/// `countersign log tail`
#[derive(Debug, Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    pub(crate) source: Source,

    /// How many entries
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) count: u64,

    /// Only entries about this server
    #[arg(long, value_name = "NAME")]
    pub(crate) server: Option<String>,

    /// Go on with what is added
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// `countersign log prove`
#[derive(Debug, Args)]
pub(crate) struct Prove {
    #[command(flatten)]
    pub(crate) source: Source,

    /// The index of the entry
    pub(crate) index: u64,

    /// Write the entry here too
    #[arg(long, value_name = "FILE")]
    pub(crate) entry: Option<PathBuf>,
}

/// `countersign log audit`
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    pub(crate) source: Source,

    /// The checkpoint of the last audit, replaced by this one's if all is well
    #[arg(long, value_name = "FILE")]
    pub(crate) since: Option<PathBuf>,

    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `countersign log sync`
#[derive(Debug, Args)]
pub(crate) struct Sync {
    #[command(flatten)]
    pub(crate) source: Source,

    /// The folder of the copy
    #[arg(value_name = "FOLDER")]
    pub(crate) copy: PathBuf,
}
