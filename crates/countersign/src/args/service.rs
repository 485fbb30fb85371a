//! Arguments of the commands that serve, and of those that follow a service.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use drift::Severity;

/// `countersign up`
#[derive(Debug, Args)]
pub(crate) struct Up {}

/// `countersign witness`
#[derive(Debug, Args)]
pub(crate) struct Witness {
    /// The folder with the witness's keys and state
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7380")]
    pub(crate) listen: SocketAddr,

    /// The logs to cosign, in the format of the public witness network (`logs/v0`); logs of earlier
    /// lists stay
    #[arg(long, value_name = "FILE", required_unless_present = "init")]
    pub(crate) logs: Option<PathBuf>,

    /// Make a new witness: two keys and an empty state. Prints its verifier keys; serves too if
    /// `--logs` is given
    #[arg(long, requires = "name")]
    pub(crate) init: bool,

    /// The name of the new witness: a domain name and perhaps a path, without a scheme
    #[arg(long, value_name = "NAME", requires = "init")]
    pub(crate) name: Option<String>,
}

/// `countersign watch`
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The registry, such as `https://registry.example`
    #[arg(value_name = "URL")]
    pub(crate) registry: String,

    /// Only this server, or `NAMESPACE/*`
    #[arg(long, value_name = "NAME|NAMESPACE/*")]
    pub(crate) server: Option<String>,

    /// Only changes of this severity or above: info, notice, warning, critical
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) severity: Option<Severity>,

    /// Only changes of this code, or whose code begins so: `entry.rewritten`, `entry`
    #[arg(long, value_name = "CODE")]
    pub(crate) kind: Option<String>,

    /// Begin after the change with this number; 0 begins with the first [default: what is new]
    #[arg(long, value_name = "ID")]
    pub(crate) since: Option<u64>,

    /// Print each change as a line of JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// End once everything so far is printed: exit 3 if that was anything, else 0
    #[arg(long)]
    pub(crate) once: bool,
}
