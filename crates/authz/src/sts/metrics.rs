//! What operators read.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::answer;

/// The counters of a service.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<[(&'static str, &'static str); 2], Counter>,
    refusals: Family<[(&'static str, &'static str); 1], Counter>,
    seconds: Histogram,
    edges_version: Gauge,
    edges_files: Family<[(&'static str, &'static str); 1], Counter>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("countersign_sts");
        let (requests, refusals) = (Family::default(), Family::default());
        let seconds = Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
        registry.register("requests", "Requests that were answered", requests.clone());
        registry.register("refusals", "Refusals, by their public code", refusals.clone());
        let help = "How long answers took, in seconds";
        registry.register("request_seconds", help, seconds.clone());
        let (edges_version, edges_files) = (Gauge::default(), Family::default());
        let help = "The version of the edge file that is in force";
        registry.register("edges_version", help, edges_version.clone());
        let help = "Edge files that came after the first, by what was made of them";
        registry.register("edges_files", help, edges_files.clone());
        Self { registry, requests, refusals, seconds, edges_version, edges_files }
    }

    /// Counts a refusal. By its public code: counters are read by more people than records.
    pub(super) fn refused(&self, code: &'static str) {
        self.refusals.get_or_create(&[("code", code)]).inc();
    }

    /// The version of the edge file that is in force at the start.
    pub(super) fn edges_at_start(&self, version: u64) {
        self.edges_version.set(i64::try_from(version).unwrap_or(i64::MAX));
    }

    /// Counts an edge file that came later, and says which version is in force after it.
    pub(super) fn edges(&self, version: u64, is_replaced: bool) {
        self.edges_at_start(version);
        let result = if is_replaced { "replaced" } else { "refused" };
        self.edges_files.get_or_create(&[("result", result)]).inc();
    }

    /// All, in the text format of `OpenMetrics`.
    pub(super) fn show(&self) -> Response {
        let mut text = String::new();
        let written = encode(&mut text, &self.registry);
        let status = written.map_or(StatusCode::INTERNAL_SERVER_ERROR, |()| StatusCode::OK);
        answer::text(status, "application/openmetrics-text; version=1.0.0; charset=utf-8", text)
    }
}

/// Counts a request, and writes a line about it: no query, header or body, which may hold tokens.
pub(super) async fn observe(
    State(metrics): State<Arc<Metrics>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let endpoint = endpoint(request.uri().path());
    let response = next.run(request).await;
    let elapsed = started.elapsed();
    let status = response.status();
    metrics.requests.get_or_create(&[("endpoint", endpoint), ("status", class(status))]).inc();
    metrics.seconds.observe(elapsed.as_secs_f64());
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(endpoint, status = status.as_u16(), elapsed_us = micros, "answered");
    response
}

/// Few values: paths of strangers are no labels.
fn endpoint(path: &str) -> &'static str {
    if path.starts_with("/.well-known/") {
        return "metadata";
    }
    match path.rsplit('/').next() {
        Some("token") => "token",
        Some("revoke") => "revoke",
        Some("jwks") => "jwks",
        Some("events") => "events",
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
