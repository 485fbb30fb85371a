//! What a configuration has to be.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use http::HeaderName;
use policy::{Policies, Source};
use serde_json::Value;
use url::{Host, Url};

use super::asked::Asked;
use super::domains;
use super::raw::{self, Raw};
use super::{Config, ConfigError, EdgesFile, Lifetimes, Trusted, files};
use crate::edge::Edges;
use crate::exchange::engine::Engine;
use crate::exchange::{Client, Names};
use crate::limits;
use crate::net::{KeysError, Pinned};
use crate::resource::{CertificateForm, Terminator};
use crate::sts::keys::Keys;
use crate::token::{Issuer, Key, KeyError, KeySet, Nonces, Secret, Signer};

type Checked<T> = Result<T, ConfigError>;

/// Checks the whole.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn check(raw: Raw, folder: &Path, text: &str) -> Checked<Config> {
    let issuer = own_issuer(&raw.issuer)?;
    let keys = keys(&raw.keys, folder).map_err(|error| error.at("keys"))?;
    let trusted = trusted(&raw.trusted, &issuer, &raw.exceptions, folder)?;
    let mut described = Vec::new();
    let clients = clients(&raw, folder, &mut described)?;
    let mut edges_file = EdgesFile::new(folder.join(&raw.edges), &issuer, &clients);
    let edges = edges_file.read().map_err(|error| error.at("edges"))?;
    let known: BTreeSet<String> = trusted.iter().map(|one| one.issuer.iss.clone()).collect();
    let mut others = domains::check(&raw, folder, &edges, &known)?;
    others.pinned.extend(described);
    edges_file.has_to_serve(others.asserters.iter().flat_map(|one| one.resources.iter().cloned()));
    let names = names(&raw, &known, folder)?;
    let nonces = files::shared_key(&folder.join(&raw.nonce_key)).map(Nonces::new);
    let terminator = raw.terminator.as_ref().map(terminator).transpose();
    let policy = policy(raw.policy.as_deref(), folder, &edges, &issuer);
    let policy = policy.map_err(|error| error.at("policy"))?;
    let authzen_key = raw.authzen_key.as_ref().map(|path| shared_word(&folder.join(path)));
    let ended_key = raw.ended_key.as_ref().map(|path| shared_word(&folder.join(path)));
    Ok(Config {
        issuer,
        keys,
        trusted,
        edges,
        edges_file,
        clients,
        grants: grants(&raw.grants, folder)?,
        names,
        records: folder.join(&raw.records),
        needs_nonce: raw.needs_nonce,
        nonces: nonces.map_err(|error| error.at("nonce_key"))?,
        lifetimes: lifetimes(&raw.lifetimes)?,
        others,
        exceptions: raw.exceptions,
        policy,
        terminator: terminator.map_err(|error| error.at("terminator"))?,
        authzen_key: authzen_key.transpose().map_err(|error| error.at("authzen_key"))?,
        ended_key: ended_key.transpose().map_err(|error| error.at("ended_key"))?,
        digest: surface::Digest::of_bytes(text.as_bytes()).to_string(),
    })
}

pub(super) fn own_issuer(issuer: &str) -> Checked<String> {
    let url = issuer_url(issuer).map_err(|error| error.at("issuer"))?;
    let plain = url.as_str().trim_end_matches('/');
    if plain == issuer {
        return Ok(issuer.to_owned());
    }
    let what = "endpoints are made of it, so it is written in its one form";
    Err(ConfigError::new("issuer", what, format!("write \"{plain}\"")))
}

