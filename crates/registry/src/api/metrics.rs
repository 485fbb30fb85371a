//! What operators read: counters, and whether the registry works.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::Arc;

use super::Api;
use super::answer::{ErrorBody, Refusal, typed};
use crate::service::Service;

/// The registry's own counters.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Histogram,
    log_size: Gauge,
    published_size: Gauge,
    projected_size: Gauge,
    rows: Gauge,
}

/// Few values each: part of the API, and status.
type Labels = [(&'static str, &'static str); 2];

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("countersign");
        let requests = Family::default();
        let seconds = Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
        let gauges: [Gauge; 4] = std::array::from_fn(|_| Gauge::default());
        registry.register("requests", "Requests that were answered", requests.clone());
        let help = "How long answers took until their first byte, in seconds";
        registry.register("request_seconds", help, seconds.clone());
        let [log_size, published_size, projected_size, rows] = gauges;
        registry.register("log_size", "Durable entries of the log", log_size.clone());
        let help = "Entries that the newest published checkpoint covers";
        registry.register("published_size", help, published_size.clone());
        let help = "Entries that are in the tables";
        registry.register("projected_size", help, projected_size.clone());
        registry.register("versions", "Rows of the list of servers", rows.clone());
        Self { registry, requests, seconds, log_size, published_size, projected_size, rows }
    }

    fn read(&self, service: &Service) {
        let set = |gauge: &Gauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.log_size, *service.log().sizes().borrow());
        let published = service.log().published();
        set(&self.published_size, published.map_or(0, |published| published.checkpoint.size));
        set(&self.projected_size, *service.progress().borrow());
        set(&self.rows, service.catalogue().len() as u64);
    }
}

/// Counts a request, and writes a line about it.
pub(super) async fn observe(
    State(metrics): State<Arc<Metrics>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let elapsed = started.elapsed();
    let status = response.status();
    let labels = [("part", part(&path)), ("status", class(status))];
    metrics.requests.get_or_create(&labels).inc();
    metrics.seconds.observe(elapsed.as_secs_f64());
    // No query, header or body: tokens are in headers, and queries say what somebody looks for.
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(%method, path, status = status.as_u16(), elapsed_us = micros, "answered");
    if is_change(&method) && status.is_success() {
        tracing::info!(%method, path, status = status.as_u16(), "accepted");
    }
    response
}

/// The counters, in the text format of `OpenMetrics`.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", operation_id = "get-metrics",
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text")),
)]
pub(super) async fn show(State(api): State<Api>) -> Response {
    api.metrics.read(&api.service);
    let mut text = String::new();
    let written = encode(&mut text, &api.metrics.registry);
    let status = written.map_or(StatusCode::INTERNAL_SERVER_ERROR, |()| StatusCode::OK);
    typed(status, "application/openmetrics-text; version=1.0.0; charset=utf-8", "no-store", text)
}

/// Whether the process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "operations", operation_id = "get-health",
    responses((status = 200, description = "It answers", body = String, content_type = "text/plain")),
)]
pub(super) async fn health() -> Response {
    typed(StatusCode::OK, "text/plain; charset=utf-8", "no-store", "ok\n")
}

/// Whether it can do its work: a checkpoint is published, and the tables have what the log has.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", operation_id = "get-readiness",
    responses(
        (status = 200, description = "It can", body = String, content_type = "text/plain"),
        (status = 503, description = "It cannot yet", body = ErrorBody),
    ),
)]
pub(super) async fn ready(State(api): State<Api>) -> Result<Response, Refusal> {
    let size = *api.service.log().sizes().borrow();
    let projected = *api.service.progress().borrow();
    if projected < size {
        let says = format!("the tables have {projected} of {size} entries");
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "service.late", says));
    }
    if api.service.log().published().is_none() {
        let says = "no checkpoint is published yet";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "service.late", says));
    }
    Ok(typed(StatusCode::OK, "text/plain; charset=utf-8", "no-store", "ready\n"))
}

fn is_change(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The part of the API that a path belongs to.
fn part(path: &str) -> &'static str {
    let api = path.strip_prefix("/v0.1/").or_else(|| path.strip_prefix("/v0/"));
    match api.map(|rest| rest.split('/').next().unwrap_or_default()) {
        Some("servers") => "servers",
        Some("publish") => "publish",
        Some("auth") => "auth",
        None if path.starts_with("/log") => "log",
        None if path.starts_with("/feed") => "feed",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
