//! Bundles: statements with their evidence against one checkpoint.

use std::collections::BTreeMap;

use http::StatusCode;
use seal::bundle::{self, Bundle, LatestProof, Leaf};
use seal::{Envelope, PublicKey};
use sqlx::Row as _;
use store::log::Published;

use super::Api;
use super::answer::Refusal;
use super::path;
use crate::limits;
use crate::service::ServiceError;

/// A bundle of one version: its declaration, its newest countersignature, whatever could undo them,
/// and the proof of what the map holds for each of those.
pub(super) async fn of_version(api: &Api, name: &str, version: &str) -> Result<Bundle, Refusal> {
    let catalogue = api.service.catalogue();
    let position = path::versions(version).find_map(|it| catalogue.version(name, &it));
    let not_found = || Refusal::not_found("there is no such server or version");
    let position = position.ok_or_else(not_found)?;
    let query = sqlx::query("SELECT statement, countersignature FROM versions WHERE position = $1");
    let row = query.bind(position).fetch_optional(api.service.database().pool()).await;
    let failed = || ServiceError::database("reading a version");
    let row = row.map_err(failed())?.ok_or_else(not_found)?;
    let statement: i64 = row.try_get(0).map_err(failed())?;
    let countersignature: Option<i64> = row.try_get(1).map_err(failed())?;
    let declaration = envelope(api, statement.unsigned_abs()).await?;
    let mut found = BTreeMap::new();
    if let Some(index) = countersignature.map(i64::unsigned_abs) {
        found.insert(index, envelope(api, index).await?);
    }
    let mut names = bundle::names(&declaration, &found.values().collect::<Vec<_>>());
    found.insert(statement.unsigned_abs(), declaration.clone());
    // What undoes a key may be signed by another, which something may undo in turn.
    for _ in 0..limits::BUNDLE_TRIES_MAX {
        let (published, latest) = proved(api, &names).await?;
        let before = found.len();
        for (name, index) in held(&latest)? {
            if name != declaration.statement().server && !found.contains_key(&index) {
                found.insert(index, envelope(api, index).await?);
            }
        }
        let wanted = bundle::names(&declaration, &found.values().collect::<Vec<_>>());
        if wanted != names || found.len() != before {
            names = wanted;
            continue;
        }
        if let Some(leaves) = leaves(api, &published, &found).await? {
            let (keys, checkpoint) = (keys(api, &found).await?, published.note.clone());
            return Ok(Bundle { leaves, keys, checkpoint, latest: Some(latest) });
        }
    }
    Err(too_fast())
}

/// A bundle of what the map holds for one name, and of the entry that it holds.
pub(super) async fn of_name(api: &Api, name: String) -> Result<Bundle, Refusal> {
    for _ in 0..limits::BUNDLE_TRIES_MAX {
        let (published, latest) = proved(api, std::slice::from_ref(&name)).await?;
        let mut found = BTreeMap::new();
        for (_, index) in held(&latest)? {
            found.insert(index, envelope(api, index).await?);
        }
        if let Some(leaves) = leaves(api, &published, &found).await? {
            let (keys, checkpoint) = (keys(api, &found).await?, published.note.clone());
            return Ok(Bundle { leaves, keys, checkpoint, latest: Some(latest) });
        }
    }
    Err(too_fast())
}

async fn proved(
    api: &Api,
    names: &[String],
) -> Result<(std::sync::Arc<Published>, LatestProof), Refusal> {
    let latest = api.service.log().latest(names).await?;
    latest.ok_or_else(|| Refusal::not_found("no published checkpoint covers this yet"))
}

/// The index of the newest entry under each name that has one.
fn held(latest: &LatestProof) -> Result<Vec<(&str, u64)>, Refusal> {
    let mut held = Vec::new();
    for (name, path) in &latest.paths {
        let found = path.verify(latest.map_leaf.root, &tlog::Map::key(name));
        let found = found.map_err(|_| damaged("a proof of the log's map leads to another root"))?;
        held.extend(found.map(|found| (name.as_str(), found.index)));
    }
    Ok(held)
}

/// The entries with their proofs against one checkpoint; `None` if another was published meanwhile.
async fn leaves(
    api: &Api,
    published: &Published,
    found: &BTreeMap<u64, Envelope>,
) -> Result<Option<Vec<Leaf>>, Refusal> {
    let mut leaves = Vec::with_capacity(found.len());
    for (index, envelope) in found {
        let none = || Refusal::not_found("no published checkpoint covers this yet");
        let proof = api.service.log().proof(*index).await?.ok_or_else(none)?;
        if proof.checkpoint != published.note {
            return Ok(None);
        }
        leaves.push(Leaf { envelope: envelope.clone(), index: *index, hashes: proof.hashes });
    }
    Ok(Some(leaves))
}

/// The public keys of those who signed: objects, since the identifier of a key is its digest.
async fn keys(api: &Api, found: &BTreeMap<u64, Envelope>) -> Result<Vec<PublicKey>, Refusal> {
    let mut signers: Vec<_> = found.values().flat_map(Envelope::signers).copied().collect();
    signers.sort_unstable();
    signers.dedup();
    let mut keys = Vec::with_capacity(signers.len());
    for id in signers {
        let own = api.service.keys().iter().find(|key| key.public().id() == id);
        if let Some(own) = own {
            keys.push(own.public().clone());
        } else if let Some(der) = api.service.object(&id.0).await? {
            keys.extend(PublicKey::from_der(&der));
        }
    }
    Ok(keys)
}

async fn envelope(api: &Api, index: u64) -> Result<Envelope, Refusal> {
    let entries = api.service.log().entries(index, index + 1).await?;
    let entry = entries.first().and_then(|entry| Envelope::parse(entry).ok());
    entry.ok_or_else(|| damaged("an entry that the tables name is no statement"))
}

fn too_fast() -> Refusal {
    let says = "checkpoints are published faster than this bundle is made; ask again";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "service.late", says)
}

fn damaged(says: &'static str) -> Refusal {
    tracing::error!("{says}");
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "service.failed", says)
}
