//! Which rows there are, in memory: what a list needs to find its page.
//!
//! Names, versions, order and times; never bodies, which the tables have. A page is found by one pass
//! over some megabytes, whatever is searched for. Every replica keeps its own, from the tables.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use memchr::memmem;
use sqlx::Row as _;
use store::Database;
use tokio::sync::watch;

use super::ServiceError;
use crate::limits;
use crate::projection::Progress;

/// The rows of `versions`, without their bodies. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    rows: Arc<RwLock<Rows>>,
}

/// Which rows are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// A part of the name, in any case.
    pub search: Option<String>,
    /// `latest`, or an exact version.
    pub version: Option<String>,
    /// Rows that changed at this time or after it, in microseconds since 1970.
    pub updated_since_us: Option<i64>,
    /// Whether deleted rows are wanted.
    pub include_deleted: bool,
}

/// A place in a list, after which the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct After {
    /// When the row changed last; zero in a list by position.
    pub updated_us: i64,
    /// The position of the row; -1 before the first.
    pub position: i64,
}

/// A page of a list: the positions of its rows, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The rows.
    pub positions: Vec<i64>,
    /// Where the next page begins, if there is one.
    pub next: Option<After>,
}

#[derive(Debug, Default)]
struct Rows {
    /// In the order of their positions, which never change.
    all: Vec<Row>,
    /// Names in lower case, one after another, each ended by a byte that no name has.
    names: Vec<u8>,
    /// Where each name begins in `names`.
    starts: Vec<usize>,
    by_name: HashMap<Box<[u8]>, Vec<u32>>,
    /// Each row by the time of its newest change.
    by_time: BTreeSet<(i64, i64)>,
    /// The newest statement that is in here.
    updated: i64,
}

#[derive(Debug)]
struct Row {
    position: i64,
    name: u32,
    version: Box<str>,
    is_latest: bool,
    is_deleted: bool,
    updated_us: i64,
}

impl Catalogue {
    /// The rows that `filter` wants, after a place, at most `limit`.
    pub fn page(&self, filter: &Filter, after: After, limit: usize) -> Page {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let names = filter.search.as_deref().map(|part| rows.names_with(part));
        let wants = |row: &Row| {
            (filter.include_deleted || !row.is_deleted)
                && names.as_ref().is_none_or(|names| names.has(row.name))
                && filter.version.as_deref().is_none_or(|version| row.is(version))
        };
        let mut page = Page::default();
        let mut last = after;
        let mut take = |row: &Row, place: After| {
            if page.positions.len() == limit {
                page.next = Some(last);
                return false;
            }
            page.positions.push(row.position);
            last = place;
            true
        };
        if let Some(since) = filter.updated_since_us {
            let from = (after.updated_us, after.position).max((since, -1));
            let later = rows.by_time.range(from..).filter(|place| **place > from);
            for &(updated_us, position) in later {
                let Some(row) = rows.at(position) else { continue };
                if wants(row) && !take(row, After { updated_us, position }) {
                    break;
                }
            }
        } else {
            let from = rows.all.partition_point(|row| row.position <= after.position);
            for row in rows.all.get(from..).unwrap_or_default() {
                let place = After { updated_us: 0, position: row.position };
                if wants(row) && !take(row, place) {
                    break;
                }
            }
        }
        page
    }

    /// The positions of the versions of a server, newest first; empty if there is none.
    pub fn versions(&self, name: &str, include_deleted: bool) -> Vec<i64> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let of_name = rows.of_name(name).filter(|row| include_deleted || !row.is_deleted);
        let mut positions: Vec<i64> = of_name.map(|row| row.position).collect();
        positions.reverse();
        positions
    }

    /// The position of one version of a server: an exact one, or `latest`.
    pub fn version(&self, name: &str, version: &str) -> Option<i64> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.of_name(name).find(|row| row.is(version)).map(|row| row.position)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).all.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Follows the tables: reads what changed whenever the projection has gone on, and then says so to
    /// `ready`.
    pub(super) async fn follow(
        self,
        database: Database,
        mut progress: Progress,
        ready: watch::Sender<u64>,
    ) {
        let mut before = 0;
        loop {
            let size = *progress.borrow_and_update();
            // Tables that went back are being rebuilt.
            if size < before {
                *self.rows.write().unwrap_or_else(PoisonError::into_inner) = Rows::default();
            }
            match self.read(&database).await {
                Ok(()) => {
                    before = size;
                    ready.send_replace(size);
                    if progress.changed().await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    super::tell(&error, "the list of servers does not follow the tables");
                    tokio::time::sleep(limits::PROJECTION_RETRY_MIN).await;
                }
            }
        }
    }

    /// Reads the rows that changed since the last time.
    async fn read(&self, database: &Database) -> Result<(), ServiceError> {
        let updated = self.rows.read().unwrap_or_else(PoisonError::into_inner).updated;
        let query = sqlx::query(
            "SELECT position, server, version, is_latest, status, updated_us, updated \
             FROM versions WHERE updated >= $1 ORDER BY position",
        );
        let found = query.bind(updated).fetch_all(database.pool()).await;
        let found = found.map_err(ServiceError::database("reading the list of servers"))?;
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for row in &found {
            rows.put(row).map_err(ServiceError::database("reading the list of servers"))?;
        }
        Ok(())
    }
}

