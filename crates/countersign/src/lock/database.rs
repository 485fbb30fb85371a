//! The user's own pins, for whoever works outside a repository: a `SQLite` file in the data directory.
//!
//! A row holds what a lock file of one pin would say, and the surface as the file beside it would:
//! the same reader and the same verification serve both.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use surface::Digest;

use super::entry::{Entry, Pinned};
use super::file::{parse_surface, print_surface, verify};
use super::{Key, Stamp, Store, StoreError, text};

/// Pins in a `SQLite` file.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
}

impl Database {
    /// The pins of the file in `folder`, which need not exist.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { path: folder.join("pins.db") }
    }

    /// Runs `work` on a connection of its own, also inside an asynchronous runtime.
    fn with<T, W>(
        &self,
        action: &'static str,
        work: impl FnOnce(SqliteConnection) -> W + Send,
    ) -> Result<T, StoreError>
    where
        T: Send,
        W: Future<Output = Result<T, sqlx::Error>>,
    {
        let failed = |source: io::Error| StoreError::Io { action, path: self.path.clone(), source };
        if let Some(folder) = self.path.parent() {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(failed)?;
        }
        // A journal that is deleted, and not a write-ahead log, keeps all state in one file, whose
        // header counts the commits: `stamp` reads that.
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Delete)
            .busy_timeout(BUSY_TIME_MAX)
            .disable_statement_logging();
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = options.connect().await?;
                sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
                work(connection).await
            })
        };
        let done = std::thread::scope(|scope| scope.spawn(run).join());
        let done = done.unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed));
        done.map_err(|error| failed(io::Error::other(error)))
    }

    fn read_entry(&self, key: &Key, lock: &str) -> Result<Entry, StoreError> {
        let syntax = |source| StoreError::Syntax { path: self.path.clone(), source };
        let mut entries = text::read(lock).map_err(|error| syntax(error.into()))?;
        entries.remove(key).ok_or_else(|| syntax(format!("`{key}` is not in its row").into()))
    }
}

impl Store for Database {
    fn entries(&self) -> Result<BTreeMap<Key, Entry>, StoreError> {
        if !self.path.exists() {
            return Ok(BTreeMap::new());
        }
        let rows: Vec<(String, String, String)> =
            self.with("reading", async |mut connection| {
                let rows = sqlx::query("SELECT alias, context, lock FROM pins");
                let rows: Vec<SqliteRow> = rows.fetch_all(&mut connection).await?;
                rows.iter()
                    .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
                    .collect()
            })?;
        let mut entries = BTreeMap::new();
        for (alias, context, lock) in rows {
            let key = Key { alias, context };
            let entry = self.read_entry(&key, &lock)?;
            entries.insert(key, entry);
        }
        Ok(entries)
    }

    fn load(&self, key: &Key) -> Result<Option<Pinned>, StoreError> {
        if !self.path.exists() {
            return Ok(None);
        }
        let row: Option<(String, String)> = self.with("reading", async |mut connection| {
            let row =
                sqlx::query("SELECT lock, surface FROM pins WHERE alias = $1 AND context = $2");
            let row = row.bind(&key.alias).bind(&key.context);
            let row: Option<SqliteRow> = row.fetch_optional(&mut connection).await?;
            row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
        })?;
        let Some((lock, surface)) = row else { return Ok(None) };
        let entry = self.read_entry(key, &lock)?;
        let surface = parse_surface(surface.as_bytes())
            .map_err(|source| StoreError::Surface { path: self.path.clone(), source })?;
        let mismatch = |what| StoreError::Mismatch { path: self.path.clone(), what };
        verify(&entry, &surface).map_err(mismatch)?;
        Ok(Some(Pinned { entry, surface }))
    }

    fn replace(
        &self,
        key: &Key,
        expected: Option<Digest>,
        pinned: &Pinned,
    ) -> Result<(), StoreError> {
        let lock = text::write(&BTreeMap::from([(key.clone(), pinned.entry.clone())]));
        let surface = print_surface(pinned);
        let exact = pinned.entry.digests.exact.to_string();
        let changed = self.with("writing", async |mut connection| {
            let statement = match expected {
                None => sqlx::query(INSERT),
                Some(_) => sqlx::query(UPDATE),
            };
            let statement = statement
                .bind(&key.alias)
                .bind(&key.context)
                .bind(&exact)
                .bind(&lock)
                .bind(&surface)
                .bind(expected.map(|expected| expected.to_string()));
            let done = statement.execute(&mut connection).await?;
            connection.close().await?;
            Ok(done.rows_affected())
        })?;
        if changed == 1 { Ok(()) } else { Err(StoreError::Moved(key.clone())) }
    }

