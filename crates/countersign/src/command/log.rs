//! Logs, and what is published in them.

mod publish;
mod read;

use super::Desk;
use crate::args::log as args;
use crate::failure::{Exit, Failure};

/// `countersign publish`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) async fn publish(desk: &Desk, arguments: &args::Publish) -> Result<Exit, Failure> {
    publish::run(desk, arguments).await
}

/// `countersign log`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) async fn log(desk: &Desk, arguments: &args::Log) -> Result<Exit, Failure> {
    read::run(desk, arguments).await
}
