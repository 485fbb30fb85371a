//! Arguments as typed. Help, reference and completions come from here and from nowhere else.

pub(crate) mod audit;
pub(crate) mod authz;
pub(crate) mod log;
pub(crate) mod policy;
pub(crate) mod service;
pub(crate) mod statement;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use drift::Severity;
use surface::Digest;

use crate::env;
use crate::log::evidence::Named;

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, about = "The trust layer for the Model Context Protocol")]
#[command(
    long_about = "Pins what an MCP server shows a model, finds what changed, and stands between \
                  client and server so that nothing drifted is called.\n\nA server is a command \
                  after `--`, a URL, or a FILE with what it showed.",
    after_help = "Exit codes: 0 same or done, 1 failure, 2 usage, 3 drift or refusal."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every command understands.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The lock file; else the `mcp.lock` here or above, else a new one here if this is a git
    /// repository, else the user's own database
    #[arg(long, value_name = "FILE", global = true, env = env::LOCK)]
    pub(crate) lock: Option<PathBuf>,

    /// When to use colour
    #[arg(long, value_name = "WHEN", global = true, value_enum, default_value = "auto")]
    pub(crate) color: Color,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show everything that a server shows, each item with its digests
    Surface(Surface),
    /// Record what a server shows now as approved
    Pin(Pin),
    /// Compare what servers show now with their pins
    Check(Check),
    /// Compare two surfaces
    Diff(Diff),
    /// Approve what changed, item by item or all of it
    Approve(Approve),
    /// Show the pins and verify that each surface is the one that was approved
    Lock(Lock),
    /// Stand between a client and a server
    Guard(Guard),
    /// Make, show and rotate keys
    #[command(subcommand)]
    Key(statement::Key),
    /// Sign a statement
    Sign(statement::Sign),
    /// Verify a statement, a bundle, or the evidence of a lock file, offline
    Verify(statement::Verify),
    /// Publish a server's entry and surface in a registry
    Publish(log::Publish),
    /// Follow, prove, audit and copy a log
    #[command(subcommand)]
    Log(log::Log),
    /// Run a registry with its log
    Up(service::Up),
    /// Run a witness
    Witness(service::Witness),
    /// Follow the state changes of a registry
    Watch(service::Watch),
    /// Run the token service of a domain: exchange, keys, revocation
    Sts(authz::Sts),
    /// Examine how servers are protected
    #[command(subcommand)]
    Auth(authz::Auth),
    /// Check, test and explain the policies that decide exchanges and calls
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Judge audit trails
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Print a completion script
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print this reference as Markdown
    #[command(hide = true)]
    Reference,
}

/// A server: a command, a URL or a file.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// A URL, or a FILE: a `tools/list` result, an object of several list results, or what
    /// `surface --json` printed; `-` for stdin
    #[arg(
        value_name = "URL|FILE",
        required_unless_present = "command",
        conflicts_with = "command"
    )]
    pub(crate) source: Option<String>,

    /// The command that runs the server
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// How to reach a server.
#[derive(Debug, Args)]
pub(crate) struct Reach {
    /// A header for every request to a URL; its value is never recorded or shown
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,

    /// A header whose value is in an environment variable; the variable's name is recorded
    #[arg(long = "header-env", value_name = "NAME=VAR")]
    pub(crate) header_variables: Vec<String>,

    /// How long to wait for each answer
    #[arg(long = "timeout", value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout_s: u64,
}

/// Which pin is meant, where an alias alone does not say.
#[derive(Debug, Args)]
pub(crate) struct Context {
    /// The authorization context: what a server shows may differ by who asks
    #[arg(long, value_name = "LABEL", default_value = "default", env = env::CONTEXT)]
    pub(crate) context: String,
}

/// What a log has to say of the server.
#[derive(Debug, Args)]
pub(crate) struct Backed {
    /// The log that has to fix this surface: its URL, such as `https://registry.example/log`, or a
    /// FILE with a bundle of evidence
    #[arg(long = "log", value_name = "URL|FILE", requires = "trust", env = env::LOG)]
    pub(crate) log: Option<String>,

