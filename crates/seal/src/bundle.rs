//! Statements with their evidence, in one JSON file that verifies offline: what a lock file keeps.

mod file;
pub mod fraud;
mod verify;

pub use verify::CHECKS;

use crate::envelope::Envelope;
use crate::key::PublicKey;
use crate::statement::{self, Predicate, Revoked};
use crate::trust::Trust;

/// Evidence about one server and version: well-formed, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The declaration, the countersignature, and whatever else bears on them, each with its proof
    /// against one checkpoint, in the order of their indices.
    pub leaves: Vec<Leaf>,
    /// The public keys of those who signed the leaves. A `keyid` is the digest of its key, so that
    /// they need no trust.
    pub keys: Vec<PublicKey>,
    /// The signed and cosigned checkpoint, verbatim.
    pub checkpoint: String,
    /// What the log's map holds for the names that could undo this ([`names`]). A name that is
    /// present has its leaf in `leaves`; only of the server's own name the index is enough.
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

/// The names whose latest state could undo a declaration: the server's, its statuses, the
/// revocations of its version and its surface; and the revocations and rotations of every key that
/// signed it or one of `others`, the leaves that stand beside it. Whoever makes a bundle asks for
/// these, adds the leaves that are newest under them, and asks again until no leaf is new.
pub fn names(declaration: &Envelope, others: &[&Envelope]) -> Vec<String> {
    let statement = declaration.statement();
    let server = &statement.server;
    let mut names = vec![server.clone(), statement::status_name(server, None)];
    if let Predicate::Declaration(it) = &statement.predicate {
        names.push(statement::status_name(server, Some(&it.version)));
        names.push(Revoked::Version { version: it.version.clone() }.name(server));
        let exact = it.surface.as_ref().map(|surface| surface.digests.exact);
        names.extend(exact.map(|exact| Revoked::Surface { exact }.name(server)));
    }
    for envelope in std::iter::once(&declaration).chain(others) {
        let successor = match &envelope.statement().predicate {
            Predicate::Rotation(rotation) => {
                rotation.to.parse().map(|key: PublicKey| key.id()).ok()
            }
            _ => None,
        };
        for key in envelope.signers().iter().copied().chain(successor) {
            names.push(Revoked::Key { key, since: 0 }.name(server));
            names.push(statement::rotation_name(&key));
        }
    }
    names.sort();
    names.dedup();
    names
}

impl Bundle {
    /// Reads a bundle, in any JSON formatting.
    ///
    /// # Errors
    /// Bytes that are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        file::parse(bytes)
    }

    /// The canonical JSON of the bundle.
    pub fn to_json(&self) -> String {
        file::to_json(self)
    }

    /// Verifies everything: signatures, inclusion, cosignatures, latest state.
    pub fn verify(&self, trust: &Trust, now_s: u64) -> Outcome {
        verify::verify(self, trust, now_s)
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
    /// The exact digest of the declared `server.json`.
    pub entry: surface::Digest,
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
    /// Not JSON that every parser reads alike, or longer than the limit.
    #[error("reading a bundle")]
    Json(#[source] wire::Refusal),
    /// A leaf is no statement.
    #[error("reading a leaf of a bundle")]
    Leaf(#[source] crate::envelope::EnvelopeError),
    /// A key is none.
    #[error("reading a key of a bundle")]
    Key(#[source] crate::key::KeyError),
}

impl BundleError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "seal.bundle-malformed",
            Self::Json(_) => "seal.bundle-json",
            Self::Leaf(error) => error.code(),
            Self::Key(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests;
