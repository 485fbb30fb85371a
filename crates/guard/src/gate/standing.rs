//! Where an observation stands against a pin.

use std::collections::BTreeMap;
use std::sync::Arc;

use drift::{Change, Neighbour};
use surface::{Kind, Place, Surface};
use wire::request::Subject;

use super::align;
use crate::pin::Pin;

/// An observation, the pin it was compared with, and what differs.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) pin: Option<Arc<Pin>>,
    pub(crate) observed: Arc<Surface>,
    changes: BTreeMap<Place, Vec<Change>>,
}

impl Standing {
    /// Compares; without a pin nothing differs, because nothing was approved.
    pub(crate) fn new(
        pin: Option<Arc<Pin>>,
        observed: Arc<Surface>,
        neighbours: &[Neighbour],
    ) -> Self {
        let mut changes = BTreeMap::<_, Vec<_>>::new();
        if let Some(pin) = pin.as_ref().filter(|pin| pin.surface != *observed) {
            let (mut pinned, mut shown) = (pin.surface.clone(), Surface::clone(&observed));
            align(&mut pinned, &mut shown);
            for change in drift::compare(&pinned, &shown, neighbours) {
                changes.entry(change.item.clone()).or_default().push(change);
            }
        }
        Self { pin, observed, changes }
    }

    /// Whether this was compared with that very pin.
    pub(crate) fn is_against(&self, pin: Option<&Arc<Pin>>) -> bool {
        match (&self.pin, pin) {
            (Some(ours), Some(other)) => Arc::ptr_eq(ours, other),
            (None, None) => true,
            _ => false,
        }
    }

    /// Every change, by item.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.values().flatten()
    }

    /// The changes of one item.
    pub(crate) fn changes_of(&self, item: &Place) -> &[Change] {
        self.changes.get(item).map(Vec::as_slice).unwrap_or_default()
    }

    /// The changes of what the server says of itself.
    pub(crate) fn server_changes(&self) -> impl Iterator<Item = &Change> {
        self.changes().filter(|change| change.item.kind == Kind::Server)
    }

    /// The item that a request acts on: for a file of a skill, the skill; for a resource that is
    /// not listed, the template that makes its URI.
    pub(crate) fn place_of(&self, subject: &Subject<'_>) -> Place {
        match subject {
            Subject::Tool(name) => Place::new(Kind::Tool, name.as_ref()),
            Subject::Prompt(name) => Place::new(Kind::Prompt, name.as_ref()),
            Subject::Template(uri) => Place::new(Kind::Template, uri.as_ref()),
            Subject::Skill(uri) => Place::new(Kind::Skill, uri.as_ref()),
            Subject::Resource(uri) if surface::is_ui(uri) => Place::new(Kind::Ui, uri.as_ref()),
            Subject::Resource(uri) => {
                let listed = Place::new(Kind::Resource, uri.as_ref());
                let made = || self.find(Kind::Template, |template| makes(template, uri));
                let known = if self.is_known(&listed) { None } else { made() };
                let resource = known.unwrap_or(listed);
                // A file of a skill is what the skill says.
                let skill = self.find(Kind::Skill, |skill| is_of_skill(skill, uri));
                skill.filter(|_| !self.changes.contains_key(&resource)).unwrap_or(resource)
            }
        }
    }

    fn is_known(&self, place: &Place) -> bool {
        let is_pinned = self.pin.as_ref().is_some_and(|pin| pin.surface.items.contains_key(place));
        is_pinned || self.observed.items.contains_key(place)
    }

    /// The item of `kind`, drifted ones first, whose name is one that `is_meant` takes.
    fn find(&self, kind: Kind, is_meant: impl Fn(&str) -> bool) -> Option<Place> {
        let pinned = self.pin.as_ref().map(|pin| &pin.surface);
        let surfaces = [pinned, Some(&*self.observed)].into_iter().flatten();
        let names = surfaces.flat_map(|surface| surface.of(kind)).map(|(name, _)| name);
        let places = names.filter(|name| is_meant(name)).map(|name| Place::new(kind, name));
        places.max_by_key(|place| self.changes.contains_key(place))
    }
}

/// The pinned items that a request may touch, by the pin alone: what a server shows now names none.
pub(crate) fn pinned_places(pinned: &Surface, subject: &Subject<'_>) -> Vec<Place> {
    let uri = match subject {
        Subject::Tool(name) => return vec![Place::new(Kind::Tool, name.as_ref())],
        Subject::Prompt(name) => return vec![Place::new(Kind::Prompt, name.as_ref())],
        Subject::Template(uri) => return vec![Place::new(Kind::Template, uri.as_ref())],
        Subject::Skill(uri) | Subject::Resource(uri) => uri,
    };
    let is_touched = |place: &&Place| match place.kind {
        Kind::Resource | Kind::Ui => place.name == *uri,
        Kind::Template => makes(&place.name, uri),
        Kind::Skill => is_of_skill(&place.name, uri),
        Kind::Server | Kind::Tool | Kind::Prompt | Kind::Page => false,
    };
    pinned.items.keys().filter(is_touched).cloned().collect()
}

/// Whether `uri` is the folder of the skill at `skill`, or lies in it (SEP-2640: a skill is named
/// by the URI of its `SKILL.md`).
fn is_of_skill(skill: &str, uri: &str) -> bool {
    let folder = skill.strip_suffix("/SKILL.md").unwrap_or(skill);
    uri.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a URI template (RFC 6570) can make `uri`: generous, because a match only means that a
/// drifted template holds the request.
fn makes(template: &str, uri: &str) -> bool {
    let mut rest = uri;
    for (index, part) in template.split('{').enumerate() {
        let literal = if index == 0 { part } else { part.split_once('}').map_or("", |(_, l)| l) };
        let found =
            if index == 0 { rest.starts_with(literal).then_some(0) } else { rest.find(literal) };
        let Some(at) = found else { return false };
        rest = rest.get(at + literal.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{is_of_skill, makes};

    #[test]
    fn a_file_belongs_to_the_skill_whose_folder_holds_it() {
        for (skill, uri, expected) in [
            ("skill://a/b/SKILL.md", "skill://a/b/SKILL.md", true),
            ("skill://a/b/SKILL.md", "skill://a/b/x/y.md", true),
            ("skill://a/b/SKILL.md", "skill://a/b", true),
            ("skill://a/b/SKILL.md", "skill://a/bc/y.md", false),
            ("skill://a/b/SKILL.md", "skill://a/SKILL.md", false),
            ("skill://a", "skill://a/y.md", true),
        ] {
            assert_eq!(is_of_skill(skill, uri), expected, "{skill} {uri}");
        }
    }

    #[test]
    fn a_template_makes_the_uris_between_its_literals() {
        for (template, uri, expected) in [
            ("file:///{path}", "file:///etc/passwd", true),
            ("file:///{path}.txt", "file:///a.md", false),
            ("test://template/{id}/data", "test://template/7/data", true),
            ("test://template/{id}/data", "other://template/7/data", false),
            ("test://static", "test://static", true),
        ] {
            assert_eq!(makes(template, uri), expected, "{template} {uri}");
        }
    }
}
