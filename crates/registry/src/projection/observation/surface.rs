//! What a live server showed, or that it showed nothing.

use seal::statement::{Observation, Observed, SurfaceClaim};
use sqlx::Row as _;

use super::compare;
use crate::projection::ProjectionError;
use crate::projection::step::{Change, Step};

pub(super) async fn apply(
    step: &mut Step<'_>,
    it: &Observation,
    endpoint: &str,
    claim: Option<&SurfaceClaim>,
    outcome: &str,
) -> Result<(), ProjectionError> {
    let server = step.server().to_owned();
    let key = Key {
        endpoint,
        class: claim.map_or("", |claim| claim.authorization.as_str()),
        observer: step.signer(),
        vantage: it.vantage.as_deref().unwrap_or_default(),
        client: it.client.as_deref().unwrap_or_default(),
    };
    let before = outcome_before(step, &key).await?;
    let found = match claim {
        Some(claim) => compare::compare(step, &key, claim, &it.changes).await?,
        None => compare::Found::default(),
    };
    store(step, &key, claim, outcome).await?;
    if let Some(claim) = claim {
        step.publish_surface(claim).await?;
    }
    if !found.changed.is_empty() {
        let says = format!("{server} shows another surface at {endpoint}");
        step.change(Change::new("surface.changed", None, says).findings(&found.changed)).await?;
    }
    if let Some((version, findings)) = found.contradicted {
        let says = format!("{server} shows another surface at {endpoint} than {version} declares");
        let change = Change::new("surface.contradicts", Some(&version), says);
        step.change(change.findings(&findings)).await?;
    }
    match before.as_deref() {
        Some("surface") if claim.is_none() => {
            let says = format!("{server} shows no surface at {endpoint}: {outcome}");
            step.change(Change::new("surface.unavailable", None, says)).await
        }
        Some(before) if claim.is_some() && before != "surface" => {
            let says = format!("{server} shows its surface at {endpoint} again");
            step.change(Change::new("surface.restored", None, says)).await
        }
        _ => Ok(()),
    }
}

/// Notes a surface for whoever compares views.
pub(super) async fn note_look(
    step: &mut Step<'_>,
    it: &Observation,
) -> Result<(), ProjectionError> {
    let Observed::Surface { endpoint, surface: Some(claim), ttl_ms, .. } = &it.of else {
        return Ok(());
    };
    let row = sqlx::query(
        "INSERT INTO looks (position, server, endpoint, authorization_class, protocol_version, \
         observer, vantage, client, semantic, ttl_ms, time_us) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(step.index)
    .bind(step.server().to_owned())
    .bind(endpoint)
    .bind(&claim.authorization)
    .bind(&claim.protocol_version)
    .bind(step.signer())
    .bind(it.vantage.as_deref().unwrap_or_default())
    .bind(it.client.as_deref().unwrap_or_default())
    .bind(claim.digests.semantic.to_string())
    .bind(ttl_ms.map(|ttl_ms| i64::try_from(ttl_ms).unwrap_or(i64::MAX)))
    .bind(step.time_us);
    step.run("noting a look", row).await?;
    Ok(())
}

pub(super) struct Key<'k> {
    pub(super) endpoint: &'k str,
    pub(super) class: &'k str,
    pub(super) observer: String,
    pub(super) vantage: &'k str,
    pub(super) client: &'k str,
}

/// The outcome of the observer's newest observation from the same vantage, in any authorization
/// class: a failure has none.
async fn outcome_before(
    step: &mut Step<'_>,
    key: &Key<'_>,
) -> Result<Option<String>, ProjectionError> {
    let query = sqlx::query(
        "SELECT outcome FROM surfaces WHERE server = $1 AND endpoint = $2 AND observer = $3 \
         AND vantage = $4 AND client = $5 ORDER BY position DESC LIMIT 1",
    )
    .bind(step.server().to_owned())
    .bind(key.endpoint)
    .bind(&key.observer)
    .bind(key.vantage)
    .bind(key.client);
    let row = query.fetch_optional(&mut *step.tx).await;
    row.and_then(|row| row.map(|row| row.try_get(0)).transpose())
        .map_err(ProjectionError::database("reading the newest observation"))
}

async fn store(
    step: &mut Step<'_>,
    key: &Key<'_>,
    claim: Option<&SurfaceClaim>,
    outcome: &str,
) -> Result<(), ProjectionError> {
    let row = sqlx::query(
        "INSERT INTO surfaces (server, endpoint, authorization_class, observer, vantage, client, \
         position, outcome, exact, semantic, object, time_us) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (server, endpoint, authorization_class, observer, vantage, client) \
         DO UPDATE SET position = excluded.position, outcome = excluded.outcome, \
         exact = COALESCE(excluded.exact, surfaces.exact), \
         semantic = COALESCE(excluded.semantic, surfaces.semantic), \
         object = COALESCE(excluded.object, surfaces.object), time_us = excluded.time_us",
    )
    .bind(step.server().to_owned())
    .bind(key.endpoint)
    .bind(key.class)
    .bind(&key.observer)
    .bind(key.vantage)
    .bind(key.client)
    .bind(step.index)
    .bind(outcome)
    .bind(claim.map(|claim| claim.digests.exact.to_string()))
    .bind(claim.map(|claim| claim.digests.semantic.to_string()))
    .bind(claim.map(|claim| claim.object.to_string()))
    .bind(step.time_us);
    step.run("recording an observation", row).await?;
    Ok(())
}
