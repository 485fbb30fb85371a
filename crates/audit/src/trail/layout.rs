//! The files of a trail, and how they are written.
//!
//! | | |
//! |---|---|
//! | `keys` | the verifier keys, a line each: the trail's own claim |
//! | `checkpoints` | every checkpoint in order, each followed by an empty line |
//! | `tile/…` | full tiles and bundles of entries (C2SP tlog-tiles) |
//! | `tail/N` | frames of one group commit each, from record N on, as far as not in bundles |
//! | `objects/HEX` | definitions and policies by SHA-256 |
//!
//! A frame is its length (4 bytes), its body and the MAC over it (32). The body: epoch (8), number in
//! the epoch (4), index of the first record (8), how many (2), then each with its length (2).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use store::fault::{Fault, Faults, Step};

use crate::limits;

/// The folder of a trail.
#[derive(Clone)]
pub(crate) struct Folder {
    root: PathBuf,
    faults: Option<Faults>,
}

impl Folder {
    pub(crate) fn new(root: &Path, faults: Option<Faults>) -> Self {
        Self { root: root.to_owned(), faults }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    pub(crate) fn segment(&self, first: u64) -> PathBuf {
        self.root.join("tail").join(format!("{first:020}"))
    }

    /// The first record of each segment of the tail, in order.
    pub(crate) fn segments(&self) -> io::Result<Vec<u64>> {
        let mut segments = Vec::new();
        for entry in entries(&self.root.join("tail"))? {
            let name = entry?.file_name();
            let first = name.to_str().filter(|name| name.len() == 20).and_then(|n| n.parse().ok());
            segments.push(first.ok_or_else(|| io::Error::other("a foreign file in the tail"))?);
        }
        segments.sort_unstable();
        Ok(segments)
    }

    /// The same, of files that somebody else may have put beside.
    pub(crate) fn segments_known(&self) -> io::Result<Vec<u64>> {
        let mut segments = Vec::new();
        for entry in entries(&self.root.join("tail"))? {
            let name = entry?.file_name();
            let is_name =
                |name: &&str| name.len() == 20 && name.bytes().all(|b| b.is_ascii_digit());
            segments.extend(name.to_str().filter(is_name).and_then(|n| n.parse::<u64>().ok()));
        }
        segments.sort_unstable();
        Ok(segments)
    }

    /// Appends to a file and makes it durable. A failure is final for the caller's trust: pages may
    /// be marked clean without being on the disk.
    pub(crate) fn append(&self, step: Step, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        match self.fault(step) {
            None => file.write_all(bytes)?,
            Some(Fault::Lost) => return Err(told()),
            Some(Fault::Applied) => {
                file.write_all(bytes)?;
                file.sync_data()?;
                return Err(told());
            }
            Some(Fault::Torn(length)) => {
                file.write_all(bytes.get(..length).unwrap_or(bytes))?;
                return Err(told());
            }
        }
        match self.fault(Step::Sync) {
            None => file.sync_data(),
            Some(_) => Err(told()),
        }
    }

    /// Puts a file in place, whole.
    pub(crate) fn place(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if self.fault(Step::Settle).is_some() {
            return Err(told());
        }
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(beside, path)?;
        sync_folder(folder)
    }

    pub(crate) fn open_append(&self, path: &Path) -> io::Result<File> {
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        sync_folder(folder)?;
        Ok(file)
    }

    pub(crate) fn fault(&self, step: Step) -> Option<Fault> {
        self.faults.as_ref().and_then(|faults| faults(step))
    }
}

/// One group commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) epoch: u64,
    pub(crate) number: u32,
    pub(crate) first: u64,
    pub(crate) entries: Vec<Vec<u8>>,
    /// What the MAC is over.
    pub(crate) body: Vec<u8>,
    pub(crate) mac: [u8; 32],
}

/// The body of a frame; entries are no longer than 65,535 bytes, as records are not.
pub(crate) fn body(epoch: u64, number: u32, first: u64, entries: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::with_capacity(22 + entries.iter().map(|e| e.len() + 2).sum::<usize>());
    body.extend_from_slice(&epoch.to_be_bytes());
    body.extend_from_slice(&number.to_be_bytes());
    body.extend_from_slice(&first.to_be_bytes());
    body.extend_from_slice(&u16::try_from(entries.len()).unwrap_or_default().to_be_bytes());
    for entry in entries {
        body.extend_from_slice(&u16::try_from(entry.len()).unwrap_or_default().to_be_bytes());
        body.extend_from_slice(entry);
    }
    body
}

/// A frame as it stands in a file.
pub(crate) fn framed(body: &[u8], mac: &[u8; 32]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
    [&length[..], body, mac].concat()
}

/// Reads the frames of a segment.
pub(crate) struct Frames<R> {
    file: R,
    /// The offset after the last whole frame.
    pub(crate) offset: u64,
}

impl<R: io::Read> Frames<R> {
    pub(crate) const fn new(file: R) -> Self {
        Self { file, offset: 0 }
    }

    /// The next frame; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        let mut length = [0; 4];
        match self.fill(&mut length)? {
            0 => return Ok(None),
            4 => {}
            _ => return Err(FrameError::Torn),
        }
        let length = u32::from_be_bytes(length) as usize;
        if length > limits::FRAME_BYTES_MAX {
            return Err(FrameError::Malformed);
        }
        let mut body = vec![0; length];
        let mut mac = [0; 32];
        if self.fill(&mut body)? != length || self.fill(&mut mac)? != 32 {
            return Err(FrameError::Torn);
        }
        self.offset += 36 + length as u64;
        parse(body, mac).map(Some).ok_or(FrameError::Malformed)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read(rest)? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }
}

fn parse(body: Vec<u8>, mac: [u8; 32]) -> Option<Frame> {
    let (epoch, rest) = body.split_first_chunk::<8>()?;
    let (number, rest) = rest.split_first_chunk::<4>()?;
    let (first, rest) = rest.split_first_chunk::<8>()?;
    let (count, rest) = rest.split_first_chunk::<2>()?;
    let entries = tlog::tile::entries(rest, u16::from_be_bytes(*count)).ok()?;
    let entries = entries.into_iter().map(<[u8]>::to_vec).collect();
    let (epoch, first) = (u64::from_be_bytes(*epoch), u64::from_be_bytes(*first));
    Some(Frame { epoch, number: u32::from_be_bytes(*number), first, entries, body, mac })
}

/// Why there is no further frame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("reading the tail")]
    Io(#[from] io::Error),
    #[error("the last frame is not whole")]
    Torn,
    #[error("a frame whose lengths do not add up")]
    Malformed,
}

/// The bytes of a file, if there is one, and at most `most` of them.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(most + 1).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
    }
}

/// The entries of a folder; none if there is no such folder.
pub(crate) fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        Err(error) => Err(error),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn told() -> io::Error {
    io::Error::other("told to fail")
}
