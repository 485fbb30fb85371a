//! How the guard opens a conversation of its own, in both eras.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use wire::Document;

use crate::capture::CaptureError;

/// The modern protocol version that is asked for.
pub(crate) const MODERN_VERSION: &str = "2026-07-28";

/// The legacy protocol version that is offered.
pub(crate) const LEGACY_VERSION: &str = "2025-11-25";

/// `_meta` of a modern request of ours, as `client` if one is given. It claims every client capability, so that a server that
/// shows more to a more capable client shows everything.
pub(crate) fn meta(client: Option<&(String, String)>) -> Map<String, Value> {
    Map::from_iter([
        ("io.modelcontextprotocol/protocolVersion".to_owned(), MODERN_VERSION.into()),
        ("io.modelcontextprotocol/clientCapabilities".to_owned(), capabilities()),
        ("io.modelcontextprotocol/clientInfo".to_owned(), client_info(client)),
    ])
}

/// The parameters of `initialize`, as `client` if one is given.
pub(crate) fn initialize(client: Option<&(String, String)>) -> Map<String, Value> {
    Map::from_iter([
        ("protocolVersion".to_owned(), LEGACY_VERSION.into()),
        ("capabilities".to_owned(), capabilities()),
        ("clientInfo".to_owned(), client_info(client)),
    ])
}

/// The version that a server chose in its result of `initialize`.
///
/// # Errors
/// A result without a version.
pub(crate) fn negotiated(result: &Bytes) -> Result<String, CaptureError> {
    let refused = |source| CaptureError::Refused { method: "initialize".to_owned(), source };
    let document = Document::parse(result, &wire::Policy::default()).map_err(refused)?;
    let version = wire::result::negotiated_version(document.root()).map_err(refused)?;
    Ok(version.into_owned())
}

fn capabilities() -> Value {
    json!({ "roots": {}, "sampling": {}, "elicitation": { "form": {}, "url": {} } })
}

fn client_info(client: Option<&(String, String)>) -> Value {
    match client {
        Some((name, version)) => json!({ "name": name, "version": version }),
        None => json!({ "name": "countersign", "version": env!("CARGO_PKG_VERSION") }),
    }
}
