//! Token exchange (RFC 8693): a token for one server becomes a narrower one for the next. Checks X1
//! to X14, in the order X1 X2 X3 X12 X9 X4 X6 X7 X11 X5 X8 X10 X13 X14.

pub mod engine;

mod assertion;
mod authority;
mod chain;
mod client;
mod decide;
mod error;
mod issue;
mod rate;
mod record;
mod subject;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::sync::watch;

pub use self::assertion::ID_JAG;
pub use self::client::{Client, Clients, DocumentError};
pub use self::decide::Decide;
pub use self::error::{CODES, ExchangeError};
use self::issue::Claims;
pub use self::issue::Names;
use self::rate::Rates;
pub use self::record::{Record, Records, Unrecorded};
use crate::edge::{Edge, Edges, Server};
use crate::federation::Domain;
use crate::grant::{Bounds, Grants, Once, Use};
use crate::net::Renewals;
use crate::resource::Resource;
use crate::resource::protection::opaque::Opaque;
use crate::token::{Actor, Confirmation, Issuer, KeySet, Nonces, Secret, Signer, Typ, Verifier};

/// A request to the token endpoint, its parameters as they came: each at most once, but `resource`,
/// whose number is checked.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `subject_token`.
    pub subject_token: Option<Secret>,
    /// `subject_token_type`.
    pub subject_token_type: Option<String>,
    /// The proof that the hop received with the subject token (ours).
    pub subject_token_proof: Option<Secret>,
    /// `actor_token`.
    pub actor_token: Option<Secret>,
    /// `actor_token_type`.
    pub actor_token_type: Option<String>,
    /// `resource`.
    pub resource: Vec<String>,
    /// Whether there was an `audience`, which is refused; of an assertion, whether it was another than the
    /// target's domain.
    pub has_audience: bool,
    /// `scope`.
    pub scope: Option<String>,
    /// `authorization_details`, as it came.
    pub authorization_details: Option<String>,
    /// `requested_token_type`.
    pub requested_token_type: Option<String>,
    /// `client_assertion`.
    pub client_assertion: Option<Secret>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// The presenter's own proof: the `DPoP` header.
    pub proof: Option<Secret>,
    /// The SHA-256 of the presenter's certificate, if the terminator saw one, as Base64url.
    pub certificate: Option<String>,
    /// The `traceparent` header.
    pub traceparent: Option<String>,
}

/// What is issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The hop token.
    pub token: Secret,
    /// Whether it is bound to a DPoP key.
    pub is_dpop: bool,
    /// Whether it is an assertion for another domain, and no access token.
    pub is_assertion: bool,
    /// Its scopes, sorted.
    pub scope: String,
    /// Its `authorization_details`, which RFC 9396 §7 wants in the answer.
    pub authorization_details: Option<Value>,
    /// Its life, in seconds.
    pub expires_in_s: u64,
}

/// What an exchange works with.
#[derive(Debug)]
pub struct Config {
    /// Our issuer identifier.
    pub issuer: String,
    /// The public URI of the token endpoint.
    pub endpoint: String,
    /// Who may ask.
    pub clients: Clients,
    /// Whose tokens are exchanged, beside our own.
    pub issuers: Vec<Issuer>,
    /// Our own public keys: those that sign, and those that signed what still lives.
    pub own_keys: KeySet,
    /// What is permitted at first.
    pub edges: Edges,
    /// The one state.
    pub grants: Arc<dyn Grants>,
    /// What signs hop tokens.
    pub signer: Arc<Signer>,
    /// What decides in the end, over these edges.
    pub policy: Arc<dyn Decide>,
    /// Where decisions are kept.
    pub records: Arc<dyn Records>,
    /// Our nonces, shared with the guards of the domain.
    pub nonces: Nonces,
    /// Whether each proof needs one of them.
    pub needs_nonce: bool,
    /// How subjects are named.
    pub names: Names,
    /// Actors behind the presenter at most.
    pub depth_max: u8,
    /// How many seconds a hop token lives at most.
    pub token_s_max: u64,
    /// How much a grant gives.
    pub bounds: Bounds,
    /// Exchanges of one client in one minute.
    pub client_per_minute_max: u64,
}

/// The exchange of tokens.
#[derive(Debug)]
pub struct Exchange {
    config: Config,
    state: RwLock<Arc<State>>,
    rates: Rates,
    domains: Vec<Domain>,
    renewals: Option<Renewals>,
    opaque: Option<Opaque>,
}

/// An edge file, and all that depends on it.
///
/// INVARIANT: one request sees one of them.
#[derive(Debug)]
struct State {
    edges: Arc<Edges>,
    /// What decides over these edges.
    policy: Arc<dyn Decide>,
    /// What verifies the tokens of each server that asks.
    verifiers: HashMap<Resource, Verifiers>,
    /// For actor tokens, which are for us.
    actors: Verifier,
}

