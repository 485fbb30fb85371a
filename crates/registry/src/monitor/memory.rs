//! What this observer saw before.

use bytes::Bytes;
use seal::statement::Finding;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use surface::{Digest, Surface};
use wire::Document;

use super::views::{self, Evidence, Look, View};
use super::{Monitor, MonitorError, Target};
use crate::limits;

/// The newest observation of one target by one client of ours.
#[derive(Debug, Clone, Default)]
pub(super) struct Before {
    pub(super) position: Option<u64>,
    pub(super) outcome: String,
    pub(super) exact: Option<Digest>,
    pub(super) semantic: Option<Digest>,
    pub(super) surface: Option<Surface>,
}

/// A look as the tables have it.
struct Told {
    position: u64,
    protocol_version: String,
    vantage: String,
    client: String,
    semantic: Digest,
    ttl_ms: Option<u64>,
    time_us: i64,
}

impl Monitor {
    /// What this observer stated last of a target, or keeps of what it may not state.
    pub(super) async fn before(
        &self,
        target: &Target,
        client: &str,
    ) -> Result<Before, MonitorError> {
        let endpoint = crate::net::shown(&target.endpoint);
        let observer = self.service.keys().first();
        let observer = observer.map(|key| key.public().id().0.to_string()).unwrap_or_default();
        let query = sqlx::query(
            "SELECT position, outcome, exact, semantic, object, authorization_class FROM surfaces WHERE server = $1 \
             AND endpoint = $2 AND observer = $3 AND vantage = $4 AND client = $5 \
             ORDER BY position DESC",
        )
        .bind(&target.server)
        .bind(&endpoint)
        .bind(observer)
        .bind(&self.config.vantage)
        .bind(client);
        let rows = query.fetch_all(self.service.database().pool()).await;
        let read = |rows: Vec<AnyRow>| {
            let digest = |text: Option<String>| text.and_then(|text| text.parse().ok());
            let (mut before, mut object) = (Before::default(), None);
            for row in &rows {
                if before.position.is_none() {
                    before.position = u64::try_from(row.try_get::<i64, _>(0)?).ok();
                    before.outcome = row.try_get(1)?;
                }
                // A failure is of no class, and does not make forget what was shown before it.
                if row.try_get::<String, _>(5)? == target.class() {
                    before.exact = digest(row.try_get(2)?);
                    before.semantic = digest(row.try_get(3)?);
                    object = digest(row.try_get(4)?);
                }
            }
            Ok((before, object))
        };
        let (mut before, object): (Before, Option<Digest>) =
            rows.and_then(read).map_err(MonitorError::database("reading what was seen last"))?;
        if let Some(object) = object {
            let bytes = self.service.object(&object).await?;
            before.surface = bytes.as_ref().and_then(surface_of);
        }
        Ok(before)
    }

    /// What is kept of a target that may not be stated.
    pub(super) async fn private(
        &self,
        target: &Target,
        client: &str,
    ) -> Result<Option<Before>, MonitorError> {
        let query = sqlx::query(
            "SELECT exact, semantic, document FROM private_surfaces WHERE server = $1 \
             AND endpoint = $2 AND authorization_class = $3 AND client = $4",
        )
        .bind(&target.server)
        .bind(crate::net::shown(&target.endpoint))
        .bind(target.class())
        .bind(client);
        let row = query.fetch_optional(self.service.database().pool()).await;
        let read = |row: AnyRow| {
            let (exact, semantic): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let document: String = row.try_get(2)?;
            Ok(Before {
                position: None,
                outcome: "surface".to_owned(),
                exact: exact.parse().ok(),
                semantic: semantic.parse().ok(),
                surface: surface_of(&Bytes::from(document)),
            })
        };
        row.and_then(|row| row.map(read).transpose())
            .map_err(MonitorError::database("reading what was seen last in private"))
    }

    /// Keeps what may not be stated.
    pub(super) async fn keep_private(
        &self,
        target: &Target,
        client: &str,
        digests: surface::Digests,
        document: &str,
    ) -> Result<(), MonitorError> {
        let query = sqlx::query(
            "INSERT INTO private_surfaces (server, endpoint, authorization_class, client, exact, \
             semantic, document, time_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (server, endpoint, authorization_class, client) DO UPDATE SET \
             exact = excluded.exact, semantic = excluded.semantic, \
             document = excluded.document, time_us = excluded.time_us",
        )
        .bind(&target.server)
        .bind(crate::net::shown(&target.endpoint))
        .bind(target.class())
        .bind(client)
        .bind(digests.exact.to_string())
        .bind(digests.semantic.to_string())
        .bind(document)
        .bind(self.now_us());
        let done = query.execute(self.service.database().pool()).await;
        done.map(drop).map_err(MonitorError::database("keeping what was seen in private"))
    }

    /// Whether somebody else's newest look at the target saw another surface: then a look is stated
    /// although nothing changed, so that both sides have signed what they see while they differ.
    pub(super) async fn is_contradicted(
        &self,
        target: &Target,
        client: &str,
        semantic: Digest,
    ) -> Result<bool, MonitorError> {
        let looks = self.looks(target).await?;
        let mut newest = std::collections::BTreeMap::new();
        for look in &looks {
            newest.insert((&look.vantage, &look.client), look.semantic);
        }
        let (vantage, client) = (self.config.vantage.clone(), client.to_owned());
        newest.remove(&(&vantage, &client));
        Ok(newest.values().any(|other| *other != semantic))
    }

