//! Reading requests, and answering them.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::namespace::NamespaceError;
use crate::publish::PublishError;
use crate::service::Service;

/// What is refused: `{"error": "sentence", "code": "publish.…"}`, for an entry with each fault.
pub(super) struct Refused(Refusal);

enum Refusal {
    Publish(Box<PublishError>),
    Api(crate::api::Refusal),
}

impl<E: Into<PublishError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(Refusal::Publish(Box::new(error.into())))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let error = match self.0 {
            Refusal::Publish(error) => error,
            Refusal::Api(refusal) => return refusal.into_response(),
        };
        if let PublishError::Service(error) = *error {
            return crate::api::Refusal::from(error).into_response();
        }
        let mut body = Map::new();
        body.insert("error".to_owned(), told(&error).into());
        body.insert("code".to_owned(), error.code().into());
        match &*error {
            PublishError::Entry(entry) => {
                let faults = entry.faults().iter().map(fault);
                body.insert("faults".to_owned(), faults.collect());
            }
            PublishError::Denied { index, findings } => {
                body.insert("index".to_owned(), (*index).into());
                body.insert("findings".to_owned(), json!(findings));
            }
            _ => {}
        }
        let body = Value::Object(body);
        let mut response = self::json(error.status(), &body);
        if error.status() == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

fn fault(fault: &crate::publish::server_json::Fault) -> Value {
    let (code, says) = (fault.code.as_str(), fault.code.sentence());
    json!({ "code": code, "place": fault.pointer, "error": says })
}

/// The error and its causes, in one sentence.
fn told(error: &PublishError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let next_text = next.to_string();
        // A transparent error says what its cause says.
        if !text.ends_with(&next_text) {
            text = format!("{text}: {next_text}");
        }
        cause = next.source();
    }
    text
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    answer(status, surface::canonical::to_vec(body))
}

/// Logins are not to be kept by anybody on the way; nothing else here is worth keeping.
fn answer(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(axum::body::Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A version as the API shows it.
pub(super) async fn shown(
    service: &Service,
    server: &str,
    version: &str,
) -> Result<Response, Refused> {
    let shown = crate::api::version_shown(service, server, version).await;
    shown.map(|body| answer(StatusCode::OK, body)).map_err(|error| Refused(Refusal::Api(error)))
}

/// The body of a request.
pub(super) async fn body(request: Request, bytes_max: usize) -> Result<Bytes, PublishError> {
    let body = axum::body::to_bytes(request.into_body(), bytes_max).await;
    body.map_err(|_| PublishError::Request { why: "its body is too long, or ends too early" })
}

/// The bearer token of a request.
pub(super) fn bearer(request: &Request) -> Result<&str, PublishError> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = header.and_then(|header| header.split_once(' ')).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(NamespaceError::Token.into())
    }
}

/// A body that is strict JSON, its keys distinct however they are read.
pub(super) fn document(bytes: &[u8], bytes_max: usize) -> Result<wire::Document<'_>, PublishError> {
    let policy = wire::Policy {
        bytes_max,
        fold_keys: true,
        strict_scalars: true,
        ..wire::Policy::default()
    };
    Ok(wire::Document::parse(bytes, &policy)?)
}

/// A member that is a string.
pub(super) fn text(root: wire::Value<'_>, key: &str) -> Option<String> {
    root.get(key)?.as_str().map(std::borrow::Cow::into_owned)
}

/// A list of strings; none if it is absent.
pub(super) fn texts(
    list: Option<wire::Value<'_>>,
    count_max: usize,
) -> Result<Vec<String>, PublishError> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let texts: Option<Vec<String>> = list
        .elements()
        .take(count_max + 1)
        .map(|text| text.as_str().map(std::borrow::Cow::into_owned))
        .collect();
    let texts = texts.filter(|texts| list.kind() == wire::Kind::Array && texts.len() <= count_max);
    texts.ok_or(PublishError::Request { why: "`keys` is not a short list of texts" })
}
