//! The configuration of the outbound side: one TOML file, checked whole. `docs/schema/outbound.json` is
//! its schema.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::edge::Edges;
use crate::limits;
use crate::provider::Profile;
use crate::provider::profile::Asked;
use crate::resource::{Resource, check_issuer};
use crate::sts::ConfigError;
use crate::sts::config::files;
use crate::token::{Secret, Signer, scope};

/// How a guard gets tokens for the server behind it.
#[derive(Debug)]
pub struct Config {
    /// The server, as tokens name it.
    pub resource: Resource,
    /// For who calls; without it every call is made as the guard itself.
    pub caller: Option<Way>,
    /// For what the guard asks by itself, and for calls without `caller`.
    pub service: Option<Way>,
    /// What the caller's scopes give at the server.
    pub map: Option<Map>,
    /// Addresses that may be asked though they are private.
    pub exceptions: Vec<SocketAddr>,
    /// Whether all of this machine may be asked.
    pub allows_loopback: bool,
}

/// One way to a token.
#[derive(Debug)]
pub struct Way {
    /// Which.
    pub route: Route,
    /// Who issues it; without one, whoever the server names (signing in alone).
    pub issuer: Option<String>,
    /// What is different there.
    pub profile: Profile,
    /// Whether the issuer is our own token service, which takes relayed proofs.
    pub is_own: bool,
    /// What is asked for; nothing: what the server asks for.
    pub scopes: BTreeSet<String>,
    /// Whether tokens are bound to our key.
    pub dpop: Dpop,
    /// Who we are there.
    pub client: Client,
    /// Whose authority is exchanged, where it is not the caller's.
    pub subject: Option<Subject>,
    /// Who makes assertions (ID-JAG), and who we are there.
    pub idp: Option<(String, Client)>,
    /// Whether a server of 2025-03-26 without metadata is its own authorization server.
    pub allows_2025_03: bool,
    /// The port of this machine that a sign-in ends at; 0: any.
    pub redirect_port: u16,
    /// What the scopes of Entra stand under.
    pub app_id_uri: Option<String>,
}

/// How a token is got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// RFC 8693, or the provider's own form of it.
    Exchange,
    /// An assertion of one issuer, shown to another.
    IdJag,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 7523 §2.1: a JWT of the platform that we run on.
    JwtBearer,
    /// A person signs in (RFC 6749 §4.1, PKCE).
    SignIn,
}

/// Whether tokens are bound to our key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dpop {
    /// Where the issuer offers it.
    #[default]
    Auto,
    /// Always.
    Required,
    /// Never.
    Never,
}

/// Who we are at an issuer.
#[derive(Default)]
pub struct Client {
    /// The identifier; a URL is a metadata document (CIMD).
    pub id: Option<String>,
    /// A private key (RFC 7523 §2.2).
    pub key: Option<Signer>,
    /// A secret.
    pub secret: Option<Secret>,
    /// The URL of our metadata document, used where the issuer takes one.
    pub document: Option<String>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A token in a file, read each time: whoever writes it replaces it.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Where.
    pub path: PathBuf,
    /// What (RFC 8693 §3).
    pub token_type: &'static str,
}

