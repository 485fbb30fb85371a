//! `countersign diff`: two surfaces, compared.

use surface::Surface;

use super::Desk;
use crate::args;
use crate::failure::{Exit, Failure};
use crate::lock::Key;
use crate::report::{Comparison, human};
use crate::source::{Reach, Source, is_url};

/// Compares two surfaces.
///
/// # Errors
/// Anything short of two whole surfaces.
pub(super) async fn run(desk: &Desk, arguments: &args::Diff) -> Result<Exit, Failure> {
    if arguments.old == "-" && arguments.new.as_deref() == Some("-") {
        return Err(Failure::usage("stdin can be read once only"));
    }
    let reach = Reach::of(&arguments.reach)?;
    let context = &arguments.context.context;
    let before = surface_of(desk, &arguments.old, context, &reach).await?;
    let after = if let Some(text) = &arguments.new {
        surface_of(desk, text, context, &reach).await?
    } else {
        let source = Source::of_command(&arguments.command, desk.store.root());
        source.observe(&reach.conditions).await?.observation.surface
    };
    let comparison = Comparison::of(&before, &after, &[]);
    if arguments.json {
        desk.output.json(&comparison.changes)?;
    } else {
        let text = human::summary(&comparison) + &human::details(&comparison, human::Amount::Whole);
        desk.output.data(&text)?;
    }
    Ok(comparison.exit(arguments.verdict.fail_on))
}

/// The surface that a text names: a file or URL before an alias of the lock file.
async fn surface_of(
    desk: &Desk,
    text: &str,
    context: &str,
    reach: &Reach,
) -> Result<Surface, Failure> {
    if text == "-" || is_url(text) || desk.here.join(text).exists() {
        let observed = Source::of_text(text, reach)?.observe(&reach.conditions).await?;
        return Ok(observed.observation.surface);
    }
    let nothing = || {
        Failure::usage(format!("`{text}` is neither a file, nor a URL, nor a pinned server"))
            .hint(format!("`countersign lock` shows what is pinned in {}", desk.store.place()))
    };
    let key = Key::new(text, context).map_err(|_| nothing())?;
    Ok(desk.store.load(&key)?.ok_or_else(nothing)?.surface)
}
