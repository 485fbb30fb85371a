//! One request to the server: shown a token, and perhaps made once more with another.
//!
//! It is made again only where the server refused it before it did anything: 401, or 403 for want of a
//! scope. INVARIANT: each reason counts once, so that no server makes it loop.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, StatusCode};
use url::Url;

use super::cache::{Held, Key};
use super::config::{Map, Route, Way};
use super::desk::sensitive;
use super::{Broker, Caller, Person, Refused};
use crate::resource::Challenge;
use crate::token::{Proof, Scheme, TokenHash, scope};

/// One request, and what was tried for it.
pub struct Turn {
    broker: Arc<Broker>,
    caller: Caller,
    shown: Option<(Key, Arc<Held>)>,
    nonces: u8,
    is_renewed: bool,
    is_stepped: bool,
}

impl Turn {
    pub(super) const fn new(broker: Arc<Broker>, caller: Caller) -> Self {
        Self { broker, caller, shown: None, nonces: 0, is_renewed: false, is_stepped: false }
    }

    /// What the request shows: nothing where a person signs in and the server did not ask yet.
    ///
    /// # Errors
    /// No token can be got.
    pub async fn headers(&mut self, method: &str, url: &str) -> Result<HeaderMap, Refused> {
        let broker = Arc::clone(&self.broker);
        if self.has_no_way() {
            return Ok(HeaderMap::new());
        }
        let way = broker.way(&self.caller)?;
        if way.route == Route::SignIn && broker.found().is_none() {
            return Ok(HeaderMap::new());
        }
        let key = broker.token_key(&self.caller, self.scopes(way)?);
        let held = broker.token(&key, &self.caller).await?;
        let mut headers = HeaderMap::new();
        let scheme = match held.scheme {
            Scheme::Bearer => "Bearer",
            Scheme::Dpop => "DPoP",
        };
        let value = zeroize::Zeroizing::new(format!("{scheme} {}", held.token.expose()));
        headers.insert(AUTHORIZATION, sensitive(&value)?);
        if held.scheme == Scheme::Dpop {
            let nonce = broker.nonce(&origin(url));
            let hash = TokenHash::of(held.token.expose());
            let now_s = (broker.now_s)();
            let proof = Proof::make(&broker.key, method, url, Some(&hash), nonce.as_deref(), now_s);
            let proof = proof.map_err(|error| Refused::Own(error.to_string()))?;
            headers.insert(HeaderName::from_static("dpop"), sensitive(proof.expose())?);
        }
        self.shown = Some((key, held));
        Ok(headers)
    }

    /// Whether the request is to be made once more, after the answer of `url`.
    ///
    /// # Errors
    /// The server refuses, and nothing that we can get would help.
    pub async fn again(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        url: &str,
    ) -> Result<bool, Refused> {
        let has_nonce = self.broker.remember_nonce(&origin(url), headers);
        if self.has_no_way() {
            return Ok(false);
        }
        if status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN {
            return Ok(false);
        }
        let values = headers.get_all(WWW_AUTHENTICATE).iter().map(http::HeaderValue::as_bytes);
        // What cannot be read in one way only says nothing.
        let challenges = Challenge::parse(values).unwrap_or_default();
        let is_error = |word: &str| {
            challenges.iter().find(|challenge| challenge.error.as_deref() == Some(word))
        };
        if status == StatusCode::FORBIDDEN {
            let Some(challenge) = is_error("insufficient_scope") else { return Ok(false) };
            return self.step_up(&challenge.scope);
        }
        let is_bound = matches!(&self.shown, Some((_, held)) if held.scheme == Scheme::Dpop);
        if is_bound && has_nonce && self.nonces < NONCES_MAX && is_error("use_dpop_nonce").is_some()
        {
            self.nonces += 1;
            return Ok(true);
        }
        self.renew(challenges.first()).await
    }

    /// Whether it is made as the guard itself, for which nothing is configured: without a token.
    fn has_no_way(&self) -> bool {
        matches!(self.caller, Caller::Service) && !self.broker.has_service()
    }

