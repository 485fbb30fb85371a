//! What the tables know of a server before something is published under its name.

use seal::KeyId;
use serde::Serialize;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use surface::{Digest, Surface, document};

use super::{PublishError, Publisher};
use crate::service::ServiceError;

/// A version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) statement: u64,
    pub(super) countersignature: Option<u64>,
    pub(super) entry: String,
    pub(super) surface_exact: Option<String>,
    pub(super) state: String,
    pub(super) status: String,
    pub(super) message: String,
    pub(super) upstream: String,
}

/// What a key is to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The server has none yet: the proof of the namespace introduces it.
    First,
    /// It counts.
    Counts,
    /// The server has others, and none of them handed over to this one.
    Stranger,
    /// It was rotated or revoked.
    Lapsed,
}

/// A version that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The index of the countersignature that holds it.
    pub index: u64,
    /// The server.
    pub server: String,
    /// The version.
    pub version: String,
    /// The index of the declaration.
    pub declaration: u64,
}

impl Publisher {
    /// The name under which the server exists, if in another case.
    pub(super) async fn other_case(&self, name: &str) -> Result<Option<String>, PublishError> {
        let query = sqlx::query("SELECT server FROM servers WHERE folded = $1 AND server <> $2");
        let query = query.bind(name.to_ascii_lowercase()).bind(name.to_owned());
        let row = query.fetch_optional(self.service.database().pool()).await;
        let name = row.and_then(|row| row.map(|row| row.try_get(0)).transpose());
        Ok(name.map_err(ServiceError::database("looking for the name in another case"))?)
    }

    /// A version that was published here or seen at an upstream.
    pub(super) async fn version(
        &self,
        server: &str,
        version: &str,
    ) -> Result<Option<Version>, PublishError> {
        let query = sqlx::query(
            "SELECT statement, countersignature, entry, surface_exact, state, status, \
             status_message, upstream FROM versions WHERE server = $1 AND version = $2",
        );
        let query = query.bind(server.to_owned()).bind(version.to_owned());
        let row = query.fetch_optional(self.service.database().pool()).await;
        let row = row.and_then(|row| row.as_ref().map(version_of).transpose());
        Ok(row.map_err(ServiceError::database("reading a version"))?)
    }

    /// The versions that were published here, and their statuses.
    pub(super) async fn versions(
        &self,
        server: &str,
    ) -> Result<Vec<(String, Version)>, PublishError> {
        let query = sqlx::query(
            "SELECT statement, countersignature, entry, surface_exact, state, status, \
             status_message, upstream, version FROM versions \
             WHERE server = $1 AND upstream = '' ORDER BY position",
        );
        let rows = query.bind(server.to_owned()).fetch_all(self.service.database().pool()).await;
        let read = |row: &AnyRow| Ok((row.try_get(8)?, version_of(row)?));
        let rows: Result<Vec<_>, sqlx::Error> =
            rows.and_then(|rows| rows.iter().map(read).collect());
        Ok(rows.map_err(ServiceError::database("reading the versions of a server"))?)
    }

    /// What a key is to a server.
    pub(super) async fn standing(
        &self,
        server: &str,
        key: &KeyId,
    ) -> Result<Standing, PublishError> {
        let key = key.0.to_string();
        let pool = self.service.database().pool();
        let failed = || ServiceError::database("reading the keys of a server");
        let query = sqlx::query("SELECT 1 FROM revocations WHERE kind = 'key' AND subject = $1");
        let revoked = query.bind(key.clone()).fetch_optional(pool).await.map_err(failed())?;
        if revoked.is_some() {
            return Ok(Standing::Lapsed);
        }
        // INVARIANT: a key that came with a held declaration, and with nothing else, is a stranger
        // until a reviewer released one of its versions: else the second attempt would pass.
        let query = sqlx::query(
            "SELECT key_id, state, CASE WHEN pem IS NULL THEN 0 ELSE 1 END, \
             (SELECT COUNT(*) FROM versions WHERE versions.server = keys.server \
              AND versions.signer = keys.key_id AND versions.state = 'countersigned') \
             FROM keys WHERE server = $1 ORDER BY since",
        );
        let rows = query.bind(server.to_owned()).fetch_all(pool).await.map_err(failed())?;
        let read = |row: &AnyRow| -> Result<(String, String, i64, i64), sqlx::Error> {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
        };
        let rows: Result<Vec<_>, _> = rows.iter().map(read).collect();
        let rows = rows.map_err(failed())?;
        let at = rows.iter().position(|(id, ..)| *id == key);
        Ok(match (at, at.and_then(|at| rows.get(at))) {
            _ if rows.is_empty() => Standing::First,
            (Some(at), Some((_, state, rotated_to, released))) => match state.as_str() {
                "active" if at == 0 || *rotated_to == 1 || *released > 0 => Standing::Counts,
                "active" => Standing::Stranger,
                _ => Standing::Lapsed,
            },
            _ => Standing::Stranger,
        })
    }

