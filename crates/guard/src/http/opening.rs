//! Finds out how a remote server speaks, and opens a conversation of our own with it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Map, Value, json};
use surface::Era;
use tokio::sync::Mutex;
use wire::rpc::Outcome;
use wire::{Document, Frame, Message, Policy};

use super::channel::{HttpChannel, Line};
use super::events::EventReader;
use super::question::{MCP_PROTOCOL_VERSION, MCP_SESSION_ID, Manner, turned_away};
use super::upstream::{Content, Upstream, invalid, origin, same_origin};
use crate::channel::ChannelError;
use crate::target::Endpoint;

/// An open conversation with a remote server.
pub struct Opened {
    /// Carries it.
    pub channel: HttpChannel,
    /// The era that the server speaks.
    pub era: Era,
    /// The protocol version that is spoken.
    pub protocol_version: String,
    /// The response to `server/discover` or `initialize`, as received; it may be an error.
    pub opening: Bytes,
}

/// Opens a conversation with the server at `endpoint`: `server/discover` first, then `initialize`,
/// then HTTP+SSE (2026-07-28, versioning, compatibility). Each exchange takes at most
/// `answer_time_max`.
///
/// # Errors
/// A server that cannot be reached, asks for authorization, or speaks none of the three.
pub async fn open(endpoint: &Endpoint, answer_time_max: Duration) -> Result<Opened, ChannelError> {
    let upstream = Arc::new(Upstream::new(endpoint)?);
    let channel = |manner, line| HttpChannel {
        upstream: Arc::clone(&upstream),
        manner,
        answer_time_max,
        line,
    };
    if let Some(opened) = discover(channel(Manner::modern(MODERN_VERSION), Line::Own)).await? {
        return Ok(opened);
    }
    match initialize(channel(Manner::default(), Line::Own)).await {
        Err(ChannelError::Status { status: 400 | 404 | 405, .. }) => {
            let opening = tokio::time::timeout(answer_time_max, endpoint_event(&upstream));
            let (stream, path) =
                opening.await.map_err(|_| ChannelError::TimedOut(answer_time_max))??;
            let line = Line::Beside { stream: Mutex::new(stream), path };
            initialize(channel(Manner::default(), line)).await
        }
        outcome => outcome,
    }
}

/// Opens as the modern era does; `None` when the server does not speak it.
async fn discover(channel: HttpChannel) -> Result<Option<Opened>, ChannelError> {
    let opening = match channel.ask("server/discover", Map::new()).await {
        Ok((_, opening)) => opening,
        // Authorization comes before any question of eras.
        Err(error @ ChannelError::Status { status: 401 | 403, .. }) => return Err(error),
        Err(ChannelError::Status { .. } | ChannelError::TimedOut(_) | ChannelError::Closed) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let (member, body) = outcome(&opening)?;
    let is_modern = match member {
        Said::Result => shares_version(body.get("supportedVersions")),
        Said::Error => match body.get("code").and_then(Value::as_i64) {
            Some(UNSUPPORTED_VERSION) => shares_version(body.pointer("/data/supported")),
            Some(code) => KNOWN_MODERN_ERRORS.contains(&code),
            None => false,
        },
    };
    Ok(is_modern.then(|| Opened {
        channel,
        era: Era::Modern,
        protocol_version: MODERN_VERSION.to_owned(),
        opening,
    }))
}

/// Opens as the legacy era does, with the version that the server chooses.
async fn initialize(mut channel: HttpChannel) -> Result<Opened, ChannelError> {
    let params = json!({
        "protocolVersion": LEGACY_VERSIONS[0],
        "capabilities": {},
        "clientInfo": client_info(),
    });
    let params = if let Value::Object(members) = params { members } else { Map::new() };
    let (headers, opening) = channel.ask("initialize", params).await?;
    let (member, body) = outcome(&opening)?;
    let chosen = body.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
    let protocol_version = LEGACY_VERSIONS.into_iter().find(|known| *known == chosen);
    let protocol_version = match (member, protocol_version) {
        (Said::Result, Some(version)) => version,
        (Said::Result, None) => {
            return Err(
                invalid("the server chose a protocol version that is not known".into()).into()
            );
        }
        (Said::Error, _) => LEGACY_VERSIONS[0],
    };
    if let Some(session) = headers.get(MCP_SESSION_ID) {
        channel.manner.headers.insert(MCP_SESSION_ID, session.clone());
    }
    if protocol_version >= FIRST_VERSION_IN_HEADER {
        let version = HeaderValue::from_static(protocol_version);
        channel.manner.headers.insert(MCP_PROTOCOL_VERSION, version);
    }
    if member == Said::Result {
        channel.notify("notifications/initialized").await?;
    }
    let protocol_version = protocol_version.to_owned();
    Ok(Opened { channel, era: Era::Legacy, protocol_version, opening })
}

/// Opens the stream of HTTP+SSE (2024-11-05, transports) and reads where requests go.
async fn endpoint_event(upstream: &Upstream) -> Result<(EventReader, PathAndQuery), ChannelError> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    let answer = upstream.send(Method::GET, headers, Bytes::new()).await?;
    if answer.status() != StatusCode::OK || Content::of(answer.headers()) != Content::Events {
        return Err(turned_away(answer.status(), answer.headers()));
    }
    let mut stream = EventReader::new(answer.into_body());
    while let Some(event) = stream.next().await? {
        if event.name.as_deref() == Some("endpoint") {
            let path = endpoint_path(upstream.url(), &event.data.unwrap_or_default())?;
            return Ok((stream, path));
        }
    }
    Err(ChannelError::Closed)
}