    /// Whom to believe: logs, witnesses, registries, publishers
    #[arg(long, value_name = "FILE", env = env::TRUST)]
    pub(crate) trust: Option<PathBuf>,

    /// What the server is published as, `io.github.acme/files` or with `@VERSION` [default: as pinned]
    #[arg(long = "as", value_name = "NAME[@VERSION]", requires = "trust")]
    pub(crate) named: Option<Named>,
}

/// `countersign surface`
#[derive(Debug, Args)]
pub(crate) struct Surface {
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) reach: Reach,

    /// Print the whole surface as JSON, which `pin`, `check` and `diff` read as a FILE
    #[arg(long)]
    pub(crate) json: bool,

    /// Show the digest of each field too
    #[arg(long)]
    pub(crate) fields: bool,
}

/// `countersign pin`
#[derive(Debug, Args)]
pub(crate) struct Pin {
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(flatten)]
    pub(crate) context: Context,

    /// The alias; else made from the package, the program or the host
    #[arg(long, value_name = "ALIAS")]
    pub(crate) name: Option<String>,

    /// Get a token for the server as `[service]` of this file says, and look at what it shows with it
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    pub(crate) outbound: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) published: Backed,

    /// Replace a pin from which the server has drifted, without a look at the changes
    #[arg(long)]
    pub(crate) replace: bool,
}

/// `countersign check`
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The pinned servers to check, all of them if none is named; or one URL or FILE to compare
    /// with the pin `--name`
    #[arg(value_name = "ALIAS|URL|FILE", conflicts_with = "command")]
    pub(crate) subjects: Vec<String>,

    /// The pin to compare with
    #[arg(long, value_name = "ALIAS")]
    pub(crate) name: Option<String>,

    /// The authorization context; all contexts of an alias if not given
    #[arg(long, value_name = "LABEL", env = env::CONTEXT)]
    pub(crate) context: Option<String>,

    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(flatten)]
    pub(crate) verdict: Verdict,

    /// Print the result as JSON
    #[arg(long, conflicts_with = "sarif")]
    pub(crate) json: bool,

    /// Print the result as SARIF 2.1.0
    #[arg(long)]
    pub(crate) sarif: bool,

    /// How many servers to ask at once
    #[arg(long, value_name = "COUNT", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: u16,

    /// A command to compare with the pin
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// From when on a difference counts.
#[derive(Debug, Args)]
pub(crate) struct Verdict {
    /// Exit 3 only for changes of this severity or above: info, notice, warning, critical
    /// [default: any drift]
    #[arg(long = "fail-on", value_name = "SEVERITY")]
    pub(crate) fail_on: Option<Severity>,
}

/// `countersign diff`
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// What was: a FILE, a URL, the ALIAS of a pin, or `-` for stdin
    pub(crate) old: String,

    /// What is: the same choice, or a command
    #[arg(required_unless_present = "command", conflicts_with = "command")]
    pub(crate) new: Option<String>,

    #[command(flatten)]
    pub(crate) context: Context,
    #[command(flatten)]
    pub(crate) reach: Reach,
    #[command(flatten)]
    pub(crate) verdict: Verdict,

    /// Print the changes as a JSON list
    #[arg(long)]
    pub(crate) json: bool,

    /// The command that runs the new server
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// `countersign approve`
#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// The pinned server, or `ALIAS@CONTEXT`
    pub(crate) alias: String,

    /// Items to approve, such as `tools/send_email`; asks for each item if none is named
    #[arg(value_name = "PLACE", conflicts_with = "all")]
    pub(crate) places: Vec<String>,

    /// Approve everything that changed
    #[arg(long)]
    pub(crate) all: bool,

    /// What the server shows now, rather than asking it: a FILE or a URL
    #[arg(long, value_name = "FILE|URL", conflicts_with = "command")]
    pub(crate) from: Option<String>,

    /// The exact digest of what was reviewed; refuse if the server shows anything else
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<Digest>,

    /// Who approves [default: git's user.email, else $USER]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,

    #[command(flatten)]
    pub(crate) context: Context,
    #[command(flatten)]
    pub(crate) reach: Reach,

    /// A command to ask, rather than the recorded one
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// `countersign lock`
#[derive(Debug, Args)]
pub(crate) struct Lock {
    /// Verify only: print nothing but what is wrong
    #[arg(long)]
    pub(crate) verify: bool,

