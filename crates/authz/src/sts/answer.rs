//! Answers: nothing of them is kept by anybody, and a refusal says no more than it may.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::UNAVAILABLE;
use crate::grant::GrantError;

/// A refusal (RFC 6749 §5.2), with our code beside the standard's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The status.
    pub(super) status: StatusCode,
    /// The standard's code.
    pub(super) error: &'static str,
    /// Ours.
    pub(super) code: &'static str,
    /// A sentence: never one that quotes what came.
    pub(super) says: String,
    /// When it is worth another try, in seconds.
    pub(super) retry_s: Option<u64>,
}

impl Refusal {
    /// A request that is malformed.
    pub(super) fn malformed(code: &'static str, says: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", code, says)
    }

    /// A refusal.
    pub(super) fn new(
        status: StatusCode,
        error: &'static str,
        code: &'static str,
        says: impl Into<String>,
    ) -> Self {
        Self { status, error, code, says: says.into(), retry_s: None }
    }

    /// Grants that cannot be read or written: nothing is decided without them.
    pub(super) fn store(error: &GrantError) -> Self {
        tracing::error!("grants cannot be read or written: {}", chain(error));
        let says = "the service cannot do its work now";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let refusal = Self::new(status, "temporarily_unavailable", UNAVAILABLE, says);
        Self { retry_s: Some(1), ..refusal }
    }
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({
            "error": self.error,
            "error_description": self.says,
            "code": self.code,
        });
        let mut response = secret(self.status, &body);
        if let Some(retry_s) = self.retry_s {
            response.headers_mut().insert(RETRY_AFTER, retry_s.max(1).into());
        }
        response
    }
}

/// JSON that nobody may keep (RFC 6749 §5.1).
pub(super) fn secret(status: StatusCode, body: &Value) -> Response {
    let mut response = json_of(status, body, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// JSON that everybody may keep for a while.
pub(super) fn public(body: &Value) -> Response {
    let age = format!("public, max-age={}", crate::limits::JWKS_AGE_S_MAX);
    let age = HeaderValue::from_str(&age).unwrap_or(HeaderValue::from_static("no-cache"));
    json_of(StatusCode::OK, body, age)
}

/// Text for operators.
pub(super) fn text(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Adds the nonce for the next proof (RFC 9449 §8.2).
pub(super) fn with_nonce(mut response: Response, nonce: &str) -> Response {
    if let Ok(nonce) = HeaderValue::from_str(nonce) {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    response
}

fn json_of(status: StatusCode, body: &Value, cache: HeaderValue) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, cache);
    response
}

/// Where a nonce stands.
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