/// The path that an `endpoint` event names: relative to `base`, or absolute at the same origin.
pub(super) fn endpoint_path(base: &Uri, data: &[u8]) -> std::io::Result<PathAndQuery> {
    let unreadable = || invalid("the server's `endpoint` event holds no address".to_owned());
    let text = std::str::from_utf8(data).map_err(|_| unreadable())?.trim();
    if text.is_empty() {
        return Err(unreadable());
    }
    if text.starts_with('/') && !text.starts_with("//") {
        return text.parse().map_err(|_| unreadable());
    }
    if text.contains("://") || text.starts_with("//") {
        let absolute = if text.starts_with("//") {
            format!("{}:{text}", base.scheme_str().unwrap_or_default())
        } else {
            text.to_owned()
        };
        let target: Uri = absolute.parse().map_err(|_| unreadable())?;
        if !same_origin(&target, base) {
            let place = origin(&target);
            return Err(invalid(format!(
                "the server's `endpoint` event leads to another origin, {place}"
            )));
        }
        return target.path_and_query().cloned().ok_or_else(unreadable);
    }
    let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    let name = if let Some(query) = text.strip_prefix('?') {
        format!("{}?{query}", base.path())
    } else {
        format!("{folder}/{text}")
    };
    name.parse().map_err(|_| unreadable())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Result,
    Error,
}

/// What a response says, to be read member by member.
fn outcome(response: &[u8]) -> Result<(Said, Value), ChannelError> {
    let document = Document::parse(response, &Policy::default())?;
    let Frame::One(Message::Response(response)) = Frame::read(&document)? else {
        return Err(invalid("the server's answer is no response".to_owned()).into());
    };
    let (said, value) = match response.outcome {
        Outcome::Result(value) => (Said::Result, value),
        Outcome::Error(value) => (Said::Error, value),
    };
    let value = serde_json::from_slice(value.exact()?.raw());
    Ok((said, value.map_err(std::io::Error::from)?))
}

fn shares_version(supported: Option<&Value>) -> bool {
    let versions = supported.and_then(Value::as_array);
    versions.is_some_and(|versions| versions.iter().any(|version| version == MODERN_VERSION))
}

impl Manner {
    /// The modern manner of our own requests.
    fn modern(version: &'static str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(MCP_PROTOCOL_VERSION, HeaderValue::from_static(version));
        let mut meta = Map::new();
        meta.insert(format!("{META_PREFIX}protocolVersion"), version.into());
        meta.insert(format!("{META_PREFIX}clientCapabilities"), Value::Object(Map::new()));
        meta.insert(format!("{META_PREFIX}clientInfo"), client_info());
        Self { headers, meta: Some(meta) }
    }
}

fn client_info() -> Value {
    json!({ "name": "countersign", "version": env!("CARGO_PKG_VERSION") })
}

/// The modern protocol version that we speak.
pub(super) const MODERN_VERSION: &str = "2026-07-28";

/// The prefix of the members of `_meta` that the specification owns.
pub(super) const META_PREFIX: &str = "io.modelcontextprotocol/";

/// The legacy protocol versions that we speak, newest first.
const LEGACY_VERSIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

const FIRST_VERSION_IN_HEADER: &str = "2025-06-18";

const UNSUPPORTED_VERSION: i64 = -32_022;

/// Header mismatch and missing capability: no legacy server answers so.
const KNOWN_MODERN_ERRORS: [i64; 2] = [-32_020, -32_021];
