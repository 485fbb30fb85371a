//! Authorization across hops.

pub(super) mod policy;
pub(super) mod token;
