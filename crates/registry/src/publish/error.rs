//! Why something is not published.

use http::StatusCode;
use seal::envelope::EnvelopeError;
use seal::statement::Finding;

use super::server_json::ServerJsonError;
use crate::namespace::NamespaceError;
use crate::service::ServiceError;

/// Why something is not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The entry breaks rules.
    #[error(transparent)]
    Entry(#[from] ServerJsonError),
    /// The request is no strict JSON, or not what it has to be.
    #[error("the request cannot be read: {why}")]
    Request {
        /// Why.
        why: &'static str,
    },
    /// The request is no strict JSON.
    #[error("the request is refused")]
    Json(#[from] wire::Refusal),
    /// No login token, or one that is over.
    #[error(transparent)]
    Login(#[from] NamespaceError),
    /// The login does not cover the name.
    #[error("this login does not cover `{name}`; it covers {covered}")]
    NotCovered {
        /// The name.
        name: String,
        /// What it covers.
        covered: String,
    },
    /// The name differs in case alone from one that exists.
    #[error("`{name}` differs only in case from `{known}`, which exists")]
    NameCase {
        /// The name.
        name: String,
        /// The one that exists.
        known: String,
    },
    /// The version exists with other content.
    #[error(
        "{server} {version} exists with other content, as statement {index}; a version is never changed or used again"
    )]
    VersionReused {
        /// The server.
        server: String,
        /// The version.
        version: String,
        /// The statement that owns it.
        index: u64,
    },
    /// The envelope is none, or a signature is wrong.
    #[error("the statement is refused")]
    Envelope(#[from] EnvelopeError),
    /// The envelope is signed by a key that the request does not bring.
    #[error("the statement is signed by a key that the request does not bring")]
    KeyMissing,
    /// The statement is not the one that belongs here.
    #[error("the statement is not what it has to be: `{member}` differs from what was sent")]
    Statement {
        /// What differs.
        member: &'static str,
    },
    /// The key does not count any more.
    #[error("the key {key} was rotated or revoked")]
    KeyLapsed {
        /// The key.
        key: String,
    },
    /// The surface cannot be read.
    #[error("the surface cannot be read")]
    Surface(#[from] surface::document::DocumentError),
    /// The surface is not for everyone.
    #[error("the surface is private: only what everyone may see is published")]
    SurfacePrivate,
    /// The surface is revoked.
    #[error("the surface {exact} was revoked")]
    SurfaceRevoked {
        /// Its exact digest.
        exact: String,
    },
    /// The policy refuses it; the refusal is in the log.
    #[error("refused by the registry's policy: {}", codes(.findings))]
    Denied {
        /// The index of the countersignature that says so.
        index: u64,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// The registry takes nothing without a surface.
    #[error("this registry takes no server.json without a declared surface")]
    Undeclared,
    /// There is no such version.
    #[error("there is no such server or version")]
    NotFound,
    /// A status request changes nothing, or cannot be.
    #[error("the status cannot be changed: {why}")]
    Status {
        /// Why.
        why: &'static str,
    },
    /// The signer is nobody who may say this.
    #[error("the key that signed this is none that may say it")]
    NotEntitled,
    /// An observer whom the operator does not list.
    #[error("this registry takes observations of observers whom it lists, and lists no such key")]
    NotObserver,
    /// Nothing is held there.
    #[error("statement {index} holds nothing")]
    NotHeld {
        /// The index.
        index: u64,
    },
    /// Too many large statements are being read.
    #[error("too many large statements are being read; ask again")]
    Busy,
    /// A later revocation of a key that would reach less far back.
    #[error("the key was revoked from index {since} on; a later revocation cannot take that back")]
    Weaker {
        /// The earliest index that was revoked.
        since: u64,
    },
    /// The registry could not do it.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// The codes of [`PublishError`], each with its sentence.
pub const CODES: &[(&str, &str)] = &[
    ("publish.request", "The request cannot be read, or lacks a member."),
    ("publish.not-covered", "The login does not cover the name."),
    ("publish.name-case", "The name differs only in case from one that exists."),
    ("publish.version-reused", "The version exists with other content; the attempt is in the log."),
    ("publish.key-missing", "The statement is signed by a key that the request does not bring."),
    ("publish.statement", "The statement says something else than what was sent beside it."),
    ("publish.key-lapsed", "The key was rotated or revoked."),
    ("publish.surface", "The surface cannot be read."),
    ("publish.surface-private", "The surface is private: only what everyone may see is published."),
    ("publish.surface-revoked", "The surface was revoked."),
    ("publish.denied", "The registry's policy refuses it; the refusal is in the log."),
    ("publish.undeclared", "This registry takes no server.json without a declared surface."),
    ("publish.not-found", "There is no such server or version."),
    ("publish.status", "The status is unknown, or nothing would change."),
    ("publish.not-entitled", "The key that signed this is none that may say it."),
    ("publish.not-held", "The statement holds nothing."),
    (
        "publish.not-observer",
        "The key that signed the observation is not among the registry's observers.",
    ),
    ("publish.busy", "Too many large statements are being read."),
    ("publish.weaker", "The key was revoked from an earlier index on."),
];

impl PublishError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Entry(error) => error.code(),
            Self::Request { .. } => "publish.request",
            Self::Json(refusal) => refusal.code.as_str(),
            Self::Login(error) => error.code(),
            Self::NotCovered { .. } => "publish.not-covered",
            Self::NameCase { .. } => "publish.name-case",
            Self::VersionReused { .. } => "publish.version-reused",
            Self::Envelope(error) => error.code(),
            Self::KeyMissing => "publish.key-missing",
            Self::Statement { .. } => "publish.statement",
            Self::KeyLapsed { .. } => "publish.key-lapsed",
            Self::Surface(_) => "publish.surface",
            Self::SurfacePrivate => "publish.surface-private",
            Self::SurfaceRevoked { .. } => "publish.surface-revoked",
            Self::Denied { .. } => "publish.denied",
            Self::Undeclared => "publish.undeclared",
            Self::NotFound => "publish.not-found",
            Self::Status { .. } => "publish.status",
            Self::NotEntitled => "publish.not-entitled",
            Self::NotHeld { .. } => "publish.not-held",
            Self::NotObserver => "publish.not-observer",
            Self::Busy => "publish.busy",
            Self::Weaker { .. } => "publish.weaker",
            Self::Service(error) => error.code(),
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Login(error) => error.status(),
            Self::NotCovered { .. }
            | Self::Denied { .. }
            | Self::NotEntitled
            | Self::NotObserver => StatusCode::FORBIDDEN,
            Self::VersionReused { .. } | Self::NameCase { .. } | Self::Weaker { .. } => {
                StatusCode::CONFLICT
            }
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Service(_) | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

fn codes(findings: &[Finding]) -> String {
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    if codes.is_empty() { "no finding".to_owned() } else { codes.join(", ") }
}
