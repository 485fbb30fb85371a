//! C2SP tlog-witness: cosigns other people's logs ([`Witness`]), and asks others to cosign ours
//! ([`HttpCosigner`]).
//!
//! What the newest checkpoint of each log is stands in one SQLite row, whose triggers refuse to
//! shrink or rewrite it. A request is decided on what is held (`tlog::witness`), then the row is
//! moved by compare-and-swap and made durable, many requests in one transaction; only then is
//! anything answered.
//! Absent on purpose: `sign-subtree`, which the specification leaves optional.

mod client;
mod commit;
mod logs;
mod server;
mod state;

pub use client::HttpCosigner;
pub use logs::{KnownLog, LogList, LogListError};
pub use server::{Config, Witness};
pub use state::{CODES, StateError, init};

#[cfg(test)]
mod tests;
