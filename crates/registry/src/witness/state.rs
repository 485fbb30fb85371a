//! What a witness holds: `witness.db`, and `marks` beside it, which remembers how far that was.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use tlog::{Hash, VerifierKey};

use super::logs::{KnownLog, LogList};
use crate::limits;

/// The newest checkpoint that was cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) size: u64,
    pub(super) root: Hash,
    /// The text, the log's signatures that were verified, and the cosignatures that were given.
    pub(super) note: String,
    pub(super) time_s: u64,
}

/// Two statements of a log that cannot both hold, or a proof that proves nothing.
#[derive(Debug, Clone)]
pub(super) struct Conflict {
    pub(super) origin: String,
    pub(super) held: Option<Head>,
    pub(super) size: u64,
    pub(super) root: Hash,
    /// The request, verbatim.
    pub(super) request: String,
    pub(super) time_s: u64,
}

/// The state of a witness, for this process alone.
pub(super) struct State {
    db: SqliteConnection,
    data: PathBuf,
    marks: BTreeMap<String, (u64, Hash)>,
}

/// Makes the state of a new witness. Nothing else ever makes one.
///
/// # Errors
/// State that is there already, or storage that fails.
pub async fn init(data: &Path, name: &str) -> Result<(), StateError> {
    for file in [database(data), marks(data)] {
        if file.exists() {
            return Err(StateError::Exists(file));
        }
    }
    let failed = || StateError::database("making the database of the witness");
    let mut db = options(data).create_if_missing(true).connect().await.map_err(failed())?;
    let mut tx = db.begin().await.map_err(failed())?;
    for statement in TABLES {
        sqlx::query(statement).execute(&mut *tx).await.map_err(failed())?;
    }
    let row = sqlx::query("INSERT INTO witness (id, name) VALUES (1, ?)").bind(name.to_owned());
    row.execute(&mut *tx).await.map_err(failed())?;
    tx.commit().await.map_err(failed())?;
    db.close().await.map_err(failed())?;
    write_marks(data, &BTreeMap::new())
}

impl State {
    /// Opens the state, takes what `list` adds, and gives every log and every head.
    ///
    /// # Errors
    /// No state, another witness's, or an older one than `marks` remembers.
    pub(super) async fn open(
        data: &Path,
        name: &str,
        list: &LogList,
        now_s: u64,
    ) -> Result<(Self, LogList, HashMap<String, Head>), StateError> {
        if !database(data).exists() {
            return Err(StateError::Missing(database(data)));
        }
        let marks = read_marks(data)?;
        let failed = || StateError::database("opening the database of the witness");
        let mut db = options(data).connect().await.map_err(failed())?;
        match read(&mut db, name, &marks, list, now_s).await {
            Ok((logs, heads)) => {
                let mut state = Self { db, data: data.to_owned(), marks };
                state.mark(&heads)?;
                Ok((state, logs, heads))
            }
            Err(error) => {
                // Dropped, it would be closed some time later: whoever puts another database here
                // would find it locked, or the write-ahead log of this one beside it.
                if let Err(error) = db.close().await {
                    tracing::warn!(%error, "closing the database of the witness");
                }
                Err(error)
            }
        }
    }

    /// Moves each head from what it is believed to be, and keeps conflicts, in one transaction:
    /// durable when this returns. Which heads were moved: the others had been moved by somebody
    /// else.
    ///
    /// # Errors
    /// A database that fails: nobody knows what is durable.
    pub(super) async fn commit(
        &mut self,
        moves: &[(&str, Option<&Head>, &Head)],
        conflicts: &[&Conflict],
    ) -> Result<Vec<bool>, StateError> {
        let failed = || StateError::database("recording checkpoints");
        let mut tx = self.db.begin_with("BEGIN IMMEDIATE").await.map_err(failed())?;
        let mut moved = Vec::with_capacity(moves.len());
        for (origin, from, to) in moves {
            moved.push(advance(&mut tx, origin, *from, to).await.map_err(failed())?);
        }
        for conflict in conflicts {
            keep(&mut tx, conflict).await.map_err(failed())?;
        }
        tx.commit().await.map_err(failed())?;
        Ok(moved)
    }

