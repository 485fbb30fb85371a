//! Failures on demand, for tests: what a backend is told to do wrong.

use std::sync::Arc;

/// A step of a backend that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A commit as a whole (in memory), or the write of its record.
    Commit,
    /// The synchronisation of a record.
    Sync,
    /// Any write of tiles, bundles, objects and new record files.
    Settle,
    /// The write of the published checkpoint.
    Publish,
    /// Reading state at the start.
    Load,
    /// Reading a tile, a bundle or an object.
    Read,
}

/// How it fails. All of them are reported as failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happened.
    Lost,
    /// It happened all the same.
    Applied,
    /// Only the first bytes were written.
    Torn(usize),
}

/// Asked before each step.
pub type Faults = Arc<dyn Fn(Step) -> Option<Fault> + Send + Sync>;
