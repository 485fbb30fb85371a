//! Files, written so that a crash leaves the old or the new. Each write can be told to fail.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::backend::StoreError;
use crate::fault::{Fault, Faults, Step};

/// Writes files under one folder, on one file system.
pub(super) struct Disk {
    root: File,
    faults: Option<Faults>,
}

impl Disk {
    pub(super) fn open(root: &Path, faults: Option<Faults>) -> Result<Self, StoreError> {
        let root = File::open(root).map_err(|error| storage("opening", root, error))?;
        Ok(Self { root, faults })
    }

    /// Writes all of `bytes` at the end of a file.
    pub(super) fn append(&self, step: Step, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        match self.fault(step) {
            None => file.write_all(bytes),
            Some(Fault::Lost) => Err(told()),
            Some(Fault::Applied) => file.write_all(bytes).and(Err(told())),
            Some(Fault::Torn(length)) => {
                file.write_all(bytes.get(..length).unwrap_or(bytes)).and(Err(told()))
            }
        }
    }

    /// Makes the bytes of a file durable. A failure is final: the pages may be marked clean without
    /// being on the disk, so that trying again would prove nothing.
    pub(super) fn sync(&self, step: Step, file: &File) -> io::Result<()> {
        match self.fault(step) {
            None => file.sync_data(),
            Some(Fault::Applied) => file.sync_data().and(Err(told())),
            Some(Fault::Lost | Fault::Torn(_)) => Err(told()),
        }
    }

    /// Puts files in place, each whole: written beside, made durable, renamed, and the names made
    /// durable.
    pub(super) fn place(
        &self,
        step: Step,
        files: &[(PathBuf, impl AsRef<[u8]>)],
    ) -> Result<(), StoreError> {
        let mut folders = BTreeSet::new();
        let many = files.len() > SYNCS_MAX;
        for (path, bytes) in files {
            let folder = path.parent().unwrap_or(Path::new("."));
            if folders.insert(folder) {
                make_folder(folder)?;
            }
            self.write_beside(step, path, bytes.as_ref(), !many)
                .map_err(|error| storage("writing", path, error))?;
        }
        if many {
            self.sync_all()?;
        }
        for (path, _) in files {
            std::fs::rename(beside(path), path).map_err(|error| storage("naming", path, error))?;
        }
        if many {
            return self.sync_all();
        }
        folders.into_iter().try_for_each(sync_folder)
    }

    fn write_beside(&self, step: Step, path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).open(beside(path))?;
        self.append(step, &mut file, bytes)?;
        if sync { self.sync(step, &file) } else { Ok(()) }
    }

    /// One call for many files. Errors of writing them are reported here, since Linux 5.8.
    fn sync_all(&self) -> Result<(), StoreError> {
        let synced = rustix::fs::syncfs(&self.root).map_err(io::Error::from);
        synced.map_err(|error| storage("synchronising", Path::new("the file system"), error))
    }

    /// Fails if a read is told to.
    pub(super) fn check(&self, step: Step) -> io::Result<()> {
        self.fault(step).map_or(Ok(()), |_| Err(told()))
    }

    fn fault(&self, step: Step) -> Option<Fault> {
        self.faults.as_ref().and_then(|faults| faults(step))
    }
}

/// Makes a folder and those above it, durably.
fn make_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new("."));
    make_folder(parent)?;
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(storage("making", folder, error))
        }
        _ => sync_folder(parent),
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| storage("synchronising", folder, error))
}

/// The bytes of a file; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(storage("reading", path, error)),
    }
}

/// An error of the operating system.
pub(super) fn storage(action: &'static str, path: &Path, error: io::Error) -> StoreError {
    StoreError::Storage { action, place: path.display().to_string(), source: error.into() }
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("new")
}

fn told() -> io::Error {
    io::Error::other("told to fail")
}

/// With more files than this one call for the whole file system is cheaper than one for each.
const SYNCS_MAX: usize = 64;
