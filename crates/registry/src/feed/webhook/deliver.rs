//! Delivers what one webhook is to be told.

use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};

use super::Hook;
use super::outbox::{self, Delivery};
use crate::limits;
use crate::net::Request;
use crate::service::{Service, ServiceError};

/// Delivers for as long as it is polled.
pub(super) async fn run(service: &Service, hook: &Hook) {
    loop {
        match next(service, hook).await {
            Ok(true) => {}
            Ok(false) => tokio::time::sleep(limits::OUTBOX_POLL / 4).await,
            Err(error) => {
                crate::service::tell(&error, "a webhook cannot be told what changed");
                tokio::time::sleep(limits::OUTBOX_POLL).await;
            }
        }
    }
}

/// Tries the next delivery; whether there was one.
async fn next(service: &Service, hook: &Hook) -> Result<bool, ServiceError> {
    let Some(delivery) = outbox::claim(service, &hook.name).await? else { return Ok(false) };
    let id = delivery.change_id;
    let webhook = hook.name.as_str();
    match send(service, hook, &delivery).await {
        Outcome::Delivered => outbox::done(service, webhook, id).await?,
        Outcome::Failed { why, is_final, retry_after } => {
            let is_last = is_final || delivery.attempts >= limits::DELIVERY_ATTEMPTS_MAX;
            let pause = pause(delivery.attempts, random()).max(retry_after.unwrap_or_default());
            let pause = pause.min(limits::DELIVERY_PAUSE_MAX);
            let pause_us = i64::try_from(pause.as_micros()).unwrap_or(i64::MAX);
            let due_us = (!is_last).then(|| outbox::now_us(service).saturating_add(pause_us));
            if is_last {
                tracing::error!(webhook, change = id, why, "a delivery was given up");
            } else {
                let attempt = delivery.attempts;
                tracing::warn!(webhook, change = id, attempt, why, "a delivery failed");
            }
            outbox::failed(service, webhook, id, due_us, why).await?;
        }
    }
    Ok(true)
}

enum Outcome {
    Delivered,
    Failed { why: String, is_final: bool, retry_after: Option<Duration> },
}

async fn send(service: &Service, hook: &Hook, delivery: &Delivery) -> Outcome {
    let failed = |why: String, is_final| Outcome::Failed { why, is_final, retry_after: None };
    let Some(headers) = headers(service.now_s(), hook, delivery) else {
        return failed("a header that cannot be sent".to_owned(), true);
    };
    let mut request = Request::post(hook.url.clone(), delivery.body.clone().into());
    request.headers = headers;
    request.bytes_max = limits::DELIVERY_ANSWER_BYTES_MAX;
    request.time_max = limits::DELIVERY_TIME_MAX;
    let answer = match hook.client.send(request).await {
        Ok(answer) => answer,
        Err(error) => return failed(error.code().to_owned(), false),
    };
    let status = answer.status.as_u16();
    match status {
        200..=299 => Outcome::Delivered,
        // The receiver is gone for good.
        410 => failed("410".to_owned(), true),
        _ => {
            let after = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let after = after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
            Outcome::Failed { why: status.to_string(), is_final: false, retry_after: after }
        }
    }
}

/// Standard Webhooks 1.0.0: the id is the same for each attempt, the time is not.
fn headers(now_s: u64, hook: &Hook, delivery: &Delivery) -> Option<HeaderMap> {
    let id = format!("chg_{}", delivery.change_id);
    let signatures: Vec<_> =
        hook.secrets.iter().map(|secret| secret.sign(&id, now_s, &delivery.body)).collect();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("webhook-id", id.parse().ok()?);
    headers.insert("webhook-timestamp", now_s.into());
    headers.insert("webhook-signature", signatures.join(" ").parse().ok()?);
    Some(headers)
}

/// The pause after an attempt, four times as long as the one before, a fifth more or less: receivers
/// that failed together should not be asked together.
fn pause(attempts: i64, random: u8) -> Duration {
    let times = u32::try_from(attempts.saturating_sub(1).clamp(0, 15)).unwrap_or_default();
    let pause = limits::DELIVERY_PAUSE_MIN.saturating_mul(4_u32.saturating_pow(times));
    let share = 0.8 + 0.4 * f64::from(random) / 255.0;
    pause.min(limits::DELIVERY_PAUSE_MAX).mul_f64(share)
}

fn random() -> u8 {
    let mut byte = [128];
    // Without randomness the pauses are the same for all, which is no worse than that.
    let _ = aws_lc_rs::rand::fill(&mut byte);
    let [byte] = byte;
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_fourfold_within_their_jitter_and_end_at_a_day() {
        let mut total = Duration::ZERO;
        for attempt in 1..limits::DELIVERY_ATTEMPTS_MAX {
            let (low, high) = (pause(attempt, 0), pause(attempt, 255));
            assert!(low < high);
            assert!(high <= limits::DELIVERY_PAUSE_MAX.mul_f64(1.21));
            total += low;
        }
        assert_eq!(pause(1, 0), limits::DELIVERY_PAUSE_MIN.mul_f64(0.8));
        assert!(pause(2, 0) > pause(1, 255));
        assert!(total > Duration::from_hours(36), "{total:?}");
        assert_eq!(pause(i64::MAX, 0), limits::DELIVERY_PAUSE_MAX.mul_f64(0.8));
    }
}
