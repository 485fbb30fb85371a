//! Where metadata is: of an authorization server at three places (RFC 8414 §3.1, §5; `OpenID` Connect
//! Discovery §4), of a protected resource at three others (RFC 9728 §3.1, §5.1).
//!
//! Every place is asked through [`net`](crate::net): addresses checked, redirects each like the first,
//! bounded in size and time. No request carries a credential.

use serde::Deserialize;
use url::Url;

use super::server::{Server, ServerError};
use crate::limits;
use crate::net::{Client, NetError, Request, Response};
use crate::resource::{Metadata, MetadataError, Resource, ResourceError, check_issuer};

/// A place of an authorization server's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Form {
    /// `oauth-authorization-server`, between host and path.
    #[serde(rename = "8414-insert")]
    Rfc8414Insert,
    /// `openid-configuration`, between host and path.
    #[serde(rename = "oidc-insert")]
    OidcInsert,
    /// `openid-configuration`, after the path.
    #[serde(rename = "oidc-append")]
    OidcAppend,
}

impl Form {
    /// Its name, as profiles and reports have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rfc8414Insert => "8414-insert",
            Self::OidcInsert => "oidc-insert",
            Self::OidcAppend => "oidc-append",
        }
    }

    /// The places for an issuer, in the order in which they are asked. Without a path the two of
    /// `OpenID` are one.
    ///
    /// # Errors
    /// A text that is no issuer.
    pub fn places(issuer: &str) -> Result<Vec<(Self, Url)>, ResourceError> {
        check_issuer(issuer)?;
        let resource = Resource::parse(issuer)?;
        let (origin, path) = resource.split();
        // RFC 8414 §3.1 and `OpenID` Connect Discovery §4.1: a slash at the end goes first.
        let path = path.strip_suffix('/').unwrap_or(path);
        let all = [
            (Self::Rfc8414Insert, format!("{origin}{OAUTH}{path}")),
            (Self::OidcInsert, format!("{origin}{OPENID}{path}")),
            (Self::OidcAppend, format!("{origin}{path}{OPENID}")),
        ];
        let is_needed = |form| form != Self::OidcInsert || !path.is_empty();
        let needed = all.into_iter().filter(|(form, _)| is_needed(*form));
        let parsed = needed.map(|(form, url)| Ok((form, url.parse().map_err(|_| NOT_URI)?)));
        parsed.collect()
    }
}

/// A place of a protected resource's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where the challenge says.
    Header,
    /// The well-known string between host and path.
    Path,
    /// The same without the path.
    Root,
}

impl Place {
    /// Its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Path => "path",
            Self::Root => "root",
        }
    }
}

/// One place that was asked, and what came of it.
#[derive(Debug)]
pub struct Asked<P, T, E> {
    /// Which.
    pub place: P,
    /// Where: as it was asked.
    pub url: Url,
    /// Whether the answer came from the origin that was asked.
    pub is_same_origin: bool,
    /// The `Date` of the answer.
    pub date: Option<String>,
    /// What was there.
    pub found: Result<T, Miss<E>>,
}

/// Why there is nothing that counts.
#[derive(Debug, thiserror::Error)]
pub enum Miss<E> {
    /// Not asked, or not answered.
    #[error(transparent)]
    Net(NetError),
    /// Another status than 200.
    #[error("it answers {0}")]
    Status(u16),
    /// A document that does not count.
    #[error(transparent)]
    Invalid(E),
}

/// All places of one issuer.
#[derive(Debug)]
pub struct Discovery {
    /// The issuer, as it was named.
    pub issuer: String,
    /// Its places, in order.
    pub asked: Vec<Asked<Form, Server, ServerError>>,
}

impl Discovery {
    /// Asks every place.
    ///
    /// # Errors
    /// A text that is no issuer.
    pub async fn of(client: &Client, issuer: &str) -> Result<Self, ResourceError> {
        let mut asked = Vec::new();
        for (form, url) in Form::places(issuer)? {
            let read = |body: &[u8]| Server::parse(body, issuer);
            asked.push(ask(client, form, url, read).await);
        }
        Ok(Self { issuer: issuer.to_owned(), asked })
    }

    /// What counts: the first document, if no place has one of another issuer.
    ///
    /// INVARIANT: an issuer that is named by a document and not by whoever asked is used for nothing
    /// (RFC 8414 §3.3, threat T12).
    pub fn server(&self) -> Option<&Server> {
        let is_foreign =
            |found: &Result<_, _>| matches!(found, Err(Miss::Invalid(ServerError::Issuer(_))));
        if self.asked.iter().any(|asked| is_foreign(&asked.found)) {
            return None;
        }
        self.asked.iter().find_map(|asked| asked.found.as_ref().ok())
    }

    /// Whether the document that counts came from the issuer's own origin: a credential goes to no
    /// endpoint that another origin named.
    pub fn is_of_own_origin(&self) -> bool {
        let first = self.asked.iter().find(|asked| asked.found.is_ok());
        first.is_some_and(|asked| asked.is_same_origin)
    }
}

/// Asks for a resource's metadata: where the challenge says, at its path, and at the root.
pub async fn resource(
    client: &Client,
    resource: &Resource,
    challenged: Option<&str>,
) -> Vec<Asked<Place, Metadata, MetadataError>> {
    let (origin, _) = resource.split();
    let root = Resource::parse(origin).map(|origin| origin.metadata_uri());
    let mut places = Vec::new();
    places.extend(challenged.and_then(|url| Some((Place::Header, url.parse::<Url>().ok()?))));
    places.extend(resource.metadata_uri().parse().ok().map(|url| (Place::Path, url)));
    places.extend(root.ok().and_then(|url| url.parse().ok()).map(|url| (Place::Root, url)));
    let mut asked: Vec<Asked<_, _, _>> = Vec::new();
    for (place, url) in places {
        if asked.iter().all(|before| before.url != url) {
            // Read whatever it is about: what is wrong with it is for whoever asked to say.
            asked.push(ask(client, place, url, Metadata::parse_any).await);
        }
    }
    asked
}

async fn ask<P, T, E>(
    client: &Client,
    place: P,
    url: Url,
    read: impl Fn(&[u8]) -> Result<T, E>,
) -> Asked<P, T, E> {
    let answer = get(client, &url, limits::METADATA_BYTES_MAX).await;
    let date = answer.as_ref().ok().and_then(date);
    let is_same_origin = answer.as_ref().is_ok_and(|answer| answer.url.origin() == url.origin());
    let found = match answer {
        Err(error) => Err(Miss::Net(error)),
        Ok(answer) if answer.status.as_u16() != 200 => Err(Miss::Status(answer.status.as_u16())),
        Ok(answer) => read(&answer.body).map_err(Miss::Invalid),
    };
    Asked { place, url, is_same_origin, date, found }
}

/// Asks for one document.
///
/// # Errors
/// As [`Client::send`].
pub(crate) async fn get(
    client: &Client,
    url: &Url,
    bytes_max: usize,
) -> Result<Response, NetError> {
    let request = Request {
        bytes_max,
        time_max: limits::DISCOVERY_TIME_MAX,
        redirects_max: limits::REDIRECTS_MAX,
        ..Request::get(url.clone())
    };
    client.send(request).await
}

/// The `Date` of an answer.
pub(super) fn date(answer: &Response) -> Option<String> {
    let date = answer.headers.get(http::header::DATE)?;
    date.to_str().ok().map(str::to_owned)
}

const NOT_URI: ResourceError = ResourceError::NotUri;
const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
