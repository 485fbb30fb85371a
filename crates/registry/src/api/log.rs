//! The log as everybody reads it (C2SP tlog-tiles): checkpoint, tiles, bundles of entries, key, proofs,
//! objects.

mod page;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use surface::Digest;
use tlog::tile::Tile;

use super::Api;
use super::answer::{ErrorBody, Refusal, json, typed};
use crate::service::ServiceError;

/// The newest published checkpoint, with every signature.
#[utoipa::path(
    get, path = "/log/checkpoint", tag = "log", operation_id = "get-checkpoint",
    responses(
        (status = 200, description = "A signed note (C2SP tlog-checkpoint)", body = String, content_type = "text/plain"),
        (status = 400, description = "A query string", body = ErrorBody),
        (status = 404, description = "Nothing is published yet", body = ErrorBody),
    ),
)]
pub(super) async fn checkpoint(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    refuse_query(query.as_deref())?;
    let published = api.service.log().published();
    let published =
        published.ok_or_else(|| Refusal::not_found("no checkpoint is published yet"))?;
    Ok(typed(StatusCode::OK, TEXT, "no-cache", published.note.clone()))
}

/// A tile of hashes, or a bundle of entries (`entries/…`), of a published size.
#[utoipa::path(
    get, path = "/log/tile/{path}", tag = "log", operation_id = "get-tile",
    params(("path" = String, Path, example = "0/000.p/1", description = "`<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`")),
    responses(
        (status = 200, description = "The tile or bundle; it never changes", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "A query string, or a path that names no tile", body = ErrorBody),
        (status = 404, description = "The log is not that large", body = ErrorBody),
    ),
)]
pub(super) async fn tile(
    State(api): State<Api>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    refuse_query(query.as_deref())?;
    let tile: Tile = format!("tile/{path}")
        .parse()
        .map_err(|_| Refusal::path("this names no tile (C2SP tlog-tiles)"))?;
    let bytes = api.service.log().tile(tile).await?;
    let bytes = bytes.ok_or_else(|| Refusal::not_found("the published log is not that large"))?;
    Ok(typed(StatusCode::OK, BYTES, IMMUTABLE, bytes))
}

/// The log's verifier keys, one a line.
#[utoipa::path(
    get, path = "/log/key", tag = "log", operation_id = "get-log-key",
    responses((status = 200, description = "Verifier keys (C2SP signed-note)", body = String, content_type = "text/plain")),
)]
pub(super) async fn key(State(api): State<Api>) -> Response {
    let keys = api.service.log_keys().iter().map(|key| format!("{key}\n"));
    typed(StatusCode::OK, TEXT, "no-cache", keys.collect::<String>())
}

/// The proof of an entry against the newest published checkpoint.
#[utoipa::path(
    get, path = "/log/proof/{index}", tag = "log", operation_id = "get-proof",
    params(("index" = u64, Path, example = 0, description = "The index of the entry")),
    responses(
        (status = 200, description = "The proof (C2SP tlog-proof)", body = String, content_type = "text/plain"),
        (status = 400, description = "A path that names no index", body = ErrorBody),
        (status = 404, description = "No published checkpoint covers it yet", body = ErrorBody),
    ),
)]
pub(super) async fn proof(
    State(api): State<Api>,
    Path(index): Path<String>,
) -> Result<Response, Refusal> {
    let is_plain = index.bytes().all(|b| b.is_ascii_digit());
    let index = index.parse().ok().filter(|_| is_plain);
    let index = index.ok_or_else(|| Refusal::path("an index is a decimal number"))?;
    let proof = api.service.log().proof(index).await?;
    let none = || Refusal::not_found("no published checkpoint covers this index yet");
    let proof = proof.ok_or_else(none)?;
    Ok(typed(StatusCode::OK, TEXT, "no-cache", proof.to_string()))
}

/// An object that everybody may read: an entry, or a surface that everybody is shown.
#[utoipa::path(
    get, path = "/log/object/{digest}", tag = "log", operation_id = "get-object",
    params(("digest" = String, Path, description = "`sha256:<hex>`")),
    responses(
        (status = 200, description = "Its bytes, as they came", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "A path that names no digest", body = ErrorBody),
        (status = 404, description = "There is none that everybody may read", body = ErrorBody),
    ),
)]
pub(super) async fn object(
    State(api): State<Api>,
    Path(digest): Path<String>,
) -> Result<Response, Refusal> {
    let digest: Digest = digest
        .parse()
        .map_err(|_| Refusal::path("a digest is `sha256:` and 64 lower-case hexadecimal digits"))?;
    let none = || Refusal::not_found("there is no such object that everybody may read");
    let query = sqlx::query("SELECT position FROM public_objects WHERE digest = $1");
    let row = query.bind(digest.to_string()).fetch_optional(api.service.database().pool()).await;
    row.map_err(ServiceError::database("looking for an object"))?.ok_or_else(none)?;
    let bytes = api.service.object(&digest).await?.ok_or_else(none)?;
    Ok(typed(StatusCode::OK, BYTES, IMMUTABLE, bytes))
}

/// The newest statement under a name of the log's map, or the proof that there is none.
#[utoipa::path(
    get, path = "/log/latest/{name}", tag = "log", operation_id = "get-latest",
    params(("name" = String, Path, example = "com.example/files", description = "A server's name, percent-encoded, or another name of the map")),
    responses(
        (status = 200, description = "A bundle: the statement, if there is one, and the proofs", body = serde_json::Value),
        (status = 404, description = "Nothing is published yet", body = ErrorBody),
    ),
)]
pub(super) async fn latest(
    State(api): State<Api>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let name = super::path::decode(&name).unwrap_or(name);
    let bundle = super::bundle::latest(&api, &[name], &[]).await?;
    Ok(json(StatusCode::OK, bundle.to_json()))
}

/// Everything about one version that verifies offline.
#[utoipa::path(
    get, path = "/log/bundle/{name}/{version}", tag = "log", operation_id = "get-bundle",
    params(
        ("name" = String, Path, example = "com.example/files", description = "The server's name, percent-encoded"),
        ("version" = String, Path, example = "1.0.0", description = "The version, percent-encoded, or `latest`"),
    ),
    responses(
        (status = 200, description = "The bundle", body = serde_json::Value),
        (status = 404, description = "There is no such version, or no published checkpoint covers it yet", body = ErrorBody),
    ),
)]
pub(super) async fn bundle(
    State(api): State<Api>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let bundle = super::bundle::of_version(&api, &name, &version).await?;
    Ok(json(StatusCode::OK, bundle.to_json()))
}

/// What the log is, in plain text.
#[utoipa::path(
    get, path = "/log/", tag = "log", operation_id = "get-log",
    responses((status = 200, description = "What the log is", body = String, content_type = "text/plain")),
)]
pub(super) async fn about(State(api): State<Api>) -> Response {
    typed(StatusCode::OK, TEXT, "no-cache", page::text(&api.service))
}

/// INVARIANT: a tile or checkpoint has one address. A cache that ignores queries would answer another.
fn refuse_query(query: Option<&str>) -> Result<(), Refusal> {
    match query {
        None => Ok(()),
        Some(_) => Err(Refusal::query("tiles and checkpoints take no query string")),
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
