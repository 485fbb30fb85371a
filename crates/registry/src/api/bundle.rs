//! Bundles: statements with their evidence against one checkpoint.

use std::collections::BTreeSet;

use http::StatusCode;
use seal::Envelope;
use seal::bundle::{Bundle, Leaf};
use seal::statement::{Predicate, Revoked, rotation_name, status_name};
use sqlx::Row as _;

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
    let mut indices = vec![statement.unsigned_abs()];
    indices.extend(countersignature.map(i64::unsigned_abs));
    let declared = envelope(api, statement.unsigned_abs()).await?;
    latest(api, &names(&declared), &indices).await
}

/// A bundle of the entries at `indices`, of what the map holds for `names`, and of the entries that it
/// holds. All proofs are against one checkpoint: if another is published meanwhile, they are made
/// again.
pub(super) async fn latest(
    api: &Api,
    names: &[String],
    indices: &[u64],
) -> Result<Bundle, Refusal> {
    let none = || Refusal::not_found("no published checkpoint covers this yet");
    for _ in 0..limits::BUNDLE_TRIES_MAX {
        let (published, latest) = api.service.log().latest(names).await?.ok_or_else(none)?;
        let mut wanted = BTreeSet::from_iter(indices.iter().copied());
        for (name, path) in &latest.paths {
            let held = path.verify(latest.map_leaf.root, &tlog::Map::key(name));
            let held =
                held.map_err(|_| damaged("a proof of the log's map leads to another root"))?;
            wanted.extend(held.map(|held| held.index));
        }
        if let Some(leaves) = leaves(api, &published.note, &wanted).await? {
            let checkpoint = published.note.clone();
            return Ok(Bundle { leaves, checkpoint, latest: Some(latest) });
        }
    }
    Err(Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "service.late",
        "checkpoints are published faster than this bundle is made; ask again",
    ))
}

/// The entries at `indices` with their proofs against `checkpoint`; `None` if another was published.
async fn leaves(
    api: &Api,
    checkpoint: &str,
    indices: &BTreeSet<u64>,
) -> Result<Option<Vec<Leaf>>, Refusal> {
    let mut leaves = Vec::with_capacity(indices.len());
    for index in indices.iter().copied() {
        let none = || Refusal::not_found("no published checkpoint covers this yet");
        let proof = api.service.log().proof(index).await?.ok_or_else(none)?;
        if proof.checkpoint != checkpoint {
            return Ok(None);
        }
        leaves.push(Leaf { envelope: envelope(api, index).await?, index, hashes: proof.hashes });
    }
    Ok(Some(leaves))
}

async fn envelope(api: &Api, index: u64) -> Result<Envelope, Refusal> {
    let entries = api.service.log().entries(index, index + 1).await?;
    let entry = entries.first().and_then(|entry| Envelope::parse(entry).ok());
    entry.ok_or_else(|| damaged("an entry that the tables name is no statement"))
}

/// The names in the log's map under which something could undo a statement.
fn names(envelope: &Envelope) -> Vec<String> {
    let statement = envelope.statement();
    let server = &statement.server;
    let mut names = vec![server.clone(), status_name(server, None)];
    if let Predicate::Declaration(it) = &statement.predicate {
        let version = it.version.clone();
        names.push(status_name(server, Some(&version)));
        names.push(Revoked::Version { version }.name(server));
        let exact = it.surface.as_ref().map(|claim| claim.digests.exact);
        names.extend(exact.map(|exact| Revoked::Surface { exact }.name(server)));
    }
    for key in envelope.signers() {
        names.push(Revoked::Key { key: *key, since: 0 }.name(server));
        names.push(rotation_name(key));
    }
    names
}

fn damaged(says: &'static str) -> Refusal {
    tracing::error!("{says}");
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "service.failed", says)
}