    /// Whether `marks` knows of an origin.
    pub(super) fn is_marked(&self, origin: &str) -> bool {
        self.marks.contains_key(origin)
    }

    /// Writes down beside the database how far it is.
    ///
    /// # Errors
    /// Storage that fails.
    pub(super) fn mark(&mut self, heads: &HashMap<String, Head>) -> Result<(), StateError> {
        let now = heads.iter().map(|(origin, head)| (origin.clone(), (head.size, head.root)));
        let now: BTreeMap<_, _> = now.collect();
        if now != self.marks {
            write_marks(&self.data, &now)?;
            self.marks = now;
        }
        Ok(())
    }

    /// Closes the database.
    pub(super) async fn close(self) {
        if let Err(error) = self.db.close().await {
            tracing::warn!(%error, "closing the database of the witness");
        }
    }
}

/// Checks that the database is this witness's and no older than `marks`, before anything is written
/// to it.
async fn read(
    db: &mut SqliteConnection,
    name: &str,
    marks: &BTreeMap<String, (u64, Hash)>,
    list: &LogList,
    now_s: u64,
) -> Result<(LogList, HashMap<String, Head>), StateError> {
    let failed = || StateError::database("opening the database of the witness");
    let row = sqlx::query("SELECT name FROM witness WHERE id = 1").fetch_one(&mut *db).await;
    let known: String = row.and_then(|row| row.try_get(0)).map_err(failed())?;
    if known != name {
        return Err(StateError::OtherWitness { known });
    }
    let heads = read_heads(db).await.map_err(failed())?;
    // INVARIANT: no log is cosigned below or beside what was cosigned before.
    for (origin, (size, root)) in marks {
        let is_held = heads
            .get(origin)
            .is_some_and(|head| head.size > *size || (head.size == *size && head.root == *root));
        if !is_held {
            let (origin, size) = (origin.clone(), *size);
            let held = heads.get(&origin).map(|head| head.size);
            return Err(StateError::RolledBack { origin, size, held });
        }
    }
    add_logs(db, list, now_s).await.map_err(failed())?;
    Ok((read_logs(db).await.map_err(failed())?, heads))
}

async fn advance(
    tx: &mut SqliteConnection,
    origin: &str,
    from: Option<&Head>,
    to: &Head,
) -> Result<bool, sqlx::Error> {
    let row = match from {
        Some(from) => sqlx::query(
            "UPDATE heads SET size = ?, root = ?, note = ?, time_s = ? \
             WHERE origin = ? AND size = ? AND root = ? AND time_s <= ?",
        )
        .bind(signed(to.size))
        .bind(to.root.0.to_vec())
        .bind(to.note.clone())
        .bind(signed(to.time_s))
        .bind(origin.to_owned())
        .bind(signed(from.size))
        .bind(from.root.0.to_vec())
        .bind(signed(to.time_s)),
        None => sqlx::query(
            "INSERT INTO heads (size, root, note, time_s, origin) SELECT ?1, ?2, ?3, ?4, ?5 \
             WHERE NOT EXISTS (SELECT 1 FROM heads WHERE origin = ?5)",
        )
        .bind(signed(to.size))
        .bind(to.root.0.to_vec())
        .bind(to.note.clone())
        .bind(signed(to.time_s))
        .bind(origin.to_owned()),
    };
    Ok(row.execute(tx).await?.rows_affected() == 1)
}

async fn keep(tx: &mut SqliteConnection, it: &Conflict) -> Result<(), sqlx::Error> {
    let row = sqlx::query(
        "INSERT INTO evidence (origin, size, root, held, request, time_s) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 \
         WHERE (SELECT count(*) FROM evidence WHERE origin = ?1) < ?7 \
         ON CONFLICT (origin, size, root) DO NOTHING",
    );
    let row = row
        .bind(it.origin.clone())
        .bind(signed(it.size))
        .bind(it.root.0.to_vec())
        .bind(it.held.as_ref().map(|head| head.note.clone()))
        .bind(it.request.clone())
        .bind(signed(it.time_s))
        .bind(limits::EVIDENCE_MAX);
    row.execute(tx).await.map(|_| ())
}

