//! Arguments of the commands that serve, and of those that follow a service.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use drift::Severity;
use url::Url;

use super::statement::Passphrase;
use crate::env;

/// `countersign up`
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The directory with keys, log, tables and `registry.toml`
    #[arg(long, value_name = "DIR", required_unless_present = "openapi")]
    pub(crate) data: Option<PathBuf>,

    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4180")]
    pub(crate) listen: SocketAddr,

    /// Make a new registry: keys and an empty log. Nothing else ever makes one
    #[arg(long)]
    pub(crate) init: bool,

    /// The name of the new log, for the life of it [default: the host of `--public-url` and `/log`]
    #[arg(long, value_name = "NAME", requires = "init")]
    pub(crate) origin: Option<String>,

    /// The reverse DNS of whoever runs the registry, as the key of `_meta` in answers begins
    /// [default: the host of the log's name, reversed]
    #[arg(long, value_name = "NAME")]
    pub(crate) operator: Option<String>,

    /// Where clients reach the registry [default: the address of `--listen`]
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<Url>,

    /// The configuration [default: `registry.toml` in the directory, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Keep log and tables in this PostgreSQL database, for several replicas: `postgres://HOST/NAME`;
    /// the password comes from PGPASSWORD or a password file
    #[arg(long, value_name = "URL", requires = "objects")]
    pub(crate) database: Option<String>,

    /// Keep tiles and objects there: `s3://BUCKET/PREFIX?endpoint=URL`; the credentials come from the
    /// AWS variables
    #[arg(long, value_name = "URL", requires = "database")]
    pub(crate) objects: Option<String>,

    /// A witness that cosigns checkpoints, once for each [default: those whose URL `--policy` has]
    #[arg(long = "witness", value_name = "URL", requires = "policy")]
    pub(crate) witnesses: Vec<Url>,

    /// The policy (C2SP tlog-policy) that a checkpoint has to meet to be published
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// Empty the tables and fill them from the log
    #[arg(long)]
    pub(crate) rebuild_index: bool,

    #[command(flatten)]
    pub(crate) passphrase: Passphrase,

    #[command(flatten)]
    pub(crate) events: Events,

    /// Print the OpenAPI description of what is served, and nothing else
    #[arg(long)]
    pub(crate) openapi: bool,
}

/// How a service writes what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// A JSON object a line
    Json,
}

/// What a service writes about itself.
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// What is written to stderr: error, warn, info, debug, or a filter for each part
    #[arg(long, value_name = "LEVEL", default_value = "info", env = env::LOG_LEVEL)]
    pub(crate) log_level: String,

    /// How it is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,
}

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

    #[command(flatten)]
    pub(crate) events: Events,
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
