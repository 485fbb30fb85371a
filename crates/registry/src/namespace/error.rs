//! Why a proof proves nothing.

use http::StatusCode;

use crate::net::NetError;
use crate::service::ServiceError;

/// Why a namespace is not proved. No message repeats a token or a signature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamespaceError {
    /// The domain can prove no namespace.
    #[error("the domain proves no namespace: {why}")]
    Domain {
        /// Why.
        why: &'static str,
    },
    /// The timestamp is none, or not of now.
    #[error("the timestamp is not RFC 3339, or more than 15 seconds from now")]
    Timestamp,
    /// The signature is not hexadecimal.
    #[error("the signature is not written in hexadecimal digits")]
    SignatureForm,
    /// No key that the domain publishes made the signature.
    #[error("no key that the domain publishes made the signature")]
    Signature,
    /// The proof was used before.
    #[error("the proof was used before; each counts once")]
    Replayed,
    /// The domain publishes no key.
    #[error("`{domain}` publishes no key")]
    Absent {
        /// The domain.
        domain: String,
    },
    /// What the domain publishes is no record.
    #[error("what the domain publishes is no record: {why}")]
    Record {
        /// Why.
        why: &'static str,
    },
    /// Nobody says what the domain publishes.
    #[error("the resolvers do not say what `{domain}` publishes: {why}")]
    Unresolved {
        /// The domain.
        domain: String,
        /// Why.
        why: String,
    },
    /// The domain, or GitHub, does not answer.
    #[error("asking for a proof")]
    Net(#[from] NetError),
    /// The answer has another status.
    #[error("the answer has status {status}, not 200")]
    Status {
        /// Its status.
        status: u16,
    },
    /// A token of GitHub Actions is refused.
    #[error("the token of GitHub Actions is refused: {why}")]
    Oidc {
        /// Why.
        why: &'static str,
    },
    /// GitHub does not say whose an access token is.
    #[error("GitHub {what}")]
    Github {
        /// What it does.
        what: &'static str,
    },
    /// This registry takes no such proof.
    #[error("this registry takes no such proof")]
    Method,
    /// The login token is none of ours, or over.
    #[error("the registry token is not one of ours, or is over: log in again")]
    Token,
    /// The registry could not record it.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// The codes of [`NamespaceError`], each with its sentence.
pub const CODES: &[(&str, &str)] = &[
    (
        "namespace.domain",
        "The domain proves no namespace: an address, a single label, a public suffix, or GitHub's.",
    ),
    ("namespace.timestamp", "The timestamp is not RFC 3339, or more than 15 seconds from now."),
    ("namespace.signature-form", "The signature is not written in hexadecimal digits."),
    ("namespace.signature", "No key that the domain publishes made the signature."),
    ("namespace.replayed", "The proof was used before; each counts once."),
    ("namespace.absent", "The domain publishes no key."),
    ("namespace.record", "What the domain publishes is not exactly one record."),
    ("namespace.unresolved", "The resolvers do not say what the domain publishes."),
    ("namespace.status", "The domain, or GitHub, answers with another status than 200."),
    (
        "namespace.oidc",
        "A token of GitHub Actions is refused: its key, algorithm, issuer, audience, times or claims.",
    ),
    ("namespace.github", "GitHub does not say whose an access token is."),
    ("namespace.method", "This registry takes no such proof."),
    ("namespace.token", "The registry token is not one of ours, or is over."),
];

impl NamespaceError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Domain { .. } => "namespace.domain",
            Self::Timestamp => "namespace.timestamp",
            Self::SignatureForm => "namespace.signature-form",
            Self::Signature => "namespace.signature",
            Self::Replayed => "namespace.replayed",
            Self::Absent { .. } => "namespace.absent",
            Self::Record { .. } => "namespace.record",
            Self::Unresolved { .. } => "namespace.unresolved",
            Self::Net(error) => error.code(),
            Self::Status { .. } => "namespace.status",
            Self::Oidc { .. } => "namespace.oidc",
            Self::Github { .. } => "namespace.github",
            Self::Method => "namespace.method",
            Self::Token => "namespace.token",
            Self::Service(error) => error.code(),
        }
    }

    /// The HTTP status that says so: 401, as the official registry answers, for whatever proves
    /// nothing.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::NOT_FOUND,
            Self::Service(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// Whether nobody answered, so that nothing is known of the proof.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unresolved { .. } => true,
            Self::Net(error) => error.is_transient(),
            Self::Status { status } => *status >= 500 || *status == 429,
            _ => false,
        }
    }
}
