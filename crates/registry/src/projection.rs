//! From the log to the tables: statements become rows, and state changes in the feed.
//!
//! Deterministic: the tables are a function of the log and its objects. One projection follows the
//! log, in its order; each entry is applied in one transaction together with `projected_size`.

use drift::Severity;
use serde::{Deserialize, Serialize};

/// A change of a server's state: one row of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// Its number in the feed, from 1, without gaps.
    pub id: i64,
    /// The index of the statement that made it.
    pub index: u64,
    /// The server.
    pub server: String,
    /// The version, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its stable code: `entry.rewritten`, `surface.changed`, `namespace.lost`, `key.revoked`.
    pub code: String,
    /// How urgent it is for people.
    pub severity: Severity,
    /// One sentence.
    pub summary: String,
    /// When, RFC 3339.
    pub time: String,
    /// What was found, by code and place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<seal::statement::Finding>,
}
