//! `countersign log prove`: that an entry is in the log, as a C2SP tlog-proof.

use super::newest;
use crate::args::log as args;
use crate::command::Desk;
use crate::failure::{Exit, Failure};

/// Prints the proof of an entry, made from tiles that were verified.
///
/// # Errors
/// A log that cannot be read or verified, or has no such entry.
pub(super) async fn run(desk: &Desk, arguments: &args::Prove) -> Result<Exit, Failure> {
    let (view, _) = newest(&arguments.source).await?;
    let (entry, proof) = view.prove(arguments.index).await?;
    if let Some(path) = &arguments.entry {
        std::fs::write(path, &entry)
            .map_err(|error| Failure::new(format!("writing {}", path.display())).because(error))?;
    }
    desk.output.data(&proof.to_string())?;
    Ok(Exit::Same)
}
