//! The feed of state changes: as pages, as a JSON Feed, as server-sent events, and as webhooks.
//!
//! A change has a number that grows by one and never changes ([`crate::projection`]). Readers ask
//! for what comes after the number they know, so nobody misses one, however slow or absent. What a
//! reader costs is one page: streams read the tables at the pace of their reader.
//! Absent on purpose: e-mail and chat, which a webhook reaches.

mod filter;
pub(crate) mod handlers;
mod json_feed;
mod page;
mod stream;
pub mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use sqlx::Row as _;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::service::{Service, ServiceError};
use crate::{limits, projection};

pub use filter::{Filter, FilterError};
pub use page::{Page, after};
pub use webhook::Webhooks;

/// What handlers work with. Clones share it.
#[derive(Clone)]
pub(crate) struct Feed {
    service: Service,
    /// The number of the newest change.
    newest: watch::Receiver<i64>,
    streams: Arc<Semaphore>,
    _following: Arc<Following>,
}

/// What is served under `/v0.1/countersign/changes`. Has to be called inside a runtime.
pub fn router(service: Service) -> Router {
    let (telling, newest) = watch::channel(0);
    let following = Following(tokio::spawn(follow(service.clone(), telling)));
    let streams = Arc::new(Semaphore::new(limits::STREAMS_MAX));
    let feed = Feed { service, newest, streams, _following: Arc::new(following) };
    Router::new()
        .route(PATH, get(handlers::changes))
        .route("/v0.1/countersign/changes/stream", get(handlers::stream))
        .route("/v0.1/countersign/changes/feed.json", get(handlers::json_feed))
        .with_state(feed)
}

struct Following(JoinHandle<()>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tells the newest number, one look at the tables however many streams wait for it.
async fn follow(service: Service, telling: watch::Sender<i64>) {
    let mut progress = service.progress();
    loop {
        match newest(&service).await {
            Ok(newest) => {
                telling.send_if_modified(|known| std::mem::replace(known, newest) != newest);
            }
            Err(error) => crate::service::tell(&error, "the feed does not see its tables"),
        }
        if progress.changed().await.is_err() {
            return;
        }
    }
}

/// The number of the newest change.
async fn newest(service: &Service) -> Result<i64, ServiceError> {
    let row = sqlx::query("SELECT change_id FROM projection WHERE id = 1");
    let row = row.fetch_optional(service.database().pool()).await;
    let newest = row.and_then(|row| row.map(|row| row.try_get(0)).transpose());
    Ok(newest.map_err(ServiceError::database("reading how far the feed is"))?.unwrap_or_default())
}

/// The codes of the feed, each with its sentence.
pub const CODES: &[(&str, &str)] = &[
    ("feed.server", "`server` is a server's name, or `NAMESPACE/*`."),
    ("feed.severity", "`severity` is info, notice, warning or critical."),
    ("feed.kind", "`kind` is a code of a state change, or what such codes begin with."),
    ("feed.since", "`since`, `before` and `Last-Event-ID` are numbers of changes."),
    ("feed.limit", "`limit` is out of bounds."),
    ("feed.busy", "There are too many streams."),
];

const PATH: &str = "/v0.1/countersign/changes";

#[cfg(test)]
mod tests;

/// A change, as everybody is told of it.
pub type Change = projection::StateChange;
