//! A declaration makes a version. The first in the log of a (name, version) owns it; a later one of
//! other content is an attempt.

use seal::statement::Declaration;
use sqlx::Row as _;

use super::ProjectionError;
use super::rows::{self, Version};
use super::step::{Change, Step};

pub(super) async fn apply(step: &mut Step<'_>, it: &Declaration) -> Result<(), ProjectionError> {
    // What has no surface was signed by the registry, for somebody who has no key here.
    if it.surface.is_some() {
        note_key(step).await?;
    }
    match rows::version(step, &it.version).await? {
        Some(known) if known.upstream.is_empty() => known_here(step, it, &known).await,
        known => {
            insert(step, it, known.as_ref()).await?;
            rows::settle_latest(step).await?;
            let says = format!("{} {} was declared", step.server(), it.version);
            step.change(Change::new("publish.declared", Some(&it.version), says)).await
        }
    }
}

/// The version was declared before. Its surface may follow its entry; nothing else may change.
async fn known_here(
    step: &mut Step<'_>,
    it: &Declaration,
    known: &Version,
) -> Result<(), ProjectionError> {
    let exact = it.surface.as_ref().map(|claim| claim.digests.exact.to_string());
    let is_same_entry = known.entry == it.entry.to_string();
    let is_same_signer = known.signer.as_deref() == Some(step.signer().as_str());
    if is_same_entry && known.surface_exact.is_none() && exact.is_some() {
        return follow_up(step, it).await;
    }
    if is_same_entry && is_same_signer && (exact.is_none() || exact == known.surface_exact) {
        return Ok(());
    }
    let says = format!(
        "{} {} was declared again with other content; the first declaration stands",
        step.server(),
        it.version
    );
    step.change(Change::new("publish.version-reused", Some(&it.version), says)).await
}

/// The surface of a version whose entry alone was declared before.
async fn follow_up(step: &mut Step<'_>, it: &Declaration) -> Result<(), ProjectionError> {
    let Some(claim) = &it.surface else { return Ok(()) };
    let row = sqlx::query(
        "UPDATE versions SET statement = $1, signer = $2, surface_exact = $3, \
         surface_semantic = $4, surface_object = $5, state = 'declared', updated = $1, \
         updated_us = $6 WHERE server = $7 AND version = $8",
    )
    .bind(step.index)
    .bind(step.signer())
    .bind(claim.digests.exact.to_string())
    .bind(claim.digests.semantic.to_string())
    .bind(claim.object.to_string())
    .bind(step.time_us)
    .bind(&step.envelope.statement().server)
    .bind(&it.version);
    step.run("adding a surface to a version", row).await?;
    step.publish_surface(claim).await?;
    let says = format!("the surface of {} {} was declared", step.server(), it.version);
    step.change(Change::new("publish.declared", Some(&it.version), says)).await
}

/// Makes the row, or takes over that of an entry which was only observed.
async fn insert(
    step: &mut Step<'_>,
    it: &Declaration,
    observed: Option<&Version>,
) -> Result<(), ProjectionError> {
    let body = step.object(&it.object).await?.unwrap_or_default();
    let claim = it.surface.as_ref();
    let row = sqlx::query(
        "INSERT INTO versions (server, version, position, upstream, statement, signer, entry, \
         object, body, surface_exact, surface_semantic, surface_object, state, status, \
         status_message, status_us, published_us, updated_us, updated, is_latest) \
         VALUES ($1, $2, $3, '', $4, $5, $6, $7, $8, $9, $10, $11, $12, 'active', '', $13, $13, \
         $13, $4, 0) ON CONFLICT (server, version) DO UPDATE SET upstream = '', \
         statement = excluded.statement, signer = excluded.signer, entry = excluded.entry, \
         object = excluded.object, body = excluded.body, surface_exact = excluded.surface_exact, \
         surface_semantic = excluded.surface_semantic, surface_object = excluded.surface_object, \
         state = excluded.state, status = 'active', status_message = '', \
         status_us = excluded.status_us, published_us = excluded.published_us, \
         updated_us = excluded.updated_us, updated = excluded.updated",
    )
    .bind(&step.envelope.statement().server)
    .bind(&it.version)
    .bind(observed.map_or(step.index, |observed| observed.position))
    .bind(step.index)
    .bind(step.signer())
    .bind(it.entry.to_string())
    .bind(it.object.to_string())
    .bind(String::from_utf8_lossy(&body).into_owned())
    .bind(claim.map(|claim| claim.digests.exact.to_string()))
    .bind(claim.map(|claim| claim.digests.semantic.to_string()))
    .bind(claim.map(|claim| claim.object.to_string()))
    .bind(if claim.is_some() { "declared" } else { "undeclared" })
    .bind(step.time_us);
    step.run("adding a version", row).await?;
    step.publish_object(&it.object).await?;
    match claim {
        Some(claim) => step.publish_surface(claim).await,
        None => Ok(()),
    }
}

/// The first key that declares for a server is its key; another one, which neither a rotation
/// introduced nor a known key signed beside, replaces it and says so.
async fn note_key(step: &mut Step<'_>) -> Result<(), ProjectionError> {
    let server = step.server().to_owned();
    let query = sqlx::query("SELECT key_id FROM keys WHERE server = $1").bind(&server);
    let rows = query.fetch_all(&mut *step.tx).await;
    let known: Result<Vec<String>, sqlx::Error> =
        rows.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect());
    let known = known.map_err(ProjectionError::database("reading the keys of a server"))?;
    let signers = step.envelope.signers();
    let fresh = signers.iter().filter(|id| !known.contains(&id.0.to_string()));
    let fresh: Vec<_> = fresh.copied().collect();
    for id in &fresh {
        let row = sqlx::query(
            "INSERT INTO keys (server, key_id, since, state) VALUES ($1, $2, $3, 'active')",
        );
        let row = row.bind(&server).bind(id.0.to_string()).bind(step.index);
        step.run("adding a key", row).await?;
        step.publish_object(&id.0).await?;
    }
    let Some(id) = fresh.first().filter(|_| fresh.len() == signers.len()) else { return Ok(()) };
    let change = if known.is_empty() {
        Change::new("key.added", None, format!("{server} has its first key, {}", id.0))
    } else {
        let says = format!("{server} was declared with {}, which no key before it signed", id.0);
        Change::new("key.replaced", None, says)
    };
    step.change(change).await
}
