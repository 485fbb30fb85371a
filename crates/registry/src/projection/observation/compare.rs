//! What a live server showed, beside what its observer saw before and what its versions declare.
//!
//! The protocol version belongs to a conversation and makes no difference; surfaces of two eras are
//! not compared.

use seal::statement::{Finding, SurfaceClaim};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use surface::{Digest, Kind, Place, Surface};

use super::surface::Key;
use crate::limits;
use crate::projection::ProjectionError;
use crate::projection::step::{Step, findings_of};

/// What is worth a state change.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What changed since the observer's last look, ranked.
    pub(super) changed: Vec<Finding>,
    /// The version that declares another surface, and what differs.
    pub(super) contradicted: Option<(String, Vec<Finding>)>,
}

/// Compares what is shown now. `said` is what the observer says of it; what others than the registry
/// itself observe comes without, and is ranked here.
pub(super) async fn compare(
    step: &mut Step<'_>,
    key: &Key<'_>,
    claim: &SurfaceClaim,
    said: &[Finding],
) -> Result<Found, ProjectionError> {
    let mut found = Found { changed: said.to_vec(), contradicted: None };
    if said.is_empty()
        && let Some((semantic, object)) = seen_before(step, key).await?
        && semantic != claim.digests.semantic.to_string()
    {
        let shown = step.surface(&claim.object).await?;
        let changed = differences(step, object.as_deref(), shown.as_ref()).await?;
        found.changed = changed.unwrap_or_default();
    }
    if key.class == ANONYMOUS && !is_known(step, key, claim).await? {
        found.contradicted = contradicted(step, claim).await?;
    }
    Ok(found)
}

/// The countersigned version that declares another surface, unless one declares this.
async fn contradicted(
    step: &mut Step<'_>,
    claim: &SurfaceClaim,
) -> Result<Option<(String, Vec<Finding>)>, ProjectionError> {
    let query = sqlx::query(
        "SELECT version, surface_semantic, surface_object FROM versions WHERE server = $1 \
         AND upstream = '' AND state = 'countersigned' AND status <> 'deleted' \
         AND surface_object IS NOT NULL ORDER BY is_latest DESC, position DESC LIMIT $2",
    );
    let query = query.bind(step.server().to_owned()).bind(limits::DECLARED_COMPARED_MAX);
    let rows = query.fetch_all(&mut *step.tx).await;
    let read = |row: &AnyRow| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    let declared: Vec<(String, String, String)> = rows
        .and_then(|rows| rows.iter().map(read).collect())
        .map_err(ProjectionError::database("reading what is declared"))?;
    if declared.iter().any(|(_, semantic, _)| *semantic == claim.digests.semantic.to_string()) {
        return Ok(None);
    }
    let shown = step.surface(&claim.object).await?;
    let mut nearest = None;
    for (version, _, object) in declared {
        let Some(findings) = differences(step, Some(&object), shown.as_ref()).await? else {
            continue;
        };
        if findings.is_empty() {
            return Ok(None);
        }
        nearest = nearest.or(Some((version, findings)));
    }
    Ok(nearest)
}

/// What differs between the surface in an object and the one that is shown; `None` if they are not to
/// be compared.
async fn differences(
    step: &mut Step<'_>,
    object: Option<&str>,
    shown: Option<&Surface>,
) -> Result<Option<Vec<Finding>>, ProjectionError> {
    let object = object.and_then(|text| text.parse::<Digest>().ok());
    let (Some(object), Some(shown)) = (object, shown) else { return Ok(None) };
    let Some(before) = step.surface(&object).await?.filter(|it| it.era == shown.era) else {
        return Ok(None);
    };
    let mut after = shown.clone();
    align(&before, &mut after);
    Ok(Some(findings_of(&before, &after)))
}

fn align(before: &Surface, after: &mut Surface) {
    let version = Place::new(Kind::Server, "protocolVersion");
    if let (Some(before), Some(shown)) = (before.items.get(&version), after.items.get_mut(&version))
    {
        shown.clone_from(before);
    }
}

/// The semantic digest and the object of the observer's newest look in the same class.
async fn seen_before(
    step: &mut Step<'_>,
    key: &Key<'_>,
) -> Result<Option<(String, Option<String>)>, ProjectionError> {
    let query = sqlx::query(
        "SELECT semantic, object FROM surfaces WHERE server = $1 AND endpoint = $2 \
         AND authorization_class = $3 AND observer = $4 AND vantage = $5 AND client = $6 \
         AND semantic IS NOT NULL",
    )
    .bind(step.server().to_owned())
    .bind(key.endpoint.to_owned())
    .bind(key.class.to_owned())
    .bind(key.observer.clone())
    .bind(key.vantage.to_owned())
    .bind(key.client.to_owned());
    let row = query.fetch_optional(&mut *step.tx).await;
    let read = |row: AnyRow| Ok((row.try_get(0)?, row.try_get(1)?));
    row.and_then(|row| row.map(read).transpose())
        .map_err(ProjectionError::database("reading the observer's last look"))
}

/// Whether somebody's newest look at the endpoint saw the same: then it was told.
async fn is_known(
    step: &mut Step<'_>,
    key: &Key<'_>,
    claim: &SurfaceClaim,
) -> Result<bool, ProjectionError> {
    let query = sqlx::query(
        "SELECT 1 FROM surfaces WHERE server = $1 AND endpoint = $2 \
         AND authorization_class = $3 AND semantic = $4 LIMIT 1",
    )
    .bind(step.server().to_owned())
    .bind(key.endpoint.to_owned())
    .bind(key.class.to_owned())
    .bind(claim.digests.semantic.to_string());
    let row = query.fetch_optional(&mut *step.tx).await;
    row.map(|row| row.is_some()).map_err(ProjectionError::database("reading what others saw"))
}

const ANONYMOUS: &str = "anonymous";
