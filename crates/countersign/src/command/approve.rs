//! `countersign approve`: a person lets changes stand, item by item or all of them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use surface::{Digests, Kind, Place, Surface};

use super::Desk;
use crate::args;
use crate::artefact::{Artefact, Unknown, authorization_place, authorizer_change};
use crate::codes;
use crate::env;
use crate::failure::{Exit, Failure};
use crate::lock::{Key, Pinned, neighbours};
use crate::output::{can_ask, style};
use crate::report::{Comparison, human};
use crate::source::{Observed, Reach, Source};

/// Approves changes of one server.
///
/// # Errors
/// A server that is not pinned or cannot be asked; a digest that is not the one reviewed.
pub(super) async fn run(desk: &Desk, arguments: &args::Approve) -> Result<Exit, Failure> {
    let (alias, context) = match arguments.alias.split_once('@') {
        Some((alias, context)) => (alias, context),
        None => (arguments.alias.as_str(), arguments.context.context.as_str()),
    };
    let key = Key::new(alias, context)?;
    let pinned = desk.store.load(&key)?.ok_or_else(|| super::not_pinned(desk, &key))?;
    let reach = Reach::of(&arguments.reach)?;
    let source = source(desk, arguments, &pinned, &reach)?;
    let observed = source.observe(&reach.conditions).await?;
    let surface = &observed.observation.surface;
    let others = neighbours(&*desk.store, &key);
    let mut comparison = Comparison::of(&pinned.surface, surface, &others);
    let identity = source.identity(&reach.conditions).await;
    let pinned_identity = pinned.entry.artefact.as_ref();
    let authorizer =
        identity.as_ref().ok().and_then(|now| authorizer_change(pinned_identity, now.as_ref()));
    comparison.changes.splice(..0, authorizer.clone());
    if let Some(reviewed) = arguments.digest.filter(|digest| *digest != comparison.after.exact) {
        let now = comparison.after.exact;
        return Err(Failure::refusal(
            codes::APPROVE_DIGEST,
            format!("`{key}` does not show what was reviewed: {reviewed} then, {now} now"),
        )
        .hint(format!("review what it shows now: `countersign check {alias}`")));
    }
    let mut changed = changed_items(&pinned.surface, surface);
    changed.extend(authorizer.map(|change| change.item));
    if changed.is_empty() {
        desk.output.note(&format!("{} shows what is pinned", style::paint(style::NAME, &key)));
        return Ok(Exit::Same);
    }
    let approved = choose(desk, arguments, &comparison, changed.clone()).await?;
    if approved.is_empty() {
        desk.output.note("nothing approved");
        return Ok(Exit::Drift);
    }
    let review = Review { pinned, observed, identity, changed };
    store(desk, arguments, &key, review, &approved)
}

/// What was reviewed.
struct Review {
    pinned: Pinned,
    observed: Observed,
    identity: Result<Option<Artefact>, Unknown>,
    changed: BTreeSet<Place>,
}

/// Who approves: as given, else as git signs, else as the system says.
pub(super) fn approver(given: Option<&str>) -> String {
    let from_git = || {
        let git = std::process::Command::new("git").args(["config", "user.email"]).output().ok()?;
        let email = String::from_utf8(git.stdout).ok()?.trim().to_owned();
        (git.status.success() && !email.is_empty()).then_some(email)
    };
    let from_system = || std::env::var(env::USER).ok().filter(|user| !user.is_empty());
    given
        .map(str::to_owned)
        .or_else(from_git)
        .or_else(from_system)
        .unwrap_or_else(|| "unknown".to_owned())
}

fn source(
    desk: &Desk,
    arguments: &args::Approve,
    pinned: &Pinned,
    reach: &Reach,
) -> Result<Source, Failure> {
    let root = desk.store.root();
    match &arguments.from {
        Some(text) => Source::of_text(text, reach),
        None if !arguments.command.is_empty() => Ok(Source::of_command(&arguments.command, root)),
        None => Source::of_origin(&pinned.entry.origin, reach, root),
    }
}

/// The items whose change stands from now on.
async fn choose(
    desk: &Desk,
    arguments: &args::Approve,
    comparison: &Comparison,
    changed: BTreeSet<Place>,
) -> Result<BTreeSet<Place>, Failure> {
    if arguments.all {
        desk.output.note(human::details(comparison, human::Amount::Whole).trim_end());
        return Ok(changed);
    }
    if arguments.places.is_empty() {
        return ask(desk, comparison, changed).await;
    }
    let mut chosen = BTreeSet::new();
    for text in &arguments.places {
        let place = text.parse::<Place>().map_err(|error| Failure::usage(error.to_string()))?;
        if !changed.contains(&place) {
            return Err(Failure::usage(format!("`{place}` has not changed"))
                .hint(format!("changed: {}", listed(&changed))));
        }
        chosen.insert(place);
    }
    let shown = comparison.changes.iter().filter(|change| chosen.contains(&change.item));
    for change in shown {
        desk.output.note(human::change(change, human::Amount::Whole).trim_end());
    }
    Ok(chosen)
}