async fn add_logs(
    db: &mut SqliteConnection,
    list: &LogList,
    now_s: u64,
) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    for (origin, log) in &list.logs {
        for key in &log.keys {
            let row = sqlx::query(
                "INSERT INTO logs (origin, vkey, requests_per_day, contact, since_s) \
                 VALUES (?, ?, ?, ?, ?) ON CONFLICT (origin, vkey) DO UPDATE SET \
                 requests_per_day = excluded.requests_per_day, contact = excluded.contact",
            );
            let row = row
                .bind(origin.clone())
                .bind(key.to_string())
                .bind(i64::from(log.requests_per_day))
                .bind(log.contact.clone())
                .bind(signed(now_s));
            row.execute(&mut *tx).await?;
        }
    }
    tx.commit().await
}

async fn read_logs(db: &mut SqliteConnection) -> Result<LogList, sqlx::Error> {
    let rows = sqlx::query("SELECT origin, vkey, requests_per_day, contact FROM logs");
    let mut list = LogList::default();
    for row in rows.fetch_all(db).await? {
        let key: String = row.try_get(1)?;
        let key: VerifierKey = key.parse().map_err(|error| decoding(Box::new(error)))?;
        let requests_per_day: i64 = row.try_get(2)?;
        let requests_per_day = u32::try_from(requests_per_day).unwrap_or(u32::MAX);
        let contact = row.try_get(3)?;
        list.add(row.try_get(0)?, KnownLog { keys: vec![key], requests_per_day, contact });
    }
    Ok(list)
}

async fn read_heads(db: &mut SqliteConnection) -> Result<HashMap<String, Head>, sqlx::Error> {
    let rows = sqlx::query("SELECT origin, size, root, note, time_s FROM heads");
    let read = |row: SqliteRow| {
        let root: Vec<u8> = row.try_get(2)?;
        let root = root.try_into().map_err(|_| decoding("a root of another length".into()))?;
        let (size, time_s): (i64, i64) = (row.try_get(1)?, row.try_get(4)?);
        let (size, time_s) = (size.unsigned_abs(), time_s.unsigned_abs());
        let head = Head { size, root: Hash(root), note: row.try_get(3)?, time_s };
        Ok((row.try_get(0)?, head))
    };
    rows.fetch_all(db).await?.into_iter().map(read).collect()
}

fn decoding(error: Box<dyn std::error::Error + Send + Sync>) -> sqlx::Error {
    sqlx::Error::Decode(error)
}

fn options(data: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(database(data))
        .create_if_missing(false)
        // One process at a time; a second one is told that the database is locked.
        .locking_mode(SqliteLockingMode::Exclusive)
        .journal_mode(SqliteJournalMode::Wal)
        // INVARIANT: what is committed has reached the disk.
        .synchronous(SqliteSynchronous::Full)
        .pragma("recursive_triggers", "ON")
}

fn database(data: &Path) -> PathBuf {
    data.join("witness.db")
}

fn marks(data: &Path) -> PathBuf {
    data.join("marks")
}

fn read_marks(data: &Path) -> Result<BTreeMap<String, (u64, Hash)>, StateError> {
    let path = marks(data);
    let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StateError::Missing(path.clone()),
        _ => StateError::Marks { path: path.clone(), source: error },
    })?;
    let read = |line: &str| {
        let (size, rest) = line.split_once(' ')?;
        let (root, origin) = rest.split_once(' ')?;
        Some((origin.to_owned(), (size.parse().ok()?, root.parse().ok()?)))
    };
    let marks: Option<_> = text.lines().map(read).collect();
    marks.ok_or_else(|| StateError::Marks { path, source: io::ErrorKind::InvalidData.into() })
}

/// Replaces `marks` as a whole, durably.
fn write_marks(data: &Path, now: &BTreeMap<String, (u64, Hash)>) -> Result<(), StateError> {
    let path = marks(data);
    let write = || {
        let next = path.with_extension("next");
        let mut file = fs::File::create(&next)?;
        for (origin, (size, root)) in now {
            writeln!(file, "{size} {root} {origin}")?;
        }
        file.sync_all()?;
        fs::rename(&next, &path)?;
        fs::File::open(data)?.sync_all()
    };
    write().map_err(|source| StateError::Marks { path: path.clone(), source })
}

