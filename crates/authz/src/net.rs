//! The one HTTP client for addresses that others name: upstreams, servers, well-known files,
//! webhooks.
//!
//! Every address from an entry, a redirect or a document is hostile. So: `https` only; a name, not
//! an address; resolved once for each connection, *all* answers checked, and those dialled, with the
//! name kept for TLS and `Host`; no proxy, no cookies, no decompression; redirects off, or a few,
//! each checked like the first; a bound on every wait and on the body while it comes. An exception is
//! one address and port that the operator vouches for.

mod address;
mod error;
mod keys;
mod resolve;
mod rules;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use rustls_platform_verifier::BuilderVerifierExt;
use url::{Host, Url};

pub use self::address::denied;
pub use self::error::{CODES, NetError, shown};
pub use self::keys::{KeysError, Pinned, Read, Renewals};
pub use self::resolve::{Resolve, System};
pub use self::rules::{Denied, Rules};

use self::resolve::{Checked, ResolveError};
use self::rules::Way;
use crate::limits;

/// A client. Clones share its connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    rules: Arc<Rules>,
    resolver: Arc<dyn Resolve>,
    tls: rustls::ClientConfig,
    /// The connections to each origin, the origin that was asked last at the end.
    origins: Mutex<VecDeque<(Origin, reqwest::Client)>>,
}

type Origin = (String, Way);

/// What to ask.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: Url,
    /// Headers beside those that HTTP needs. A redirect to another origin is not followed with any.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How long the body of the answer may be.
    pub bytes_max: usize,
    /// How long the whole may take, redirects included.
    pub time_max: Duration,
    /// How many redirects are followed, for `GET` only; at most [`limits::REDIRECTS_MAX`].
    pub redirects_max: u8,
}

/// What came back, whatever its status; never a redirect.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
    /// Where it came from: the URL asked, or the last one that a redirect led to.
    pub url: Url,
    /// The address that answered.
    pub address: Option<SocketAddr>,
}

impl Request {
    /// A `GET`.
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            bytes_max: limits::BODY_BYTES_MAX,
            time_max: limits::REQUEST_TIME_MAX,
            redirects_max: 0,
        }
    }

    /// A `POST`.
    pub fn post(url: Url, body: Bytes) -> Self {
        Self { method: Method::POST, body, ..Self::get(url) }
    }
}

impl Client {
    /// A client by `rules`, which resolves names with `resolver` and trusts the system's roots.
    ///
    /// # Errors
    /// TLS that cannot be set up.
    pub fn new(rules: Rules, resolver: Arc<dyn Resolve>) -> Result<Self, NetError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(|error| NetError::Setup(error.into()))?
            .with_no_client_auth();
        let (rules, origins) = (Arc::new(rules), Mutex::default());
        Ok(Self { inner: Arc::new(Inner { rules, resolver, tls, origins }) })
    }

    /// Asks, and reads the whole answer.
    ///
    /// # Errors
    /// A URL or address that is refused, an answer past a bound, or none.
    pub async fn send(&self, request: Request) -> Result<Response, NetError> {
        let time_max = request.time_max;
        let url = shown(&request.url);
        let answer = tokio::time::timeout(time_max, self.follow(request));
        let timed_out = |_| Err(NetError::TimedOut { url, phase: "in all", time_max });
        answer.await.unwrap_or_else(timed_out)
    }

    /// The addresses behind a URL, checked: for whoever dials by itself.
    ///
    /// # Errors
    /// A URL or address that is refused, or a name without addresses.
    pub async fn resolve(&self, url: &Url) -> Result<Vec<SocketAddr>, NetError> {
        let way = self.way(url)?;
        match url.host() {
            Some(Host::Ipv4(ip)) => Ok(vec![SocketAddr::new(ip.into(), way.port)]),
            Some(Host::Ipv6(ip)) => Ok(vec![SocketAddr::new(ip.into(), way.port)]),
            Some(Host::Domain(name)) => self.checked(way).addresses(name).await.map_err(resolved),
            None => Ok(Vec::new()),
        }
    }

    async fn follow(&self, mut request: Request) -> Result<Response, NetError> {
        let redirects_max = request.redirects_max.min(limits::REDIRECTS_MAX);
        let mut redirects = 0;
        loop {
            let (head, location) = self.ask(&request).await?;
            let Some(location) = location else {
                let (status, headers) = (head.status(), head.headers().clone());
                let address = head.remote_addr();
                let body = body(head, &request).await?;
                return Ok(Response { status, headers, body, url: request.url, address });
            };
            let refused = |why| NetError::Redirect { url: shown(&request.url), why };
            if redirects == redirects_max {
                return Err(refused(if redirects == 0 { "none is" } else { "too many" }));
            }
            redirects += 1;
            request.url = next(&request, &location).map_err(refused)?;
        }
    }

    /// Sends one request, and waits for the head of the answer; where it leads, if it does.
    async fn ask(
        &self,
        request: &Request,
    ) -> Result<(reqwest::Response, Option<String>), NetError> {
        let way = self.way(&request.url)?;
        let client = self.connections(&request.url, way)?;
        let sending = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send();
        let time_max = limits::CONNECT_TIME_MAX + limits::FIRST_BYTE_TIME_MAX;
        let url = || shown(&request.url);
        let head = tokio::time::timeout(time_max, sending)
            .await
            .map_err(|_| NetError::TimedOut { url: url(), phase: "to its first byte", time_max })?
            .map_err(|error| failed(&request.url, error))?;
        let is_redirect = matches!(head.status().as_u16(), 300..=303 | 305..=308);
        let location = is_redirect.then(|| {
            let location = head.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            location.unwrap_or_default().to_owned()
        });
        Ok((head, location))
    }

    fn way(&self, url: &Url) -> Result<Way, NetError> {
        self.inner.rules.way(url).map_err(|refused| NetError::refused(url, refused))
    }

    fn checked(&self, way: Way) -> Checked {
        Checked {
            resolver: Arc::clone(&self.inner.resolver),
            rules: Arc::clone(&self.inner.rules),
            port: way.port,
            is_plain: way.is_plain,
        }
    }

    /// The connections to the origin of `url`. Each origin has its own, because whether an address
    /// may be dialled depends on the port and on TLS, and is decided where it is dialled.
    fn connections(&self, url: &Url, way: Way) -> Result<reqwest::Client, NetError> {
        let origin = (url.host_str().unwrap_or_default().to_owned(), way);
        let mut origins = self.inner.origins.lock().unwrap_or_else(PoisonError::into_inner);
        let known = origins.iter().position(|(known, _)| *known == origin);
        let entry = match known.and_then(|at| origins.remove(at)) {
            Some(entry) => entry,
            None => (origin, self.build(way)?),
        };
        let client = entry.1.clone();
        if origins.len() >= limits::ORIGINS_MAX {
            origins.pop_front();
        }
        origins.push_back(entry);
        Ok(client)
    }

    fn build(&self, way: Way) -> Result<reqwest::Client, NetError> {
        reqwest::Client::builder()
            .tls_backend_preconfigured(self.inner.tls.clone())
            .dns_resolver(self.checked(way))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .https_only(!way.is_plain)
            .connect_timeout(limits::CONNECT_TIME_MAX)
            .pool_idle_timeout(limits::IDLE_TIME_MAX)
            .pool_max_idle_per_host(limits::IDLE_CONNECTIONS_MAX)
            .user_agent(USER_AGENT)
            .build()
            .map_err(|error| NetError::Setup(error.into()))
    }
}

