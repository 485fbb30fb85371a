//! `server.json` by the official schema of 2025-12-11, and by what a registry has to add to it.
//!
//! [`ServerJson::parse`] is the one door: strict JSON, receipts and foreign `_meta` removed, every
//! rule judged, every fault reported with its code and its place. What comes out has one digest,
//! whoever computes it.

mod check;
mod fault;
mod place;
mod text;

use serde_json::{Map, Value};
use surface::{Digest, canonical};

pub use fault::{CODES, Code, Fault, ServerJsonError};
pub use text::is_range;

use crate::limits;

/// The schema by which entries are judged.
pub const SCHEMA: &str =
    "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

/// The member of `_meta` that is the publisher's own.
pub const PUBLISHER_PROVIDED: &str = "io.modelcontextprotocol.registry/publisher-provided";

/// How the key ends under which a registry of ours adds to `_meta` of its answers.
pub const RECEIPT_SUFFIX: &str = "/countersign";

/// An entry that passed every rule.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerJson {
    value: Value,
    bytes: Vec<u8>,
}

/// A package, as far as anything here decides by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package<'e> {
    /// `npm`, `pypi`, `nuget`, `oci`, `mcpb`, `cargo` or `maven`.
    pub registry: &'e str,
    /// The name, image or download URL.
    pub identifier: &'e str,
    /// The version, where it is not part of the identifier.
    pub version: Option<&'e str>,
    /// SHA-256 of the file, in hexadecimal.
    pub file_sha256: Option<&'e str>,
    /// The package registry, where it is not the usual one.
    pub base_url: Option<&'e str>,
}

/// A remote endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote<'e> {
    /// `streamable-http` or `sse`.
    pub transport: &'e str,
    /// The URL template.
    pub url: &'e str,
}

impl ServerJson {
    /// Reads an entry.
    ///
    /// # Errors
    /// Bytes that are no strict JSON, or every rule that the entry breaks.
    pub fn parse(bytes: &[u8]) -> Result<Self, ServerJsonError> {
        let policy = wire::Policy {
            bytes_max: limits::SERVER_JSON_BYTES_MAX,
            depth_max: limits::SERVER_JSON_DEPTH_MAX,
            ..wire::Policy::default()
        };
        let document = wire::Document::parse(bytes, &policy)?;
        let received = surface::json::shown(document.root())?;
        let mut value = received.clone();
        strip(&mut value);
        let faults = check::entry(&value);
        if !faults.is_empty() {
            return Err(faults.into());
        }
        // Nothing was removed: what is served is what was published, byte for byte.
        let is_whole = value == received;
        let raw = document.root().raw();
        let bytes = if is_whole { raw.to_vec() } else { canonical::to_vec(&value) };
        Ok(Self { value, bytes })
    }

    /// The name, as published.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// The version.
    pub fn version(&self) -> &str {
        self.text("version")
    }

    /// The whole entry.
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// What is kept and served: the bytes as published, without white space around them, or the
    /// canonical form of what was left of them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The exact digest: over the canonical form.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.value)
    }

    /// The packages.
    pub fn packages(&self) -> impl Iterator<Item = Package<'_>> {
        self.list("packages").map(|package| Package {
            registry: text_of(package, "registryType").unwrap_or_default(),
            identifier: text_of(package, "identifier").unwrap_or_default(),
            version: text_of(package, "version"),
            file_sha256: text_of(package, "fileSha256"),
            base_url: text_of(package, "registryBaseUrl"),
        })
    }

    /// The remote endpoints.
    pub fn remotes(&self) -> impl Iterator<Item = Remote<'_>> {
        self.list("remotes").map(|remote| Remote {
            transport: text_of(remote, "type").unwrap_or_default(),
            url: text_of(remote, "url").unwrap_or_default(),
        })
    }

    fn text(&self, key: &str) -> &str {
        text_of(&self.value, key).unwrap_or_default()
    }

    fn list(&self, key: &str) -> impl Iterator<Item = &Value> {
        self.value.get(key).and_then(Value::as_array).into_iter().flatten()
    }
}

/// Removes what is not the publisher's to say: receipts of registries, wherever they are, and every
/// member of `_meta` but the publisher's own.
pub fn strip(entry: &mut Value) {
    strip_receipts(entry);
    let Some(members) = entry.as_object_mut() else { return };
    let Some(Value::Object(meta)) = members.get_mut("_meta") else { return };
    let own = meta.remove(PUBLISHER_PROVIDED);
    match own {
        Some(own) => {
            let own = Map::from_iter([(PUBLISHER_PROVIDED.to_owned(), own)]);
            members.insert("_meta".to_owned(), Value::Object(own));
        }
        None => {
            members.remove("_meta");
        }
    }
}

/// Recursion is bounded by the depth limit of the scan.
fn strip_receipts(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|key, _| !key.ends_with(RECEIPT_SUFFIX));
            members.values_mut().for_each(strip_receipts);
        }
        Value::Array(elements) => elements.iter_mut().for_each(strip_receipts),
        _ => {}
    }
}

fn text_of<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests;
