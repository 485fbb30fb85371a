//! The binary from outside: real processes, real files, a real server, a real git.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::needless_pass_by_value)]

mod drift;
mod guard;
mod merge;
mod pins;
mod policy;
mod remote;
mod schemas;
mod secrets;
mod shell;
