//! A surface: the items a server shows, each at its place.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whether a server opens with `initialize` (2025-11-25 and earlier) or not (2026-07-28 and later).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Era {
    /// `initialize`, sessions.
    Legacy,
    /// No handshake; `_meta` on every request.
    Modern,
}

/// The kind of an item; its name is the first part of every place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// What the server says of itself, one item for each member: `server/instructions`,
    /// `server/serverInfo`, `server/capabilities`, `server/protocolVersion` or
    /// `server/supportedVersions`, `server/_meta` and any unknown member of the opening result.
    Server,
    /// A tool, named by `name`.
    Tool,
    /// A prompt, named by `name`.
    Prompt,
    /// A resource, named by `uri`.
    Resource,
    /// A resource template, named by `uriTemplate`.
    Template,
    /// A `ui://` body, named by its URI: the member of `contents` that answers for it.
    Ui,
    /// A skill, named by `uri`.
    Skill,
    /// Members of a list answer beside the list itself, named by the list's method; what has no
    /// identity is left out (see [`crate::assemble`]).
    Page,
}

/// Where an item stands: `tools/send_email`, `server/instructions`, `ui/ui://app/main`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The kind of the item.
    pub kind: Kind,
    /// The item's name or URI, exactly as the server wrote it.
    pub name: String,
}

/// Everything one server shows to one authorization context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surface {
    /// The era in which it was shown.
    pub era: Era,
    /// The items, each the JSON value as sent.
    pub items: BTreeMap<Place, Value>,
}

impl Era {
    /// The method whose result opens a capture.
    pub const fn opening(self) -> &'static str {
        match self {
            Self::Legacy => "initialize",
            Self::Modern => "server/discover",
        }
    }
}

impl Kind {
    /// Every kind, in the order of places.
    pub const ALL: [Self; 8] = [
        Self::Server,
        Self::Tool,
        Self::Prompt,
        Self::Resource,
        Self::Template,
        Self::Ui,
        Self::Skill,
        Self::Page,
    ];

    /// The first part of the places of this kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Tool => "tools",
            Self::Prompt => "prompts",
            Self::Resource => "resources",
            Self::Template => "templates",
            Self::Ui => "ui",
            Self::Skill => "skills",
            Self::Page => "pages",
        }
    }
}

impl Place {
    /// The place of the item `name` of `kind`.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.name)
    }
}

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let (kind, name) = text.split_once('/').ok_or_else(|| NotAPlace(text.to_owned()))?;
        let kind = Kind::ALL
            .into_iter()
            .find(|known| known.as_str() == kind)
            .ok_or_else(|| NotAPlace(text.to_owned()))?;
        Ok(Self::new(kind, name))
    }
}

/// A text that names no place.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a place such as `tools/send_email`")]
pub struct NotAPlace(String);

impl Surface {
    /// A surface without items.
    pub const fn empty(era: Era) -> Self {
        Self { era, items: BTreeMap::new() }
    }

    /// The items of one kind, by name.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = (&str, &Value)> {
        let of_kind = self.items.iter().filter(move |(place, _)| place.kind == kind);
        of_kind.map(|(place, value)| (place.name.as_str(), value))
    }

    /// The item `name` of `kind`.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Value> {
        self.items.get(&Place::new(kind, name))
    }
}
