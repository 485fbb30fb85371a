//! Credentials: keys, JWTs, access tokens, proofs of possession.

pub mod access;
pub mod credential;
pub mod holder;
pub mod introspection;
pub mod jwt;
pub mod key;
pub mod nonce;
pub mod proof;
pub mod replay;
pub mod scope;
mod secret;

pub use access::{
    Access, AccessError, Actor, Confirmation, Detail, Issuer, Subject, TokenHash, Typ, Verifier,
};
pub use credential::{Credential, CredentialError, Scheme};
pub use holder::{Holder, HolderError};
pub use introspection::{Introspected, IntrospectionError};
pub use jwt::{Claims, Jwt, JwtError};
pub use key::{Algorithm, Key, KeyError, KeySet, Signer, Thumbprint};
pub use nonce::Nonces;
pub use proof::{Proof, ProofError};
pub use replay::{Replay, ReplayError};
pub use secret::Secret;

/// What is refused of a credential, G1 to G10: codes and sentences.
pub const CODES: &[(&str, &str)] = &[
    (
        "authz.guard.credential-malformed",
        "A request shows more than one credential, or one of another form, size or scheme.",
    ),
    (
        "authz.guard.issuer-unknown",
        "A token's issuer is not one that is configured, byte for byte.",
    ),
    (
        "authz.guard.key-refused",
        "A token is not signed by the issuer's pinned key that it names, by that key's algorithm.",
    ),
    ("authz.guard.type-refused", "A token is of another kind than an access token."),
    ("authz.guard.time-invalid", "A token has expired, is not valid yet, or never expires."),
    ("authz.guard.audience-mismatch", "A token is not for this server alone."),
    (
        "authz.guard.binding-missing",
        "A token is bound to a key and not shown with it, or not bound as it has to be.",
    ),
    ("authz.guard.proof-invalid", "A proof of possession is missing, wrong, old or used before."),
    ("authz.guard.certificate-mismatch", "A token is bound to another client certificate."),
    ("authz.guard.actor-denied", "An actor of a token's chain may not act at this server."),
    (
        "authz.guard.scope-missing",
        "A token lacks a scope that every request here needs, or the pinned tool; or nobody pinned it.",
    ),
    (
        "authz.guard.pin-malformed",
        "A pinned security scheme or authorization mapping cannot be enforced as it is written.",
    ),
    ("authz.guard.policy-denied", "Policy does not permit a call, or could not be evaluated."),
    (
        "authz.guard.mapping-failed",
        "A call lacks the arguments that the tool's pinned authorization mapping names.",
    ),
    ("authz.guard.token-inactive", "The issuer does not call an opaque token active."),
    (
        "authz.guard.grant-dead",
        "The grant of a token was revoked, or an event of its subject ended it.",
    ),
    (
        "authz.guard.unavailable",
        "Whoever says whether a token counts cannot be asked now; nobody is let in.",
    ),
];

#[cfg(test)]
pub(crate) mod tests;
