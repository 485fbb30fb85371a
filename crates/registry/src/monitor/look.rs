//! One look at one server.

use bytes::Bytes;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use seal::Statement;
use seal::statement::{Finding, Observation, Observed, Predicate, SurfaceClaim};
use store::Object;
use surface::document::Detail;
use surface::{CacheScope, Digest, Digests, Era};
use url::Url;

use super::memory::Before;
use super::{
    CaptureFailure, CaptureRequest, Captured, Monitor, MonitorError, Seen, Target, discovery,
};
use crate::limits;
use crate::net::{NetError, shown};
use crate::projection::step::findings_of;

pub(super) async fn look(
    monitor: &Monitor,
    target: &Target,
    client: &str,
) -> Result<Seen, MonitorError> {
    let asked = match monitor.request(target, client).await? {
        Ok(request) => {
            let before = monitor.digest_before(target, client).await?;
            let walking = monitor.walk(&request, before);
            let walked = tokio::time::timeout(limits::LOOK_TIME_MAX, walking).await;
            walked.unwrap_or_else(|_| Err(failure("unreachable", "the look took too long")))
        }
        Err(failure) => Err(failure),
    };
    let challenge = asked.as_ref().err().and_then(|failure| failure.challenge.as_deref());
    if target.credentials.is_none() {
        discovery::look(monitor, target, challenge).await?;
    }
    match asked {
        Ok(captured) if may_leave(target, &captured) => {
            monitor.state_surface(target, client, &captured).await
        }
        Ok(captured) => monitor.keep(target, client, &captured).await,
        Err(failure) => monitor.state_failure(target, client, failure).await,
    }
}

/// Whether everybody may see what was captured.
fn may_leave(target: &Target, captured: &Captured) -> bool {
    target.credentials.is_none() && is_public(&captured.observation)
}

/// Whether a server says of what it shows to nobody in particular that everybody may see it. Before
/// 2026-07-28 it cannot say.
pub fn is_public(observation: &surface::Observation) -> bool {
    observation.cache_scope == CacheScope::Public || observation.surface.era == Era::Legacy
}

/// What an observer says that it was shown at `endpoint`, and the document that its statement names.
pub fn observed(endpoint: &Url, captured: &Captured, authorization: String) -> (Observed, Bytes) {
    let Captured { observation, protocol_version } = captured;
    let document = document(captured);
    let claim = SurfaceClaim {
        digests: Digests::of_surface(&observation.surface),
        object: Digest::of_bytes(&document),
        era: observation.surface.era,
        protocol_version: protocol_version.clone(),
        authorization,
    };
    let scope = match observation.cache_scope {
        CacheScope::Public => "public",
        CacheScope::Private => "private",
    };
    let ttl_ms = observation.ttl.map(|ttl| u64::try_from(ttl.as_millis()));
    let of = Observed::Surface {
        endpoint: shown(endpoint),
        surface: Some(claim),
        outcome: "surface".to_owned(),
        // A legacy server says nothing of it.
        cache_scope: (observation.surface.era == Era::Modern).then(|| scope.to_owned()),
        ttl_ms: ttl_ms.and_then(Result::ok).map(|ttl_ms| ttl_ms.min(INTEGER_MAX)),
    };
    (of, document)
}

