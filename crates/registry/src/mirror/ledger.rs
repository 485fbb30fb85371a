//! What a mirror knows of an upstream: what it listed, and how far the walks are.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use store::Database;
use surface::Digest;

use super::MirrorError;

/// The tables, for one upstream.
#[derive(Clone)]
pub(super) struct Ledger {
    database: Database,
    upstream: String,
}

/// An entry, as it was stated last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) entry: Option<Digest>,
    pub(super) object: Option<Digest>,
    /// What the upstream said, or [`VANISHED`].
    pub(super) status: String,
    pub(super) message: String,
    pub(super) is_latest: bool,
    pub(super) published_at: Option<String>,
    pub(super) position: Option<u64>,
}

/// Everything that was stated of an upstream: name -> version -> entry.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) names: HashMap<String, HashMap<String, Known>>,
    /// Rows that could not be read, by the SHA-256 of their bytes.
    pub(super) unreadable: HashSet<String>,
}

/// How far the walks are.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    pub(super) walk: i64,
    pub(super) is_running: bool,
    pub(super) since: Option<String>,
    pub(super) started_us: i64,
    pub(super) sweeps: i64,
    pub(super) swept: i64,
    pub(super) swept_us: i64,
    pub(super) newest: Option<String>,
}

/// A page of a walk.
#[derive(Debug, Clone, Default)]
pub(super) struct Stored {
    pub(super) cursor: String,
    pub(super) next: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) newest: Option<String>,
    pub(super) seen: Vec<Mark>,
}

/// By what a row is known to have been listed.
pub(super) type Mark = [u8; 16];

/// The mark of one version.
pub(super) fn mark(name: &str, version: &str) -> Mark {
    let mut hash = Sha256::new();
    hash.update(name.len().to_le_bytes());
    hash.update(name);
    hash.update(version);
    let hash: [u8; 32] = hash.finalize().into();
    let mut mark = [0; 16];
    mark.copy_from_slice(hash.split_at(16).0);
    mark
}

impl Known {
    pub(super) fn is_vanished(&self) -> bool {
        self.status == VANISHED
    }
}

impl Listed {
    pub(super) fn get(&self, name: &str, version: &str) -> Option<&Known> {
        self.names.get(name)?.get(version)
    }

    pub(super) fn insert(&mut self, name: &str, version: &str, known: Known) {
        let versions = self.names.entry(name.to_owned()).or_default();
        if known.is_latest {
            for other in versions.values_mut() {
                other.is_latest = false;
            }
        }
        versions.insert(version.to_owned(), known);
    }

    /// The version of `name` that is called the latest, unless it is `version`.
    pub(super) fn other_latest(&self, name: &str, version: &str) -> Option<(&str, &Known)> {
        let versions = self.names.get(name)?.iter();
        let mut latest = versions.filter(|(other, known)| known.is_latest && *other != version);
        latest.next().map(|(version, known)| (version.as_str(), known))
    }

    /// Every version that has not vanished.
    pub(super) fn live(&self) -> impl Iterator<Item = (&str, &str, &Known)> {
        self.names.iter().flat_map(|(name, versions)| {
            let live = versions.iter().filter(|(_, known)| !known.is_vanished());
            live.map(|(version, known)| (name.as_str(), version.as_str(), known))
        })
    }

    pub(super) fn vanished_count(&self) -> usize {
        self.names.values().flat_map(HashMap::values).filter(|known| known.is_vanished()).count()
    }
}

impl Ledger {
    pub(super) fn new(database: Database, upstream: String) -> Self {
        Self { database, upstream }
    }

    pub(super) async fn listed(&self) -> Result<Listed, MirrorError> {
        let query = sqlx::query(
            "SELECT server, version, entry, object, status, message, is_latest, published_at, \
             position FROM upstream_entries WHERE upstream = $1",
        );
        let failed = MirrorError::database("reading what is known of an upstream");
        let rows = query.bind(&self.upstream).fetch_all(self.database.pool()).await;
        let mut listed = Listed::default();
        let read = |rows: Vec<AnyRow>| {
            for row in rows {
                let (name, version): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                let known = known(&row)?;
                if known.status == UNREADABLE {
                    listed.unreadable.insert(version);
                } else {
                    listed.names.entry(name).or_default().insert(version, known);
                }
            }
            Ok(())
        };
        rows.and_then(read).map_err(failed)?;
        Ok(listed)
    }

    pub(super) async fn progress(&self) -> Result<Progress, MirrorError> {
        let query = sqlx::query(
            "SELECT walk, is_running, since, started_us, sweeps, swept, swept_us, newest \
             FROM mirrors WHERE upstream = $1",
        );
        let row = query.bind(&self.upstream).fetch_optional(self.database.pool()).await;
        let read = |row: AnyRow| {
            Ok(Progress {
                walk: row.try_get(0)?,
                is_running: row.try_get::<i64, _>(1)? != 0,
                since: row.try_get(2)?,
                started_us: row.try_get(3)?,
                sweeps: row.try_get(4)?,
                swept: row.try_get(5)?,
                swept_us: row.try_get(6)?,
                newest: row.try_get(7)?,
            })
        };
        let progress = row.and_then(|row| row.map(read).transpose());
        let progress = progress.map_err(MirrorError::database("reading how far a mirror is"))?;
        Ok(progress.unwrap_or_default())
    }

