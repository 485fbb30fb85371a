//! The token service (STS) over HTTP: its metadata (RFC 8414), its keys, the token endpoint with
//! exchange (RFC 8693) and assertions (RFC 7523), revocation (RFC 7009), events (RFC 8935).
//!
//! Deliberately absent: an authorization endpoint, refresh tokens, client secrets, registration.

mod answer;
pub mod authzen;
pub mod config;
mod edges;
mod events;
pub mod keys;
mod metadata;
mod metrics;
mod records;
mod request;
mod revoke;
mod token;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::Value;
use tokio::task::JoinSet;
use url::Url;

use self::keys::Keys;
use self::metrics::Metrics;
use crate::exchange::engine::Engine;
use crate::exchange::{self, Clients, Exchange, Names};
use crate::federation::{Asserter, Transmitter};
use crate::grant::{Bounds, Durable, GrantError, Grants};
use crate::limits;
use crate::net::{Client, Renewals};
use crate::resource::Terminator;
use crate::token::{Issuer, Jwt, Nonces, Secret};

pub use config::{Config, ConfigError, EdgesFile};

/// A token service. Clones share it.
#[derive(Clone)]
pub struct Sts {
    inner: Arc<Inner>,
}

struct Inner {
    issuer: String,
    path: String,
    metadata: Value,
    jwks: Value,
    keys: Keys,
    lifetimes: config::Lifetimes,
    names: Names,
    exchange: Exchange,
    edges_file: EdgesFile,
    trusted: Vec<Issuer>,
    grants: Arc<dyn Grants>,
    nonces: Nonces,
    needs_nonce: bool,
    asserters: Vec<Asserter>,
    transmitters: Vec<Transmitter>,
    polls: Vec<(String, config::Poll)>,
    renewals: Renewals,
    client: Client,
    metrics: Arc<Metrics>,
    clock: fn() -> u64,
    /// The policies, over the edges of the start.
    policy: Arc<Engine>,
    authzen_key: Option<Secret>,
    ended_key: Option<Secret>,
    terminator: Option<Terminator>,
}