    /// Print the pins as JSON
    #[arg(long, conflicts_with = "verify")]
    pub(crate) json: bool,
}

/// `countersign guard`
#[derive(Debug, Args)]
pub(crate) struct Guard {
    /// The pinned server to run or reach as it is recorded
    #[arg(conflicts_with_all = ["command", "name"])]
    pub(crate) alias: Option<String>,

    /// The pin to hold the server to
    #[arg(long, value_name = "ALIAS")]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) context: Context,

    /// What happens to what drifted
    #[arg(long, value_enum, default_value = "fixed")]
    pub(crate) mode: Mode,

    /// From which severity the calls of a drifted item are held: info, notice, warning, critical
    /// [default: notice in fixed, info in hold]
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) hold_at: Option<Severity>,

    #[command(flatten)]
    pub(crate) published: Backed,

    /// Sign with this key what the server shows to clients without credentials, and send it to the
    /// registry of `--log`. Never sent: what the server calls private, what a header or a credential
    /// may have opened, and anything of a local command
    #[arg(long, value_name = "KEY", requires = "listen")]
    pub(crate) observe: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) passphrase: statement::Passphrase,

    /// Refuse, rather than forward, numbers and half characters in arguments and results that
    /// parsers read differently
    #[arg(long)]
    pub(crate) strict_payload: bool,

    /// Where events go as JSON lines [default: stderr]
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,

    /// Serve HTTP here, in front of `--upstream`
    #[arg(long, value_name = "ADDR", conflicts_with = "command")]
    pub(crate) listen: Option<std::net::SocketAddr>,

    /// The MCP endpoint to guard
    #[arg(long, value_name = "URL", requires = "listen", conflicts_with = "alias")]
    pub(crate) upstream: Option<String>,

    /// Let in only who shows a token as this file asks for it; no credential of a client reaches
    /// the server
    #[arg(long, value_name = "FILE", requires = "listen")]
    pub(crate) authorize: Option<PathBuf>,

    /// Get tokens for the upstream as this file says; it is shown no credential of a client
    #[arg(long, value_name = "FILE", requires = "listen")]
    pub(crate) outbound: Option<PathBuf>,

    /// Allow `--listen` on an address that other machines reach
    #[arg(long, requires = "listen")]
    pub(crate) allow_remote_clients: bool,

    /// A web origin, such as `https://app.example`, whose pages may connect
    #[arg(long = "allow-origin", value_name = "ORIGIN", requires = "listen")]
    pub(crate) allow_origins: Vec<http::Uri>,

    /// A header for every request to the upstream; its value is never recorded or shown
    #[arg(long = "header", value_name = "NAME: VALUE", requires = "listen")]
    pub(crate) headers: Vec<String>,

    /// A header whose value is in an environment variable
    #[arg(long = "header-env", value_name = "NAME=VAR", requires = "listen")]
    pub(crate) header_variables: Vec<String>,

    /// The command that runs the server
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// What happens to what drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Clients see the pinned surface and nothing else; calls of what drifted are held
    Fixed,
    /// Clients see what is live and unchanged; what drifted is withheld
    Hold,
    /// Everything passes and is recorded
    Observe,
}

impl From<Mode> for guard::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Fixed => Self::Fixed,
            Mode::Hold => Self::Hold,
            Mode::Observe => Self::Observe,
        }
    }
}
