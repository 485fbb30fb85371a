//! From answers to a surface: what each answer adds, and when a capture is not to be trusted.
//!
//! Pure: `guard` asks the server and hands each result over. A server that lists one name twice,
//! repeats a cursor or passes a limit gets a refusal, never a pin. How a list is cut into pages
//! leaves no trace in the surface.
//!
//! `resultType`, `ttlMs`, `cacheScope` and `nextCursor` have no identity. They are left out, and
//! must have the promised types, so that no text can stand there unseen. `null` counts as absent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use wire::Refusal;

use crate::model::{Era, Kind, Place, Surface};
use crate::{canonical, json, limits};

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
    surface: Surface,
    is_public: bool,
    ttl: Option<Duration>,
    answer_bytes: usize,
    walks: BTreeMap<List, Walk>,
    /// What stood beside the lists: for each method the distinct objects by their canonical form.
    asides: BTreeMap<&'static str, BTreeMap<Vec<u8>, Value>>,
}

/// How far a list has been followed.
#[derive(Debug, Default)]
struct Walk {
    pages: usize,
    cursors: BTreeSet<String>,
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

impl Surface {
    /// Whether the declared capabilities promise `list`.
    pub fn declares(&self, list: List) -> bool {
        let pointer = match list {
            List::Tools => "/tools",
            List::Prompts => "/prompts",
            List::Resources | List::Templates => "/resources",
            List::Skills => "/extensions/io.modelcontextprotocol~1skills",
        };
        let capabilities = self.get(Kind::Server, "capabilities");
        let declared = capabilities.and_then(|capabilities| capabilities.pointer(pointer));
        declared.is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)))
    }
}

impl Assembly {
    /// Begins with the result of `initialize` or `server/discover`.
    ///
    /// The server info that a modern result carries in `_meta` becomes `server/serverInfo`, as if a
    /// legacy server had sent it.
    ///
    /// # Errors
    /// A result that is refused or has not the promised form.
    pub fn open(era: Era, opening: wire::Value<'_>) -> Result<Self, AssemblyError> {
        let answer = era.opening();
        let mut assembly = Self::begin(era);
        assembly.count_bytes(answer, opening)?;
        let members = result(answer, opening)?;
        require(answer, &members, "capabilities", Value::is_object, "an object")?;
        match era {
            Era::Legacy => {
                require(answer, &members, "protocolVersion", Value::is_string, "a string")?;
                require(answer, &members, "serverInfo", Value::is_object, "an object")?;
            }
            Era::Modern => {
                let is_list = |value: &Value| {
                    value.as_array().is_some_and(|versions| versions.iter().all(Value::is_string))
                };
                require(answer, &members, "supportedVersions", is_list, "a list of strings")?;
            }
        }
        assembly.add_opening(members)?;
        Ok(assembly)
    }

    /// Begins with what is known, to list one list again: its items and what stood beside it are
    /// left out. One list cannot say that all may be shared, so the result is private.
    pub fn again(known: &Surface, list: List) -> Self {
        let mut assembly = Self { is_public: false, ..Self::begin(known.era) };
        let is_other = |place: &Place| {
            place.kind != list.kind() && !(place.kind == Kind::Page && place.name == list.method())
        };
        let others = known.items.iter().filter(|(place, _)| is_other(place));
        assembly.surface.items.extend(others.map(|(place, item)| (place.clone(), item.clone())));
        assembly
    }

    /// Records that the server answers error `code` for a list that its capabilities promise: the
    /// item `pages/<method>` says so.
    ///
    /// # Errors
    /// A surface past a limit.
    pub fn absent(&mut self, list: List, code: i64) -> Result<(), AssemblyError> {
        self.add(list.method(), Place::new(Kind::Page, list.method()), json!({ "absent": code }))
    }

    /// Records that the server answers error `code` for a `ui://` body that an item points at.
    ///
    /// # Errors
    /// A surface past a limit.
    pub fn absent_ui(&mut self, uri: &str, code: i64) -> Result<(), AssemblyError> {
        self.add(READ, Place::new(Kind::Ui, uri), json!({ "absent": code }))
    }

