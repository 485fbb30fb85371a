//! The log's rows: its head, its newest batches, objects on their way.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use surface::Digest;

use super::Inner;
use super::lead::Sighting;
use crate::backend::{Commit, Loaded, Object, StoreError};
use crate::limits::scale::{MOVED_AT_ONCE, MOVED_SIZE_MAX, MOVES_MAX, PUTS_AT_ONCE};

/// The log's row.
pub(super) struct Head {
    pub(super) size: u64,
    note: String,
    pub(super) settled_size: u64,
    pub(super) published: Option<String>,
    pub(super) lead: Sighting,
}

/// Sends a commit: true if the log moved, false if it did not have that size or that leader.
pub(super) async fn commit(
    it: &Inner,
    term: i64,
    connection: &mut PgConnection,
    commit: &Commit,
) -> Result<bool, StoreError> {
    let entries: Vec<&[u8]> = commit.entries.iter().map(Bytes::as_ref).collect();
    let (digests, objects) = columns(&commit.objects);
    let size = commit.previous_size.saturating_add(entries.len() as u64);
    let query = sqlx::query(COMMIT)
        .bind(&it.origin)
        .bind(term)
        .bind(signed(commit.previous_size))
        .bind(signed(size))
        .bind(&commit.head)
        .bind(entries)
        .bind(digests)
        .bind(objects);
    let row = it.within("committing to", query.fetch_one(connection)).await?;
    let moved: i64 = row.try_get(0).map_err(|e| it.failed("committing to", e))?;
    Ok(moved == 1)
}

/// Why the log's row did not move.
pub(super) async fn why_not(it: &Inner, term: i64, expected: u64) -> StoreError {
    match head(it, &it.pool).await {
        Err(error) => error,
        Ok(head) if !head.lead.is_term(term) => StoreError::Led { place: it.place.clone() },
        Ok(head) => StoreError::Moved { expected, actual: head.size },
    }
}

/// The durable state, as one moment shows it.
pub(super) async fn load(it: &Inner) -> Result<Loaded, StoreError> {
    let begin = it.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    let mut snapshot = it.within("reading", begin).await?;
    let head = head(it, &mut *snapshot).await?;
    let select = sqlx::query(UNSETTLED).bind(&it.origin).bind(signed(head.settled_size));
    let batches = it.within("reading the batches of", select.fetch_all(&mut *snapshot)).await?;
    it.within("reading", snapshot.rollback()).await?;

    let mut entries = Vec::new();
    let mut size = None;
    for row in &batches {
        let batch = batch(it, row)?;
        if size.is_some_and(|size| size != batch.previous_size) {
            return Err(it.damaged(format!("a batch is missing before {}", batch.previous_size)));
        }
        let skipped = head.settled_size.saturating_sub(batch.previous_size);
        size = Some(batch.previous_size.saturating_add(batch.entries.len() as u64));
        entries.extend(batch.entries.into_iter().skip(usize::try_from(skipped).unwrap_or(0)));
    }
    if head.settled_size.saturating_add(entries.len() as u64) != head.size {
        return Err(it.damaged("its batches do not add up to its size"));
    }
    Ok(Loaded {
        head: head.note,
        published: head.published,
        settled_size: head.settled_size,
        entries,
    })
}

/// Commits after the first `size` entries, at most a few.
pub(super) async fn after(it: &Inner, size: u64) -> Result<Vec<Commit>, StoreError> {
    let select = sqlx::query(AFTER).bind(&it.origin).bind(signed(size));
    let rows = it.within("reading the batches of", select.fetch_all(&it.pool)).await?;
    rows.iter().map(|row| batch(it, row)).collect()
}

/// The log's row.
pub(super) async fn head<'e>(
    it: &Inner,
    executor: impl sqlx::PgExecutor<'e>,
) -> Result<Head, StoreError> {
    let select = sqlx::query(HEAD).bind(&it.origin).fetch_optional(executor);
    let row = it.within("reading the head of", select).await?;
    let row = row.ok_or_else(|| StoreError::Missing { place: it.place.clone() })?;
    let read = || -> Result<Head, sqlx::Error> {
        Ok(Head {
            size: unsigned(row.try_get("size")?),
            note: row.try_get("head")?,
            settled_size: unsigned(row.try_get("settled_size")?),
            published: row.try_get("published")?,
            lead: Sighting::of(&row)?,
        })
    };
    read().map_err(|e| it.failed("reading the head of", e))
}

/// An object: from the database while it waits there, else from the object store. In this order: it
/// leaves the database only after it has arrived.
pub(super) async fn object(it: &Inner, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
    let select =
        sqlx::query("SELECT bytes FROM log_objects WHERE digest = $1").bind(digest.to_string());
    match it.within("reading an object of", select.fetch_optional(&it.pool)).await? {
        Some(row) => {
            let bytes: Vec<u8> =
                row.try_get(0).map_err(|e| it.failed("reading an object of", e))?;
            Ok(Some(bytes.into()))
        }
        None => it.objects.object(digest).await,
    }
}