async fn ask(
    desk: &Desk,
    comparison: &Comparison,
    changed: BTreeSet<Place>,
) -> Result<BTreeSet<Place>, Failure> {
    if !can_ask() {
        desk.output.note(human::details(comparison, human::Amount::Whole).trim_end());
        return Err(Failure::usage("there is no terminal to ask on")
            .hint(format!("name what to approve, or `--all`: {}", listed(&changed))));
    }
    let mut chosen = BTreeSet::new();
    // Most important first, as ranked; what only changed in form comes last.
    let ranked = comparison.changes.iter().map(|change| &change.item);
    let mut left: Vec<&Place> = Vec::new();
    for place in ranked.filter(|place| changed.contains(*place)).chain(&changed) {
        if !left.contains(&place) {
            left.push(place);
        }
    }
    for place in left {
        let told = comparison.changes.iter().filter(|change| change.item == *place);
        let text: String = told.map(|change| human::change(change, human::Amount::Whole)).collect();
        let text = if text.is_empty() { format!("  {place}: form only\n") } else { text };
        desk.output.note(text.trim_end());
        let question = format!("approve {place}? [y]es, [n]o, [a]ll, [q]uit:");
        match desk.output.ask(&question).await.as_deref() {
            Some("y" | "yes") => {
                chosen.insert(place.clone());
            }
            Some("a" | "all") => return Ok(changed),
            Some("q" | "quit") | None => return Ok(BTreeSet::new()),
            Some(_) => {}
        }
    }
    Ok(chosen)
}

fn store(
    desk: &Desk,
    arguments: &args::Approve,
    key: &Key,
    review: Review,
    approved: &BTreeSet<Place>,
) -> Result<Exit, Failure> {
    let Review { pinned, observed, identity, changed } = review;
    let after = &observed.observation.surface;
    let from = pinned.entry.digests.exact;
    let merged = merge(&pinned.surface, after, approved);
    let is_whole = merged == *after;
    let mut next = pinned.with_surface(merged);
    if is_whole {
        next.entry.protocol = observed.protocol();
    }
    // What runs moves with the whole surface; who authorizes it only by its own approval.
    let authorization = authorization_place();
    let moves =
        if changed.contains(&authorization) { approved.contains(&authorization) } else { is_whole };
    if let (Ok(identity), true) = (identity, moves) {
        next.entry.artefact = identity;
    }
    let items = approved.iter().map(ToString::to_string).collect();
    next.approve(Timestamp::now(), &approver(arguments.by.as_deref()), Some(from), items);
    desk.store.replace(key, Some(from), &next)?;
    let name = style::paint(style::NAME, key);
    let count = human::counted(approved.len(), "item");
    desk.output.note(&format!("approved {count} of {name}, in {}", desk.store.place()));
    let left: BTreeSet<Place> = changed.difference(approved).cloned().collect();
    if !left.is_empty() {
        desk.output.note(&format!("still not approved: {}", listed(&left)));
    }
    let is_same = next.entry.digests.semantic == Digests::of_surface(after).semantic
        && !left.contains(&authorization);
    Ok(if is_same { Exit::Same } else { Exit::Drift })
}

/// The items that are not the same, to the byte; the era counts as one.
fn changed_items(before: &Surface, after: &Surface) -> BTreeSet<Place> {
    let all = before.items.keys().chain(after.items.keys());
    let items = all.filter(|place| before.items.get(place) != after.items.get(place)).cloned();
    let era = (before.era != after.era).then(era_place);
    items.chain(era).collect()
}

/// `before` with the approved items of `after`.
fn merge(before: &Surface, after: &Surface, approved: &BTreeSet<Place>) -> Surface {
    let mut merged = before.clone();
    for place in approved {
        match after.items.get(place) {
            Some(item) => merged.items.insert(place.clone(), item.clone()),
            None => merged.items.remove(place),
        };
    }
    if approved.contains(&era_place()) {
        merged.era = after.era;
    }
    merged
}

/// Where `drift` places a change of the era.
fn era_place() -> Place {
    Place::new(Kind::Server, "era")
}

fn listed(places: &BTreeSet<Place>) -> String {
    places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
