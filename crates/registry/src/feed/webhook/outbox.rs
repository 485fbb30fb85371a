//! From the outbox to the deliveries, and the tables of both.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use store::Database;
use tokio::time::timeout;

use super::Hook;
use crate::feed::Change;
use crate::limits;
use crate::service::{Service, ServiceError};

/// Hands changes on for as long as it is polled.
pub(super) async fn run(service: &Service, hooks: &[Arc<Hook>]) {
    let mut progress = service.progress();
    loop {
        match hand_on(service, hooks).await {
            Ok(handed) if handed >= limits::OUTBOX_BATCH => continue,
            Ok(_) => {}
            Err(error) => crate::service::tell(&error, "webhooks are not told what changed"),
        }
        if let Ok(Err(_)) = timeout(limits::OUTBOX_POLL, progress.changed()).await {
            return;
        }
    }
}

/// Hands one batch on, and gives its size.
async fn hand_on(service: &Service, hooks: &[Arc<Hook>]) -> Result<i64, ServiceError> {
    let failed = || ServiceError::database("handing state changes to webhooks");
    let mut tx = service.database().pool().begin().await.map_err(failed())?;
    // Joined, so that a change waits that a rebuild has not brought back yet.
    let rows = sqlx::query(
        "SELECT id, position, server, version, code, severity, summary, time_us, findings \
         FROM changes JOIN outbox ON outbox.change_id = changes.id ORDER BY id LIMIT $1",
    );
    let rows = rows.bind(limits::OUTBOX_BATCH).fetch_all(&mut *tx).await.map_err(failed())?;
    let now_us = now_us(service);
    for row in &rows {
        let change = Change::from_row(row).map_err(failed())?;
        for hook in hooks.iter().filter(|hook| hook.filter.matches(&change)) {
            enter(&mut tx, &hook.name, &change, now_us).await.map_err(failed())?;
        }
        let done = sqlx::query("DELETE FROM outbox WHERE change_id = $1").bind(change.id);
        done.execute(&mut *tx).await.map_err(failed())?;
    }
    tx.commit().await.map_err(failed())?;
    Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX))
}

async fn enter(
    tx: &mut AnyConnection,
    webhook: &str,
    change: &Change,
    now_us: i64,
) -> Result<(), sqlx::Error> {
    let body = json!({
        "type": "countersign.change",
        "timestamp": change.time,
        "data": change,
    });
    let row = sqlx::query(
        "INSERT INTO webhook_deliveries \
         (webhook, change_id, body, state, attempts, due_us, outcome) \
         VALUES ($1, $2, $3, 'waiting', 0, $4, '') ON CONFLICT (webhook, change_id) DO NOTHING",
    );
    let row = row.bind(webhook.to_owned()).bind(change.id).bind(body.to_string()).bind(now_us);
    row.execute(tx).await.map(|_| ())
}

/// A delivery that is to be tried.
pub(super) struct Delivery {
    pub(super) change_id: i64,
    pub(super) body: String,
    /// This attempt counted.
    pub(super) attempts: i64,
}

/// Claims the first delivery of a webhook that is due; until its lease ends nobody else does.
pub(super) async fn claim(
    service: &Service,
    webhook: &str,
) -> Result<Option<Delivery>, ServiceError> {
    let failed = || ServiceError::database("looking for what a webhook is to be told");
    let pool = service.database().pool();
    let now_us = now_us(service);
    loop {
        let row = sqlx::query(
            "SELECT change_id, body, attempts, due_us FROM webhook_deliveries \
             WHERE webhook = $1 AND state = 'waiting' AND due_us <= $2 ORDER BY change_id LIMIT 1",
        );
        let row = row.bind(webhook.to_owned()).bind(now_us).fetch_optional(pool).await;
        let Some(row) = row.map_err(failed())? else { return Ok(None) };
        let read = |row: &AnyRow| {
            let (change_id, body): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
            let (attempts, due_us): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
            Ok((Delivery { change_id, body, attempts: attempts + 1 }, due_us))
        };
        let (delivery, due_us) = read(&row).map_err(failed())?;
        let claim = sqlx::query(
            "UPDATE webhook_deliveries SET attempts = attempts + 1, due_us = $1 \
             WHERE webhook = $2 AND change_id = $3 AND state = 'waiting' AND due_us = $4",
        );
        let lease_us = i64::try_from(limits::DELIVERY_LEASE.as_micros()).unwrap_or_default();
        let claim = claim
            .bind(now_us + lease_us)
            .bind(webhook.to_owned())
            .bind(delivery.change_id)
            .bind(due_us);
        if claim.execute(pool).await.map_err(failed())?.rows_affected() == 1 {
            return Ok(Some(delivery));
        }
    }
}

