//! `GET /v0.1/servers`, its versions, and one version.

use std::sync::LazyLock;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::StatusCode;

use super::Api;
use super::answer::{ErrorBody, Refusal, json};
use super::path;
use super::query::Query;
use super::render::{COLUMNS, Frame, Shown};
use crate::limits;
use crate::service::catalogue::{After, Filter};
use crate::service::{Service, ServiceError};

/// Lists servers, a page at a time.
#[utoipa::path(
    get, path = "/v0.1/servers", tag = "servers", operation_id = "list-servers",
    params(
        ("cursor" = Option<String>, Query, description = "Where the page begins: `metadata.nextCursor` of the page before, with the same other parameters"),
        ("limit" = Option<u32>, Query, description = "Rows of a page", minimum = 1, maximum = 100),
        ("search" = Option<String>, Query, description = "A part of the name, in any case"),
        ("updated_since" = Option<String>, Query, description = "Only rows that changed at this time (RFC 3339) or after it, in the order of their changes, deleted ones too"),
        ("version" = Option<String>, Query, description = "`latest`, or an exact version"),
        ("include_deleted" = Option<bool>, Query, description = "Whether deleted versions are listed"),
    ),
    responses(
        (status = 200, description = "A page", body = super::openapi::ServerList),
        (status = 400, description = "A parameter that cannot be read", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(api): State<Api>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let query = Query::parse(query.as_deref())?;
    let limit = query.limit()?;
    let updated_since_us = query.time_us("updated_since")?;
    let filter = Filter {
        search: query.text("search").map(str::to_lowercase),
        version: query.text("version").map(str::to_owned),
        updated_since_us,
        include_deleted: query.boolean("include_deleted")? || updated_since_us.is_some(),
    };
    let key = api.cursor_key().await?;
    let after = match query.text("cursor") {
        Some(cursor) => key.read(cursor, &filter)?,
        None => After { updated_us: 0, position: -1 },
    };
    let page = api.service.catalogue().page(&filter, after, limit);
    let next = page.next.map(|next| key.write(next, &filter));
    answer_list(&api, &page.positions, next.as_deref()).await
}

/// Lists the versions of a server, newest first.
#[utoipa::path(
    get, path = "/v0.1/servers/{name}/versions", tag = "servers", operation_id = "list-versions",
    params(
        ("name" = String, Path, example = "com.example/files", description = "The name, percent-encoded: `com.example%2Ffiles`"),
        ("include_deleted" = Option<bool>, Query, description = "Whether deleted versions are listed"),
    ),
    responses(
        (status = 200, description = "The versions", body = super::openapi::ServerList),
        (status = 400, description = "A parameter that cannot be read", body = ErrorBody),
        (status = 404, description = "There is no such server", body = ErrorBody),
    ),
)]
pub(super) async fn versions(
    State(api): State<Api>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let include_deleted = Query::parse(query.as_deref())?.boolean("include_deleted")?;
    let mut positions = api.service.catalogue().versions(&name, include_deleted);
    if positions.is_empty() {
        return Err(Refusal::not_found("there is no such server"));
    }
    positions.truncate(limits::VERSIONS_SERVED_MAX);
    answer_list(&api, &positions, None).await
}

