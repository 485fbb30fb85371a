//! Grants in a database: SQLite in a file, or PostgreSQL for many instances.

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, Connection as _, Executor as _, Row as _};
use store::Database;

use super::row::{self, SELECT};
use super::{Ended, Grant, GrantError, Grants, Once, Use};
use crate::limits;
use crate::token::{Replay, ReplayError, Subject};

/// Grants in a database.
#[derive(Debug, Clone)]
pub struct Durable {
    database: Database,
}

impl Durable {
    /// Opens the database, `sqlite:PATH` or `postgres://…`, and brings its tables up to date.
    ///
    /// # Errors
    /// A database that cannot be opened.
    pub async fn open(url: &str) -> Result<Self, GrantError> {
        let database = Database::open(url, MIGRATIONS).await.map_err(GrantError::store)?;
        Ok(Self { database })
    }

    async fn connection(&self) -> Result<PoolConnection<Any>, GrantError> {
        self.database.pool().acquire().await.map_err(GrantError::store)
    }

    /// A statement that writes begins as a writer: one that read before may not become one.
    const fn begin(&self) -> &'static str {
        if self.database.is_postgres() { "BEGIN" } else { "BEGIN IMMEDIATE" }
    }

    async fn one(&self, which: &str, value: &str) -> Result<Option<Grant>, GrantError> {
        let mut connection = self.connection().await?;
        one(&mut connection, which, value).await.map_err(GrantError::store)
    }

    /// Runs a statement whose effect survives the loss of power too. SQLite syncs each commit only
    /// if it is told to.
    async fn run_durably(&self, query: AnyQuery<'_>) -> Result<(), GrantError> {
        let mut connection = self.connection().await?;
        if self.database.is_postgres() {
            return query.execute(&mut *connection).await.map(drop).map_err(GrantError::store);
        }
        connection.execute("PRAGMA synchronous = FULL").await.map_err(GrantError::store)?;
        let done = query.execute(&mut *connection).await;
        connection.execute("PRAGMA synchronous = NORMAL").await.map_err(GrantError::store)?;
        done.map(drop).map_err(GrantError::store)
    }
}

type AnyQuery<'q> = sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>;

async fn one(
    connection: &mut AnyConnection,
    which: &str,
    value: &str,
) -> Result<Option<Grant>, sqlx::Error> {
    let select = format!("{SELECT} {which} = $1");
    let found = sqlx::query(sqlx::AssertSqlSafe(select)).bind(value).fetch_optional(connection);
    found.await?.as_ref().map(row::read).transpose()
}

/// What an exchange takes, inside the caller's transaction.
async fn take(tx: &mut AnyConnection, used: &Use, now_s: u64) -> Result<(), GrantError> {
    let counted = sqlx::query(
        "UPDATE authz_grants SET exchanges = exchanges + 1 WHERE txn = $1 AND exchanges < $2 \
         AND revoked_s IS NULL AND expires_s > $3 AND NOT EXISTS (SELECT 1 FROM authz_epochs e \
         WHERE e.iss = subject_iss AND e.sub = subject_sub AND e.at_s >= root_issued_s)",
    );
    let counted = counted.bind(&used.txn).bind(seconds(used.bounds.exchanges_max));
    let counted =
        counted.bind(seconds(now_s)).execute(&mut *tx).await.map_err(GrantError::store)?;
    if counted.rows_affected() == 0 {
        let grant = one(tx, "g.txn", &used.txn).await.map_err(GrantError::store)?;
        let grant = grant.ok_or(GrantError::Dead("there is none"))?;
        grant.live(now_s)?;
        return Err(GrantError::exchanges(grant.expires_s, now_s));
    }
    for Once { of, name, until_s } in &used.once {
        if !first(tx, name, *until_s).await.map_err(GrantError::store)? {
            return Err(GrantError::Used(*of));
        }
    }
    let target = sqlx::query(
        "INSERT INTO authz_targets (parent, target, txn) VALUES ($1, $2, $3) \
         ON CONFLICT (parent, target) DO NOTHING",
    );
    let target = target.bind(&used.parent.0).bind(used.target.as_str()).bind(&used.txn);
    let target = target.execute(&mut *tx).await.map_err(GrantError::store)?;
    if target.rows_affected() == 0 {
        return Ok(());
    }
    let count = sqlx::query("SELECT COUNT(*) FROM authz_targets WHERE parent = $1");
    let count = count.bind(&used.parent.0).fetch_one(&mut *tx).await;
    let count = count.and_then(|row| row.try_get::<i64, _>(0)).map_err(GrantError::store)?;
    let fits = count <= seconds(used.bounds.targets_max);
    fits.then_some(()).ok_or_else(GrantError::targets)
}

/// Whether nobody used `name` before.
async fn first(tx: &mut AnyConnection, name: &str, until_s: u64) -> Result<bool, sqlx::Error> {
    let insert = sqlx::query(
        "INSERT INTO authz_used (name, until_s) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
    );
    let insert = insert.bind(name).bind(seconds(until_s)).execute(tx).await?;
    Ok(insert.rows_affected() == 1)
}

