//! Authorization across hops.

pub(super) mod call;
pub(super) mod exchange;
pub(super) mod policy;
pub(super) mod token;
