//! How an upstream is asked: slowly, again after a failure, and not at all when it says so.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ETAG, IF_NONE_MATCH, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::MirrorError;
use crate::limits;
use crate::net::{Client, Request, Response};

/// Asks one upstream.
pub(super) struct Asker {
    client: Client,
    /// The time between two requests.
    interval: Duration,
    /// When the next request may be sent.
    next: Mutex<Instant>,
}

/// An answer that counts.
pub(super) enum Answer {
    /// 200, with the validator that came along.
    Body(Bytes, Option<String>),
    /// 304.
    Unchanged,
    /// 404.
    Absent,
}

impl Asker {
    pub(super) fn new(client: Client, requests_per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / requests_per_second.max(1);
        Self { client, interval, next: Mutex::new(Instant::now()) }
    }

    /// Asks until there is an answer that counts, a bounded number of times.
    pub(super) async fn ask(&self, url: &Url, etag: Option<&str>) -> Result<Answer, MirrorError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.turn().await;
            let error = match self.client.send(request(url, etag)).await {
                Ok(response) => match answer(response) {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                },
                Err(error) => MirrorError::Net(error),
            };
            let wait = match &error {
                MirrorError::Status { retry_after: Some(wait), .. } => *wait,
                _ => self.interval * 2_u32.saturating_pow(attempt),
            };
            let is_patient = error.is_transient() && wait <= limits::RETRY_AFTER_MAX;
            if attempt >= limits::ATTEMPTS_MAX || !is_patient {
                return Err(error);
            }
            tracing::info!(%error, attempt, wait_ms = wait.as_millis(), "asking an upstream again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Waits until the next request may be sent.
    async fn turn(&self) {
        let mut next = self.next.lock().await;
        tokio::time::sleep_until(*next).await;
        *next = Instant::now() + self.interval;
    }
}

fn request(url: &Url, etag: Option<&str>) -> Request {
    let mut headers = HeaderMap::new();
    if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
        headers.insert(IF_NONE_MATCH, etag);
    }
    Request {
        headers,
        bytes_max: limits::PAGE_BYTES_MAX,
        time_max: limits::PAGE_TIME_MAX,
        ..Request::get(url.clone())
    }
}

fn answer(response: Response) -> Result<Answer, MirrorError> {
    match response.status {
        StatusCode::OK => {
            let etag = response.headers.get(ETAG).and_then(|value| value.to_str().ok());
            let etag = etag.filter(|etag| etag.len() <= limits::ETAG_BYTES_MAX);
            Ok(Answer::Body(response.body, etag.map(str::to_owned)))
        }
        StatusCode::NOT_MODIFIED => Ok(Answer::Unchanged),
        StatusCode::NOT_FOUND => Ok(Answer::Absent),
        status => Err(MirrorError::Status {
            status: status.as_u16(),
            retry_after: retry_after(&response.headers),
        }),
    }
}

/// Seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    let wait = date.timestamp().duration_since(jiff::Timestamp::now());
    Some(wait.try_into().unwrap_or_default())
}
