//! A status of one version, or of all.

use drift::Severity;
use seal::statement::Status;
use sqlx::Row as _;

use super::ProjectionError;
use super::rows;
use super::step::{Change, Step};

pub(super) async fn apply(step: &mut Step<'_>, it: &Status) -> Result<(), ProjectionError> {
    let server = step.server().to_owned();
    let message = it.message.clone();
    // One statement for all versions is one change of each row, and one in the feed.
    let query = sqlx::query(
        "SELECT version FROM versions WHERE server = $1 AND ($2 = '' OR version = $2) \
         AND (status <> $3 OR status_message <> $4) ORDER BY position",
    )
    .bind(&server)
    .bind(it.version.clone().unwrap_or_default())
    .bind(&it.status)
    .bind(&message);
    let rows = query.fetch_all(&mut *step.tx).await;
    let versions: Result<Vec<String>, sqlx::Error> =
        rows.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect());
    let versions = versions.map_err(ProjectionError::database("reading statuses"))?;
    if versions.is_empty() {
        return Ok(());
    }
    for version in &versions {
        let row = sqlx::query(
            "UPDATE versions SET status = $1, status_message = $2, status_us = $3, updated = $4, \
             updated_us = $3 WHERE server = $5 AND version = $6",
        )
        .bind(&it.status)
        .bind(&message)
        .bind(step.time_us)
        .bind(step.index)
        .bind(&server)
        .bind(version);
        step.run("changing a status", row).await?;
    }
    rows::settle_latest(step).await?;
    let of = it.version.as_deref().unwrap_or("all versions");
    let says = format!("{server} {of}: {}", it.status);
    let change = Change::new("entry.status", it.version.as_deref(), says);
    let severity = if it.status == "deleted" { Severity::Warning } else { change.severity };
    step.change(change.severity(severity)).await
}
