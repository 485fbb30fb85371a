//! Captures a remote server in a conversation of our own.

mod channel;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::ACCEPT;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};
use surface::Era;
use tokio::sync::Mutex;
use wire::{Document, Policy};

use self::channel::{HttpChannel, Line};
use crate::capture::opening;
use crate::capture::{Ask, CaptureError, Captured, Conditions, result_of};
use crate::channel::ChannelError;
use crate::http::upstream::events::EventReader;
use crate::http::upstream::question::{MCP_PROTOCOL_VERSION, MCP_SESSION_ID, Manner, turned_away};
use crate::http::upstream::{Content, Upstream, invalid};
use crate::target::Endpoint;

/// Reaches `endpoint`, asks it for everything, and closes the session it opened.
///
/// # Errors
/// Anything short of a whole surface.
pub(crate) async fn capture(
    endpoint: &Endpoint,
    conditions: &Conditions,
) -> Result<Captured, CaptureError> {
    let opened = open(endpoint, conditions).await?;
    let Opened { channel, era, protocol_version, meta, result } = opened;
    let doubts = || channel.changes.load(Ordering::Relaxed);
    let ask = Ask { channel: &channel, era, meta, doubts };
    let whole =
        tokio::time::timeout(conditions.answer_time_max * WHOLE_FACTOR, ask.observe(Some(&result)));
    let observation = whole.await.unwrap_or(Err(CaptureError::TimedOut));
    channel.close().await;
    Ok(Captured { observation: observation?, protocol_version })
}

/// An open conversation with a remote server.
pub(super) struct Opened {
    /// Carries it.
    pub(super) channel: HttpChannel,
    /// The era that the server speaks.
    pub(super) era: Era,
    /// The protocol version that is spoken.
    pub(super) protocol_version: String,
    /// What every request carries as `_meta` in the modern era.
    pub(super) meta: Option<Map<String, Value>>,
    /// The result of `server/discover` or `initialize`, as received.
    pub(super) result: Bytes,
}

/// Opens a conversation with the server at `endpoint`: `server/discover` first, then `initialize`,
/// then HTTP+SSE (2026-07-28, versioning, compatibility).
///
/// # Errors
/// A server that cannot be reached, asks for authorization, or speaks none of the three.
pub(super) async fn open(
    endpoint: &Endpoint,
    conditions: &Conditions,
) -> Result<Opened, CaptureError> {
    let answer_time_max = conditions.answer_time_max;
    let client = conditions.client.as_ref();
    let failed =
        |method: &str, source| CaptureError::Exchange { method: method.to_owned(), source };
    let upstream = Upstream::new(endpoint, conditions.addresses.as_deref());
    let mut upstream = upstream.map_err(|error| failed(DISCOVER, error.into()))?;
    if let Some(broker) = &conditions.outbound {
        upstream = upstream.with(Arc::clone(broker));
    }
    let upstream = Arc::new(upstream);
    let channel = |line| HttpChannel {
        upstream: Arc::clone(&upstream),
        manner: Manner::default(),
        answer_time_max,
        line,
        changes: AtomicU64::new(0),
    };
    if let Some(opened) = discover(channel(Line::Own), client).await? {
        return Ok(opened);
    }
    match initialize(channel(Line::Own), client).await {
        Err(CaptureError::Exchange {
            source: ChannelError::Status { status: 400 | 404 | 405, .. },
            ..
        }) => {
            let stream = tokio::time::timeout(answer_time_max, endpoint_event(&upstream))
                .await
                .unwrap_or(Err(ChannelError::TimedOut(answer_time_max)));
            let (stream, path) = stream.map_err(|error| failed("the event stream", error))?;
            let line = Line::Beside { stream: Box::new(Mutex::new(stream)), path };
            initialize(channel(line), client).await
        }
        outcome => outcome,
    }
}

