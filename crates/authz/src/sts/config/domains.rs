//! Other domains: whose assertions count, whom assertions are made for, who tells events.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

use url::Url;

use super::raw::{self, Raw};
use super::rules::{fetched, issuer_url, pinned};
use super::{ConfigError, files};
use crate::edge::Edges;
use crate::federation::{Asserter, Domain, Transmitter};
use crate::limits;
use crate::net::Pinned;
use crate::resource::Resource;
use crate::token::Secret;

type Checked<T> = Result<T, ConfigError>;

/// What a service is told of other domains.
#[derive(Debug, Default)]
pub struct Domains {
    /// Whose assertions count.
    pub asserters: Vec<Asserter>,
    /// Whom assertions are made for.
    pub domains: Vec<Domain>,
    /// Who tells events.
    pub transmitters: Vec<Transmitter>,
    /// Where events are polled, by the issuer of the transmitter.
    pub polls: Vec<(String, Poll)>,
    /// The keys of all of them.
    pub pinned: Vec<(String, Pinned)>,
}

/// Where events are polled (RFC 8936).
#[derive(Debug, Clone)]
pub struct Poll {
    /// The endpoint.
    pub url: Url,
    /// The bearer token for it.
    pub token: Option<Secret>,
}

/// Checks them.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn check(
    raw: &Raw,
    folder: &Path,
    edges: &Edges,
    trusted: &BTreeSet<String>,
) -> Checked<Domains> {
    let mut domains = Domains::default();
    let sizes = [raw.accept.len(), raw.domain.len(), raw.transmitter.len()];
    if sizes.into_iter().any(|size| size > limits::DOMAINS_MAX) {
        let what = format!("more than {} other domains", limits::DOMAINS_MAX);
        return Err(ConfigError::new("accept, domain, transmitter", what, "name fewer"));
    }
    let mut speakers = trusted.clone();
    for (index, one) in raw.accept.iter().enumerate() {
        let place = format!("accept[{}]", index + 1);
        accept(one, edges, &raw.exceptions, folder, &mut domains).map_err(|e| e.at(place))?;
        speakers.insert(one.issuer.clone());
    }
    for (index, one) in raw.domain.iter().enumerate() {
        let place = format!("domain[{}]", index + 1);
        let domain = domain(one, folder, raw).map_err(|error| error.at(place))?;
        domains.domains.push(domain);
    }
    for (index, one) in raw.transmitter.iter().enumerate() {
        let place = format!("transmitter[{}]", index + 1);
        transmitter(one, raw, folder, &speakers, &mut domains).map_err(|e| e.at(place))?;
    }
    Ok(domains)
}

fn keys(
    raw: &raw::Keyed,
    exceptions: &[SocketAddr],
    folder: &Path,
    domains: &mut Domains,
) -> Checked<Pinned> {
    issuer_url(&raw.issuer).map_err(|error| error.at("issuer"))?;
    let pinned = pinned(raw.jwks.as_deref(), raw.jwks_url.as_deref(), exceptions, folder)?;
    domains.pinned.push((raw.issuer.clone(), pinned.clone()));
    Ok(pinned)
}

fn accept(
    raw: &raw::Accept,
    edges: &Edges,
    exceptions: &[SocketAddr],
    folder: &Path,
    domains: &mut Domains,
) -> Checked<()> {
    let pinned = keys(&raw.keyed(), exceptions, folder, domains)?;
    if domains.asserters.iter().any(|known| known.iss == raw.issuer) {
        let what = "this issuer is there already";
        return Err(ConfigError::new("issuer", what, "name each issuer once"));
    }
    let mut resources = BTreeSet::new();
    for (index, text) in raw.resources.iter().enumerate() {
        let place = format!("resources[{}]", index + 1);
        let resource = resource(text).map_err(|error| error.at(&place))?;
        if edges.server(&resource).is_none() {
            let what = format!("no server of the edge file is `{resource}`");
            return Err(ConfigError::new(place, what, "list the server in the edge file"));
        }
        resources.insert(resource);
    }
    if resources.is_empty() {
        let fix = "name what its assertions may give access to";
        return Err(ConfigError::new("resources", "there is none", fix));
    }
    domains.asserters.push(Asserter {
        iss: raw.issuer.clone(),
        keys: pinned.keys,
        resources,
        may_return: raw.may_return,
    });
    Ok(())
}

fn domain(raw: &raw::Domain, folder: &Path, all: &Raw) -> Checked<Domain> {
    issuer_url(&raw.issuer).map_err(|error| error.at("issuer"))?;
    let pairwise = files::shared_key(&folder.join(&raw.pairwise_key));
    let pairwise = pairwise.map_err(|error| error.at("pairwise_key"))?;
    let mut resources = BTreeSet::new();
    for (index, text) in raw.resources.iter().enumerate() {
        let place = format!("resources[{}]", index + 1);
        resources.insert(resource(text).map_err(|error| error.at(place))?);
    }
    if resources.is_empty() {
        let fix = "name the servers of that domain that may be reached";
        return Err(ConfigError::new("resources", "there is none", fix));
    }
    let ours = |id: &String| {
        all.client.iter().any(|client| {
            client.id.as_ref() == Some(id) || client.document_url.as_ref() == Some(id)
        })
    };
    if let Some(stranger) = raw.clients.keys().find(|id| !ours(id)) {
        let what = format!("`{stranger}` is no client of this service");
        return Err(ConfigError::new("clients", what, "add a `[[client]]` with this `id`"));
    }
    let clients: BTreeMap<_, _> = raw.clients.clone();
    Ok(Domain::new(raw.issuer.clone(), resources, clients, pairwise))
}

fn transmitter(
    raw: &raw::Transmitter,
    all: &Raw,
    folder: &Path,
    speakers: &BTreeSet<String>,
    domains: &mut Domains,
) -> Checked<()> {
    let pinned = keys(&raw.keyed(), &all.exceptions, folder, domains)?;
    if domains.transmitters.iter().any(|known| known.iss == raw.issuer) {
        let what = "this issuer is there already";
        return Err(ConfigError::new("issuer", what, "name each issuer once"));
    }
    // Nobody's subjects but those that can have grants here: a name that is misspelt ends nothing.
    if let Some(unknown) = raw.subjects.iter().find(|iss| !speakers.contains(*iss)) {
        let what = format!("`{unknown}` is no issuer that this service knows");
        return Err(ConfigError::new(
            "subjects",
            what,
            "add it under `[[trusted]]` or `[[accept]]`",
        ));
    }
    if raw.subjects.is_empty() {
        let fix = "name the issuers of whose subjects it may speak";
        return Err(ConfigError::new("subjects", "there is none", fix));
    }
    if let Some(poll) = &raw.poll {
        let url = fetched(poll, &all.exceptions).map_err(|error| error.at("poll"))?;
        let token = raw.token_file.as_ref().map(|path| files::private(&folder.join(path)));
        let token = token.transpose().map_err(|error| error.at("token_file"))?;
        let token = token.map(|text| Secret::from(text.trim()));
        domains.polls.push((raw.issuer.clone(), Poll { url, token }));
    }
    domains.transmitters.push(Transmitter {
        iss: raw.issuer.clone(),
        keys: pinned.keys,
        audience: raw.audience.clone().unwrap_or_else(|| all.issuer.clone()),
        subjects: raw.subjects.iter().cloned().collect(),
    });
    Ok(())
}

fn resource(text: &str) -> Checked<Resource> {
    Resource::parse(text)
        .map_err(|error| ConfigError::new("", error.to_string(), "write its resource identifier"))
}