    pub(super) async fn set_progress(&self, progress: &Progress) -> Result<(), MirrorError> {
        let query = sqlx::query(
            "INSERT INTO mirrors (upstream, walk, is_running, since, started_us, sweeps, swept, \
             swept_us, newest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (upstream) DO UPDATE SET \
             walk = excluded.walk, is_running = excluded.is_running, since = excluded.since, \
             started_us = excluded.started_us, sweeps = excluded.sweeps, \
             swept = excluded.swept, swept_us = excluded.swept_us, newest = excluded.newest",
        )
        .bind(&self.upstream)
        .bind(progress.walk)
        .bind(i64::from(progress.is_running))
        .bind(progress.since.as_deref())
        .bind(progress.started_us)
        .bind(progress.sweeps)
        .bind(progress.swept)
        .bind(progress.swept_us)
        .bind(progress.newest.as_deref());
        let done = query.execute(self.database.pool()).await;
        done.map(drop).map_err(MirrorError::database("storing how far a mirror is"))
    }

    /// The pages of a walk, in order.
    pub(super) async fn pages(&self, walk: i64) -> Result<Vec<Stored>, MirrorError> {
        let query = sqlx::query(
            "SELECT cursor, next, etag, newest, seen FROM mirror_pages \
             WHERE upstream = $1 AND walk = $2 ORDER BY page",
        );
        let rows = query.bind(&self.upstream).bind(walk).fetch_all(self.database.pool()).await;
        let read = |row: &AnyRow| {
            Ok(Stored {
                cursor: row.try_get(0)?,
                next: row.try_get(1)?,
                etag: row.try_get(2)?,
                newest: row.try_get(3)?,
                seen: marks(row.try_get(4)?),
            })
        };
        rows.and_then(|rows| rows.iter().map(read).collect())
            .map_err(MirrorError::database("reading the pages of a walk"))
    }

    pub(super) async fn add_page(
        &self,
        walk: i64,
        page: usize,
        stored: &Stored,
    ) -> Result<(), MirrorError> {
        let query = sqlx::query(
            "INSERT INTO mirror_pages (upstream, walk, page, cursor, next, etag, newest, seen) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&self.upstream)
        .bind(walk)
        .bind(i64::try_from(page).unwrap_or(i64::MAX))
        .bind(&stored.cursor)
        .bind(stored.next.as_deref())
        .bind(stored.etag.as_deref())
        .bind(stored.newest.as_deref())
        .bind(hex(&stored.seen));
        let done = query.execute(self.database.pool()).await;
        done.map(drop).map_err(MirrorError::database("storing a page of a walk"))
    }

    /// Forgets the pages of all walks but `kept`.
    pub(super) async fn forget_pages(&self, kept: i64) -> Result<(), MirrorError> {
        let query = sqlx::query("DELETE FROM mirror_pages WHERE upstream = $1 AND walk <> $2");
        let done = query.bind(&self.upstream).bind(kept).execute(self.database.pool()).await;
        done.map(drop).map_err(MirrorError::database("forgetting the pages of old walks"))
    }

    /// How many sweeps in a row did not list an entry.
    pub(super) async fn missing(&self) -> Result<HashMap<(String, String), i64>, MirrorError> {
        let query =
            sqlx::query("SELECT server, version, sweeps FROM mirror_missing WHERE upstream = $1");
        let rows = query.bind(&self.upstream).fetch_all(self.database.pool()).await;
        let read = |row: &AnyRow| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?));
        rows.and_then(|rows| rows.iter().map(read).collect())
            .map_err(MirrorError::database("reading what a sweep missed"))
    }

    /// Replaces what [`Ledger::missing`] gives, in one transaction.
    pub(super) async fn set_missing(
        &self,
        missing: &HashMap<(String, String), i64>,
    ) -> Result<(), MirrorError> {
        let failed = || MirrorError::database("storing what a sweep missed");
        let mut tx = self.database.pool().begin().await.map_err(failed())?;
        let query = sqlx::query("DELETE FROM mirror_missing WHERE upstream = $1");
        query.bind(&self.upstream).execute(&mut *tx).await.map_err(failed())?;
        for ((server, version), sweeps) in missing {
            let query = sqlx::query(
                "INSERT INTO mirror_missing (upstream, server, version, sweeps) \
                 VALUES ($1, $2, $3, $4)",
            );
            let query = query.bind(&self.upstream).bind(server).bind(version).bind(*sweeps);
            query.execute(&mut *tx).await.map_err(failed())?;
        }
        tx.commit().await.map_err(failed())
    }
}

fn known(row: &AnyRow) -> Result<Known, sqlx::Error> {
    let digest = |text: Option<String>| text.and_then(|text| text.parse().ok());
    Ok(Known {
        entry: digest(row.try_get(2)?),
        object: digest(row.try_get(3)?),
        status: row.try_get(4)?,
        message: row.try_get(5)?,
        is_latest: row.try_get::<i64, _>(6)? != 0,
        published_at: row.try_get(7)?,
        position: row.try_get::<i64, _>(8)?.try_into().ok(),
    })
}

fn hex(marks: &[Mark]) -> String {
    let nibbles = marks.iter().flatten().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

fn marks(text: &str) -> Vec<Mark> {
    let (chunks, _) = text.as_bytes().as_chunks::<32>();
    let mark = |chunk: &[u8; 32]| {
        let text = std::str::from_utf8(chunk).ok()?;
        Some(u128::from_str_radix(text, 16).ok()?.to_be_bytes())
    };
    chunks.iter().filter_map(mark).collect()
}

/// The status of an entry that is no longer listed.
pub(super) const VANISHED: &str = "vanished";

/// The status of a row that strict JSON refuses. Its version is the SHA-256 of its bytes.
pub(super) const UNREADABLE: &str = "unreadable";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_as_they_were_written() {
        let all = [mark("a/b", "1"), mark("a/b", "2"), mark("a", "/b1"), [0; 16], [0xff; 16]];
        assert_eq!(marks(&hex(&all)), all);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(marks(""), [[0; 16]; 0]);
    }
}
