//! What is said: an in-toto Statement v1 with one subject, the server, and a predicate of ours.
//!
//! Canonical JSON (RFC 8785). Times are RFC 3339 in UTC with whole seconds, and given by the caller.
//! Each predicate type has a JSON Schema in `docs/schema/`.

mod check;
mod payload;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use surface::{Digest, Digests, Era};

pub use payload::StatementError;

use crate::key::KeyId;

/// A statement: `subject[0].name` is the server's name (a registry name such as
/// `io.github.acme/files`), `subject[0].digest.sha256` what the predicate is mainly about
/// ([`Predicate::about`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The server.
    pub server: String,
    /// When it was said, RFC 3339 in UTC with whole seconds. Claimed by whoever signs.
    pub time: String,
    /// The index of the statement about the same server that the speaker knew as the newest.
    pub previous: Option<u64>,
    /// What is said.
    pub predicate: Predicate,
}

/// What is said. The last part of the predicate type is the variant's name in kebab case:
/// `https://countersign.dev/predicate/declaration/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Predicate {
    /// A publisher fixes a version: its entry, its surface, its artefacts.
    Declaration(Declaration),
    /// A registry admitted, or did not, what a leaf declares.
    Countersignature(Countersignature),
    /// Somebody saw something: a surface, an upstream's entry, a namespace's proof.
    Observation(Observation),
    /// Somebody who answers for a client accepts a surface, or releases what was held.
    Approval(Approval),
    /// A version, statement or key no longer holds.
    Revocation(Revocation),
    /// The status of one version, or of all.
    Status(Status),
    /// The next key of a publisher, signed by the old one.
    Rotation(Rotation),
}

/// See [`Predicate::Declaration`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Declaration {
    /// The version.
    pub version: String,
    /// The exact digest of server.json.
    pub entry: Digest,
    /// The object that holds server.json as it was published: SHA-256 of its bytes.
    pub object: Digest,
    /// The surface; absent when only the entry was given (*undeclared*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface: Option<SurfaceClaim>,
    /// Digests of the artefacts, by package: `npm:@acme/files@1.4.0` -> `sha512:…`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artefacts: BTreeMap<String, String>,
}

/// What a declaration fixes for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// The exact digest of server.json.
    pub entry: Digest,
    /// The exact digest of the surface.
    pub surface: Option<Digest>,
}

impl Declaration {
    /// What it fixes.
    pub fn content(&self) -> Content {
        let surface = self.surface.as_ref().map(|surface| surface.digests.exact);
        Content { entry: self.entry, surface }
    }
}

impl Content {
    /// Whether both cannot be fixed for one version: a surface may follow its entry, and nothing else
    /// may change.
    pub fn contradicts(&self, later: &Self) -> bool {
        let surfaces = self.surface.zip(later.surface);
        self.entry != later.entry || surfaces.is_some_and(|(first, other)| first != other)
    }
}

/// A surface, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SurfaceClaim {
    /// Its digests; the surface itself is the object named by the exact one.
    pub digests: Digests,
    /// The object that holds the surface document: SHA-256 of its bytes.
    pub object: Digest,
    /// The era in which it is shown.
    pub era: Era,
    /// The protocol version that was spoken.
    pub protocol_version: String,
    /// `anonymous`, or the digest of issuer and scopes.
    pub authorization: String,
}

/// See [`Predicate::Countersignature`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Countersignature {
    /// The version.
    pub version: String,
    /// The index of the declaration.
    pub declaration: u64,
    /// The leaf hash of the declaration.
    pub leaf: Digest,
    /// `allow`, `hold` or `deny`.
    pub verdict: Verdict,
    /// The codes of what was found, with severity; the full report is the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// How the namespace was proved, such as `github-oidc` or `dns`.
    pub namespace: String,
}

/// A verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Admitted.
    Allow,
    /// Waits for approval.
    Hold,
    /// Refused.
    Deny,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Finding {
    /// Its stable code.
    pub code: String,
    /// `info`, `notice`, `warning` or `critical`.
    pub severity: String,
    /// Where: a place in the surface, or a JSON pointer into server.json.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
}

