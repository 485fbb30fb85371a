//! Arguments of the commands about policies.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `countersign policy`
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Read policy files as strictly as the services do, and say what is wrong and where
    Check(PolicyCheck),
    /// Decide each case of a file and compare with what is expected
    Test(PolicyTest),
    /// Show what each policy makes of a case, condition by condition
    Explain(PolicyExplain),
    /// Write the built-in policies, to start from
    Init(PolicyInit),
}

/// `countersign policy check`
#[derive(Debug, Args)]
pub(crate) struct PolicyCheck {
    /// Cedar files, read as one set; `-` for stdin
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Print the names of the policies, or what is wrong, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `countersign policy test`
#[derive(Debug, Args)]
pub(crate) struct PolicyTest {
    /// The file of cases: issuer, edge file, policy files, and requests with what is expected
    #[arg(value_name = "FILE")]
    pub(crate) cases: PathBuf,

    /// Policy files in place of those that the file names
    #[arg(long = "policy", value_name = "FILE")]
    pub(crate) policies: Vec<PathBuf>,

    /// Print the results as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `countersign policy explain`
#[derive(Debug, Args)]
pub(crate) struct PolicyExplain {
    /// The file of cases
    #[arg(value_name = "FILE")]
    pub(crate) cases: PathBuf,

    /// The case; may be left out where there is one only
    #[arg(value_name = "CASE")]
    pub(crate) case: Option<String>,

    /// Policy files in place of those that the file names
    #[arg(long = "policy", value_name = "FILE")]
    pub(crate) policies: Vec<PathBuf>,

    /// Print the explanation as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `countersign policy init`
#[derive(Debug, Args)]
pub(crate) struct PolicyInit {
    /// The file to write, never over another [default: stdout]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// The schema rather than the policies: what editors and other tools check against
    #[arg(long)]
    pub(crate) schema: bool,
}
