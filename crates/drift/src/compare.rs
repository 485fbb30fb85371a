//! Two surfaces to ranked changes.

use surface::{Digests, Place, Surface};

use crate::change::{Change, Severity};

/// An item of another server that is guarded beside this one: what shadowing is judged against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The alias of the other server.
    pub server: String,
    /// The item.
    pub place: Place,
}

/// What changed from `before` to `after`, most important first. Empty exactly when the semantic
/// digests are equal.
pub fn compare(before: &Surface, after: &Surface, _neighbours: &[Neighbour]) -> Vec<Change> {
    let mut changes = Vec::new();
    for (place, old) in &before.items {
        let new = after.items.get(place);
        let digest = |value| Digests::of_item(place.kind, value).semantic;
        if new.is_some_and(|new| digest(new) == digest(old)) {
            continue;
        }
        changes.push(change(
            if new.is_some() { "surface.item.changed" } else { "surface.item.removed" },
            place,
            Some(old),
            new,
        ));
    }
    for (place, new) in &after.items {
        if !before.items.contains_key(place) {
            changes.push(change("surface.item.added", place, None, Some(new)));
        }
    }
    changes
}

fn change(
    code: &'static str,
    item: &Place,
    before: Option<&serde_json::Value>,
    after: Option<&serde_json::Value>,
) -> Change {
    Change {
        code,
        item: item.clone(),
        place: item.to_string(),
        severity: Severity::Notice,
        score: 0,
        before: before.cloned(),
        after: after.cloned(),
        sentence: format!("`{item}` changed."),
        because: Vec::new(),
    }
}
