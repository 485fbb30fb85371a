//! Keys and statements, one file each.

mod key;
mod sign;
mod verify;

use super::Desk;
use crate::args::statement as args;
use crate::failure::{Exit, Failure};

/// `countersign key`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) async fn key(desk: &Desk, arguments: &args::Key) -> Result<Exit, Failure> {
    key::run(desk, arguments).await
}

/// `countersign sign`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) async fn sign(desk: &Desk, arguments: &args::Sign) -> Result<Exit, Failure> {
    sign::run(desk, arguments).await
}

/// `countersign verify`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) async fn verify(desk: &Desk, arguments: &args::Verify) -> Result<Exit, Failure> {
    verify::run(desk, arguments).await
}
