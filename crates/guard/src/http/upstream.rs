//! The server's side: where requests go, what they carry, and which answers are no answers.

pub(crate) mod events;
pub(crate) mod pool;
pub(crate) mod question;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use authz::broker::{Broker, Caller, Person};
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HOST,
    HeaderName, LOCATION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE, WWW_AUTHENTICATE,
};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use tokio::sync::Semaphore;

use self::pool::{Answer, Pool};
use self::question::Ids;
use crate::limits;
use crate::target::Endpoint;

/// A server at one address, on behalf of somebody.
pub(crate) struct Upstream {
    shared: Arc<Shared>,
    /// Where tokens for it come from, and for whom.
    outbound: Option<(Arc<Broker>, Caller)>,
}

/// What all requests to it share, whoever they are for.
struct Shared {
    pool: Pool,
    url: Uri,
    /// The path and query of the MCP endpoint.
    path: PathAndQuery,
    host: HeaderValue,
    /// Headers of the configuration, which every request carries. Never shown.
    headers: HeaderMap,
    ids: Ids,
    lingering: Arc<Semaphore>,
}

/// What the head of an answer says of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// `application/json`, and whatever ends in `+json`.
    Json,
    /// `text/event-stream`
    Events,
    /// Anything else, or nothing.
    Other,
}

