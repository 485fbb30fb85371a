//! Surfaces in files: what people have at hand, and what `countersign surface --json` prints.
//!
//! [`read`] knows, each bare or as a whole JSON-RPC response:
//! - the result of one list, such as `{"tools": […]}`, with all that stands beside the list;
//! - an object of several: lists under their member (`tools`, `resourceTemplates`) or their method
//!   (`tools/list`), the opening result under `initialize` or `server/discover` or its members
//!   (`instructions`, `capabilities`, …) directly. Other members are the file's own remarks and no
//!   surface. So they are in a record that names its `source` and `server`, also beside one list;
//! - the printed form, which [`write()`] makes and whose digests are computed anew.
//!
//! `null` counts as absent. Only the printed form says who may share a surface; all else is private.
//! What carries marks of the modern era, and no `initialize` or `protocolVersion`, is modern.

use serde_json::{Map, Value, json};
use wire::{Policy, Refusal};

use crate::assemble::{Assembly, AssemblyError, CacheScope, List, Observation};
use crate::digest::{self, Digests};
use crate::model::{Era, NotAPlace, Place, Surface};
use crate::{json, limits};

/// How to scan a file before [`read`]: larger and deeper than one message, as a surface is.
pub const POLICY: Policy = Policy {
    bytes_max: limits::FILE_BYTES_MAX,
    depth_max: limits::FILE_DEPTH_MAX,
    fold_keys: false,
    strict_scalars: true,
};

/// The version of the printed form.
pub const SCHEMA: &str = "countersign.surface/1";

/// What the printed form holds for each item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Its value and its digests.
    #[default]
    Items,
    /// Also the exact digest of each of its fields.
    Fields,
}

/// Why a document gives no surface.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It holds what parsers read differently.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is none of the known forms.
    #[error("neither a list result, nor an object of several, nor a printed surface")]
    Unrecognised,
    /// It is a printed surface of another version.
    #[error("`{0}` is not `{SCHEMA}`")]
    UnknownSchema(String),
    /// A printed surface lacks a member, or has it in another form.
    #[error("`{0}` is missing from the printed surface, or has another form")]
    Unreadable(String),
    /// A printed item stands at no place.
    #[error(transparent)]
    Place(#[from] NotAPlace),
    /// A digest is not that of the value beside it: one of them was changed.
    #[error("{of}: the {which} digest does not fit the value")]
    Mismatch {
        /// The place of the item, or `surface`.
        of: String,
        /// Which digest: `exact`, `semantic` or `field`.
        which: &'static str,
    },
    /// A list goes on at a cursor.
    #[error("{0}: the file holds one page of several")]
    Incomplete(&'static str),
    /// A response in it is an error.
    #[error("a response is an error: {0}")]
    Answered(String),
    /// Its answers make no surface.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
}

/// The surface in a document.
///
/// # Errors
/// A document that is refused, unknown, incomplete, or not what its digests say.
pub fn read(document: wire::Value<'_>) -> Result<Surface, DocumentError> {
    read_observation(document).map(|observation| observation.surface)
}

/// The surface in a document, and who may share it.
///
/// # Errors
/// As [`read`].
pub fn read_observation(document: wire::Value<'_>) -> Result<Observation, DocumentError> {
    let Value::Object(members) = json::exact(document)? else {
        return Err(DocumentError::Unrecognised);
    };
    match members.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => printed(members),
        Some(other) if other.starts_with("countersign.surface/") => {
            Err(DocumentError::UnknownSchema(other.to_owned()))
        }
        _ => {
            document.distinct()?;
            answers(without_envelope(members)?)
        }
    }
}