/// One version of a server; `latest` names the latest.
#[utoipa::path(
    get, path = "/v0.1/servers/{name}/versions/{version}", tag = "servers", operation_id = "get-version",
    params(
        ("name" = String, Path, example = "com.example/files", description = "The name, percent-encoded: `com.example%2Ffiles`"),
        ("version" = String, Path, example = "1.0.0", description = "The version, percent-encoded, or `latest`"),
        ("include_deleted" = Option<bool>, Query, description = "Whether a deleted version is shown"),
    ),
    responses(
        (status = 200, description = "The version", body = super::openapi::ServerResponse),
        (status = 400, description = "A parameter that cannot be read", body = ErrorBody),
        (status = 404, description = "There is no such version", body = ErrorBody),
    ),
)]
pub(super) async fn version(
    State(api): State<Api>,
    Path((name, version)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    // A deleted version stays readable by its own address; `include_deleted` is for lists.
    Query::parse(query.as_deref())?.boolean("include_deleted")?;
    let catalogue = api.service.catalogue();
    let position = path::versions(&version).find_map(|it| catalogue.version(&name, &it));
    let not_found = || Refusal::not_found("there is no such server or version");
    let rows = api.rows(&[position.ok_or_else(not_found)?]).await?;
    let row = rows.first().ok_or_else(not_found)?;
    let checkpoint = api.checkpoint_text();
    let frame = Frame { key: &api.meta_key, checkpoint: checkpoint.as_deref() };
    let mut body = Vec::with_capacity(4_096);
    row.write(&frame, &mut body);
    Ok(json(StatusCode::OK, body))
}

async fn answer_list(
    api: &Api,
    positions: &[i64],
    next: Option<&str>,
) -> Result<Response, Refusal> {
    let checkpoint = api.checkpoint_text();
    let frame = Frame { key: &api.meta_key, checkpoint: checkpoint.as_deref() };
    let mut body = Vec::with_capacity(2_048 * (positions.len() + 1));
    body.extend_from_slice(b"{\"servers\":[");
    let mut count = 0_usize;
    for positions in positions.chunks(limits::PAGE_ROWS_SERVED_MAX) {
        for row in api.rows(positions).await? {
            if count > 0 {
                body.push(b',');
            }
            row.write(&frame, &mut body);
            count += 1;
        }
    }
    body.extend_from_slice(format!("],\"metadata\":{{\"count\":{count}").as_bytes());
    if let Some(next) = next {
        body.extend_from_slice(format!(",\"nextCursor\":\"{next}\"").as_bytes());
    }
    body.extend_from_slice(b"}}");
    Ok(json(StatusCode::OK, body))
}

impl Api {
    /// The rows at some positions, in that order; at most a page.
    async fn rows(&self, positions: &[i64]) -> Result<Vec<Shown>, Refusal> {
        let failed = || ServiceError::database("reading rows");
        let (statement, count) = match positions {
            [_] => (*ROW, 1),
            _ => (*ROWS, limits::PAGE_ROWS_SERVED_MAX),
        };
        let mut query = sqlx::query(statement);
        for at in 0..count {
            query = query.bind(positions.get(at).copied().unwrap_or(-1));
        }
        let found = query.fetch_all(self.service.database().pool()).await.map_err(failed())?;
        let rows: Result<Vec<_>, _> = found.iter().map(Shown::from_row).collect();
        let mut rows = rows.map_err(failed())?;
        let place = |row: &Shown| positions.iter().position(|at| *at == row.position);
        rows.sort_by_cached_key(place);
        Ok(rows)
    }
}

/// A version as [`version`] answers it, for those who have just changed it.
pub(crate) async fn version_shown(
    service: &Service,
    server: &str,
    version: &str,
) -> Result<Vec<u8>, Refusal> {
    let failed = || ServiceError::database("reading a version");
    let query = sqlx::query(*NAMED).bind(server.to_owned()).bind(version.to_owned());
    let row = query.fetch_optional(service.database().pool()).await.map_err(failed())?;
    let not_found = || Refusal::not_found("there is no such server or version");
    let row = Shown::from_row(&row.ok_or_else(not_found)?).map_err(failed())?;
    let checkpoint = service.log().published().map(|published| published.checkpoint.text());
    let key = serde_json::Value::String(format!("{}/countersign", service.operator()));
    let frame = Frame { key: &format!("{key}:"), checkpoint: checkpoint.as_deref() };
    let mut body = Vec::with_capacity(4_096);
    row.write(&frame, &mut body);
    Ok(body)
}

static NAMED: LazyLock<&str> = LazyLock::new(|| {
    format!("SELECT {COLUMNS} FROM versions WHERE server = $1 AND version = $2").leak()
});

/// A page of rows by position: as many parameters as a page has rows, so that there is one statement
/// to prepare.
static ROWS: LazyLock<&str> = LazyLock::new(|| statement(limits::PAGE_ROWS_SERVED_MAX));
static ROW: LazyLock<&str> = LazyLock::new(|| statement(1));

fn statement(count: usize) -> &'static str {
    let parameters: Vec<String> = (1..=count).map(|at| format!("${at}")).collect();
    let parameters = parameters.join(", ");
    format!("SELECT {COLUMNS} FROM versions WHERE position IN ({parameters})").leak()
}
