//! The log over `PostgreSQL` and an S3-compatible store, both real, with a proxy before each that
//! fails on demand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "scale/backend.rs"]
mod backend;
#[path = "scale/kills.rs"]
mod kills;
#[path = "scale/replica.rs"]
mod replica;
#[path = "scale/replicas.rs"]
mod replicas;
#[path = "scale/verify.rs"]
mod verify;
#[path = "scale/world.rs"]
mod world;
