//! The rows that several kinds of statements touch: statements, servers, versions.

use seal::statement::{Observed, Predicate, Revoked};
use sqlx::Row as _;

use super::ProjectionError;
use super::step::{Change, Step};

/// What is known of one version.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) position: i64,
    pub(super) upstream: String,
    pub(super) statement: i64,
    pub(super) signer: Option<String>,
    pub(super) entry: String,
    pub(super) state: String,
    pub(super) status: String,
    pub(super) surface_exact: Option<String>,
}

/// Records the statement itself, and its server.
pub(super) async fn note_statement(step: &mut Step<'_>) -> Result<(), ProjectionError> {
    let statement = step.envelope.statement();
    let kind = statement.predicate.type_uri().rsplit('/').nth(1).unwrap_or_default();
    let row = sqlx::query(
        "INSERT INTO statements (position, server, version, kind, signer, time_us) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(step.index)
    .bind(&statement.server)
    .bind(version_of(&statement.predicate))
    .bind(kind)
    .bind(step.signer())
    .bind(step.time_us);
    step.run("recording a statement", row).await?;
    let row = sqlx::query(
        "INSERT INTO servers (server, folded, first, newest) VALUES ($1, $2, $3, $3) \
         ON CONFLICT (server) DO UPDATE SET newest = excluded.newest",
    )
    .bind(&statement.server)
    .bind(folded(&statement.server))
    .bind(step.index);
    step.run("recording a server", row).await?;
    Ok(())
}

/// The version that a statement is about, where it is about one.
fn version_of(predicate: &Predicate) -> Option<&str> {
    match predicate {
        Predicate::Declaration(it) => Some(&it.version),
        Predicate::Countersignature(it) => Some(&it.version),
        Predicate::Observation(it) => match &it.of {
            Observed::Entry { version, .. } => Some(version),
            _ => None,
        },
        Predicate::Revocation(it) => match &it.of {
            Revoked::Version { version } => Some(version),
            _ => None,
        },
        Predicate::Status(it) => it.version.as_deref(),
        _ => None,
    }
}

/// A name as it is compared: names that differ in case alone are one name.
pub(super) fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// A version of the step's server.
pub(super) async fn version(
    step: &mut Step<'_>,
    version: &str,
) -> Result<Option<Version>, ProjectionError> {
    let query = sqlx::query(
        "SELECT position, upstream, statement, signer, entry, state, status, \
         surface_exact FROM versions WHERE server = $1 AND version = $2",
    )
    .bind(&step.envelope.statement().server)
    .bind(version);
    let read = |row: sqlx::any::AnyRow| {
        Ok(Version {
            position: row.try_get(0)?,
            upstream: row.try_get(1)?,
            statement: row.try_get(2)?,
            signer: row.try_get(3)?,
            entry: row.try_get(4)?,
            state: row.try_get(5)?,
            status: row.try_get(6)?,
            surface_exact: row.try_get(7)?,
        })
    };
    let row = query.fetch_optional(&mut *step.tx).await;
    row.and_then(|row| row.map(read).transpose())
        .map_err(ProjectionError::database("reading a version"))
}

/// Sets the state of a version, and marks the row as changed.
pub(super) async fn set_state(
    step: &mut Step<'_>,
    version: &str,
    state: &str,
) -> Result<(), ProjectionError> {
    let row = sqlx::query(
        "UPDATE versions SET state = $1, updated = $2, updated_us = $3 \
         WHERE server = $4 AND version = $5",
    )
    .bind(state)
    .bind(step.index)
    .bind(step.time_us)
    .bind(&step.envelope.statement().server)
    .bind(version);
    step.run("changing the state of a version", row).await?;
    settle_latest(step).await
}

/// One candidate for `latest`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    version: String,
    counts: bool,
    is_latest: bool,
}

