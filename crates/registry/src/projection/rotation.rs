//! A publisher's next key, signed by the one before.

use seal::statement::Rotation;

use super::ProjectionError;
use super::step::{Change, Step};

pub(super) async fn apply(step: &mut Step<'_>, it: &Rotation) -> Result<(), ProjectionError> {
    let server = step.server().to_owned();
    let Ok(next) = it.to.parse::<seal::PublicKey>() else { return Ok(()) };
    let (from, to) = (it.from.0.to_string(), next.id().0.to_string());
    let row = sqlx::query(
        "UPDATE keys SET state = 'rotated', until = $1 \
         WHERE server = $2 AND key_id = $3 AND state = 'active'",
    );
    let rotated = step.run("rotating a key", row.bind(step.index).bind(&server).bind(&from));
    // A key that is revoked, or that the server never had, hands nothing over.
    if rotated.await? == 0 {
        return Ok(());
    }
    let row = sqlx::query(
        "INSERT INTO keys (server, key_id, since, state, pem) VALUES ($1, $2, $3, 'active', $4) \
         ON CONFLICT (server, key_id) DO NOTHING",
    );
    let row = row.bind(&server).bind(&to).bind(step.index).bind(&it.to);
    step.run("adding a key", row).await?;
    let says = format!("{server} rotated its key from {from} to {to}");
    step.change(Change::new("key.rotated", None, says)).await
}
