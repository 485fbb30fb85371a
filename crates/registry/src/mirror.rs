//! Follows upstream registries: what they list, and what they quietly change.

pub mod compare;
pub mod page;
