//! From the log to the tables: statements become rows, and state changes in the feed.
//!
//! Deterministic: the tables are a function of the log and its objects. One projection follows the
//! log, in its order; entries are applied in transactions together with `projection.size`. What each
//! kind of statement does to the tables is in the file of its name; `migrations/0001-tables.sql` says
//! what the tables mean.

pub mod step;

mod approval;
mod countersignature;
mod declaration;
mod follow;
mod observation;
mod revocation;
mod rotation;
mod rows;
mod status;

use bytes::Bytes;
use drift::Severity;
use seal::{Envelope, Predicate};
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, Row as _};

pub use follow::{Progress, follow, rebuild, size};
pub use step::{Change, Objects, Step};

/// A change of a server's state: one row of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// Its number in the feed, from 1, without gaps.
    pub id: i64,
    /// The index of the statement that made it.
    pub index: u64,
    /// The server.
    pub server: String,
    /// The version, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its stable code: `entry.rewritten`, `surface.changed`, `namespace.lost`, `key.revoked`.
    pub code: String,
    /// How urgent it is for people.
    pub severity: Severity,
    /// One sentence.
    pub summary: String,
    /// When, RFC 3339.
    pub time: String,
    /// What was found, by code and place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<seal::statement::Finding>,
}

impl StateChange {
    /// The columns that [`StateChange::from_row`] reads, in its order.
    pub const COLUMNS: &str =
        "id, position, server, version, code, severity, summary, time_us, findings";

    /// A row of `changes`.
    ///
    /// # Errors
    /// A row of another form.
    pub fn from_row(row: &sqlx::any::AnyRow) -> Result<Self, sqlx::Error> {
        let findings: String = row.try_get(8)?;
        let severity: i64 = row.try_get(5)?;
        Ok(Self {
            id: row.try_get(0)?,
            index: row.try_get::<i64, _>(1)?.unsigned_abs(),
            server: row.try_get(2)?,
            version: row.try_get(3)?,
            code: row.try_get(4)?,
            severity: step::severity_of(severity),
            summary: row.try_get(6)?,
            time: crate::service::time::rfc3339_of_us(row.try_get(7)?),
            findings: serde_json::from_str(&findings)
                .map_err(|error| sqlx::Error::Decode(error.into()))?,
        })
    }
}

/// How far the tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Entries that are applied.
    pub size: i64,
    /// The time of the newest, in microseconds since 1970.
    pub time_us: i64,
    /// The newest number in the feed.
    pub change_id: i64,
}

/// Applies the entry at `position.size`, inside the caller's transaction, and gives the next
/// position. The caller stores it in that transaction ([`store_position`]).
///
/// # Errors
/// A database or an object store that fails. An entry that is no statement (the log's own leaves)
/// changes nothing.
pub async fn apply(
    tx: &mut AnyConnection,
    position: Position,
    entry: &Bytes,
    objects: &dyn Objects,
) -> Result<Position, ProjectionError> {
    let next = Position { size: position.size + 1, ..position };
    let Ok(envelope) = Envelope::parse(entry) else { return Ok(next) };
    let said_us = crate::service::time::us_of_rfc3339(&envelope.statement().time);
    let time_us = said_us.unwrap_or_default().max(position.time_us + 1);
    let change_id = position.change_id;
    let mut step =
        Step { tx, index: position.size, envelope: &envelope, time_us, objects, change_id };
    rows::note_statement(&mut step).await?;
    match &envelope.statement().predicate {
        Predicate::Declaration(it) => declaration::apply(&mut step, it).await?,
        Predicate::Countersignature(it) => countersignature::apply(&mut step, it).await?,
        Predicate::Observation(it) => observation::apply(&mut step, it).await?,
        Predicate::Approval(it) => approval::apply(&mut step, it).await?,
        Predicate::Revocation(it) => revocation::apply(&mut step, it).await?,
        Predicate::Status(it) => status::apply(&mut step, it).await?,
        Predicate::Rotation(it) => rotation::apply(&mut step, it).await?,
        // A kind of a later version of the log: it is in the log, and in no table.
        _ => {}
    }
    Ok(Position { size: next.size, time_us, change_id: step.change_id })
}

/// Reads how far the tables are; `None` if they are empty or of another layout.
///
/// # Errors
/// A database that fails.
pub async fn load_position(db: &mut AnyConnection) -> Result<Option<Position>, ProjectionError> {
    let row =
        sqlx::query("SELECT size, time_us, change_id FROM projection WHERE id = 1 AND layout = $1");
    let row = row.bind(LAYOUT).fetch_optional(db).await;
    let failed = ProjectionError::database("reading how far the tables are");
    let read = |row: sqlx::any::AnyRow| {
        Ok(Position { size: row.try_get(0)?, time_us: row.try_get(1)?, change_id: row.try_get(2)? })
    };
    row.and_then(|row| row.map(read).transpose()).map_err(failed)
}

/// Stores how far the tables are.
///
/// # Errors
/// A database that fails.
pub async fn store_position(
    tx: &mut AnyConnection,
    position: Position,
) -> Result<(), ProjectionError> {
    let row = sqlx::query(
        "INSERT INTO projection (id, size, time_us, layout, change_id) VALUES (1, $1, $2, $3, $4) \
         ON CONFLICT (id) DO UPDATE SET size = excluded.size, time_us = excluded.time_us, \
         layout = excluded.layout, change_id = excluded.change_id",
    );
    let row = row.bind(position.size).bind(position.time_us).bind(LAYOUT).bind(position.change_id);
    let done = row.execute(tx).await;
    done.map(|_| ()).map_err(ProjectionError::database("storing how far the tables are"))
}

/// Moves how far the tables are, if they are still at `from`; gives whether they were.
async fn move_position(
    tx: &mut AnyConnection,
    from: Position,
    to: Position,
) -> Result<bool, ProjectionError> {
    let row = sqlx::query(
        "UPDATE projection SET size = $1, time_us = $2, change_id = $3 \
         WHERE id = 1 AND size = $4 AND layout = $5",
    );
    let row = row.bind(to.size).bind(to.time_us).bind(to.change_id).bind(from.size).bind(LAYOUT);
    let done = row.execute(tx).await;
    let done = done.map_err(ProjectionError::database("storing how far the tables are"))?;
    Ok(done.rows_affected() == 1)
}

/// The layout of the tables and the rules of this projection. Whoever changes what an entry does to
/// the tables counts it up: then they are rebuilt.
const LAYOUT: i64 = 2;

/// The tables that are rebuilt.
const REBUILT: [&str; 14] = [
    "DELETE FROM projection",
    "DELETE FROM statements",
    "DELETE FROM servers",
    "DELETE FROM versions",
    "DELETE FROM keys",
    "DELETE FROM holds",
    "DELETE FROM revocations",
    "DELETE FROM surfaces",
    "DELETE FROM looks",
    "DELETE FROM authorizations",
    "DELETE FROM upstream_entries",
    "DELETE FROM namespaces",
    "DELETE FROM public_objects",
    "DELETE FROM changes",
];

/// Why the tables cannot follow the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// The tables failed.
    #[error("{action}")]
    Database {
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: sqlx::Error,
    },
    /// Another process emptied the tables while they were filled.
    #[error("the tables were emptied meanwhile")]
    Emptied,
    /// The log or its objects could not be read.
    #[error("reading the log")]
    Store(#[from] store::StoreError),
}

impl ProjectionError {
    /// The error of a failed `action`.
    pub fn database(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { action, source }
    }
}

#[cfg(test)]
mod tests;
