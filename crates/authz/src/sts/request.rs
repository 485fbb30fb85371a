//! A request's head and body, before anybody looks at what it asks.

mod form;

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, StatusCode};

use super::answer::Refusal;
use super::{MALFORMED, TOO_LARGE};
use crate::limits;
use crate::resource::Terminator;
use crate::token::Secret;

pub(super) use form::Form;

/// What a request shows beside its form.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// The `DPoP` header.
    pub(super) proof: Option<Secret>,
    /// The SHA-256 of the client's certificate, as the terminator of TLS saw it.
    pub(super) certificate: Option<String>,
    /// The `traceparent` header.
    pub(super) traceparent: Option<String>,
}

/// The form of a request, and what it shows beside it.
///
/// # Errors
/// Another type, a query, a body that is too long, too slow or no form, two proofs or certificates.
pub(super) async fn form(
    request: Request,
    terminator: Option<&Terminator>,
) -> Result<(Form, Shown), Refusal> {
    let (head, body) = request.into_parts();
    if head.uri.query().is_some() {
        // RFC 6749 §2.3.1, RFC 6750 §2.3: what is in a URL is in every log on the way.
        return Err(malformed("parameters come in the body, never in the URL"));
    }
    let media_type = text(&head.headers, &CONTENT_TYPE).unwrap_or_default();
    if !is(media_type, "application/x-www-form-urlencoded") {
        return Err(malformed("the body has to be application/x-www-form-urlencoded"));
    }
    let peer = head.extensions.get::<SocketAddr>().map(SocketAddr::ip);
    let certificate = terminator.map_or(Ok(None), |it| it.certificate(peer, &head.headers));
    let traceparent = text(&head.headers, &HeaderName::from_static("traceparent"));
    let shown = Shown {
        proof: proof(&head.headers)?,
        certificate: certificate.map_err(malformed)?,
        traceparent: traceparent.map(str::to_owned),
    };
    let body = bytes(&head.headers, body, limits::FORM_BYTES_MAX).await?;
    let form = Form::parse(&body).map_err(|error| malformed(error.to_string()))?;
    Ok((form, shown))
}

/// A body, bounded in size and time, as it came.
///
/// # Errors
/// One that is too long, too slow, encoded, or breaks off.
pub(super) async fn bytes(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<bytes::Bytes, Refusal> {
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(malformed("the body has to come without a content encoding"));
    }
    let refused = |status, says: &str| Refusal::new(status, "invalid_request", TOO_LARGE, says);
    match tokio::time::timeout(limits::FORM_TIME_MAX, to_bytes(body, bytes_max)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => {
            Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long, or broke off"))
        }
        Err(_) => Err(refused(StatusCode::REQUEST_TIMEOUT, "the body took too long to come")),
    }
}

/// Whether a media type is `wanted`, in whatever case and with whatever parameters.
pub(super) fn is(media_type: &str, wanted: &str) -> bool {
    media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

/// A header that is there once and is text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The one proof (RFC 9449 §4.3, check 1).
fn proof(headers: &HeaderMap) -> Result<Option<Secret>, Refusal> {
    let name = HeaderName::from_static("dpop");
    if !headers.contains_key(&name) {
        return Ok(None);
    }
    match text(headers, &name) {
        Some(proof) => Ok(Some(proof.into())),
        None => Err(malformed("there is more than one DPoP header, or it is no text")),
    }
}

fn malformed(says: impl Into<String>) -> Refusal {
    Refusal::malformed(MALFORMED, says)
}
