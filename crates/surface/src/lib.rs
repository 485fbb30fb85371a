//! Everything an MCP server shows before a call, as items with digests.
//!
//! JSON comes in through [`json::exact`], which refuses what two parsers read differently, and
//! becomes a [`Surface`]: items by [`Place`]. [`canonical`] writes RFC 8785, [`digest`] hashes it.
//! Absent on purpose: sockets, files and clocks.

pub mod canonical;
pub mod digest;
pub mod json;
pub mod limits;
pub mod model;

pub use digest::Digest;
pub use model::{Era, Kind, Place, Surface};
