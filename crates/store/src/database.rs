//! Tables beside the log: SQLite in a file, or PostgreSQL. They can always be rebuilt.

use crate::backend::StoreError;

/// A database, by its URL: `sqlite:PATH` or `postgres://…`. SQL uses `$1` and what both understand.
#[derive(Debug, Clone)]
pub struct Database {
    pool: sqlx::AnyPool,
    is_postgres: bool,
}

impl Database {
    /// Opens the database, making the file if it is SQLite, and brings its tables up to date:
    /// `migrations` are (name, SQL) in order, each applied once.
    ///
    /// # Errors
    /// A database that cannot be opened, or a migration that fails.
    pub async fn open(url: &str, migrations: &[(&str, &'static str)]) -> Result<Self, StoreError> {
        let _ = (url, migrations);
        unimplemented!()
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
