//! Who a remote server says that authorizes its clients: protected resource metadata (RFC 9728).

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode};
use wire::{Document, Policy, Value};

use super::body;
use super::upstream::{Content, Upstream, invalid};
use crate::target::Endpoint;

/// What a server says of its authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The identifier of the resource that tokens are for.
    pub resource: String,
    /// The issuers of those tokens, sorted.
    pub servers: Vec<String>,
}

/// Asks the server at `endpoint`, without the headers of its configuration; `None` when it
/// publishes nothing.
///
/// # Errors
/// A server that cannot be reached in time, or metadata that is refused: nothing is known then.
pub async fn authorization(
    endpoint: &Endpoint,
    time_max: Duration,
) -> io::Result<Option<Authorization>> {
    let bare = Endpoint { url: endpoint.url.clone(), headers: HeaderMap::new() };
    let upstream = Upstream::new(&bare, None)?;
    let own = endpoint.url.path().trim_end_matches('/');
    for path in [format!("{WELL_KNOWN}{own}"), WELL_KNOWN.to_owned()] {
        let path = PathAndQuery::try_from(path).map_err(io::Error::other)?;
        let asked = tokio::time::timeout(time_max, ask(&upstream, path, time_max));
        let found = asked.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

async fn ask(
    upstream: &Upstream,
    path: PathAndQuery,
    time_max: Duration,
) -> io::Result<Option<Authorization>> {
    let answer = upstream.send_to(path, Method::GET, HeaderMap::new(), Bytes::new()).await?;
    let status = answer.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(invalid(format!("the server answered HTTP {}", status.as_u16())));
    }
    // A page for people, where a site answers every address with one, is no metadata.
    if status != StatusCode::OK || Content::of(answer.headers()) != Content::Json {
        return Ok(None);
    }
    let bytes = body::read(answer.into_body(), METADATA_BYTES_MAX, time_max).await;
    parse(&bytes.map_err(io::Error::other)?).map(Some)
}

fn parse(bytes: &[u8]) -> io::Result<Authorization> {
    let policy = Policy { strict_scalars: true, ..Policy::default() };
    let document = Document::parse(bytes, &policy).map_err(io::Error::other)?;
    let text = |value: Value<'_>| value.as_str().map(std::borrow::Cow::into_owned);
    let resource = document.root().get("resource").and_then(text);
    let resource = resource.ok_or_else(|| invalid("metadata without a resource".to_owned()))?;
    let servers = document.root().get("authorization_servers");
    let servers = servers.into_iter().flat_map(Value::elements).map(text);
    let servers: Option<Vec<String>> = servers.collect();
    let mut servers = servers.ok_or_else(|| invalid("an issuer that is no string".to_owned()))?;
    servers.sort_unstable();
    Ok(Authorization { resource, servers })
}

/// RFC 9728, section 3: stands between the host and the path of the resource.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Real metadata is below 4 KiB.
const METADATA_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_names_the_resource_and_its_issuers() {
        let found =
            parse(br#"{"resource":"https://m.example/mcp","authorization_servers":["b","a"]}"#);
        let found = found.unwrap();
        assert_eq!(found.resource, "https://m.example/mcp");
        assert_eq!(found.servers, ["a", "b"]);
        for wrong in [&b"{}"[..], br#"{"resource":1}"#, br#"{"resource":"a","resource":"b"}"#] {
            assert!(parse(wrong).is_err());
        }
        let odd = br#"{"resource":"a","authorization_servers":[1]}"#;
        assert!(parse(odd).is_err());
    }
}
