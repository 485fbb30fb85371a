//! The form of a record: one commit, whole or not there.
//!
//! Header, 36 bytes, little-endian: `CSR1`, the log's size before (8), number of entries (4), number
//! of objects (4), length of the body (8), CRC-32 of the body (4), CRC-32 of the 32 bytes before (4).
//! Body: the signed head, each entry, each object, each after its length (4).

use std::ops::Range;

use bytes::Bytes;

use crate::backend::{Commit, Object};

/// The length of a header.
pub(super) const HEADER_SIZE: usize = 36;

/// A record as it is read.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) previous_size: u64,
    pub(super) head: String,
    pub(super) entries: Vec<Bytes>,
    /// Where each object is in the file, and its bytes.
    pub(super) objects: Vec<(Range<u64>, Object)>,
    /// Where the next record begins.
    pub(super) end: usize,
}

/// What is at a place of a file.
#[derive(Debug)]
pub(super) enum Found {
    Record(Record),
    /// The file ends here.
    End,
    /// A record that was never written to its end, so never acknowledged.
    Torn,
    /// A record that was written and is not what was written.
    Damaged(&'static str),
}

/// The bytes of the record of a commit, and where in them each object is.
pub(super) fn encode(commit: &Commit) -> (Vec<u8>, Vec<Range<usize>>) {
    let parts = commit.entries.iter().chain(commit.objects.iter().map(Object::bytes));
    let size = parts.map(|part| part.len() + 4).sum::<usize>() + commit.head.len() + 4;
    let mut bytes = Vec::with_capacity(HEADER_SIZE + size);
    bytes.resize(HEADER_SIZE, 0);
    push(&mut bytes, commit.head.as_bytes());
    for entry in &commit.entries {
        push(&mut bytes, entry);
    }
    let places = commit.objects.iter().map(|object| push(&mut bytes, object.bytes())).collect();
    let (header, body) = bytes.split_at_mut(HEADER_SIZE);
    let mut fields = Vec::with_capacity(HEADER_SIZE);
    fields.extend(MAGIC);
    fields.extend(commit.previous_size.to_le_bytes());
    fields.extend(count(commit.entries.len()).to_le_bytes());
    fields.extend(count(commit.objects.len()).to_le_bytes());
    fields.extend((body.len() as u64).to_le_bytes());
    fields.extend(crc32fast::hash(body).to_le_bytes());
    fields.extend(crc32fast::hash(&fields).to_le_bytes());
    header.copy_from_slice(&fields);
    (bytes, places)
}

/// Reads what is at `start` of a file with these bytes.
pub(super) fn decode(file: &[u8], start: usize) -> Found {
    let Some(rest) = file.get(start..).filter(|rest| !rest.is_empty()) else { return Found::End };
    let Some((header, rest)) = rest.split_at_checked(HEADER_SIZE) else { return Found::Torn };
    let mut fields = Reader(header);
    let (magic, previous_size, entries, objects, length, body_crc, header_crc) = (
        fields.take(4),
        fields.u64(),
        fields.u32(),
        fields.u32(),
        fields.u64(),
        fields.u32(),
        fields.u32(),
    );
    let checked = header.get(..HEADER_SIZE - 4).map(crc32fast::hash);
    if magic != Some(MAGIC) || header_crc != checked {
        return if is_unwritten(header) { Found::Torn } else { Found::Damaged("a header") };
    }
    let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
    let Some(body) = rest.get(..length) else { return Found::Torn };
    if Some(crc32fast::hash(body)) != body_crc {
        let torn = has_unwritten_sector(body, start + HEADER_SIZE) && length == rest.len();
        return if torn { Found::Torn } else { Found::Damaged("a body") };
    }
    let (Some(previous_size), Some(entries), Some(objects)) = (previous_size, entries, objects)
    else {
        return Found::Damaged("a header");
    };
    let base = start + HEADER_SIZE;
    parse(body, base, previous_size, entries, objects)
        .map_or(Found::Damaged("a body"), Found::Record)
}

fn parse(
    body: &[u8],
    base: usize,
    previous_size: u64,
    entries: u32,
    objects: u32,
) -> Option<Record> {
    let mut reader = Reader(body);
    let head = String::from_utf8(reader.part()?.to_vec()).ok()?;
    let entries = (0..entries).map(|_| reader.part().map(Bytes::copy_from_slice));
    let entries = entries.collect::<Option<Vec<_>>>()?;
    let mut placed = Vec::new();
    for _ in 0..objects {
        let bytes = reader.part()?;
        let end = (base + body.len() - reader.0.len()) as u64;
        let object = Object::new(Bytes::copy_from_slice(bytes));
        placed.push((end - bytes.len() as u64..end, object));
    }
    let is_whole = reader.0.is_empty();
    let end = base + body.len();
    is_whole.then_some(Record { previous_size, head, entries, objects: placed, end })
}

/// A part that the disk never wrote reads as zeros; no header does.
fn is_unwritten(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// Whether a whole sector of the file, or most of what the body has of its first or last, is zeros.
/// JSON and notes have no zeros at all, so a body that was damaged later does not look so.
fn has_unwritten_sector(body: &[u8], offset: usize) -> bool {
    let first = (SECTOR_SIZE - offset % SECTOR_SIZE).min(body.len());
    let (head, rest) = body.split_at(first);
    let sectors = std::iter::once(head).chain(rest.chunks(SECTOR_SIZE));
    sectors.filter(|sector| sector.len() >= ZEROS_MIN).any(is_unwritten)
}

fn push(bytes: &mut Vec<u8>, part: &[u8]) -> Range<usize> {
    bytes.extend(count(part.len()).to_le_bytes());
    let start = bytes.len();
    bytes.extend(part);
    start..bytes.len()
}

/// The limits keep every length and number far below.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes)
    }

    fn part(&mut self) -> Option<&'b [u8]> {
        let length = self.u32()?;
        self.take(usize::try_from(length).ok()?)
    }
}

const MAGIC: &[u8] = b"CSR1";
const SECTOR_SIZE: usize = 512;
/// Fewer zeros than this may be lengths.
const ZEROS_MIN: usize = 16;
