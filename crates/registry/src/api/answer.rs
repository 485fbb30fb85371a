//! Answers: JSON as it is, errors as `{"error": "sentence", "code": "api.query"}`.

use std::borrow::Cow;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::service::ServiceError;

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// One sentence.
    pub error: Cow<'static, str>,
    /// A stable code.
    pub code: &'static str,
}

/// What is refused, and how.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    body: ErrorBody,
}

impl Refusal {
    /// A refusal with its status, stable code and sentence.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        error: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, body: ErrorBody { error: error.into(), code } }
    }

    /// There is no such thing.
    pub fn not_found(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "api.not-found", error)
    }

    /// A query that cannot be read.
    pub fn query(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "api.query", error)
    }

    /// A path that names nothing in one way only.
    pub fn path(error: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "api.path", error)
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.body.code
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body).unwrap_or_default();
        let mut response = json(self.status, body);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        let code = error.code();
        let status = match code {
            "store.full" | "store.recovering" | "store.unknown" | "store.closed"
            | "service.late" => StatusCode::SERVICE_UNAVAILABLE,
            code if code.starts_with("seal.") => StatusCode::BAD_REQUEST,
            "store.too-long" | "store.too-many" => StatusCode::PAYLOAD_TOO_LARGE,
            "service.kind" | "service.time" | "service.signers" | "store.reserved" => {
                StatusCode::BAD_REQUEST
            }
            _ => {
                crate::service::tell(&error, "a request failed");
                return Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    code,
                    "the registry could not do it; its own log says why",
                );
            }
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<store::StoreError> for Refusal {
    fn from(error: store::StoreError) -> Self {
        ServiceError::from(error).into()
    }
}

/// What a path that is not served answers.
pub(super) async fn not_found() -> Refusal {
    Refusal::not_found("there is nothing at this path")
}

/// What a method that is not served answers.
pub(super) async fn not_allowed() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "api.method", "this path has other methods")
}

/// A JSON body.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    typed(status, "application/json", "no-cache", body)
}

/// A body of another type, with what caches may do with it.
pub(crate) fn typed(
    status: StatusCode,
    content_type: &'static str,
    cache: &'static str,
    body: impl Into<Bytes>,
) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    // Bytes of strangers are never a page of ours.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
