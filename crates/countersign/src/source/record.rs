//! How a lock file records where a surface came from, and how that is asked again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use guard::{Command, Target};
use http::HeaderMap;

use super::{endpoint, secret};
use crate::failure::Failure;
use crate::lock::entry::{Origin, Word};

/// The record of a command that runs here.
pub(crate) fn origin_of_command(words: &[OsString], root: Option<&Path>) -> Origin {
    let words: Option<Vec<String>> =
        words.iter().map(|word| word.to_str().map(str::to_owned)).collect();
    match words {
        Some(words) => {
            Origin::Command { run: secret::words_recorded(&words), directory: directory_of(root) }
        }
        None => Origin::Unknown,
    }
}

/// Where we are, as the lock file in `root` records it: only what lies in its folder, since the
/// paths of one machine mean nothing on another. The user's own database has the whole path.
fn directory_of(root: Option<&Path>) -> Option<String> {
    let here = std::env::current_dir().ok()?;
    let relative = match root {
        Some(root) => here.strip_prefix(whole(root)?).ok()?.to_owned(),
        None => here,
    };
    let relative = relative.to_str()?;
    Some(if relative.is_empty() { ".".to_owned() } else { relative.to_owned() })
}

/// The record of a file.
pub(super) fn origin_of_file(path: &Path, root: Option<&Path>) -> Origin {
    let record = || {
        let path = whole(path)?;
        let path = match root {
            Some(root) => path.strip_prefix(whole(root)?).ok()?.to_owned(),
            None => path,
        };
        path.to_str().map(str::to_owned)
    };
    record().map_or(Origin::Unknown, Origin::File)
}

/// The server that a record names.
///
/// # Errors
/// A secret that the environment does not have; a record that names no server.
pub(crate) fn target_of(
    origin: &Origin,
    mut headers: HeaderMap,
    root: Option<&Path>,
) -> Result<Target, Failure> {
    match origin {
        Origin::Command { run, directory } => {
            let mut words = secret::words_revealed(run)?.into_iter().map(OsString::from);
            let program = words.next().unwrap_or_default();
            let root = root.unwrap_or(Path::new(""));
            let directory = directory.as_ref().map(|directory| root.join(directory));
            let args = words.collect();
            Ok(Target::Command(Command { program, args, directory }))
        }
        Origin::Url { url, headers: variables } => {
            // A header given now goes before the recorded one.
            let given = headers.clone();
            for (name, variable) in variables.iter().filter(|(n, _)| !given.contains_key(*n)) {
                super::add_header(&mut headers, name, &secret::variable(variable)?)?;
            }
            Ok(Target::Url(endpoint(&secret::url_revealed(url)?, headers)?))
        }
        Origin::File(_) | Origin::Unknown => {
            Err(Failure::new("the pin does not say how the server is run or reached")
                .hint("name the server: `--name ALIAS -- COMMAND…` or `--name ALIAS URL`"))
        }
    }
}

/// The words of a recorded command for a person, with names for what is withheld.
pub(crate) fn words_shown(words: &[Word]) -> String {
    let shown = |word: &Word| match word {
        Word::Plain(text) => text.clone(),
        Word::Withheld(withheld) => format!("{}<{}>", withheld.before, withheld.env),
    };
    words.iter().map(shown).collect::<Vec<_>>().join(" ")
}

/// A path without links, also when `path` is empty for the folder we are in.
fn whole(path: &Path) -> Option<PathBuf> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    path.canonicalize().ok()
}
