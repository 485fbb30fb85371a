//! `countersign check`: what servers show now, compared with their pins.

use std::collections::BTreeMap;
use std::sync::Arc;

use drift::Neighbour;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Desk;
use crate::args;
use crate::artefact::authorizer_change;
use crate::failure::{Exit, Failure};
use crate::lock::{DEFAULT_CONTEXT, Entry, Key, Lines, Store, pinned_items};
use crate::output::progress::Progress;
use crate::report::{Comparison, Outcome, exit_of, human, json, sarif};
use crate::source::{Reach, Source, is_url};

/// Checks the servers that were named, or all.
///
/// # Errors
/// Pins that cannot be read, names that name none. A server that cannot be asked is an outcome.
pub(super) async fn run(desk: &Desk, arguments: &args::Check) -> Result<Exit, Failure> {
    let reach = Reach::of(&arguments.reach)?;
    let entries = desk.store.entries()?;
    let jobs = jobs(desk, arguments, &reach, &entries)?;
    if jobs.is_empty() {
        return Err(Failure::new(format!("nothing is pinned in {}", desk.store.place()))
            .hint("pin a server with `countersign pin --name ALIAS -- COMMAND…`"));
    }
    let outcomes = all(desk, jobs, &reach, arguments.jobs).await;
    let fail_on = arguments.verdict.fail_on;
    if arguments.json {
        desk.output.json(&json::Report::of(&outcomes, fail_on))?;
    } else if arguments.sarif {
        let lines = Lines::of(&entries, &desk.store.place(), &desk.here);
        desk.output.json(&sarif::log(&outcomes, &lines))?;
    } else {
        let text: String = outcomes.iter().map(human::outcome).collect();
        desk.output.data(&text)?;
        hint(desk, &outcomes);
    }
    Ok(exit_of(&outcomes, fail_on))
}

/// A pin, and the server to compare it with: the recorded one, or another.
type Job = (Key, Result<Source, Failure>);

fn jobs(
    desk: &Desk,
    arguments: &args::Check,
    reach: &Reach,
    entries: &BTreeMap<Key, Entry>,
) -> Result<Vec<Job>, Failure> {
    let root = desk.store.root();
    let context = arguments.context.as_deref();
    let recorded =
        |(key, entry): (&Key, &Entry)| (key.clone(), Source::of_origin(&entry.origin, reach, root));
    if let Some(source) = other_source(arguments, reach, entries, root)? {
        let alias = arguments.name.clone().map_or_else(|| source.alias(), Ok)?;
        let key = Key::new(&alias, context.unwrap_or(DEFAULT_CONTEXT))?;
        if !entries.contains_key(&key) {
            return Err(super::not_pinned(desk, &key));
        }
        return Ok(vec![(key, Ok(source))]);
    }
    let in_context = |key: &Key| context.is_none_or(|context| key.context == context);
    if arguments.subjects.is_empty() && arguments.name.is_none() {
        return Ok(entries.iter().filter(|(key, _)| in_context(key)).map(recorded).collect());
    }
    let mut jobs = Vec::new();
    for alias in arguments.subjects.iter().chain(&arguments.name) {
        let named = entries.iter().filter(|(key, _)| key.alias == *alias && in_context(key));
        let count = jobs.len();
        jobs.extend(named.map(recorded));
        if jobs.len() == count {
            let key = Key::new(alias, context.unwrap_or(DEFAULT_CONTEXT))?;
            return Err(super::not_pinned(desk, &key));
        }
    }
    Ok(jobs)
}

/// The server that was given in the place of the recorded one.
fn other_source(
    arguments: &args::Check,
    reach: &Reach,
    entries: &BTreeMap<Key, Entry>,
    root: Option<&std::path::Path>,
) -> Result<Option<Source>, Failure> {
    if !arguments.command.is_empty() {
        return Ok(Some(Source::of_command(&arguments.command, root)));
    }
    let is_alias = |text: &str| entries.keys().any(|key| key.alias == text);
    let is_source = |text: &str| {
        text == "-" || is_url(text) || (!is_alias(text) && std::path::Path::new(text).exists())
    };
    match arguments.subjects.as_slice() {
        [text] if arguments.name.is_some() || is_source(text) => {
            Source::of_text(text, reach).map(Some)
        }
        subjects if arguments.name.is_some() && !subjects.is_empty() => {
            Err(Failure::usage("`--name` compares one server with one pin"))
        }
        _ => Ok(None),
    }
}

/// Checks every job, some at once; the outcomes are in the order of the jobs.
async fn all(desk: &Desk, jobs: Vec<Job>, reach: &Reach, at_once: u16) -> Vec<Outcome> {
    let progress = Arc::new(Progress::of(jobs.len()));
    let items = Arc::new(pinned_items(&*desk.store));
    let permits = Arc::new(Semaphore::new(usize::from(at_once)));
    let mut tasks = JoinSet::new();
    for (index, (key, source)) in jobs.into_iter().enumerate() {
        let (store, reach) = (Arc::clone(&desk.store), reach.clone());
        let (progress, permits) = (Arc::clone(&progress), Arc::clone(&permits));
        let others = items.iter().filter(|item| item.server != key.alias).cloned();
        let others: Vec<Neighbour> = others.collect();
        tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let name = key.to_string();
            progress.begin(&name);
            let result = match source {
                Ok(source) => one(&*store, &key, &source, &reach, &others).await,
                Err(failure) => Err(failure),
            };
            progress.end(&name);
            (index, Outcome { key, result })
        });
    }
    let mut outcomes: Vec<_> = tasks.join_all().await;
    progress.clear();
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

async fn one(
    store: &dyn Store,
    key: &Key,
    source: &Source,
    reach: &Reach,
    others: &[Neighbour],
) -> Result<Comparison, Failure> {
    let pinned = store.load(key)?;
    let pinned =
        pinned.ok_or_else(|| Failure::new(format!("the pin of `{key}` was removed meanwhile")))?;
    let observed = source.observe(&reach.conditions).await?;
    let surface = &observed.observation.surface;
    let mut comparison = Comparison::of(&pinned.surface, surface, others);
    let before = pinned.entry.artefact;
    let after = source.identity(&reach.conditions).await;
    if let Some(after) = after.ok().filter(|after| *after != before) {
        comparison.changes.splice(..0, authorizer_change(before.as_ref(), after.as_ref()));
        comparison.artefacts = Some([before, after]);
    }
    Ok(comparison)
}

fn hint(desk: &Desk, outcomes: &[Outcome]) {
    let drifted = outcomes.iter().filter(|outcome| outcome.status() == "drift");
    for outcome in drifted.take(HINTS_MAX) {
        desk.output.hint(&format!("review and approve with `countersign approve {}`", outcome.key));
    }
}

const HINTS_MAX: usize = 3;
