//! Two surfaces to ranked changes.

pub(crate) mod lookalike;
pub(crate) mod rename;

use std::cmp::Reverse;
use std::collections::HashMap;

use serde_json::Value;
use surface::{Digest, Era, Kind, Place, Surface, semantic};

use crate::catalogue as codes;
use crate::change::Change;
use crate::item;
use crate::novel::Names;
use crate::report::same::same;
use crate::report::sentence::{noun, quoted};
use crate::report::way::Way;
use crate::report::{Difference, Report};
use crate::schema;
use lookalike::{Index, Known, Likeness};
use rename::Single;

/// An item of another server that is guarded beside this one: what shadowing is judged against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The alias of the other server.
    pub server: String,
    /// The item.
    pub place: Place,
    /// The semantic digest of its schema, or of what else tells it from others.
    pub shape: Option<Digest>,
}

impl Neighbour {
    /// The neighbour that an item of another server is.
    pub fn of(server: impl Into<String>, place: &Place, item: &Value) -> Self {
        let shape = rename::shape(place.kind, item);
        Self { server: server.into(), place: place.clone(), shape }
    }
}

/// What changed from `before` to `after`, most important first. Empty exactly when the semantic
/// digests are equal; each place whose semantic digest differs is the `item` of a change.
pub fn compare(before: &Surface, after: &Surface, neighbours: &[Neighbour]) -> Vec<Change> {
    if before == after {
        return Vec::new();
    }
    let mut others: Vec<_> = neighbours.iter().map(|other| other.place.name.as_str()).collect();
    let mut own: Vec<_> = after.items.keys().map(|place| place.name.as_str()).collect();
    for names in [&mut others, &mut own] {
        names.sort_unstable_by(|a, b| Names::order(a, b));
    }
    let names = Names { own: &own, others: &others };
    let comparison = Comparison { before, after, neighbours, names: &names };
    let mut changes = comparison.era();
    for (place, old) in &before.items {
        changes.extend(comparison.kept(place, Some(old), after.items.get(place)));
    }
    for (place, new) in &after.items {
        if is_member(place.kind) && !before.items.contains_key(place) {
            changes.extend(comparison.kept(place, None, Some(new)));
        }
    }
    changes.extend(comparison.came_and_went());
    changes.sort_by(|a, b| order(a).cmp(&order(b)));
    changes
}

/// Severity first, then score, then place, then code.
fn order(change: &Change) -> impl Ord {
    (Reverse(change.severity), Reverse(change.score), &change.place, change.code)
}

/// Whether items of `kind` are members of an answer, which come and go as a change of the whole.
const fn is_member(kind: Kind) -> bool {
    matches!(kind, Kind::Server | Kind::Page)
}

struct Comparison<'a> {
    before: &'a Surface,
    after: &'a Surface,
    neighbours: &'a [Neighbour],
    names: &'a Names<'a>,
}

