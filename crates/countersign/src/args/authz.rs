//! Arguments of the commands about authorization across hops.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

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

/// `countersign auth`
#[derive(Debug, Subcommand)]
pub(crate) enum Auth {
    /// Find out what is wrong with a protected server and the issuers that it names
    Doctor(Doctor),

    /// Attack a protected server of mine with tokens and proofs that it has to refuse
    Attack(Attack),
}

/// `countersign auth attack`
#[derive(Debug, Args)]
pub(crate) struct Attack {
    /// The MCP endpoint, as clients use it
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The private key of an issuer that the server trusts for this, PEM: each token is right in all but one
    /// thing
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// Make the key, print its JWKS for the server to trust, and attack nobody
    #[arg(long, conflicts_with = "issuer")]
    pub(crate) init: bool,

    /// The issuer that the server trusts with the key
    #[arg(long, value_name = "URL", required_unless_present = "init")]
    pub(crate) issuer: Option<String>,

    /// The audience that the server expects, where it is not its URL
    #[arg(long, value_name = "AUD")]
    pub(crate) expect_audience: Option<String>,

    /// A scope that the server wants; may be given more than once
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,

    /// An address, such as 127.0.0.1:9000, that may be asked though it is private or without TLS
    #[arg(long = "allow", value_name = "ADDR")]
    pub(crate) allow: Vec<SocketAddr>,

    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `countersign auth doctor`
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The MCP endpoint, as clients use it; with `--issuer` the issuer of an authorization server
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Examine an authorization server alone
    #[arg(long, conflicts_with_all = ["own", "client_id"])]
    pub(crate) issuer: bool,

    /// The server is mine: also attack it with tokens that it has to refuse
    #[arg(long)]
    pub(crate) own: bool,

    /// An address, such as 127.0.0.1:9000, that may be asked though it is private or without TLS
    #[arg(long = "allow", value_name = "ADDR")]
    pub(crate) allow: Vec<SocketAddr>,

    /// A client of `--client-issuer` that may ask for tokens by its secret
    #[arg(long, value_name = "ID", requires_all = ["client_issuer", "client_secret_env"])]
    pub(crate) client_id: Option<String>,

    /// The one issuer that the client's secret is for; it is sent to nobody else
    #[arg(long, value_name = "URL", requires = "client_id")]
    pub(crate) client_issuer: Option<String>,

    /// The environment variable that holds the client's secret
    #[arg(long, value_name = "VAR", requires = "client_id")]
    pub(crate) client_secret_env: Option<String>,

    /// A scope to ask tokens for; may be given more than once
    #[arg(long = "scope", value_name = "SCOPE", requires = "client_id")]
    pub(crate) scopes: Vec<String>,

    /// The audience to expect in tokens, where it is not the server's URL
    #[arg(long, value_name = "AUD", requires = "client_id")]
    pub(crate) expect_audience: Option<String>,

    /// Another server that the client may have a token for: the token has to be refused
    #[arg(long, value_name = "URL", requires_all = ["client_id", "own"])]
    pub(crate) foreign: Option<String>,

    /// What the issuer runs, where its URL does not say: okta, keycloak, glewlwyd …
    #[arg(long, value_name = "ID")]
    pub(crate) profile: Option<String>,

    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