    /// Whether a surface of the server was revoked.
    pub(super) async fn is_revoked(
        &self,
        server: &str,
        exact: &Digest,
    ) -> Result<bool, PublishError> {
        let query = sqlx::query(
            "SELECT 1 FROM revocations WHERE kind = 'surface' AND subject = $1 AND server = $2",
        );
        let query = query.bind(exact.to_string()).bind(server.to_owned());
        let row = query.fetch_optional(self.service.database().pool()).await;
        Ok(row.map_err(ServiceError::database("reading revocations"))?.is_some())
    }

    /// The surface and the entry of the newest admitted version of a server.
    pub(super) async fn admitted(
        &self,
        server: &str,
    ) -> Result<Option<(Surface, Vec<u8>)>, PublishError> {
        let failed = || ServiceError::database("reading the version before");
        let query = sqlx::query(
            "SELECT surface_object, body FROM versions WHERE server = $1 AND upstream = '' \
             AND state = 'countersigned' AND surface_object IS NOT NULL \
             ORDER BY position DESC LIMIT 1",
        );
        let query = query.bind(server.to_owned());
        let row = query.fetch_optional(self.service.database().pool()).await.map_err(failed())?;
        let Some(row) = row else { return Ok(None) };
        let object: String = row.try_get(0).map_err(failed())?;
        let body: String = row.try_get(1).map_err(failed())?;
        let Ok(object) = object.parse() else { return Ok(None) };
        let Some(bytes) = self.service.object(&object).await? else { return Ok(None) };
        let document = wire::Document::parse(&bytes, &document::POLICY)?;
        Ok(Some((document::read(document.root())?, body.into_bytes())))
    }

    /// What waits for approval, oldest first; at most `count`.
    ///
    /// # Errors
    /// Tables that fail.
    pub async fn held(&self, count: u32) -> Result<Vec<Held>, PublishError> {
        let query = sqlx::query(
            "SELECT position, server, version, declaration FROM holds WHERE released IS NULL \
             ORDER BY position LIMIT $1",
        );
        let rows = query.bind(i64::from(count)).fetch_all(self.service.database().pool()).await;
        let rows: Result<Vec<_>, sqlx::Error> =
            rows.and_then(|rows| rows.iter().map(held_of).collect());
        Ok(rows.map_err(ServiceError::database("reading what is held"))?)
    }

    /// What a countersignature holds, if it still does.
    pub(super) async fn hold(&self, index: u64) -> Result<Held, PublishError> {
        let query = sqlx::query(
            "SELECT position, server, version, declaration FROM holds \
             WHERE position = $1 AND released IS NULL",
        );
        let query = query.bind(i64::try_from(index).unwrap_or(-1));
        let row = query.fetch_optional(self.service.database().pool()).await;
        let row = row.and_then(|row| row.as_ref().map(held_of).transpose());
        let row = row.map_err(ServiceError::database("reading what is held"))?;
        row.ok_or(PublishError::NotHeld { index })
    }

    /// The namespaces of a server whose proof changed: pattern, method, subject and what was found.
    pub(super) async fn rekeyed(
        &self,
        server: &str,
    ) -> Result<Vec<(String, (String, String, Option<String>))>, PublishError> {
        let namespace = server.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let query = sqlx::query(
            "SELECT server, method, subject, fingerprint FROM namespaces WHERE state = 'changed'",
        );
        let rows = query.fetch_all(self.service.database().pool()).await;
        let read = |row: &AnyRow| {
            Ok((row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?)))
        };
        let rows: Result<Vec<(String, _)>, sqlx::Error> =
            rows.and_then(|rows| rows.iter().map(read).collect());
        let rows = rows.map_err(ServiceError::database("reading namespaces"))?;
        let covers = |pattern: &str| {
            let granted = pattern.strip_suffix("/*").unwrap_or(pattern);
            namespace
                .strip_prefix(granted)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        Ok(rows.into_iter().filter(|(pattern, _)| covers(pattern)).collect())
    }
}

fn version_of(row: &AnyRow) -> Result<Version, sqlx::Error> {
    Ok(Version {
        statement: row.try_get::<i64, _>(0)?.unsigned_abs(),
        countersignature: row.try_get::<Option<i64>, _>(1)?.map(i64::unsigned_abs),
        entry: row.try_get(2)?,
        surface_exact: row.try_get(3)?,
        state: row.try_get(4)?,
        status: row.try_get(5)?,
        message: row.try_get(6)?,
        upstream: row.try_get(7)?,
    })
}

fn held_of(row: &AnyRow) -> Result<Held, sqlx::Error> {
    Ok(Held {
        index: row.try_get::<i64, _>(0)?.unsigned_abs(),
        server: row.try_get(1)?,
        version: row.try_get(2)?,
        declaration: row.try_get::<i64, _>(3)?.unsigned_abs(),
    })
}