/// See [`Predicate::Observation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Observation {
    /// What was looked at.
    pub of: Observed,
    /// What changed since the observer's last observation, ranked; empty for the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Finding>,
    /// From where: the observer's name for its vantage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vantage: Option<String>,
    /// The `clientInfo` that was shown to the server, as `name/version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Observed {
    /// A live server: what it showed.
    Surface {
        /// Where it was asked: the URL without user information and query.
        endpoint: String,
        /// What it showed, if it did.
        surface: Option<SurfaceClaim>,
        /// `surface`, `auth-required`, `mcp-error`, `not-mcp`, `tls-error`, `unreachable`.
        outcome: String,
        /// `public` or `private`, as the server says who may share it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache_scope: Option<String>,
        /// How long the server says that it holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ttl_ms: Option<u64>,
    },
    /// Who authorizes for a live server: its resource metadata (RFC 9728).
    Authorization {
        /// Where the server was asked.
        endpoint: String,
        /// The issuers that it names, sorted; empty where it names none.
        servers: Vec<String>,
        /// The object with the documents, as they came.
        object: Option<Digest>,
    },
    /// An entry of an upstream registry.
    Entry {
        /// The upstream's base URL.
        upstream: String,
        /// The version.
        version: String,
        /// The exact digest of `server`; `None` once it vanished.
        entry: Option<Digest>,
        /// The object with the raw bytes.
        object: Option<Digest>,
        /// The status that the upstream says.
        status: String,
        /// What the upstream says beside.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        official: Option<Official>,
    },
    /// The proof of a namespace.
    Namespace {
        /// `dns`, `http`, `github-oidc`, `github-at`.
        method: String,
        /// The domain or account.
        subject: String,
        /// `present`, `absent`, `changed` or `unreachable`.
        state: String,
        /// The fingerprint of the key that was found.
        key: Option<String>,
    },
    /// Two signed observations that contradict each other.
    SplitView {
        /// Where the server was asked.
        endpoint: String,
        /// The indices of the observations.
        observations: Vec<u64>,
        /// `split-view` or `cloaking`.
        verdict: String,
    },
}

/// What an upstream says of an entry, beside its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Official {
    /// The message that goes with the status.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<String>,
    /// When it was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// Whether it is the latest version.
    pub is_latest: bool,
}

/// See [`Predicate::Approval`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Approval {
    /// The exact digest of what is approved: a surface, or a server.json.
    pub of: Digest,
    /// The index of the countersignature that held it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<u64>,
    /// Who, as they call themselves.
    pub by: String,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// See [`Predicate::Revocation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Revocation {
    /// What no longer holds.
    pub of: Revoked,
    /// Why, in a sentence.
    pub reason: String,
}

/// What no longer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Revoked {
    /// Every statement about a version.
    Version {
        /// The version.
        version: String,
    },
    /// A surface, wherever it is declared.
    Surface {
        /// Its exact digest.
        exact: Digest,
    },
    /// A key: nothing that it signed at or after `since` counts.
    Key {
        /// The key.
        key: KeyId,
        /// The log index from which on its statements do not count.
        since: u64,
    },
}

/// See [`Predicate::Status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Status {
    /// The version; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `active`, `deprecated` or `deleted`.
    pub status: String,
    /// The message that goes with it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// See [`Predicate::Rotation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rotation {
    /// The old key, which signs this.
    pub from: KeyId,
    /// The new key, as PEM; it signs this too.
    pub to: String,
}

impl Statement {
    /// The names under which a log's map knows this statement as the newest: the server's; and for
    /// what can undo another statement, one for what it undoes, so that a reader can ask for just
    /// that and learn, provably, that there is none or which. A name has no space, so the forms
    /// cannot be confused. Part of the specification of an origin: fixed for its life.
    pub fn names(&self) -> Vec<String> {
        let mut names = vec![self.server.clone()];
        names.extend(match &self.predicate {
            Predicate::Revocation(revocation) => Some(revocation.of.name(&self.server)),
            Predicate::Status(status) => Some(status_name(&self.server, status.version.as_deref())),
            Predicate::Rotation(rotation) => Some(rotation_name(&rotation.from)),
            _ => None,
        });
        names
    }
}

impl Revoked {
    /// The name in the map under which a revocation of this is the newest.
    pub fn name(&self, server: &str) -> String {
        match self {
            Self::Version { version } => format!("{server} revoked version {version}"),
            Self::Surface { exact } => format!("{server} revoked surface {exact}"),
            // Wherever the key is used.
            Self::Key { key, .. } => format!("revoked key {}", key.0),
        }
    }
}

/// The name in the map under which the status of a version, or of all of them, is the newest.
pub fn status_name(server: &str, version: Option<&str>) -> String {
    match version {
        Some(version) => format!("{server} status {version}"),
        None => format!("{server} status"),
    }
}

/// The name in the map under which the rotation away from a key is the newest.
pub fn rotation_name(from: &KeyId) -> String {
    format!("rotated key {}", from.0)
}

impl Predicate {
    /// The predicate type.
    pub const fn type_uri(&self) -> &'static str {
        match self {
            Self::Declaration(_) => "https://countersign.dev/predicate/declaration/v1",
            Self::Countersignature(_) => "https://countersign.dev/predicate/countersignature/v1",
            Self::Observation(_) => "https://countersign.dev/predicate/observation/v1",
            Self::Approval(_) => "https://countersign.dev/predicate/approval/v1",
            Self::Revocation(_) => "https://countersign.dev/predicate/revocation/v1",
            Self::Status(_) => "https://countersign.dev/predicate/status/v1",
            Self::Rotation(_) => "https://countersign.dev/predicate/rotation/v1",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
