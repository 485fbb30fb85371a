//! `countersign surface`: everything a server shows, each item with its digests.

use surface::document::{self, Detail};

use super::Desk;
use crate::args;
use crate::failure::{Exit, Failure};
use crate::report::human;
use crate::source::{Reach, Source};

/// Shows a surface.
///
/// # Errors
/// Anything short of a whole surface.
pub(super) async fn run(desk: &Desk, arguments: &args::Surface) -> Result<Exit, Failure> {
    let reach = Reach::of(&arguments.reach)?;
    let source = Source::of_arguments(&arguments.server, &reach, desk.store.root())?;
    let observed = source.observe(&reach.conditions).await?;
    let detail = if arguments.fields { Detail::Fields } else { Detail::Items };
    let observation = &observed.observation;
    if arguments.json {
        let document = document::write(&observation.surface, observation.cache_scope, detail);
        desk.output.json(&document)?;
    } else {
        desk.output.data(&human::surface(observation, &observed.protocol_version, detail))?;
    }
    Ok(Exit::Same)
}