/// Makes `is_latest` true for the one version that it is true for, and says so if an older version
/// took the place of a newer one that still counts.
pub(super) async fn settle_latest(step: &mut Step<'_>) -> Result<(), ProjectionError> {
    let server = step.server().to_owned();
    let query = sqlx::query(
        "SELECT version, state, status, is_latest FROM versions \
         WHERE server = $1 ORDER BY position",
    );
    let rows = query.bind(&server).fetch_all(&mut *step.tx).await;
    let read = |row: &sqlx::any::AnyRow| {
        let (state, status): (String, String) = (row.try_get(1)?, row.try_get(2)?);
        Ok(Candidate {
            version: row.try_get(0)?,
            counts: !OUT_OF_PLAY.contains(&state.as_str()) && status != "deleted",
            is_latest: row.try_get::<i64, _>(3)? != 0,
        })
    };
    let rows: Result<Vec<Candidate>, sqlx::Error> =
        rows.and_then(|rows| rows.iter().map(read).collect());
    let rows = rows.map_err(ProjectionError::database("reading the versions of a server"))?;
    let Some(latest) = latest(&rows) else { return Ok(()) };
    let old = rows.iter().find(|row| row.is_latest);
    if old.is_some_and(|old| old.version == latest.version) {
        return Ok(());
    }
    let row = sqlx::query(
        "UPDATE versions SET is_latest = CASE WHEN version = $1 THEN 1 ELSE 0 END, updated = $2, \
         updated_us = $3 WHERE server = $4 AND (version = $1 OR is_latest = 1)",
    );
    let row = row.bind(&latest.version).bind(step.index).bind(step.time_us).bind(&server);
    step.run("moving `latest`", row).await?;
    if let Some(old) = old.filter(|old| old.counts && is_older(&latest.version, &old.version)) {
        let says = format!("`latest` moved back from {} to {}", old.version, latest.version);
        let change = Change::new("entry.latest-moved-back", Some(&latest.version), says);
        step.change(change).await?;
    }
    Ok(())
}

/// States of versions that nobody should be pointed at.
const OUT_OF_PLAY: [&str; 4] = ["held", "denied", "revoked", "vanished"];

/// The latest of some versions in the order in which they were published: semantic versions by their
/// order, any other version at its publication.
fn latest<'r>(rows: &'r [Candidate]) -> Option<&'r Candidate> {
    let newer = |best: &Candidate, next: &Candidate| {
        let parse = |row: &Candidate| semver::Version::parse(&row.version).ok();
        match (parse(best), parse(next)) {
            (Some(best), Some(next)) => next >= best,
            _ => true,
        }
    };
    let better = |best: Option<&'r Candidate>, next: &'r Candidate| {
        Some(best.filter(|best| !newer(best, next)).unwrap_or(next))
    };
    let mut counted = None;
    let mut any = None;
    for row in rows {
        any = better(any, row);
        if row.counts {
            counted = better(counted, row);
        }
    }
    counted.or(any)
}

/// Whether a version is older than another, read loosely: by its numbers, so that `2025.06.18`, which
/// is no semantic version, has an order too.
fn is_older(version: &str, than: &str) -> bool {
    match (semver::Version::parse(version), semver::Version::parse(than)) {
        (Ok(version), Ok(than)) => version < than,
        _ => numbers(version) < numbers(than),
    }
}

fn numbers(version: &str) -> Vec<u64> {
    let core = version.split(['-', '+']).next().unwrap_or(version);
    core.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latest_of(versions: &[&str]) -> String {
        let rows: Vec<_> = versions
            .iter()
            .map(|version| Candidate {
                version: (*version).to_owned(),
                counts: !version.contains("deleted"),
                is_latest: false,
            })
            .collect();
        latest(&rows).map(|row| row.version.clone()).unwrap_or_default()
    }

    #[test]
    fn latest_follows_semantic_versions_and_takes_any_other_as_it_comes() {
        assert_eq!(latest_of(&["1.0.0", "1.2.0", "1.1.0"]), "1.2.0");
        assert_eq!(latest_of(&["1.0.0", "2.0.0-rc.1"]), "2.0.0-rc.1");
        assert_eq!(latest_of(&["9.0.0", "2025.06.18"]), "2025.06.18");
        assert_eq!(latest_of(&["9.0.0", "2025.06.18", "1.0.0"]), "1.0.0");
        assert_eq!(latest_of(&["1.0.0", "2.0.0-deleted"]), "1.0.0");
        assert_eq!(latest_of(&["1.0.0-deleted", "2.0.0-deleted"]), "2.0.0-deleted");
        assert_eq!(latest_of(&[]), "");
    }

    #[test]
    fn versions_have_a_loose_order_where_they_have_no_other() {
        assert!(is_older("1.0.0-rc.1", "1.0.0"));
        assert!(is_older("2025.06.18", "2025.07.01"));
        assert!(is_older("2025.06.18", "9999.0.0"));
        assert!(!is_older("2025.06.18", "1.9.0"));
        assert!(!is_older("v2", "1.9.0"));
    }
}
