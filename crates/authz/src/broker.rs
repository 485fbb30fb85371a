//! The broker: how a guard gets a token for the next server, and shows it.
//!
//! ```text
//! config     one file: who issues, who we are there, by which way
//! discovery  a challenge -> who authorizes (RFC 9728), where (RFC 8414)
//! route      exchange, assertion, own credentials, a platform's JWT: what is asked, what may come back
//! sign_in    a person at a browser: authorization code with PKCE
//! desk       requests at token endpoints, with proofs and their nonces
//! cache      tokens, each under all that it was issued for
//! turn       one request to the server: shown a token, refused, and perhaps once more
//! ```
//!
//! Deliberately absent: passing on a token that came in; a way from a denial to another way; tokens on
//! the disk.

mod cache;
mod config;
mod desk;
mod discovery;
mod refused;
mod route;
mod sign_in;
mod turn;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use self::cache::{Cache, Held, Key, State, Who};
pub use self::config::{Client, Config, Dpop, Map, Route, Way};
use self::discovery::Found;
pub use self::refused::{CODES, Refused};
use self::sign_in::{Page, Registered};
pub use self::turn::Turn;
use crate::limits;
use crate::net::{self, NetError, Resolve, Rules};
use crate::provider::Server;
use crate::token::{Algorithm, Secret, Signer, Subject, Thumbprint, TokenHash};

/// Gets tokens for one server.
pub struct Broker {
    config: Config,
    net: net::Client,
    /// The key that tokens are bound to: drawn at the start, and never written.
    key: Signer,
    tokens: Cache,
    /// What the server says of its authorization, where it is asked.
    found: Mutex<Option<Arc<Found>>>,
    /// The scopes that the server asked the guard itself for.
    asked: Mutex<BTreeSet<String>>,
    servers: Mutex<HashMap<String, (u64, Arc<Server>)>>,
    nonces: Mutex<HashMap<String, String>>,
    registered: tokio::sync::Mutex<HashMap<String, Registered>>,
    page: OnceCell<Page>,
    prompt: Prompt,
    now_s: fn() -> u64,
}

/// Shows a person where to sign in.
pub type Prompt = Box<dyn Fn(&str) + Send + Sync>;

/// On whose behalf a request is made.
#[derive(Debug, Clone)]
pub enum Caller {
    /// The guard's own.
    Service,
    /// Whoever showed a token.
    Person(Arc<Person>),
}

/// Whoever showed a token that let them in.
#[derive(Debug)]
pub struct Person {
    /// Who it is.
    pub subject: Subject,
    /// Their client.
    pub client_id: String,
    /// What their token gives here.
    pub scopes: BTreeSet<String>,
    /// When it is over, in seconds since 1970.
    pub expires_s: u64,
    /// The token: for an exchange alone, never for the server.
    pub token: Secret,
    /// The proof that came with it.
    pub proof: Option<Secret>,
}

impl Broker {
    /// A broker by `config`, which resolves names with `resolver` and shows people where to sign in
    /// with `prompt`.
    ///
    /// # Errors
    /// TLS that cannot be set up, or no randomness.
    pub fn new(
        config: Config,
        resolver: Arc<dyn Resolve>,
        prompt: Prompt,
        now_s: fn() -> u64,
    ) -> Result<Self, BrokerError> {
        let rules = Rules {
            exceptions: config.exceptions.clone(),
            allows_loopback: config.allows_loopback,
            ..Rules::default()
        };
        let net = net::Client::new(rules, resolver).map_err(BrokerError::Net)?;
        let key = Signer::generate(Algorithm::Es256).map_err(|_| BrokerError::Key)?;
        Ok(Self {
            config,
            net,
            key,
            tokens: Cache::default(),
            found: Mutex::default(),
            asked: Mutex::default(),
            servers: Mutex::default(),
            nonces: Mutex::default(),
            registered: tokio::sync::Mutex::default(),
            page: OnceCell::new(),
            prompt,
            now_s,
        })
    }

