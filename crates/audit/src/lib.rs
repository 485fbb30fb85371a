//! The audit trail: what was done, under what authority, on which definition, provably.
//!
//! [`record`] is what is written down, in its one encoding, with every sensitive field as a
//! commitment or a random token; [`commit`] makes and opens commitments; [`vault`]
//! holds what they are to, sealed; [`trail`] makes records
//! durable and chains them; [`signer`] signs what it holds; [`verify`] judges
//! a trail from its files alone.
//! Absent on purpose: message bytes, tokens and keys, which no record holds.

pub mod codes;
pub mod commit;
pub mod limits;
pub mod record;
pub mod signer;
pub mod trail;
pub mod vault;
pub mod verify;

pub use record::{Kind, Record};
pub use trail::Trail;
pub use vault::Vault;