/// Where a redirect leads, if it is followed.
fn next(request: &Request, location: &str) -> Result<Url, &'static str> {
    if request.method != Method::GET {
        return Err("only GET is repeated elsewhere");
    }
    let url = request.url.join(location).map_err(|_| "it leads to no URL")?;
    if request.url.scheme() == "https" && url.scheme() != "https" {
        return Err("it leaves https");
    }
    if url.origin() != request.url.origin() && !request.headers.is_empty() {
        return Err("it leaves the origin that the headers are for");
    }
    Ok(url)
}

/// The whole body, or the refusal of one that is too long: at its announcement, or where it passes
/// the bound.
async fn body(mut answer: reqwest::Response, request: &Request) -> Result<Bytes, NetError> {
    let bytes_max = request.bytes_max;
    let url = || shown(&request.url);
    let is_encoded =
        |value: &http::HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if answer.headers().get(CONTENT_ENCODING).is_some_and(is_encoded) {
        return Err(NetError::Encoded { url: url() });
    }
    let too_large = || NetError::TooLarge { url: url(), bytes_max };
    let announced = answer.content_length().unwrap_or_default();
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced > bytes_max {
        return Err(too_large());
    }
    let mut body = BytesMut::with_capacity(announced.min(limits::BODY_BYTES_RESERVED_MAX));
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&request.url, error))? {
        if body.len().saturating_add(chunk.len()) > bytes_max {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn resolved(error: ResolveError) -> NetError {
    match error {
        ResolveError::Denied(denied) => NetError::Address(denied),
        ResolveError::Failed { name, source } => NetError::Resolve { host: name, source },
    }
}

/// What a failure of the client is: it wraps ours and those of TLS.
fn failed(url: &Url, error: reqwest::Error) -> NetError {
    let error = error.without_url();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(this) = cause {
        if let Some(error) = this.downcast_ref::<ResolveError>() {
            return match error {
                ResolveError::Denied(denied) => NetError::Address(denied.clone()),
                ResolveError::Failed { name, source } => NetError::Resolve {
                    host: name.clone(),
                    source: std::io::Error::new(source.kind(), source.to_string()),
                },
            };
        }
        let inner = this.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if this.is::<rustls::Error>() {
            return NetError::Tls { url: shown(url), source: error };
        }
        // An I/O error does not give what it wraps as its source, but that one's source.
        cause = match inner {
            Some(inner) => Some(inner),
            None => this.source(),
        };
    }
    if error.is_timeout() {
        let time_max = limits::CONNECT_TIME_MAX;
        return NetError::TimedOut { url: shown(url), phase: "to connect", time_max };
    }
    NetError::Unreachable { url: shown(url), source: error }
}

/// A URL of the configuration.
///
/// # Errors
/// What is no text, or no URL.
pub fn url_of_text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    let text: String = serde::Deserialize::deserialize(from)?;
    text.parse().map_err(serde::de::Error::custom)
}

const USER_AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests;
