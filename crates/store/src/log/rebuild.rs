//! What is stored, read and verified whole: nothing is signed on top of anything else.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use seal::Crypto;
use tlog::map::{Map, MapLeaf};
use tlog::note::{Algorithm, Note};
use tlog::tile::{self, Tile, WIDTH};
use tlog::{Checkpoint, Hash, VerifierKey, cosignature};

use super::Config;
use super::index::Index;
use super::state::{Batch, Head, State, Tail, full_tile};
use crate::backend::{Backend, Loaded, StoreError};

/// A log that was read.
pub(super) struct Rebuilt {
    pub(super) state: State,
    /// The published checkpoint, and the map at its size.
    pub(super) published: Option<(Checkpoint, String, Map)>,
}

/// An entry, its leaf hash, and the keys of the map that it is the newest under.
pub(super) type Parsed = (Bytes, Hash, Vec<[u8; 32]>);

/// Reads all that is stored, hashes every entry, and compares every tile and every stated root of
/// the map. `known` is a size and root that the log is known to have had.
pub(super) async fn rebuild(
    backend: &dyn Backend,
    config: &Config,
    loaded: Loaded,
    known: Option<(u64, Hash)>,
) -> Result<Rebuilt, StoreError> {
    let keys = config.verifiers();
    let head = open(config, &keys, &loaded.head, "the head")?;
    let expected = loaded.settled_size + loaded.entries.len() as u64;
    if head.size != expected {
        return Err(config.damaged(format!("the head covers {} entries of {expected}", head.size)));
    }
    let published = match loaded.published {
        Some(note) => Some((open(config, &keys, &note, "the published checkpoint")?, note)),
        None => None,
    };
    let mut reader = Reader::new(config);
    reader.marks.extend(known.map(|(size, root)| Mark { size, root, map: None }));
    reader.marks.extend(published.iter().map(|(it, _)| Mark {
        size: it.size,
        root: it.root,
        map: None,
    }));
    reader.marks.push(Mark { size: head.size, root: head.root, map: None });
    reader.take(Vec::new())?;
    reader.settled(backend, loaded.settled_size).await?;
    let mut entries = loaded.entries.into_iter().peekable();
    while entries.peek().is_some() {
        let some: Vec<Bytes> = entries.by_ref().take(CHUNK).collect();
        reader.take(parse(config, some).await?)?;
    }
    let Reader { tail, index, map, marks, .. } = reader;
    let map_at =
        |size| marks.iter().find(|mark| mark.size == size).and_then(|mark| mark.map.clone());
    let published = published.map(|(checkpoint, note)| {
        let map = map_at(checkpoint.size).ok_or_else(|| {
            config.damaged(format!(
                "{} entries are published, and {expected} stored",
                checkpoint.size
            ))
        })?;
        Ok::<_, StoreError>((checkpoint, note, map))
    });
    let published = published.transpose()?;
    if marks.iter().any(|mark| mark.map.is_none()) {
        return Err(config.damaged(format!("entries are lost: {expected} are stored")));
    }
    let time_s = time_s(&keys, &head, &loaded.head).unwrap_or_default();
    let head = Head { checkpoint: head, note: loaded.head, time_s, map };
    Ok(Rebuilt { state: State { head, tail, index }, published })
}

/// Reads a checkpoint of this log.
pub(super) fn open(
    config: &Config,
    keys: &[VerifierKey],
    note: &str,
    what: &str,
) -> Result<Checkpoint, StoreError> {
    let opened = Checkpoint::open(note.as_bytes(), keys, &Crypto);
    let checkpoint = opened.map_err(|error| config.damaged(format!("{what}: {error}")))?;
    if checkpoint.origin != config.origin {
        return Err(config.damaged(format!("{what} is of another log, `{}`", checkpoint.origin)));
    }
    Ok(checkpoint)
}

/// When the head was signed: the signature of type 0x06 says.
pub(super) fn time_s(keys: &[VerifierKey], checkpoint: &Checkpoint, note: &str) -> Option<u64> {
    let note = Note::parse(note.as_bytes()).ok()?;
    let key = keys.iter().find(|key| key.algorithm() == Algorithm::MlDsa44)?;
    let mut signatures = note.signatures().iter();
    signatures.find_map(|signature| cosignature::verify(checkpoint, signature, key, &Crypto))
}

