//! Logs, and what is published in them.

mod audit;
mod prove;
mod publish;
mod submit;
mod sync;
mod tail;
mod trail;

use super::Desk;
use crate::args::{audit as audit_args, log as args};
use crate::failure::{Exit, Failure};
use crate::log::reader::Reader;
use crate::log::view::View;
pub(super) use publish::registry::Registry;
pub(super) use submit::{STATEMENTS, body};

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
    match arguments {
        args::Log::Tail(arguments) => tail::run(desk, arguments).await,
        args::Log::Prove(arguments) => prove::run(desk, arguments).await,
        args::Log::Audit(arguments) => audit::run(desk, arguments).await,
        args::Log::Sync(arguments) => sync::run(desk, arguments).await,
        args::Log::Submit(arguments) => submit::run(desk, arguments).await,
    }
}

/// `countersign audit`
///
/// # Errors
/// Whatever keeps it from doing what was asked.
pub(super) fn trail(desk: &Desk, arguments: &audit_args::Audit) -> Result<Exit, Failure> {
    let audit_args::Audit::Verify(arguments) = arguments;
    trail::verify(desk, arguments)
}

/// A log at its newest checkpoint.
async fn newest(source: &args::Source) -> Result<(View, seal::Trust), Failure> {
    let trust = crate::log::trust(&source.trust)?;
    let view = View::newest(Reader::of(&source.log)?, &trust).await?;
    Ok((view, trust))
}