/// Opens as the modern era does; `None` when the server does not speak it.
async fn discover(
    channel: HttpChannel,
    client: Option<&(String, String)>,
) -> Result<Option<Opened>, CaptureError> {
    let meta = opening::meta(client);
    let params = Map::from_iter([("_meta".to_owned(), Value::Object(meta.clone()))]);
    let answer = match channel.ask(DISCOVER, params).await {
        Ok((_, answer)) => answer,
        // What else the server says of an unknown method, `initialize` will tell apart.
        Err(
            ChannelError::Status { status: 400 | 402 | 404..=599, .. }
            | ChannelError::TimedOut(_)
            | ChannelError::Closed,
        ) => return Ok(None),
        Err(source) => {
            return Err(CaptureError::Exchange { method: DISCOVER.to_owned(), source });
        }
    };
    match result_of(DISCOVER, &answer) {
        Err(CaptureError::Answered { code: UNSUPPORTED_VERSION, .. }) => Ok(None),
        Err(CaptureError::Answered { code, .. }) if !KNOWN_MODERN_ERRORS.contains(&code) => {
            Ok(None)
        }
        Err(error) => Err(error),
        Ok(result) if !offers_modern(&result) => Ok(None),
        Ok(result) => Ok(Some(Opened {
            channel,
            era: Era::Modern,
            protocol_version: opening::MODERN_VERSION.to_owned(),
            meta: Some(meta),
            result,
        })),
    }
}

/// Opens as the legacy era does, with the version that the server chooses.
async fn initialize(
    mut channel: HttpChannel,
    client: Option<&(String, String)>,
) -> Result<Opened, CaptureError> {
    let failed = |source| CaptureError::Exchange { method: INITIALIZE.to_owned(), source };
    let (headers, answer) =
        channel.ask(INITIALIZE, opening::initialize(client)).await.map_err(failed)?;
    let result = result_of(INITIALIZE, &answer)?;
    let protocol_version = opening::negotiated(&result)?;
    if let Some(session) = headers.get(MCP_SESSION_ID) {
        channel.manner.headers.insert(MCP_SESSION_ID, session.clone());
    }
    let version = HeaderValue::from_str(&protocol_version)
        .map_err(|_| failed(invalid("the protocol version is no header".to_owned()).into()))?;
    channel.manner.headers.insert(MCP_PROTOCOL_VERSION, version);
    channel.notify("notifications/initialized").await.map_err(failed)?;
    Ok(Opened { channel, era: Era::Legacy, protocol_version, meta: None, result })
}

/// Opens the stream of HTTP+SSE (2024-11-05, transports) and reads where requests go.
async fn endpoint_event(upstream: &Upstream) -> Result<(EventReader, PathAndQuery), ChannelError> {
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("text/event-stream"))]);
    let answer = upstream.send(Method::GET, headers, Bytes::new()).await?;
    if answer.status() != StatusCode::OK || Content::of(answer.headers()) != Content::Events {
        return Err(turned_away(answer.status(), answer.headers()));
    }
    let mut stream = EventReader::new(answer.into_body());
    while let Some(event) = stream.next().await? {
        if event.name.as_deref() == Some("endpoint") {
            let path = upstream.endpoint(&event.data.unwrap_or_default())?;
            return Ok((stream, path));
        }
    }
    Err(ChannelError::Closed)
}

/// Whether the result of a discovery offers the modern version that we speak.
fn offers_modern(result: &Bytes) -> bool {
    let Ok(document) = Document::parse(result, &Policy::default()) else { return false };
    let versions = document.root().get("supportedVersions");
    let mut versions = versions.into_iter().flat_map(wire::Value::elements);
    versions.any(|version| version.is_text(opening::MODERN_VERSION))
}

const DISCOVER: &str = "server/discover";
const INITIALIZE: &str = "initialize";

/// The server speaks the modern era, but no version of it that we do.
const UNSUPPORTED_VERSION: i64 = -32_022;

/// Header mismatch and missing capability: no legacy server answers so.
const KNOWN_MODERN_ERRORS: [i64; 2] = [-32_020, -32_021];

/// A whole capture may take this many times as long as one answer.
const WHOLE_FACTOR: u32 = 10;