    /// After a 401: without the token that was refused, as the server now says.
    async fn renew(&mut self, challenge: Option<&Challenge>) -> Result<bool, Refused> {
        let broker = Arc::clone(&self.broker);
        let way = broker.way(&self.caller)?;
        if self.is_renewed {
            return Err(Refused::Unauthorized);
        }
        // A first challenge is no refusal of a token.
        self.is_renewed = self.shown.is_some();
        if let Some((key, held)) = self.shown.take() {
            broker.tokens.forget(&key, &held).await;
        }
        if way.route == Route::SignIn {
            let found = Arc::new(broker.learn(way, challenge).await?);
            let wanted = scope::collect(found.scopes.iter().map(String::as_str));
            let wanted = wanted.ok_or(Refused::Discovery("its scopes are none"))?;
            broker.asked.lock().unwrap_or_else(PoisonError::into_inner).extend(wanted);
            *broker.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        }
        Ok(true)
    }

    /// After a 403: with more, where a person can be asked for it; else the caller has to be.
    pub(super) fn step_up(&mut self, needed: &BTreeSet<String>) -> Result<bool, Refused> {
        let way = self.broker.way(&self.caller)?;
        if let (Caller::Person(person), Some(_)) = (&self.caller, &self.broker.config.caller) {
            let map = self.broker.config.map.as_ref();
            let challenge = map.and_then(|map| back(map, &self.broker, person, needed));
            return Err(Refused::StepUp(challenge.map(Box::new)));
        }
        let shown = self.shown.as_ref().map(|(key, _)| &key.scopes);
        let is_new = shown.is_none_or(|shown| !needed.is_subset(shown));
        if way.route != Route::SignIn || !is_new || self.is_stepped {
            return Err(Refused::StepUp(None));
        }
        self.is_stepped = true;
        let mut asked = self.broker.asked.lock().unwrap_or_else(PoisonError::into_inner);
        // SEP-2350: with all that was asked for before.
        let all: BTreeSet<String> = asked.union(needed).cloned().collect();
        if all.len() > crate::limits::SCOPES_MAX {
            return Err(Refused::StepUp(None));
        }
        *asked = all;
        Ok(true)
    }

    /// What is asked for: what is configured; for a caller no more than theirs gives.
    fn scopes(&self, way: &Way) -> Result<BTreeSet<String>, Refused> {
        let (Caller::Person(person), Some(_)) = (&self.caller, &self.broker.config.caller) else {
            let asked = self.broker.asked.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(way.scopes.union(&asked).cloned().collect());
        };
        let Some(map) = &self.broker.config.map else { return Ok(way.scopes.clone()) };
        let resource = &self.broker.config.resource;
        let edge = map.edges.edge(&map.from, resource);
        let given = edge.map(|edge| edge.map(&person.scopes)).unwrap_or_default();
        let scopes: BTreeSet<String> = if way.scopes.is_empty() {
            given
        } else {
            given.intersection(&way.scopes).cloned().collect()
        };
        if scopes.is_empty() {
            let challenge = back(map, &self.broker, person, &way.scopes);
            return Err(Refused::StepUp(challenge.map(Box::new)));
        }
        Ok(scopes)
    }
}

/// What the caller's own token would have to give for `needed` at the server, mapped back through the
/// edge: what it gives, and the least that gives the rest. Nothing where nothing would help.
fn back(
    map: &Map,
    broker: &Broker,
    person: &Person,
    needed: &BTreeSet<String>,
) -> Option<Challenge> {
    let edge = map.edges.edge(&map.from, &broker.config.resource)?;
    let given = edge.map(&person.scopes);
    let mut scopes = person.scopes.clone();
    for scope in needed.difference(&given) {
        let gives = edge.scopes.iter().filter(|(_, gives)| gives.contains(scope));
        let (least, _) = gives.min_by_key(|(name, gives)| (gives.len(), *name))?;
        scopes.insert(least.clone());
    }
    if scopes == person.scopes {
        return None;
    }
    let scheme = if person.proof.is_some() { Scheme::Dpop } else { Scheme::Bearer };
    Some(Challenge {
        error: Some("insufficient_scope".to_owned()),
        scope: scopes,
        resource_metadata: Some(map.from.metadata_uri()),
        ..Challenge::new(scheme)
    })
}

fn origin(url: &str) -> String {
    url.parse::<Url>().map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

/// Nonces that one request is made with: the first may have come from another request.
const NONCES_MAX: u8 = 2;
