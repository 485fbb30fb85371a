//! Who may ask: `Host` and `Origin` against DNS rebinding, and headers within bounds.

use std::net::{IpAddr, SocketAddr};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use super::rejection::Rejection;
use crate::http::upstream::{is_utf8, same_origin};
use crate::limits;

/// The rule of one listener.
pub(super) struct Admission {
    is_loopback: bool,
    /// Origins of browsers that may ask, such as `https://app.example`.
    origins: Vec<Uri>,
}

impl Admission {
    /// A listener at a loopback address admits loopback hosts and origins; any listener admits
    /// `origins`, and whoever sends no `Origin`, which no browser omits on a POST.
    pub(super) fn new(listener: SocketAddr, origins: Vec<Uri>) -> Self {
        Self { is_loopback: listener.ip().is_loopback(), origins }
    }

    /// Checks what every request must satisfy.
    pub(super) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Rejection> {
        let line_max = limits::HEADER_LINE_BYTES_MAX;
        let uri_bytes = uri.path_and_query().map_or(0, |path| path.as_str().len());
        if uri_bytes > line_max || headers.values().any(|value| value.len() > line_max) {
            return Err(Rejection::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "http.header-size",
                "a header line is larger than the limit",
            ));
        }
        let host = only(headers, &HOST).and_then(|host| host.parse::<Authority>().ok());
        if !host.is_some_and(|host| self.admits_host(host.host())) {
            return Err(Rejection::new(
                StatusCode::FORBIDDEN,
                "http.host",
                "the `Host` header does not name this listener",
            ));
        }
        let origin = only(headers, &ORIGIN).and_then(|origin| origin.parse::<Uri>().ok());
        if headers.contains_key(ORIGIN) && !origin.is_some_and(|origin| self.admits(&origin)) {
            return Err(Rejection::new(
                StatusCode::FORBIDDEN,
                "http.origin",
                "the `Origin` header names a site that is not allowed here",
            ));
        }
        Ok(())
    }

    fn admits_host(&self, host: &str) -> bool {
        let is_named =
            |origin: &Uri| origin.host().is_some_and(|allowed| allowed.eq_ignore_ascii_case(host));
        !self.is_loopback || is_loopback_name(host) || self.origins.iter().any(is_named)
    }

    fn admits(&self, origin: &Uri) -> bool {
        let is_local = self.is_loopback && origin.host().is_some_and(is_loopback_name);
        is_local || self.origins.iter().any(|allowed| same_origin(allowed, origin))
    }
}

/// Checks that a body is JSON as it stands.
pub(super) fn check_content(headers: &HeaderMap) -> Result<(), Rejection> {
    let unsupported = |sentence| {
        Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "http.content-type", sentence))
    };
    let value = only(headers, &CONTENT_TYPE).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return unsupported("the body of a POST is `application/json`");
    }
    if !is_utf8(value.as_bytes()) {
        return unsupported("the body of a POST is UTF-8");
    }
    if headers.contains_key(CONTENT_ENCODING) {
        return unsupported("a compressed body is not read");
    }
    Ok(())
}

/// The value of a header that must not be repeated.
fn only<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value: &HeaderValue = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

fn is_loopback_name(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