impl Monitor {
    /// What to ask, with the addresses that may be dialled.
    async fn request(
        &self,
        target: &Target,
        client: &str,
    ) -> Result<Result<CaptureRequest, CaptureFailure>, MonitorError> {
        let addresses = match self.client.resolve(&target.endpoint).await {
            Ok(addresses) => addresses,
            Err(error @ NetError::Resolve { .. }) => {
                return Ok(Err(failure("unreachable", &error.to_string())));
            }
            Err(error) => return Ok(Err(failure("refused-by-policy", &error.to_string()))),
        };
        let mut headers = http::HeaderMap::new();
        if let Some(credentials) = &target.credentials {
            if !self.is_issuer_current(target, &credentials.issuer).await? {
                let says = "the server names other authorization servers than the one of the \
                            credentials";
                return Ok(Err(failure("refused-by-policy", says)));
            }
            let value = std::env::var(&credentials.variable).ok();
            let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
            let Some(mut value) = value else {
                let says = format!("`{}` holds no credentials", credentials.variable);
                return Ok(Err(failure("refused-by-policy", &says)));
            };
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let (name, version) = client.split_once('/').unwrap_or((client, "0"));
        Ok(Ok(CaptureRequest {
            endpoint: target.endpoint.clone(),
            addresses,
            client: (name.to_owned(), version.to_owned()),
            headers,
        }))
    }

    async fn digest_before(
        &self,
        target: &Target,
        client: &str,
    ) -> Result<Option<surface::Digest>, MonitorError> {
        let private = self.private(target, client).await?;
        let before = match private {
            Some(before) => before,
            None => self.before(target, client).await?,
        };
        Ok(before.semantic)
    }

    /// Walks, and again if the surface is another than before: pages are not consistent with each
    /// other, and a change that is gone with the next walk is none. The third walk decides.
    async fn walk(
        &self,
        request: &CaptureRequest,
        before: Option<surface::Digest>,
    ) -> Result<Captured, CaptureFailure> {
        let digest =
            |captured: &Captured| Digests::of_surface(&captured.observation.surface).semantic;
        let first = self.capture.capture(request).await?;
        if before.is_none_or(|before| digest(&first) == before) {
            return Ok(first);
        }
        let second = self.capture.capture(request).await?;
        if digest(&second) == digest(&first) {
            return Ok(second);
        }
        self.capture.capture(request).await
    }

    async fn state_surface(
        &self,
        target: &Target,
        client: &str,
        captured: &Captured,
    ) -> Result<Seen, MonitorError> {
        let before = self.before(target, client).await?;
        let digests = Digests::of_surface(&captured.observation.surface);
        let changes = changes(&before, captured);
        let mut seen = Seen {
            outcome: "surface".to_owned(),
            says: String::new(),
            digests: Some(digests),
            changes: changes.clone(),
            index: None,
        };
        let is_news = before.exact != Some(digests.exact) || before.outcome != "surface";
        let court = self.court(target);
        if !is_news && !court.is_contradicted(&self.witness(client), digests.semantic).await? {
            return Ok(seen);
        }
        let (of, document) = observed(&target.endpoint, captured, target.class());
        let statement = self.statement(&target.server, of, changes, before.position, Some(client));
        let appended = self.service.state(statement, vec![Object::new(document)]).await?;
        seen.index = Some(appended.receipt.index);
        Ok(seen)
    }

    /// Keeps what may not leave, and tells of changes in our own log only.
    async fn keep(
        &self,
        target: &Target,
        client: &str,
        captured: &Captured,
    ) -> Result<Seen, MonitorError> {
        let before = self.private(target, client).await?.unwrap_or_default();
        let digests = Digests::of_surface(&captured.observation.surface);
        let changes = changes(&before, captured);
        let text = String::from_utf8(document(captured).to_vec()).unwrap_or_default();
        self.keep_private(target, client, digests, &text).await?;
        if let Some(worst) = changes.first() {
            let (server, endpoint) = (&target.server, shown(&target.endpoint));
            let (code, severity) = (&worst.code, &worst.severity);
            tracing::warn!(server, endpoint, code, severity, "a private surface changed");
        }
        let outcome = "surface".to_owned();
        Ok(Seen { outcome, says: String::new(), digests: Some(digests), changes, index: None })
    }

    async fn state_failure(
        &self,
        target: &Target,
        client: &str,
        failure: CaptureFailure,
    ) -> Result<Seen, MonitorError> {
        let CaptureFailure { outcome, says, .. } = failure;
        let mut seen = Seen {
            outcome: outcome.to_owned(),
            says,
            digests: None,
            changes: Vec::new(),
            index: None,
        };
        let before = self.before(target, client).await?;
        // What credentials open, and that they do not, is nobody's business but the lender's.
        if before.outcome == outcome || target.credentials.is_some() {
            return Ok(seen);
        }
        let of = Observed::Surface {
            endpoint: shown(&target.endpoint),
            surface: None,
            outcome: outcome.to_owned(),
            cache_scope: None,
            ttl_ms: None,
        };
        let statement =
            self.statement(&target.server, of, Vec::new(), before.position, Some(client));
        seen.index = Some(self.service.state(statement, Vec::new()).await?.receipt.index);
        Ok(seen)
    }

    pub(super) fn statement(
        &self,
        server: &str,
        of: Observed,
        changes: Vec<Finding>,
        previous: Option<u64>,
        client: Option<&str>,
    ) -> Statement {
        Statement {
            server: server.to_owned(),
            time: seal::time::format(self.service.now_s()).unwrap_or_default(),
            previous,
            predicate: Predicate::Observation(Observation {
                of,
                changes,
                vantage: Some(self.config.vantage.clone()),
                client: client.map(str::to_owned),
            }),
        }
    }

    pub(super) fn now_us(&self) -> i64 {
        i64::try_from(self.service.now_s()).unwrap_or_default().saturating_mul(1_000_000)
    }
}

/// What changed since a look before, ranked; nothing where there was none.
fn changes(before: &Before, captured: &Captured) -> Vec<Finding> {
    let Some(surface) = &before.surface else { return Vec::new() };
    findings_of(surface, &captured.observation.surface)
}

/// The surface as a document: what the object of a statement holds.
fn document(captured: &Captured) -> Bytes {
    let observation = &captured.observation;
    let document =
        surface::document::write(&observation.surface, observation.cache_scope, Detail::Items);
    surface::canonical::to_vec(&document).into()
}

pub(super) fn failure(outcome: &'static str, says: &str) -> CaptureFailure {
    CaptureFailure { outcome, says: says.to_owned(), challenge: None }
}

const INTEGER_MAX: u64 = (1 << 53) - 1;
