//! Logins, as the official publisher tool asks for them.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::answer::{self, Refused, body, document, text};
use crate::limits;
use crate::namespace::{Login, Method};
use crate::publish::{PublishError, Publisher};

/// `{"github_client_id": …}`: where the tool learns with which application it asks GitHub.
pub(super) async fn health(State(publisher): State<Publisher>) -> Response {
    let github = publisher.namespaces().config().github.as_ref();
    let client_id = github.and_then(|github| github.client_id.clone()).unwrap_or_default();
    answer::json(StatusCode::OK, &json!({ "status": "ok", "github_client_id": client_id }))
}

/// `{"oidc_token": …}`
pub(super) async fn github_oidc(
    State(publisher): State<Publisher>,
    request: Request,
) -> Result<Response, Refused> {
    let [token] = members(request, ["oidc_token"]).await?;
    Ok(token_of(&publisher.namespaces().by_github_oidc(&token).await?))
}

/// `{"github_token": …}`
pub(super) async fn github_at(
    State(publisher): State<Publisher>,
    request: Request,
) -> Result<Response, Refused> {
    let [token] = members(request, ["github_token"]).await?;
    Ok(token_of(&publisher.namespaces().by_github_at(&token).await?))
}

/// `{"domain": …, "timestamp": …, "signed_timestamp": …}`, the key in the domain's TXT records.
pub(super) async fn dns(
    State(publisher): State<Publisher>,
    request: Request,
) -> Result<Response, Refused> {
    by_domain(&publisher, Method::Dns, request).await
}

/// The same, the key in the domain's well-known file.
pub(super) async fn http(
    State(publisher): State<Publisher>,
    request: Request,
) -> Result<Response, Refused> {
    by_domain(&publisher, Method::Http, request).await
}

async fn by_domain(
    publisher: &Publisher,
    method: Method,
    request: Request,
) -> Result<Response, Refused> {
    let names = ["domain", "timestamp", "signed_timestamp"];
    let [domain, timestamp, signature] = members(request, names).await?;
    let namespaces = publisher.namespaces();
    Ok(token_of(&namespaces.by_domain(method, &domain, &timestamp, &signature).await?))
}

async fn members<const N: usize>(
    request: Request,
    names: [&str; N],
) -> Result<[String; N], PublishError> {
    let bytes = body(request, limits::FORM_BYTES_MAX).await?;
    let document = document(&bytes, limits::FORM_BYTES_MAX)?;
    let texts = names.map(|name| text(document.root(), name));
    if texts.iter().any(Option::is_none) {
        return Err(PublishError::Request { why: "it lacks a member of the login" });
    }
    Ok(texts.map(Option::unwrap_or_default))
}

fn token_of(login: &Login) -> Response {
    let (text, expires_s) = (&login.text, login.token.expires_s);
    answer::json(StatusCode::OK, &json!({ "registry_token": text, "expires_at": expires_s }))
}