    fn evidence(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.path.exists() {
            return Ok(None);
        }
        self.with("reading", async |mut connection| {
            let row = sqlx::query("SELECT bundle FROM evidence WHERE alias = $1 AND context = $2");
            let row = row.bind(&key.alias).bind(&key.context);
            let row: Option<SqliteRow> = row.fetch_optional(&mut connection).await?;
            row.map(|row| row.try_get::<String, _>(0).map(String::into_bytes)).transpose()
        })
    }

    fn keep_evidence(&self, key: &Key, bundle: &str) -> Result<(), StoreError> {
        self.with("writing", async |mut connection| {
            let statement = sqlx::query(KEEP_EVIDENCE);
            let statement = statement.bind(&key.alias).bind(&key.context).bind(bundle);
            statement.execute(&mut connection).await?;
            connection.close().await
        })
    }

    fn stamp(&self, _key: &Key) -> Stamp {
        let of = || {
            let file = File::open(&self.path).ok()?;
            let meta = file.metadata().ok()?;
            let mut commits = [0; 4];
            file.read_exact_at(&mut commits, CHANGE_COUNTER_OFFSET).ok()?;
            let commits = u64::from(u32::from_be_bytes(commits));
            Some((meta.mtime(), meta.mtime_nsec(), meta.len(), commits))
        };
        [of(), None]
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn root(&self) -> Option<&Path> {
        None
    }
}

const SCHEMA: &str = "\
CREATE TABLE IF NOT EXISTS pins (
    alias TEXT NOT NULL,
    context TEXT NOT NULL,
    exact TEXT NOT NULL,
    lock TEXT NOT NULL,
    surface TEXT NOT NULL,
    PRIMARY KEY (alias, context)
) STRICT;
CREATE TABLE IF NOT EXISTS evidence (
    alias TEXT NOT NULL,
    context TEXT NOT NULL,
    bundle TEXT NOT NULL,
    PRIMARY KEY (alias, context)
) STRICT";

const KEEP_EVIDENCE: &str = "\
INSERT INTO evidence (alias, context, bundle) VALUES ($1, $2, $3)
ON CONFLICT (alias, context) DO UPDATE SET bundle = $3";

const INSERT: &str = "\
INSERT INTO pins (alias, context, exact, lock, surface)
SELECT $1, $2, $3, $4, $5 WHERE $6 IS NULL
ON CONFLICT DO NOTHING";

const UPDATE: &str = "\
UPDATE pins SET exact = $3, lock = $4, surface = $5
WHERE alias = $1 AND context = $2 AND exact = $6";

/// How long to wait for another process that writes.
const BUSY_TIME_MAX: Duration = Duration::from_secs(10);

/// The counter of commits in the header of a `SQLite` file (database file format, 1.3).
const CHANGE_COUNTER_OFFSET: u64 = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::file::tests::{key, pinned};

    #[test]
    fn a_pin_is_kept_and_replaced_only_by_who_knows_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Database::in_folder(&folder.path().join("countersign"));
        assert_eq!(store.load(&key("a")).unwrap(), None);
        let (first, second) = (pinned("first"), pinned("second"));
        store.replace(&key("a"), None, &first).unwrap();
        assert_eq!(store.load(&key("a")).unwrap(), Some(first.clone()));
        let stamp = store.stamp(&key("a"));
        assert!(matches!(store.replace(&key("a"), None, &second), Err(StoreError::Moved(_))));
        assert_eq!(store.stamp(&key("a")), stamp);
        let exact = first.entry.digests.exact;
        store.replace(&key("a"), Some(exact), &second).unwrap();
        assert_ne!(store.stamp(&key("a")), stamp);
        assert_eq!(store.load(&key("a")).unwrap(), Some(second.clone()));
        let late = store.replace(&key("a"), Some(exact), &second);
        assert!(matches!(late, Err(StoreError::Moved(_))));
        assert_eq!(store.entries().unwrap(), BTreeMap::from([(key("a"), second.entry)]));
    }

    #[test]
    fn a_surface_that_somebody_touched_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Database::in_folder(folder.path());
        store.replace(&key("a"), None, &pinned("first")).unwrap();
        let worse = print_surface(&pinned("worse"));
        store
            .with("writing", async |mut connection| {
                let touch = sqlx::query("UPDATE pins SET surface = $1").bind(&worse);
                touch.execute(&mut connection).await
            })
            .unwrap();
        assert_eq!(store.load(&key("a")).unwrap_err().code(), "lock.surface-mismatch");
    }

    #[test]
    fn pins_of_many_writers_all_stand() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for index in 0..8 {
                let store = Database::in_folder(folder.path());
                scope.spawn(move || {
                    let name = format!("server-{index}");
                    store.replace(&key(&name), None, &pinned(&name)).unwrap();
                });
            }
        });
        assert_eq!(Database::in_folder(folder.path()).entries().unwrap().len(), 8);
    }
}
