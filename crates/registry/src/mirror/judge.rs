//! What is said of a row, and whether anything is.

use seal::Statement;
use seal::statement::{self, Finding, Observation, Observed, Predicate};
use serde_json::Value;
use store::Object;
use surface::Digest;

use super::compare::{self, Latest, finding};
use super::ledger::{Known, UNREADABLE, VANISHED};
use super::page::{Entry, Official, RefusedRow};

/// A statement on its way into the log, and the objects that it names.
pub(super) struct Saying {
    pub(super) statement: Statement,
    pub(super) objects: Vec<Object>,
}

/// What does not depend on the row.
#[derive(Debug, Clone)]
pub(super) struct Circumstances {
    pub(super) upstream: String,
    pub(super) time: String,
    /// Nothing that the first sweep finds is news.
    pub(super) is_first: bool,
    /// Much of the upstream had vanished: what comes back is no news for each row.
    pub(super) is_reset: bool,
}

/// What changed with an entry; `None` if nothing did that is worth a statement. `before` is what
/// `server` was, where it was another; `other_latest` the version that was called the latest.
pub(super) fn changes(
    entry: &Entry,
    known: Option<&Known>,
    before: Option<&Value>,
    other_latest: Option<(&str, &Known)>,
    is_reset: bool,
) -> Option<Vec<Finding>> {
    let back = is_latest_again(entry, known)
        .then(|| moved_back(entry, other_latest))
        .flatten()
        .map(|place| finding("entry.latest-moved-back", "warning", &place));
    let Some(known) = known else {
        let added = finding("entry.added", "info", "");
        return Some([added].into_iter().chain(back).collect());
    };
    let mut changes = Vec::new();
    if known.is_vanished() {
        let severity = if is_reset { "info" } else { "notice" };
        changes.push(finding("entry.restored", severity, ""));
    }
    if known.entry != Some(entry.digest) {
        match before {
            Some(before) => changes.extend(compare::content(before, &entry.server)),
            // What it was is not readable any more; that it was another is certain.
            None => changes.push(finding("entry.rewritten", "critical", "")),
        }
    }
    if !known.is_vanished() {
        let before = Official {
            status: known.status.clone(),
            message: known.message.clone(),
            ..Official::default()
        };
        changes.extend(compare::status(&before, &entry.official));
    }
    changes.extend(back);
    let moves_latest = is_latest_again(entry, Some(known)) && other_latest.is_some();
    (moves_latest || !changes.is_empty()).then_some(changes)
}

/// Whether an entry that was not the latest is called so now.
pub(super) fn is_latest_again(entry: &Entry, known: Option<&Known>) -> bool {
    entry.official.is_latest && known.is_none_or(|known| !known.is_latest)
}

/// The version from which `latest` moved back to an older one, while it still counts.
fn moved_back(entry: &Entry, other_latest: Option<(&str, &Known)>) -> Option<String> {
    let (version, known) = other_latest?;
    let counts = known.status != VANISHED && known.status != "deleted";
    let published_at = entry.official.published_at.as_deref();
    let after = Latest { version: &entry.version, published_at };
    let before = Latest { version, published_at: known.published_at.as_deref() };
    (counts && compare::is_older(after, before)).then(|| version.to_owned())
}

impl Circumstances {
    /// States an entry.
    pub(super) fn entry(
        &self,
        entry: &Entry,
        known: Option<&Known>,
        changes: Vec<Finding>,
    ) -> Saying {
        let object = Object::new(entry.raw.clone());
        let official = statement::Official {
            message: entry.official.message.clone(),
            published_at: entry.official.published_at.clone(),
            updated_at: entry.official.updated_at.clone(),
            is_latest: entry.official.is_latest,
        };
        let of = Observed::Entry {
            upstream: self.upstream.clone(),
            version: entry.version.clone(),
            entry: Some(entry.digest),
            object: Some(object.digest()),
            status: entry.official.status.clone(),
            official: Some(official),
        };
        let previous = known.and_then(|known| known.position);
        Saying { statement: self.say(&entry.name, of, previous, changes), objects: vec![object] }
    }

    /// States a row that cannot be read, under the upstream's own name: nobody can say for sure whose
    /// it is.
    pub(super) fn refused(&self, row: &RefusedRow) -> Saying {
        let object = Object::new(row.raw.clone());
        let of = Observed::Entry {
            upstream: self.upstream.clone(),
            version: object.digest().to_string(),
            entry: None,
            object: Some(object.digest()),
            status: UNREADABLE.to_owned(),
            official: None,
        };
        let severity = if self.is_first { "info" } else { "warning" };
        let why = finding("entry.unreadable", severity, row.reason);
        let statement = self.observation(self.host(), of, None, vec![why]);
        Saying { statement, objects: vec![object] }
    }

    /// States that an entry is gone.
    pub(super) fn vanished(
        &self,
        name: &str,
        version: &str,
        position: Option<u64>,
        is_reset: bool,
    ) -> Saying {
        let of = self.gone(version, VANISHED);
        let severity = if is_reset { "info" } else { "warning" };
        let gone = finding("entry.vanished", severity, "");
        Saying { statement: self.say(name, of, position, vec![gone]), objects: Vec::new() }
    }

    /// States that much of the upstream vanished at once.
    pub(super) fn reset(&self, gone: usize, of: usize) -> Saying {
        let place = format!("{gone} of {of} entries");
        let changes = vec![finding("upstream.reset", "warning", &place)];
        let of = self.gone("*", "reset");
        let statement = self.observation(self.host(), of, None, changes);
        Saying { statement, objects: Vec::new() }
    }

    fn gone(&self, version: &str, status: &str) -> Observed {
        Observed::Entry {
            upstream: self.upstream.clone(),
            version: version.to_owned(),
            entry: None,
            object: None,
            status: status.to_owned(),
            official: None,
        }
    }

    fn host(&self) -> &str {
        let rest = self.upstream.split("://").nth(1).unwrap_or(&self.upstream);
        rest.split('/').next().unwrap_or(rest)
    }

    fn say(
        &self,
        server: &str,
        of: Observed,
        previous: Option<u64>,
        changes: Vec<Finding>,
    ) -> Statement {
        let changes = if self.is_first { Vec::new() } else { changes };
        self.observation(server, of, previous, changes)
    }

    fn observation(
        &self,
        server: &str,
        of: Observed,
        previous: Option<u64>,
        changes: Vec<Finding>,
    ) -> Statement {
        Statement {
            server: server.to_owned(),
            time: self.time.clone(),
            previous,
            predicate: Predicate::Observation(Observation {
                of,
                changes,
                vantage: None,
                client: None,
            }),
        }
    }
}

/// The digest by which a row that cannot be read is known.
pub(super) fn refused_digest(row: &RefusedRow) -> String {
    Digest::of_bytes(&row.raw).to_string()
}
