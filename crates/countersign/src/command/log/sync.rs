//! `countersign log sync`: a verified copy of a log in a folder with the same paths.

use std::path::Path;

use tlog::tile::Tile;

use super::newest;
use crate::args::log as args;
use crate::command::Desk;
use crate::failure::{Exit, Failure};
use crate::log::limits;
use crate::log::reader::Reader;
use crate::log::view::View;
use crate::output::progress::Count;

/// Copies what the folder has not, then verifies entries against tiles; the checkpoint comes last,
/// so a copy that was interrupted is taken up again.
///
/// # Errors
/// A log that cannot be read or verified, is not the one that was copied, or a folder that cannot
/// be written.
pub(super) async fn run(desk: &Desk, arguments: &args::Sync) -> Result<Exit, Failure> {
    let (view, trust) = newest(&arguments.source).await?;
    let copy = Reader::Folder(arguments.copy.clone());
    let held = match copy.read("checkpoint", limits::CHECKPOINT_BYTES_MAX).await? {
        Some(note) => {
            let held = View::at(copy.clone(), &note, &trust)?;
            view.follows(&held, &arguments.source.evidence).await?;
            held.checkpoint().size
        }
        None => 0,
    };
    let size = view.checkpoint().size;
    let progress = Count::of("copying", size - held);
    let (bundles, tiles): (Vec<_>, Vec<_>) =
        Tile::new_between(held, size).into_iter().partition(|tile| tile.level.is_none());
    for tile in tiles {
        write(&arguments.copy, &tile.to_string(), &view.tile(tile).await?)?;
    }
    // The entries are verified against tiles as they lie in the copy.
    let copied = View::at(copy, view.note().as_bytes(), &trust)?;
    for tile in bundles {
        write(&arguments.copy, &tile.to_string(), &view.tile(tile).await?)?;
        let entries = copied.entries(tile.index).await?;
        progress.add(entries.len());
    }
    drop(progress);
    write(&arguments.copy, "checkpoint", view.note().as_bytes())?;
    let (added, origin) = (size - held, &view.checkpoint().origin);
    desk.output.note(&format!("{added} new entries of {origin}, {size} in all"));
    Ok(Exit::Same)
}

fn write(folder: &Path, path: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(path);
    let writing = || {
        let folder = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(folder)?;
        let temporary = path.with_extension("tmp");
        std::fs::write(&temporary, bytes)?;
        std::fs::rename(&temporary, &path)
    };
    writing().map_err(|error: std::io::Error| {
        Failure::new(format!("writing {}", path.display())).because(error)
    })
}