    /// Whether a person signs in for the guard: then it may serve nobody else.
    pub fn signs_in(&self) -> bool {
        let is_sign_in = |way: &Way| way.route == Route::SignIn;
        self.config.service.as_ref().is_some_and(is_sign_in)
    }

    /// Whether calls are made by the authority of who calls.
    pub const fn needs_callers(&self) -> bool {
        self.config.caller.is_some()
    }

    /// Whether what the guard asks by itself has a way of its own.
    pub const fn has_service(&self) -> bool {
        self.config.service.is_some()
    }

    /// One request to the server, on behalf of `caller`.
    pub fn turn(self: &Arc<Self>, caller: Caller) -> Turn {
        Turn::new(Arc::clone(self), caller)
    }

    /// The way for a caller. Without one of their own, calls are made as the guard itself.
    fn way(&self, caller: &Caller) -> Result<&Way, Refused> {
        let service = self.config.service.as_ref();
        match caller {
            Caller::Person(_) => self.config.caller.as_ref().or(service),
            Caller::Service => service,
        }
        .ok_or(Refused::Callerless)
    }

    /// What a token for `caller` with `scopes` is found by.
    fn token_key(&self, caller: &Caller, scopes: BTreeSet<String>) -> Key {
        let found = self.found();
        let resource = found.as_ref().map(|found| found.resource.clone());
        let resource = resource.unwrap_or_else(|| self.config.resource.to_string());
        let is_personal = self.config.caller.is_some();
        Key {
            who: match caller {
                Caller::Person(person) if is_personal => Who::Person {
                    subject: person.subject.clone(),
                    client_id: person.client_id.clone(),
                    token: TokenHash::of(person.token.expose()),
                },
                Caller::Person(_) | Caller::Service => Who::Service,
            },
            issuer: found.map(|found| found.issuer.clone()),
            resource,
            scopes,
            jkt: self.thumbprint(),
        }
    }

    fn thumbprint(&self) -> Thumbprint {
        self.key.public().thumbprint()
    }

    fn found(&self) -> Option<Arc<Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A token, from what is known or newly got; of several who want the same one, one asks. Whoever
    /// hangs up meanwhile does not end it: what was asked for is there for the next.
    async fn token(self: &Arc<Self>, key: &Key, caller: &Caller) -> Result<Arc<Held>, Refused> {
        let slot = self.tokens.slot(key);
        if let Ok(state) = slot.try_lock()
            && let Some(known) = state.known((self.now_s)())
        {
            return known;
        }
        let (broker, key, caller) = (Arc::clone(self), key.clone(), caller.clone());
        let asking = tokio::spawn(async move {
            let mut state = slot.lock().await;
            if let Some(known) = state.known((broker.now_s)()) {
                return known;
            }
            let before = match &*state {
                State::Held(held) => Some(Arc::clone(held)),
                State::Empty | State::Refused { .. } => None,
            };
            let found = broker.found();
            let got = broker.obtain(&key, &caller, found.as_deref(), before.as_deref()).await;
            broker.keep(&mut state, got, &caller)
        });
        let failed = |_| Err(Refused::Own("the request for a token was cut off".to_owned()));
        asking.await.unwrap_or_else(failed)
    }

    /// Keeps what came of it. A caller's token ends with the one that it was exchanged for.
    fn keep(
        &self,
        state: &mut State,
        got: Result<Held, Refused>,
        caller: &Caller,
    ) -> Result<Arc<Held>, Refused> {
        let until_s = (self.now_s)().saturating_add(limits::OUTBOUND_REFUSAL_S);
        match got {
            Ok(mut held) => {
                if let Caller::Person(person) = caller {
                    held.expires_s = held.expires_s.min(person.expires_s);
                }
                let held = Arc::new(held);
                *state = State::Held(Arc::clone(&held));
                Ok(held)
            }
            Err(refused) => {
                *state = State::Refused { until_s, refused: refused.clone() };
                Err(refused)
            }
        }
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// TLS.
    #[error("starting to ask others")]
    Net(#[source] NetError),
    /// No randomness.
    #[error("drawing a key")]
    Key,
}

#[cfg(test)]
mod tests;