/// What verifies the tokens of one server.
#[derive(Debug)]
struct Verifiers {
    /// Those of others, who stamp what is configured as its audience.
    others: Verifier,
    /// Ours, which have its identifier as their audience.
    own: Verifier,
}

/// What is known of an exchange before its tokens are looked at.
struct Case<'s> {
    from: &'s Resource,
    server: &'s Server,
    verifiers: &'s Verifiers,
    to: Option<Resource>,
    edge: Option<&'s Edge>,
    target: Option<&'s Server>,
}

impl Exchange {
    /// Makes one.
    pub fn new(config: Config) -> Self {
        let policy = Arc::clone(&config.policy);
        let state = RwLock::new(Arc::new(config.state(config.edges.clone(), policy)));
        let rates = Rates::new(config.client_per_minute_max);
        Self { config, state, rates, domains: Vec::new(), renewals: None, opaque: None }
    }

    /// Puts another edge file in place, with what decides over it, at once: what it does not permit is
    /// issued no more.
    pub fn replace(&self, edges: Edges, policy: Arc<dyn Decide>) {
        let state = Arc::new(self.config.state(edges, policy));
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// What is permitted now.
    pub fn edges(&self) -> Arc<Edges> {
        Arc::clone(&self.state().edges)
    }

    /// What decides now.
    pub fn policy(&self) -> Arc<dyn Decide> {
        Arc::clone(&self.state().policy)
    }

    /// X1 alone, for another endpoint: authenticates who asks `uri`, and gives its `client_id`.
    ///
    /// # Errors
    /// [`ExchangeError::Client`], or a store that fails.
    pub async fn authenticate(
        &self,
        request: &Request,
        uri: &str,
        now_s: u64,
    ) -> Result<String, ExchangeError> {
        let presenter = self.presenter(request, uri, now_s).await?;
        Ok(presenter.client.id.clone())
    }

    /// Exchanges a token, or refuses. Either is recorded; a token leaves only when its record is kept.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn exchange(&self, request: &Request, now_s: u64) -> Result<Issued, ExchangeError> {
        let state = self.state();
        let trace = request.traceparent.as_deref();
        let mut record = Record::new(state.edges.digest(), trace, now_s);
        let done = self.checked(request, &state, &mut record, now_s).await;
        match &done {
            Ok(issued) => record.issued(issued.token.expose()),
            Err(error) => record.code = Some(error.code()),
        }
        match (done, self.keep(&record).await) {
            (Ok(_), Err(error)) => Err(error),
            // A refusal stays what it is, whether or not it is recorded.
            (done, _) => done,
        }
    }

    /// Keeps the record of a decision, of an exchange or of what came before one.
    ///
    /// # Errors
    /// A record that may be lost: then nothing may leave.
    pub async fn keep(&self, record: &Record) -> Result<(), ExchangeError> {
        let kept = self.config.records.keep(record).await;
        kept.map_err(|error| ExchangeError::unavailable("keeping the record of a decision", error))
    }

    async fn checked(
        &self,
        request: &Request,
        state: &State,
        record: &mut Record,
        now_s: u64,
    ) -> Result<Issued, ExchangeError> {
        let presenter = self.presenter(request, &self.config.endpoint, now_s).await?;
        let client = presenter.client.id.as_str();
        record.actor = Some(client.to_owned());
        record.passed("X1");
        let token = form(request)?;
        let case = Case::new(state, client, request)?;
        record.hop = Some(case.from.to_string());
        asked(request, &case, record);
        let access = self.subject(&case, token, now_s).await?;
        record.pth = Some(access.hash.0.clone());
        record.checks.extend(["X2", "X3"]);
        let grant = self.live_grant(state, &access, client, now_s).await?;
        record.txn = Some(grant.txn.clone());
        record.passed("X12");
        let relayed = self.holder(&case, request, &access, case.edge, now_s)?;
        record.passed("X9");
        let edge = chain::edge(&case, request, &access, now_s)?;
        record.passed("X4");
        let presenting = Actor { iss: self.config.issuer.clone(), sub: client.to_owned() };
        let chain = chain::chain(presenting, &access, &grant)?;
        record.depth = Some(chain.len().saturating_sub(1));
        record.passed("X6");
        chain::cycle(&case, edge, client, chain.get(1..).unwrap_or_default())?;
        record.passed("X7");
        let actor = self.actor(state, request, &access, (edge, client), now_s).await?;
        record.passed("X11");
        let authority = authority::authority(&case, edge, request, &access, &grant)?;
        record.requested.clone_from(&authority.scopes);
        record.passed("X5");
        let (binding, own) = self.binding(&presenter, request, now_s)?;
        chain::actor_bound(actor.as_ref(), &binding)?;
        record.passed("X8");
        let expires_s =
            issue::expiry(&access, &grant, self.config.token_s_max.min(edge.ttl_s), now_s)?;
        record.passed("X10");
        record.lapses = lapses(edge, access.confirmation.as_ref());
        let once = own.into_iter().chain(relayed).collect();
        self.take(client, &grant.txn, access.hash.clone(), edge, once, now_s).await?;
        record.passed("X13");
        let claims = Claims {
            client,
            access: &access,
            grant: &grant,
            edge,
            chain: &chain,
            authority: &authority,
            binding: &binding,
            expires_s,
        };
        self.decide(&*state.policy, record, &claims, now_s)?;
        record.passed("X14");
        let is_assertion = assertion::is_asked(request);
        let issued =
            if is_assertion { self.assert(&claims, now_s)? } else { self.issue(&claims, now_s)? };
        record.granted.clone_from(&authority.scopes);
        Ok(issued)
    }