impl Upstream {
    /// The server at `endpoint`, at one of `addresses` if they are given.
    ///
    /// # Errors
    /// An address that is not plain `http` or `https`, or TLS that cannot be set up.
    pub(crate) fn new(endpoint: &Endpoint, addresses: Option<&[SocketAddr]>) -> io::Result<Self> {
        let url = endpoint.url.clone();
        let authority = url.authority().ok_or_else(|| unusable("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(unusable("carries credentials; put them in a header"));
        }
        if url.scheme() != Some(&Scheme::HTTP) && url.scheme() != Some(&Scheme::HTTPS) {
            return Err(unusable("is neither http nor https"));
        }
        let host = HeaderValue::from_str(authority.as_str()).map_err(io::Error::other)?;
        let path = url.path_and_query().cloned();
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let mut headers = endpoint.headers.clone();
        strip_hop_by_hop(&mut headers);
        headers.values_mut().for_each(|value| value.set_sensitive(true));
        let lingering = Arc::new(Semaphore::new(limits::DRAINING_MAX));
        let pool = Pool::new(&url, addresses)?;
        let ids = Ids::new();
        let shared = Shared { pool, url, path, host, headers, ids, lingering };
        Ok(Self { shared: Arc::new(shared), outbound: None })
    }

    /// The same server, asked with tokens for the guard itself.
    pub(crate) fn with(self, broker: Arc<Broker>) -> Self {
        Self { outbound: Some((broker, Caller::Service)), ..self }
    }

    /// The same server, asked on behalf of whoever calls.
    pub(crate) fn on_behalf_of(&self, person: Person) -> Self {
        let caller = Caller::Person(Arc::new(person));
        let broker = self.outbound.as_ref().map(|(broker, _)| Arc::clone(broker));
        let outbound = broker.map(|broker| (broker, caller));
        Self { shared: Arc::clone(&self.shared), outbound }
    }

    /// Where tokens for it come from.
    pub(crate) fn broker(&self) -> Option<&Broker> {
        self.outbound.as_ref().map(|(broker, _)| &**broker)
    }

    /// The path and query of the MCP endpoint.
    pub(crate) fn path(&self) -> &PathAndQuery {
        &self.shared.path
    }

    /// The ids of our own requests.
    pub(crate) fn ids(&self) -> &Ids {
        &self.shared.ids
    }

    /// The path that an `endpoint` event names (2024-11-05, transports, HTTP with SSE).
    ///
    /// # Errors
    /// What is no address, or one of another origin.
    pub(crate) fn endpoint(&self, data: &[u8]) -> io::Result<PathAndQuery> {
        endpoint_path(&self.shared.url, data)
    }

    /// Sends to the MCP endpoint.
    pub(crate) async fn send(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> io::Result<Response<Answer>> {
        self.send_to(self.path().clone(), method, headers, body).await
    }

    /// Sends to another path of the same origin. Gives the answer whatever its status; what would
    /// lead elsewhere or cannot be read is an error.
    pub(crate) async fn send_to(
        &self,
        path: PathAndQuery,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> io::Result<Response<Answer>> {
        match &self.outbound {
            None => self.send_once(path, method, headers, HeaderMap::new(), body).await,
            Some(outbound) => {
                // In a box: it is large beside all that a request without tokens needs.
                Box::pin(self.send_with(outbound, path, method, headers, body)).await
            }
        }
    }

    /// Sends with a token, and again where the server refused it before it did anything.
    async fn send_with(
        &self,
        (broker, caller): &(Arc<Broker>, Caller),
        path: PathAndQuery,
        method: Method,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> io::Result<Response<Answer>> {
        // What a client shows the guard is not for the server.
        for name in [AUTHORIZATION, DPOP] {
            headers.remove(name);
        }
        let url = format!("{}{}", origin(&self.shared.url), path.path());
        let mut turn = broker.turn(caller.clone());
        loop {
            let shown = turn.headers(method.as_str(), &url).await.map_err(io::Error::other)?;
            let (method, headers, body) = (method.clone(), headers.clone(), body.clone());
            let sent = self.send_once(path.clone(), method, headers, shown, body).await;
            let mut response = sent?;
            let again = turn.again(response.status(), response.headers(), &url).await;
            if !again.map_err(io::Error::other)? {
                // They say how to authorize there, not here.
                for name in [WWW_AUTHENTICATE, DPOP_NONCE] {
                    response.headers_mut().remove(name);
                }
                return Ok(response);
            }
        }
    }

    async fn send_once(
        &self,
        path: PathAndQuery,
        method: Method,
        mut headers: HeaderMap,
        shown: HeaderMap,
        body: Bytes,
    ) -> io::Result<Response<Answer>> {
        strip_hop_by_hop(&mut headers);
        headers.remove(EXPECT);
        // What is compressed could not be inspected.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(HOST, self.shared.host.clone());
        for (name, value) in self.shared.headers.iter().chain(&shown) {
            headers.insert(name, value.clone());
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(path);
        *request.headers_mut() = headers;
        let mut response = self.shared.pool.send(request).await?;
        refuse_unreadable(response.headers())?;
        self.refuse_redirect(&response)?;
        strip_hop_by_hop(response.headers_mut());
        Ok(response)
    }

    /// Reads an answer on for a client that hung up, for a bounded time, if not too many are read
    /// so already.
    pub(crate) fn linger(&self, reading: impl Future<Output = ()> + Send + 'static) {
        let place = Arc::clone(&self.shared.lingering).try_acquire_owned();
        let (Ok(place), Ok(runtime)) = (place, tokio::runtime::Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move {
            // Past the time, the connection is closed.
            drop(tokio::time::timeout(limits::DRAIN_TIME_MAX, reading).await);
            drop(place);
        });
    }

    /// Whoever follows a redirect leaves the guard, and may take credentials along.
    fn refuse_redirect(&self, response: &Response<Answer>) -> io::Result<()> {
        let location = response.headers().get(LOCATION);
        let Some(location) = location.filter(|_| response.status().is_redirection()) else {
            return Ok(());
        };
        let place = match location.to_str().ok().and_then(|text| text.parse::<Uri>().ok()) {
            None => "an address that cannot be read".to_owned(),
            Some(target)
                if target.authority().is_none() || same_origin(&target, &self.shared.url) =>
            {
                format!("`{}` of its own origin", target.path())
            }
            Some(target) => format!("another origin, {}", origin(&target)),
        };
        Err(invalid(format!("the server redirects to {place}; redirects are not followed")))
    }
}

impl Content {
    /// What `headers` say.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if essence.eq_ignore_ascii_case(b"application/json")
            || essence.to_ascii_lowercase().ends_with(b"+json")
        {
            Self::Json
        } else if essence.eq_ignore_ascii_case(b"text/event-stream") {
            Self::Events
        } else {
            Self::Other
        }
    }
}

/// Whether a content type names no encoding other than UTF-8: readers that obey another one find
/// other quotes in the same bytes (`+ACI-` in UTF-7). Forms such as `charset*` count as others.
pub(crate) fn is_utf8(content_type: &[u8]) -> bool {
    let parameters = content_type.split(|byte| *byte == b';').skip(1).map(<[u8]>::trim_ascii);
    let mut charsets = parameters
        .filter(|text| text.get(..7).is_some_and(|name| name.eq_ignore_ascii_case(b"charset")));
    charsets.all(|charset| {
        let value = charset.get(7..).unwrap_or_default().trim_ascii_start();
        let value = value.strip_prefix(b"=").unwrap_or_default().trim_ascii();
        let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        let bare = bare.unwrap_or(value);
        bare.eq_ignore_ascii_case(b"utf-8") || bare.eq_ignore_ascii_case(b"utf8")
    })
}

fn refuse_unreadable(headers: &HeaderMap) -> io::Result<()> {
    if headers.values().any(|value| value.len() > limits::HEADER_LINE_BYTES_MAX) {
        return Err(invalid("the server sent a header line past the limit".to_owned()));
    }
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(invalid("the server compressed an answer without being asked".to_owned()));
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let content_type = types.next().map_or(&b""[..], HeaderValue::as_bytes);
    if types.next().is_some() {
        return Err(invalid("the server named two content types for one answer".to_owned()));
    }
    if Content::of(headers) != Content::Other && !is_utf8(content_type) {
        return Err(invalid("the server's answer is in another encoding than UTF-8".to_owned()));
    }
    Ok(())
}

/// Whether two absolute addresses share scheme, host and port.
pub(crate) fn same_origin(a: &Uri, b: &Uri) -> bool {
    let port = |uri: &Uri| {
        uri.port_u16().or(match uri.scheme_str() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        })
    };
    a.scheme() == b.scheme()
        && port(a) == port(b)
        && a.host().zip(b.host()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// The path that an `endpoint` event names: relative to `base`, or absolute at the same origin.
fn endpoint_path(base: &Uri, data: &[u8]) -> io::Result<PathAndQuery> {
    let unreadable = || invalid("the server's `endpoint` event holds no address".to_owned());
    let text = std::str::from_utf8(data).map_err(|_| unreadable())?.trim();
    if text.is_empty() {
        return Err(unreadable());
    }
    if text.starts_with('/') && !text.starts_with("//") {
        return text.parse().map_err(|_| unreadable());
    }
    if text.contains("://") || text.starts_with("//") {
        let absolute = if text.starts_with("//") {
            format!("{}:{text}", base.scheme_str().unwrap_or_default())
        } else {
            text.to_owned()
        };
        let target: Uri = absolute.parse().map_err(|_| unreadable())?;
        if !same_origin(&target, base) {
            let place = origin(&target);
            return Err(invalid(format!(
                "the server's `endpoint` event leads to another origin, {place}"
            )));
        }
        return target.path_and_query().cloned().ok_or_else(unreadable);
    }
    let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    let name = if let Some(query) = text.strip_prefix('?') {
        format!("{}?{query}", base.path())
    } else {
        format!("{folder}/{text}")
    };
    name.parse().map_err(|_| unreadable())
}

/// Scheme, host and port: what of an address is never secret.
pub(crate) fn origin(uri: &Uri) -> String {
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", uri.scheme_str().unwrap_or("?"), uri.host().unwrap_or("?"))
}

/// Removes what belongs to one connection (RFC 9110, 7.6.1).
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

fn unusable(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("the server's address {why}"))
}

pub(crate) fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(url: &str) -> io::Result<Upstream> {
        let url = url.parse().unwrap();
        Upstream::new(&Endpoint { url, headers: HeaderMap::new() }, None)
    }

    #[test]
    fn addresses_that_are_not_plain_http_are_refused() {
        for url in ["ftp://a.example/mcp", "/mcp", "http://user:hush@a.example/mcp"] {
            let refused = upstream(url).err().expect(url).to_string();
            assert!(!refused.contains("hush"), "{refused}");
        }
        assert_eq!(upstream("https://a.example").unwrap().path(), "/");
        assert_eq!(upstream("http://a.example/mcp?k=v").unwrap().path(), "/mcp?k=v");
    }

    #[test]
    fn an_endpoint_is_resolved_against_the_address_it_came_from() {
        let base: Uri = "https://a.example/v1/sse?k=v".parse().unwrap();
        for (data, path) in [
            ("/messages?s=1", Some("/messages?s=1")),
            ("messages?s=1", Some("/v1/messages?s=1")),
            ("?s=1", Some("/v1/sse?s=1")),
            (" /messages \n", Some("/messages")),
            ("https://A.example:443/m", Some("/m")),
            ("//a.example/m", Some("/m")),
            ("http://a.example/m", None),
            ("https://a.example.evil.example/m", None),
            ("https://a.example@evil.example/m", None),
            ("https://a.example:8443/m", None),
            ("//evil.example/m", None),
            ("", None),
        ] {
            let resolved = endpoint_path(&base, data.as_bytes()).ok();
            assert_eq!(resolved.as_ref().map(PathAndQuery::as_str), path, "{data}");
        }
        assert!(endpoint_path(&base, b"/\xff").is_err());
    }

    #[test]
    fn what_belongs_to_one_connection_is_removed() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-one, X-Two"),
            ("x-one", "1"),
            ("x-two", "2"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("x-end", "3"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-end"]);
    }

    #[test]
    fn a_charset_other_than_utf8_is_seen_in_every_form() {
        for (content_type, expected) in [
            ("application/json", true),
            ("application/json; charset=utf-8", true),
            ("application/json ;boundary=x; CharSet=\"UTF-8\"", true),
            ("text/event-stream;charset=utf8;", true),
            ("text/event-stream; charset=utf-7", false),
            ("text/event-stream; charset=utf-8; charset=utf-16", false),
            ("text/event-stream; charset*=us-ascii''utf-7", false),
            ("text/event-stream; charset*0=utf; charset*1=-7", false),
            ("text/event-stream; charset", false),
        ] {
            assert_eq!(is_utf8(content_type.as_bytes()), expected, "{content_type}");
        }
    }
}
