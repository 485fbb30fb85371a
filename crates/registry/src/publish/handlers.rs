//! The requests that change something: logins, publications, statuses, statements. Under `/v0.1` and
//! `/v0` as the official publisher tool sends them; what is only ours under `/v0.1/countersign`.

mod answer;
mod login;
mod status;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, patch, post, put};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use serde_json::json;

use self::answer::{Refused, bearer, body, shown, texts};
use super::server_json::ServerJson;
use super::{Declared, Outcome, PublishError, Publisher, Submission, artefact};
use crate::limits;
use crate::namespace::Token;

/// The routes, for [`crate::api::router`].
pub fn router(publisher: Publisher) -> Router {
    let common = Router::new()
        .route("/publish", post(publish_entry))
        .route("/validate", post(validate))
        .route("/health", get(login::health))
        .route("/auth/github-oidc", post(login::github_oidc))
        .route("/auth/github-at", post(login::github_at))
        .route("/auth/dns", post(login::dns))
        .route("/auth/http", post(login::http))
        .route("/servers/{name}/status", patch(status::all))
        .route("/servers/{name}/versions/{version}/status", patch(status::one))
        .route(
            "/servers/{name}/versions/{version}",
            put(status::not_implemented).delete(status::delete),
        );
    let ours = Router::new()
        .route("/publish", post(publish))
        .route("/statements", post(statements))
        .route("/held", get(held));
    Router::new()
        .nest("/v0", common.clone())
        .nest("/v0.1", common)
        .nest("/v0.1/countersign", ours)
        .with_state(publisher)
}

/// Publishes server.json alone.
async fn publish_entry(
    State(publisher): State<Publisher>,
    request: Request,
) -> Result<Response, Refused> {
    let token = login_of(&publisher, &request)?;
    let bytes = body(request, limits::SERVER_JSON_BYTES_MAX).await?;
    let entry = ServerJson::parse(&bytes).map_err(PublishError::from)?;
    publisher.publish_entry(&token, &entry).await?;
    shown(publisher.service(), entry.name(), entry.version()).await
}

/// Publishes a declaration: `{"envelope": …, "keys": […], "server": …, "surface": …}`, each as it was
/// digested.
async fn publish(
    State(publisher): State<Publisher>,
    request: Request,
) -> Result<Response, Refused> {
    let token = login_of(&publisher, &request)?;
    let bytes = body(request, limits::PUBLICATION_BYTES_MAX).await?;
    let policy = surface::document::POLICY;
    let scanned = wire::Document::parse(&bytes, &policy).map_err(PublishError::from)?;
    let root = scanned.root();
    let part = |key: &'static str| match root.get(key) {
        Some(part) => Ok(Bytes::copy_from_slice(part.raw())),
        None => Err(PublishError::Request { why: "it lacks `envelope`, `server` or `surface`" }),
    };
    let submission = Submission {
        entry: part("server")?,
        surface: part("surface")?,
        envelope: part("envelope")?,
        keys: texts(root.get("keys"), limits::KEYS_BROUGHT_MAX)?,
    };
    let declared = Declared::read(&submission)?;
    let outcome = publisher.publish(&token, &declared).await?;
    Ok(answer_of(&outcome))
}

fn answer_of(outcome: &Outcome) -> Response {
    let path = |text: &str| crate::api::path::encode(text);
    let bundle = format!("/log/bundle/{}/{}", path(&outcome.server), path(&outcome.version));
    answer::json(
        StatusCode::OK,
        &json!({
            "server": outcome.server,
            "version": outcome.version,
            "index": outcome.index,
            "countersignature": outcome.countersignature,
            "verdict": outcome.verdict,
            "findings": outcome.findings,
            "known": outcome.is_known,
            "proof": format!("/log/proof/{}", outcome.index),
            "bundle": bundle,
        }),
    )
}

/// Takes an approval, a rotation, a revocation or an observation: `{"envelope": …, "keys": […]}`, an
/// observation with the `surface`, as it was digested.
async fn statements(
    State(publisher): State<Publisher>,
    request: Request,
) -> Result<Response, Refused> {
    let bytes = statement_body(&publisher, request).await?;
    let policy = surface::document::POLICY;
    let scanned = wire::Document::parse(&bytes, &policy).map_err(PublishError::from)?;
    let root = scanned.root();
    let envelope =
        root.get("envelope").ok_or(PublishError::Request { why: "it lacks `envelope`" })?;
    let keys = texts(root.get("keys"), limits::KEYS_BROUGHT_MAX)?;
    let surface = root.get("surface").map(wire::Value::raw);
    let index = publisher.take(envelope.raw(), &keys, surface).await?;
    let proof = format!("/log/proof/{index}");
    Ok(answer::json(StatusCode::OK, &json!({ "index": index, "proof": proof })))
}

/// The body of a statement. A few at a time may be large, and have to come soon: no login is asked for.
async fn statement_body(publisher: &Publisher, request: Request) -> Result<Bytes, PublishError> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|length| length.parse::<usize>().ok()).unwrap_or_default();
    if length <= limits::STATEMENT_BODY_BYTES_MAX {
        return body(request, limits::STATEMENT_BODY_BYTES_MAX).await;
    }
    let _slot = publisher.large.try_acquire().map_err(|_| PublishError::Busy)?;
    let reading = body(request, limits::PUBLICATION_BYTES_MAX);
    let read = tokio::time::timeout(limits::LARGE_STATEMENT_TIME_MAX, reading).await;
    read.map_err(|_| PublishError::Request { why: "its body takes too long to come" })?
}

/// What waits for approval, oldest first.
async fn held(State(publisher): State<Publisher>) -> Result<Response, Refused> {
    let held = publisher.held(limits::HELD_SHOWN_MAX).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "held": held })))
}

/// Judges an entry, and publishes nothing.
async fn validate(request: Request) -> Result<Response, Refused> {
    let bytes = body(request, limits::SERVER_JSON_BYTES_MAX).await?;
    let issues: Vec<_> = match ServerJson::parse(&bytes) {
        Ok(entry) => {
            let packages: Vec<String> = entry.packages().map(artefact::name_of).collect();
            let valid = json!({ "valid": true, "issues": [], "packages": packages });
            return Ok(answer::json(StatusCode::OK, &valid));
        }
        Err(error) if error.faults().is_empty() => return Err(PublishError::from(error).into()),
        Err(error) => error
            .faults()
            .iter()
            .map(|fault| {
                json!({ "type": "schema", "path": fault.pointer, "severity": "error",
                        "message": fault.code.sentence(), "reference": fault.code.as_str() })
            })
            .collect(),
    };
    Ok(answer::json(StatusCode::OK, &json!({ "valid": false, "issues": issues })))
}

fn login_of(publisher: &Publisher, request: &Request) -> Result<Token, PublishError> {
    Ok(publisher.namespaces().token_of(bearer(request)?)?)
}