    /// The lists that the declared capabilities promise, in the order of a capture.
    pub fn lists(&self) -> Vec<List> {
        List::ALL.into_iter().filter(|list| self.surface.declares(*list)).collect()
    }

    /// Adds one page of `list`; gives the cursor of the next page.
    ///
    /// Members beside the list become the item `pages/<method>`: the object of those members, or,
    /// when pages differ in them, the sorted array of the distinct objects. A page without any adds
    /// nothing.
    ///
    /// # Errors
    /// A page that is refused, malformed, repeats a name or a cursor, or passes a limit.
    pub fn page(
        &mut self,
        list: List,
        page: wire::Value<'_>,
    ) -> Result<Option<String>, AssemblyError> {
        let answer = list.method();
        let walk = self.walks.entry(list).or_default();
        walk.pages += 1;
        if walk.pages > limits::PAGES_MAX {
            return Err(past(answer, limits::PAGES_MAX, "pages"));
        }
        self.count_bytes(answer, page)?;
        let next = self.add_page(list, result(answer, page)?)?;
        if let Some(cursor) = &next {
            let walk = self.walks.entry(list).or_default();
            if !walk.cursors.insert(cursor.clone()) {
                return Err(AssemblyError::CursorLoop { answer, cursor: cursor.clone() });
            }
        }
        Ok(next)
    }

    /// `ui://` URIs that items point at and whose bodies are not here yet, sorted.
    ///
    /// Tools point with `_meta.ui.resourceUri` or the older `_meta["ui/resourceUri"]`; a listed
    /// resource stands for itself.
    pub fn missing_ui(&self) -> Vec<String> {
        let of_tools = self.surface.of(Kind::Tool).flat_map(|(_, tool)| {
            let pointers = ["/_meta/ui/resourceUri", "/_meta/ui~1resourceUri"];
            pointers.into_iter().filter_map(|pointer| tool.pointer(pointer)?.as_str())
        });
        let listed = self.surface.of(Kind::Resource).map(|(uri, _)| uri);
        let uris: BTreeSet<&str> = of_tools.chain(listed).filter(|uri| is_ui(uri)).collect();
        let is_missing = |uri: &&str| self.surface.get(Kind::Ui, uri).is_none();
        uris.into_iter().filter(is_missing).map(str::to_owned).collect()
    }

    /// Adds the result of `resources/read` for a `ui://` URI: the one member of `contents`, which
    /// must be of that URI. Members beside it become `pages/resources/read`, as in [`Self::page`].
    ///
    /// # Errors
    /// A result that is refused, malformed or passes a limit.
    pub fn ui_body(&mut self, uri: &str, body: wire::Value<'_>) -> Result<(), AssemblyError> {
        self.count_bytes(READ, body)?;
        let mut members = result(READ, body)?;
        self.take_volatile(READ, &mut members)?;
        let contents = take_array(READ, &mut members, "contents")?;
        for content in contents {
            if content.get("uri").and_then(Value::as_str) != Some(uri) {
                return Err(malformed(READ, format!("`contents` holds another URI than `{uri}`")));
            }
            self.add(READ, Place::new(Kind::Ui, uri), content)?;
        }
        if self.surface.get(Kind::Ui, uri).is_none() {
            return Err(malformed(READ, format!("`contents` does not hold `{uri}`")));
        }
        self.add_aside(READ, members)
    }

    /// The surface.
    pub fn finish(mut self) -> Observation {
        for (method, objects) in std::mem::take(&mut self.asides) {
            let mut objects: Vec<_> = objects.into_values().collect();
            let value = match objects.pop() {
                Some(only) if objects.is_empty() => only,
                last => Value::Array(objects.into_iter().chain(last).collect()),
            };
            self.surface.items.insert(Place::new(Kind::Page, method), value);
        }
        let is_public = self.is_public && self.surface.era == Era::Modern;
        Observation {
            surface: self.surface,
            cache_scope: if is_public { CacheScope::Public } else { CacheScope::Private },
            ttl: self.ttl,
        }
    }

