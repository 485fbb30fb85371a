//! SHA-256 over canonical JSON, written `sha256:<hex>`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::canonical;
use crate::model::{Kind, Surface};
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
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
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
        let hex = text.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && hex.is_ascii());
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
        serializer.collect_str(self)
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

    /// The digests of a surface: over the object of its places and their digests, and the era.
    pub fn of_surface(surface: &Surface) -> Self {
        let items =
            surface.items.iter().map(|(place, item)| (place, Self::of_item(place.kind, item)));
        let digests: Vec<_> = items.collect();
        let over = |pick: fn(&Self) -> Digest| {
            let items =
                digests.iter().map(|(place, d)| (place.to_string(), pick(d).to_string().into()));
            let items: serde_json::Map<_, _> = items.collect();
            Digest::of(&serde_json::json!({ "era": surface.era, "items": items }))
        };
        Self { exact: over(|d| d.exact), semantic: over(|d| d.semantic) }
    }
}
