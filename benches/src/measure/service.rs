//! The registry: a mirror filling it, its reads under load, and a witness.

pub(super) mod mirror;
pub(super) mod serve;
pub(super) mod witness;
