//! What happened to an entry between two looks at an upstream.
//!
//! A function of what was listed and what is listed, so that whoever has the objects of two
//! statements finds the same.

mod fields;
mod migrate;
mod owner;

use seal::statement::Finding;
use serde_json::Value;

use self::owner::owners;
use super::page::Official;
use crate::limits;

/// What changed in the content of one version: findings, the most urgent code first. Empty exactly if
/// `before` and `after` are equal.
pub fn content(before: &Value, after: &Value) -> Vec<Finding> {
    if before == after {
        return Vec::new();
    }
    let (before, after) = (migrate::current(before), migrate::current(after));
    if before == after {
        return vec![finding("entry.migrated", "info", "")];
    }
    let repointed = owners(&before).moved_to(&owners(&after));
    let moved = repointed.into_iter().map(|place| finding("entry.repointed", "critical", &place));
    let fields = fields::changed(&before, &after);
    let rewritten = fields.iter().map(|field| {
        let severity = if fields::decides(field) { "critical" } else { "warning" };
        finding("entry.rewritten", severity, field)
    });
    let (urgent, other): (Vec<_>, Vec<_>) =
        rewritten.partition(|finding| finding.severity == "critical");
    moved.chain(urgent).chain(other).take(limits::FINDINGS_MAX).collect()
}

/// What changed in what the upstream says of an entry: its status, or the message beside it.
pub fn status(before: &Official, after: &Official) -> Option<Finding> {
    let is_same = before.status == after.status && before.message == after.message;
    let is_deletion = after.status == "deleted" && before.status != "deleted";
    let severity = if is_deletion { "warning" } else { "notice" };
    (!is_same).then(|| finding("entry.status", severity, &after.status))
}

/// A version that is called the latest, and when it was published.
#[derive(Debug, Clone, Copy)]
pub struct Latest<'l> {
    /// The version.
    pub version: &'l str,
    /// When it was published, as the upstream says.
    pub published_at: Option<&'l str>,
}

/// Whether `after` is an older version than `before`: by their order if both are semantic versions,
/// else by when they were published.
pub fn is_older(after: Latest<'_>, before: Latest<'_>) -> bool {
    let version = |latest: Latest<'_>| semver::Version::parse(latest.version).ok();
    if let (Some(after), Some(before)) = (version(after), version(before)) {
        return after < before;
    }
    let published =
        |latest: Latest<'_>| latest.published_at.and_then(crate::service::time::us_of_rfc3339);
    matches!((published(after), published(before)), (Some(after), Some(before)) if after < before)
}

pub(super) fn finding(code: &str, severity: &str, place: &str) -> Finding {
    let place = place.chars().take(limits::PLACE_CHARS_MAX).collect();
    Finding { code: code.to_owned(), severity: severity.to_owned(), place }
}

#[cfg(test)]
mod tests;
