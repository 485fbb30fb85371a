//! An entry of an upstream registry: listed, rewritten, or gone.
//!
//! The mirror decides what happened and says so in the statement's `changes`, by the codes of
//! [`codes::CHANGES`]; here they become rows and state changes.

use bytes::Bytes;
use seal::statement::{Observation, Observed, Official};
use surface::Digest;

use crate::projection::ProjectionError;
use crate::projection::rows::{self, Version};
use crate::projection::step::Step;

pub(super) async fn apply(step: &mut Step<'_>, it: &Observation) -> Result<(), ProjectionError> {
    let Observed::Entry { upstream, version, entry, object, status, official } = &it.of else {
        return Ok(());
    };
    let seen = Seen { upstream, version, entry: *entry, object: *object, status, official };
    if entry.is_some() || status == "vanished" || status == "unreadable" {
        note(step, &seen).await?;
    }
    let known = rows::version(step, version).await?;
    // What was published here is not changed by what an upstream says of the same name.
    if known.as_ref().is_none_or(|known| known.upstream == *upstream) {
        match (entry, object) {
            (Some(entry), Some(object)) => {
                list(step, &seen, (*entry, *object), known.as_ref()).await?;
            }
            _ if known.is_some() => rows::set_state(step, version, "vanished").await?,
            _ => {}
        }
    }
    super::tell(step, Some(version), &it.changes).await
}

struct Seen<'s> {
    upstream: &'s str,
    version: &'s str,
    entry: Option<Digest>,
    object: Option<Digest>,
    status: &'s str,
    official: &'s Option<Official>,
}

/// Notes what the upstream listed. Of what vanished, what it was stays known.
async fn note(step: &mut Step<'_>, seen: &Seen<'_>) -> Result<(), ProjectionError> {
    let server = step.server().to_owned();
    let official = seen.official.as_ref();
    let is_latest = official.is_some_and(|official| official.is_latest);
    if is_latest {
        let row = sqlx::query(
            "UPDATE upstream_entries SET is_latest = 0 WHERE upstream = $1 AND server = $2",
        );
        step.run("moving an upstream's `latest`", row.bind(seen.upstream).bind(&server)).await?;
    }
    let row = sqlx::query(
        "INSERT INTO upstream_entries (upstream, server, version, position, entry, object, status, \
         message, is_latest, published_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (upstream, server, version) DO UPDATE SET position = excluded.position, \
         entry = COALESCE(excluded.entry, upstream_entries.entry), \
         object = COALESCE(excluded.object, upstream_entries.object), status = excluded.status, \
         message = excluded.message, is_latest = excluded.is_latest, \
         published_at = COALESCE(excluded.published_at, upstream_entries.published_at)",
    )
    .bind(seen.upstream)
    .bind(server)
    .bind(seen.version)
    .bind(step.index)
    .bind(seen.entry.map(|entry| entry.to_string()))
    .bind(seen.object.map(|object| object.to_string()))
    .bind(seen.status)
    .bind(official.map_or("", |official| official.message.as_str()))
    .bind(i64::from(is_latest))
    .bind(official.and_then(|official| official.published_at.as_deref()));
    step.run("recording an upstream's entry", row).await?;
    Ok(())
}

/// Makes or changes the row of a listed entry.
async fn list(
    step: &mut Step<'_>,
    seen: &Seen<'_>,
    (entry, object): (Digest, Digest),
    known: Option<&Version>,
) -> Result<(), ProjectionError> {
    let body = step.object(&object).await?.unwrap_or_default();
    let body = server_of(&body);
    let message = seen.official.as_ref().map_or("", |official| official.message.as_str());
    let row = sqlx::query(
        "INSERT INTO versions (server, version, position, upstream, statement, entry, object, \
         body, state, status, status_message, status_us, published_us, updated_us, updated, \
         is_latest) VALUES ($1, $2, $3, $4, $3, $5, $6, $7, 'observed', $8, $10, $9, $9, $9, $3, 0) \
         ON CONFLICT (server, version) DO UPDATE SET statement = excluded.statement, \
         entry = excluded.entry, object = excluded.object, body = excluded.body, \
         state = 'observed', status_us = CASE WHEN versions.status = excluded.status \
         THEN versions.status_us ELSE excluded.status_us END, status = excluded.status, \
         status_message = excluded.status_message, \
         updated_us = excluded.updated_us, updated = excluded.updated",
    )
    .bind(step.server().to_owned())
    .bind(seen.version)
    .bind(step.index)
    .bind(seen.upstream)
    .bind(entry.to_string())
    .bind(object.to_string())
    .bind(body)
    .bind(seen.status)
    .bind(step.time_us)
    .bind(message);
    step.run("recording a listed entry", row).await?;
    step.publish_object(&object).await?;
    let is_new_candidate = known.is_none_or(|known| {
        known.state == "vanished" || (known.status == "deleted") != (seen.status == "deleted")
    });
    match seen.official {
        Some(official) if official.is_latest => follow_latest(step, seen).await,
        None if is_new_candidate => rows::settle_latest(step).await,
        _ => Ok(()),
    }
}

/// Takes the upstream's word for which of its versions is the latest. Where one was published here
/// under the same name, ours decides.
async fn follow_latest(step: &mut Step<'_>, seen: &Seen<'_>) -> Result<(), ProjectionError> {
    let row = sqlx::query(
        "UPDATE versions SET is_latest = CASE WHEN version = $1 THEN 1 ELSE 0 END, \
         updated = $3, updated_us = $4 WHERE server = $2 AND (version = $1 OR is_latest = 1) AND NOT EXISTS \
         (SELECT 1 FROM versions AS ours WHERE ours.server = $2 AND ours.upstream = '')",
    )
    .bind(seen.version)
    .bind(step.server().to_owned())
    .bind(step.index)
    .bind(step.time_us);
    if step.run("following an upstream's `latest`", row).await? == 0 {
        rows::settle_latest(step).await?;
    }
    Ok(())
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