/// As columns hold it.
fn seconds(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[async_trait]
impl Grants for Durable {
    async fn found(&self, grant: Grant) -> Result<Grant, GrantError> {
        if let Some(there) = self.one("g.root", &grant.root.0).await? {
            return Ok(there);
        }
        let insert = sqlx::query(
            "INSERT INTO authz_grants (txn, root, subject_iss, subject_sub, client_iss, client_id, \
             ceiling, details, expires_s, depth_max, root_issued_s) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (root) DO NOTHING",
        );
        let insert = insert
            .bind(&grant.txn)
            .bind(&grant.root.0)
            .bind(&grant.subject.iss)
            .bind(&grant.subject.sub)
            .bind(&grant.root_client.iss)
            .bind(&grant.root_client.sub)
            .bind(row::ceiling_json(&grant.ceiling))
            .bind(row::details_json(&grant.details))
            .bind(seconds(grant.expires_s))
            .bind(i64::from(grant.depth_max))
            .bind(seconds(grant.root_issued_s));
        insert.execute(self.database.pool()).await.map_err(GrantError::store)?;
        let found = self.one("g.root", &grant.root.0).await?;
        found.ok_or(GrantError::Dead("there is none"))
    }

    async fn grant(&self, txn: &str) -> Result<Option<Grant>, GrantError> {
        self.one("g.txn", txn).await
    }

    async fn take(&self, used: &Use, now_s: u64) -> Result<(), GrantError> {
        let mut connection = self.connection().await?;
        let begun = connection.begin_with(self.begin()).await;
        let mut transaction = begun.map_err(GrantError::store)?;
        match take(&mut transaction, used, now_s).await {
            Ok(()) => transaction.commit().await.map_err(GrantError::store),
            Err(error) => {
                // What is refused takes nothing, also if this fails: dropping it rolls back.
                transaction.rollback().await.map_err(GrantError::store)?;
                Err(error)
            }
        }
    }

    async fn revoke(&self, txn: &str, reason: &str, now_s: u64) -> Result<(), GrantError> {
        let update = sqlx::query(
            "UPDATE authz_grants SET revoked_s = $2, reason = $3 \
             WHERE txn = $1 AND revoked_s IS NULL",
        );
        self.run_durably(update.bind(txn).bind(seconds(now_s)).bind(reason)).await
    }

    async fn end_before(&self, subject: &Subject, event_s: u64) -> Result<(), GrantError> {
        let now = if self.database.is_postgres() {
            "CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)"
        } else {
            "CAST(strftime('%s', 'now') AS INTEGER)"
        };
        let upsert = sqlx::query(sqlx::AssertSqlSafe(format!(
            "INSERT INTO authz_epochs (iss, sub, at_s, told_s) VALUES ($1, $2, $3, {now}) \
             ON CONFLICT (iss, sub) DO UPDATE SET at_s = excluded.at_s, told_s = excluded.told_s \
             WHERE authz_epochs.at_s < excluded.at_s"
        )));
        let upsert = upsert.bind(&subject.iss).bind(&subject.sub).bind(seconds(event_s));
        self.run_durably(upsert).await
    }

    async fn epoch(&self, subject: &Subject) -> Result<u64, GrantError> {
        let select = sqlx::query("SELECT at_s FROM authz_epochs WHERE iss = $1 AND sub = $2");
        let select = select.bind(&subject.iss).bind(&subject.sub);
        let row = select.fetch_optional(self.database.pool()).await.map_err(GrantError::store)?;
        let at_s =
            row.map(|row| row.try_get::<i64, _>(0)).transpose().map_err(GrantError::store)?;
        Ok(at_s.and_then(|at_s| u64::try_from(at_s).ok()).unwrap_or_default())
    }

    async fn ended(&self, since_s: u64, count_max: usize) -> Result<Ended, GrantError> {
        let count = i64::try_from(count_max).unwrap_or(i64::MAX);
        let mut connection = self.connection().await?;
        let mut rows = async |sql: &'static str| {
            let query = sqlx::query(sql).bind(seconds(since_s)).bind(count);
            query.fetch_all(&mut *connection).await
        };
        let grants = rows(row::ENDED_GRANTS).await.map_err(GrantError::store)?;
        let epochs = rows(row::ENDED_SUBJECTS).await.map_err(GrantError::store)?;
        row::ended(&grants, &epochs).map_err(GrantError::store)
    }

    async fn sweep(&self, now_s: u64) -> Result<(), GrantError> {
        let over_s = seconds(now_s.saturating_sub(limits::GRANT_MEMORY_S));
        for (sql, before_s) in [
            ("DELETE FROM authz_used WHERE until_s <= $1", seconds(now_s)),
            (
                "DELETE FROM authz_targets WHERE txn IN \
                 (SELECT txn FROM authz_grants WHERE expires_s <= $1)",
                over_s,
            ),
            ("DELETE FROM authz_grants WHERE expires_s <= $1", over_s),
        ] {
            let delete = sqlx::query(sql).bind(before_s).execute(self.database.pool());
            delete.await.map_err(GrantError::store)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Replay for Durable {
    async fn once(&self, key: &str, until_s: u64) -> Result<(), ReplayError> {
        let failed = |error: sqlx::Error| ReplayError::Store(Box::new(error));
        let mut connection = self.database.pool().acquire().await.map_err(failed)?;
        let is_first = first(&mut connection, key, until_s).await.map_err(failed)?;
        is_first.then_some(()).ok_or(ReplayError::Used)
    }
}

const MIGRATIONS: &[(&str, &str)] = &[
    ("authz-0001-grants", include_str!("../../migrations/0001-grants.sql")),
    ("authz-0010-ended", include_str!("../../migrations/0010-ended.sql")),
];
