//! A countersignature admits, holds or refuses what a leaf declares.

use seal::statement::{Countersignature, Verdict};

use super::ProjectionError;
use super::rows;
use super::step::{Change, Step};

pub(super) async fn apply(
    step: &mut Step<'_>,
    it: &Countersignature,
) -> Result<(), ProjectionError> {
    let declaration = i64::try_from(it.declaration).unwrap_or(i64::MAX);
    let Some(known) = rows::version(step, &it.version).await? else { return Ok(()) };
    // A verdict about an attempt on a version that exists changes nothing of the version.
    if known.statement != declaration || known.state == "revoked" {
        return Ok(());
    }
    let server = step.server().to_owned();
    let row =
        sqlx::query("UPDATE versions SET countersignature = $1 WHERE server = $2 AND version = $3");
    step.run("countersigning", row.bind(step.index).bind(&server).bind(&it.version)).await?;
    let was_held = known.state == "held";
    let (state, code, says) = match it.verdict {
        Verdict::Allow if was_held => ("countersigned", "publish.released", "was released"),
        Verdict::Allow => ("countersigned", "publish.countersigned", "was countersigned"),
        Verdict::Hold => ("held", "publish.held", "is held for review"),
        Verdict::Deny => ("denied", "publish.denied", "was refused"),
    };
    // INVARIANT: what has no surface is never called countersigned; its entry alone was admitted.
    let is_undeclared = known.surface_exact.is_none() && it.verdict == Verdict::Allow;
    let state = if is_undeclared { "undeclared" } else { state };
    if it.verdict == Verdict::Hold {
        let row = sqlx::query(
            "INSERT INTO holds (position, server, version, declaration) VALUES ($1, $2, $3, $4)",
        );
        let row = row.bind(step.index).bind(&server).bind(&it.version).bind(declaration);
        step.run("holding", row).await?;
    } else if was_held {
        release(step, &it.version).await?;
    }
    rows::set_state(step, &it.version, state).await?;
    let change = Change::new(code, Some(&it.version), format!("{server} {} {says}", it.version));
    let severity = change.severity;
    let change = change.findings(&it.findings);
    // What was admitted in spite of findings is news, not an alarm.
    let change = if it.verdict == Verdict::Allow { change.severity(severity) } else { change };
    step.change(change).await
}

/// Ends the holds of a version.
pub(super) async fn release(step: &mut Step<'_>, version: &str) -> Result<(), ProjectionError> {
    let row = sqlx::query(
        "UPDATE holds SET released = $1 WHERE server = $2 AND version = $3 AND released IS NULL",
    );
    let server = step.server().to_owned();
    step.run("releasing", row.bind(step.index).bind(server).bind(version)).await?;
    Ok(())
}
