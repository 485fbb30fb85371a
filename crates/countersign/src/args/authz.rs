//! Arguments of the commands about authorization across hops.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::service::Events;

/// `countersign sts`
#[derive(Debug, Args)]
pub(crate) struct Sts {
    /// The configuration; what it names is relative to its folder
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,

    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4190")]
    pub(crate) listen: SocketAddr,

    /// Make a new service: the configuration, keys and an empty edge file. Writes over nothing, and
    /// does not serve
    #[arg(long, requires = "issuer", conflicts_with = "check")]
    pub(crate) init: bool,

    /// Who the new service is, for the life of it: the URL where clients reach it
    #[arg(long, value_name = "URL", requires = "init")]
    pub(crate) issuer: Option<String>,

    /// Read the configuration and all that it names, say what it holds, and end
    #[arg(long)]
    pub(crate) check: bool,

    #[command(flatten)]
    pub(crate) events: Events,

    /// Print what was checked, made or is served as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
