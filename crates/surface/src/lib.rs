//! Everything an MCP server shows before a call, as items with digests.
//!
//! JSON comes in through [`json::exact`], which refuses what two parsers read differently;
//! [`assemble`] makes answers into a [`Surface`]: items by [`Place`]. [`canonical`] writes RFC 8785,
//! [`semantic`] removes what only a serialiser adds, [`digest`] hashes either; [`document`] reads and
//! prints surfaces as files.
//! Absent on purpose: sockets, files and clocks.

pub mod assemble;
pub mod canonical;
pub mod digest;
pub mod document;
pub mod json;
pub mod limits;
pub mod model;
pub mod semantic;

pub use assemble::{Assembly, AssemblyError, CacheScope, List, Observation, is_ui};
pub use digest::{Digest, Digests};
pub use model::{Era, Kind, Place, Surface};
