//! Bundles: statements with their evidence against one checkpoint.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use seal::bundle::{Bundle, Leaf};
use seal::{Envelope, KeyId, PublicKey};
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
    let mut names = seal::bundle::names(&declared, &[]);
    // What is newest under a name may be signed by a key that could be undone as well.
    for _ in 0..limits::BUNDLE_TRIES_MAX {
        let bundle = latest(api, &names, &indices).await?;
        let others: Vec<_> = bundle.leaves.iter().map(|leaf| &leaf.envelope).collect();
        let all = seal::bundle::names(&declared, &others);
        if all == names {
            return Ok(bundle);
        }
        names = all;
    }
    Err(late())
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
        let mut wanted: BTreeSet<u64> = indices.iter().copied().collect();
        for (name, path) in &latest.paths {
            let held = path.verify(latest.map_leaf.root, &tlog::Map::key(name));
            let held =
                held.map_err(|_| damaged("a proof of the log's map leads to another root"))?;
            wanted.extend(held.map(|held| held.index));
        }
        if let Some(leaves) = leaves(api, &published.note, &wanted).await? {
            let checkpoint = published.note.clone();
            let keys = keys(api, &leaves).await?;
            return Ok(Bundle { leaves, keys, checkpoint, latest: Some(latest) });
        }
    }
    Err(late())
}

fn late() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "service.late",
        "checkpoints are published faster than this bundle is made; ask again",
    )
}

/// The public keys of those who signed: the registry's own, and others' as the objects that their
/// identifiers name.
async fn keys(api: &Api, leaves: &[Leaf]) -> Result<Vec<PublicKey>, Refusal> {
    let own = api.service.keys().iter().map(seal::PrivateKey::public);
    let own: BTreeMap<KeyId, &PublicKey> = own.map(|key| (key.id(), key)).collect();
    let signers: BTreeSet<KeyId> =
        leaves.iter().flat_map(|leaf| leaf.envelope.signers()).copied().collect();
    let mut keys = Vec::new();
    for signer in signers {
        if let Some(key) = own.get(&signer) {
            keys.push((*key).clone());
            continue;
        }
        let der = api.service.object(&signer.0).await?;
        keys.extend(der.and_then(|der| PublicKey::from_der(&der).ok()));
    }
    Ok(keys)
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
    // Another replica fills the tables, and may know more of the log than this one.
    let none = || Refusal::not_found("no published checkpoint covers this yet");
    let entry = entries.first().ok_or_else(none)?;
    let envelope = Envelope::parse(entry).ok();
    envelope.ok_or_else(|| damaged("an entry that the tables name is no statement"))
}

fn damaged(says: &'static str) -> Refusal {
    tracing::error!("{says}");
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "service.failed", says)
}