/// The receiver has it.
pub(super) async fn done(service: &Service, webhook: &str, id: i64) -> Result<(), ServiceError> {
    let row = sqlx::query("DELETE FROM webhook_deliveries WHERE webhook = $1 AND change_id = $2");
    let done = row.bind(webhook.to_owned()).bind(id).execute(service.database().pool()).await;
    done.map(|_| ()).map_err(ServiceError::database("recording a delivery"))
}

/// The receiver has it not: it is tried again at `due_us`, or never.
pub(super) async fn failed(
    service: &Service,
    webhook: &str,
    id: i64,
    due_us: Option<i64>,
    outcome: String,
) -> Result<(), ServiceError> {
    let row = sqlx::query(
        "UPDATE webhook_deliveries SET state = $1, due_us = $2, outcome = $3 \
         WHERE webhook = $4 AND change_id = $5",
    );
    let state = if due_us.is_some() { "waiting" } else { "dead" };
    let row = row.bind(state).bind(due_us.unwrap_or_default()).bind(outcome);
    let row = row.bind(webhook.to_owned()).bind(id);
    let done = row.execute(service.database().pool()).await;
    done.map(|_| ()).map_err(ServiceError::database("recording a failed delivery"))
}

/// A delivery that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dead {
    /// The webhook.
    pub webhook: String,
    /// The change.
    pub change_id: i64,
    /// How often it was tried.
    pub attempts: i64,
    /// How the last attempt ended.
    pub outcome: String,
}

/// The dead letters, oldest first, a thousand at most.
///
/// # Errors
/// Tables that fail.
pub async fn dead(database: &Database) -> Result<Vec<Dead>, ServiceError> {
    let rows = sqlx::query(
        "SELECT webhook, change_id, attempts, outcome FROM webhook_deliveries \
         WHERE state = 'dead' ORDER BY change_id, webhook LIMIT 1000",
    );
    let read = |row: AnyRow| {
        let (webhook, change_id) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Dead { webhook, change_id, attempts: row.try_get(2)?, outcome: row.try_get(3)? })
    };
    let rows = rows.fetch_all(database.pool()).await;
    let dead = rows.and_then(|rows| rows.into_iter().map(read).collect());
    dead.map_err(ServiceError::database("reading dead letters"))
}

/// Sends dead letters of a webhook again, all of them or the one of a change; how many there are.
///
/// # Errors
/// Tables that fail.
pub async fn redeliver(
    database: &Database,
    webhook: &str,
    change_id: Option<i64>,
) -> Result<u64, ServiceError> {
    let row = sqlx::query(
        "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, due_us = 0 \
         WHERE webhook = $1 AND state = 'dead' AND ($2 = 0 OR change_id = $2)",
    );
    let row = row.bind(webhook.to_owned()).bind(change_id.unwrap_or_default());
    let done = row.execute(database.pool()).await;
    Ok(done.map_err(ServiceError::database("sending dead letters again"))?.rows_affected())
}

/// The time, in microseconds since 1970.
pub(super) fn now_us(service: &Service) -> i64 {
    i64::try_from(service.now_s()).unwrap_or(i64::MAX / MICROS).saturating_mul(MICROS)
}

const MICROS: i64 = 1_000_000;
