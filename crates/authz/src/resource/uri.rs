//! Absolute http and https URIs in one form (RFC 3986 §6.2): scheme and host in lower case, no default
//! port; path and query exactly as they were written.

use url::{Host, Url};

use super::ResourceError;
use crate::limits;

pub(super) struct Uri<'t> {
    /// Scheme, host and port, normalised.
    pub(super) origin: String,
    /// Path and query as written; a fragment too.
    pub(super) rest: &'t str,
    pub(super) is_https: bool,
    pub(super) is_loopback: bool,
}

/// Whether two URIs name one target but for query and fragment (RFC 9449 §4.3, check 9): what a proof
/// says, and what is configured.
pub fn is_same_target(said: &str, configured: &str) -> bool {
    let target = |text| {
        let uri = Uri::parse(text).ok()?;
        let path = uri.rest.split(['?', '#']).next().unwrap_or_default();
        // RFC 3986 §6.2.3: with an authority, an empty path is `/`.
        Some((uri.origin, if path.is_empty() { "/" } else { path }))
    };
    said == configured || target(said).is_some_and(|said| Some(said) == target(configured))
}

impl<'t> Uri<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, ResourceError> {
        // What browsers mend (white space, control characters, backslashes) is refused.
        let is_uri = |byte: u8| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte);
        if text.len() > limits::URI_BYTES_MAX || !text.bytes().all(is_uri) {
            return Err(ResourceError::NotUri);
        }
        // The scheme as it is written: `https:a://b` is mended too, and then another host is meant.
        let (scheme, after) = text.split_once("://").ok_or(ResourceError::NotUri)?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return Err(ResourceError::NotUri);
        }
        let url = Url::parse(text).map_err(|_| ResourceError::NotUri)?;
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at_checked(end).ok_or(ResourceError::NotUri)?;
        if authority.contains('@') {
            return Err(ResourceError::Extra);
        }
        // A host that is percent-encoded, or has other signs, reads differently to others.
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        if authority.is_empty() || !authority.bytes().all(is_host) {
            return Err(ResourceError::NotUri);
        }
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        // What resolves to another path than the one written has two names.
        if path.split('/').any(is_dots) {
            return Err(ResourceError::NotUri);
        }
        let is_loopback = match url.host().ok_or(ResourceError::NotUri)? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let origin = url.origin().ascii_serialization();
        Ok(Self { origin, rest, is_https, is_loopback })
    }
}

/// `.` and `..`, percent-encoded or not.
fn is_dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    matches!(plain.as_str(), "." | "..")
}
