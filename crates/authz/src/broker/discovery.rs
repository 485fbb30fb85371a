//! Who authorizes for the next server (RFC 9728), and where (RFC 8414).

use std::sync::{Arc, PoisonError};

use url::Url;

use super::config::Way;
use super::{Broker, Refused};
use crate::limits;
use crate::provider::discovery::get;
use crate::provider::{Form, Server, ServerError};
use crate::resource::{Challenge, Metadata, Resource};

/// What a server says of its authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its identifier, exactly as it is published.
    pub(super) resource: String,
    /// Who issues tokens.
    pub(super) issuer: String,
    /// What is asked for: by its challenge, else by its metadata.
    pub(super) scopes: Vec<String>,
    /// Whether there is no metadata: a server of 2025-03-26.
    pub(super) is_2025_03: bool,
}

impl Broker {
    /// Asks where the challenge says; without it at the server's path, then at its root.
    pub(super) async fn learn(
        &self,
        way: &Way,
        challenge: Option<&Challenge>,
    ) -> Result<Found, Refused> {
        let resource = &self.config.resource;
        let asked = challenge.map(|it| it.scope.iter().cloned().collect::<Vec<_>>());
        let asked = asked.unwrap_or_default();
        let named = challenge.and_then(|it| it.resource_metadata.as_deref());
        let metadata = match named {
            Some(url) => self.metadata(url, |it| it == resource).await?,
            None => match self.metadata(&resource.metadata_uri(), |it| it == resource).await? {
                Some(found) => Some(found),
                None => self.metadata_of_origin().await?,
            },
        };
        let Some(metadata) = metadata else {
            if way.allows_2025_03 {
                let issuer = resource.split().0.to_owned();
                let resource = resource.to_string();
                return Ok(Found { resource, issuer, scopes: asked, is_2025_03: true });
            }
            return Err(Refused::Discovery("it has no metadata (RFC 9728)"));
        };
        let issuer = issuer(way, &metadata)?;
        let scopes = if asked.is_empty() { metadata.scopes } else { asked };
        Ok(Found { resource: metadata.resource, issuer, scopes, is_2025_03: false })
    }

    /// RFC 9728 §3.1: a document at the root is about the origin.
    async fn metadata_of_origin(&self) -> Result<Option<Metadata>, Refused> {
        let (origin, _) = self.config.resource.split();
        let root = Resource::parse(origin).map_err(|_| Refused::Discovery("its origin"))?;
        let place = root.metadata_uri();
        self.metadata(&place, |it| it.split().0 == origin && matches!(it.split().1, "" | "/")).await
    }

    /// The metadata at a place; nothing where there is none. About another resource, it is refused.
    async fn metadata(
        &self,
        place: &str,
        is_about: impl Fn(&Resource) -> bool,
    ) -> Result<Option<Metadata>, Refused> {
        let url: Url = place.parse().map_err(|_| Refused::Discovery("it names no URL"))?;
        let answer = get(&self.net, &url, limits::METADATA_BYTES_MAX).await?;
        if answer.status.as_u16() != 200 {
            return Ok(None);
        }
        let metadata = Metadata::parse_any(&answer.body);
        let metadata = metadata.map_err(|_| Refused::Discovery("its metadata is malformed"))?;
        match Resource::parse(&metadata.resource) {
            Ok(resource) if is_about(&resource) => Ok(Some(metadata)),
            _ => Err(Refused::Resource(metadata.resource)),
        }
    }

    /// The metadata of an issuer, which has to say that it is that issuer's.
    pub(super) async fn server(&self, issuer: &str) -> Result<Arc<Server>, Refused> {
        let now_s = (self.now_s)();
        {
            let known = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((until_s, server)) = known.get(issuer)
                && *until_s > now_s
            {
                return Ok(Arc::clone(server));
            }
        }
        let server = Arc::new(self.ask_server(issuer).await?);
        let mut known = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::DOMAINS_MAX {
            known.clear();
        }
        let until_s = now_s.saturating_add(limits::OUTBOUND_METADATA_S);
        known.insert(issuer.to_owned(), (until_s, Arc::clone(&server)));
        Ok(server)
    }

    async fn ask_server(&self, issuer: &str) -> Result<Server, Refused> {
        let places = Form::places(issuer);
        let places = places.map_err(|_| Refused::Discovery("its issuer is none"))?;
        let mut last = Refused::Discovery("its issuer has no metadata (RFC 8414)");
        for (_, url) in places {
            let answer = match get(&self.net, &url, limits::METADATA_BYTES_MAX).await {
                Ok(answer) => answer,
                Err(error) => {
                    last = error.into();
                    continue;
                }
            };
            if answer.status.as_u16() != 200 {
                continue;
            }
            match Server::parse(&answer.body, issuer) {
                Ok(server) => return Ok(server),
                Err(ServerError::Issuer(_)) => return Err(Refused::Issuer),
                Err(_) => last = Refused::Discovery("its issuer's metadata is malformed"),
            }
        }
        Err(last)
    }

    /// The same of a server of 2025-03-26: without metadata its endpoints are where that version says.
    pub(super) async fn server_of(&self, found: &Found) -> Result<Arc<Server>, Refused> {
        match self.server(&found.issuer).await {
            Err(Refused::Discovery(_)) if found.is_2025_03 => Ok(Arc::new(Server {
                issuer: found.issuer.clone(),
                authorization_endpoint: Some(format!("{}/authorize", found.issuer)),
                token_endpoint: Some(format!("{}/token", found.issuer)),
                registration_endpoint: Some(format!("{}/register", found.issuer)),
                pkce_methods: Some(vec!["S256".to_owned()]),
                ..Server::default()
            })),
            found => found,
        }
    }
}

/// Who issues: the one that is configured, if the server names it; without one, the first.
fn issuer(way: &Way, metadata: &Metadata) -> Result<String, Refused> {
    let named = &metadata.authorization_servers;
    let first = named.first().ok_or(Refused::Discovery("it names no authorization server"))?;
    match &way.issuer {
        Some(issuer) if named.contains(issuer) => Ok(issuer.clone()),
        Some(_) => Err(Refused::Unconfigured(first.clone())),
        None => Ok(first.clone()),
    }
}