    /// Judges all looks at a target, and states the verdict if it is an accusation that was not made
    /// before.
    pub(super) async fn judge(&self, target: &Target) -> Result<Option<View>, MonitorError> {
        let told = self.looks(target).await?;
        let Some(newest) = told.last() else { return Ok(None) };
        let looks: Vec<Look<'_>> = told
            .iter()
            .filter(|look| look.protocol_version == newest.protocol_version)
            .map(|look| Look {
                time_us: look.time_us,
                shown: look.semantic,
                vantage: &look.vantage,
                client: &look.client,
                index: look.position,
            })
            .collect();
        let view = views::judge(&looks, views::window_us(newest.ttl_ms), self.now_us());
        let is_modern = newest.protocol_version.as_str() >= MODERN;
        match &view {
            View::SplitView(evidence) => {
                self.accuse(target, "split-view", evidence, is_modern).await?;
            }
            View::Cloaking(evidence) => {
                self.accuse(target, "cloaking", evidence, is_modern).await?;
            }
            View::Nondeterministic => {
                let endpoint = crate::net::shown(&target.endpoint);
                tracing::warn!(
                    server = target.server,
                    endpoint,
                    "a server shows now this, now that"
                );
            }
            _ => {}
        }
        Ok(Some(view))
    }

    /// States that what a target shows is tied to the client, with the newest looks as both.
    pub(super) async fn accuse_by_probe(
        &self,
        target: &Target,
        clients: [&str; 2],
    ) -> Result<(), MonitorError> {
        let told = self.looks(target).await?;
        let ours = |client: &str| {
            let mut looks = told.iter().rev();
            looks.find(|look| look.vantage == self.config.vantage && look.client == client)
        };
        let [Some(first), Some(second)] = clients.map(ours) else { return Ok(()) };
        let mut observations = vec![first.position, second.position];
        observations.sort_unstable();
        let shown = [first.semantic, second.semantic].into_iter().collect();
        let is_modern = first.protocol_version.as_str() >= MODERN;
        self.accuse(target, "cloaking", &Evidence { observations, shown }, is_modern).await
    }

    /// The looks at a target as everybody's client, in order.
    async fn looks(&self, target: &Target) -> Result<Vec<Told>, MonitorError> {
        let query = sqlx::query(
            "SELECT position, protocol_version, vantage, client, semantic, ttl_ms, time_us \
             FROM looks WHERE server = $1 AND endpoint = $2 AND authorization_class = 'anonymous' \
             ORDER BY position DESC LIMIT $3",
        )
        .bind(&target.server)
        .bind(crate::net::shown(&target.endpoint))
        .bind(limits::LOOKS_JUDGED_MAX);
        let rows = query.fetch_all(self.service.database().pool()).await;
        let read = |row: &AnyRow| {
            let semantic: String = row.try_get(4)?;
            let semantic = semantic.parse().map_err(|_| sqlx::Error::RowNotFound)?;
            Ok(Told {
                position: row.try_get::<i64, _>(0)?.unsigned_abs(),
                protocol_version: row.try_get(1)?,
                vantage: row.try_get(2)?,
                client: row.try_get(3)?,
                semantic,
                ttl_ms: row.try_get::<Option<i64>, _>(5)?.and_then(|ttl_ms| ttl_ms.try_into().ok()),
                time_us: row.try_get(6)?,
            })
        };
        rows.and_then(|rows| rows.iter().rev().map(read).collect())
            .map_err(MonitorError::database("reading the looks at a server"))
    }

    async fn accuse(
        &self,
        target: &Target,
        verdict: &str,
        evidence: &Evidence,
        is_modern: bool,
    ) -> Result<(), MonitorError> {
        // Lists may not vary by connection since 2026-07-28; before, it is an anomaly and no breach.
        let severity = if is_modern { "critical" } else { "warning" };
        let code = format!("surface.{verdict}");
        let changes: Vec<Finding> = evidence
            .shown
            .iter()
            .map(|digest| Finding {
                code: code.clone(),
                severity: severity.to_owned(),
                place: digest.to_string(),
            })
            .collect();
        if self.is_accused(target, &code, &changes).await? {
            return Ok(());
        }
        let of = seal::statement::Observed::SplitView {
            endpoint: crate::net::shown(&target.endpoint),
            observations: evidence.observations.clone(),
            verdict: verdict.to_owned(),
        };
        let statement = self.statement(&target.server, of, changes, None, None);
        self.service.state(statement, Vec::new()).await?;
        Ok(())
    }

    /// Whether the same was said of the same surfaces already.
    async fn is_accused(
        &self,
        target: &Target,
        code: &str,
        changes: &[Finding],
    ) -> Result<bool, MonitorError> {
        let findings = serde_json::to_string(changes).unwrap_or_default();
        let query = sqlx::query(
            "SELECT 1 FROM changes WHERE server = $1 AND code = $2 AND findings = $3 LIMIT 1",
        );
        let query = query.bind(&target.server).bind(code).bind(findings);
        let row = query.fetch_optional(self.service.database().pool()).await;
        row.map(|row| row.is_some())
            .map_err(MonitorError::database("reading what was said of a server"))
    }
}

/// The surface in a document that we wrote.
fn surface_of(bytes: &Bytes) -> Option<Surface> {
    let document = Document::parse(bytes, &surface::document::POLICY).ok()?;
    surface::document::read(document.root()).ok()
}

/// The first protocol version whose lists may not vary by connection.
const MODERN: &str = "2026-07-28";
