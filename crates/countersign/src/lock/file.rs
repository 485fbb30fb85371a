//! The lock file of a repository, and the surfaces in the folder beside it.
//!
//! INVARIANT: a lock file and a surface that disagree are refused, never repaired: a crash between
//! the two renames of a write, or a hand that touched one of them, holds calls until a person
//! looks.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use surface::document::{self, Detail};
use surface::{Digest, Digests, Surface};

use super::entry::{Entry, Pinned, item_digests};
use super::{Key, Stamp, Store, StoreError, limits, text};
use crate::output::safe;

/// Pins in a lock file.
#[derive(Debug)]
pub(crate) struct FileStore {
    path: PathBuf,
    surfaces: PathBuf,
}

impl FileStore {
    /// The pins of the lock file at `path`, which need not exist.
    pub(crate) fn at(path: PathBuf) -> Self {
        let mut surfaces = path.clone().into_os_string();
        surfaces.push(".d");
        Self { path, surfaces: surfaces.into() }
    }

    /// The file that holds the surface of a pin.
    pub(crate) fn surface_path(&self, key: &Key) -> PathBuf {
        self.surfaces.join(format!("{key}.json"))
    }

    fn evidence_path(&self, key: &Key) -> PathBuf {
        self.surfaces.join(format!("{key}.proof"))
    }

    fn read_entries(&self) -> Result<BTreeMap<Key, Entry>, StoreError> {
        let Some(bytes) = read_bounded(&self.path, limits::LOCK_BYTES_MAX)? else {
            return Ok(BTreeMap::new());
        };
        let syntax = |source| StoreError::Syntax { path: self.path.clone(), source };
        let lock = std::str::from_utf8(&bytes).map_err(|error| syntax(error.into()))?;
        text::read(lock).map_err(|error| syntax(error.into()))
    }

    fn read_surface(&self, key: &Key) -> Result<Surface, StoreError> {
        let path = self.surface_path(key);
        let unreadable = |source| StoreError::Surface { path: path.clone(), source };
        let bytes = read_bounded(&path, SURFACE_BYTES_MAX)?
            .ok_or_else(|| unreadable("the file is not there".into()))?;
        parse_surface(&bytes).map_err(unreadable)
    }

    /// Keeps other processes out: of writing if `exclusive`, else of writing while we read.
    fn hold(&self, exclusive: bool) -> Result<Option<File>, StoreError> {
        let held = match File::open(&self.surfaces) {
            Ok(folder) => (if exclusive { folder.lock() } else { folder.lock_shared() })
                .map(|()| Some(folder)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !exclusive => Ok(None),
            Err(error) => Err(error),
        };
        held.map_err(|source| io_error("locking", &self.surfaces, source))
    }
}

impl Store for FileStore {
    fn entries(&self) -> Result<BTreeMap<Key, Entry>, StoreError> {
        self.read_entries()
    }

    fn load(&self, key: &Key) -> Result<Option<Pinned>, StoreError> {
        let _held = self.hold(false)?;
        let Some(entry) = self.read_entries()?.remove(key) else { return Ok(None) };
        let surface = self.read_surface(key)?;
        let mismatch = |what| StoreError::Mismatch { path: self.surface_path(key), what };
        verify(&entry, &surface).map_err(mismatch)?;
        Ok(Some(Pinned { entry, surface }))
    }

    fn replace(
        &self,
        key: &Key,
        expected: Option<Digest>,
        pinned: &Pinned,
    ) -> Result<(), StoreError> {
        let is_new = !self.path.exists();
        fs::create_dir_all(&self.surfaces)
            .map_err(|source| io_error("writing", &self.surfaces, source))?;
        let _held = self.hold(true)?;
        let mut entries = self.read_entries()?;
        let standing = entries.get(key).map(|entry| entry.digests.exact);
        if standing != expected {
            return Err(StoreError::Moved(key.clone()));
        }
        let same_file = |other: &&Key| {
            *other != key && other.to_string().eq_ignore_ascii_case(&key.to_string())
        };
        if let Some(old) = entries.keys().find(same_file) {
            return Err(StoreError::CaseOnly { new: key.to_string(), old: old.to_string() });
        }
        entries.insert(key.clone(), pinned.entry.clone());
        let surface = Prepared::new(&self.surface_path(key), print_surface(pinned).as_bytes())?;
        let lock = Prepared::new(&self.path, text::write(&entries).as_bytes())?;
        surface.place()?;
        lock.place()?;
        if is_new {
            let _ = ask_git_to_merge_by_lines(&self.path);
        }
        Ok(())
    }

    fn evidence(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        read_bounded(&self.evidence_path(key), limits::EVIDENCE_BYTES_MAX)
    }

