//! The surface to publish: captured, read, or fixed by the manifest of a bundle.

use std::path::Path;

use serde_json::{Map, Value, json};
use surface::document::{self, Detail};
use surface::{CacheScope, Surface, canonical};
use wire::Document;

use crate::args::log as args;
use crate::codes;
use crate::command::{Desk, statement};
use crate::failure::Failure;
use crate::source::{Reach, Source};

/// A surface document, and what was spoken.
pub(super) struct Shown {
    pub(super) document: Vec<u8>,
    pub(super) protocol_version: String,
}

/// The surface that was named.
///
/// # Errors
/// Anything short of a whole surface, and one that not everybody may see.
pub(super) async fn surface(desk: &Desk, arguments: &args::Publish) -> Result<Shown, Failure> {
    let (surface, protocol_version) = match &arguments.manifest {
        Some(path) => of_manifest(path)?,
        None => observed(desk, arguments).await?,
    };
    let protocol_version = match protocol_version.as_str() {
        "" => UNKNOWN_VERSION.to_owned(),
        _ => protocol_version,
    };
    // Whoever publishes a surface says that it is for everyone; a server of the legacy era cannot.
    let document = document::write(&surface, CacheScope::Public, Detail::Items);
    Ok(Shown { document: canonical::to_vec(&document), protocol_version })
}

async fn observed(desk: &Desk, arguments: &args::Publish) -> Result<(Surface, String), Failure> {
    let (plain, variables) = (&arguments.reach.headers, &arguments.reach.header_variables);
    if !plain.is_empty() || !variables.is_empty() {
        let what = "a surface that needs credentials is not published";
        return Err(Failure::refusal(codes::PUBLISH_PRIVATE, what)
            .hint("publish what the server shows to everybody"));
    }
    let reach = Reach::of(&arguments.reach)?;
    let source = match &arguments.source {
        Some(text) => Source::of_text(text, &reach)?,
        None => Source::of_command(&arguments.command, desk.store.root()),
    };
    let observed = source.observe(&reach.conditions).await?;
    Ok((observed.observation.surface, observed.protocol_version))
}

/// `_meta."com.microsoft.windows".static_responses` of a bundle's manifest: the results of
/// `initialize` and `tools/list` that the bundle fixes.
fn of_manifest(path: &Path) -> Result<(Surface, String), Failure> {
    let bytes = statement::read_bounded(path, surface::limits::SURFACE_BYTES_MAX)?;
    let refused = |what: &str| {
        Failure::refusal(codes::PUBLISH_MANIFEST, format!("{} {what}", path.display()))
    };
    let scanned = Document::parse(&bytes, &document::POLICY)
        .map_err(|refusal| refused("cannot be read").because(refusal))?;
    let manifest = surface::json::shown(scanned.root())
        .map_err(|refusal| refused("cannot be read").because(refusal))?;
    let fixed = manifest.get("_meta").and_then(|meta| meta.get("com.microsoft.windows"));
    let fixed = fixed.and_then(|windows| windows.get("static_responses"));
    let none = || refused("fixes no `static_responses`");
    let answers = fixed.and_then(Value::as_object).ok_or_else(none)?;
    let known = ["initialize", "tools/list"].into_iter();
    let known: Map<String, Value> =
        known.filter_map(|name| Some((name.to_owned(), answers.get(name)?.clone()))).collect();
    if !known.contains_key("tools/list") {
        return Err(none());
    }
    let text = json!(known).to_string();
    let scanned = Document::parse(text.as_bytes(), &document::POLICY)
        .map_err(|refusal| refused("cannot be read").because(refusal))?;
    let surface = document::read(scanned.root())
        .map_err(|error| refused("fixes no whole surface").because(error))?;
    let protocol_version = crate::lock::protocol_version(&surface);
    Ok((surface, protocol_version))
}

/// What stands for a protocol version that a file does not say.
const UNKNOWN_VERSION: &str = "unknown";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn manifest(meta: &Value) -> Result<(Surface, String), Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.json");
        std::fs::write(&path, json!({ "manifest_version": "0.3", "_meta": meta }).to_string())
            .unwrap();
        of_manifest(&path)
    }

    #[test]
    fn a_manifest_fixes_what_its_static_responses_say() {
        let responses = json!({
            "initialize": { "protocolVersion": "2025-06-18", "capabilities": { "tools": {} },
                            "serverInfo": { "name": "x", "version": "1" } },
            "tools/list": { "tools": [{ "name": "t", "inputSchema": { "type": "object" } }] },
        });
        let meta = json!({ "com.microsoft.windows": { "static_responses": responses } });
        let (surface, version) = manifest(&meta).unwrap();
        assert!(surface.get(surface::Kind::Tool, "t").is_some());
        assert_eq!(version, "2025-06-18");
        for other in [
            json!({}),
            json!({ "com.microsoft.windows": { "static_responses": { "initialize": {} } } }),
            json!({ "com.microsoft.windows": { "static_responses": [] } }),
        ] {
            assert_eq!(manifest(&other).unwrap_err().code, Some(codes::PUBLISH_MANIFEST));
        }
    }
}
