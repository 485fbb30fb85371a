//! What a client is shown: the server's own answer where it is as approved, and otherwise an
//! answer made of what was approved.

use serde_json::{Map, Value, json};
use surface::{Assembly, AssemblyError, Era, Kind, List, Place, Surface};
use wire::Refusal;

use super::{Gate, Mode, align};
use crate::capture::opening;
use crate::event::Reason;
use crate::pin::Pin;

/// An answer against the pin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum View {
    /// It is as approved: forward it as it came.
    Same,
    /// It is not; this result stands in its place.
    Changed { result: Value, reasons: Vec<Reason> },
    /// It is not, and nothing can stand in its place.
    Withheld { reasons: Vec<Reason> },
}

/// The result of `initialize` or `server/discover`.
///
/// # Errors
/// A result that parsers read differently.
pub(crate) fn opening(gate: &Gate, era: Era, result: wire::Value<'_>) -> Result<View, Refusal> {
    let Some(pin) = pinned(gate) else { return Ok(View::Same) };
    let shown = match Assembly::open(era, result) {
        Ok(assembly) => assembly.finish().surface,
        Err(error) => return withheld(error),
    };
    let mut approved = only(&pin.surface, |place| place.kind == Kind::Server);
    let mut aligned = shown;
    align(&mut approved, &mut aligned);
    if approved.items == aligned.items {
        return Ok(View::Same);
    }
    let changes = gate.compare(&approved, &aligned);
    if changes.is_empty() {
        return Ok(View::Same);
    }
    let mut result = surface::json::exact(result)?;
    for change in changes.iter().filter(|change| shows_pinned(gate, change)) {
        let name = &*change.item.name;
        let blank = blank(gate, era, name);
        let keep = gate.stance.mode == Mode::Fixed || blank.is_some();
        let value = pin.surface.items.get(&change.item).filter(|_| keep).cloned();
        put_server_item(&mut result, era, name, value.or(blank));
    }
    Ok(View::Changed { result: uncached(result, era), reasons: reasons(&changes) })
}

/// A page of a list.
///
/// # Errors
/// A page that parsers read differently.
pub(crate) fn page(
    gate: &Gate,
    era: Era,
    list: List,
    result: wire::Value<'_>,
) -> Result<View, Refusal> {
    let Some(pin) = pinned(gate) else { return Ok(View::Same) };
    let mut assembly = Assembly::again(&Surface::empty(era), list);
    if let Err(error) = assembly.page(list, result) {
        return withheld(error);
    }
    let mut shown = assembly.finish().surface;
    shown.era = pin.surface.era;
    let approved = approved_of(&pin.surface, &shown);
    if approved.items == shown.items {
        return Ok(View::Same);
    }
    let changes = gate.compare(&approved, &shown);
    if changes.is_empty() {
        return Ok(View::Same);
    }
    let mut result = surface::json::exact(result)?;
    let withheld = |place: &Place| {
        let mut of_item = changes.iter().filter(|change| change.item == *place);
        of_item.any(|change| shows_pinned(gate, change) || !approved.items.contains_key(place))
    };
    if let Some(items) = result.get_mut(list.member()).and_then(Value::as_array_mut) {
        items.retain_mut(|item| {
            let name = item.get(list.key()).and_then(Value::as_str).unwrap_or_default();
            let place = Place::new(list.kind(), name);
            if !withheld(&place) {
                return true;
            }
            let stand_in = approved.items.get(&place).filter(|_| gate.stance.mode == Mode::Fixed);
            stand_in.inspect(|pinned| item.clone_from(pinned)).is_some()
        });
    }
    let server_info = Place::new(Kind::Server, "serverInfo");
    if withheld(&server_info) {
        let pinned = approved.items.get(&server_info).cloned();
        put_server_item(&mut result, era, "serverInfo", pinned);
    }
    let page = Place::new(Kind::Page, list.method());
    if withheld(&page) {
        put_page_members(&mut result, list, shown.items.get(&page), approved.items.get(&page));
    }
    Ok(View::Changed { result: uncached(result, era), reasons: reasons(&changes) })
}

