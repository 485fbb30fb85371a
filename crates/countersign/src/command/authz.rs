//! Authorization across hops.

mod attack;
mod doctor;
mod policy;
mod sts;

use super::Desk;
use crate::args::{authz as args, policy as policy_args};
use crate::failure::{Exit, Failure};

/// `countersign sts`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) async fn sts(desk: &Desk, arguments: &args::Sts) -> Result<Exit, Failure> {
    sts::run(desk, arguments).await
}

/// `countersign auth`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) async fn auth(desk: &Desk, arguments: &args::Auth) -> Result<Exit, Failure> {
    match arguments {
        args::Auth::Doctor(arguments) => doctor::run(desk, arguments).await,
        args::Auth::Attack(arguments) => attack::run(desk, arguments).await,
    }
}

/// `countersign policy`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) fn policy(desk: &Desk, arguments: &policy_args::Policy) -> Result<Exit, Failure> {
    policy::run(desk, arguments)
}
