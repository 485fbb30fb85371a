//! Server-sent events: each stream reads the tables at the pace of its reader.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;

use super::filter::Filter;
use super::{Change, Feed, page};
use crate::api::Stopping;
use crate::limits;
use crate::service::ServiceError;

/// The answer: a stream that begins after `since`.
pub(super) fn respond(
    feed: Feed,
    filter: Filter,
    since: i64,
    slot: OwnedSemaphorePermit,
    stopping: Option<Stopping>,
) -> Response {
    let (sending, receiving) = mpsc::channel(1);
    tokio::spawn(async move {
        let stopped = async {
            match stopping {
                Some(stopping) => stopping.asked().await,
                None => std::future::pending().await,
            }
        };
        // The reader comes again with the last id that it saw.
        tokio::select! {
            ended = run(&feed, &filter, since, &sending) => {
                if let Err(error) = ended {
                    crate::service::tell(&error, "a stream of state changes ends");
                }
            }
            () = stopped => {}
        }
        drop(slot);
    });
    let chunks = stream::unfold(receiving, |mut receiving| async move {
        let chunk: Bytes = receiving.recv().await?;
        Some((Ok::<_, Infallible>(chunk), receiving))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // nginx would keep events back until its buffer is full.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Sends until the reader is gone, takes nothing for too long, or the service stops.
async fn run(
    feed: &Feed,
    filter: &Filter,
    mut since: i64,
    sending: &mpsc::Sender<Bytes>,
) -> Result<(), ServiceError> {
    let mut newest = feed.newest.clone();
    // With its number: who is cut off before the first event misses none.
    if !send(sending, format!("retry: {RETRY_MS}\nid: {since}\n\n")).await {
        return Ok(());
    }
    loop {
        let page = page::after(feed.service.database(), filter, since, limits::STREAM_PAGE).await?;
        for change in &page.changes {
            if !send(sending, event(change)).await {
                return Ok(());
            }
        }
        since = page.next;
        if page.more {
            continue;
        }
        let is_newer = async { newest.wait_for(|newest| *newest > since).await.is_ok() };
        let waited = tokio::select! {
            // A reader that is gone makes room at once, not at the next heartbeat.
            () = sending.closed() => return Ok(()),
            waited = timeout(limits::HEARTBEAT, is_newer) => waited,
        };
        match waited {
            Ok(true) => {}
            // The service stops.
            Ok(false) => return Ok(()),
            // An event without data is none, but its id is where a reader comes again: what the
            // filter let not through needs not be looked at twice.
            Err(_) => {
                if !send(sending, format!(": heartbeat\nid: {since}\n\n")).await {
                    return Ok(());
                }
            }
        }
    }
}

/// Whether the reader took it.
async fn send(sending: &mpsc::Sender<Bytes>, text: String) -> bool {
    matches!(timeout(limits::STREAM_STALL_MAX, sending.send(text.into())).await, Ok(Ok(())))
}

fn event(change: &Change) -> String {
    // JSON has no line breaks of its own, so one line of data holds it.
    let data = serde_json::to_string(change).unwrap_or_default();
    format!("id: {}\nevent: change\ndata: {data}\n\n", change.id)
}

/// How soon a reader comes again.
const RETRY_MS: u32 = 2_000;
