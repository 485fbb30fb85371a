//! `countersign publish`

use crate::args::log as args;
use crate::command::Desk;
use crate::failure::{Exit, Failure};

/// To come.
///
/// # Errors
/// Always, until it is there.
#[expect(clippy::unused_async, reason = "to come")]
pub(super) async fn run(_desk: &Desk, _arguments: &args::Publish) -> Result<Exit, Failure> {
    Err(Failure::new("not there yet"))
}
