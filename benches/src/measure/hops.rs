//! Authorization across hops.

pub(super) mod token;