impl Comparison<'_> {
    fn era(&self) -> Vec<Change> {
        if self.before.era == self.after.era {
            return Vec::new();
        }
        let name = |era| match era {
            Era::Legacy => Value::from("legacy"),
            Era::Modern => Value::from("modern"),
        };
        let (before, after) = (name(self.before.era), name(self.after.era));
        let item = Place::new(Kind::Server, "era");
        let mut report = Report::new(&item, Some(&before), Some(&after), self.names);
        let difference = Difference::new(&Way::ROOT, Some(&before), Some(&after));
        report.plain(&codes::ERA_CHANGED, difference);
        report.finish()
    }

    /// An item that is there on both sides, or a member that may be absent on one.
    fn kept(&self, place: &Place, old: Option<&Value>, new: Option<&Value>) -> Vec<Change> {
        let is_comparable = old.is_some() && new.is_some() || is_member(place.kind);
        if !is_comparable || old == new {
            return Vec::new();
        }
        let form = |item: Option<&Value>| item.map(|item| semantic::normalize(place.kind, item));
        let (before, after) = (form(old), form(new));
        if before.as_ref().zip(after.as_ref()).is_some_and(|(before, after)| same(before, after)) {
            return Vec::new();
        }
        let mut report = Report::new(place, old, new, self.names);
        item::compare(&mut report, before.as_ref(), after.as_ref());
        report.finish()
    }

    /// Items that are there on one side only, by kind.
    fn came_and_went(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        let removed = singles(self.before, self.after);
        let added = singles(self.after, self.before);
        if removed.is_empty() && added.is_empty() {
            return changes;
        }
        let index = if added.is_empty() { Index::default() } else { self.in_view(&added) };
        for kind in Kind::ALL {
            let removed = removed.get(&kind).map_or(&[][..], Vec::as_slice);
            let added = added.get(&kind).map_or(&[][..], Vec::as_slice);
            let pairs = rename::pair(kind, removed, added);
            let old_of: HashMap<_, _> = pairs.iter().map(|(old, new)| (*new, *old)).collect();
            let new_of: HashMap<_, _> = pairs.into_iter().collect();
            for (at, single) in removed.iter().enumerate() {
                let heir = new_of.get(&at).and_then(|new| added.get(*new));
                changes.extend(self.removed(*single, heir.copied()));
            }
            for (at, single) in added.iter().enumerate() {
                let origin = old_of.get(&at).and_then(|old| removed.get(*old));
                changes.extend(self.added(*single, origin.copied(), &index));
            }
        }
        changes
    }

    fn removed(&self, old: Single<'_>, heir: Option<Single<'_>>) -> Vec<Change> {
        let mut report = Report::new(old.place, Some(old.item), None, self.names);
        let detail =
            heir.map(|heir| format!("; it seems to be named {} now", quoted(&heir.place.name)));
        let difference = Difference::new(&Way::ROOT, Some(old.item), None);
        report.add(&codes::REMOVED, difference, detail.as_deref().unwrap_or_default());
        report.finish()
    }

    fn added(&self, new: Single<'_>, origin: Option<Single<'_>>, index: &Index<'_>) -> Vec<Change> {
        let old = origin.map(|origin| origin.item);
        let mut report = Report::new(new.place, old, Some(new.item), self.names);
        let whole = Difference::new(&Way::ROOT, old, Some(new.item));
        if let Some(origin) = origin {
            report.add(&codes::RENAMED, whole, &noun(origin.place));
            renamed(&mut report, origin, new);
        } else {
            report.plain(&codes::ADDED, whole);
            if let Some(input) = new.item.get("inputSchema") {
                schema::inspect_new(&mut report, input, &Way::ROOT.key("inputSchema"));
            }
        }
        self.likeness(&mut report, new, index, whole);
        report.finish()
    }

    fn likeness(
        &self,
        report: &mut Report<'_>,
        new: Single<'_>,
        index: &Index<'_>,
        whole: Difference<'_>,
    ) {
        let (kind, name) = (new.place.kind, new.place.name.as_str());
        let shadowed = self.neighbours.iter().find(|other| other.place == *new.place);
        if let Some(other) = shadowed {
            return report.add(
                &codes::SHADOWS,
                whole,
                &format!("server {}", quoted(&other.server)),
            );
        }
        let Some((how, known)) = index.imitated(kind, name, rename::shape(kind, new.item)) else {
            return;
        };
        let place = Place::new(kind, known.name);
        if how == Likeness::Copy && known.server.is_none() {
            let twin = self.after.items.get(&place);
            if !twin.is_some_and(|twin| rename::is_described_by(new.item, twin)) {
                return;
            }
        }
        let owner = known.server.map(|server| format!(" of server {}", quoted(server)));
        let how = match how {
            Likeness::Disguise => {
                let odd = lookalike::odd_characters(name, known.name);
                format!("they differ only by case, confusable or invisible characters{odd}")
            }
            Likeness::OneEdit => "one character differs".to_owned(),
            Likeness::Copy => "it copies the schema under a near name".to_owned(),
        };
        let detail = format!("{}{}: {how}", noun(&place), owner.unwrap_or_default());
        report.add(&codes::LOOK_ALIKE, whole, &detail);
    }

    /// The names that a new item could be taken for: those of the pin, the ones that stay, and
    /// those of other servers.
    fn in_view<'v>(&'v self, added: &HashMap<Kind, Vec<Single<'v>>>) -> Index<'v> {
        let mut index = Index::default();
        let has_new = |kind: Kind| added.contains_key(&kind);
        for (place, item) in self.before.items.iter().filter(|(place, _)| has_new(place.kind)) {
            // Only what stays can be copied; what went was renamed.
            let stays = self.after.items.contains_key(place);
            let schema = stays.then(|| rename::shape(place.kind, item)).flatten();
            let (kind, name) = (place.kind, place.name.as_str());
            index.insert(Known { kind, name, server: None, is_gone: !stays, schema });
        }
        for other in self.neighbours.iter().filter(|other| has_new(other.place.kind)) {
            let (kind, name) = (other.place.kind, other.place.name.as_str());
            let server = Some(other.server.as_str());
            index.insert(Known { kind, name, server, is_gone: false, schema: other.shape });
        }
        for Single { place, .. } in added.values().flatten() {
            index.insert_disguise(place.kind, &place.name);
        }
        index.sort();
        index
    }
}

/// What else differs between an item and what it was under its old name.
fn renamed(report: &mut Report<'_>, origin: Single<'_>, new: Single<'_>) {
    let kind = new.place.kind;
    let form = |single: Single<'_>| {
        let mut form = semantic::normalize(kind, single.item);
        if let (Some(key), Some(members)) = (key_of(kind), form.as_object_mut()) {
            members.remove(key);
        }
        form
    };
    let (before, after) = (form(origin), form(new));
    if !same(&before, &after) {
        item::compare(report, Some(&before), Some(&after));
    }
    let domains = |place: &Place| crate::lexicon::web::domains(&place.name);
    if let Some((gone, came)) =
        crate::lexicon::web::moved(&domains(origin.place), &domains(new.place))
    {
        let whole = Difference::new(&Way::ROOT, Some(origin.item), Some(new.item));
        report.add(&codes::ADDRESS, whole, &item::moved(&gone, &came));
    }
}

/// Items of `surface` that `other` does not have, by kind; members of answers are no such items.
fn singles<'a>(surface: &'a Surface, other: &Surface) -> HashMap<Kind, Vec<Single<'a>>> {
    let mut singles: HashMap<Kind, Vec<Single<'a>>> = HashMap::new();
    for (place, item) in &surface.items {
        if !is_member(place.kind) && !other.items.contains_key(place) {
            singles.entry(place.kind).or_default().push(Single { place, item });
        }
    }
    singles
}

/// The member that holds the name of an item of `kind`.
const fn key_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Tool | Kind::Prompt => Some("name"),
        Kind::Resource | Kind::Ui | Kind::Skill => Some("uri"),
        Kind::Template => Some("uriTemplate"),
        Kind::Server | Kind::Page => None,
    }
}
