//! The status of versions.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::answer::{self, Refused, body, document, shown, text};
use super::login_of;
use crate::limits;
use crate::publish::{Change, PublishError, Publisher};

/// `PATCH …/versions/{version}/status`: `{"status": …, "statusMessage": …}`.
pub(super) async fn one(
    State(publisher): State<Publisher>,
    Path((server, version)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refused> {
    let token = login_of(&publisher, &request)?;
    let change = change_of(request).await?;
    publisher.change_status(&token, &server, Some(&version), &change).await?;
    shown(publisher.service(), &server, &version).await
}

/// `PATCH /servers/{name}/status`: all versions, or none.
pub(super) async fn all(
    State(publisher): State<Publisher>,
    Path(server): Path<String>,
    request: Request,
) -> Result<Response, Refused> {
    let token = login_of(&publisher, &request)?;
    let change = change_of(request).await?;
    let changed = publisher.change_status(&token, &server, None, &change).await?;
    let body = json!({
        "updatedCount": changed.versions.len(),
        "versions": changed.versions,
        "index": changed.index,
    });
    Ok(answer::json(StatusCode::OK, &body))
}

/// `DELETE …/versions/{version}`: the status `deleted`. The statements stay, and so does the name.
pub(super) async fn delete(
    State(publisher): State<Publisher>,
    Path((server, version)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refused> {
    let token = login_of(&publisher, &request)?;
    let change = Change::new("deleted", None)?;
    publisher.change_status(&token, &server, Some(&version), &change).await?;
    shown(publisher.service(), &server, &version).await
}

/// `PUT …/versions/{version}`: a version is never changed.
pub(super) async fn not_implemented() -> Response {
    let error = "a version is never changed: publish another one";
    answer::json(StatusCode::NOT_IMPLEMENTED, &json!({ "error": error, "code": "api.method" }))
}

async fn change_of(request: Request) -> Result<Change, PublishError> {
    let bytes = body(request, limits::FORM_BYTES_MAX).await?;
    let document = document(&bytes, limits::FORM_BYTES_MAX)?;
    let root = document.root();
    let status = text(root, "status").ok_or(PublishError::Request { why: "it lacks `status`" })?;
    Change::new(&status, text(root, "statusMessage").as_deref())
}