/// The body of a `ui://` resource.
///
/// # Errors
/// A body that parsers read differently.
pub(crate) fn ui(
    gate: &Gate,
    era: Era,
    item: &Place,
    result: wire::Value<'_>,
) -> Result<View, Refusal> {
    let Some(pin) = pinned(gate) else { return Ok(View::Same) };
    let mut assembly = Assembly::again(&Surface::empty(era), List::Resources);
    if let Err(error) = assembly.ui_body(&item.name, result) {
        return withheld(error);
    }
    let mut shown = assembly.finish().surface;
    shown.era = pin.surface.era;
    Ok(match judge(gate, &pin, item, &shown) {
        Judged::Same => View::Same,
        Judged::Withheld(reasons) => View::Withheld { reasons },
        Judged::Pinned(body, reasons) => {
            let result = uncached(json!({ "contents": [body] }), era);
            View::Changed { result, reasons }
        }
    })
}

/// The result of `skills/get`: the skill as `skills/list` would describe it.
///
/// # Errors
/// A skill that parsers read differently.
pub(crate) fn skill(
    gate: &Gate,
    era: Era,
    item: &Place,
    result: wire::Value<'_>,
) -> Result<View, Refusal> {
    let Some(pin) = pinned(gate) else { return Ok(View::Same) };
    let mut result = surface::json::exact(result)?;
    let is_meant = |skill: &&Value| skill.get("uri").is_some_and(|uri| *uri == item.name);
    let Some(shown) = result.get("skill").filter(is_meant).cloned() else {
        let sentence = format!("skills/get: the result does not describe `{item}`");
        return Ok(View::Withheld { reasons: vec![Reason::new("capture.malformed", sentence)] });
    };
    let shown = [(item.clone(), shown)];
    let shown = Surface { era: pin.surface.era, items: shown.into_iter().collect() };
    Ok(match judge(gate, &pin, item, &shown) {
        Judged::Same => View::Same,
        Judged::Withheld(reasons) => View::Withheld { reasons },
        Judged::Pinned(skill, reasons) => {
            put(result.as_object_mut(), "skill", Some(skill));
            View::Changed { result: uncached(result, era), reasons }
        }
    })
}

/// One item that was shown by itself.
enum Judged {
    Same,
    /// It, or what stood beside it, drifted, and this was approved.
    Pinned(Value, Vec<Reason>),
    /// It drifted, and nothing can stand in its place.
    Withheld(Vec<Reason>),
}

fn judge(gate: &Gate, pin: &Pin, item: &Place, shown: &Surface) -> Judged {
    let approved = approved_of(&pin.surface, shown);
    if approved.items == shown.items {
        return Judged::Same;
    }
    let changes = gate.compare(&approved, shown);
    if !changes.iter().any(|change| shows_pinned(gate, change)) {
        return Judged::Same;
    }
    let is_fixed = gate.stance.mode == Mode::Fixed;
    let has_drifted = changes.iter().any(|change| change.item == *item);
    match approved.items.get(item).filter(|_| is_fixed || !has_drifted) {
        Some(pinned) => Judged::Pinned(pinned.clone(), reasons(&changes)),
        None => Judged::Withheld(reasons(&changes)),
    }
}

/// The pin that views are judged by. Without one, a fixed surface is empty, and the other modes
/// pin what the first listing finds.
fn pinned(gate: &Gate) -> Option<std::sync::Arc<Pin>> {
    let is_observed = gate.stance.mode == Mode::Observe;
    match gate.pin() {
        Ok(None) if gate.stance.mode != Mode::Fixed => None,
        Ok(Some(pin)) if is_observed || gate.objection(&pin).is_none() => Some(pin),
        // What cannot be read, or is not backed by the log that has to back it, approves nothing.
        Ok(_) | Err(_) => {
            let nothing = Surface::empty(Era::Modern);
            Some(std::sync::Arc::new(Pin::new(nothing, surface::CacheScope::Private)))
        }
    }
}

/// Whether what a change touches is taken out of the client's sight.
fn shows_pinned(gate: &Gate, change: &drift::Change) -> bool {
    gate.stance.mode == Mode::Fixed || gate.holds(change)
}

