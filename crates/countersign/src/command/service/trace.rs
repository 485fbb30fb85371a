//! What a service writes about itself: to stderr, for people or as JSON lines.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::args::service as args;
use crate::failure::Failure;

/// Starts writing.
///
/// # Errors
/// A filter that is none.
pub(in crate::command) fn start(arguments: &args::Events) -> Result<(), Failure> {
    let filter = arguments.log_level.parse::<EnvFilter>();
    let filter = filter.map_err(|error| Failure::usage("reading `--log-level`").because(error))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match arguments.log_format {
        args::LogFormat::Text => {
            subscriber.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
        }
        args::LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Failure::new("starting to write events").because(error))
}
