//! A grant as a row.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{EVENT, Ended, EndedGrant, Grant};
use crate::resource::Resource;
use crate::token::{Detail, Subject, TokenHash};

/// A grant beside its subject's epoch.
pub(super) const SELECT: &str = "SELECT g.txn, g.root, g.subject_iss, g.subject_sub, g.client_iss, \
    g.client_id, g.ceiling, g.details, g.expires_s, g.depth_max, g.root_issued_s, \
    COALESCE(g.revoked_s, -1), COALESCE(g.reason, ''), COALESCE(e.at_s, -1) \
    FROM authz_grants g LEFT JOIN authz_epochs e \
    ON e.iss = g.subject_iss AND e.sub = g.subject_sub WHERE ";

/// Reads a row of [`SELECT`].
pub(super) fn read(row: &AnyRow) -> Result<Grant, sqlx::Error> {
    let seconds = |column: usize| row.try_get::<i64, _>(column).map(|n| u64::try_from(n).ok());
    let root_issued_s = seconds(10)?.unwrap_or_default();
    let revoked = match (seconds(11)?, seconds(13)?) {
        (Some(at_s), _) => Some((at_s, row.try_get(12)?)),
        (None, Some(epoch_s)) if epoch_s >= root_issued_s => Some((epoch_s, EVENT.to_owned())),
        _ => None,
    };
    Ok(Grant {
        txn: row.try_get(0)?,
        root: TokenHash(row.try_get(1)?),
        subject: Subject { iss: row.try_get(2)?, sub: row.try_get(3)? },
        root_client: Subject { iss: row.try_get(4)?, sub: row.try_get(5)? },
        ceiling: ceiling(row.try_get(6)?)?,
        details: details(row.try_get(7)?)?,
        expires_s: seconds(8)?.unwrap_or_default(),
        depth_max: row.try_get::<i64, _>(9)?.try_into().unwrap_or_default(),
        root_issued_s,
        revoked,
    })
}

/// Grants that were told at `$1` or later to have ended: each revoked, or founded before an event.
pub(super) const ENDED_GRANTS: &str = "SELECT txn, root, expires_s, revoked_s AS told_s \
    FROM authz_grants WHERE revoked_s >= $1 UNION \
    SELECT g.txn, g.root, g.expires_s, e.told_s FROM authz_epochs e JOIN authz_grants g \
    ON g.subject_iss = e.iss AND g.subject_sub = e.sub \
    WHERE e.told_s >= $1 AND e.at_s >= g.root_issued_s ORDER BY told_s LIMIT $2";

/// Subjects of which an event was told at `$1` or later.
pub(super) const ENDED_SUBJECTS: &str = "SELECT iss, sub, at_s, told_s FROM authz_epochs \
    WHERE told_s >= $1 ORDER BY told_s LIMIT $2";

/// Reads the rows of both.
pub(super) fn ended(grants: &[AnyRow], epochs: &[AnyRow]) -> Result<Ended, sqlx::Error> {
    let seconds = |row: &AnyRow, column: usize| {
        row.try_get::<i64, _>(column).map(|n| u64::try_from(n).unwrap_or_default())
    };
    let grant = |row: &AnyRow| {
        let (txn, root) = (row.try_get(0)?, TokenHash(row.try_get(1)?));
        Ok((EndedGrant { txn, root, expires_s: seconds(row, 2)? }, seconds(row, 3)?))
    };
    let epoch = |row: &AnyRow| {
        let subject = Subject { iss: row.try_get(0)?, sub: row.try_get(1)? };
        Ok((subject, seconds(row, 2)?, seconds(row, 3)?))
    };
    Ok(Ended {
        grants: grants.iter().map(grant).collect::<Result<_, sqlx::Error>>()?,
        epochs: epochs.iter().map(epoch).collect::<Result<_, sqlx::Error>>()?,
    })
}

/// A ceiling as JSON.
pub(super) fn ceiling_json(ceiling: &BTreeMap<Resource, BTreeSet<String>>) -> String {
    let members = ceiling.iter().map(|(at, scopes)| (at.to_string(), json!(scopes)));
    Value::Object(members.collect()).to_string()
}

/// Details as JSON.
pub(super) fn details_json(details: &[Detail]) -> String {
    let element = |it: &Detail| json!([it.server, it.tool, it.arguments]);
    Value::Array(details.iter().map(element).collect()).to_string()
}

fn ceiling(text: &str) -> Result<BTreeMap<Resource, BTreeSet<String>>, sqlx::Error> {
    let members: BTreeMap<String, BTreeSet<String>> = decoded(text)?;
    let resource = |text: &str| Resource::parse(text).map_err(|it| sqlx::Error::Decode(it.into()));
    members.into_iter().map(|(at, scopes)| Ok((resource(&at)?, scopes))).collect()
}

fn details(text: &str) -> Result<Vec<Detail>, sqlx::Error> {
    let elements: Vec<(String, String, Map<String, Value>)> = decoded(text)?;
    let detail = |(server, tool, arguments)| Detail { server, tool, arguments };
    Ok(elements.into_iter().map(detail).collect())
}

/// Our own text, as we wrote it.
fn decoded<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}