/// Hashes entries and asks what they are about, where that does not hold others up. A statement of
/// the log about its map is about nothing.
pub(super) async fn parse(config: &Config, entries: Vec<Bytes>) -> Result<Vec<Parsed>, StoreError> {
    let Some(names_of) = config.names_of else {
        let parsed = entries.into_iter().map(|entry| (Hash::of_leaf(&entry), entry));
        return Ok(parsed.map(|(leaf, entry)| (entry, leaf, Vec::new())).collect());
    };
    let parse = move |entry: Bytes| {
        let names = MapLeaf::parse(&entry).is_none().then(|| names_of(&entry));
        let keys = names.iter().flatten().map(|name| Map::key(name)).collect();
        (entry.clone(), Hash::of_leaf(&entry), keys)
    };
    let parse = move || entries.into_iter().map(parse).collect();
    let parsed = tokio::task::spawn_blocking(parse).await;
    parsed.map_err(|error| config.damaged(format!("an entry cannot be read: {error}")))
}

/// A size at which the root is known.
struct Mark {
    size: u64,
    root: Hash,
    /// The map at that size, once it was reached.
    map: Option<Map>,
}

struct Reader<'c> {
    config: &'c Config,
    tail: Tail,
    index: Index,
    map: Map,
    marks: Vec<Mark>,
}

impl<'c> Reader<'c> {
    fn new(config: &'c Config) -> Self {
        let (tail, map) = (Tail::default(), Map::default());
        let mut reader = Self { config, tail, index: Index::new(), map, marks: Vec::new() };
        reader.map.root();
        reader
    }

    /// Reads full bundles and tiles up to `size`.
    async fn settled(&mut self, backend: &dyn Backend, size: u64) -> Result<(), StoreError> {
        let config = self.config;
        let bundle = |index: u64| async move {
            let bytes = fetch(backend, config, full_tile(None, index)).await?;
            let hashes = fetch(backend, config, full_tile(Some(0), index)).await?;
            let entries = tile::entries(&bytes, full_tile(None, index).width);
            let entries = entries.map_err(|error| config.damaged(error.to_string()))?;
            let entries = entries.into_iter().map(|entry| bytes.slice_ref(entry)).collect();
            let parsed = parse(config, entries).await?;
            let leaves = parsed.iter().flat_map(|(_, leaf, _)| leaf.0);
            if !leaves.eq(hashes.iter().copied()) {
                let what = format!("{} and {}", full_tile(None, index), full_tile(Some(0), index));
                return Err(config.damaged(format!("{what} do not fit")));
            }
            Ok(parsed)
        };
        let mut bundles = stream::iter((0..size / WIDTH).map(bundle)).buffered(READS_MAX);
        while let Some(parsed) = bundles.try_next().await? {
            self.take(parsed)?;
            let (size, tiles) = self.tail.settleable();
            for tile in tiles.iter().filter(|tile| tile.level.is_some_and(|level| level > 0)) {
                if Some(fetch(backend, config, *tile).await?) != self.tail.tile(*tile) {
                    return Err(
                        config.damaged(format!("{tile} is not what follows from the entries"))
                    );
                }
            }
            self.tail.forget(size, &tiles);
        }
        Ok(())
    }

    /// Takes the next entries.
    fn take(&mut self, parsed: Vec<Parsed>) -> Result<(), StoreError> {
        let mut batch = Batch::new(self.tail.frontier().clone(), std::mem::take(&mut self.map));
        self.mark(&mut batch)?;
        for (entry, leaf, keys) in parsed {
            let stated = self.config.names_of.and_then(|_| MapLeaf::parse(&entry));
            if let Some(stated) = stated
                && (stated.covers != batch.size() || stated.root != batch.map.root())
            {
                let what = format!("leaf {} states another root of the map", batch.size());
                return Err(self.config.damaged(what));
            }
            batch.push(entry, leaf, &keys);
            self.mark(&mut batch)?;
        }
        self.map = self.tail.apply(&mut self.index, batch);
        Ok(())
    }

    /// Compares the root where it is known.
    fn mark(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let size = batch.size();
        for mark in self.marks.iter_mut().filter(|mark| mark.size == size && mark.map.is_none()) {
            if batch.root() != mark.root {
                return Err(self.config.damaged(format!("the root at size {size} is another one")));
            }
            batch.map.root();
            mark.map = Some(batch.map.clone());
        }
        Ok(())
    }
}

async fn fetch(backend: &dyn Backend, config: &Config, tile: Tile) -> Result<Bytes, StoreError> {
    let bytes = backend.tile(tile).await?;
    bytes.ok_or_else(|| config.damaged(format!("{tile} is missing")))
}

/// Bundles that are read at the same time.
const READS_MAX: usize = 16;
/// Entries that are parsed together.
const CHUNK: usize = 256;
