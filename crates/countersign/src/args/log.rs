//! Arguments of the commands about logs and what is published in them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::Reach;
use super::statement::Signers;
use crate::env;

/// `countersign publish`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("proof").required(true)))]
pub(crate) struct Publish {
    /// The surface: the URL of the server, or a FILE as `surface --json` prints it; `-` for stdin
    #[arg(
        value_name = "URL|FILE",
        required_unless_present_any = ["command", "manifest"],
        conflicts_with_all = ["command", "manifest"]
    )]
    pub(crate) source: Option<String>,

    /// The surface: what the manifest of an MCPB bundle fixes as its `static_responses`
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    pub(crate) manifest: Option<PathBuf>,

    /// The registry
    #[arg(long, value_name = "URL", env = env::REGISTRY)]
    pub(crate) registry: String,

    /// The entry
    #[arg(long, value_name = "FILE", default_value = "server.json")]
    pub(crate) server_json: PathBuf,

    #[command(flatten)]
    pub(crate) signers: Signers,

    #[command(flatten)]
    pub(crate) login: Login,

    #[command(flatten)]
    pub(crate) reach: Reach,

    /// The digest of a package's bytes: `npm:@acme/files@1.4.0=sha512:…`
    #[arg(long = "artefact", value_name = "PACKAGE=DIGEST")]
    pub(crate) artefacts: Vec<String>,

    /// Whom to believe about the registry's log; without it the evidence is kept unverified
    #[arg(long, value_name = "FILE", env = env::TRUST)]
    pub(crate) trust: Option<PathBuf>,

    /// Where the evidence is kept; else beside the entry
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,

    /// How long to wait for the evidence
    #[arg(long = "wait", value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub(crate) wait_s: u64,

    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// The surface: the command that runs the server
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// How the namespace is proved.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// By GitHub Actions, in a workflow with `id-token: write`
    #[arg(long, group = "proof")]
    pub(crate) github_oidc: bool,

    /// By a GitHub access token in an environment variable
    #[arg(long, value_name = "VAR", group = "proof")]
    pub(crate) github_token_env: Option<String>,

    /// By a key in a TXT record of the domain
    #[arg(long, value_name = "DOMAIN", group = "proof")]
    pub(crate) dns: Option<String>,

    /// By a key in the domain's `/.well-known/mcp-registry-auth`
    #[arg(long, value_name = "DOMAIN", group = "proof")]
    pub(crate) http: Option<String>,

    /// By a registry token in an environment variable, from a login a moment ago
    #[arg(long, value_name = "VAR", group = "proof")]
    pub(crate) registry_token_env: Option<String>,

    /// The Ed25519 key that the domain publishes; else the one that signs
    #[arg(long = "login-key", id = "login-key", value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
}

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
    /// Hand a signed approval, revocation or rotation to a registry, which appends it
    Submit(Submit),
}

/// `countersign log submit`
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The statement in its envelope, as `sign` and `key` write it
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The registry
    #[arg(long, value_name = "URL", env = env::REGISTRY)]
    pub(crate) registry: String,

    /// The public half of a key that signed, where the registry does not know it yet
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,

    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
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

    /// Where a proof is kept if the log is caught lying; `countersign verify` checks it
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) evidence: PathBuf,
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
