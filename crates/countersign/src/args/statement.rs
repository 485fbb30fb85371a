//! Arguments of the commands about keys and statements.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use seal::KeyId;
use surface::Digest;

/// `countersign key`
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key file
    New(KeyNew),
    /// Show the public half of a key, and the verifier keys that it makes
    Show(KeyShow),
    /// Say that another key speaks in place of this one: a statement that both sign
    Rotate(KeyRotate),
    /// Say that a key no longer counts: a statement of the key itself, of its successor, or of a
    /// registry
    Revoke(KeyRevoke),
}

/// `countersign key new`
#[derive(Debug, Args)]
pub(crate) struct KeyNew {
    /// The key file to write: PEM, for its owner alone
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// What the key signs with
    #[arg(long, value_enum, default_value = "ed25519")]
    pub(crate) algorithm: Algorithm,

    /// Encrypt the file with a passphrase, asked for unless it is given
    #[arg(long)]
    pub(crate) encrypt: bool,

    #[command(flatten)]
    pub(crate) passphrase: Passphrase,

    /// Print the key's identifier and its public half as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a key signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    /// Small and everywhere
    Ed25519,
    /// ECDSA over P-256, as hardware and Sigstore have it
    P256,
    /// Post-quantum
    #[value(name = "ml-dsa-44")]
    MlDsa44,
}

impl From<Algorithm> for seal::key::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Ed25519 => Self::Ed25519,
            Algorithm::P256 => Self::P256,
            Algorithm::MlDsa44 => Self::MlDsa44,
        }
    }
}

/// Where the passphrase of a key file comes from: never from the command line, which everybody on
/// the machine can read.
#[derive(Debug, Args)]
pub(crate) struct Passphrase {
    /// The environment variable that holds the passphrase of the key file
    #[arg(long = "passphrase-env", value_name = "VAR", conflicts_with = "passphrase_file")]
    pub(crate) passphrase_variable: Option<String>,

    /// The file whose first line is the passphrase of the key file
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Who signs.
#[derive(Debug, Args)]
pub(crate) struct Signers {
    /// The key file that signs; given twice, both keys sign
    #[arg(long = "key", value_name = "FILE", required = true)]
    pub(crate) keys: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) passphrase: Passphrase,
}

/// What every statement says beside its predicate.
#[derive(Debug, Args)]
pub(crate) struct Said {
    /// The index of the newest statement about the server that is known
    #[arg(long, value_name = "INDEX")]
    pub(crate) previous: Option<u64>,

    /// Where the statement goes [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// `countersign key show`
#[derive(Debug, Args)]
pub(crate) struct KeyShow {
    /// A public key or a key file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) passphrase: Passphrase,

    /// Show the verifier keys of a log or witness of this name too
    #[arg(long, value_name = "NAME")]
    pub(crate) note: Option<String>,

    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `countersign key rotate`
#[derive(Debug, Args)]
pub(crate) struct KeyRotate {
    /// The server whose publisher rotates; the rotation counts wherever the key does
    #[arg(long, value_name = "NAME")]
    pub(crate) server: String,

    /// The old key file
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,

    /// The new key file
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,

    #[command(flatten)]
    pub(crate) passphrase: Passphrase,
    #[command(flatten)]
    pub(crate) said: Said,
}

/// `countersign key revoke`
#[derive(Debug, Args)]
pub(crate) struct KeyRevoke {
    /// The server whose publisher's key it is; the revocation counts wherever the key does
    #[arg(long, value_name = "NAME")]
    pub(crate) server: String,

    /// The identifier of the key to revoke, `sha256:…` [default: that of the first `--key`]
    #[arg(long, value_name = "KEYID")]
    pub(crate) of: Option<KeyId>,

    /// The log index from which on nothing that the key signed counts
    #[arg(long, value_name = "INDEX")]
    pub(crate) since: u64,

    /// Why, in a sentence
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    #[command(flatten)]
    pub(crate) signers: Signers,
    #[command(flatten)]
    pub(crate) said: Said,
}

/// `countersign sign`
#[derive(Debug, Args)]
pub(crate) struct Sign {
    #[command(subcommand)]
    pub(crate) what: What,
}

/// What is signed.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Fix a version of a server: its entry, and what it shows
    Declaration(Declaration),
    /// Accept a surface, or release what a registry held
    Approval(Approval),
    /// Take back a version or a surface
    Revocation(Revocation),
    /// Sign a statement as it is written in a file
    Statement(Written),
}

/// `countersign sign declaration`
#[derive(Debug, Args)]
pub(crate) struct Declaration {
    /// The server's `server.json`
    #[arg(value_name = "SERVER.JSON")]
    pub(crate) entry: PathBuf,

