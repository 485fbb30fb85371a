//! A row as the API shows it: server.json byte for byte, and beside it what the registry says.

use bytes::Bytes;
use serde::Serialize;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use utoipa::ToSchema;

use crate::service::time::rfc3339_of_us;

/// A row of `versions`.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) position: i64,
    server: String,
    version: String,
    statement: i64,
    entry: String,
    body: String,
    surface: Option<SurfaceDigests>,
    state: String,
    status: String,
    status_message: String,
    status_us: i64,
    published_us: i64,
    updated_us: i64,
    is_latest: bool,
}

/// `_meta` under `io.modelcontextprotocol.registry/official`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Official<'r> {
    /// `active`, `deprecated` or `deleted`.
    status: &'r str,
    /// The message that goes with the status.
    #[serde(skip_serializing_if = "str::is_empty")]
    status_message: &'r str,
    /// When the status changed last.
    status_changed_at: String,
    /// When the version was published, or first seen.
    published_at: String,
    /// When anything here changed last: grows strictly with the log.
    updated_at: String,
    /// Whether this is what `latest` names.
    is_latest: bool,
}

/// `_meta` under our own key: what the log has.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Countersign<'r> {
    /// The exact digest of `server`.
    entry: &'r str,
    /// The digests of the declared surface.
    #[serde(skip_serializing_if = "Option::is_none")]
    surface: Option<&'r SurfaceDigests>,
    /// `undeclared`, `declared`, `held`, `denied`, `countersigned`, `revoked`, `observed`, `vanished`.
    state: &'r str,
    /// The index of the statement that fixes the entry and the surface.
    index: i64,
    /// The three lines of the newest published checkpoint; signed at `/log/checkpoint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<&'r str>,
    /// Where its proof is.
    proof: String,
    /// Where everything is that verifies offline.
    bundle: String,
}

/// Two digests of a surface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct SurfaceDigests {
    /// Over the surface as shown.
    exact: String,
    /// Over its semantic form.
    semantic: String,
}

/// What is the same for all rows of an answer.
pub(super) struct Frame<'f> {
    /// `"<operator>/countersign":` as JSON.
    pub(super) key: &'f str,
    pub(super) checkpoint: Option<&'f str>,
}

impl Shown {
    /// The columns that [`Shown::from_row`] reads, in its order.
    pub(super) fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let exact: Option<String> = row.try_get(6)?;
        let semantic: Option<String> = row.try_get(7)?;
        Ok(Self {
            position: row.try_get(0)?,
            server: row.try_get(1)?,
            version: row.try_get(2)?,
            statement: row.try_get(3)?,
            entry: row.try_get(4)?,
            body: row.try_get(5)?,
            surface: exact
                .zip(semantic)
                .map(|(exact, semantic)| SurfaceDigests { exact, semantic }),
            state: row.try_get(8)?,
            status: row.try_get(9)?,
            status_message: row.try_get(10)?,
            status_us: row.try_get(11)?,
            published_us: row.try_get(12)?,
            updated_us: row.try_get(13)?,
            is_latest: row.try_get::<i64, _>(14)? != 0,
        })
    }

    /// Appends `{"server": …, "_meta": …}`.
    pub(super) fn write(&self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        let official = Official {
            status: &self.status,
            status_message: &self.status_message,
            status_changed_at: rfc3339_of_us(self.status_us),
            published_at: rfc3339_of_us(self.published_us),
            updated_at: rfc3339_of_us(self.updated_us),
            is_latest: self.is_latest,
        };
        let (server, version) =
            (super::path::encode(&self.server), super::path::encode(&self.version));
        let ours = Countersign {
            entry: &self.entry,
            surface: self.surface.as_ref(),
            state: &self.state,
            index: self.statement,
            checkpoint: frame.checkpoint,
            proof: format!("/log/proof/{}", self.statement),
            bundle: format!("/log/bundle/{server}/{version}"),
        };
        out.extend_from_slice(b"{\"server\":");
        // INVARIANT: the body was strict JSON when it was admitted; it is copied, never written anew.
        if self.body.is_empty() {
            out.extend_from_slice(&self.absent());
        } else {
            out.extend_from_slice(self.body.as_bytes());
        }
        out.extend_from_slice(b",\"_meta\":{\"io.modelcontextprotocol.registry/official\":");
        append(&official, out);
        out.push(b',');
        out.extend_from_slice(frame.key.as_bytes());
        append(&ours, out);
        out.extend_from_slice(b"}}");
    }

    /// What stands for an entry whose bytes are erased, or were never JSON.
    fn absent(&self) -> Bytes {
        #[derive(Serialize)]
        struct Absent<'r> {
            name: &'r str,
            description: &'static str,
            version: &'r str,
        }
        let absent = Absent {
            name: &self.server,
            description: "The bytes of this entry are not kept; its digest is in the log.",
            version: &self.version,
        };
        serde_json::to_vec(&absent).unwrap_or_else(|_| b"{}".to_vec()).into()
    }
}

fn append(value: &impl Serialize, out: &mut Vec<u8>) {
    // Strings, numbers and booleans: nothing that could fail.
    let _ = serde_json::to_writer(out, value);
}

/// The columns of a row, in the order that [`Shown::from_row`] reads.
pub(super) const COLUMNS: &str = "position, server, version, statement, entry, body, surface_exact, \
     surface_semantic, state, status, status_message, status_us, published_us, updated_us, is_latest";
