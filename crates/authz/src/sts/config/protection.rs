//! The configuration of a protected server: what a guard is told of tokens.

mod raw;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use url::Url;

use self::raw::{Listed, Raw};
use super::raw::Trusted;
use super::{ConfigError, files, rules};
use crate::limits;
use crate::net::{Client, Pinned, Renewals, Rules, System};
use crate::resource::protection::ended::Ended;
use crate::resource::protection::opaque::Opaque;
use crate::resource::{Policing, Protection, Resource};
use crate::token::replay::Memory;
use crate::token::{Actor, Issuer, Nonces, Verifier, scope};

type Checked<T> = Result<T, ConfigError>;

impl Protection {
    /// Reads and checks the configuration of a protected server. Paths in it are relative to its
    /// folder.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and the fix.
    pub fn load(path: &Path, now_s: fn() -> u64) -> Result<Self, ConfigError> {
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        read(path, folder, now_s).map_err(|error| error.at(path.display()))
    }
}

fn read(path: &Path, folder: &Path, now_s: fn() -> u64) -> Checked<Protection> {
    let text = files::text(path, limits::CONFIG_BYTES_MAX)?;
    let raw: Raw = super::raw::parse_as(&text, "see docs/guide/authorize.md")?;
    let resource = Resource::parse(&raw.resource).map_err(|error| {
        ConfigError::new("resource", error.to_string(), "write the public URI of the server")
    })?;
    let scopes = scope::collect(raw.scopes.iter().map(String::as_str)).ok_or_else(|| {
        ConfigError::new("scopes", "an entry is no scope", "one word each, without spaces")
    })?;
    let key = raw.nonce_key.as_ref().map(|path| files::shared_key(&folder.join(path))).transpose();
    let nonces = key.map_err(|error| error.at("nonce_key"))?.map(Nonces::new);
    let audience = audience(&raw, &resource)?;
    let outside = Outside { folder, client: client(&raw.exceptions)?, exceptions: &raw.exceptions };
    let issuers = issuers(&raw, &outside)?;
    let (allowed, denied) = listed(&raw)?;
    let terminator = raw.terminator.as_ref().map(rules::terminator);
    Ok(Protection {
        verifier: Verifier { issuers: issuers.all, audience },
        renewals: Renewals::new(outside.client.clone(), issuers.pinned),
        opaque: issuers.opaque,
        terminator: terminator.transpose().map_err(|error| error.at("terminator"))?,
        ended: ended(&raw, &outside)?,
        resource,
        scopes,
        must_be_bound: raw.dpop_required,
        nonces,
        allowed,
        denied,
        is_for_apps: raw.apps,
        policing: policing(&raw, folder)?,
        replay: Arc::new(Memory::new(now_s)),
        now_s,
    })
}

/// How others are asked, and where files are.
struct Outside<'a> {
    folder: &'a Path,
    client: Client,
    exceptions: &'a [SocketAddr],
}

fn client(exceptions: &[SocketAddr]) -> Checked<Client> {
    let rules = Rules { exceptions: exceptions.to_vec(), ..Rules::default() };
    Client::new(rules, Arc::new(System)).map_err(|error| {
        ConfigError::new("", error.to_string(), "look at the system's store of certificates")
    })
}

/// What the issuers stamp. Nobody else's: a token for the issuer itself is a client's assertion.
fn audience(raw: &Raw, resource: &Resource) -> Checked<String> {
    let audience = raw.expected_aud.clone().unwrap_or_else(|| resource.to_string());
    let refused = |what: &str| {
        let fix = "leave it out, or write what the issuer stamps into tokens for this server alone";
        Err(ConfigError::new("expected_aud", what, fix))
    };
    if audience.is_empty() || audience.len() > limits::NAME_BYTES_MAX {
        return refused("an audience has 1 to 512 bytes");
    }
    if raw.trusted.iter().any(|one| one.issuer == audience) {
        return refused("it is an issuer's own name: its clients' assertions would be let in");
    }
    Ok(audience)
}

#[derive(Default)]
struct Issuers {
    all: Vec<Issuer>,
    pinned: Vec<(String, Pinned)>,
    opaque: Option<Opaque>,
}

fn issuers(raw: &Raw, outside: &Outside<'_>) -> Checked<Issuers> {
    if raw.trusted.is_empty() {
        let what = "nobody's tokens would be let in";
        return Err(ConfigError::new("trusted", what, "name an issuer in [[trusted]]"));
    }
    if raw.trusted.len() > limits::TRUSTED_MAX {
        let what = format!("more than {} issuers", limits::TRUSTED_MAX);
        return Err(ConfigError::new("trusted", what, "run a guard for each domain"));
    }
    let mut known = Issuers::default();
    for (index, one) in raw.trusted.iter().enumerate() {
        issuer(one, raw.own.as_deref(), outside, &mut known)
            .map_err(|error| error.at(format!("trusted[{}]", index + 1)))?;
    }
    if raw.own.as_ref().is_some_and(|own| known.all.iter().all(|one| one.iss != *own)) {
        let what = "an issuer that is not trusted";
        return Err(ConfigError::new("own", what, "add it to [[trusted]]"));
    }
    Ok(known)
}

