//! What serves, and what follows a service.

pub(super) mod trace;
mod up;
mod watch;
mod witness;

use super::Desk;
use crate::args::service as args;
use crate::failure::{Exit, Failure};

/// `countersign up`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) async fn up(desk: &Desk, arguments: &args::Up) -> Result<Exit, Failure> {
    up::run(desk, arguments).await
}

/// `countersign watch`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) async fn watch(desk: &Desk, arguments: &args::Watch) -> Result<Exit, Failure> {
    watch::run(desk, arguments).await
}

/// `countersign witness`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) async fn witness(desk: &Desk, arguments: &args::Witness) -> Result<Exit, Failure> {
    witness::run(desk, arguments).await
}
