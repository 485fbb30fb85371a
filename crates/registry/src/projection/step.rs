//! One entry on its way into the tables.

use async_trait::async_trait;
use bytes::Bytes;
use drift::Severity;
use seal::Envelope;
use seal::statement::{Finding, SurfaceClaim};
use sqlx::AnyConnection;
use sqlx::query::Query;
use surface::{Digest, Surface};

use super::ProjectionError;
use crate::limits;
use crate::service::codes;

/// Where objects are read.
#[async_trait]
pub trait Objects: Send + Sync {
    /// The bytes of an object; `None` if it is not there.
    ///
    /// # Errors
    /// Storage that fails.
    async fn object(&self, digest: &Digest) -> Result<Option<Bytes>, store::StoreError>;
}

#[async_trait]
impl Objects for store::Log {
    async fn object(&self, digest: &Digest) -> Result<Option<Bytes>, store::StoreError> {
        store::Log::object(self, digest).await
    }
}

/// One entry, and the transaction that applies it.
pub struct Step<'s> {
    /// The transaction.
    pub tx: &'s mut AnyConnection,
    /// The index of the entry.
    pub index: i64,
    /// The entry.
    pub envelope: &'s Envelope,
    /// The time of the entry in microseconds since 1970, strictly growing with the index: what the
    /// statement says, but never at or before the entry before it.
    pub time_us: i64,
    pub(super) objects: &'s dyn Objects,
    pub(super) change_id: i64,
}

/// A state change on its way into the feed.
#[derive(Debug, Clone)]
pub struct Change {
    /// A code of [`codes::CHANGES`].
    pub code: &'static str,
    /// How urgent it is; at first what the table says.
    pub severity: Severity,
    /// The version, where it is about one.
    pub version: Option<String>,
    /// One sentence.
    pub summary: String,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Change {
    /// A change with the severity that the table of codes gives it.
    pub fn new(code: &'static str, version: Option<&str>, summary: impl Into<String>) -> Self {
        Self {
            code,
            severity: codes::severity(code),
            version: version.map(str::to_owned),
            summary: summary.into(),
            findings: Vec::new(),
        }
    }

    /// The same change with another severity.
    #[must_use]
    pub const fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The same change with what was found, as urgent as the worst of it.
    #[must_use]
    pub fn findings(mut self, findings: &[Finding]) -> Self {
        self.severity = worst(findings).unwrap_or(self.severity);
        self.findings = findings.to_vec();
        self
    }
}

/// What differs between two surfaces, the most important first.
pub fn findings_of(before: &Surface, after: &Surface) -> Vec<Finding> {
    let changes = drift::compare(before, after, &[]);
    let finding = |change: &drift::Change| Finding {
        code: change.code.to_owned(),
        severity: change.severity.as_str().to_owned(),
        place: change.place.chars().take(limits::PLACE_CHARS_MAX).collect(),
    };
    changes.iter().take(limits::FINDINGS_MAX).map(finding).collect()
}

/// The highest severity of some findings.
pub fn worst(findings: &[Finding]) -> Option<Severity> {
    findings.iter().filter_map(|finding| finding.severity.parse().ok()).max()
}

impl Step<'_> {
    /// The name of the server.
    pub fn server(&self) -> &str {
        &self.envelope.statement().server
    }

    /// The first key that signed; its signature was verified before the entry was appended.
    pub fn signer(&self) -> String {
        self.envelope.signers().first().map(|id| id.0.to_string()).unwrap_or_default()
    }

    /// An object. (`&mut`: a step is not shared between threads, its connection cannot be.)
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn object(&mut self, digest: &Digest) -> Result<Option<Bytes>, ProjectionError> {
        Ok(self.objects.object(digest).await?)
    }

    /// The surface in an object; `None` if it is not there, or cannot be read.
    ///
    /// # Errors
    /// Storage that fails.
    pub async fn surface(&mut self, digest: &Digest) -> Result<Option<Surface>, ProjectionError> {
        let Some(bytes) = self.object(digest).await? else { return Ok(None) };
        let document = wire::Document::parse(&bytes, &surface::document::POLICY).ok();
        Ok(document.and_then(|document| surface::document::read(document.root()).ok()))
    }

    /// Runs a statement, and gives the number of rows that it touched.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn run(
        &mut self,
        action: &'static str,
        query: Query<'_, sqlx::Any, sqlx::any::AnyArguments>,
    ) -> Result<u64, ProjectionError> {
        let done = query.execute(&mut *self.tx).await;
        Ok(done.map_err(ProjectionError::database(action))?.rows_affected())
    }

    /// Lets everybody read an object.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn publish_object(&mut self, digest: &Digest) -> Result<(), ProjectionError> {
        let row = sqlx::query(
            "INSERT INTO public_objects (digest, position) VALUES ($1, $2) \
             ON CONFLICT (digest) DO NOTHING",
        );
        let row = row.bind(digest.to_string()).bind(self.index);
        self.run("publishing an object", row).await?;
        Ok(())
    }

    /// Lets everybody read a surface, if it is one that everybody is shown.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn publish_surface(&mut self, claim: &SurfaceClaim) -> Result<(), ProjectionError> {
        // INVARIANT: what depends on who asks is never served to others.
        if claim.authorization == ANONYMOUS {
            self.publish_object(&claim.object).await?;
        }
        Ok(())
    }

    /// Puts a state change into the feed, and into the outbox if it was never there.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn change(&mut self, change: Change) -> Result<(), ProjectionError> {
        self.change_id += 1;
        let id = self.change_id;
        let findings = serde_json::to_string(&change.findings).unwrap_or_else(|_| "[]".to_owned());
        let server = self.server().to_owned();
        let row = sqlx::query(
            "INSERT INTO changes \
             (id, position, server, version, code, severity, summary, time_us, findings) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(id)
        .bind(self.index)
        .bind(server)
        .bind(change.version)
        .bind(change.code)
        .bind(severity_number(change.severity))
        .bind(change.summary)
        .bind(self.time_us)
        .bind(findings);
        self.run("recording a state change", row).await?;
        let marked = sqlx::query("UPDATE outbox_mark SET change_id = $1 WHERE change_id < $1");
        if self.run("marking the outbox", marked.bind(id)).await? > 0 {
            let row = sqlx::query("INSERT INTO outbox (change_id) VALUES ($1)").bind(id);
            self.run("filling the outbox", row).await?;
        }
        Ok(())
    }
}

/// The authorization class of a surface that everybody is shown.
const ANONYMOUS: &str = "anonymous";

/// The number by which a severity is stored and ordered.
pub const fn severity_number(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 0,
        Severity::Notice => 1,
        Severity::Warning => 2,
        Severity::Critical => 3,
    }
}

/// The severity that is stored as a number.
pub const fn severity_of(number: i64) -> Severity {
    match number {
        ..=0 => Severity::Info,
        1 => Severity::Notice,
        2 => Severity::Warning,
        _ => Severity::Critical,
    }
}
