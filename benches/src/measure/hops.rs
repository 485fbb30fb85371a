//! Authorization across hops.

pub(super) mod policy;