/// An issuer: `https`, or `http` on this machine (RFC 8414 §2).
pub(super) fn issuer_url(issuer: &str) -> Checked<Url> {
    let refused = |what: &str, fix: &str| Err(ConfigError::new("", what, fix));
    let Ok(url) = Url::parse(issuer) else {
        return refused("it is no URL", "write a URL such as \"https://sts.example\"");
    };
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return refused("an issuer has no query, fragment or user", "drop them");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => refused("http is accepted on loopback alone", "use https"),
        _ => refused("it is no https URL", "use https"),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn keys(raw: &raw::Keys, folder: &Path) -> Checked<Keys> {
    let signer = |path: &Path, place: &str| -> Checked<Signer> {
        let path = folder.join(path);
        let pem = files::private(&path).map_err(|error| error.at(place))?;
        Signer::from_pem(&pem).map_err(|error| {
            let what = format!("{}: {error}", path.display());
            ConfigError::new(place, what, "ES256 or Ed25519, as PKCS #8 in PEM")
        })
    };
    let current = signer(&raw.current, "current")?;
    let next = raw.next.as_deref().map(|path| signer(path, "next")).transpose()?;
    if raw.retired.len() > limits::RETIRED_KEYS_MAX {
        let what = format!("more than {} keys", limits::RETIRED_KEYS_MAX);
        return Err(ConfigError::new("retired", what, "drop those whose tokens are over"));
    }
    let mut retired = Vec::new();
    for (index, path) in raw.retired.iter().enumerate() {
        let place = format!("retired[{}]", index + 1);
        let jwk = files::object(&folder.join(path)).map_err(|error| error.at(&place))?;
        let key = Key::parse(&Value::Object(jwk)).map_err(|error| {
            ConfigError::new(&place, error.to_string(), "name a file with one public JWK")
        })?;
        retired.push(key);
    }
    Keys::new(current, next, retired).map_err(|twice| {
        let what = format!("the key `{twice}` is there twice");
        ConfigError::new("", what, "a key is current, next or retired")
    })
}

pub(super) fn trusted(
    raw: &[raw::Trusted],
    own: &str,
    exceptions: &[SocketAddr],
    folder: &Path,
) -> Checked<Vec<Trusted>> {
    if raw.len() > limits::TRUSTED_MAX {
        let what = format!("more than {} issuers", limits::TRUSTED_MAX);
        return Err(ConfigError::new("trusted", what, "run a service for each domain"));
    }
    let mut seen = BTreeSet::from([own.to_owned()]);
    let mut trusted = Vec::new();
    for (index, issuer) in raw.iter().enumerate() {
        let place = format!("trusted[{}]", index + 1);
        issuer_url(&issuer.issuer).map_err(|error| error.at("issuer").at(&place))?;
        if !seen.insert(issuer.issuer.clone()) {
            let fix = "name each issuer once; this service trusts its own tokens by itself";
            return Err(ConfigError::new(place, "this issuer is there already", fix));
        }
        trusted.push(one_trusted(issuer, exceptions, folder).map_err(|error| error.at(&place))?);
    }
    if let Some(at) = trusted.iter().rposition(|one| one.asked.is_some())
        && trusted.iter().take(at).any(|one| one.asked.is_some())
    {
        let what = "two issuers have opaque tokens: nobody can tell whose one is";
        let place = format!("trusted[{}], introspection", at + 1);
        return Err(ConfigError::new(place, what, "ask one; let the others issue JWTs"));
    }
    Ok(trusted)
}

pub(super) fn one_trusted(
    raw: &raw::Trusted,
    exceptions: &[SocketAddr],
    folder: &Path,
) -> Checked<Trusted> {
    let asked = Asked::of(raw, exceptions, folder)?;
    let is_opaque_only = asked.is_some() && raw.jwks.is_none() && raw.jwks_url.is_none();
    let pinned = if is_opaque_only {
        Pinned::by_file(KeySet::default())
    } else {
        pinned(raw.jwks.as_deref(), raw.jwks_url.as_deref(), exceptions, folder)?
    };
    if raw.client_claims.is_empty() || !matches!(raw.scope_claim.as_str(), "scope" | "scp") {
        let what = "`scope_claim` is \"scope\" or \"scp\", and `client_claims` names one at least";
        return Err(ConfigError::new("", what, "leave them out, or see the provider's profile"));
    }
    let issuer = Issuer {
        iss: raw.issuer.clone(),
        keys: Arc::clone(&pinned.keys),
        typ: raw.typ.into(),
        scope_claim: raw.scope_claim.clone(),
        client_claims: raw.client_claims.clone(),
        is_own: false,
    };
    Ok(Trusted { issuer, pinned, asked })
}

/// Keys that a file pins, or the URL where they are fetched.
pub(super) fn pinned(
    file: Option<&Path>,
    url: Option<&str>,
    exceptions: &[SocketAddr],
    folder: &Path,
) -> Checked<Pinned> {
    match (file, url) {
        (Some(file), None) => {
            let keys = key_set(&folder.join(file)).map_err(|error| error.at("jwks"))?;
            Ok(Pinned::by_file(keys))
        }
        (None, Some(url)) => {
            let url = fetched(url, exceptions).map_err(|error| error.at("jwks_url"))?;
            Ok(Pinned::by_url(url))
        }
        _ => {
            let what = "its keys come from a file or from a URL";
            Err(ConfigError::new("", what, "name one of `jwks` and `jwks_url`"))
        }
    }
}

/// A URL that is asked: `https`, or an address that the operator vouches for.
pub(super) fn fetched(text: &str, exceptions: &[SocketAddr]) -> Checked<Url> {
    let Ok(url) = Url::parse(text) else {
        return Err(ConfigError::new("", "it is no URL", "write a URL"));
    };
    let address = url.socket_addrs(|| None).ok().and_then(|addresses| addresses.first().copied());
    let is_vouched = matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)))
        && address.is_some_and(|address| exceptions.contains(&address));
    if url.scheme() == "https" || (url.scheme() == "http" && is_vouched) {
        return Ok(url);
    }
    let what = "it is not https, nor at an address of `exceptions`";
    Err(ConfigError::new("", what, "use https"))
}

