//! Who authorizes for a live server.

use seal::statement::{Observation, Observed};

use crate::projection::ProjectionError;
use crate::projection::step::Step;

pub(super) async fn apply(step: &mut Step<'_>, it: &Observation) -> Result<(), ProjectionError> {
    let Observed::Authorization { endpoint, servers, object } = &it.of else { return Ok(()) };
    let row = sqlx::query(
        "INSERT INTO authorizations (server, endpoint, position, issuers, object) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (server, endpoint) DO UPDATE SET \
         position = excluded.position, issuers = excluded.issuers, object = excluded.object",
    )
    .bind(step.server().to_owned())
    .bind(endpoint)
    .bind(step.index)
    .bind(serde_json::to_string(servers).unwrap_or_else(|_| "[]".to_owned()))
    .bind(object.map(|object| object.to_string()));
    step.run("recording who authorizes", row).await?;
    super::tell(step, None, &it.changes).await
}
