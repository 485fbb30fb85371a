//! The decision endpoint: AuthZEN Authorization API 1.0 over the engine of X14 and G14.
//!
//! Access evaluation (§6), access evaluations (§7) and the metadata (§9). Deliberately absent: the
//! search APIs, for a set of principals is nothing that we know. Callers authenticate by a key, as
//! the specification's security considerations recommend: who may ask at will learns the policies.

mod body;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use self::body::{Evaluations, Malformed};
use super::request;
use crate::exchange::Decide;
use crate::limits::{EVALUATIONS_BYTES_MAX, REQUEST_ID_BYTES_MAX};
use crate::token::Secret;

/// The codes of the endpoint's own refusals, with what they mean. Those of decisions are `policy`'s.
pub const CODES: &[(&str, &str)] = &[
    (MALFORMED, "The body is no evaluation, or none that can be read in one way only."),
    (TOO_MANY, "More evaluations than one request may ask for."),
    (UNAUTHENTICATED, "The caller did not show the key of the endpoint."),
];

/// What decides now: one request is decided by one.
pub type Current = Arc<dyn Fn() -> Arc<dyn Decide> + Send + Sync>;

/// The endpoint of a decision point that is named `name`, an `https` URL without a trailing slash, for
/// whoever shows `key`.
pub fn router(engine: Current, name: &str, key: Secret) -> Router {
    let path = url::Url::parse(name).map(|url| url.path().trim_end_matches('/').to_owned());
    let path = path.unwrap_or_default();
    let point = Point { engine, name: name.trim_end_matches('/').into(), key };
    Router::new()
        .route(&format!("{path}{EVALUATION}"), post(evaluation))
        .route(&format!("{path}{EVALUATIONS}"), post(evaluations))
        .route(&format!("/.well-known/authzen-configuration{path}"), get(metadata))
        .with_state(Arc::new(point))
}

struct Point {
    engine: Current,
    name: Box<str>,
    key: Secret,
}

async fn metadata(State(point): State<Arc<Point>>) -> Response {
    let name = &point.name;
    super::answer::public(&json!({
        "policy_decision_point": name,
        "access_evaluation_endpoint": format!("{name}{EVALUATION}"),
        "access_evaluations_endpoint": format!("{name}{EVALUATIONS}"),
    }))
}

async fn evaluation(State(point): State<Arc<Point>>, request: Request) -> Response {
    point.answer(request, Evaluations::single).await
}

async fn evaluations(State(point): State<Arc<Point>>, request: Request) -> Response {
    point.answer(request, Evaluations::read).await
}

impl Point {
    async fn answer(
        &self,
        request: Request,
        read: fn(&Value) -> Result<Evaluations, Malformed>,
    ) -> Response {
        let (head, body) = request.into_parts();
        let mut response = match self.asked(&head.headers, body, read).await {
            Ok(evaluations) => json_of(StatusCode::OK, &evaluations.decide(&*(self.engine)())),
            Err(refusal) => refusal.response(&self.name),
        };
        // §10.1.3: the identifier of the request comes back.
        if let Some(id) =
            head.headers.get(&REQUEST_ID).filter(|id| id.len() <= REQUEST_ID_BYTES_MAX)
        {
            response.headers_mut().insert(REQUEST_ID, id.clone());
        }
        response
    }

    async fn asked(
        &self,
        headers: &HeaderMap,
        body: Body,
        read: fn(&Value) -> Result<Evaluations, Malformed>,
    ) -> Result<Evaluations, Refusal> {
        if !self.is_authenticated(headers) {
            let says = "show the key of this endpoint: `Authorization: Bearer KEY`".to_owned();
            return Err(Refusal { status: StatusCode::UNAUTHORIZED, code: UNAUTHENTICATED, says });
        }
        if headers.get(&REQUEST_ID).is_some_and(|id| id.len() > REQUEST_ID_BYTES_MAX) {
            return Err(malformed("X-Request-ID is too long"));
        }
        let media_type = request::text(headers, &CONTENT_TYPE).unwrap_or_default();
        if !request::is(media_type, "application/json") {
            return Err(malformed("the body has to be application/json"));
        }
        let bytes = request::bytes(headers, body, EVALUATIONS_BYTES_MAX).await;
        let bytes = bytes.map_err(|refusal| Refusal {
            status: refusal.status,
            code: refusal.code,
            says: refusal.says,
        })?;
        let body = body::value(&bytes)?;
        Ok(read(&body)?)
    }

    /// Compares in a time that says nothing of where the two differ.
    fn is_authenticated(&self, headers: &HeaderMap) -> bool {
        let shown = request::text(headers, &AUTHORIZATION).and_then(|text| text.split_once(' '));
        shown.is_some_and(|(scheme, key)| {
            let (key, own) = (key.as_bytes(), self.key.expose().as_bytes());
            scheme.eq_ignore_ascii_case("bearer")
                && aws_lc_rs::constant_time::verify_slices_are_equal(key, own).is_ok()
        })
    }
}

/// What pertains to the whole request (§7.2.1); what pertains to one evaluation is a decision.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    says: String,
}

impl Refusal {
    /// §10.1.2: the body is a message.
    fn response(self, name: &str) -> Response {
        let message = format!("{} [{}]", self.says, self.code);
        let mut response = json_of(self.status, &Value::String(message));
        if self.status == StatusCode::UNAUTHORIZED
            && let Ok(challenge) = HeaderValue::from_str(&format!("Bearer realm=\"{name}\""))
        {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<Malformed> for Refusal {
    fn from(error: Malformed) -> Self {
        let code = if matches!(error, Malformed::Many) { TOO_MANY } else { MALFORMED };
        Self { status: StatusCode::BAD_REQUEST, code, says: error.to_string() }
    }
}

fn malformed(says: &str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, code: MALFORMED, says: says.to_owned() }
}

fn json_of(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

const EVALUATION: &str = "/access/v1/evaluation";
const EVALUATIONS: &str = "/access/v1/evaluations";

const MALFORMED: &str = "authz.authzen.request-malformed";
const TOO_MANY: &str = "authz.authzen.too-many";
const UNAUTHENTICATED: &str = "authz.authzen.unauthenticated";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[cfg(test)]
mod tests;
