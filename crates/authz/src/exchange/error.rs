//! Why an exchange is refused: exactly, for the record; and as far as others may know.

use http::StatusCode;

use crate::grant::{GrantError, ProofOf};
use crate::token::{AccessError, IntrospectionError, ProofError};

/// Why an exchange is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The request is not one that RFC 8693 §2.1 and we know.
    #[error("the request is malformed: {0}")]
    Request(&'static str),
    /// X1.
    #[error("the client is not authenticated: {0}")]
    Client(&'static str),
    /// X2.
    #[error("the subject token does not count: {0}")]
    Subject(AccessError),
    /// X2, of an opaque token: its issuer was asked.
    #[error("the subject token does not count: {0}")]
    Opaque(IntrospectionError),
    /// X3.
    #[error("the subject token is not for the server that asks, alone")]
    NotForRequester,
    /// X12.
    #[error("the grant is over: {0}")]
    GrantDead(&'static str),
    /// X9: there is nothing that proves it.
    #[error("the holder of the subject token is not proven: {0}")]
    Holder(&'static str),
    /// X9: what should prove it does not.
    #[error("the holder of the subject token is not proven: {0}")]
    HolderProof(ProofError),
    /// X4.
    #[error("no edge gives a token for this target: {0}")]
    Edge(&'static str),
    /// X6.
    #[error("the chain of actors is not one: {0}")]
    Chain(&'static str),
    /// X7.
    #[error("the chain of actors has passed here already")]
    Cycle,
    /// X11.
    #[error("the actor token does not count: {0}")]
    Actor(&'static str),
    /// X5.
    #[error("more is asked for than there is: {0}")]
    Authority(&'static str),
    /// X5, of `authorization_details`.
    #[error("more details are asked for than there are: {0}")]
    Details(&'static str),
    /// X8.
    #[error("the new token would be bound to nobody: {0}")]
    Binding(&'static str),
    /// X8: the proof needs a nonce of ours.
    #[error("the proof needs a nonce of this service")]
    Nonce,
    /// X10.
    #[error("too little life is left")]
    Lifetime,
    /// X13.
    #[error("too many {what}; again in {retry_s} s")]
    Rate {
        /// Of what.
        what: &'static str,
        /// When it is worth another try, in seconds.
        retry_s: u64,
    },
    /// X14.
    #[error("policy denies it: {0}")]
    Policy(String),
    /// What it needs does not work.
    #[error("{doing}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The codes of [`ExchangeError`], each with its sentence.
pub const CODES: &[(&str, &str)] = &[
    ("authz.exchange.request-malformed", "The request is not one that RFC 8693 §2.1 and we know."),
    ("authz.exchange.client-unauthenticated", "X1: the client did not prove who it is."),
    (
        "authz.exchange.subject-invalid",
        "X2: no trusted issuer vouches for the subject token, or it is none, or over.",
    ),
    (
        "authz.exchange.subject-not-for-requester",
        "X3: the subject token's one audience is not the server that asks.",
    ),
    ("authz.exchange.edge-missing", "X4: no edge leads there, or its assurance does not hold."),
    (
        "authz.exchange.authority-exceeded",
        "X5: more is asked for than edge, ceiling and target allow.",
    ),
    ("authz.exchange.actor-chain-invalid", "X6: the chain of actors is no chain, or too deep."),
    ("authz.exchange.cycle", "X7: the chain has passed the requester or the target already."),
    ("authz.exchange.binding-downgrade", "X8: the new token would be bound to nobody."),
    ("authz.exchange.holder-unproven", "X9: nothing shows that the holder called just now."),
    ("authz.exchange.lifetime-exhausted", "X10: less than five seconds are left."),
    ("authz.exchange.actor-mismatch", "X11: the actor token is another's."),
    ("authz.exchange.grant-dead", "X12: the grant is over, revoked, or ended by an event."),
    ("authz.exchange.rate-exceeded", "X13: too many exchanges or targets."),
    ("authz.exchange.policy-denied", "X14: policy does not allow it."),
    ("authz.exchange.unavailable", "The store, the record or the key does not work."),
    (
        "authz.exchange.subject-refused",
        "What a caller is told of X2, X3, X9 and X12; the record says which.",
    ),
];

impl ExchangeError {
    /// The stable code, exactly: for the record alone.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "authz.exchange.request-malformed",
            Self::Client(_) => "authz.exchange.client-unauthenticated",
            Self::Subject(_) | Self::Opaque(_) => "authz.exchange.subject-invalid",
            Self::NotForRequester => "authz.exchange.subject-not-for-requester",
            Self::Edge(_) => "authz.exchange.edge-missing",
            Self::Authority(_) | Self::Details(_) => "authz.exchange.authority-exceeded",
            Self::Chain(_) => "authz.exchange.actor-chain-invalid",
            Self::Cycle => "authz.exchange.cycle",
            Self::Binding(_) | Self::Nonce => "authz.exchange.binding-downgrade",
            Self::Holder(_) | Self::HolderProof(_) => "authz.exchange.holder-unproven",
            Self::Lifetime => "authz.exchange.lifetime-exhausted",
            Self::Actor(_) => "authz.exchange.actor-mismatch",
            Self::GrantDead(_) => "authz.exchange.grant-dead",
            Self::Rate { .. } => "authz.exchange.rate-exceeded",
            Self::Policy(_) => "authz.exchange.policy-denied",
            Self::Unavailable { .. } => "authz.exchange.unavailable",
        }
    }

    /// The code that a caller is told. X2, X3, X9 and X12 share one: whoever holds a token that is
    /// not theirs learns nothing of it.
    pub const fn public_code(&self) -> &'static str {
        if self.is_of_subject() { "authz.exchange.subject-refused" } else { self.code() }
    }

    /// The sentence that a caller is told: nothing in it is from the request.
    pub fn public_text(&self) -> String {
        match self {
            Self::Client(_) => "the client is not authenticated".to_owned(),
            Self::Policy(_) => "policy does not allow it".to_owned(),
            Self::Unavailable { .. } => "the service cannot do its work now".to_owned(),
            it if it.is_of_subject() => "the subject token is refused".to_owned(),
            it => it.to_string(),
        }
    }

    /// The `error` of RFC 6749 §5.2, 8693 §2.2.2, 9396 §5, 9449 §5 and §8.
    pub const fn oauth_error(&self) -> &'static str {
        match self {
            Self::Client(_) => "invalid_client",
            Self::Edge(_) | Self::Cycle | Self::Policy(_) => "invalid_target",
            Self::Authority(_) => "invalid_scope",
            Self::Details(_) => "invalid_authorization_details",
            Self::Binding(_) => "invalid_dpop_proof",
            Self::Nonce => "use_dpop_nonce",
            Self::Unavailable { .. } => "temporarily_unavailable",
            _ => "invalid_request",
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Client(_) => StatusCode::UNAUTHORIZED,
            Self::Rate { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// When it is worth another try, in seconds: `Retry-After`.
    pub const fn retry_s(&self) -> Option<u64> {
        match self {
            Self::Rate { retry_s, .. } => Some(*retry_s),
            Self::Unavailable { .. } => Some(1),
            _ => None,
        }
    }

    const fn is_of_subject(&self) -> bool {
        matches!(
            self,
            Self::Subject(_)
                | Self::Opaque(_)
                | Self::NotForRequester
                | Self::Holder(_)
                | Self::HolderProof(_)
                | Self::GrantDead(_)
        )
    }

    pub(super) fn unavailable(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable { doing, source: source.into() }
    }
}

impl From<GrantError> for ExchangeError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Dead(why) => Self::GrantDead(why),
            GrantError::Used(ProofOf::Presenter) => Self::Binding("its proof was used before"),
            GrantError::Used(ProofOf::Holder) => Self::Holder("the proof was used before"),
            GrantError::Rate { what, retry_s } => Self::Rate { what, retry_s },
            GrantError::Store(source) => Self::unavailable("working on grants", source),
        }
    }
}
