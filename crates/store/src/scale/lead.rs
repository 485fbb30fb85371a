//! Who leads: a row that says who, a term that fences, a beat that has to move.
//!
//! INVARIANT: whoever takes the lead raises the term in the same statement, which waits for the row
//! lock of a commit that is under way. What an earlier term sent is then either visible, or can
//! never be applied: also when it is one's own commit whose answer was lost.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};
use tokio::sync::MutexGuard;

use super::Inner;
use crate::backend::StoreError;
use crate::limits::scale::{BEATS, LEAD_POLL};

/// The lead, as this replica took it.
pub(super) struct Lead {
    pub(super) term: i64,
    /// The connection that commits; opened by the first.
    pub(super) connection: Option<PgConnection>,
}

/// What the log's row says of who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    holder: Option<String>,
    term: i64,
    beat: i64,
    size: i64,
}

impl Sighting {
    pub(super) const fn is_term(&self, term: i64) -> bool {
        self.term == term
    }

    pub(super) fn of(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            holder: row.try_get("holder")?,
            term: row.try_get("term")?,
            beat: row.try_get("beat")?,
            size: row.try_get("size")?,
        })
    }
}

impl Inner {
    /// Whether the lead may be taken, given what the row says now: it is nobody's, one's own, or has
    /// not moved for as long as a lease lasts.
    pub(super) fn is_lead_free(&self, now: &Sighting) -> bool {
        if now.holder.as_ref().is_none_or(|holder| *holder == self.holder) {
            return true;
        }
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*seen {
            Some((before, since)) if before == now => since.elapsed() > self.lease(),
            _ => {
                *seen = Some((now.clone(), Instant::now()));
                false
            }
        }
    }
}

/// Takes the lead, once it is free. Does not wait for a leader that shows that it lives.
pub(super) async fn take(it: &Arc<Inner>) -> Result<(), StoreError> {
    let mut lead = it.lead.lock().await;
    *lead = None;
    let start = Instant::now();
    let mut first = None;
    loop {
        let look = sqlx::query(LOOK).bind(&it.origin).fetch_optional(&it.pool);
        let row = it.within("reading the head of", look).await?;
        let row = row.ok_or_else(|| StoreError::Missing { place: it.place.clone() })?;
        let now = Sighting::of(&row).map_err(|e| it.failed("reading the head of", e))?;
        if it.is_lead_free(&now) && try_take(it, &now, &mut lead).await? {
            return Ok(());
        }
        let is_alive = now.holder.is_some() && *first.get_or_insert_with(|| now.clone()) != now;
        if is_alive || start.elapsed() > it.lease() * 2 {
            return Err(StoreError::Led { place: it.place.clone() });
        }
        tokio::time::sleep(LEAD_POLL).await;
    }
}

/// Takes the lead if its row is still as it was seen; the size may have moved under one's own name.
async fn try_take(
    it: &Arc<Inner>,
    now: &Sighting,
    lead: &mut MutexGuard<'_, Option<Lead>>,
) -> Result<bool, StoreError> {
    let take = sqlx::query(TAKE)
        .bind(&it.origin)
        .bind(&it.holder)
        .bind(now.term)
        .bind(now.beat)
        .bind(now.size);
    let Some(row) = it.within("taking the lead of", take.fetch_optional(&it.pool)).await? else {
        return Ok(false);
    };
    let term = row.try_get("term").map_err(|e| it.failed("taking the lead of", e))?;
    **lead = Some(Lead { term, connection: None });
    tokio::spawn(keep(Arc::downgrade(it), term, it.lease() / BEATS));
    Ok(true)
}

/// Moves the beat until the term is over. A lead that was lost needs no announcement: its next
/// commit finds another term.
async fn keep(it: Weak<Inner>, term: i64, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let Some(it) = it.upgrade() else { return };
        let beat = sqlx::query(MOVE_BEAT).bind(&it.origin).bind(term).execute(&it.pool);
        match it.within("keeping the lead of", beat).await {
            Ok(done) if done.rows_affected() == 0 => return,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, term, "the lead was not renewed"),
        }
    }
}

/// Gives the lead up, so that the next need not wait. A lead that cannot be given up lapses.
pub(super) async fn release(it: &Inner) {
    let Some(lead) = it.lead.lock().await.take() else { return };
    let release = sqlx::query(RELEASE).bind(&it.origin).bind(lead.term).execute(&it.pool);
    if let Err(error) = it.within("giving up the lead of", release).await {
        tracing::warn!(%error, "the lead was not given up; it lapses");
    }
}

const LOOK: &str = "SELECT holder, term, beat, size FROM log_heads WHERE origin = $1";

const TAKE: &str = "UPDATE log_heads SET holder = $2, term = term + 1, beat = beat + 1 \
    WHERE origin = $1 AND term = $3 \
        AND (holder IS NULL OR holder = $2 OR (beat = $4 AND size = $5)) RETURNING term";

const MOVE_BEAT: &str = "UPDATE log_heads SET beat = beat + 1 WHERE origin = $1 AND term = $2 \
    AND holder IS NOT NULL";

const RELEASE: &str = "UPDATE log_heads SET holder = NULL WHERE origin = $1 AND term = $2";