/// The printed form: `schema`, `era`, `cacheScope`, the `digests` of the surface, and the `items`
/// by place with the `digests` and the `value` of each; with [`Detail::Fields`] also `fields`, from
/// JSON pointers to exact digests.
pub fn write(surface: &Surface, cache_scope: CacheScope, detail: Detail) -> Value {
    let mut all = Vec::with_capacity(surface.items.len());
    let mut items = Map::new();
    for (place, value) in &surface.items {
        let digests = Digests::of_item(place.kind, value);
        let mut entry = json!({ "digests": digests, "value": value });
        if let (Detail::Fields, Some(entry)) = (detail, entry.as_object_mut()) {
            entry.insert("fields".to_owned(), json!(digest::fields(value)));
        }
        items.insert(place.to_string(), entry);
        all.push((place, digests));
    }
    json!({
        "schema": SCHEMA,
        "era": surface.era,
        "cacheScope": cache_scope,
        "digests": Digests::of_items(surface.era, all.into_iter()),
        "items": items,
    })
}

fn printed(mut members: Map<String, Value>) -> Result<Observation, DocumentError> {
    let mut surface = Surface::empty(take(&mut members, "era")?);
    let cache_scope = take(&mut members, "cacheScope")?;
    let digests: Digests = take(&mut members, "digests")?;
    let items: Map<String, Value> = take(&mut members, "items")?;
    if items.len() > limits::ITEMS_MAX {
        let limit = limits::ITEMS_MAX;
        return Err(AssemblyError::PastLimit { answer: "items", limit, unit: "items" }.into());
    }
    for (of, entry) in items {
        let place: Place = of.parse()?;
        let item = printed_item(&place, entry)?;
        surface.items.insert(place, item);
    }
    verify("surface", digests, Digests::of_surface(&surface))?;
    Ok(Observation { surface, cache_scope, ttl: None })
}

fn printed_item(place: &Place, entry: Value) -> Result<Value, DocumentError> {
    let Value::Object(mut entry) = entry else {
        return Err(DocumentError::Unreadable(place.to_string()));
    };
    let value = entry.remove("value");
    let value = value.ok_or_else(|| DocumentError::Unreadable("value".to_owned()))?;
    let digests = take(&mut entry, "digests")?;
    verify(&place.to_string(), digests, Digests::of_item(place.kind, &value))?;
    if entry.get("fields").is_some_and(|fields| *fields != json!(digest::fields(&value))) {
        return Err(DocumentError::Mismatch { of: place.to_string(), which: "field" });
    }
    Ok(value)
}

fn verify(of: &str, claimed: Digests, computed: Digests) -> Result<(), DocumentError> {
    let mismatch = |which| Err(DocumentError::Mismatch { of: of.to_owned(), which });
    if claimed.exact != computed.exact {
        return mismatch("exact");
    }
    if claimed.semantic != computed.semantic {
        return mismatch("semantic");
    }
    Ok(())
}

fn take<T: serde::de::DeserializeOwned>(
    members: &mut Map<String, Value>,
    name: &str,
) -> Result<T, DocumentError> {
    let value = members.remove(name).and_then(|value| serde_json::from_value(value).ok());
    value.ok_or_else(|| DocumentError::Unreadable(name.to_owned()))
}

fn answers(members: Map<String, Value>) -> Result<Observation, DocumentError> {
    let mut assembly = Assembly::begin(era(&members));
    if let Some(list) = lone_list(&members) {
        add_page(&mut assembly, list, members)?;
    } else {
        add_members(&mut assembly, members)?;
    }
    Ok(Observation {
        surface: assembly.finish().surface,
        cache_scope: CacheScope::Private,
        ttl: None,
    })
}

/// The list of which `members` are the whole result.
fn lone_list(members: &Map<String, Value>) -> Option<List> {
    let is_record = ["source", "server"].iter().all(|name| is(members, name, Value::is_string));
    let is_several = members.iter().any(|(name, value)| {
        let is_known = OPENING.contains(&name.as_str()) || OPENING_METHODS.contains(&name.as_str());
        (is_known || List::of_method(name).is_some()) && !value.is_null()
    });
    let mut lists =
        List::ALL.into_iter().filter(|list| is(members, list.member(), Value::is_array));
    let only = lists.next().filter(|_| lists.next().is_none());
    only.filter(|_| !is_record && !is_several)
}

