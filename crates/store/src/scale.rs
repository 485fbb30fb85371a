//! Several replicas over PostgreSQL and S3-compatible objects: one sequences, the others follow.
//!
//! A commit is one statement, and so one transaction: it moves the log's row from the size that the
//! commit starts from, under the term of the lead that made it, and adds the batch and its objects.
//! The object store is not on that path: full tiles, bundles and objects go there afterwards, each
//! by a conditional put, and only then leave the database.
//!
//! The database is not trusted: it can lose or withhold, and what it says is verified by the log. No
//! clock is trusted either: a lead lapses when its beat has not moved for a lease of the
//! observer's monotonic time, and its term fences it from then on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Connection as _, Row as _};
use surface::Digest;
use tlog::tile::Tile;
use tokio::sync::{Mutex, watch};

use crate::backend::{Backend, Commit, Loaded, Replicated, StoreError};
use crate::limits::scale::{CONNECTIONS_MAX, DATABASE_TIME_MAX, KEPT_ENTRIES, LEASE_MS};

mod lead;
mod objects;
mod place;
mod replicas;
mod rows;

use lead::{Lead, Sighting};
use objects::Objects;

/// A log in PostgreSQL and an object store.
#[derive(Clone)]
pub struct Scale {
    inner: Arc<Inner>,
}

struct Inner {
    origin: String,
    /// Who this is to the other replicas; new with each start.
    holder: String,
    /// Host and database, without credentials.
    place: String,
    options: PgConnectOptions,
    pool: PgPool,
    objects: Objects,
    /// The lead as this replica took it last.
    lead: Mutex<Option<Lead>>,
    /// The lead of others as it was seen last, and when it was first seen so.
    seen: StdMutex<Option<(Sighting, Instant)>>,
    heard: watch::Sender<replicas::Heard>,
    lease_ms: AtomicU64,
}

/// Opens the log of `origin` in the database at `postgres://USER@HOST/DATABASE` and the objects at
/// `s3://BUCKET/PREFIX?endpoint=…&region=…`. The credentials come from the environment (`PGPASSWORD`
/// or a password file, `AWS_ACCESS_KEY_ID` and its siblings), never from the URLs.
///
/// # Errors
/// URLs that carry credentials or ask for an unsafe transport, a database that does not answer or
/// does not keep what it acknowledges, an object store that ignores `If-None-Match`.
pub async fn open(database: &str, objects: &str, origin: &str) -> Result<Scale, StoreError> {
    open_with(database, objects, AmazonS3Builder::from_env(), origin).await
}

/// The same, with the caller's credentials for the objects.
///
/// # Errors
/// As [`open`].
pub async fn open_with(
    database: &str,
    objects: &str,
    credentials: AmazonS3Builder,
    origin: &str,
) -> Result<Scale, StoreError> {
    let (options, place) = place::database(database)?;
    let objects = Objects::open(objects, credentials)?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(DATABASE_TIME_MAX)
        .connect_lazy_with(options.clone());
    let holder = durable(&pool, &place).await?;
    objects.probe(&holder).await?;
    let inner = Arc::new(Inner {
        origin: origin.to_owned(),
        holder,
        place,
        options,
        pool,
        objects,
        lead: Mutex::new(None),
        seen: StdMutex::new(None),
        heard: watch::Sender::new(replicas::Heard::default()),
        lease_ms: AtomicU64::new(LEASE_MS),
    });
    replicas::listen(&inner);
    Ok(Scale { inner })
}

/// The URL of a database as [`open`] understands it.
pub(crate) fn verified_url(database: &str) -> Result<String, StoreError> {
    place::verified(database)
}

/// Refuses a database that may lose what it acknowledged; gives a name that no other replica has.
async fn durable(pool: &PgPool, place: &str) -> Result<String, StoreError> {
    let row =
        within(place, "asking for the settings of", sqlx::query(SETTINGS).fetch_one(pool)).await?;
    let is_durable: bool = row.try_get("is_durable").map_err(|e| failed(place, "reading", e))?;
    if !is_durable {
        return Err(damaged(
            place,
            "`fsync` or `full_page_writes` is off: it would lose statements",
        ));
    }
    row.try_get("holder").map_err(|e| failed(place, "reading", e))
}

impl Scale {
    /// Sets how long a lead lasts that shows no sign of life; five beats are in it. All replicas of
    /// a log agree on it.
    pub fn set_lease(&self, lease: Duration) {
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(LEASE_MS);
        self.inner.lease_ms.store(lease_ms, Ordering::Relaxed);
    }
}

#[async_trait]
impl Backend for Scale {
    async fn create(&self, head: &str) -> Result<(), StoreError> {
        let it = &*self.inner;
        it.within(
            "making the tables in",
            sqlx::raw_sql(include_str!("scale/schema.sql")).execute(&it.pool),
        )
        .await?;
        let insert = sqlx::query(CREATE).bind(&it.origin).bind(head);
        let made = it.within("making the log in", insert.execute(&it.pool)).await?;
        if made.rows_affected() == 0 {
            return Err(StoreError::Exists { place: it.place.clone() });
        }
        Ok(())
    }