fn signed(number: u64) -> i64 {
    // tlog takes no size or time of 2^63 or more.
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Why a witness does not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// There is state already.
    #[error("there is a witness already: {0}")]
    Exists(PathBuf),
    /// There is no state.
    #[error("the state of the witness is missing: {0}")]
    Missing(PathBuf),
    /// The state is of another witness.
    #[error("the state is that of the witness `{known}`")]
    OtherWitness {
        /// Its name.
        known: String,
    },
    /// The database is older than what was cosigned.
    #[error(
        "`{origin}` was cosigned at size {size}, which the database does not know (it has {held:?})"
    )]
    RolledBack {
        /// The log.
        origin: String,
        /// The size that was cosigned.
        size: u64,
        /// The size that the database has.
        held: Option<u64>,
    },
    /// A key of a log in the list is the witness's own.
    #[error("a key of `{origin}` is the witness's own")]
    OwnKey {
        /// The log.
        origin: String,
    },
    /// The marks cannot be read or written.
    #[error("the marks in {path}")]
    Marks {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The database failed.
    #[error("{action}")]
    Database {
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: sqlx::Error,
    },
    /// The witness stopped: storage had failed before.
    #[error("the witness has stopped")]
    Stopped,
}

/// The codes of [`StateError`], each with its sentence.
pub const CODES: &[(&str, &str)] = &[
    ("witness.exists", "There is a witness already; nothing is made over it."),
    ("witness.missing", "There is no witness, or a part of its state is gone."),
    ("witness.other", "The state is that of a witness of another name."),
    ("witness.rolled-back", "The state is older than what was cosigned."),
    ("witness.own-key", "A log of the list has a key of the witness itself."),
    ("witness.storage", "The state could not be read or written."),
    ("witness.stopped", "The witness stopped: storage had failed before."),
];

impl StateError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Exists(_) => "witness.exists",
            Self::Missing(_) => "witness.missing",
            Self::OtherWitness { .. } => "witness.other",
            Self::RolledBack { .. } => "witness.rolled-back",
            Self::OwnKey { .. } => "witness.own-key",
            Self::Marks { .. } | Self::Database { .. } => "witness.storage",
            Self::Stopped => "witness.stopped",
        }
    }

    fn database(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { action, source }
    }
}

const TABLES: [&str; 9] = [
    "CREATE TABLE witness (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL) STRICT",
    "CREATE TABLE logs (origin TEXT NOT NULL, vkey TEXT NOT NULL, \
     requests_per_day INTEGER NOT NULL, contact TEXT NOT NULL, since_s INTEGER NOT NULL, \
     PRIMARY KEY (origin, vkey)) STRICT",
    "CREATE TABLE heads (origin TEXT NOT NULL PRIMARY KEY, \
     size INTEGER NOT NULL CHECK (size >= 0), root BLOB NOT NULL CHECK (length(root) = 32), \
     note TEXT NOT NULL, time_s INTEGER NOT NULL) STRICT",
    // INVARIANT: a head grows; it is never rewritten, replaced or forgotten.
    "CREATE TRIGGER heads_grow BEFORE UPDATE ON heads WHEN new.origin <> old.origin \
     OR new.size < old.size OR (new.size = old.size AND new.root <> old.root) \
     OR new.time_s < old.time_s \
     BEGIN SELECT raise(ABORT, 'a head does not shrink or change'); END",
    "CREATE TRIGGER heads_stay BEFORE DELETE ON heads \
     BEGIN SELECT raise(ABORT, 'a head is not forgotten'); END",
    "CREATE TRIGGER heads_once BEFORE INSERT ON heads \
     WHEN EXISTS (SELECT 1 FROM heads WHERE origin = new.origin) \
     BEGIN SELECT raise(ABORT, 'a head is not replaced'); END",
    "CREATE TRIGGER logs_stay BEFORE DELETE ON logs \
     BEGIN SELECT raise(ABORT, 'a log is not forgotten'); END",
    "CREATE TABLE evidence (origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, \
     held TEXT, request TEXT NOT NULL, time_s INTEGER NOT NULL, \
     PRIMARY KEY (origin, size, root)) STRICT",
    "CREATE TRIGGER evidence_stays BEFORE DELETE ON evidence \
     BEGIN SELECT raise(ABORT, 'evidence is not forgotten'); END",
];
