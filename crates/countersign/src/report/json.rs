//! What was found, for programs: `docs/schema` describes each form.

use std::collections::BTreeMap;

use drift::tripwire::RULES_VERSION;
use drift::{Change, Severity};
use serde::Serialize;
use surface::{CacheScope, Digests, Era};

use super::{Outcome, exit_of};
use crate::artefact::Artefact;
use crate::failure::Failure;
use crate::lock::entry::{Approval, Origin, Published, Word};
use crate::lock::{Entry, Key};

/// What `check --json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    schema: &'static str,
    /// Of the rules that ranked the changes.
    #[serde(rename = "rulesVersion")]
    rules_version: u32,
    exit: u8,
    servers: Vec<Checked<'a>>,
}

#[derive(Debug, Serialize)]
struct Checked<'a> {
    server: &'a str,
    context: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned: Option<Digests>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<Digests>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artefact: Option<Artefacts<'a>>,
    changes: &'a [Change],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error<'a>>,
}

#[derive(Debug, Serialize)]
struct Artefacts<'a> {
    pinned: &'a Option<Artefact>,
    observed: &'a Option<Artefact>,
}

#[derive(Debug, Serialize)]
struct Error<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// What `lock --json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Pins<'a> {
    schema: &'static str,
    pins: Vec<Pin<'a>>,
}

#[derive(Debug, Serialize)]
struct Pin<'a> {
    server: &'a str,
    context: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a [Word]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artefact: &'a Option<Artefact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: &'a Option<Published>,
    era: Era,
    #[serde(rename = "protocolVersion")]
    protocol_version: &'a str,
    #[serde(rename = "cacheScope")]
    cache_scope: CacheScope,
    digests: Digests,
    items: BTreeMap<String, Digests>,
    approvals: BTreeMap<String, &'a Approval>,
}

impl<'a> Report<'a> {
    /// The report of `outcomes`.
    pub(crate) fn of(outcomes: &'a [Outcome], fail_on: Option<Severity>) -> Self {
        Self {
            schema: "countersign.check/1",
            rules_version: RULES_VERSION,
            exit: exit_of(outcomes, fail_on).number(),
            servers: outcomes.iter().map(Checked::of).collect(),
        }
    }
}

impl<'a> Checked<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let found = outcome.result.as_ref();
        let comparison = found.ok();
        Self {
            server: &outcome.key.alias,
            context: &outcome.key.context,
            status: outcome.status(),
            pinned: comparison.map(|comparison| comparison.before),
            observed: comparison.map(|comparison| comparison.after),
            artefact: comparison
                .and_then(|comparison| comparison.artefacts.as_ref())
                .map(|[pinned, observed]| Artefacts { pinned, observed }),
            changes: comparison.map_or(&[], |comparison| comparison.changes.as_slice()),
            error: found.err().map(Error::of),
        }
    }
}

impl<'a> Error<'a> {
    fn of(failure: &'a Failure) -> Self {
        Self { code: failure.code, causes: failure.chain(), hint: failure.hint.as_deref() }
    }
}

impl<'a> Pins<'a> {
    /// The list of pins.
    pub(crate) fn of(entries: &'a BTreeMap<Key, Entry>) -> Self {
        let pins = entries.iter().map(|(key, entry)| Pin::of(key, entry)).collect();
        Self { schema: "countersign.lock/1", pins }
    }
}

impl<'a> Pin<'a> {
    fn of(key: &'a Key, entry: &'a Entry) -> Self {
        let (mut run, mut url, mut file) = (None, None, None);
        match &entry.origin {
            Origin::Command { run: words, .. } => run = Some(words.as_slice()),
            Origin::Url { url: at, .. } => url = Some(at.as_str()),
            Origin::File(path) => file = Some(path.as_str()),
            Origin::Unknown => {}
        }
        Self {
            server: &key.alias,
            context: &key.context,
            run,
            url,
            file,
            artefact: &entry.artefact,
            published: &entry.published,
            era: entry.protocol.era,
            protocol_version: &entry.protocol.version,
            cache_scope: entry.protocol.cache_scope,
            digests: entry.digests,
            items: entry.items.iter().map(|(place, d)| (place.to_string(), *d)).collect(),
            approvals: entry.approvals.iter().map(|(at, a)| (at.to_string(), a)).collect(),
        }
    }
}
