//! Arguments of the commands about audit trails.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `countersign audit`
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Judge an audit trail from its files alone: was anything changed, is anything missing
    Verify(AuditVerify),
}

/// `countersign audit verify`
#[derive(Debug, Args)]
pub(crate) struct AuditVerify {
    /// The folder of the trail
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    /// A key of the log, as known from outside; give both. Else the trail's own claim is taken
    #[arg(long = "key", value_name = "VKEY")]
    pub(crate) keys: Vec<tlog::VerifierKey>,

    /// A checkpoint that was kept elsewhere: the trail must still contain it
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,

    /// Which witnesses must have cosigned the newest checkpoint (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    pub(crate) witness_policy: Option<PathBuf>,

    /// The first key of the tail from an epoch on, from the signer: proves records that no checkpoint
    /// covers yet
    #[arg(long = "tail-key", value_name = "EPOCH:HEX")]
    pub(crate) tail_keys: Vec<String>,

    /// Print the verdicts as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