    /// A surface of which nothing is known yet.
    pub(crate) const fn begin(era: Era) -> Self {
        Self {
            surface: Surface::empty(era),
            is_public: true,
            ttl: None,
            answer_bytes: 0,
            walks: BTreeMap::new(),
            asides: BTreeMap::new(),
        }
    }

    /// Adds the members of an opening result.
    pub(crate) fn add_opening(
        &mut self,
        mut members: Map<String, Value>,
    ) -> Result<(), AssemblyError> {
        let answer = self.surface.era.opening();
        self.take_volatile(answer, &mut members)?;
        for (name, value) in members {
            // Some modern servers send it both in `_meta` and as legacy servers do.
            if name == SERVER_INFO && self.surface.get(Kind::Server, SERVER_INFO) == Some(&value) {
                continue;
            }
            self.add(answer, Place::new(Kind::Server, name), value)?;
        }
        Ok(())
    }

    /// Adds the members of a list result; gives the cursor of the next page.
    pub(crate) fn add_page(
        &mut self,
        list: List,
        mut members: Map<String, Value>,
    ) -> Result<Option<String>, AssemblyError> {
        let answer = list.method();
        self.take_volatile(answer, &mut members)?;
        let next = take(&mut members, "nextCursor", |value| match value {
            Value::String(cursor) => Some(cursor),
            _ => None,
        });
        let next = next.map_err(|()| malformed(answer, "`nextCursor` is not a string"))?;
        let items = take_array(answer, &mut members, list.member())?;
        self.add_items(list, items)?;
        self.add_aside(answer, members)?;
        Ok(next)
    }

    /// Adds items of `list`.
    pub(crate) fn add_items(&mut self, list: List, items: Vec<Value>) -> Result<(), AssemblyError> {
        let answer = list.method();
        for item in items {
            let name = item.get(list.key()).and_then(Value::as_str).map(str::to_owned);
            let unnamed = || malformed(answer, format!("an item has no string `{}`", list.key()));
            self.add(answer, Place::new(list.kind(), name.ok_or_else(unnamed)?), item)?;
        }
        Ok(())
    }

    /// Adds an item.
    pub(crate) fn add(
        &mut self,
        answer: &'static str,
        place: Place,
        item: Value,
    ) -> Result<(), AssemblyError> {
        if self.surface.items.contains_key(&place) {
            return Err(AssemblyError::Duplicate { answer, name: place.name });
        }
        self.room_for_one(answer)?;
        self.surface.items.insert(place, item);
        Ok(())
    }

    /// Counts the bytes of an answer.
    pub(crate) fn count_bytes(
        &mut self,
        answer: &'static str,
        received: wire::Value<'_>,
    ) -> Result<(), AssemblyError> {
        self.answer_bytes = self.answer_bytes.saturating_add(received.raw().len());
        if self.answer_bytes > limits::SURFACE_BYTES_MAX {
            return Err(past(answer, limits::SURFACE_BYTES_MAX, "bytes"));
        }
        Ok(())
    }

    /// Keeps what stood beside the list in one page.
    fn add_aside(
        &mut self,
        method: &'static str,
        members: Map<String, Value>,
    ) -> Result<(), AssemblyError> {
        if members.is_empty() {
            return Ok(());
        }
        if !self.asides.contains_key(method) {
            self.room_for_one(method)?;
        }
        let object = Value::Object(members);
        self.asides.entry(method).or_default().insert(canonical::to_vec(&object), object);
        Ok(())
    }

    fn room_for_one(&self, answer: &'static str) -> Result<(), AssemblyError> {
        if self.surface.items.len() + self.asides.len() >= limits::ITEMS_MAX {
            return Err(past(answer, limits::ITEMS_MAX, "items"));
        }
        Ok(())
    }

