//! From answers to a surface: what each answer adds, and when a capture is not to be trusted.
//!
//! Pure: `guard` asks the server and hands each result over. A server that lists one name twice,
//! repeats a cursor or passes a limit gets a refusal, never a pin.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wire::Refusal;

use crate::model::{Era, Kind, Surface};

/// The lists of a surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum List {
    /// `tools/list`
    Tools,
    /// `prompts/list`
    Prompts,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    Templates,
    /// `skills/list`, where the extension is there.
    Skills,
}

/// Who may share an answer; absent counts as private (2026-07-28, caching).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheScope {
    /// Every answer of the capture said `public`.
    Public,
    /// At least one answer was for this authorization context alone, or did not say.
    #[default]
    Private,
}

/// A surface as it was seen once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What was shown.
    pub surface: Surface,
    /// Who may share it.
    pub cache_scope: CacheScope,
    /// How long the server says that it holds: the shortest `ttlMs` of the answers.
    pub ttl: Option<Duration>,
}

/// Why answers make no surface.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssemblyError {
    /// An answer holds what parsers read differently.
    #[error("{answer}: {refusal}")]
    Refused {
        /// The method that was answered.
        answer: &'static str,
        /// What is wrong, and where.
        refusal: Refusal,
    },
    /// An answer has not the form that the method promises.
    #[error("{answer}: {what}")]
    Malformed {
        /// The method that was answered.
        answer: &'static str,
        /// What is missing or of the wrong type.
        what: String,
    },
    /// Two items of one list have the same name.
    #[error("{answer}: `{name}` is listed twice")]
    Duplicate {
        /// The method that was answered.
        answer: &'static str,
        /// The name.
        name: String,
    },
    /// A cursor came back that was already followed.
    #[error("{answer}: the cursor `{cursor}` repeats")]
    CursorLoop {
        /// The method that was answered.
        answer: &'static str,
        /// The cursor.
        cursor: String,
    },
    /// More than a limit of `limits`.
    #[error("{answer}: more than {limit} {unit}")]
    PastLimit {
        /// The method that was answered.
        answer: &'static str,
        /// The limit.
        limit: usize,
        /// What it counts: `items`, `pages` or `bytes`.
        unit: &'static str,
    },
}

/// A surface in the making.
#[derive(Debug)]
pub struct Assembly {
    observation: Observation,
}

impl List {
    /// Every list, in the order of a capture.
    pub const ALL: [Self; 5] =
        [Self::Tools, Self::Prompts, Self::Resources, Self::Templates, Self::Skills];

    /// The method that asks for it.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Tools => "tools/list",
            Self::Prompts => "prompts/list",
            Self::Resources => "resources/list",
            Self::Templates => "resources/templates/list",
            Self::Skills => "skills/list",
        }
    }

    /// The list that `method` asks for.
    pub fn of_method(method: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.method() == method)
    }

    /// The member of the result that holds the items.
    pub const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Skills => "skills",
        }
    }

    /// The member of an item that names it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources | Self::Skills => "uri",
            Self::Templates => "uriTemplate",
        }
    }

    /// The kind of its items.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Tools => Kind::Tool,
            Self::Prompts => Kind::Prompt,
            Self::Resources => Kind::Resource,
            Self::Templates => Kind::Template,
            Self::Skills => Kind::Skill,
        }
    }
}

impl Assembly {
    /// Begins with the result of `initialize` or `server/discover`.
    ///
    /// # Errors
    /// A result that is refused or has not the promised form.
    pub fn open(era: Era, _opening: wire::Value<'_>) -> Result<Self, AssemblyError> {
        let surface = Surface::empty(era);
        Ok(Self {
            observation: Observation { surface, cache_scope: CacheScope::Private, ttl: None },
        })
    }

    /// Begins with what is known, to list one list again: its items and page members are left out.
    pub fn again(known: &Surface, list: List) -> Self {
        let _ = list;
        let surface = known.clone();
        Self { observation: Observation { surface, cache_scope: CacheScope::Private, ttl: None } }
    }

    /// Records that the server does not know a list that its capabilities promise.
    pub fn absent(&mut self, _list: List) {}

    /// Records that the server answered error `code` for a `ui://` body that an item points at.
    pub fn absent_ui(&mut self, _uri: &str, _code: i64) {}

    /// The lists that the declared capabilities promise, in the order of a capture.
    pub fn lists(&self) -> Vec<List> {
        Vec::new()
    }

    /// Adds one page of `list`; gives the cursor of the next page.
    ///
    /// # Errors
    /// A page that is refused, malformed, repeats a name or a cursor, or passes a limit.
    pub fn page(
        &mut self,
        _list: List,
        _result: wire::Value<'_>,
    ) -> Result<Option<String>, AssemblyError> {
        Ok(None)
    }

    /// `ui://` URIs that items point at and whose bodies are not here yet.
    pub fn missing_ui(&self) -> Vec<String> {
        Vec::new()
    }

    /// Adds the result of `resources/read` for a `ui://` URI.
    ///
    /// # Errors
    /// A result that is refused, malformed or passes a limit.
    pub fn ui_body(&mut self, _uri: &str, _result: wire::Value<'_>) -> Result<(), AssemblyError> {
        Ok(())
    }

    /// The surface.
    pub fn finish(self) -> Observation {
        self.observation
    }
}
