//! What all observers of one endpoint saw as everybody's client, and the verdict on it.

use std::collections::BTreeMap;

use seal::Statement;
use seal::statement::{Finding, Observation, Observed, Predicate};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use surface::Digest;

use super::MonitorError;
use super::views::{self, Evidence, Look, View};
use crate::{Service, limits};

/// Judges one endpoint of one server.
pub(crate) struct Court<'c> {
    pub(crate) service: &'c Service,
    pub(crate) server: &'c str,
    /// As observations name it.
    pub(crate) endpoint: String,
    /// From where the registry itself looks, if it does.
    pub(crate) vantage: Option<&'c str>,
}

/// Who looked: two observers are two, wherever each says it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Witness {
    /// The key that signed.
    pub(crate) observer: String,
    /// What the observer calls its place.
    pub(crate) vantage: String,
    /// As whom it asked.
    pub(crate) client: String,
}

/// A look as the tables have it.
struct Told {
    position: u64,
    protocol_version: String,
    witness: Witness,
    semantic: Digest,
    ttl_ms: Option<u64>,
    time_us: i64,
}

impl Witness {
    /// The observer and its place, as one text.
    fn place(&self) -> String {
        format!("{} {}", self.observer, self.vantage)
    }
}

impl Court<'_> {
    /// Whether somebody else's newest look saw another surface: then a look is stated although nothing
    /// changed, so that both sides have signed what they see while they differ.
    pub(crate) async fn is_contradicted(
        &self,
        witness: &Witness,
        semantic: Digest,
    ) -> Result<bool, MonitorError> {
        let told = self.looks().await?;
        let newest: BTreeMap<_, _> =
            told.iter().map(|look| (&look.witness, look.semantic)).collect();
        Ok(newest.iter().any(|(other, shown)| *other != witness && *shown != semantic))
    }

    /// Judges all looks, and states the verdict if it is an accusation that was not made before.
    pub(crate) async fn judge(&self) -> Result<Option<View>, MonitorError> {
        let told = self.looks().await?;
        let Some(newest) = told.last() else { return Ok(None) };
        let places: Vec<String> = told.iter().map(|look| look.witness.place()).collect();
        let looks: Vec<Look<'_>> = told
            .iter()
            .zip(&places)
            .filter(|(look, _)| look.protocol_version == newest.protocol_version)
            .map(|(look, place)| Look {
                time_us: look.time_us,
                shown: look.semantic,
                vantage: place,
                client: &look.witness.client,
                index: look.position,
            })
            .collect();
        let now_us = i64::try_from(self.service.now_s()).unwrap_or_default() * 1_000_000;
        let view = views::judge(&looks, views::window_us(newest.ttl_ms), now_us);
        let is_modern = newest.protocol_version.as_str() >= MODERN;
        match &view {
            View::SplitView(evidence) => self.accuse("split-view", evidence, is_modern).await?,
            View::Cloaking(evidence) => self.accuse("cloaking", evidence, is_modern).await?,
            View::Nondeterministic => {
                let (server, endpoint) = (self.server, &self.endpoint);
                tracing::warn!(server, endpoint, "a server shows now this, now that");
            }
            _ => {}
        }
        Ok(Some(view))
    }

    /// States that what is shown is tied to the client, with the newest looks of both as evidence.
    pub(crate) async fn accuse_by_probe(&self, both: [Witness; 2]) -> Result<(), MonitorError> {
        let told = self.looks().await?;
        let newest = |witness: &Witness| told.iter().rev().find(|look| look.witness == *witness);
        let [Some(first), Some(second)] = both.each_ref().map(newest) else { return Ok(()) };
        let mut observations = vec![first.position, second.position];
        observations.sort_unstable();
        let shown = [first.semantic, second.semantic].into_iter().collect();
        let is_modern = first.protocol_version.as_str() >= MODERN;
        self.accuse("cloaking", &Evidence { observations, shown }, is_modern).await
    }

    /// The looks as everybody's client, in order.
    async fn looks(&self) -> Result<Vec<Told>, MonitorError> {
        let query = sqlx::query(
            "SELECT position, protocol_version, observer, vantage, client, semantic, ttl_ms, \
             time_us FROM looks WHERE server = $1 AND endpoint = $2 \
             AND authorization_class = 'anonymous' ORDER BY position DESC LIMIT $3",
        )
        .bind(self.server.to_owned())
        .bind(self.endpoint.clone())
        .bind(limits::LOOKS_JUDGED_MAX);
        let rows = query.fetch_all(self.service.database().pool()).await;
        let read = |row: &AnyRow| {
            let (observer, vantage) = (row.try_get(2)?, row.try_get(3)?);
            let semantic: String = row.try_get(5)?;
            let semantic = semantic.parse().map_err(|_| sqlx::Error::RowNotFound)?;
            Ok(Told {
                position: row.try_get::<i64, _>(0)?.unsigned_abs(),
                protocol_version: row.try_get(1)?,
                witness: Witness { observer, vantage, client: row.try_get(4)? },
                semantic,
                ttl_ms: row.try_get::<Option<i64>, _>(6)?.and_then(|ttl_ms| ttl_ms.try_into().ok()),
                time_us: row.try_get(7)?,
            })
        };
        rows.and_then(|rows| rows.iter().rev().map(read).collect())
            .map_err(MonitorError::database("reading the looks at a server"))
    }

    async fn accuse(
        &self,
        verdict: &str,
        evidence: &Evidence,
        is_modern: bool,
    ) -> Result<(), MonitorError> {
        // Lists may not vary by connection since 2026-07-28; before, it is an anomaly and no breach.
        let severity = if is_modern { "critical" } else { "warning" };
        let code = format!("surface.{verdict}");
        let finding = |digest: &Digest| Finding {
            code: code.clone(),
            severity: severity.to_owned(),
            place: digest.to_string(),
        };
        let changes: Vec<Finding> = evidence.shown.iter().map(finding).collect();
        if self.is_accused(&code, &changes).await? {
            return Ok(());
        }
        let of = Observed::SplitView {
            endpoint: self.endpoint.clone(),
            observations: evidence.observations.clone(),
            verdict: verdict.to_owned(),
        };
        let vantage = self.vantage.map(str::to_owned);
        let statement = Statement {
            server: self.server.to_owned(),
            time: seal::time::format(self.service.now_s()).unwrap_or_default(),
            previous: None,
            predicate: Predicate::Observation(Observation { of, changes, vantage, client: None }),
        };
        self.service.state(statement, Vec::new()).await?;
        Ok(())
    }

    /// Whether the same was said of the same surfaces already.
    async fn is_accused(&self, code: &str, changes: &[Finding]) -> Result<bool, MonitorError> {
        let findings = serde_json::to_string(changes).unwrap_or_default();
        let query = sqlx::query(
            "SELECT 1 FROM changes WHERE server = $1 AND code = $2 AND findings = $3 LIMIT 1",
        );
        let query = query.bind(self.server.to_owned()).bind(code.to_owned()).bind(findings);
        let row = query.fetch_optional(self.service.database().pool()).await;
        row.map(|row| row.is_some())
            .map_err(MonitorError::database("reading what was said of a server"))
    }
}

/// The first protocol version whose lists may not vary by connection.
const MODERN: &str = "2026-07-28";