    /// Takes what has no identity out of a result, and keeps what it says of the whole.
    fn take_volatile(
        &mut self,
        answer: &'static str,
        members: &mut Map<String, Value>,
    ) -> Result<(), AssemblyError> {
        let is_complete = |value: Value| (value == "complete").then_some(());
        take(members, "resultType", is_complete)
            .map_err(|()| malformed(answer, "`resultType` is not `complete`"))?;
        let scope = take(members, "cacheScope", |value| serde_json::from_value(value).ok());
        let scope = scope
            .map_err(|()| malformed(answer, "`cacheScope` is neither `public` nor `private`"))?;
        self.is_public &= scope == Some(CacheScope::Public);
        let ttl = take(members, "ttlMs", |value| milliseconds(&value));
        let ttl = ttl.map_err(|()| malformed(answer, "`ttlMs` is no length of time"))?;
        if self.surface.era == Era::Modern {
            self.ttl = self.ttl.into_iter().chain(ttl).min();
            self.take_server_info(answer, members)?;
        }
        Ok(())
    }

    /// Modern results name their server each; all of one capture must name the same.
    fn take_server_info(
        &mut self,
        answer: &'static str,
        members: &mut Map<String, Value>,
    ) -> Result<(), AssemblyError> {
        let Some(Value::Object(meta)) = members.get_mut("_meta") else { return Ok(()) };
        let Some(named) = meta.remove(SERVER_INFO_META) else { return Ok(()) };
        if meta.is_empty() {
            members.remove("_meta");
        }
        match self.surface.get(Kind::Server, SERVER_INFO) {
            None => self.add(answer, Place::new(Kind::Server, SERVER_INFO), named),
            Some(known) if *known == named => Ok(()),
            Some(_) => Err(malformed(answer, "the server names itself otherwise than before")),
        }
    }
}

/// The members of a result whose every scalar all parsers read alike.
fn result(
    answer: &'static str,
    received: wire::Value<'_>,
) -> Result<Map<String, Value>, AssemblyError> {
    match json::shown(received) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(malformed(answer, "the result is not an object")),
        Err(refusal) => Err(AssemblyError::Refused { answer, refusal }),
    }
}

fn require(
    answer: &'static str,
    members: &Map<String, Value>,
    name: &str,
    is_promised: impl Fn(&Value) -> bool,
    promised: &str,
) -> Result<(), AssemblyError> {
    if members.get(name).is_some_and(is_promised) {
        return Ok(());
    }
    Err(malformed(answer, format!("`{name}` is not {promised}")))
}

/// Takes the member `name`; `Err` when it is there and `read` does not know it.
fn take<T>(
    members: &mut Map<String, Value>,
    name: &str,
    read: impl FnOnce(Value) -> Option<T>,
) -> Result<Option<T>, ()> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).ok_or(()),
    }
}

fn take_array(
    answer: &'static str,
    members: &mut Map<String, Value>,
    name: &str,
) -> Result<Vec<Value>, AssemblyError> {
    match members.remove(name) {
        Some(Value::Array(elements)) => Ok(elements),
        _ => Err(malformed(answer, format!("`{name}` is not an array"))),
    }
}

fn milliseconds(value: &Value) -> Option<Duration> {
    let ms = value.as_f64().filter(|ms| *ms >= 0.0)?;
    Some(Duration::try_from_secs_f64(ms / 1e3).unwrap_or(Duration::MAX))
}

/// Whether a URI names a `ui://` body. Schemes have no case (RFC 3986 §3.1).
pub fn is_ui(uri: &str) -> bool {
    uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("ui://"))
}

fn malformed(answer: &'static str, what: impl Into<String>) -> AssemblyError {
    AssemblyError::Malformed { answer, what: what.into() }
}

const fn past(answer: &'static str, limit: usize, unit: &'static str) -> AssemblyError {
    AssemblyError::PastLimit { answer, limit, unit }
}

const READ: &str = "resources/read";
const SERVER_INFO: &str = "serverInfo";
const SERVER_INFO_META: &str = "io.modelcontextprotocol/serverInfo";

#[cfg(test)]
mod tests;