/// What the caller's scopes give at the server: an edge.
#[derive(Debug)]
pub struct Map {
    /// The file.
    pub edges: Edges,
    /// The server that clients call: this guard's own resource.
    pub from: Resource,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    resource: String,
    caller: Option<RawWay>,
    service: Option<RawWay>,
    edges: Option<PathBuf>,
    from: Option<String>,
    #[serde(default)]
    exceptions: Vec<SocketAddr>,
    #[serde(default)]
    loopback: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWay {
    route: Route,
    issuer: Option<String>,
    profile: Option<String>,
    #[serde(default)]
    own: bool,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    dpop: Dpop,
    client: Option<RawClient>,
    subject: Option<PathBuf>,
    subject_type: Option<SubjectType>,
    idp: Option<RawIdp>,
    #[serde(default)]
    allow_2025_03: bool,
    #[serde(default)]
    redirect_port: u16,
    app_id_uri: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClient {
    id: Option<String>,
    key: Option<PathBuf>,
    secret: Option<PathBuf>,
    document: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIdp {
    issuer: String,
    client: Option<RawClient>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SubjectType {
    #[default]
    AccessToken,
    IdToken,
    Jwt,
}

impl Config {
    /// Reads and checks the configuration. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and the fix.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let text = files::text(path, limits::CONFIG_BYTES_MAX);
        let read = text.and_then(|text| Self::parse(&text, folder));
        read.map_err(|error| error.at(path.display()))
    }

    pub(super) fn parse(text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let raw: Raw = toml::from_str(text).map_err(|error| {
            ConfigError::new("", error.message().to_owned(), "see docs/guide/outbound.md")
        })?;
        let resource = Resource::parse(&raw.resource).map_err(|error| {
            ConfigError::new("resource", error.to_string(), "write the next server's public URI")
        })?;
        if raw.caller.is_none() && raw.service.is_none() {
            let fix = "add [caller] for who calls, or [service] for the guard itself";
            return Err(ConfigError::new("", "there is no way to a token", fix));
        }
        let caller = raw.caller.map(|raw| Way::read(raw, folder, true)).transpose();
        let caller = caller.map_err(|error| error.at("caller"))?;
        let service = raw.service.map(|raw| Way::read(raw, folder, false)).transpose();
        let service = service.map_err(|error| error.at("service"))?;
        let map = map(raw.edges.as_deref(), raw.from.as_deref(), &resource, folder)?;
        let (exceptions, allows_loopback) = (raw.exceptions, raw.loopback);
        Ok(Self { resource, caller, service, map, exceptions, allows_loopback })
    }
}

fn map(
    edges: Option<&Path>,
    from: Option<&str>,
    to: &Resource,
    folder: &Path,
) -> Result<Option<Map>, ConfigError> {
    let (Some(path), Some(from)) = (edges, from) else {
        if edges.is_none() && from.is_none() {
            return Ok(None);
        }
        let fix = "write both, or neither";
        return Err(ConfigError::new("edges", "`edges` and `from` belong together", fix));
    };
    let from = Resource::parse(from).map_err(|error| {
        ConfigError::new("from", error.to_string(), "write this guard's own resource")
    })?;
    let text = files::text(&folder.join(path), limits::EDGE_FILE_BYTES_MAX as u64);
    let edges = Edges::parse(text.map_err(|error| error.at("edges"))?.as_bytes());
    let edges = edges.map_err(|error| {
        ConfigError::new("edges", error.to_string(), "see docs/guide/multi-hop.md")
    })?;
    if edges.edge(&from, to).is_none() {
        let what = format!("there is no edge from {from} to {to}");
        return Err(ConfigError::new("edges", what, "declare it, or leave `edges` out"));
    }
    Ok(Some(Map { edges, from }))
}

impl Way {
    fn read(raw: RawWay, folder: &Path, is_caller: bool) -> Result<Self, ConfigError> {
        let wrong = |place: &str, what: &str, fix: &str| Err(ConfigError::new(place, what, fix));
        let route = raw.route;
        let is_exchange = matches!(route, Route::Exchange | Route::IdJag);
        if is_caller && !is_exchange {
            let fix = "use `exchange` or `id-jag`, or move it to [service]";
            return wrong("route", "it says nothing of who calls", fix);
        }
        let needs_subject = route == Route::JwtBearer || is_exchange && !is_caller;
        if needs_subject != raw.subject.is_some() {
            let fix =
                "name a file in `subject` where no caller's token is exchanged, and only there";
            return wrong("subject", "it is missing, or for nothing", fix);
        }
        if raw.own && !(route == Route::Exchange || route == Route::IdJag) {
            return wrong("own", "our own token service only exchanges", "use `exchange`");
        }
        if (route == Route::IdJag) != raw.idp.is_some() {
            let fix = "name who makes assertions in [….idp], for `id-jag` alone";
            return wrong("idp", "it is missing, or for nothing", fix);
        }
        let scopes = scope::collect(raw.scopes.iter().map(String::as_str));
        let Some(scopes) = scopes else {
            return wrong("scopes", "an entry is no scope", "one word each, without spaces");
        };
        let client = client(raw.client.unwrap_or_default(), folder).map_err(|e| e.at("client"))?;
        let profile = profile(raw.profile.as_deref(), raw.issuer.as_deref())?;
        check_client(route, raw.issuer.as_deref(), &client)?;
        if profile.resource == Asked::AppIdUri && raw.app_id_uri.is_none() {
            let fix = "write the server's App ID URI";
            return wrong("app_id_uri", "this provider needs it", fix);
        }
        let subject = raw.subject.map(|path| Subject {
            path: folder.join(path),
            token_type: match raw.subject_type.unwrap_or_default() {
                SubjectType::AccessToken => ACCESS_TOKEN,
                SubjectType::IdToken => "urn:ietf:params:oauth:token-type:id_token",
                SubjectType::Jwt => "urn:ietf:params:oauth:token-type:jwt",
            },
        });
        let idp = raw.idp.map(|raw| idp(raw, folder)).transpose().map_err(|e| e.at("idp"))?;
        Ok(Self {
            route,
            issuer: raw.issuer,
            profile,
            is_own: raw.own,
            scopes,
            dpop: raw.dpop,
            client,
            subject,
            idp,
            allows_2025_03: raw.allow_2025_03,
            redirect_port: raw.redirect_port,
            app_id_uri: raw.app_id_uri,
        })
    }
}

/// INVARIANT: what proves us goes to the issuer that it was configured for, never to one that a server
/// names (threat T12).
fn check_client(route: Route, issuer: Option<&str>, client: &Client) -> Result<(), ConfigError> {
    match issuer {
        Some(issuer) => check_issuer(issuer).map_err(|error| {
            ConfigError::new("issuer", error.to_string(), "write it as its metadata does")
        })?,
        None if route != Route::SignIn || client.id.is_some() => {
            let what = "who issues tokens is not said";
            return Err(ConfigError::new(
                "issuer",
                what,
                "write the issuer: a client is known at one",
            ));
        }
        None => {}
    }
    if client.id.is_none() && (client.key.is_some() || client.secret.is_some()) {
        return Err(ConfigError::new(
            "client, id",
            "it is missing",
            "write the client's identifier",
        ));
    }
    if client.id.is_none() && route != Route::SignIn {
        return Err(ConfigError::new(
            "client, id",
            "it is missing",
            "register at the issuer first",
        ));
    }
    Ok(())
}

fn profile(id: Option<&str>, issuer: Option<&str>) -> Result<Profile, ConfigError> {
    let found = match (id, issuer) {
        (Some(id), _) => Profile::named(id),
        (None, Some(issuer)) => Profile::of(issuer),
        (None, None) => Profile::named("generic"),
    };
    found.map_err(|error| {
        ConfigError::new("profile", error.to_string(), "see docs/guide/outbound.md for the list")
    })
}

fn client(raw: RawClient, folder: &Path) -> Result<Client, ConfigError> {
    let key = raw.key.map(|path| {
        let pem = files::private(&folder.join(path))?;
        Signer::from_pem(&pem).map_err(|error| {
            ConfigError::new("", error.to_string(), "make one: countersign key new")
        })
    });
    let key = key.transpose().map_err(|error| error.at("key"))?;
    let secret = raw.secret.map(|path| files::private(&folder.join(path))).transpose();
    let secret = secret.map_err(|error| error.at("secret"))?;
    let secret = secret.map(|text| Secret::from(text.trim()));
    if key.is_some() && secret.is_some() {
        return Err(ConfigError::new("", "a key and a secret", "keep the key"));
    }
    if raw.document.as_ref().is_some_and(|url| !url.starts_with("https://")) {
        return Err(ConfigError::new("document", "it is no https URL", "publish it over https"));
    }
    Ok(Client { id: raw.id, key, secret, document: raw.document })
}

fn idp(raw: RawIdp, folder: &Path) -> Result<(String, Client), ConfigError> {
    check_issuer(&raw.issuer).map_err(|error| {
        ConfigError::new("issuer", error.to_string(), "write it as its metadata does")
    })?;
    let client = client(raw.client.unwrap_or_default(), folder).map_err(|e| e.at("client"))?;
    if client.id.is_none() {
        return Err(ConfigError::new("client, id", "it is missing", "register there first"));
    }
    Ok((raw.issuer, client))
}

/// RFC 8693 §3.
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