fn add_members(assembly: &mut Assembly, members: Map<String, Value>) -> Result<(), DocumentError> {
    let mut is_known = false;
    let mut opening = Map::new();
    for (name, value) in members.into_iter().filter(|(_, value)| !value.is_null()) {
        let under_member = List::ALL.into_iter().find(|list| list.member() == name);
        match (under_member, List::of_method(&name), value) {
            (Some(list), _, Value::Array(items)) => assembly.add_items(list, items)?,
            (Some(list), _, value) | (None, Some(list), value) => {
                let wrong = || DocumentError::Assembly(not_an_object(list.method()));
                let Value::Object(result) = value else { return Err(wrong()) };
                add_page(assembly, list, without_envelope(result)?)?;
            }
            (None, None, Value::Object(result)) if OPENING_METHODS.contains(&name.as_str()) => {
                assembly.add_opening(without_envelope(result)?)?;
            }
            (None, None, value) if OPENING.contains(&name.as_str()) => {
                opening.insert(name, value);
            }
            // `_meta` alone makes no surface.
            (None, None, value) => {
                if name == "_meta" {
                    opening.insert(name, value);
                }
                continue;
            }
        }
        is_known = true;
    }
    if !is_known {
        return Err(DocumentError::Unrecognised);
    }
    assembly.add_opening(opening)?;
    Ok(())
}

fn add_page(
    assembly: &mut Assembly,
    list: List,
    result: Map<String, Value>,
) -> Result<(), DocumentError> {
    match assembly.add_page(list, result)? {
        None => Ok(()),
        Some(_) => Err(DocumentError::Incomplete(list.method())),
    }
}

/// The members of a result, whether it stands alone or in a JSON-RPC response.
fn without_envelope(mut members: Map<String, Value>) -> Result<Map<String, Value>, DocumentError> {
    if !members.contains_key("jsonrpc") {
        return Ok(members);
    }
    if let Some(error) = members.get("error") {
        let message = error.get("message").and_then(Value::as_str).unwrap_or("without a message");
        return Err(DocumentError::Answered(message.to_owned()));
    }
    match members.remove("result") {
        Some(Value::Object(result)) => Ok(result),
        _ => Err(DocumentError::Unrecognised),
    }
}

fn era(members: &Map<String, Value>) -> Era {
    let is_legacy = ["initialize", "protocolVersion"].iter().any(|name| has(members, name));
    let nested = members.iter().filter(|(name, _)| {
        List::of_method(name).is_some() || List::ALL.iter().any(|list| list.member() == *name)
    });
    let mut results = nested.filter_map(|(_, value)| {
        let result = value.as_object()?;
        result.get("result").map_or(Some(result), Value::as_object)
    });
    let is_modern = ["server/discover", "supportedVersions"].iter().any(|name| has(members, name))
        || is_modern_result(members)
        || results.any(is_modern_result);
    if is_modern && !is_legacy { Era::Modern } else { Era::Legacy }
}

fn is_modern_result(members: &Map<String, Value>) -> bool {
    let named =
        members.get("_meta").and_then(|meta| meta.get("io.modelcontextprotocol/serverInfo"));
    named.is_some() || ["resultType", "ttlMs", "cacheScope"].iter().any(|name| has(members, name))
}

fn has(members: &Map<String, Value>, name: &str) -> bool {
    is(members, name, |value| !value.is_null())
}

fn is(members: &Map<String, Value>, name: &str, test: impl Fn(&Value) -> bool) -> bool {
    members.get(name).is_some_and(test)
}

fn not_an_object(answer: &'static str) -> AssemblyError {
    AssemblyError::Malformed { answer, what: "the result is not an object".to_owned() }
}

const OPENING_METHODS: [&str; 2] = ["initialize", "server/discover"];

/// Members of opening results that are surface wherever a file has them.
const OPENING: [&str; 5] =
    ["capabilities", "instructions", "protocolVersion", "serverInfo", "supportedVersions"];

#[cfg(test)]
mod tests;
