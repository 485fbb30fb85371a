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
            let since = i64::try_from(*since).unwrap_or(i64::MAX);
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
    let versions = revoked_versions(step, it).await?;
    for version in &versions {
        rows::set_state(step, version, "revoked").await?;
    }
    if let Revoked::Key { key, .. } = &it.of {
        let row = sqlx::query(
            "UPDATE keys SET state = 'revoked', until = $1 WHERE server = $2 AND key_id = $3",
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

/// The versions of the server that fall with what is revoked.
async fn revoked_versions(
    step: &mut Step<'_>,
    it: &Revocation,
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
        Revoked::Key { key, since } => {
            let query = "SELECT version FROM versions \
                         WHERE server = $1 AND signer = $2 AND statement >= $3 ORDER BY position";
            let since = i64::try_from(*since).unwrap_or(i64::MAX);
            sqlx::query(query).bind(step.server().to_owned()).bind(key.0.to_string()).bind(since)
        }
    };
    let rows = query.fetch_all(&mut *step.tx).await;
    rows.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect())
        .map_err(ProjectionError::database("reading what is revoked"))
}
