//! One pin: how the server was run or reached, what it is, what it showed, who approved.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use surface::{CacheScope, Digests, Era, Place, Surface};

use super::limits;
use crate::artefact::Artefact;

/// A pin without its surface: what the lock file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// How the server was run or reached.
    pub(crate) origin: Origin,
    /// What was run, where that could be known.
    pub(crate) artefact: Option<Artefact>,
    /// Era, version and cache scope of the capture.
    pub(crate) protocol: Protocol,
    /// The digests of the surface.
    pub(crate) digests: Digests,
    /// The digests of each item.
    pub(crate) items: BTreeMap<Place, Digests>,
    /// What the surface was published as, in a log whose evidence is kept beside the pin.
    pub(crate) published: Option<Published>,
    /// Who approved what, oldest first.
    pub(crate) approvals: BTreeMap<Timestamp, Approval>,
}

/// A pin with its surface, whose digests are those of the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pinned {
    /// What the lock file says.
    pub(crate) entry: Entry,
    /// The approved surface.
    pub(crate) surface: Surface,
}

/// How a server was run or reached, without a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A command.
    Command {
        /// The program and its arguments.
        run: Vec<Word>,
        /// Where it ran, from the folder of the lock file, if elsewhere but below it.
        directory: Option<String>,
    },
    /// An endpoint.
    Url {
        /// Without user information, and without secrets in its query.
        url: String,
        /// Headers whose values are in environment variables.
        headers: BTreeMap<String, String>,
    },
    /// A file with what the server showed, from the folder of the lock file.
    File(String),
    /// Nothing that can be asked again, such as stdin.
    Unknown,
}

/// One word of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Word {
    /// A word as it is.
    Plain(String),
    /// A word with a value that is not recorded: it comes from the environment variable `env`.
    Withheld(Withheld),
}

/// A value that is not recorded, and what stands before it in the same word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withheld {
    /// What precedes the value, such as `--token=`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) before: String,
    /// The environment variable that has the value.
    pub(crate) env: String,
}

/// What was spoken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Protocol {
    /// The era.
    pub(crate) era: Era,
    /// The protocol version.
    pub(crate) version: String,
    /// Who may share what was shown.
    pub(crate) cache_scope: CacheScope,
}

/// A version that a log fixes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Published {
    /// The server's registry name.
    pub(crate) server: String,
    /// The version.
    pub(crate) version: String,
}

/// An approval: who let what stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approval {
    /// Who.
    pub(crate) by: String,
    /// The exact digest of the surface before; `None` for a first pin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<surface::Digest>,
    /// The exact digest of the surface since.
    pub(crate) to: surface::Digest,
    /// The items that were approved; empty for the whole surface.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) items: Vec<String>,
}

impl Pinned {
    /// The pin of a surface that nobody has approved yet.
    pub(crate) fn of(
        surface: Surface,
        origin: Origin,
        artefact: Option<Artefact>,
        protocol: Protocol,
    ) -> Self {
        let digests = Digests::of_surface(&surface);
        let items = item_digests(&surface);
        let approvals = BTreeMap::new();
        Self {
            entry: Entry { origin, artefact, protocol, digests, items, published: None, approvals },
            surface,
        }
    }

    /// The same pin of another surface.
    pub(crate) fn with_surface(self, surface: Surface) -> Self {
        let approvals = self.entry.approvals;
        let mut next =
            Self::of(surface, self.entry.origin, self.entry.artefact, self.entry.protocol);
        next.entry.protocol.era = next.surface.era;
        next.entry.approvals = approvals;
        next
    }

    /// Records who let the surface stand as it is.
    pub(crate) fn approve(
        &mut self,
        at: Timestamp,
        by: &str,
        from: Option<surface::Digest>,
        items: Vec<String>,
    ) {
        // Two approvals in one millisecond would share a line; the later one moves on.
        let mut at_ms = at.as_millisecond();
        if let Some((last, _)) = self.entry.approvals.last_key_value() {
            at_ms = at_ms.max(last.as_millisecond() + 1);
        }
        let at = Timestamp::from_millisecond(at_ms).unwrap_or(at);
        let approval = Approval { by: by.to_owned(), from, to: self.entry.digests.exact, items };
        self.entry.approvals.insert(at, approval);
        while self.entry.approvals.len() > limits::APPROVALS_MAX {
            self.entry.approvals.pop_first();
        }
    }
}

/// The digests of every item of a surface.
pub(crate) fn item_digests(surface: &Surface) -> BTreeMap<Place, Digests> {
    let digests = |(place, item): (&Place, _)| (place.clone(), Digests::of_item(place.kind, item));
    surface.items.iter().map(digests).collect()
}