    /// X13, with what X8 and X9 use, and X12 once more: in one transaction.
    async fn take(
        &self,
        client: &str,
        txn: &str,
        parent: crate::token::TokenHash,
        edge: &Edge,
        once: Vec<Once>,
        now_s: u64,
    ) -> Result<(), ExchangeError> {
        self.rates.take(client, now_s)?;
        let (txn, target) = (txn.to_owned(), edge.to.clone());
        let used = Use { txn, parent, target, once, bounds: self.config.bounds };
        Ok(self.config.grants.take(&used, now_s).await?)
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Config {
    fn state(&self, edges: Edges, policy: Arc<dyn Decide>) -> State {
        let own = Issuer {
            iss: self.issuer.clone(),
            keys: Arc::new(watch::Sender::new(self.own_keys.clone())),
            typ: Typ::AtJwt,
            scope_claim: "scope".to_owned(),
            client_claims: vec!["client_id".to_owned()],
            is_own: true,
        };
        let of = |issuers: &[Issuer], audience: &str| Verifier {
            issuers: issuers.to_vec(),
            audience: audience.to_owned(),
        };
        let own = [own];
        let asking = edges.servers().filter(|(_, server)| server.client.is_some());
        let verifiers = asking.map(|(at, server)| {
            let others = of(&self.issuers, &server.audience);
            (at.clone(), Verifiers { others, own: of(&own, at.as_str()) })
        });
        let verifiers = verifiers.collect();
        let all: Vec<_> = self.issuers.iter().cloned().chain(own).collect();
        State { verifiers, actors: of(&all, &self.issuer), edges: Arc::new(edges), policy }
    }
}

impl<'s> Case<'s> {
    fn new(state: &'s State, client: &str, request: &Request) -> Result<Self, ExchangeError> {
        let none = ExchangeError::Edge("the client acts for no server");
        let Some((from, server)) = state.edges.server_of(client) else { return Err(none) };
        let Some(verifiers) = state.verifiers.get(from) else { return Err(none) };
        let to = request.resource.first().and_then(|text| Resource::parse(text).ok());
        let edge = to.as_ref().and_then(|to| state.edges.edge(from, to));
        let target = to.as_ref().and_then(|to| state.edges.server(to));
        Ok(Self { from, server, verifiers, to, edge, target })
    }
}

/// RFC 8693 §2.1, as far as we serve it. Gives the subject token.
fn form(request: &Request) -> Result<&Secret, ExchangeError> {
    let is_access = |it: Option<&str>| it == Some(ACCESS_TOKEN);
    if !is_access(request.subject_token_type.as_deref()) {
        return Err(ExchangeError::Request("`subject_token_type` is not that of an access token"));
    }
    let asked = request.requested_token_type.as_deref();
    if asked.is_some() && !is_access(asked) && !assertion::is_asked(request) {
        return Err(ExchangeError::Request(
            "`requested_token_type` is not that of an access token",
        ));
    }
    if request.has_audience {
        return Err(ExchangeError::Request(
            "the `audience` is not the target's: a token is for a `resource` alone",
        ));
    }
    if request.resource.len() != 1 {
        return Err(ExchangeError::Request("there is not exactly one `resource`"));
    }
    request.subject_token.as_ref().ok_or(ExchangeError::Request("there is no `subject_token`"))
}

/// Records what is asked for, as far as somebody declared it: a client that errs may have put a secret
/// where a scope or a target belongs.
fn asked(request: &Request, case: &Case<'_>, record: &mut Record) {
    if let (Some(to), Some(target)) = (&case.to, case.target) {
        record.aud = Some(to.to_string());
        let asked = request.scope.as_deref().and_then(crate::token::scope::parse);
        let asked = asked.unwrap_or_default();
        record.requested = asked.intersection(&target.scopes).cloned().collect();
    }
}

/// What an edge lets pass although it should not: said each time.
fn lapses(edge: &Edge, bound: Option<&Confirmation>) -> Vec<&'static str> {
    let audience_only = edge.bound_subject == crate::edge::BoundSubject::AudienceOnly;
    match bound {
        Some(_) if audience_only => vec!["audience-only"],
        None => vec!["unbound-subject"],
        Some(_) => Vec::new(),
    }
}

/// 128 random bits.
fn random() -> Result<String, NoRandomness> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The system gives no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no randomness")]
struct NoRandomness;

/// RFC 8693 §3.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

#[cfg(test)]
mod tests;