    fn keep_evidence(&self, key: &Key, bundle: &str) -> Result<(), StoreError> {
        fs::create_dir_all(&self.surfaces)
            .map_err(|source| io_error("writing", &self.surfaces, source))?;
        Prepared::new(&self.evidence_path(key), bundle.as_bytes())?.place()
    }

    fn stamp(&self, key: &Key) -> Stamp {
        let of = |path: &Path| {
            let meta = fs::metadata(path).ok()?;
            Some((meta.mtime(), meta.mtime_nsec(), meta.len(), meta.ino()))
        };
        [of(&self.path), of(&self.surface_path(key))]
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn root(&self) -> Option<&Path> {
        self.path.parent()
    }
}

/// Whether `surface` is the one that `entry` says was approved; else what differs first.
pub(super) fn verify(entry: &Entry, surface: &Surface) -> Result<(), String> {
    let items = item_digests(surface);
    for (place, digests) in &items {
        match entry.items.get(place) {
            None => return Err(format!("`{place}` is not in the lock file")),
            Some(approved) if approved != digests => {
                return Err(format!("`{place}` has the digest {}", digests.exact));
            }
            Some(_) => {}
        }
    }
    if let Some(missing) = entry.items.keys().find(|place| !items.contains_key(*place)) {
        return Err(format!("`{missing}` is missing"));
    }
    let whole = Digests::of_surface(surface);
    if whole != entry.digests || surface.era != entry.protocol.era {
        return Err(format!("the whole has the digest {}", whole.exact));
    }
    Ok(())
}

/// The surface that a file beside the lock file holds.
pub(super) fn parse_surface(
    bytes: &[u8],
) -> Result<Surface, Box<dyn std::error::Error + Send + Sync>> {
    let document = wire::Document::parse(bytes, &document::POLICY)?;
    Ok(document::read(document.root())?)
}

/// A surface as lines that a reviewer reads in a pull request, with nothing hidden in them.
pub(super) fn print_surface(pinned: &Pinned) -> String {
    let cache_scope = pinned.entry.protocol.cache_scope;
    let value = document::write(&pinned.surface, cache_scope, Detail::Items);
    let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
    safe::json(&pretty) + "\n"
}

/// A file that is written and not yet in its place.
struct Prepared {
    temporary: PathBuf,
    path: PathBuf,
}

impl Prepared {
    fn new(path: &Path, bytes: &[u8]) -> Result<Self, StoreError> {
        let mut temporary = path.to_owned().into_os_string();
        temporary.push(format!(".{}.tmp", std::process::id()));
        let prepared = Self { temporary: temporary.into(), path: path.to_owned() };
        let written = File::create(&prepared.temporary)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        written.map_err(|source| io_error("writing", path, source))?;
        Ok(prepared)
    }

    fn place(self) -> Result<(), StoreError> {
        let parent = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        fs::rename(&self.temporary, &self.path)
            .and_then(|()| File::open(parent)?.sync_all())
            .map_err(|source| io_error("writing", &self.path, source))
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // Gone already when it is in its place.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn read_bounded(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("reading", path, error)),
    };
    let mut bytes = Vec::new();
    let read = file.take(bytes_max + 1).read_to_end(&mut bytes);
    let read = read.and_then(|_| {
        let fits = u64::try_from(bytes.len()).is_ok_and(|len| len <= bytes_max);
        if fits { Ok(()) } else { Err(io::Error::from(io::ErrorKind::FileTooLarge)) }
    });
    read.map_err(|source| io_error("reading", path, source))?;
    Ok(Some(bytes))
}

/// Two branches that each pin a server change the same spot of the lock file; git's `union` driver
/// keeps both. Asked for once, when the lock file is made; whoever removes the line is respected.
fn ask_git_to_merge_by_lines(lock: &Path) -> io::Result<()> {
    let (Some(folder), Some(name)) = (lock.parent(), lock.file_name().and_then(|n| n.to_str()))
    else {
        return Ok(());
    };
    let absolute = std::path::absolute(folder)?;
    if !absolute.ancestors().any(|folder| folder.join(".git").exists()) {
        return Ok(());
    }
    let path = folder.join(".gitattributes");
    let attributes = fs::read_to_string(&path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(String::new()),
        _ => Err(error),
    })?;
    if attributes.lines().any(|line| line.split_whitespace().next() == Some(name)) {
        return Ok(());
    }
    let gap = if attributes.is_empty() || attributes.ends_with('\n') { "" } else { "\n" };
    let mut file = fs::OpenOptions::new().create(true).append(true).open(&path)?;
    file.write_all(format!("{gap}{name} merge=union\n").as_bytes())
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { action, path: path.to_owned(), source }
}

const SURFACE_BYTES_MAX: u64 = surface::limits::FILE_BYTES_MAX as u64;

#[cfg(test)]
pub(super) mod tests;
