//! Follows the log: applies what is new, says how far it is, rebuilds when it has to.

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, Connection as _, Row as _};
use store::{Database, Log};
use tokio::sync::watch;

use super::{
    LAYOUT, Position, ProjectionError, REBUILT, apply, load_position, move_position, store_position,
};
use crate::limits;

/// How many entries of the log are in the tables.
pub type Progress = watch::Receiver<u64>;

/// Follows the log for as long as it is open: applies each durable entry, and tells `progress`.
/// A failure is logged and tried again: the tables wait, nothing is lost.
///
/// Of several replicas one applies, under an advisory lock of PostgreSQL; the others watch the
/// tables. The lock lives and ends with the very connection that applies, so two never do.
pub async fn follow(log: Log, database: Database, progress: watch::Sender<u64>) {
    let mut pause = limits::PROJECTION_RETRY_MIN;
    loop {
        match lead_or_watch(&log, &database, &progress).await {
            Ok(Ended::Closed) => return,
            Ok(Ended::Watched) => {
                pause = limits::PROJECTION_RETRY_MIN;
                tokio::time::sleep(limits::PROJECTION_POLL).await;
            }
            Err(error) => {
                crate::service::tell(&error, "the tables do not follow the log");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(limits::PROJECTION_RETRY_MAX);
            }
        }
    }
}

/// Empties the tables, so that [`follow`] fills them from the log's first entry.
///
/// # Errors
/// A database that fails.
pub async fn rebuild(database: &Database) -> Result<(), ProjectionError> {
    let connecting = ProjectionError::database("connecting to the tables");
    let mut connection = database.pool().acquire().await.map_err(connecting)?;
    empty(&mut connection).await.map(|_| ())
}

/// How many entries are in the tables.
///
/// # Errors
/// A database that fails.
pub async fn size(database: &Database) -> Result<u64, ProjectionError> {
    let connecting = ProjectionError::database("connecting to the tables");
    let mut connection = database.pool().acquire().await.map_err(connecting)?;
    let position = load_position(&mut connection).await?;
    Ok(position.map_or(0, |position| position.size.unsigned_abs()))
}

enum Ended {
    /// The log is closed.
    Closed,
    /// Another replica applies; this one looked how far it is.
    Watched,
}

async fn lead_or_watch(
    log: &Log,
    database: &Database,
    progress: &watch::Sender<u64>,
) -> Result<Ended, ProjectionError> {
    let connecting = ProjectionError::database("connecting to the tables");
    let mut connection = database.pool().acquire().await.map_err(connecting)?;
    if database.is_postgres() && !locks(&mut connection).await? {
        if let Some(position) = load_position(&mut connection).await? {
            progress.send_replace(position.size.unsigned_abs());
        }
        return Ok(Ended::Watched);
    }
    let mut sizes = log.sizes();
    loop {
        let size = *sizes.borrow_and_update();
        catch_up(log, &mut connection, size, progress).await?;
        // Another replica may have emptied the tables, so that they are filled again: it does not say so.
        let changed = tokio::time::timeout(limits::PROJECTION_LOOK, sizes.changed()).await;
        if matches!(changed, Ok(Err(_))) {
            return Ok(Ended::Closed);
        }
    }
}

/// Whether this connection holds the lock of the projection now.
async fn locks(connection: &mut PoolConnection<Any>) -> Result<bool, ProjectionError> {
    let query = sqlx::query("SELECT pg_try_advisory_lock($1)").bind(LOCK);
    let row = query.fetch_one(&mut **connection).await;
    let is_held = row
        .and_then(|row| row.try_get::<bool, _>(0))
        .map_err(ProjectionError::database("locking the tables"))?;
    if is_held {
        // Never back to the pool: the lock would go with it.
        connection.close_on_drop();
    }
    Ok(is_held)
}

/// Applies the entries up to `size`.
async fn catch_up(
    log: &Log,
    connection: &mut AnyConnection,
    size: u64,
    progress: &watch::Sender<u64>,
) -> Result<(), ProjectionError> {
    let mut position = match load_position(connection).await? {
        Some(position) => position,
        None => empty(connection).await?,
    };
    progress.send_replace(position.size.unsigned_abs());
    while position.size.unsigned_abs() < size {
        let entries = log.entries(position.size.unsigned_abs(), size).await?;
        if entries.is_empty() {
            break;
        }
        let beginning = ProjectionError::database("beginning a transaction");
        let mut tx = connection.begin().await.map_err(beginning)?;
        let start = position;
        for entry in &entries {
            position = apply(&mut tx, position, entry, log).await?;
        }
        // INVARIANT: what is applied follows what the tables hold: another process may have emptied
        // them since they were asked.
        if !move_position(&mut tx, start, position).await? {
            return Err(ProjectionError::Emptied);
        }
        tx.commit().await.map_err(ProjectionError::database("committing what was applied"))?;
        progress.send_replace(position.size.unsigned_abs());
    }
    Ok(())
}

/// Empties the tables, and says that nothing is applied.
pub(super) async fn empty(connection: &mut AnyConnection) -> Result<Position, ProjectionError> {
    let failed = || ProjectionError::database("emptying the tables");
    tracing::info!(layout = LAYOUT, "filling the tables from the log");
    let mut tx = connection.begin().await.map_err(failed())?;
    for statement in REBUILT {
        sqlx::query(statement).execute(&mut *tx).await.map_err(failed())?;
    }
    let mark = sqlx::query(
        "INSERT INTO outbox_mark (id, change_id) VALUES (1, 0) ON CONFLICT (id) DO NOTHING",
    );
    mark.execute(&mut *tx).await.map_err(failed())?;
    let position = Position { size: 0, time_us: 0, change_id: 0 };
    store_position(&mut tx, position).await?;
    tx.commit().await.map_err(failed())?;
    Ok(position)
}

/// "mcp.lock" as a number: nobody else locks it.
const LOCK: i64 = 0x6d63_702e_6c6f_636b;
