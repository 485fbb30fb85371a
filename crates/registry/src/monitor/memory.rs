//! What this observer saw before.

use bytes::Bytes;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use surface::{Digest, Surface};
use wire::Document;

use super::{Monitor, MonitorError, Target};

/// The newest observation of one target by one client of ours.
#[derive(Debug, Clone, Default)]
pub(super) struct Before {
    pub(super) position: Option<u64>,
    pub(super) outcome: String,
    pub(super) exact: Option<Digest>,
    pub(super) semantic: Option<Digest>,
    pub(super) surface: Option<Surface>,
}

impl Monitor {
    /// What this observer stated last of a target, or keeps of what it may not state.
    pub(super) async fn before(
        &self,
        target: &Target,
        client: &str,
    ) -> Result<Before, MonitorError> {
        let endpoint = crate::net::shown(&target.endpoint);
        let observer = self.observer();
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
}

/// The surface in a document that we wrote.
fn surface_of(bytes: &Bytes) -> Option<Surface> {
    let document = Document::parse(bytes, &surface::document::POLICY).ok()?;
    surface::document::read(document.root()).ok()
}
