//! A call to the server under examination, as a client's first.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use url::Url;

use crate::limits;
use crate::net::{Client, NetError, Request};
use crate::provider::discovery::date;
use crate::resource::{Challenge, ChallengeError};

/// What came back.
#[derive(Debug)]
pub(in crate::provider) struct Called {
    pub(in crate::provider) status: u16,
    pub(in crate::provider) challenges: Result<Vec<Challenge>, ChallengeError>,
    pub(in crate::provider) date: Option<String>,
    /// A nonce for proofs (RFC 9449 §9).
    pub(in crate::provider) nonce: Option<String>,
}

impl Called {
    pub(in crate::provider) const fn is_let_in(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The first challenge, if they can be read.
    pub(in crate::provider) fn challenge(&self) -> Option<&Challenge> {
        self.challenges.as_ref().ok().and_then(|list| list.first())
    }
}

/// Opens a session with `headers`. A `POST` follows no redirect.
pub(in crate::provider) async fn call(
    client: &Client,
    url: &Url,
    mut headers: HeaderMap,
) -> Result<Called, NetError> {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    let request = Request {
        headers,
        bytes_max: limits::DOCTOR_CALL_BYTES_MAX,
        time_max: limits::DISCOVERY_TIME_MAX,
        ..Request::post(url.clone(), Bytes::from_static(INITIALIZE.as_bytes()))
    };
    let answer = client.send(request).await?;
    let values = answer.headers.get_all(WWW_AUTHENTICATE).iter().map(HeaderValue::as_bytes);
    let challenges = Challenge::parse(values);
    let nonce = answer.headers.get("dpop-nonce").and_then(|value| value.to_str().ok());
    let nonce = nonce.map(str::to_owned);
    Ok(Called { status: answer.status.as_u16(), challenges, date: date(&answer), nonce })
}

const INITIALIZE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","#,
    r#""capabilities":{},"clientInfo":{"name":"countersign-doctor","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}}}"#
);