/// Moves what waits to the object store.
pub(super) async fn move_objects(it: &Inner) -> Result<(), StoreError> {
    for _ in 0..MOVES_MAX {
        let waiting = waiting(it).await?;
        if waiting.is_empty() {
            break;
        }
        let digests: Vec<String> = waiting.iter().map(|it| it.digest().to_string()).collect();
        let puts =
            waiting.into_iter().map(|object| async move { it.objects.put_object(&object).await });
        futures_util::stream::iter(puts)
            .buffer_unordered(PUTS_AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        let gone = sqlx::query("DELETE FROM log_objects WHERE digest = ANY($1)").bind(digests);
        it.within("forgetting objects of", gone.execute(&it.pool)).await?;
    }
    Ok(())
}

/// Some of the objects that wait to be moved.
async fn waiting(it: &Inner) -> Result<Vec<Object>, StoreError> {
    let select = sqlx::query(WAITING).bind(MOVED_AT_ONCE).bind(MOVED_SIZE_MAX);
    let rows = it.within("reading objects of", select.fetch_all(&it.pool)).await?;
    let read = |row: &PgRow| row.try_get::<Vec<u8>, _>(0).map(|bytes| Object::new(bytes.into()));
    let objects: Result<Vec<Object>, sqlx::Error> = rows.iter().map(read).collect();
    objects.map_err(|e| it.failed("reading objects of", e))
}

/// Digests and bytes as two columns, ordered so that two writers never wait for each other.
pub(super) fn columns<'o>(
    objects: impl IntoIterator<Item = &'o Object>,
) -> (Vec<String>, Vec<&'o [u8]>) {
    let sorted: std::collections::BTreeMap<Digest, &Object> =
        objects.into_iter().map(|object| (object.digest(), object)).collect();
    sorted.into_values().map(|it| (it.digest().to_string(), it.bytes().as_ref())).unzip()
}

/// The second line of a checkpoint. Whoever reads one verifies it; here it only orders rows.
pub(super) fn size_of(checkpoint: &str) -> Option<u64> {
    checkpoint.lines().nth(1)?.parse().ok()
}

/// Sizes are far below 2^63: one past it would fit no row.
pub(super) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "42P01")
}

fn unsigned(size: i64) -> u64 {
    u64::try_from(size).unwrap_or(0)
}

fn batch(it: &Inner, row: &PgRow) -> Result<Commit, StoreError> {
    let read = || -> Result<(Commit, i64), sqlx::Error> {
        let entries: Vec<Vec<u8>> = row.try_get("entries")?;
        let commit = Commit {
            previous_size: unsigned(row.try_get("start")?),
            entries: entries.into_iter().map(Bytes::from).collect(),
            objects: Vec::new(),
            head: row.try_get("head")?,
        };
        Ok((commit, row.try_get("size")?))
    };
    let (commit, size) = read().map_err(|e| it.failed("reading a batch of", e))?;
    if commit.previous_size.saturating_add(commit.entries.len() as u64) != unsigned(size) {
        return Err(
            it.damaged(format!("the batch at {} has not its entries", commit.previous_size))
        );
    }
    Ok(commit)
}

const COMMIT: &str = "WITH moved AS (UPDATE log_heads SET size = $4, head = $5 \
        WHERE origin = $1 AND term = $2 AND size = $3 RETURNING 1), \
    batch AS (INSERT INTO log_batches (origin, start, size, entries, head) \
        SELECT $1, $3, $4, $6, $5 FROM moved WHERE cardinality($6) > 0), \
    kept AS (INSERT INTO log_objects (digest, bytes) \
        SELECT o.digest, o.bytes FROM moved, unnest($7::text[], $8::bytea[]) AS o (digest, bytes) \
        ON CONFLICT DO NOTHING) \
    SELECT count(*), pg_notify('countersign_log', $1)::text FROM moved";

const WAITING: &str = "SELECT o.bytes FROM (SELECT digest, row_number() OVER () AS place, \
        sum(octet_length(bytes)) OVER (ROWS UNBOUNDED PRECEDING) AS total \
        FROM (SELECT digest, bytes FROM log_objects LIMIT $1) AS few) AS chosen \
    JOIN log_objects AS o USING (digest) WHERE total <= $2 OR place = 1";

const HEAD: &str = "SELECT size, head, settled_size, published, holder, term, beat \
    FROM log_heads WHERE origin = $1";

const UNSETTLED: &str = "SELECT start, size, entries, head FROM log_batches \
    WHERE origin = $1 AND size > $2 ORDER BY start";

const AFTER: &str = "SELECT start, size, entries, head FROM log_batches \
    WHERE origin = $1 AND start >= $2 ORDER BY start LIMIT 64";
