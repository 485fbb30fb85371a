//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures Countersign beside its baselines and peers.
#[derive(Debug, Parser)]
#[command(name = "bench", disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    #[command(flatten)]
    Measure(Measure),
    #[command(flatten)]
    Role(Role),
}

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(crate) enum Measure {
    /// Everything below, and the bars that the project holds itself to.
    All,
    /// Statements into a log in files, beside the disk, plain hashing and another log.
    Append,
    /// What that log costs from ten thousand entries to `--entries-max`.
    LogGrowth,
    /// Access tokens and proofs of possession, beside the bare signature checks.
    Authz,
    /// Tool calls in a closed loop through every contender, rounds interleaved.
    Calls,
    /// From starting a process to the first byte of its answer.
    Start,
    /// Memory when idle, and for each idle HTTP session.
    Memory,
    /// Scan, canonical form and digest over real surfaces.
    Digest,
    /// Drift of two surfaces of 100 tools.
    Drift,
    /// A mirror of 84,000 entries of an upstream on loopback.
    Mirror,
    /// A log over PostgreSQL and an object store, with one replica and with two.
    Scale,
    /// Signing, reading and verifying statements.
    Seal,
    /// Policy decisions at 1,000 edges, beside Cedar alone.
    Policy,
    /// The registry's reads at 84,000 rows and 1,000 requests a second.
    Serve,
    /// The log's tree and map at a million entries and names.
    Tree,
    /// How the costs of tree and map grow, up to ten million.
    Growth,
    /// A witness over HTTP that 64 logs ask at once.
    Witness,
}

/// The processes that a run starts; each is this same binary.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// An MCP server over Streamable HTTP whose tool `echo` answers with its argument.
    #[command(hide = true)]
    EchoHttp,
    /// The same server over stdin and stdout.
    #[command(hide = true)]
    EchoStdio,
    /// Forwards HTTP to `upstream` byte for byte and checks nothing.
    #[command(hide = true)]
    ForwardHttp {
        /// Where the server listens.
        upstream: SocketAddr,
    },
    /// Opens a log in a folder, and says how many KiB the process takes then.
    #[command(hide = true)]
    OpenLog {
        /// The folder.
        folder: PathBuf,
    },
    /// Forwards lines to a command and back and checks nothing.
    #[command(hide = true)]
    ForwardStdio {
        /// The command.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

/// How to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Under a minute in total: enough to see that everything runs.
    #[arg(long, global = true)]
    pub(crate) short: bool,
    /// How to print.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Measure only these contenders (and the baselines).
    #[arg(long, global = true, value_delimiter = ',', value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Concurrent calls.
    #[arg(long, global = true, value_delimiter = ',', value_name = "N")]
    pub(crate) concurrency: Vec<usize>,
    /// Bytes of the argument of a call.
    #[arg(long, global = true, value_delimiter = ',', value_name = "N")]
    pub(crate) payload: Vec<usize>,
    /// What the servers speak.
    #[arg(long, global = true, value_enum, value_delimiter = ',', default_values = ["http", "stdio"])]
    pub(crate) transport: Vec<Transport>,
    /// The echo server behind every contender.
    #[arg(long, global = true, value_enum, default_value_t = Server::Rust)]
    pub(crate) server: Server,
    /// Rounds; every contender runs once in each.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) rounds: Option<usize>,
    /// Measured time of one contender in one round, in milliseconds.
    #[arg(long, global = true, value_name = "N")]
    pub(crate) slice_ms: Option<u64>,
    /// The largest log that `log-growth` makes: ten million take ten minutes.
    #[arg(long, global = true, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) entries_max: u64,
    /// The `countersign` binary; by default it is built first.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) countersign: Option<PathBuf>,
    /// Where `benches/setup` put the peers.
    #[arg(long, global = true, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.peers"))]
    pub(crate) peers: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Markdown,
    Json,
}

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    Http,
    Stdio,
}

/// Which echo server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Server {
    /// This binary: cheap, so that what stands before it shows.
    Rust,
    /// `servers/echo.mjs`, on the runtime that most real servers have.
    Node,
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if *self == Self::Http { "HTTP" } else { "stdio" })
    }
}

impl Options {
    /// `short` or `long`, as the run was asked to be.
    pub(crate) fn pick<T>(&self, short: T, long: T) -> T {
        if self.short { short } else { long }
    }

    pub(crate) fn concurrency(&self) -> Vec<usize> {
        if self.concurrency.is_empty() { vec![1, 8, 32] } else { self.concurrency.clone() }
    }

    pub(crate) fn payloads(&self) -> Vec<usize> {
        match (self.payload.is_empty(), self.short) {
            (false, _) => self.payload.clone(),
            (true, true) => vec![4096],
            (true, false) => vec![256, 4096],
        }
    }

    /// Whether the contender `name` was asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|asked| name.starts_with(asked.as_str()))
    }
}