impl Sts {
    /// Opens the grants, and gets ready. `client` asks others for keys and events.
    ///
    /// # Errors
    /// Grants or records that cannot be opened.
    pub async fn open(
        config: Config,
        client: Client,
        clock: fn() -> u64,
    ) -> Result<Self, OpenError> {
        let grants: Arc<dyn Grants> = Arc::new(Durable::open(&config.grants).await?);
        let records = records::InFile::open(&config.records)
            .map_err(|source| OpenError::Records { path: config.records.clone(), source })?;
        let (mut trusted, mut pinned, mut opaque) = (Vec::new(), config.others.pinned, None);
        for one in config.trusted {
            pinned.push((one.issuer.iss.clone(), one.pinned));
            opaque = one.asked.map(|asked| asked.opaque(client.clone())).or(opaque);
            trusted.push(one.issuer);
        }
        let renewals = Renewals::new(client.clone(), pinned);
        let mut clients = Clients::default();
        config.clients.into_iter().for_each(|client| clients.add(client));
        let policy = Arc::new(config.policy);
        let exchange = Exchange::new(exchange::Config {
            endpoint: format!("{}/token", config.issuer),
            clients,
            issuers: trusted.clone(),
            own_keys: config.keys.published().clone(),
            edges: config.edges,
            grants: Arc::clone(&grants),
            signer: Arc::clone(config.keys.signer()),
            policy: Arc::clone(&policy) as _,
            records: Arc::new(records),
            nonces: config.nonces.clone(),
            needs_nonce: config.needs_nonce,
            names: config.names.clone(),
            depth_max: config.lifetimes.depth_max,
            token_s_max: config.lifetimes.token_s,
            bounds: Bounds::default(),
            client_per_minute_max: limits::CLIENT_EXCHANGES_PER_MINUTE,
            issuer: config.issuer.clone(),
        });
        let exchange = exchange
            .with_domains(config.others.domains)
            .with_renewals(renewals.clone())
            .with_opaque(opaque);
        let inner = Inner {
            path: path_of(&config.issuer),
            metadata: metadata::document(
                &config.issuer,
                !config.others.asserters.is_empty(),
                config.terminator.is_some(),
            ),
            jwks: config.keys.jwks(),
            keys: config.keys,
            lifetimes: config.lifetimes,
            names: config.names,
            exchange,
            edges_file: config.edges_file,
            trusted,
            grants,
            nonces: config.nonces,
            needs_nonce: config.needs_nonce,
            asserters: config.others.asserters,
            transmitters: config.others.transmitters,
            polls: config.others.polls,
            renewals,
            client,
            metrics: Arc::new(Metrics::new()),
            clock,
            policy,
            authzen_key: config.authzen_key,
            ended_key: config.ended_key,
            terminator: config.terminator,
            issuer: config.issuer,
        };
        inner.metrics.edges_at_start(inner.exchange.edges().version());
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What it serves: under the path of its issuer, and its metadata where RFC 8414 §3.1 puts them.
    pub fn router(&self) -> Router {
        let under = |name: &str| format!("{}/{name}", self.inner.path);
        let decisions = self.inner.authzen_key.clone().map(|key| {
            let sts = self.clone();
            let current = Arc::new(move || sts.inner.exchange.policy());
            authzen::router(current, &self.inner.issuer, key)
        });
        Router::new()
            .route(&metadata::path(&self.inner.path), get(metadata))
            .route(&under("jwks"), get(jwks))
            .route(&under("token"), post(token::endpoint))
            .route(&under("revoke"), post(revoke::endpoint))
            .route(&under("events"), post(events::push))
            .route(&under("ended"), get(events::ended::endpoint))
            .route("/healthz", get(health))
            .route("/metrics", get(counters))
            .layer(middleware::from_fn_with_state(
                Arc::clone(&self.inner.metrics),
                metrics::observe,
            ))
            .with_state(self.clone())
            .merge(decisions.unwrap_or_default())
    }

    /// What it does beside answering: keys are fetched, the edge file is read again, events are polled, what
    /// is over is forgotten.
    pub fn tasks(&self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        self.inner.renewals.follow(&mut tasks);
        for (issuer, poll) in &self.inner.polls {
            tasks.spawn(self.clone().poll(issuer.clone(), poll.clone()));
        }
        tasks.spawn(self.clone().follow_edges());
        tasks.spawn(self.clone().sweep());
        tasks
    }

    /// Whether the keys of whoever signed this may be others now: it named one that nobody knows.
    async fn renewed(&self, text: &str) -> bool {
        let jwt = Jwt::parse(text, limits::EVENT_CHARS_MAX);
        let iss = jwt.ok().and_then(|jwt| jwt.issuer_unverified().map(str::to_owned));
        self.inner.renewals.renew(&iss.unwrap_or_default()).await
    }

    async fn sweep(self) {
        loop {
            tokio::time::sleep(limits::SWEEP_TIME).await;
            if let Err(error) = self.inner.grants.sweep(self.now_s()).await {
                tracing::warn!("what is over cannot be forgotten: {error}");
            }
        }
    }

    fn now_s(&self) -> u64 {
        (self.inner.clock)()
    }
}

/// Where the issuer's endpoints are, below its origin.
fn path_of(issuer: &str) -> String {
    let url = Url::parse(issuer);
    url.map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default()
}

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Grants.
    #[error("opening the grants")]
    Grants(#[from] GrantError),
    /// Records.
    #[error("opening the record of decisions, {}", path.display())]
    Records {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

async fn metadata(State(sts): State<Sts>) -> Response {
    answer::public(&sts.inner.metadata)
}

async fn jwks(State(sts): State<Sts>) -> Response {
    answer::public(&sts.inner.jwks)
}

async fn health() -> Response {
    answer::text(StatusCode::OK, "text/plain; charset=utf-8", "ok\n".to_owned())
}

async fn counters(State(sts): State<Sts>) -> Response {
    sts.inner.metrics.show()
}

/// The codes of the service's own refusals, with what they mean. Those of the exchange have their own.
pub const CODES: &[(&str, &str)] = &[
    (MALFORMED, "The request is no form that can be read in one way only."),
    (TOO_LARGE, "The body is too long, or did not come in time."),
    (GRANT_TYPE, "The grant type is none that is served here."),
    (EDGES_REFUSED, "An edge file that changed is refused; the one before stays in force."),
    (
        events::ended::UNAUTHENTICATED,
        "Who asks which grants ended did not show the key of that endpoint.",
    ),
    (UNAVAILABLE, "The service cannot do its work now; nothing was issued."),
];

const MALFORMED: &str = "authz.sts.request-malformed";
const TOO_LARGE: &str = "authz.sts.request-too-large";
const GRANT_TYPE: &str = "authz.sts.grant-type-unsupported";
const EDGES_REFUSED: &str = "authz.sts.edges-refused";
const UNAVAILABLE: &str = "authz.sts.unavailable";
