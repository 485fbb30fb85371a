//! Bounds, each with its reason.
