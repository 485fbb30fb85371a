//! Pins, wherever they are kept: the lock file of a repository, or the user's database.

mod database;
pub(crate) mod entry;
mod file;
pub(crate) mod limits;
mod pins;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use surface::{Digest, Place};

use crate::codes;
use crate::env;
use crate::failure::{Exit, Failure};
use database::Database;
pub(crate) use entry::{Entry, Pinned};
use file::FileStore;
pub(crate) use pins::{Pins, neighbours, pinned_items, protocol_version};

/// What a pin is for: a server, as one authorization context sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The alias of the server.
    pub(crate) alias: String,
    /// The authorization context.
    pub(crate) context: String,
}

/// Where pins are kept. Every method reads or writes the whole truth; none caches.
pub(crate) trait Store: Send + Sync {
    /// What is pinned, without the surfaces.
    ///
    /// # Errors
    /// A store that cannot be read or understood.
    fn entries(&self) -> Result<BTreeMap<Key, Entry>, StoreError>;

    /// A pin with its surface, which was verified against the digests; `None` when there is none.
    ///
    /// # Errors
    /// As [`Store::entries`], and a surface that is not the one that was approved.
    fn load(&self, key: &Key) -> Result<Option<Pinned>, StoreError>;

    /// Puts a pin where a pin with the exact digest `expected` stands, or none for `None`.
    /// Atomic for readers, and for writers of other processes.
    ///
    /// # Errors
    /// A store that cannot be written; [`StoreError::Moved`] when something else stands there.
    fn replace(
        &self,
        key: &Key,
        expected: Option<Digest>,
        pinned: &Pinned,
    ) -> Result<(), StoreError>;

    /// The bundle that proves what a pin was published as; `None` when none is kept.
    ///
    /// # Errors
    /// A store that cannot be read.
    fn evidence(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps such a bundle, in the place of an older one.
    ///
    /// # Errors
    /// A store that cannot be written.
    fn keep_evidence(&self, key: &Key, bundle: &str) -> Result<(), StoreError>;

    /// A value that changes whenever the pin changes; cheap enough for every call.
    fn stamp(&self, key: &Key) -> Stamp;

    /// Where it is, for a person.
    fn place(&self) -> String;

    /// The folder that recorded commands and files are relative to.
    fn root(&self) -> Option<&Path>;
}

/// The lines of a lock file, for tools that show a finding where it was pinned.
#[derive(Debug)]
pub(crate) struct Lines {
    text: String,
    uri: String,
}

impl Lines {
    /// The lines that pin `entries` in the store at `place`.
    pub(crate) fn of(entries: &BTreeMap<Key, Entry>, place: &str, here: &Path) -> Self {
        let place = Path::new(place);
        let relative = place.strip_prefix(here).unwrap_or(place);
        Self { text: text::write(entries), uri: relative.display().to_string() }
    }

    /// The line, from 1, that pins the item at `place`; that of the surface for an item that is
    /// not pinned.
    pub(crate) fn line_of(&self, key: &Key, place: Option<&Place>) -> usize {
        text::line_of(&self.text, key, place)
    }

    /// Where the lock file is, from where the command was started.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }
}

/// The state of the files behind a pin: time, length and inode of each.
pub(crate) type Stamp = [Option<(i64, i64, u64, u64)>; 2];

/// Why pins cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum StoreError {
    /// A file could not be read or written.
    #[error("{action} {}", path.display())]
    Io {
        /// What was being done: `reading`, `writing` or `locking`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The lock file is not one.
    #[error("reading {}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A surface beside the lock file cannot be read as one.
    #[error("reading the surface in {}", path.display())]
    Surface {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A surface is not the one whose digests were approved.
    #[error("{} is not what was approved: {what}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// Something else is pinned by now.
    #[error("the pin of `{0}` was changed by somebody else meanwhile")]
    Moved(Key),
    /// Two aliases that file systems may not tell apart.
    #[error("`{new}` and the pinned `{old}` differ only in case")]
    CaseOnly {
        /// The new alias.
        new: String,
        /// The one that is there.
        old: String,
    },
}

impl StoreError {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => codes::LOCK_IO,
            Self::Syntax { .. } => codes::LOCK_SYNTAX,
            Self::Surface { .. } => codes::LOCK_SURFACE,
            Self::Mismatch { .. } => codes::LOCK_MISMATCH,
            Self::Moved(_) => codes::LOCK_MOVED,
            Self::CaseOnly { .. } => codes::LOCK_CASE,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Syntax { .. } => Some(
                "if a merge left two pins of one server, keep the lines of one of them, then run \
                 `countersign check`",
            ),
            Self::Surface { .. } | Self::Mismatch { .. } => Some(
                "restore the lock file and the surface beside it from version control, or pin the \
                 server anew with `countersign pin --replace`",
            ),
            Self::Moved(_) => Some("look at the changes again"),
            _ => None,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let mut failure = Self::refusal(error.code(), error.to_string());
        if matches!(error, StoreError::Io { .. }) {
            failure.exit = Exit::Failure;
        }
        failure.hint = error.hint().map(str::to_owned);
        match error {
            StoreError::Io { source, .. } => failure.because(source),
            StoreError::Syntax { source, .. } | StoreError::Surface { source, .. } => {
                failure.because(source)
            }
            _ => failure,
        }
    }
}

impl Key {
    /// The key of an alias in a context.
    ///
    /// # Errors
    /// An alias or context that could not be a file name everywhere.
    pub(crate) fn new(alias: &str, context: &str) -> Result<Self, Failure> {
        let is_name = |text: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            (1..=limits::NAME_CHARS_MAX).contains(&text.len())
                && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(allowed)
        };
        for (what, text) in [("an alias", alias), ("a context", context)] {
            if !is_name(text) {
                let rule = "has 1 to 64 of `A-Z a-z 0-9 . _ -` and begins with a letter or digit";
                return Err(Failure::usage(format!("`{text}` cannot be {what}: it {rule}")));
            }
        }
        Ok(Self { alias: alias.to_owned(), context: context.to_owned() })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.alias)?;
        if self.context == DEFAULT_CONTEXT { Ok(()) } else { write!(f, "@{}", self.context) }
    }
}

/// Opens the pins that a command started in `here` means.
///
/// # Errors
/// A user without a data directory.
pub(crate) fn open(named: Option<&Path>, here: &Path) -> Result<Arc<dyn Store>, Failure> {
    if let Some(path) = named {
        return Ok(Arc::new(FileStore::at(here.join(path))));
    }
    if let Some(folder) = here.ancestors().find(|folder| folder.join(FILE_NAME).is_file()) {
        return Ok(Arc::new(FileStore::at(folder.join(FILE_NAME))));
    }
    if here.ancestors().any(|folder| folder.join(".git").exists()) {
        return Ok(Arc::new(FileStore::at(here.join(FILE_NAME))));
    }
    let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let data = variable(env::XDG_DATA_HOME)
        .or_else(|| Some(variable(env::HOME)?.join(".local/share")))
        .map(|data| data.join("countersign"));
    let folder = variable(env::DATA_DIRECTORY).or(data).ok_or_else(|| {
        Failure::new("there is no repository here, and no home directory for pins")
            .hint(format!("name a lock file with `--lock FILE`, or set `{}`", env::HOME))
    })?;
    Ok(Arc::new(Database::in_folder(&folder)))
}

/// The context of whoever names none.
pub(crate) const DEFAULT_CONTEXT: &str = "default";

/// The name of the lock file.
const FILE_NAME: &str = "mcp.lock";
