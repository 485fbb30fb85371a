//! The proof of a namespace: that it is there, gone, or of another key.

use seal::statement::{Observation, Observed};
use sqlx::Row as _;

use crate::projection::ProjectionError;
use crate::projection::step::{Change, Step};

pub(super) async fn apply(step: &mut Step<'_>, it: &Observation) -> Result<(), ProjectionError> {
    let Observed::Namespace { method, subject, state, key } = &it.of else { return Ok(()) };
    let server = step.server().to_owned();
    let query = sqlx::query(
        "SELECT state FROM namespaces WHERE server = $1 AND method = $2 AND subject = $3",
    );
    let row = query.bind(&server).bind(method).bind(subject).fetch_optional(&mut *step.tx).await;
    let before: Option<String> = row
        .and_then(|row| row.map(|row| row.try_get(0)).transpose())
        .map_err(ProjectionError::database("reading a namespace"))?;
    let present_us = if state == "present" { step.time_us } else { 0 };
    let row = sqlx::query(
        "INSERT INTO namespaces (server, method, subject, position, state, fingerprint, \
         present_us, time_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (server, method, subject) DO UPDATE SET position = excluded.position, \
         state = excluded.state, \
         fingerprint = COALESCE(excluded.fingerprint, namespaces.fingerprint), \
         present_us = CASE WHEN excluded.present_us = 0 THEN namespaces.present_us \
         ELSE excluded.present_us END, time_us = excluded.time_us",
    )
    .bind(&server)
    .bind(method)
    .bind(subject)
    .bind(step.index)
    .bind(state)
    .bind(key.as_deref())
    .bind(present_us)
    .bind(step.time_us);
    step.run("recording a namespace", row).await?;
    let (code, says) = match (before.as_deref(), state.as_str()) {
        (None, "present") => ("namespace.proved", "is proved"),
        (Some("absent" | "changed"), "present") => ("namespace.restored", "is proved again"),
        (Some("absent"), "absent") | (Some("changed"), "changed") => return Ok(()),
        (_, "absent") => ("namespace.lost", "has lost its proof"),
        (_, "changed") => ("namespace.rekeyed", "has another key"),
        (Some(before), "unreachable") if before != "unreachable" => {
            ("namespace.unreachable", "could not be checked")
        }
        _ => return Ok(()),
    };
    let says = format!("{server} ({method}: {subject}) {says}");
    let mut change = Change::new(code, None, says);
    change.findings.clone_from(&it.changes);
    step.change(change).await
}
