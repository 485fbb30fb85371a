//! The log over files and memory: what it promises, under every fault that it is told of.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "log/backup.rs"]
mod backup;
#[path = "log/faults.rs"]
mod faults;
#[path = "log/files.rs"]
mod files;
#[path = "log/sequence.rs"]
mod sequence;
#[path = "log/witnesses.rs"]
mod witnesses;
#[path = "log/world.rs"]
mod world;