    async fn load(&self) -> Result<Loaded, StoreError> {
        lead::take(&self.inner).await?;
        rows::load(&self.inner).await
    }

    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let it = &*self.inner;
        let mut lead = it.lead.lock().await;
        let lead = lead.as_mut().ok_or_else(|| StoreError::Led { place: it.place.clone() })?;
        // INVARIANT: a connection whose answer was not seen is never used again. It is put back only
        // below, so that a future that is dropped half-way drops the connection too.
        let mut connection = match lead.connection.take() {
            Some(connection) => connection,
            None => it.connect().await?,
        };
        let moved = rows::commit(it, lead.term, &mut connection, commit).await?;
        lead.connection = Some(connection);
        if moved { Ok(()) } else { Err(rows::why_not(it, lead.term, commit.previous_size).await) }
    }

    async fn settle(&self, size: u64, tiles: &[(Tile, Bytes)]) -> Result<(), StoreError> {
        let it = &*self.inner;
        let term = it.term().await?;
        it.objects.put_tiles(tiles).await?;
        rows::move_objects(it).await?;
        let settle = sqlx::query(SETTLE)
            .bind(&it.origin)
            .bind(term)
            .bind(rows::signed(size))
            .bind(rows::signed(KEPT_ENTRIES));
        let row = it.within("settling tiles of", settle.fetch_one(&it.pool)).await?;
        let settled: i64 = row.try_get(0).map_err(|e| it.failed("reading", e))?;
        if settled == 0 { Err(rows::why_not(it, term, size).await) } else { Ok(()) }
    }

    async fn publish(&self, checkpoint: &str) -> Result<(), StoreError> {
        let it = &*self.inner;
        let term = it.term().await?;
        let size = rows::size_of(checkpoint)
            .ok_or_else(|| it.damaged("a checkpoint to publish states no size"))?;
        let publish = sqlx::query(PUBLISH)
            .bind(&it.origin)
            .bind(term)
            .bind(rows::signed(size))
            .bind(checkpoint);
        let row = it.within("publishing a checkpoint in", publish.fetch_one(&it.pool)).await?;
        let published: i64 = row.try_get(0).map_err(|e| it.failed("reading", e))?;
        if published == 0 { Err(rows::why_not(it, term, size).await) } else { Ok(()) }
    }

    async fn release(&self) {
        lead::release(&self.inner).await;
    }

    async fn tile(&self, tile: Tile) -> Result<Option<Bytes>, StoreError> {
        self.inner.objects.tile(tile).await
    }

    async fn object(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        rows::object(&self.inner, digest).await
    }

    fn replicated(&self) -> Option<&dyn Replicated> {
        Some(self)
    }
}

impl Inner {
    fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms.load(Ordering::Relaxed))
    }

    async fn term(&self) -> Result<i64, StoreError> {
        let lead = self.lead.lock().await;
        lead.as_ref()
            .map(|lead| lead.term)
            .ok_or_else(|| StoreError::Led { place: self.place.clone() })
    }

    async fn connect(&self) -> Result<PgConnection, StoreError> {
        self.within("connecting to", PgConnection::connect_with(&self.options)).await
    }

    async fn within<T>(
        &self,
        action: &'static str,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        within(&self.place, action, work).await
    }

    fn failed(
        &self,
        action: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> StoreError {
        failed(&self.place, action, source)
    }

    fn damaged(&self, what: impl Into<String>) -> StoreError {
        damaged(&self.place, what)
    }
}

/// A database that does not answer has failed: a half-open connection never does.
async fn within<T>(
    place: &str,
    action: &'static str,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(DATABASE_TIME_MAX, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if rows::is_missing_table(&error) => {
            Err(StoreError::Missing { place: place.to_owned() })
        }
        Ok(Err(error)) => Err(failed(place, action, error)),
        Err(elapsed) => Err(failed(place, action, elapsed)),
    }
}

fn failed(
    place: &str,
    action: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Storage { action, place: place.to_owned(), source: source.into() }
}

fn damaged(place: &str, what: impl Into<String>) -> StoreError {
    StoreError::Damaged { place: place.to_owned(), what: what.into() }
}

const SETTINGS: &str = "SELECT gen_random_uuid()::text AS holder, \
    current_setting('fsync')::bool AND current_setting('full_page_writes')::bool AS is_durable";

const CREATE: &str = "INSERT INTO log_heads (origin, size, head) VALUES ($1, 0, $2) \
    ON CONFLICT DO NOTHING";

const SETTLE: &str = "WITH settled AS (UPDATE log_heads \
        SET settled_size = greatest(settled_size, $3) \
        WHERE origin = $1 AND term = $2 AND size >= $3 RETURNING 1), \
    gone AS (DELETE FROM log_batches WHERE origin = $1 AND size <= $3 - $4 \
        AND EXISTS (SELECT FROM settled)) \
    SELECT count(*) FROM settled";

const PUBLISH: &str = "WITH published AS (UPDATE log_heads SET published_size = $3, published = $4 \
        WHERE origin = $1 AND term = $2 AND published_size <= $3 AND size >= $3 RETURNING 1) \
    SELECT count(*), pg_notify('countersign_log', $1)::text FROM published";

#[cfg(test)]
mod tests;
