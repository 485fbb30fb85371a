//! What replicas do that do not lead: follow, and hand in.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::Row as _;
use sqlx::postgres::PgListener;
use tokio::sync::watch;

use super::{Inner, Scale, rows};
use crate::backend::{Followed, HandedIn, Loaded, Replicated, StoreError, Submission};
use crate::limits::BATCH_ENTRIES_MAX;
use crate::limits::scale::FOLLOW_POLL;

/// How often the database has said that something is new; what, is then read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heard {
    log: u64,
    submissions: u64,
}

#[async_trait]
impl Replicated for Scale {
    async fn read(&self) -> Result<Loaded, StoreError> {
        rows::load(&self.inner).await
    }

    async fn follow(&self, size: u64) -> Result<Followed, StoreError> {
        let it = &*self.inner;
        let mut heard = it.heard.subscribe();
        // INVARIANT: what is heard while looking is not missed by the wait that follows.
        let before = heard.borrow().log;
        let now = look(it, size).await?;
        if !now.commits.is_empty() || now.is_lead_free {
            return Ok(now);
        }
        // Looks though nothing was heard: a listener without a connection hears nothing either.
        changes(&mut heard, |heard| heard.log, before, it.lease() / 2).await;
        look(it, size).await
    }

    async fn hand_in(&self, submissions: &[Submission]) -> Result<(), StoreError> {
        let it = &*self.inner;
        let (digests, objects) = rows::columns(submissions.iter().flat_map(|it| &it.objects));
        let mut entries: Vec<&[u8]> = submissions.iter().map(|it| it.entry.as_ref()).collect();
        // In one order everywhere, so that two replicas never wait for each other.
        entries.sort_unstable();
        let query = sqlx::query(HAND_IN).bind(&it.origin).bind(digests).bind(objects).bind(entries);
        it.within("handing in entries to", query.execute(&it.pool)).await?;
        Ok(())
    }

    async fn handed_in(&self) -> Result<Vec<HandedIn>, StoreError> {
        let it = &*self.inner;
        let mut heard = it.heard.subscribe();
        let before = heard.borrow().submissions;
        let waiting = waiting(it).await?;
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        changes(&mut heard, |heard| heard.submissions, before, FOLLOW_POLL).await;
        self::waiting(it).await
    }

    async fn forget(&self, handed_in: &[HandedIn]) -> Result<(), StoreError> {
        let it = &*self.inner;
        let numbers: Vec<i64> = handed_in.iter().map(|it| it.number).collect();
        let gone = sqlx::query("DELETE FROM log_submissions WHERE number = ANY($1)").bind(numbers);
        it.within("forgetting entries handed in to", gone.execute(&it.pool)).await?;
        Ok(())
    }
}

/// Hears what the database says is new, until the backend is gone. What is missed while there is no
/// connection is found by looking every [`FOLLOW_POLL`].
pub(super) fn listen(it: &Arc<Inner>) {
    let weak = Arc::downgrade(it);
    tokio::spawn(async move {
        while let Some(pool) = weak.upgrade().map(|it| it.pool.clone()) {
            if let Err(error) = hear(&weak, &pool).await {
                tracing::warn!(%error, "nothing is heard of the log's database; looking instead");
            }
            tokio::time::sleep(FOLLOW_POLL).await;
        }
    });
}

async fn hear(it: &Weak<Inner>, pool: &sqlx::PgPool) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen_all(["countersign_log", "countersign_submissions"]).await?;
    loop {
        let told = tokio::time::timeout(FOLLOW_POLL, listener.recv()).await;
        let Some(it) = it.upgrade() else { return Ok(()) };
        let Ok(told) = told else { continue };
        let told = told?;
        if told.payload() != it.origin {
            continue;
        }
        it.heard.send_modify(|heard| match told.channel() {
            "countersign_log" => heard.log = heard.log.wrapping_add(1),
            _ => heard.submissions = heard.submissions.wrapping_add(1),
        });
    }
}

/// Waits until what was heard is no longer `before`, for `time` or [`FOLLOW_POLL`] at most.
async fn changes(
    heard: &mut watch::Receiver<Heard>,
    part: fn(&Heard) -> u64,
    before: u64,
    time: Duration,
) {
    let changed = heard.wait_for(|now| part(now) != before);
    let _ = tokio::time::timeout(time.min(FOLLOW_POLL), changed).await;
}

async fn look(it: &Inner, size: u64) -> Result<Followed, StoreError> {
    let head = rows::head(it, &it.pool).await?;
    let commits = rows::after(it, size).await?;
    let starts_at = commits.first().map_or(head.size, |first| first.previous_size);
    if starts_at > size {
        return Err(StoreError::Moved { expected: size, actual: head.size });
    }
    if head.size < size {
        return Err(it.damaged(format!("it has {} entries, and had {size}", head.size)));
    }
    Ok(Followed {
        commits,
        settled_size: head.settled_size,
        published: head.published,
        is_lead_free: it.is_lead_free(&head.lead),
    })
}

async fn waiting(it: &Inner) -> Result<Vec<HandedIn>, StoreError> {
    let max = i64::try_from(BATCH_ENTRIES_MAX).unwrap_or(i64::MAX);
    let select = sqlx::query(WAITING).bind(&it.origin).bind(max).fetch_all(&it.pool);
    let rows = it.within("reading what was handed in to", select).await?;
    let read = |row: &sqlx::postgres::PgRow| -> Result<HandedIn, sqlx::Error> {
        let entry: Vec<u8> = row.try_get("entry")?;
        Ok(HandedIn { number: row.try_get("number")?, entry: Bytes::from(entry) })
    };
    let handed_in: Result<Vec<_>, _> = rows.iter().map(read).collect();
    handed_in.map_err(|e| it.failed("reading what was handed in to", e))
}

const HAND_IN: &str = "WITH kept AS (INSERT INTO log_objects (digest, bytes) \
        SELECT o.digest, o.bytes FROM unnest($2::text[], $3::bytea[]) AS o (digest, bytes) \
        ON CONFLICT DO NOTHING), \
    waiting AS (INSERT INTO log_submissions (origin, digest, entry) \
        SELECT $1, sha256(e), e FROM unnest($4::bytea[]) AS e ON CONFLICT DO NOTHING) \
    SELECT pg_notify('countersign_submissions', $1)";

const WAITING: &str = "SELECT number, entry FROM log_submissions WHERE origin = $1 \
    ORDER BY number LIMIT $2";