    /// What the server shows: a file that `surface --json` printed
    #[arg(long, value_name = "FILE")]
    pub(crate) surface: Option<PathBuf>,

    /// The protocol version that was spoken when the surface was captured
    #[arg(long, value_name = "VERSION", requires = "surface")]
    pub(crate) protocol_version: Option<String>,

    /// The digest of an artefact, such as `npm:@acme/files@1.4.0=sha512:…`
    #[arg(long = "artefact", value_name = "PACKAGE=DIGEST")]
    pub(crate) artefacts: Vec<String>,

    #[command(flatten)]
    pub(crate) signers: Signers,
    #[command(flatten)]
    pub(crate) said: Said,
}

/// `countersign sign approval`
#[derive(Debug, Args)]
pub(crate) struct Approval {
    /// The server
    #[arg(long, value_name = "NAME")]
    pub(crate) server: String,

    /// The exact digest of what is approved
    #[arg(long, value_name = "DIGEST")]
    pub(crate) of: Digest,

    /// The index of the countersignature that held it
    #[arg(long, value_name = "INDEX")]
    pub(crate) held: Option<u64>,

    /// Who approves [default: git's user.email, else $USER]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,

    /// Why, in a sentence
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,

    #[command(flatten)]
    pub(crate) signers: Signers,
    #[command(flatten)]
    pub(crate) said: Said,
}

/// `countersign sign revocation`
#[derive(Debug, Args)]
pub(crate) struct Revocation {
    /// The server
    #[arg(long, value_name = "NAME")]
    pub(crate) server: String,

    /// The version that no longer holds
    #[arg(long, value_name = "VERSION", required_unless_present = "surface")]
    pub(crate) version: Option<String>,

    /// The exact digest of the surface that no longer holds, wherever it is declared
    #[arg(long, value_name = "DIGEST", conflicts_with = "version")]
    pub(crate) surface: Option<Digest>,

    /// Why, in a sentence
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,

    #[command(flatten)]
    pub(crate) signers: Signers,
    #[command(flatten)]
    pub(crate) said: Said,
}

/// `countersign sign statement`
#[derive(Debug, Args)]
pub(crate) struct Written {
    /// An in-toto statement with a predicate of ours, in any JSON formatting; `-` for stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) signers: Signers,

    /// Where the envelope goes [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// `countersign verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A statement in its envelope, a bundle, a Sigstore bundle or a PEP 740 attestation; `-` for
    /// stdin; the evidence of
    /// every pin if none is named
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Whom to believe: the trust roots
    #[arg(long, value_name = "FILE", env = crate::env::TRUST)]
    pub(crate) trust: Option<PathBuf>,

    /// A public key to believe, for a statement without trust roots
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,

    /// What the server shows now, or `server.json`: refuse unless it is what was declared
    #[arg(long, value_name = "FILE")]
    pub(crate) surface: Option<PathBuf>,

    /// The time at which to judge freshness, `2026-11-25T12:00:00Z` [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,

    #[command(flatten)]
    pub(crate) sigstore: Sigstore,

    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a Sigstore bundle or a PEP 740 attestation has to say.
#[derive(Debug, Args)]
pub(crate) struct Sigstore {
    /// Who has to have signed: a workflow's URL or an e-mail address, exactly
    #[arg(long, value_name = "URL|EMAIL")]
    pub(crate) identity: Option<String>,

    /// Which issuer of identity tokens has to vouch for them
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,

    /// The artefact that it has to be about
    #[arg(long, value_name = "FILE", conflicts_with = "artefact_digest")]
    pub(crate) artefact: Option<PathBuf>,

    /// The digest of that artefact, such as `sha512:…`
    #[arg(long, value_name = "DIGEST")]
    pub(crate) artefact_digest: Option<String>,

    /// Sigstore's trusted root [default: the public instance's, as of this version]
    #[arg(long, value_name = "FILE")]
    pub(crate) trusted_root: Option<PathBuf>,
}