fn issuer(
    raw: &Trusted,
    own: Option<&str>,
    outside: &Outside<'_>,
    known: &mut Issuers,
) -> Checked<()> {
    rules::issuer_url(&raw.issuer).map_err(|error| error.at("issuer"))?;
    if known.all.iter().any(|one| one.iss == raw.issuer) {
        return Err(ConfigError::new("", "this issuer is there already", "name each issuer once"));
    }
    let mut one = rules::one_trusted(raw, outside.exceptions, outside.folder)?;
    let opaque = one.asked.take().map(|asked| asked.opaque(outside.client.clone()));
    if opaque.is_some() && known.opaque.is_some() {
        let what = "two issuers have opaque tokens: nobody can tell whose one is";
        return Err(ConfigError::new("introspection", what, "ask one; let the others issue JWTs"));
    }
    known.opaque = opaque.or(known.opaque.take());
    one.issuer.is_own = own == Some(raw.issuer.as_str());
    known.all.push(one.issuer);
    known.pinned.push((raw.issuer.clone(), one.pinned));
    Ok(())
}

fn asked(url: &str, outside: &Outside<'_>) -> Checked<Url> {
    rules::fetched(url, outside.exceptions)
}

fn ended(raw: &Raw, outside: &Outside<'_>) -> Checked<Option<Arc<Ended>>> {
    let Some(grants) = &raw.grants else { return Ok(None) };
    if raw.own.is_none() {
        let what = "grants of a token service that is not named";
        return Err(ConfigError::new("grants", what, "name it: own = \"https://…\""));
    }
    let url = asked(&grants.url, outside).map_err(|error| error.at("grants.url"))?;
    let key = rules::shared_word(&outside.folder.join(&grants.key));
    let key = key.map_err(|error| error.at("grants.key"))?;
    Ok(Some(Arc::new(Ended::new(url, key, outside.client.clone()))))
}

/// G14, where a file asks for it.
fn policing(raw: &Raw, folder: &Path) -> Checked<Option<Policing>> {
    let Some(policy) = &raw.policy else {
        let fix = "add `policy`, or leave `edges` out";
        let alone = || ConfigError::new("edges", "edges without policies decide nothing", fix);
        return if raw.edges.is_some() { Err(alone()) } else { Ok(None) };
    };
    let policies = rules::policies(&folder.join(policy)).map_err(|error| error.at("policy"))?;
    let Some(edges) = &raw.edges else { return Ok(Some(Policing { policies, edges: None })) };
    let issuer = raw.own.clone().ok_or_else(|| {
        let what = "nothing says whose clients the edges name";
        ConfigError::new("edges", what, "say which issuer is the token service: `own`")
    })?;
    let edges = super::edges::read(&folder.join(edges)).map_err(|error| error.at("edges"))?;
    Ok(Some(Policing { policies, edges: Some((edges, issuer)) }))
}

/// Who alone may act, and who may not.
fn listed(raw: &Raw) -> Checked<(Option<BTreeSet<Actor>>, BTreeSet<Actor>)> {
    let allowed = raw.allowed.as_deref().map(|list| actors(list, "allow")).transpose()?;
    let denied = actors(&raw.denied, "deny")?;
    if let Some(both) = allowed.iter().flatten().find(|actor| denied.contains(*actor)) {
        let what = format!("`{}` is denied as well", both.sub);
        return Err(ConfigError::new("allow", what, "a denied actor is never let in: drop one"));
    }
    Ok((allowed, denied))
}

fn actors(list: &[Listed], name: &str) -> Checked<BTreeSet<Actor>> {
    if list.len() > limits::ACTORS_LISTED_MAX {
        let what = format!("more than {} actors", limits::ACTORS_LISTED_MAX);
        return Err(ConfigError::new(name, what, "decide by a policy instead"));
    }
    let mut actors = BTreeSet::new();
    for (index, one) in list.iter().enumerate() {
        let place = format!("{name}[{}]", index + 1);
        rules::issuer_url(&one.issuer).map_err(|error| error.at("issuer").at(&place))?;
        if one.sub.is_empty() || one.sub.len() > limits::NAME_BYTES_MAX {
            let what = format!("a name has 1 to {} bytes", limits::NAME_BYTES_MAX);
            return Err(ConfigError::new(format!("{place}, sub"), what, "write its `sub`"));
        }
        if !actors.insert(Actor { iss: one.issuer.clone(), sub: one.sub.clone() }) {
            return Err(ConfigError::new(place, "it is there already", "name each actor once"));
        }
    }
    Ok(actors)
}

#[cfg(test)]
mod tests;