pub(super) fn key_set(path: &Path) -> Checked<KeySet> {
    let text = files::text(path, limits::CONFIG_FILE_BYTES_MAX)?;
    some_keys(KeySet::parse(text.as_bytes()), &path.display().to_string())
}

fn some_keys(keys: Result<KeySet, KeyError>, name: &str) -> Checked<KeySet> {
    let fix = "write a JWKS of public keys for signatures";
    match keys {
        Ok(keys) if keys.0.is_empty() => {
            Err(ConfigError::new("", format!("{name} has no key for signatures"), fix))
        }
        Ok(keys) => Ok(keys),
        Err(error) => Err(ConfigError::new("", format!("{name}: {error}"), fix)),
    }
}

/// Who may ask; `fetched` gets the documents that are fetched of them.
fn clients(raw: &Raw, folder: &Path, fetched: &mut Vec<(String, Pinned)>) -> Checked<Vec<Client>> {
    if raw.client.len() > limits::CLIENTS_MAX {
        let what = format!("more than {} clients", limits::CLIENTS_MAX);
        return Err(ConfigError::new("client", what, "run a service for each domain"));
    }
    let mut seen = BTreeSet::new();
    let mut clients = Vec::new();
    for (index, client) in raw.client.iter().enumerate() {
        let place = format!("client[{}]", index + 1);
        let client = one_client(client, &raw.exceptions, folder, fetched)
            .map_err(|error| error.at(&place))?;
        if client.id.is_empty() || client.id.len() > limits::NAME_BYTES_MAX {
            let what = format!("a client's name has 1 to {} bytes", limits::NAME_BYTES_MAX);
            return Err(ConfigError::new(place, what, "shorten it"));
        }
        if !seen.insert(client.id.clone()) {
            let what = format!("the client `{}` is there already", client.id);
            return Err(ConfigError::new(place, what, "name each client once"));
        }
        clients.push(client);
    }
    Ok(clients)
}

fn one_client(
    raw: &raw::Client,
    exceptions: &[SocketAddr],
    folder: &Path,
    fetched: &mut Vec<(String, Pinned)>,
) -> Checked<Client> {
    match (&raw.id, &raw.jwks, &raw.document, &raw.document_url) {
        (Some(id), Some(jwks), None, None) => {
            let keys = key_set(&folder.join(jwks)).map_err(|error| error.at("jwks"))?;
            Ok(Client::new(id, keys))
        }
        (None, None, Some(path), None) => {
            described(&folder.join(path)).map_err(|error| error.at("document"))
        }
        (None, None, None, Some(id)) => {
            let url = document_url(id, exceptions).map_err(|error| error.at("document_url"))?;
            let pinned = Pinned::by_document(url, |url, bytes| {
                let keys = Client::keys_of_document(url.as_str(), bytes);
                keys.map_err(|error| KeysError::Document(error.to_string()))
            });
            fetched.push((id.clone(), pinned.clone()));
            Ok(Client::at(id, pinned.keys))
        }
        _ => {
            let what = "a client is `id` with `jwks`, or a `document`, or a `document_url`";
            Err(ConfigError::new("", what, "name one; a document has the name and the keys"))
        }
    }
}

/// Where a client's metadata document is: its `client_id`, compared byte for byte.
fn document_url(id: &str, exceptions: &[SocketAddr]) -> Checked<Url> {
    let url = fetched(id, exceptions)?;
    if url.path() == "/" || url.query().is_some() || url.fragment().is_some() {
        let what = "a `client_id` that is a document has a path, no query and no fragment";
        return Err(ConfigError::new("", what, "write the document's URL"));
    }
    if url.as_str() != id {
        let what = "it is compared byte for byte, so it is written in its one form";
        return Err(ConfigError::new("", what, format!("write \"{url}\"")));
    }
    Ok(url)
}

/// A client by its metadata document (`draft-ietf-oauth-client-id-metadata-document`): a URL that
/// names itself, keys, and no shared secret.
fn described(path: &Path) -> Checked<Client> {
    let document = files::object(path)?;
    let refused = |what: &str, fix: &str| Err(ConfigError::new("", what, fix));
    let Some(id) = document.get("client_id").and_then(Value::as_str) else {
        return refused("it has no `client_id`", "write the document's own URL as `client_id`");
    };
    match Url::parse(id) {
        Ok(url) if url.path() != "/" => {
            issuer_url(id).map_err(|error| error.at("client_id"))?;
        }
        _ => return refused("its `client_id` is no URL with a path", "write the document's URL"),
    }
    let bytes = Value::Object(document.clone()).to_string();
    Client::from_document(id, bytes.as_bytes()).map_err(|error| {
        let fix = "clients are confidential here, and by keys: no secret, no `none`";
        ConfigError::new("", error.to_string(), fix)
    })
}

