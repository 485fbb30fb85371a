//! Authorization across hops.

mod sts;

use super::Desk;
use crate::args::authz as args;
use crate::failure::{Exit, Failure};

/// `countersign sts`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) async fn sts(desk: &Desk, arguments: &args::Sts) -> Result<Exit, Failure> {
    sts::run(desk, arguments).await
}
