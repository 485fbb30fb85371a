//! Pages of changes.

use serde::Serialize;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Row as _};
use store::Database;
use utoipa::ToSchema;

use super::Change;
use super::filter::Filter;
use crate::service::ServiceError;

/// A page of changes, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Page {
    /// The changes.
    #[schema(value_type = Vec<Object>)]
    pub changes: Vec<Change>,
    /// What to ask for next, as `since`: everything up to there was looked at.
    pub next: i64,
    /// Whether there is more already.
    pub more: bool,
}

/// The changes after `since` that a filter lets through, oldest first, `limit` at most.
///
/// # Errors
/// Tables that fail.
pub async fn after(
    database: &Database,
    filter: &Filter,
    since: i64,
    limit: usize,
) -> Result<Page, ServiceError> {
    let failed = || ServiceError::database("reading state changes");
    // Before the page: what is added meanwhile must not be passed over.
    let newest = sqlx::query("SELECT change_id FROM projection WHERE id = 1");
    let newest = newest.fetch_optional(database.pool()).await.map_err(failed())?;
    let newest: Option<i64> = newest.map(|row| row.try_get(0)).transpose().map_err(failed())?;
    let query = bind(sqlx::query(AFTER).bind(since), filter, limit);
    let rows = query.fetch_all(database.pool()).await.map_err(failed())?;
    let changes = read(&rows).map_err(failed())?;
    let more = changes.len() >= limit;
    let last = changes.last().map_or(since, |change| change.id);
    let next = if more { last } else { newest.unwrap_or_default().max(last) };
    Ok(Page { changes, next, more })
}

/// The changes before `before` that a filter lets through, newest first, `limit` at most.
///
/// # Errors
/// Tables that fail.
pub(super) async fn before(
    database: &Database,
    filter: &Filter,
    before: i64,
    limit: usize,
) -> Result<Vec<Change>, ServiceError> {
    let query = bind(sqlx::query(BEFORE).bind(before), filter, limit);
    let rows = query.fetch_all(database.pool()).await;
    let changes = rows.and_then(|rows| read(&rows));
    changes.map_err(ServiceError::database("reading state changes"))
}

fn bind<'q>(
    query: Query<'q, Any, AnyArguments>,
    filter: &Filter,
    limit: usize,
) -> Query<'q, Any, AnyArguments> {
    let bound = filter.bound();
    query
        .bind(bound.severity)
        .bind(bound.exact)
        .bind(bound.prefix)
        .bind(bound.kind)
        .bind(bound.kinds)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
}

fn read(rows: &[AnyRow]) -> Result<Vec<Change>, sqlx::Error> {
    rows.iter().map(Change::from_row).collect()
}

// The columns are those of `StateChange::COLUMNS`; a test holds them together.
const AFTER: &str = "SELECT id, position, server, version, code, severity, summary, time_us, \
     findings FROM changes WHERE id > $1 AND severity >= $2 AND ($3 = '' OR server = $3) \
     AND ($4 = '' OR substr(server, 1, length($4)) = $4) \
     AND ($5 = '' OR code = $5 OR substr(code, 1, length($6)) = $6) ORDER BY id LIMIT $7";
const BEFORE: &str = "SELECT id, position, server, version, code, severity, summary, time_us, \
     findings FROM changes WHERE id < $1 AND severity >= $2 AND ($3 = '' OR server = $3) \
     AND ($4 = '' OR substr(server, 1, length($4)) = $4) \
     AND ($5 = '' OR code = $5 OR substr(code, 1, length($6)) = $6) ORDER BY id DESC LIMIT $7";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_those_that_a_row_is_read_from() {
        for query in [AFTER, BEFORE] {
            assert!(query.starts_with(&format!("SELECT {} FROM", Change::COLUMNS)), "{query}");
        }
    }
}
