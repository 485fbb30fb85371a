//! What the operator alone may ask of a running registry, with a token: to look at a server now, and
//! for the webhook deliveries that were given up.
//!
//! Without a token in the configuration none of it is served.

use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::constant_time;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use http::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Value, json};
use surface::Digest;
use wire::{Document, Policy};

use super::Service;
use crate::api::{self, Refusal};
use crate::feed::webhook::{self, SecretError, secret};
use crate::limits;
use crate::monitor::{Monitor, MonitorError};

/// `[operator]`: where the token is, in a variable or in a file that its owner alone may read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The environment variable with the token.
    pub token_env: Option<String>,
    /// The file whose first line is the token.
    pub token_file: Option<PathBuf>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It cannot be read.
    #[error("the operator's token")]
    Secret(#[from] SecretError),
    /// It could be guessed.
    #[error("the operator's token has fewer than {} characters", limits::OPERATOR_TOKEN_CHARS_MIN)]
    Short,
}

#[derive(Clone)]
struct Operator {
    service: Service,
    monitor: Option<Arc<Monitor>>,
    /// Of the token, so that the token itself is not kept.
    digest: Arc<Digest>,
}

/// The routes, for [`crate::api::router`].
///
/// # Errors
/// A token that cannot be read, or is too short.
pub fn router(
    service: Service,
    monitor: Option<Arc<Monitor>>,
    config: &Config,
) -> Result<Router, TokenError> {
    let text = secret::text(config.token_env.as_deref(), config.token_file.as_deref())?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.chars().count() < limits::OPERATOR_TOKEN_CHARS_MIN {
        return Err(TokenError::Short);
    }
    let digest = Arc::new(Digest::of_bytes(token.as_bytes()));
    let operator = Operator { service, monitor, digest };
    let checked = middleware::from_fn_with_state(operator.clone(), check);
    Ok(Router::new()
        .route("/v0.1/countersign/operator/looks", post(look))
        .route("/v0.1/countersign/operator/dead-letters", get(dead).post(redeliver))
        .route_layer(checked)
        .with_state(operator))
}

/// Lets through who has the token.
async fn check(
    State(operator): State<Operator>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = header.and_then(|header| header.split_once(' ')).unwrap_or_default();
    let (shown, wanted) =
        (Digest::of_bytes(token.trim().as_bytes()).to_string(), operator.digest.to_string());
    let is_same = constant_time::verify_slices_are_equal(shown.as_bytes(), wanted.as_bytes());
    if !scheme.eq_ignore_ascii_case("bearer") || is_same.is_err() {
        let error = "this is asked with the operator's token, as a bearer token";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "operator.token", error));
    }
    Ok(next.run(request).await)
}

/// Looks at every endpoint of a server, as every client: `{"server": NAME}`.
async fn look(State(operator): State<Operator>, request: Request) -> Result<Response, Refusal> {
    let body = body(request).await?;
    let server = body.get("server").and_then(Value::as_str).ok_or_else(|| lacks("server"))?;
    let monitor = operator.monitor.as_ref();
    let monitor = monitor.ok_or_else(|| Refusal::not_found("this registry has no monitor"))?;
    let looks = monitor.look_at(server).await.map_err(|error| match error {
        MonitorError::Service(error) => Refusal::from(error),
        error @ MonitorError::Database { .. } => {
            super::tell(&error, "a look failed");
            let says = "the registry could not do it; its own log says why";
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "monitor.database", says)
        }
    })?;
    if looks.is_empty() {
        return Err(Refusal::not_found("the monitor knows no endpoint of this server"));
    }
    Ok(answer(&json!({ "looks": looks })))
}

/// The deliveries that were given up, oldest first.
async fn dead(State(operator): State<Operator>) -> Result<Response, Refusal> {
    let letters = webhook::dead(operator.service.database()).await?;
    Ok(answer(&json!({ "deadLetters": letters })))
}

/// Sends them again: `{"webhook": NAME}`, with `"changeId"` the one of a change alone.
async fn redeliver(
    State(operator): State<Operator>,
    request: Request,
) -> Result<Response, Refusal> {
    let body = body(request).await?;
    let webhook = body.get("webhook").and_then(Value::as_str).ok_or_else(|| lacks("webhook"))?;
    let change = match body.get("changeId") {
        None => None,
        Some(id) => Some(id.as_i64().filter(|id| *id > 0).ok_or_else(|| lacks("changeId"))?),
    };
    let count = webhook::redeliver(operator.service.database(), webhook, change).await?;
    Ok(answer(&json!({ "redelivered": count })))
}

async fn body(request: Request) -> Result<Value, Refusal> {
    let wrong = || Refusal::new(StatusCode::BAD_REQUEST, "api.body", "the body is no strict JSON");
    let bytes = axum::body::to_bytes(request.into_body(), limits::FORM_BYTES_MAX).await;
    let bytes = bytes.map_err(|_| {
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "api.body", "the body is too long")
    })?;
    let document = Document::parse(&bytes, &Policy::default()).map_err(|_| wrong())?;
    surface::json::exact(document.root()).map_err(|_| wrong())
}

fn lacks(member: &str) -> Refusal {
    let error = format!("the body lacks `{member}`, or it is none");
    Refusal::new(StatusCode::BAD_REQUEST, "api.body", error)
}

fn answer(body: &Value) -> Response {
    api::json(StatusCode::OK, body.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::service::fixture::Fixture;

    #[tokio::test]
    async fn a_token_that_could_be_guessed_or_read_by_others_is_none() {
        use std::os::unix::fs::PermissionsExt as _;
        let fixture = Fixture::new().await;
        let path = fixture.folder.path().join("token");
        let made = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let config = Config { token_env: None, token_file: Some(path.clone()) };
            router(fixture.service.clone(), None, &config).map(|_| ())
        };
        let at = "x".repeat(limits::OPERATOR_TOKEN_CHARS_MIN);
        assert!(made(&at, 0o600).is_ok());
        assert!(matches!(made(&at[1..], 0o600), Err(TokenError::Short)));
        assert!(matches!(made("", 0o600), Err(TokenError::Short)));
        let others = made(&at, 0o640);
        assert!(matches!(others, Err(TokenError::Secret(SecretError::Mode { .. }))));
        let nowhere = Config { token_env: None, token_file: None };
        assert!(router(fixture.service.clone(), None, &nowhere).is_err());
    }
}
