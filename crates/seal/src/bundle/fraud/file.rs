//! The JSON of a proof of fraud.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use surface::canonical;
use tlog::map::MapProof;
use wire::{Document, Policy};

use super::{Entry, Fork, Fraud, FraudError, Reuse, WrongMap};
use crate::bundle::BundleError;
use crate::bundle::file::{bytes, hashes, hashes_value, index, list, members, text};
use crate::limits;

pub(super) const MEDIA_TYPE: &str = "application/vnd.countersign.fraud+json;version=1";

pub(super) fn to_json(fraud: &Fraud) -> String {
    let value = match fraud {
        Fraud::WrongMap(it) => {
            let leaves = leaves_value(&it.leaves);
            let paths: Vec<String> =
                it.paths.iter().map(|path| STANDARD.encode(path.to_bytes())).collect();
            json!({
                "checkpoint": it.checkpoint, "leaves": leaves, "mediaType": MEDIA_TYPE, "paths": paths,
            })
        }
        Fraud::Reuse(it) => json!({
            "checkpoint": it.checkpoint,
            "leaves": leaves_value(&it.leaves),
            "mediaType": MEDIA_TYPE,
        }),
        Fraud::Fork(it) => json!({
            "checkpoints": it.checkpoints,
            "hashes": hashes_value(&it.hashes),
            "mediaType": MEDIA_TYPE,
            "prefix": it.prefix.to_string(),
        }),
    };
    String::from_utf8(canonical::to_vec(&value)).unwrap_or_default()
}

fn leaves_value(leaves: &[Entry]) -> Vec<Value> {
    let leaf = |leaf: &Entry| {
        let entry = STANDARD.encode(&leaf.entry);
        json!({ "entry": entry, "hashes": hashes_value(&leaf.hashes), "index": leaf.index })
    };
    leaves.iter().map(leaf).collect()
}

pub(super) fn parse(bytes: &[u8]) -> Result<Fraud, FraudError> {
    let policy = Policy {
        bytes_max: limits::FRAUD_BYTES_MAX,
        depth_max: limits::DEPTH_MAX,
        fold_keys: true,
        strict_scalars: true,
    };
    let document = Document::parse(bytes, &policy).map_err(FraudError::Json)?;
    read(document.root()).map_err(|error| match error {
        BundleError::Malformed(what) => FraudError::Malformed(what),
        BundleError::Json(refusal) => FraudError::Json(refusal),
        BundleError::Leaf(_) | BundleError::Key(_) => FraudError::Malformed("an unknown member"),
    })
}

fn read(root: wire::Value<'_>) -> Result<Fraud, BundleError> {
    if !root.get("mediaType").is_some_and(|kind| kind.is_text(MEDIA_TYPE)) {
        return Err(BundleError::Malformed("another media type"));
    }
    if root.get("checkpoints").is_some() {
        return fork(root).map(Fraud::Fork);
    }
    members(root, &["checkpoint", "leaves", "mediaType", "paths"])?;
    let leaves = list(root, "leaves", limits::FRAUD_LEAVES_MAX)?.into_iter().map(|leaf| {
        members(leaf, &["entry", "hashes", "index"])?;
        Ok(Entry { entry: bytes(leaf, "entry")?, index: index(leaf)?, hashes: hashes(leaf)? })
    });
    let checkpoint = text(root, "checkpoint")?;
    let leaves: Vec<_> = leaves.collect::<Result<_, BundleError>>()?;
    if root.get("paths").is_none() {
        return Ok(Fraud::Reuse(Reuse { checkpoint, leaves }));
    }
    let paths = list(root, "paths", limits::FRAUD_PATHS_MAX)?.into_iter().map(|path| {
        let path = path.as_str().and_then(|text| STANDARD.decode(text.as_bytes()).ok());
        let path = path.and_then(|bytes| MapProof::parse(&bytes).ok());
        path.ok_or(BundleError::Malformed("a path that is no map proof"))
    });
    let paths = paths.collect::<Result<_, _>>()?;
    Ok(Fraud::WrongMap(WrongMap { checkpoint, leaves, paths }))
}

fn fork(root: wire::Value<'_>) -> Result<Fork, BundleError> {
    members(root, &["checkpoints", "hashes", "mediaType", "prefix"])?;
    let two = BundleError::Malformed("not two checkpoints");
    let checkpoints = list(root, "checkpoints", 2)?.into_iter();
    let checkpoints = checkpoints.map(|note| note.as_str().map(std::borrow::Cow::into_owned));
    let checkpoints: Option<Vec<String>> = checkpoints.collect();
    let checkpoints = checkpoints.and_then(|both| both.try_into().ok()).ok_or(two)?;
    let prefix = text(root, "prefix")?.parse();
    let prefix = prefix.map_err(|_| BundleError::Malformed("a hash that is none"))?;
    Ok(Fork { checkpoints, prefix, hashes: hashes(root)? })
}
