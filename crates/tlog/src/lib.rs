//! Transparency logs by the C2SP specifications, as plain functions over bytes.
//!
//! RFC 6962 trees ([`hash`], [`tree`]), tlog-tiles ([`tile`]), signed-note ([`note`]),
//! tlog-checkpoint ([`checkpoint`]), tlog-cosignature ([`cosignature`]), tlog-proof ([`proof`]),
//! tlog-policy ([`policy`]), the messages of tlog-witness ([`witness`]), and a map of the latest
//! leaf of each name ([`map`]). Only verified values are ever returned.
//! Absent on purpose: sockets, files, clocks, and signatures themselves, which [`crypto`] asks for.

pub mod checkpoint;
pub mod crypto;
pub mod hash;
pub mod limits;
pub mod map;
pub mod note;
pub mod policy;
pub mod proof;
pub mod tile;
pub mod tree;
pub mod witness;

pub use checkpoint::{Checkpoint, cosignature};
pub use crypto::{Sign, Verify};
pub use hash::Hash;
pub use map::Map;
pub use note::{Note, VerifierKey};
pub use policy::Policy;
pub use proof::Proof;
pub use tree::Frontier;
