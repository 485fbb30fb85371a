//! An entry of an upstream registry: listed, rewritten, or gone.
//!
//! The mirror decides what happened and says so in the statement's `changes`, by the codes of
//! [`codes::CHANGES`]; here they become rows and state changes.

use bytes::Bytes;
use seal::statement::{Finding, Observation, Observed};
use surface::Digest;

use crate::projection::ProjectionError;
use crate::projection::rows::{self, Version};
use crate::projection::step::{Change, Step};
use crate::service::codes;

pub(super) async fn apply(step: &mut Step<'_>, it: &Observation) -> Result<(), ProjectionError> {
    let Observed::Entry { upstream, version, entry, object, status, .. } = &it.of else {
        return Ok(());
    };
    let row = sqlx::query(
        "INSERT INTO upstream_entries (upstream, server, version, position, entry, object, status) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (upstream, server, version) \
         DO UPDATE SET position = excluded.position, entry = excluded.entry, \
         object = excluded.object, status = excluded.status",
    )
    .bind(upstream)
    .bind(step.server().to_owned())
    .bind(version)
    .bind(step.index)
    .bind(entry.map(|entry| entry.to_string()))
    .bind(object.map(|object| object.to_string()))
    .bind(status);
    step.run("recording an upstream's entry", row).await?;
    let known = rows::version(step, version).await?;
    // What was published here is not changed by what an upstream says of the same name.
    if known.as_ref().is_none_or(|known| known.upstream == *upstream) {
        match (entry, object) {
            (Some(entry), Some(object)) => {
                let seen = Seen { upstream, version, entry: *entry, object: *object, status };
                list(step, &seen, known.as_ref()).await?;
            }
            _ if known.is_some() => rows::set_state(step, version, "vanished").await?,
            _ => {}
        }
    }
    for finding in &it.changes {
        tell(step, version, finding).await?;
    }
    Ok(())
}

struct Seen<'s> {
    upstream: &'s str,
    version: &'s str,
    entry: Digest,
    object: Digest,
    status: &'s str,
}

/// Makes or changes the row of a listed entry.
async fn list(
    step: &mut Step<'_>,
    seen: &Seen<'_>,
    known: Option<&Version>,
) -> Result<(), ProjectionError> {
    let body = step.object(&seen.object).await?.unwrap_or_default();
    let body = server_of(&body);
    let row = sqlx::query(
        "INSERT INTO versions (server, version, position, upstream, statement, entry, object, \
         body, state, status, status_message, status_us, published_us, updated_us, updated, \
         is_latest) VALUES ($1, $2, $3, $4, $3, $5, $6, $7, 'observed', $8, '', $9, $9, $9, $3, 0) \
         ON CONFLICT (server, version) DO UPDATE SET statement = excluded.statement, \
         entry = excluded.entry, object = excluded.object, body = excluded.body, \
         state = 'observed', status_us = CASE WHEN versions.status = excluded.status \
         THEN versions.status_us ELSE excluded.status_us END, status = excluded.status, \
         updated_us = excluded.updated_us, updated = excluded.updated",
    )
    .bind(step.server().to_owned())
    .bind(seen.version)
    .bind(step.index)
    .bind(seen.upstream)
    .bind(seen.entry.to_string())
    .bind(seen.object.to_string())
    .bind(body)
    .bind(seen.status)
    .bind(step.time_us);
    step.run("recording a listed entry", row).await?;
    let is_new_candidate = known.is_none_or(|known| {
        known.state == "vanished" || (known.status == "deleted") != (seen.status == "deleted")
    });
    if is_new_candidate { rows::settle_latest(step).await } else { Ok(()) }
}

/// The bytes of `server` in what an upstream listed: `{"server": …, "_meta": …}`, or server.json
/// itself. What strict JSON refuses is served as nothing.
fn server_of(object: &Bytes) -> String {
    let Ok(document) = wire::Document::parse(object, &wire::Policy::default()) else {
        return String::new();
    };
    let root = document.root();
    let server = root.get("server").filter(|server| server.kind() == wire::Kind::Object);
    String::from_utf8_lossy(server.unwrap_or(root).raw()).into_owned()
}

/// One state change for each finding whose code is in the table.
async fn tell(
    step: &mut Step<'_>,
    version: &str,
    finding: &Finding,
) -> Result<(), ProjectionError> {
    let Some((code, severity, meaning)) = codes::change(&finding.code) else { return Ok(()) };
    let says = format!("{} {version}: {meaning}", step.server());
    let severity = finding.severity.parse().unwrap_or(*severity);
    let mut change = Change::new(code, Some(version), says).severity(severity);
    change.findings = vec![finding.clone()];
    step.change(change).await
}
