//! A revocation ends a version, a surface or a key.

use seal::statement::{Revocation, Revoked};
use sqlx::Row as _;

use super::ProjectionError;
use super::rows;
use super::step::{Change, Step};

pub(super) async fn apply(step: &mut Step<'_>, it: &Revocation) -> Result<(), ProjectionError> {
    let server = step.server().to_owned();
    let (kind, subject, since, code) = match &it.of {
        Revoked::Version { version } => ("version", version.clone(), None, "version.revoked"),
        Revoked::Surface { exact } => ("surface", exact.to_string(), None, "surface.revoked"),
        Revoked::Key { key, since } => {
            let since = strictest(step, &key.0.to_string(), *since).await?;
            ("key", key.0.to_string(), Some(since), "key.revoked")
        }
    };
    let row = sqlx::query(
        "INSERT INTO revocations (position, server, kind, subject, since, reason) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(step.index)
    .bind(&server)
    .bind(kind)
    .bind(&subject)
    .bind(since)
    .bind(&it.reason);
    step.run("recording a revocation", row).await?;
    let versions = revoked_versions(step, it, since).await?;
    for version in &versions {
        rows::set_state(step, version, "revoked").await?;
    }
    if let Revoked::Key { key, .. } = &it.of {
        let row = sqlx::query(
            "UPDATE keys SET until = CASE WHEN state = 'revoked' THEN until ELSE $1 END, \
             state = 'revoked' WHERE server = $2 AND key_id = $3",
        );
        let row = row.bind(step.index).bind(&server).bind(key.0.to_string());
        step.run("revoking a key", row).await?;
    }
    let version = match &it.of {
        Revoked::Version { version } => Some(version.as_str()),
        _ => None,
    };
    let says = match &it.of {
        Revoked::Version { version } => format!("{server} {version} was revoked: {}", it.reason),
        Revoked::Surface { exact } => {
            format!("the surface {exact} of {server} was revoked: {}", it.reason)
        }
        Revoked::Key { key, .. } => format!("the key {} was revoked: {}", key.0, it.reason),
    };
    step.change(Change::new(code, version, says)).await
}

/// From which index on a key does not count: nobody revokes for later only, and a later revocation
/// never takes back an earlier one.
async fn strictest(step: &mut Step<'_>, key: &str, since: u64) -> Result<i64, ProjectionError> {
    let query =
        sqlx::query("SELECT MIN(since) FROM revocations WHERE kind = 'key' AND subject = $1");
    let row = query.bind(key.to_owned()).fetch_one(&mut *step.tx).await;
    let earliest: Result<Option<i64>, sqlx::Error> = row.and_then(|row| row.try_get(0));
    let earliest =
        earliest.map_err(ProjectionError::database("reading the revocations of a key"))?;
    let since = i64::try_from(since).unwrap_or(i64::MAX).min(step.index);
    Ok(earliest.map_or(since, |earliest| earliest.min(since)))
}

/// The versions of the server that fall with what is revoked.
async fn revoked_versions(
    step: &mut Step<'_>,
    it: &Revocation,
    since: Option<i64>,
) -> Result<Vec<String>, ProjectionError> {
    let query = match &it.of {
        Revoked::Version { version } => {
            let query = "SELECT version FROM versions \
                         WHERE server = $1 AND version = $2 AND upstream = ''";
            sqlx::query(query).bind(step.server().to_owned()).bind(version.clone())
        }
        Revoked::Surface { exact } => {
            let query = "SELECT version FROM versions \
                         WHERE server = $1 AND surface_exact = $2 ORDER BY position";
            sqlx::query(query).bind(step.server().to_owned()).bind(exact.to_string())
        }
        Revoked::Key { key, .. } => {
            let query = "SELECT version FROM versions \
                         WHERE server = $1 AND signer = $2 AND statement >= $3 ORDER BY position";
            sqlx::query(query).bind(step.server().to_owned()).bind(key.0.to_string()).bind(since)
        }
    };
    let rows = query.fetch_all(&mut *step.tx).await;
    rows.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect())
        .map_err(ProjectionError::database("reading what is revoked"))
}
