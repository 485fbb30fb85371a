//! Arguments of the commands that serve, and of those that follow a service.

use clap::Args;

/// `countersign up`
#[derive(Debug, Args)]
pub(crate) struct Up {}

/// `countersign witness`
#[derive(Debug, Args)]
pub(crate) struct Witness {}

/// `countersign watch`
#[derive(Debug, Args)]
pub(crate) struct Watch {}
