//! The JSON of a bundle.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use surface::canonical;
use tlog::Hash;
use tlog::map::{MapLeaf, MapProof};
use wire::{Document, Kind, Policy};

use super::{Bundle, BundleError, LatestProof, Leaf};
use crate::envelope::Envelope;
use crate::key::PublicKey;
use crate::limits;

const MEDIA_TYPE: &str = "application/vnd.countersign.bundle+json;version=1";

pub(super) fn to_json(bundle: &Bundle) -> String {
    let leaves: Vec<Value> = bundle.leaves.iter().map(leaf_value).collect();
    let keys: Vec<String> = bundle.keys.iter().map(|key| STANDARD.encode(key.der())).collect();
    let mut value = json!({
        "checkpoint": bundle.checkpoint,
        "keys": keys,
        "leaves": leaves,
        "mediaType": MEDIA_TYPE,
    });
    if let (Some(latest), Some(members)) = (&bundle.latest, value.as_object_mut()) {
        members.insert("latest".to_owned(), latest_value(latest));
    }
    String::from_utf8(canonical::to_vec(&value)).unwrap_or_default()
}

fn leaf_value(leaf: &Leaf) -> Value {
    // The envelope was read strictly; reading its own canonical bytes again cannot fail.
    let envelope: Value = serde_json::from_slice(leaf.envelope.bytes()).unwrap_or_default();
    json!({ "envelope": envelope, "hashes": hashes_value(&leaf.hashes), "index": leaf.index })
}

fn latest_value(latest: &LatestProof) -> Value {
    let path = |(name, proof): &(String, MapProof)| json!({ "name": name, "proof": STANDARD.encode(proof.to_bytes()) });
    let paths: Vec<Value> = latest.paths.iter().map(path).collect();
    json!({
        "hashes": hashes_value(&latest.hashes),
        "mapLeaf": STANDARD.encode(latest.map_leaf.to_entry()),
        "paths": paths,
    })
}

pub(super) fn hashes_value(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash.0)).collect()
}

pub(super) fn parse(bytes: &[u8]) -> Result<Bundle, BundleError> {
    let policy = Policy {
        bytes_max: limits::BUNDLE_BYTES_MAX,
        depth_max: limits::DEPTH_MAX,
        fold_keys: true,
        strict_scalars: true,
    };
    let document = Document::parse(bytes, &policy).map_err(BundleError::Json)?;
    let root = document.root();
    members(root, &["checkpoint", "keys", "latest", "leaves", "mediaType"])?;
    if !root.get("mediaType").is_some_and(|kind| kind.is_text(MEDIA_TYPE)) {
        return Err(BundleError::Malformed("another media type"));
    }
    let keys = list(root, "keys", limits::BUNDLE_KEYS_MAX)?;
    let leaves = list(root, "leaves", limits::BUNDLE_LEAVES_MAX)?;
    let leaves: Vec<Leaf> = leaves.into_iter().map(leaf).collect::<Result<_, _>>()?;
    if !leaves.is_sorted_by(|a, b| a.index < b.index) {
        return Err(BundleError::Malformed(
            "leaves that do not stand in the order of their indices",
        ));
    }
    Ok(Bundle {
        leaves,
        keys: keys.into_iter().map(key).collect::<Result<_, _>>()?,
        checkpoint: text(root, "checkpoint")?,
        latest: root.get("latest").map(latest).transpose()?,
    })
}

fn key(value: wire::Value<'_>) -> Result<PublicKey, BundleError> {
    let der = value.as_str().and_then(|text| STANDARD.decode(text.as_bytes()).ok());
    let der = der.ok_or(BundleError::Malformed("a key that is not Base64"))?;
    PublicKey::from_der(&der).map_err(BundleError::Key)
}

fn leaf(value: wire::Value<'_>) -> Result<Leaf, BundleError> {
    members(value, &["envelope", "hashes", "index"])?;
    let envelope =
        value.get("envelope").ok_or(BundleError::Malformed("a leaf without envelope"))?;
    // Whoever prints a bundle for people reorders nothing, but spaces it out.
    let envelope = canonical::to_vec(&surface::json::exact(envelope).map_err(BundleError::Json)?);
    Ok(Leaf {
        envelope: Envelope::parse(&envelope).map_err(BundleError::Leaf)?,
        index: index(value)?,
        hashes: hashes(value)?,
    })
}

fn latest(value: wire::Value<'_>) -> Result<LatestProof, BundleError> {
    members(value, &["hashes", "mapLeaf", "paths"])?;
    let path = |value: wire::Value<'_>| {
        members(value, &["name", "proof"])?;
        let proof = MapProof::parse(&bytes(value, "proof")?);
        let proof = proof.map_err(|_| BundleError::Malformed("a path that is no map proof"))?;
        Ok((text(value, "name")?, proof))
    };
    let map_leaf = MapLeaf::parse(&bytes(value, "mapLeaf")?);
    let paths = list(value, "paths", limits::BUNDLE_PATHS_MAX)?;
    Ok(LatestProof {
        hashes: hashes(value)?,
        map_leaf: map_leaf.ok_or(BundleError::Malformed("a leaf that states no map"))?,
        paths: paths.into_iter().map(path).collect::<Result<_, _>>()?,
    })
}

pub(super) fn hashes(value: wire::Value<'_>) -> Result<Vec<Hash>, BundleError> {
    let hash = |value: wire::Value<'_>| {
        let bytes = value.as_str().and_then(|text| STANDARD.decode(text.as_bytes()).ok());
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Hash)
    };
    let hashes = list(value, "hashes", limits::PROOF_HASHES_MAX)?.into_iter().map(hash);
    hashes.collect::<Option<_>>().ok_or(BundleError::Malformed("a hash that is none"))
}

pub(super) fn index(value: wire::Value<'_>) -> Result<u64, BundleError> {
    let index = value.get("index").and_then(wire::Value::as_integer);
    let index = index.and_then(|index| u64::try_from(index).ok());
    index.ok_or(BundleError::Malformed("an index that is none"))
}

pub(super) fn text(value: wire::Value<'_>, name: &'static str) -> Result<String, BundleError> {
    let text = value.get(name).and_then(wire::Value::as_str);
    text.map(std::borrow::Cow::into_owned).ok_or(BundleError::Malformed("a text that is none"))
}

pub(super) fn bytes(value: wire::Value<'_>, name: &'static str) -> Result<Vec<u8>, BundleError> {
    let bytes = STANDARD.decode(text(value, name)?);
    bytes.map_err(|_| BundleError::Malformed("bytes that are not Base64"))
}

pub(super) fn list<'d>(
    value: wire::Value<'d>,
    name: &'static str,
    max: usize,
) -> Result<Vec<wire::Value<'d>>, BundleError> {
    let list = value.get(name).filter(|list| list.kind() == Kind::Array);
    let list = list.ok_or(BundleError::Malformed("a list that is none"))?;
    let elements: Vec<_> = list.elements().take(max + 1).collect();
    if elements.len() > max {
        return Err(BundleError::Malformed("a list longer than the limit"));
    }
    Ok(elements)
}

/// An object with no other members than these.
pub(super) fn members(value: wire::Value<'_>, names: &[&str]) -> Result<(), BundleError> {
    let is_known = |(name, _): (wire::Value<'_>, _)| names.iter().any(|known| name.is_text(known));
    if value.kind() != Kind::Object || !value.members().all(is_known) {
        return Err(BundleError::Malformed("an unknown member"));
    }
    Ok(())
}