/// What was approved of what is `shown`. Pages that differ in what stands beside their lists are
/// approved together; each shows one of them. That something was not there is nothing to show.
fn approved_of(pinned: &Surface, shown: &Surface) -> Surface {
    let mut approved = only(pinned, |place| shown.items.contains_key(place));
    approved.items.retain(|_, item| !is_absent(item));
    for (place, item) in approved.items.iter_mut().filter(|(place, _)| place.kind == Kind::Page) {
        let shown = shown.items.get(place);
        let known = item.as_array().and_then(|known| known.iter().find(|one| Some(*one) == shown));
        if let Some(known) = known.cloned() {
            *item = known;
        }
    }
    approved
}

/// Whether an item only records with which error a server said that it has none.
fn is_absent(item: &Value) -> bool {
    item.as_object().is_some_and(|members| members.len() == 1 && members.contains_key("absent"))
}

fn only(surface: &Surface, wanted: impl Fn(&Place) -> bool) -> Surface {
    let items = surface.items.iter().filter(|(place, _)| wanted(place));
    let items = items.map(|(place, item)| (place.clone(), item.clone()));
    Surface { era: surface.era, items: items.collect() }
}

fn reasons(changes: &[drift::Change]) -> Vec<Reason> {
    changes.iter().map(Reason::from).collect()
}

fn withheld(error: AssemblyError) -> Result<View, Refusal> {
    match error {
        AssemblyError::Refused { refusal, .. } => Err(refusal),
        other => {
            let reason = Reason::new("capture.malformed", other.to_string());
            Ok(View::Withheld { reasons: vec![reason] })
        }
    }
}

/// What stands in an opening for a member that its era requires and nobody approved.
fn blank(gate: &Gate, era: Era, name: &str) -> Option<Value> {
    match (era, name) {
        (_, "capabilities") => Some(json!({})),
        (Era::Legacy, "serverInfo") => Some(json!({ "name": gate.alias, "version": "" })),
        (Era::Legacy, "protocolVersion") => Some(opening::LEGACY_VERSION.into()),
        (Era::Modern, "supportedVersions") => Some(json!([opening::MODERN_VERSION])),
        _ => None,
    }
}

/// Puts what the server says of itself where its era has it.
fn put_server_item(result: &mut Value, era: Era, name: &str, value: Option<Value>) {
    let Some(members) = result.as_object_mut() else { return };
    match (era, name) {
        (Era::Modern, "serverInfo") => {
            let meta = members.entry("_meta").or_insert_with(|| json!({}));
            put(meta.as_object_mut(), "io.modelcontextprotocol/serverInfo", value);
            // Where some servers say it once more.
            members.remove("serverInfo");
        }
        (Era::Modern, "_meta") => {
            let key = "io.modelcontextprotocol/serverInfo";
            let identity = members.get("_meta").and_then(|meta| meta.get(key)).cloned();
            let mut meta = value.unwrap_or_else(|| json!({}));
            put(meta.as_object_mut(), key, identity);
            put(Some(members), "_meta", Some(meta));
        }
        _ => put(Some(members), name, value),
    }
}

/// Takes what a page shows beside its list away, and puts what was approved in its place.
fn put_page_members(
    result: &mut Value,
    list: List,
    shown: Option<&Value>,
    approved: Option<&Value>,
) {
    let Some(members) = result.as_object_mut() else { return };
    for name in shown.and_then(Value::as_object).into_iter().flat_map(Map::keys) {
        members.remove(name);
    }
    for (name, value) in approved.and_then(Value::as_object).into_iter().flatten() {
        if name != list.member() {
            members.insert(name.clone(), value.clone());
        }
    }
}

fn put(members: Option<&mut Map<String, Value>>, name: &str, value: Option<Value>) {
    match (members, value) {
        (Some(members), Some(value)) => {
            members.insert(name.to_owned(), value);
        }
        (Some(members), None) => {
            members.remove(name);
        }
        (None, _) => {}
    }
}

/// A modern answer of ours holds for this client and this moment only.
fn uncached(mut result: Value, era: Era) -> Value {
    if let (Era::Modern, Some(members)) = (era, result.as_object_mut()) {
        members.insert("ttlMs".to_owned(), 0.into());
        members.insert("cacheScope".to_owned(), "private".into());
    }
    result
}
