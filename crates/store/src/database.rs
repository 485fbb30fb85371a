//! Tables beside the log: SQLite in a file, or PostgreSQL. They can always be rebuilt.

use std::time::Duration;

use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{AnyConnection, Connection as _, Executor as _, Row as _};

use crate::backend::StoreError;
use crate::{limits, scale};

/// A database, by its URL: `sqlite:PATH` or `postgres://…`. SQL uses `$1` and what both understand.
#[derive(Debug, Clone)]
pub struct Database {
    pool: sqlx::AnyPool,
    is_postgres: bool,
}

impl Database {
    /// Opens the database, making the file if it is SQLite, and brings its tables up to date:
    /// `migrations` are (name, SQL) in order, each applied once. Several processes may open it at the
    /// same time.
    ///
    /// # Errors
    /// A database that cannot be opened, or a migration that fails; of PostgreSQL, a URL that carries a
    /// password.
    pub async fn open(url: &str, migrations: &[(&str, &'static str)]) -> Result<Self, StoreError> {
        install_default_drivers();
        let is_postgres = url.starts_with("postgres:") || url.starts_with("postgresql:");
        let creates = !is_postgres && !url.contains('?') && !url.contains(":memory:");
        let full = match url {
            url if is_postgres => scale::verified_url(url)?,
            url if creates => format!("{url}?mode=rwc"),
            url => url.to_owned(),
        };
        let options = AnyPoolOptions::new()
            .max_connections(limits::CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIME_MAX)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    // What is lost with the last transactions of SQLite comes again from the log.
                    let settings = if is_postgres { POSTGRES } else { SQLITE };
                    connection.execute(settings).await.map(drop)
                })
            });
        let failed = |source: sqlx::Error| failed("opening", url, source);
        let pool = options.connect(&full).await.map_err(failed)?;
        let database = Self { pool, is_postgres };
        let mut connection = database.pool.acquire().await.map_err(failed)?;
        for migration in migrations {
            database.migrate(&mut connection, *migration).await?;
        }
        Ok(database)
    }

    /// Applies a migration, unless it was. The table of migrations is locked meanwhile.
    async fn migrate(
        &self,
        connection: &mut AnyConnection,
        (name, sql): (&str, &'static str),
    ) -> Result<(), StoreError> {
        let failed = |source: sqlx::Error| failed("migrating", name, source);
        let begin = if self.is_postgres { "BEGIN" } else { "BEGIN IMMEDIATE" };
        let mut transaction = connection.begin_with(begin).await.map_err(failed)?;
        if self.is_postgres {
            transaction.execute(POSTGRES_LOCK).await.map_err(failed)?;
        }
        transaction.execute(MIGRATIONS).await.map_err(failed)?;
        let applied = sqlx::query("SELECT COUNT(*) FROM migrations WHERE name = $1");
        let applied = applied.bind(name).fetch_one(&mut *transaction).await.map_err(failed)?;
        if applied.try_get::<i64, _>(0).map_err(failed)? == 0 {
            sqlx::raw_sql(sql).execute(&mut *transaction).await.map_err(failed)?;
            let insert = sqlx::query("INSERT INTO migrations (name) VALUES ($1)").bind(name);
            insert.execute(&mut *transaction).await.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    /// The connections.
    pub const fn pool(&self) -> &sqlx::AnyPool {
        &self.pool
    }

    /// Whether this is PostgreSQL, where a statement has to differ.
    pub const fn is_postgres(&self) -> bool {
        self.is_postgres
    }
}

/// An error of a database, without what an URL may hold of passwords.
fn failed(action: &'static str, what: &str, source: sqlx::Error) -> StoreError {
    let place = match what.split_once('@') {
        Some((_, place)) if what.contains("://") => place,
        _ => what,
    };
    StoreError::Storage { action, place: place.to_owned(), source: source.into() }
}

const SQLITE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
    PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000; PRAGMA temp_store = MEMORY;";
const POSTGRES: &str = "SET statement_timeout = '60s'; SET lock_timeout = '10s';";
/// Any number that nothing else in the database locks.
const POSTGRES_LOCK: &str = "SELECT pg_advisory_xact_lock(7161827341)";
const MIGRATIONS: &str = "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY NOT NULL)";
const ACQUIRE_TIME_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn each_migration_is_applied_once() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("index.sqlite").display());
        let first = ("one", "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);");
        let second = ("two", "INSERT INTO a VALUES (2);");
        drop(Database::open(&url, &[first]).await.unwrap());
        let both = [first, second];
        let (one, two) = tokio::join!(Database::open(&url, &both), Database::open(&url, &both));
        let database = one.and(two).unwrap();
        let rows =
            sqlx::query("SELECT x FROM a ORDER BY x").fetch_all(database.pool()).await.unwrap();
        let rows: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(rows, [1, 2]);
        let mode = sqlx::query("PRAGMA journal_mode").fetch_one(database.pool()).await.unwrap();
        assert_eq!(mode.get::<String, _>(0), "wal");
    }

    #[tokio::test]
    async fn a_migration_that_fails_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("index.sqlite").display());
        let wrong = ("one", "CREATE TABLE a (x INTEGER); INSERT INTO b VALUES (1);");
        assert_eq!(Database::open(&url, &[wrong]).await.unwrap_err().code(), "store.storage");
        let database = Database::open(&url, &[("one", "CREATE TABLE a (x INTEGER);")]).await;
        assert!(database.is_ok());
    }

    #[test]
    fn an_error_shows_no_password() {
        let error = failed("opening", "postgres://user:secret@host/name", sqlx::Error::PoolClosed);
        assert_eq!(error.to_string(), "opening host/name");
    }
}
