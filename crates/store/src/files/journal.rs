//! The write-ahead journal: files of records, each beginning with a record of the newest head.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use surface::Digest;

use super::disk::{Disk, read, storage, sync_folder};
use super::record::{self, Found, Record};
use crate::backend::{Commit, StoreError};
use crate::fault::Step;

/// The journal of a log, open for writing.
pub(super) struct Journal {
    folder: PathBuf,
    /// Oldest first; the last is written to.
    segments: Vec<Segment>,
    file: File,
    length: u64,
    head: String,
    size: u64,
    objects: HashMap<Digest, Place>,
    // INVARIANT: false from before each write until it is known to be durable. Nothing is written
    // after a failure until the journal was read anew.
    is_trusted: bool,
}

/// One file.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    number: u64,
    /// The size of the log when it begins.
    start: u64,
}

/// Where an object is that has no file yet.
#[derive(Debug, Clone)]
pub(super) struct Place {
    segment: u64,
    path: PathBuf,
    start: u64,
    length: usize,
}

/// What was read of a journal so far.
struct Replay<'f> {
    folder: &'f Path,
    segments: Vec<Segment>,
    size: Option<u64>,
    head: String,
    entries: Vec<Bytes>,
    objects: HashMap<Digest, Place>,
}

/// What a journal holds.
pub(super) struct Replayed {
    pub(super) journal: Journal,
    /// The size of the log when the journal begins.
    pub(super) start: u64,
    /// The entries from there.
    pub(super) entries: Vec<Bytes>,
}

impl Journal {
    /// Makes the journal of a new log.
    pub(super) fn create(folder: &Path, disk: &Disk, head: &str) -> Result<(), StoreError> {
        let (bytes, _) = record::encode(&opening(0, head));
        disk.place(Step::Settle, &[(path_of(folder, 0), bytes)])
    }

    /// Whether there is one.
    pub(super) fn exists(folder: &Path) -> Result<bool, StoreError> {
        Ok(folder.is_dir() && !numbers(folder)?.is_empty())
    }

    /// Reads the journal, dropping a last record that was not written to its end. What was read is
    /// written anew before it is relied on: after a failed synchronisation the system may show
    /// bytes that are not on the disk.
    pub(super) fn open(folder: &Path, disk: &Disk) -> Result<Replayed, StoreError> {
        let numbers = numbers(folder)?;
        let (Some(first), Some(last)) = (numbers.first().copied(), numbers.last().copied()) else {
            return Err(StoreError::Missing { place: folder.display().to_string() });
        };
        let mut replay = Replay::new(folder);
        let mut length = 0;
        for (number, expected) in numbers.iter().copied().zip(first..) {
            if number != expected {
                return Err(replay.damaged(format!("record file {expected} is missing")));
            }
            let path = path_of(folder, number);
            let bytes = read(&path)?.unwrap_or_default();
            let end = replay.file(number, &path, &bytes, number == last)?;
            if number == last {
                disk.place(Step::Settle, &[(path, bytes.get(..end).unwrap_or_default())])?;
                length = end as u64;
            }
        }
        let file = open_to_append(&path_of(folder, last))?;
        let Replay { segments, size, head, entries, objects, .. } = replay;
        let start = segments.first().map_or(0, |segment| segment.start);
        let (folder, size) = (folder.to_owned(), size.unwrap_or_default());
        let journal =
            Self { folder, segments, file, length, head, size, objects, is_trusted: true };
        Ok(Replayed { journal, start, entries })
    }

    /// The newest head.
    pub(super) fn head(&self) -> &str {
        &self.head
    }

    /// Where an object is, if it is here.
    pub(super) fn object(&self, digest: &Digest) -> Option<&Place> {
        self.objects.get(digest)
    }

    /// Writes a commit: one record, made durable at once.
    pub(super) fn append(&mut self, disk: &Disk, commit: &Commit) -> Result<(), StoreError> {
        let (number, path) = self.current();
        let failed = |error| storage("writing", &path, error);
        if !self.is_trusted {
            return Err(failed(std::io::Error::other("an earlier write failed")));
        }
        if commit.previous_size != self.size {
            return Err(StoreError::Moved { expected: commit.previous_size, actual: self.size });
        }
        let (bytes, places) = record::encode(commit);
        self.is_trusted = false;
        disk.append(Step::Commit, &mut self.file, &bytes).map_err(failed)?;
        disk.sync(Step::Sync, &self.file).map_err(failed)?;
        for (object, place) in commit.objects.iter().zip(places) {
            let range = self.length + place.start as u64..self.length + place.end as u64;
            self.objects.insert(object.digest(), Place::new(number, path.clone(), range));
        }
        self.length += bytes.len() as u64;
        self.size += commit.entries.len() as u64;
        self.head.clone_from(&commit.head);
        self.is_trusted = true;
        Ok(())
    }

