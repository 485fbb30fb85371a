//! Events as they come: pushed to `/events` (RFC 8935), or polled (RFC 8936).
//!
//! INVARIANT: nothing is acknowledged before what it ends is durable.

pub(super) mod ended;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::config::Poll;
use super::{Sts, answer, request};
use crate::federation::{Event, EventError};
use crate::limits;
use crate::net;
use crate::token::JwtError;

/// `POST /events`
pub(super) async fn push(State(sts): State<Sts>, asked: Request) -> Response {
    let (head, body) = asked.into_parts();
    let media_type = request::text(&head.headers, &CONTENT_TYPE).unwrap_or_default();
    if !request::is(media_type, "application/secevent+jwt") {
        return refused(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "it is no application/secevent+jwt",
        );
    }
    let body = match request::bytes(&head.headers, body, limits::EVENT_CHARS_MAX).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into_response(),
    };
    let text = std::str::from_utf8(&body).unwrap_or_default();
    match sts.receive(text).await {
        Ok(()) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        }
        Err(Unreceived::Refused { word, says }) => refused(StatusCode::BAD_REQUEST, word, &says),
        Err(Unreceived::Failed) => {
            refused(StatusCode::SERVICE_UNAVAILABLE, "invalid_request", "try again")
        }
    }
}

/// Why an event is not acknowledged.
enum Unreceived {
    /// It will never be.
    Refused { word: &'static str, says: String },
    /// It may be the next time.
    Failed,
}

impl Sts {
    async fn receive(&self, text: &str) -> Result<(), Unreceived> {
        let now_s = self.now_s();
        let verify = || Event::verify(text, &self.inner.transmitters, now_s);
        let read = match verify() {
            Err(EventError::Key(JwtError::UnknownKey)) if self.renewed(text).await => verify(),
            read => read,
        };
        let event = read.map_err(|error| {
            self.inner.metrics.refused(error.code());
            tracing::warn!(code = error.code(), "an event is refused: {error}");
            Unreceived::Refused { word: error.word(), says: error.to_string() }
        })?;
        let is_first = event.apply(&*self.inner.grants, now_s).await.map_err(|error| {
            tracing::error!(issuer = event.iss, "an event cannot be recorded: {error}");
            Unreceived::Failed
        })?;
        let ends = event.ends.is_some();
        tracing::info!(
            issuer = event.iss,
            event = event.jti,
            ends,
            is_first,
            "an event is recorded"
        );
        Ok(())
    }

    /// Asks a transmitter for events, again and again, for as long as the task runs.
    pub(super) async fn poll(self, issuer: String, poll: Poll) {
        let mut done = Map::new();
        let mut errors = Map::new();
        loop {
            let wait = match self.poll_once(&poll, &mut done, &mut errors).await {
                Ok(true) => limits::POLL_PAUSE,
                Ok(false) => limits::POLL_TIME,
                Err(why) => {
                    tracing::warn!(issuer, why, "a transmitter cannot be polled");
                    limits::POLL_RETRY
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Acknowledges what was recorded, and takes what is new. Whether there was any.
    async fn poll_once(
        &self,
        poll: &Poll,
        done: &mut Map<String, Value>,
        errors: &mut Map<String, Value>,
    ) -> Result<bool, String> {
        let ack: Vec<&String> = done.keys().collect();
        let asks = json!({
            "maxEvents": limits::POLL_EVENTS_MAX, "returnImmediately": true,
            "ack": ack, "setErrs": errors,
        });
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(token) = &poll.token {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
            let mut value = value.map_err(|_| "the token for it is no header".to_owned())?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let request = net::Request {
            headers,
            bytes_max: limits::POLL_BYTES_MAX,
            ..net::Request::post(poll.url.clone(), asks.to_string().into())
        };
        let answer = self.inner.client.send(request).await.map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            return Err(format!("it answers {}", answer.status));
        }
        // It has read them.
        (*done, *errors) = (Map::new(), Map::new());
        let sets = polled(&answer.body)?;
        for (jti, text) in sets {
            match self.receive(&text).await {
                Ok(()) => drop(done.insert(jti, Value::Null)),
                Err(Unreceived::Refused { word, says }) => {
                    errors.insert(jti, json!({ "err": word, "description": says }));
                }
                Err(Unreceived::Failed) => return Err("an event cannot be recorded".to_owned()),
            }
        }
        Ok(!done.is_empty() || !errors.is_empty())
    }
}

/// The events of an answer, each with its name.
fn polled(body: &[u8]) -> Result<Vec<(String, String)>, String> {
    let document = wire::Document::parse(body, &wire::Policy::default());
    let value = document.and_then(|document| surface::json::exact(document.root()));
    let value = value.map_err(|error| format!("its answer is refused: {error}"))?;
    let Some(Value::Object(sets)) = value.get("sets") else {
        return Err("its answer has no `sets`".to_owned());
    };
    if sets.len() > limits::POLL_EVENTS_MAX {
        return Err("it sends more events than it was asked for".to_owned());
    }
    let text = |(jti, set): (&String, &Value)| {
        set.as_str().map(|set| (jti.clone(), set.to_owned())).ok_or("an event is no text")
    };
    Ok(sets.iter().map(text).collect::<Result<_, _>>()?)
}

fn refused(status: StatusCode, word: &str, says: &str) -> Response {
    answer::secret(status, &json!({ "err": word, "description": says }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_a_poll_is_read_strictly_and_bounded() {
        let of = |count: usize| {
            let sets: Map<_, _> = (0..count).map(|at| (format!("e{at}"), json!("set"))).collect();
            polled(json!({ "sets": sets, "moreAvailable": true }).to_string().as_bytes())
        };
        assert_eq!(of(limits::POLL_EVENTS_MAX).map(|sets| sets.len()), Ok(limits::POLL_EVENTS_MAX));
        assert!(of(limits::POLL_EVENTS_MAX + 1).is_err());
        for body in [
            "",
            "[]",
            "{}",
            r#"{"sets":[]}"#,
            r#"{"sets":{"a":1}}"#,
            r#"{"sets":{"a":"b","a":"c"}}"#,
        ] {
            assert!(polled(body.as_bytes()).is_err(), "{body}");
        }
    }
}
