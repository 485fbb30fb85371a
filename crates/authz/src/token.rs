//! Credentials: keys, JWTs, access tokens, proofs of possession.

pub mod access;
pub mod jwt;
pub mod key;
pub mod proof;
mod secret;

pub use access::{Access, Actor, Confirmation, Detail, Issuer, Subject, TokenHash, Typ, Verifier};
pub use jwt::{Claims, Jwt, JwtError};
pub use key::{Algorithm, Key, KeyError, KeySet, Signer, Thumbprint};
pub use proof::{Proof, ProofError, Replay, ReplayError};
pub use secret::Secret;
