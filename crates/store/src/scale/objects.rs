//! The object store: full tiles, bundles and objects, each put once.
//!
//! INVARIANT: nothing is overwritten. Each put carries `If-None-Match: *`, and what is there already
//! must have the same bytes.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions};
use surface::Digest;
use tlog::tile::Tile;

use super::{damaged, failed, place};
use crate::backend::{Object, StoreError};
use crate::limits::OBJECT_SIZE_MAX;
use crate::limits::scale::{PUT_ATTEMPTS_MAX, PUT_PAUSE, PUTS_AT_ONCE};

pub(super) struct Objects {
    store: AmazonS3,
    prefix: Path,
    place: String,
}

impl Objects {
    pub(super) fn open(url: &str, credentials: AmazonS3Builder) -> Result<Self, StoreError> {
        let (store, prefix, place) = place::objects(url, credentials)?;
        Ok(Self { store, prefix, place })
    }

    /// Refuses a store that takes a second put under one name: it would let a tile be overwritten.
    pub(super) async fn probe(&self, holder: &str) -> Result<(), StoreError> {
        let path = self.path("probe");
        self.put_new(&path, Bytes::from_static(b"a store that answers here takes conditions"))
            .await
            .ok();
        match self.put_new(&path, Bytes::from(holder.to_owned())).await {
            Err(Error::AlreadyExists { .. }) => Ok(()),
            Ok(()) => Err(damaged(&self.place, "the store ignores `If-None-Match: *`")),
            Err(error) => Err(failed(&self.place, "writing to", error)),
        }
    }

    pub(super) async fn put_tiles(&self, tiles: &[(Tile, Bytes)]) -> Result<(), StoreError> {
        let tiles = tiles.iter().map(|(tile, bytes)| (self.path(&tile.to_string()), bytes.clone()));
        let puts = tiles.map(|(path, bytes)| async move { self.put(path, &bytes).await });
        futures_util::stream::iter(puts.collect::<Vec<_>>())
            .buffer_unordered(PUTS_AT_ONCE)
            .try_collect()
            .await
    }

    pub(super) async fn put_object(&self, object: &Object) -> Result<(), StoreError> {
        self.put(self.object_path(&object.digest()), object.bytes()).await
    }

    pub(super) async fn tile(&self, tile: Tile) -> Result<Option<Bytes>, StoreError> {
        self.bytes(&self.path(&tile.to_string())).await
    }

    pub(super) async fn object(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        self.bytes(&self.object_path(digest)).await
    }

    /// Puts bytes where nothing is, or where they are already: a put that was applied and reported
    /// lost is found on the next try.
    async fn put(&self, path: Path, bytes: &Bytes) -> Result<(), StoreError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.put_new(&path, bytes.clone()).await {
                Ok(()) => return Ok(()),
                Err(Error::AlreadyExists { .. }) => return self.same(&path, bytes).await,
                Err(error) if attempts == PUT_ATTEMPTS_MAX => {
                    return Err(failed(&self.place, "writing to", error));
                }
                Err(_) => tokio::time::sleep(PUT_PAUSE).await,
            }
        }
    }

    async fn put_new(&self, path: &Path, bytes: Bytes) -> Result<(), Error> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        self.store.put_opts(path, bytes.into(), options).await.map(|_| ())
    }

    async fn same(&self, path: &Path, bytes: &Bytes) -> Result<(), StoreError> {
        match self.bytes(path).await? {
            Some(there) if there == *bytes => Ok(()),
            _ => Err(damaged(&self.place, format!("{path} is there with other bytes"))),
        }
    }

    async fn bytes(&self, path: &Path) -> Result<Option<Bytes>, StoreError> {
        let reading = |error| failed(&self.place, "reading from", error);
        let result = match self.store.get(path).await {
            Ok(result) => result,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(reading(error)),
        };
        // A bundle is as large as 256 entries, which is as large as an object.
        if result.meta.size > OBJECT_SIZE_MAX as u64 + 512 {
            return Err(damaged(
                &self.place,
                format!("{path} is longer than anything that was put"),
            ));
        }
        result.bytes().await.map(Some).map_err(reading)
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.parts().chain(Path::from(name).parts()).collect()
    }

    fn object_path(&self, digest: &Digest) -> Path {
        let text = digest.to_string();
        self.path(&format!("object/{}", text.trim_start_matches("sha256:")))
    }
}