/// The policies of a file, or those that are built in, over the edges.
fn policy(file: Option<&Path>, folder: &Path, edges: &Edges, issuer: &str) -> Checked<Engine> {
    let policies = match file {
        None => Policies::built_in().map_err(|error| unfit("the built-in policies", &error))?,
        Some(file) => policies(&folder.join(file))?,
    };
    Engine::new(policies, edges, issuer).map_err(|error| unfit("the edges", &error))
}

/// The policies of a file.
pub(super) fn policies(path: &Path) -> Checked<Policies> {
    let text = files::text(path, limits::CONFIG_FILE_BYTES_MAX)?;
    let name = path.display().to_string();
    let sources = [Source { name: &name, text: &text }];
    Policies::parse(&sources).map_err(|error| unfit(&name, &error))
}

fn unfit(name: &str, error: &dyn std::error::Error) -> ConfigError {
    ConfigError::new("", format!("{name}: {error}"), "`countersign policy check` says more")
}

/// Who terminates TLS.
pub(super) fn terminator(raw: &raw::Terminator) -> Checked<Terminator> {
    if raw.peers.is_empty() || raw.peers.iter().any(IpAddr::is_unspecified) {
        let what = "nobody, or everybody, could tell certificates";
        return Err(ConfigError::new("peers", what, "name the addresses of the terminator"));
    }
    let header = HeaderName::try_from(raw.header.as_str()).map_err(|_| {
        ConfigError::new("header", "it is no name of a header", "leave it out for \"Client-Cert\"")
    })?;
    if matches!(header.as_str(), "authorization" | "dpop" | "cookie" | "host" | "content-type") {
        return Err(ConfigError::new("header", "it is another's", "such as \"Client-Cert\""));
    }
    let form = match raw.form {
        raw::CertificateForm::Rfc9440 => CertificateForm::Rfc9440,
        raw::CertificateForm::Pem => CertificateForm::Pem,
    };
    Ok(Terminator { peers: raw.peers.iter().map(IpAddr::to_canonical).collect(), header, form })
}

/// A key that others send: one line, for the owner alone.
pub(super) fn shared_word(path: &Path) -> Checked<Secret> {
    let text = files::private(path)?;
    let key = text.trim();
    let min = limits::AUTHZEN_KEY_CHARS_MIN;
    if key.len() < min || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = format!("the key is shorter than {min} characters, or no single word");
        return Err(ConfigError::new("", what, "head -c 32 /dev/urandom | base64 > FILE"));
    }
    Ok(key.into())
}

/// Whose subjects keep their names: the issuer that is named, or the only one that there is.
fn names(raw: &Raw, known: &BTreeSet<String>, folder: &Path) -> Checked<Names> {
    let key = files::shared_key(&folder.join(&raw.subject_key));
    let key = key.map_err(|error| error.at("subject_key"))?;
    if let Some(stranger) = raw.home.as_ref().filter(|home| !known.contains(*home)) {
        let what = format!("`{stranger}` is no issuer that this service trusts");
        return Err(ConfigError::new("home", what, "name an issuer of a `[[trusted]]`"));
    }
    let only = known.first().filter(|_| known.len() == 1);
    Ok(Names::new(raw.home.as_ref().or(only).cloned(), key))
}

fn grants(text: &str, folder: &Path) -> Checked<String> {
    if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
        return Ok(format!("sqlite:{}", folder.join(path).display()));
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => {
            if url.password().is_some() {
                let fix = "put it into PGPASSWORD or a password file";
                return Err(ConfigError::new("grants", "a password stands in the URL", fix));
            }
            Ok(text.to_owned())
        }
        _ => {
            let fix = "write \"sqlite:FILE\" or \"postgres://HOST/NAME\"";
            Err(ConfigError::new("grants", "it names no database", fix))
        }
    }
}

fn lifetimes(raw: &raw::Lifetimes) -> Checked<Lifetimes> {
    let shortest = limits::LIFE_LEFT_S_MIN + 1;
    if !(shortest..=limits::HOP_TOKEN_LIFE_S).contains(&raw.token_s) {
        let what = format!("a hop token lives {shortest} to {} s", limits::HOP_TOKEN_LIFE_S);
        return Err(ConfigError::new("lifetimes.token_s", what, "leave it out for the longest"));
    }
    if raw.depth_max > limits::DEPTH_MAX {
        let what = format!("a chain has {} actors at most", limits::DEPTH_MAX);
        return Err(ConfigError::new("lifetimes.depth_max", what, "3 is the default"));
    }
    Ok(Lifetimes { token_s: raw.token_s, depth_max: raw.depth_max })
}
