//! The feed over HTTP.

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::{Feed, Filter, Page, json_feed as render, page, stream as streaming};
use crate::api::{self, Query, Refusal, Stopping};
use crate::limits;

/// State changes after a number, oldest first.
#[utoipa::path(
    get,
    path = "/v0.1/countersign/changes",
    params(
        ("since" = Option<i64>, Query, description = "The number of the last change that is known."),
        ("limit" = Option<u32>, Query, description = "How many at most; 50 unless asked for."),
        ("server" = Option<String>, Query, description = "A server's name, or `NAMESPACE/*`."),
        ("severity" = Option<String>, Query, description = "info, notice, warning or critical: this or above."),
        ("kind" = Option<String>, Query, description = "A code, or what codes begin with: `entry`."),
    ),
    responses(
        (status = 200, description = "A page.", body = Page),
        (status = 400, description = "A filter that means nothing.", body = api::ErrorBody),
    ),
)]
pub(crate) async fn changes(
    State(feed): State<Feed>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let query = Query::parse(query.as_deref())?;
    let filter = filter(&query)?;
    let since = number(&query, "since")?.unwrap_or_default();
    let page = page::after(feed.service.database(), &filter, since, limit(&query)?).await?;
    Ok(api::json(StatusCode::OK, serde_json::to_vec(&page).unwrap_or_default()))
}

/// State changes as they happen, as server-sent events.
#[utoipa::path(
    get,
    path = "/v0.1/countersign/changes/stream",
    params(
        ("since" = Option<i64>, Query, description = "Begin after this change; without it and without \
         `Last-Event-ID`, with what is new."),
        ("server" = Option<String>, Query, description = "A server's name, or `NAMESPACE/*`."),
        ("severity" = Option<String>, Query, description = "info, notice, warning or critical: this or above."),
        ("kind" = Option<String>, Query, description = "A code, or what codes begin with: `entry`."),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that came."),
    ),
    responses(
        (status = 200, description = "Events named `change`, each with a change as its data.", content_type = "text/event-stream", body = String),
        (status = 400, description = "A filter that means nothing.", body = api::ErrorBody),
        (status = 503, description = "Too many streams.", body = api::ErrorBody),
    ),
)]
pub(crate) async fn stream(
    State(feed): State<Feed>,
    stopping: Option<Extension<Stopping>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let query = Query::parse(query.as_deref())?;
    let filter = filter(&query)?;
    let last = match headers.get("last-event-id") {
        Some(value) => Some(id(value.to_str().unwrap_or_default(), "Last-Event-ID")?),
        None => number(&query, "since")?,
    };
    let since = match last {
        Some(since) => since,
        None => super::newest(&feed.service).await?,
    };
    let busy = || Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "feed.busy", "too many streams");
    let slot = feed.streams.clone().try_acquire_owned().map_err(|_| busy())?;
    let stopping = stopping.map(|Extension(stopping)| stopping);
    Ok(streaming::respond(feed, filter, since, slot, stopping))
}

/// The newest state changes, as a JSON Feed 1.1.
#[utoipa::path(
    get,
    path = "/v0.1/countersign/changes/feed.json",
    params(
        ("before" = Option<i64>, Query, description = "Only changes before this number."),
        ("limit" = Option<u32>, Query, description = "How many at most; 50 unless asked for."),
        ("server" = Option<String>, Query, description = "A server's name, or `NAMESPACE/*`."),
        ("severity" = Option<String>, Query, description = "info, notice, warning or critical: this or above."),
        ("kind" = Option<String>, Query, description = "A code, or what codes begin with: `entry`."),
    ),
    responses(
        (status = 200, description = "A JSON Feed.", content_type = "application/feed+json", body = Object),
        (status = 400, description = "A filter that means nothing.", body = api::ErrorBody),
    ),
)]
pub(crate) async fn json_feed(
    State(feed): State<Feed>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Refusal> {
    let query = Query::parse(raw.as_deref())?;
    let (filter, limit) = (filter(&query)?, limit(&query)?);
    let before = number(&query, "before")?.unwrap_or(i64::MAX);
    let changes = page::before(feed.service.database(), &filter, before, limit).await?;
    let body = render::render(&feed.service, &query, &changes, limit);
    Ok(api::typed(StatusCode::OK, "application/feed+json", "no-cache", body))
}

fn filter(query: &Query) -> Result<Filter, Refusal> {
    let part = |name| query.text(name);
    Filter::parse(part("server"), part("severity"), part("kind"))
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.code(), error.to_string()))
}

fn number(query: &Query, name: &'static str) -> Result<Option<i64>, Refusal> {
    query.text(name).map(|text| id(text, name)).transpose()
}

fn id(text: &str, name: &'static str) -> Result<i64, Refusal> {
    let number = text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let sentence = || format!("`{name}` is the number of a change");
    number.ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "feed.since", sentence()))
}

fn limit(query: &Query) -> Result<usize, Refusal> {
    let Some(text) = query.text("limit") else { return Ok(limits::CHANGES_USUAL) };
    let wanted = text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let sentence = || format!("`limit` is a number from 1 to {}", limits::CHANGES_MAX);
    wanted
        .filter(|limit| (1..=limits::CHANGES_MAX).contains(limit))
        .ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "feed.limit", sentence()))
}
