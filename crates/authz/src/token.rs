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

#[cfg(test)]
pub(crate) mod tests;