    /// Begins a new file, so that those before can go once what they hold is elsewhere.
    pub(super) fn rotate(&mut self, disk: &Disk) -> Result<(), StoreError> {
        let (number, path) = self.current();
        if self.segments.last().is_some_and(|segment| segment.start == self.size) {
            return Ok(());
        }
        if !self.is_trusted {
            let error = std::io::Error::other("an earlier write failed");
            return Err(storage("writing", &path, error));
        }
        let (bytes, _) = record::encode(&opening(self.size, &self.head));
        self.is_trusted = false;
        let (number, length) = (number + 1, bytes.len() as u64);
        let path = path_of(&self.folder, number);
        disk.place(Step::Settle, &[(path.clone(), bytes)])?;
        self.file = open_to_append(&path)?;
        self.length = length;
        self.segments.push(Segment { number, start: self.size });
        self.is_trusted = true;
        Ok(())
    }

    /// The files whose every entry is among the first `size`, and the objects in them.
    pub(super) fn settled(&self, size: u64) -> (Vec<Segment>, Vec<(Digest, Place)>) {
        let pairs = self.segments.iter().zip(self.segments.iter().skip(1));
        let done: Vec<Segment> = pairs
            .take_while(|(_, next)| next.start <= size)
            .map(|(segment, _)| segment.clone())
            .collect();
        let is_in = |place: &Place| done.iter().any(|segment| segment.number == place.segment);
        let objects = self.objects.iter().filter(|(_, place)| is_in(place));
        let objects = objects.map(|(digest, place)| (*digest, place.clone())).collect();
        (done, objects)
    }

    /// Removes files that [`settled`](Self::settled) gave, oldest first.
    pub(super) fn remove(&mut self, segments: &[Segment]) -> Result<(), StoreError> {
        for segment in segments {
            self.segments.retain(|kept| kept.number != segment.number);
            self.objects.retain(|_, place| place.segment != segment.number);
            let path = path_of(&self.folder, segment.number);
            std::fs::remove_file(&path).map_err(|error| storage("removing", &path, error))?;
        }
        sync_folder(&self.folder)
    }

    fn current(&self) -> (u64, PathBuf) {
        let number = self.segments.last().map_or(0, |segment| segment.number);
        (number, path_of(&self.folder, number))
    }
}

impl<'f> Replay<'f> {
    fn new(folder: &'f Path) -> Self {
        let (segments, entries, objects) = (Vec::new(), Vec::new(), HashMap::new());
        Self { folder, segments, size: None, head: String::new(), entries, objects }
    }

    /// Reads the records of a file, and gives where they end.
    fn file(
        &mut self,
        number: u64,
        path: &Path,
        bytes: &[u8],
        is_last: bool,
    ) -> Result<usize, StoreError> {
        let mut at = 0;
        loop {
            match record::decode(bytes, at) {
                Found::Record(record) => {
                    let start = *self.size.get_or_insert(record.previous_size);
                    if record.previous_size != start {
                        return Err(
                            self.damaged(format!("{} at {at}: out of order", path.display()))
                        );
                    }
                    if at == 0 {
                        self.segments.push(Segment { number, start });
                    }
                    at = record.end;
                    self.record(number, path, record);
                }
                Found::End if at > 0 => return Ok(at),
                Found::Torn if at > 0 && is_last => {
                    let file = path.display();
                    tracing::warn!(%file, at, "dropped a record that was never finished");
                    return Ok(at);
                }
                Found::End | Found::Torn => {
                    return Err(self.damaged(format!("{} ends at {at}", path.display())));
                }
                Found::Damaged(what) => {
                    return Err(self.damaged(format!("{} at {at}: {what}", path.display())));
                }
            }
        }
    }

    fn record(&mut self, number: u64, path: &Path, record: Record) {
        self.size = Some(record.previous_size + record.entries.len() as u64);
        self.entries.extend(record.entries);
        for (range, object) in record.objects {
            self.objects.insert(object.digest(), Place::new(number, path.to_owned(), range));
        }
        self.head = record.head;
    }

    fn damaged(&self, what: String) -> StoreError {
        StoreError::Damaged { place: self.folder.display().to_string(), what }
    }
}

impl Place {
    fn new(segment: u64, path: PathBuf, range: std::ops::Range<u64>) -> Self {
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        Self { segment, path, start: range.start, length }
    }

    /// The object; `None` if its file is gone, because the object has one of its own by now.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(storage("opening", &self.path, error)),
        };
        let mut bytes = vec![0; self.length];
        let read = file.read_exact_at(&mut bytes, self.start);
        read.map_err(|error| storage("reading", &self.path, error))?;
        Ok(Some(bytes))
    }
}

/// The record that each file begins with.
fn opening(size: u64, head: &str) -> Commit {
    Commit { previous_size: size, entries: Vec::new(), objects: Vec::new(), head: head.to_owned() }
}

fn open_to_append(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new().append(true).open(path);
    file.map_err(|error| storage("opening", path, error))
}

fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}.{EXTENSION}"))
}

/// The numbers of the files, smallest first.
fn numbers(folder: &Path) -> Result<Vec<u64>, StoreError> {
    let failed = |error| storage("reading", folder, error);
    let mut numbers = Vec::new();
    for file in std::fs::read_dir(folder).map_err(failed)? {
        let path = file.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
            numbers.extend(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

const EXTENSION: &str = "log";
