//! SHA-256 over canonical JSON, written `sha256:<hex>`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::canonical;
use crate::model::{Era, Kind, Place, Surface};
use crate::semantic;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of bytes as they are.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of the canonical form of `value`.
    pub fn of(value: &Value) -> Self {
        Self::of_bytes(&canonical::to_vec(value))
    }

    /// A SHA-256 hash that was made elsewhere.
    pub const fn from_sha256(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The hash.
    pub const fn as_sha256(&self) -> &[u8; 32] {
        &self.0
    }

    /// Every decision's event holds one: formatting byte by byte would cost more than deciding.
    fn text(&self) -> String {
        let nibbles = self.0.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
        let digits = nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16));
        PREFIX.chars().chain(digits).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let hex = text.strip_prefix(PREFIX).filter(|hex| hex.len() == 64 && hex.is_ascii());
        let hex = hex.ok_or(NotADigest)?;
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let pair = hex.get(index * 2..index * 2 + 2).ok_or(NotADigest)?;
            let is_lower_hex = pair.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            *byte = u8::from_str_radix(pair, 16).ok().filter(|_| is_lower_hex).ok_or(NotADigest)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is not `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("a digest is written `sha256:` and 64 lower-case hexadecimal digits")]
pub struct NotADigest;

/// The exact digest of each member of an item, by JSON pointer: `/description`, `/inputSchema`. An
/// item that is not an object is one field, whose pointer is empty.
pub fn fields(item: &Value) -> BTreeMap<String, Digest> {
    let Some(members) = item.as_object() else {
        return BTreeMap::from([(String::new(), Digest::of(item))]);
    };
    let pointer = |name: &str| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    members.iter().map(|(name, value)| (pointer(name), Digest::of(value))).collect()
}

/// The two digests of an item or of a whole surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digests {
    /// Over the value as sent: the evidence.
    pub exact: Digest,
    /// Over the semantic form: what people are asked about.
    pub semantic: Digest,
}

impl Digests {
    /// The digests of one item.
    pub fn of_item(kind: Kind, item: &Value) -> Self {
        Self { exact: Digest::of(item), semantic: Digest::of(&semantic::normalize(kind, item)) }
    }

    /// The digests of a surface: over `{"era": …, "items": {…}}`, where `items` holds the digest of
    /// each item under its place; exact over the exact ones, semantic over the semantic ones. Who
    /// may share the surface, and how long it holds, is no part of it.
    pub fn of_surface(surface: &Surface) -> Self {
        let items = surface.items.iter();
        let items = items.map(|(place, item)| (place, Self::of_item(place.kind, item)));
        Self::of_items(surface.era, items)
    }

    /// The digests of a surface whose items have these.
    pub fn of_items<'p>(era: Era, items: impl Iterator<Item = (&'p Place, Self)>) -> Self {
        let (mut exact, mut semantic) = (Map::new(), Map::new());
        for (place, digests) in items {
            exact.insert(place.to_string(), digests.exact.to_string().into());
            semantic.insert(place.to_string(), digests.semantic.to_string().into());
        }
        let over = |items: Map<String, Value>| Digest::of(&json!({ "era": era, "items": items }));
        Self { exact: over(exact), semantic: over(semantic) }
    }
}

/// The tool set digest of MTL/1, by which public trust labels name a list of tools; it is usually
/// written `sha256-` and the digest in Base64.
///
/// It covers `name`, `description`, `inputSchema` and `outputSchema` of the tools and nothing else,
/// so it is an alias to look a surface up by and never an identity. `None` where MTL/1 has none: no
/// tools, an empty name, or a number in a schema that is not an integer.
pub fn mtl1(surface: &Surface) -> Option<Digest> {
    let mut tools: Vec<_> = surface.of(Kind::Tool).collect();
    tools.sort_by(|(a, _), (b, _)| canonical::key_order(a, b));
    let entry = |(name, tool): (&str, &Value)| {
        let object = |name: &str| tool.get(name).filter(|value| value.is_object());
        let description = tool.get("description").and_then(Value::as_str).unwrap_or_default();
        let mut entry = json!({
            "name": name, "description": description,
            "inputSchema": object("inputSchema").cloned().unwrap_or_else(|| json!({})),
        });
        if let (Some(schema), Some(members)) = (object("outputSchema"), entry.as_object_mut()) {
            members.insert("outputSchema".to_owned(), schema.clone());
        }
        (!name.is_empty() && has_only_integers(&entry)).then_some(entry)
    };
    let entries: Vec<Value> = tools.into_iter().map(entry).collect::<Option<_>>()?;
    (!entries.is_empty()).then(|| Digest::of(&Value::Array(entries)))
}

fn has_only_integers(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_i64(),
        Value::Array(elements) => elements.iter().all(has_only_integers),
        Value::Object(members) => members.values().all(has_only_integers),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

const PREFIX: &str = "sha256:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_in_one_way() {
        let digest = Digest::of(&json!({}));
        let text = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.parse::<Digest>().ok(), Some(digest));
        let wrong =
            [text.to_uppercase(), text.replace(':', "-"), format!("{text}0"), text[..70].into()];
        for wrong in wrong.iter().chain([&text.replace("44", "é")]) {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_field_of_an_item_has_a_digest() {
        let fields = fields(&json!({ "a/b": 1, "c~d": [2] }));
        let expected = [("/a~1b", json!(1)), ("/c~0d", json!([2]))];
        let expected = expected.map(|(pointer, value)| (pointer.to_owned(), Digest::of(&value)));
        assert_eq!(fields, BTreeMap::from(expected));
        assert_eq!(super::fields(&json!("x")).keys().collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn the_digest_of_a_surface_covers_era_places_and_items() {
        let surface = |era, place: &str, item: Value| {
            let place: Place = place.parse().expect("a place");
            Digests::of_surface(&Surface { era, items: BTreeMap::from([(place, item)]) })
        };
        let first = surface(Era::Legacy, "tools/a", json!({ "x": 1 }));
        for other in [
            surface(Era::Modern, "tools/a", json!({ "x": 1 })),
            surface(Era::Legacy, "tools/b", json!({ "x": 1 })),
            surface(Era::Legacy, "prompts/a", json!({ "x": 1 })),
            surface(Era::Legacy, "tools/a", json!({ "x": 2 })),
        ] {
            assert!(other.exact != first.exact && other.semantic != first.semantic);
        }
        let noisy = surface(Era::Legacy, "tools/a", json!({ "x": 1, "annotations": {} }));
        assert!(noisy.exact != first.exact && noisy.semantic == first.semantic);
    }

    #[test]
    fn the_alias_covers_four_members_of_tools() {
        let surface = |tools: &[Value]| {
            let place =
                |tool: &Value| Place::new(Kind::Tool, tool["name"].as_str().expect("a name"));
            let items = tools.iter().map(|tool| (place(tool), tool.clone()));
            mtl1(&Surface { era: Era::Legacy, items: items.collect() })
        };
        let bare = surface(&[json!({ "name": "a" })]);
        let filled = json!([{ "description": "", "inputSchema": {}, "name": "a" }]);
        assert_eq!(bare, Some(Digest::of(&filled)));
        let more = json!({ "name": "a", "description": null, "inputSchema": 1, "annotations": {} });
        assert_eq!(surface(&[more]), bare);
        assert_ne!(surface(&[json!({ "name": "a", "outputSchema": {} })]), bare);
        assert_eq!(surface(&[]), None);
        assert_eq!(surface(&[json!({ "name": "" })]), None);
        let fraction = json!({ "name": "a", "inputSchema": { "minimum": 0.5 } });
        assert_eq!(surface(&[fraction]), None);
    }
}
