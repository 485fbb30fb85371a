//! Statements with their evidence, in one JSON file that verifies offline: what a lock file keeps.

use crate::envelope::Envelope;
use crate::trust::Trust;

/// Evidence about one server and version: well-formed, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The declaration, the countersignature, and whatever else bears on them, each with its proof
    /// against one checkpoint.
    pub leaves: Vec<Leaf>,
    /// The signed and cosigned checkpoint, verbatim.
    pub checkpoint: String,
    /// What the log's map holds for the names that could undo this: the server, the revocations of
    /// the version, the surface and the publisher's key, the statuses, the rotation of that key. A
    /// name that is present has its leaf in `leaves`.
    pub latest: Option<LatestProof>,
}

/// One leaf and its inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The statement.
    pub envelope: Envelope,
    /// Its index.
    pub index: u64,
    /// The inclusion proof.
    pub hashes: Vec<tlog::Hash>,
}

/// The proof of the newest statement under each of some names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestProof {
    /// The inclusion proof of the checkpoint's last leaf, which states the map's root.
    pub hashes: Vec<tlog::Hash>,
    /// The entry of that leaf.
    pub map_leaf: tlog::map::MapLeaf,
    /// The path of each name in the map, present or absent.
    pub paths: Vec<(String, tlog::map::MapProof)>,
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// Bytes that are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let _ = bytes;
        unimplemented!()
    }

    /// The JSON of the bundle.
    pub fn to_json(&self) -> String {
        unimplemented!()
    }

    /// Verifies everything: signatures, inclusion, cosignatures, latest state.
    pub fn verify(&self, trust: &Trust, now_s: u64) -> Outcome {
        let _ = (trust, now_s);
        unimplemented!()
    }
}

/// What verification found: each check with its stable code, in order, and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The checks.
    pub checks: Vec<Check>,
    /// The server and version, the surface that is fixed, and the freshness, if everything held.
    pub verified: Option<Verified>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its stable code, such as `seal.inclusion`. Readers tell three apart: `seal.revocation` (the
    /// version, its surface or a key is revoked), `seal.status` (deleted), `seal.freshness`.
    pub code: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// One sentence for a person.
    pub says: String,
}

/// What is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The server's name.
    pub server: String,
    /// The version.
    pub version: String,
    /// The declared surface.
    pub surface: Option<surface::Digests>,
    /// The index of the newest statement about the server.
    pub latest: u64,
    /// The size of the tree that the checkpoint commits to: of two bundles, the larger is newer.
    pub size: u64,
    /// What the witnesses vouch for: seconds since 1970.
    pub time_s: Option<u64>,
}

/// Why bytes are no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The bytes are no bundle.
    #[error("not a bundle: {0}")]
    Malformed(&'static str),
}
