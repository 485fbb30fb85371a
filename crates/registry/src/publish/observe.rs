//! Observations of others: a guard, say, that tells what it was shown.
//!
//! Whose testimony counts is the operator's choice, key by key. What is taken is a surface that
//! everybody may see, about a server that is known here; what it means is worked out here.

use bytes::Bytes;
use seal::statement::{Observation, Observed};
use seal::{Envelope, KeyId, Predicate, PublicKey};
use sqlx::Row as _;
use store::Object;
use surface::{Digest, Digests, Era, document};

use super::{PublishError, Publisher};
use crate::monitor::MonitorError;
use crate::monitor::court::{Court, Witness};
use crate::service::ServiceError;

impl Publisher {
    /// Takes an observation, and judges what all observers saw. Gives its index, or that of the same
    /// observer's newest one if that says the same and nobody saw anything else.
    pub(super) async fn observe(
        &self,
        envelope: Envelope,
        keys: &[PublicKey],
        surface: Option<&[u8]>,
    ) -> Result<u64, PublishError> {
        let observers = &self.admission.observers;
        let is_observer =
            |signer: &KeyId| observers.iter().any(|observer| observer.id() == *signer);
        if !envelope.signers().iter().all(is_observer) {
            return Err(PublishError::NotObserver);
        }
        let Predicate::Observation(it) = envelope.statement().predicate.clone() else {
            return Err(PublishError::Statement { member: "predicateType" });
        };
        let surface = surface.ok_or(PublishError::Request { why: "it lacks `surface`" })?;
        let (endpoint, digests) = check(&it, surface)?;
        let server = envelope.statement().server.clone();
        if !self.is_listed(&server).await? {
            return Err(PublishError::NotFound);
        }
        let signer = envelope.signers().first();
        let witness = Witness {
            observer: signer.map(|key| key.0.to_string()).unwrap_or_default(),
            vantage: it.vantage.unwrap_or_default(),
            client: it.client.unwrap_or_default(),
        };
        let court = Court { service: &self.service, server: &server, endpoint, vantage: None };
        if let Some(index) = self.same(&court, &witness, digests).await?
            && !court.is_contradicted(&witness, digests.semantic).await.map_err(failed)?
        {
            return Ok(index);
        }
        let object = Object::new(Bytes::copy_from_slice(surface));
        let appended = self.service.append(envelope, keys, vec![object]).await?;
        court.judge().await.map_err(failed)?;
        Ok(appended.receipt.index)
    }

    async fn is_listed(&self, server: &str) -> Result<bool, PublishError> {
        let query = sqlx::query("SELECT 1 FROM versions WHERE server = $1 LIMIT 1");
        let query = query.bind(server.to_owned());
        let row = query.fetch_optional(self.service.database().pool()).await;
        Ok(row.map_err(ServiceError::database("looking for a server"))?.is_some())
    }

    /// The index of the witness's newest observation, if it says the same.
    async fn same(
        &self,
        court: &Court<'_>,
        witness: &Witness,
        digests: Digests,
    ) -> Result<Option<u64>, PublishError> {
        let query = sqlx::query(
            "SELECT position FROM surfaces WHERE server = $1 AND endpoint = $2 \
             AND authorization_class = 'anonymous' AND observer = $3 AND vantage = $4 \
             AND client = $5 AND outcome = 'surface' AND exact = $6",
        )
        .bind(court.server.to_owned())
        .bind(court.endpoint.clone())
        .bind(witness.observer.clone())
        .bind(witness.vantage.clone())
        .bind(witness.client.clone())
        .bind(digests.exact.to_string());
        let row = query.fetch_optional(self.service.database().pool()).await;
        let index = row.and_then(|row| row.map(|row| row.try_get::<i64, _>(0)).transpose());
        let index = index.map_err(ServiceError::database("reading what an observer said"))?;
        Ok(index.map(i64::unsigned_abs))
    }
}

/// The statement says what was sent beside it, and everybody may see that.
fn check(it: &Observation, bytes: &[u8]) -> Result<(String, Digests), PublishError> {
    let Observed::Surface { endpoint, surface: Some(claim), outcome, cache_scope, .. } = &it.of
    else {
        return Err(PublishError::Statement { member: "of" });
    };
    let document = wire::Document::parse(bytes, &document::POLICY)?;
    let observation = document::read_observation(document.root())?;
    let scope = (observation.surface.era == Era::Modern).then_some("public");
    if !crate::monitor::is_public(&observation) || cache_scope.as_deref() == Some("private") {
        return Err(PublishError::SurfacePrivate);
    }
    let digests = Digests::of_surface(&observation.surface);
    let differs = [
        ("of.outcome", outcome != "surface"),
        ("of.cacheScope", cache_scope.as_deref() != scope),
        ("of.surface.digests", claim.digests != digests),
        ("of.surface.object", claim.object != Digest::of_bytes(bytes)),
        ("of.surface.era", claim.era != observation.surface.era),
        ("of.surface.authorization", claim.authorization != "anonymous"),
        // What changed, and how much that matters, is found here.
        ("changes", !it.changes.is_empty()),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        Some((member, _)) => Err(PublishError::Statement { member }),
        None => Ok((endpoint.clone(), digests)),
    }
}

fn failed(error: MonitorError) -> PublishError {
    match error {
        MonitorError::Service(error) => error.into(),
        MonitorError::Database { action, source } => {
            ServiceError::Database { action, source }.into()
        }
    }
}
