//! The OpenAPI 3.1 description, generated from the handlers.

mod writes;

use std::collections::BTreeMap;

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::answer::{ErrorBody, json};
use super::render::{Countersign, Official, SurfaceDigests};
use super::{log, metrics, servers};
use crate::feed::handlers as feed;

/// A server's version.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServerResponse<'r> {
    /// server.json, byte for byte as it was published.
    server: serde_json::Value,
    /// What the registry says beside it.
    #[serde(rename = "_meta")]
    meta: ResponseMeta<'r>,
}

/// What the registry says of a version.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ResponseMeta<'r> {
    /// As the official registry.
    #[serde(rename = "io.modelcontextprotocol.registry/official")]
    official: Official<'r>,
    /// What the log has, under a key that begins with the operator's reverse DNS:
    /// `com.example.registry/countersign`.
    #[serde(flatten)]
    countersign: BTreeMap<String, Countersign<'r>>,
}

/// A page of servers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServerList<'r> {
    /// The rows.
    servers: Vec<ServerResponse<'r>>,
    /// What comes after.
    metadata: ListMetadata,
}

/// How many rows there are, and where the next page begins.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListMetadata {
    /// Rows of this page.
    count: u32,
    /// The cursor of the next page, if there is one.
    next_cursor: Option<String>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Countersign registry",
        description = "The MCP registry API, over a transparency log.",
        license(name = "Apache-2.0 OR MIT"),
    ),
    paths(
        servers::list,
        servers::versions,
        servers::version,
        log::about,
        log::checkpoint,
        log::tile,
        log::key,
        log::proof,
        log::object,
        log::latest,
        log::bundle,
        metrics::show,
        metrics::health,
        metrics::ready,
        feed::changes,
        feed::json_feed,
        feed::stream,
        writes::publish_entry,
        writes::publish,
        writes::statements,
        writes::held,
        writes::validate,
        writes::change_status,
        writes::change_all_statuses,
        writes::delete_version,
        writes::put_version,
        writes::by_dns,
        writes::by_http,
        writes::by_github_oidc,
        writes::by_github_at,
        writes::look_now,
        writes::dead_letters,
        writes::redeliver,
    ),
    components(schemas(
        ServerList,
        ServerResponse,
        ResponseMeta,
        ListMetadata,
        Official,
        Countersign,
        SurfaceDigests,
        ErrorBody,
        writes::Publication,
        writes::Submission,
        writes::StatusChange,
        writes::DomainLogin,
        writes::OidcLogin,
        writes::AccessLogin,
        writes::TokenResponse,
        writes::Looks,
        writes::Redelivery,
    ))
)]
struct Description;

/// The description, as JSON that people can read.
pub fn openapi() -> String {
    let mut text = Description::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// `GET /openapi.json`
pub(super) async fn show() -> Response {
    json(StatusCode::OK, openapi())
}