impl Rows {
    fn put(&mut self, found: &sqlx::any::AnyRow) -> Result<(), sqlx::Error> {
        let name: String = found.try_get(1)?;
        let status: String = found.try_get(4)?;
        let updated: i64 = found.try_get(6)?;
        let name = self.name(name.to_ascii_lowercase().as_bytes());
        let row = Row {
            position: found.try_get(0)?,
            name,
            version: found.try_get::<String, _>(2)?.into_boxed_str(),
            is_latest: found.try_get::<i64, _>(3)? != 0,
            is_deleted: status == "deleted",
            updated_us: found.try_get(5)?,
        };
        self.updated = self.updated.max(updated);
        self.by_time.insert((row.updated_us, row.position));
        match self.all.binary_search_by_key(&row.position, |row| row.position) {
            Ok(at) => {
                if let Some(old) = self.all.get_mut(at) {
                    if old.updated_us != row.updated_us {
                        self.by_time.remove(&(old.updated_us, old.position));
                    }
                    *old = row;
                }
            }
            Err(at) => self.insert(at, row),
        }
        Ok(())
    }

    /// A new row; nearly always the last.
    fn insert(&mut self, at: usize, row: Row) {
        let name = row.name;
        self.all.insert(at, row);
        let key = self.name_bytes(name).into();
        let of_name = self.by_name.entry(key).or_default();
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        if at as usize + 1 == self.all.len() {
            of_name.push(at);
            return;
        }
        for rows in self.by_name.values_mut() {
            rows.iter_mut().filter(|row| **row >= at).for_each(|row| *row += 1);
        }
        let key: Box<[u8]> = self.name_bytes(name).into();
        if let Some(of_name) = self.by_name.get_mut(&key) {
            of_name.push(at);
            of_name.sort_unstable();
        }
    }

    /// The number of a name, which is given one if it has none.
    fn name(&mut self, name: &[u8]) -> u32 {
        let known = self.by_name.get(name).and_then(|rows| rows.first());
        let known = known.and_then(|row| self.all.get(*row as usize));
        if let Some(row) = known {
            return row.name;
        }
        let number = u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
        self.starts.push(self.names.len());
        self.names.extend_from_slice(name);
        self.names.push(END);
        number
    }

    fn name_bytes(&self, name: u32) -> &[u8] {
        let start = self.starts.get(name as usize).copied().unwrap_or(self.names.len());
        let rest = self.names.get(start..).unwrap_or_default();
        rest.split(|byte| *byte == END).next().unwrap_or_default()
    }

    fn of_name(&self, name: &str) -> impl Iterator<Item = &Row> {
        let key = name.to_ascii_lowercase().into_bytes().into_boxed_slice();
        let rows = self.by_name.get(&key).map(Vec::as_slice).unwrap_or_default();
        rows.iter().filter_map(|row| self.all.get(*row as usize))
    }

    fn at(&self, position: i64) -> Option<&Row> {
        let at = self.all.binary_search_by_key(&position, |row| row.position).ok()?;
        self.all.get(at)
    }

    /// The names that have `part` in them.
    fn names_with(&self, part: &str) -> Names {
        let mut found = Names { bits: vec![0; self.starts.len() / 64 + 1] };
        let part = part.to_ascii_lowercase();
        if part.as_bytes().contains(&END) {
            return found;
        }
        for at in memmem::find_iter(&self.names, part.as_bytes()) {
            let name = self.starts.partition_point(|start| *start <= at).saturating_sub(1);
            if let Some(bits) = found.bits.get_mut(name / 64) {
                *bits |= 1 << (name % 64);
            }
        }
        found
    }
}

impl Row {
    fn is(&self, version: &str) -> bool {
        if version == "latest" { self.is_latest } else { *self.version == *version }
    }
}

struct Names {
    bits: Vec<u64>,
}

impl Names {
    fn has(&self, name: u32) -> bool {
        let bits = self.bits.get(name as usize / 64).copied().unwrap_or_default();
        bits & (1 << (name % 64)) != 0
    }
}

/// Ends a name in the list of names. No name and no part of one has it.
const END: u8 = b'\n';
