//! The ways to a token.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use zeroize::Zeroizing;

use super::cache::{Held, Key};
use super::config::{ACCESS_TOKEN, Dpop, Route, Way};
use super::desk::{Identity, Issued, object};
use super::discovery::Found;
use super::{Broker, Caller, Refused};
use crate::limits;
use crate::provider::Server;
use crate::provider::profile::{Asked, Audience, Exchange};
use crate::sts::config::files;
use crate::token::{Scheme, Secret, scope};

/// A token that gives another.
struct Subject {
    token: Secret,
    token_type: &'static str,
    /// How it was shown to us: our own token service wants to see it.
    proof: Option<Secret>,
}

impl Broker {
    /// Gets a token by the way that is configured.
    pub(super) async fn obtain(
        &self,
        key: &Key,
        caller: &Caller,
        found: Option<&Found>,
        before: Option<&Held>,
    ) -> Result<Held, Refused> {
        let way = self.way(caller)?;
        if way.route == Route::SignIn {
            let found = found.ok_or(Refused::Discovery("it was not asked yet"))?;
            return self.sign_in(key, way, found, before).await;
        }
        let issuer = way.issuer.as_deref();
        let server = self.server(issuer.ok_or(Refused::Discovery("there is no issuer"))?).await?;
        let identity = Identity::of(&way.client, &server)?;
        let is_bound = is_bound(way, &server)?;
        let scopes = scope_param(way, &key.scopes);
        let mut params: Vec<(&str, &str)> = Vec::new();
        let subject = subject(way, caller)?;
        let assertion = match way.route {
            Route::IdJag => {
                Some(self.assertion(way, subject.as_ref(), &key.resource, &scopes).await?)
            }
            _ => None,
        };
        match way.route {
            Route::ClientCredentials => params.push(("grant_type", "client_credentials")),
            Route::Exchange => exchange(way, subject.as_ref(), &mut params),
            Route::JwtBearer | Route::IdJag | Route::SignIn => {
                let shown = assertion.as_ref().or(subject.as_ref().map(|it| &it.token));
                params.push(("grant_type", JWT_BEARER));
                params.push(("assertion", shown.ok_or(Refused::Callerless)?.expose()));
            }
        }
        if !scopes.is_empty() {
            params.push(("scope", &scopes));
        }
        if way.route != Route::IdJag {
            params.extend(resource_param(way, &key.resource));
        }
        let issued = self.ask(&server, identity, &params, is_bound).await?;
        let is_exchange =
            way.route == Route::Exchange && way.profile.exchange != Exchange::EntraObo;
        // RFC 8693 §2.2.1.
        if is_exchange && issued.what.as_deref() != Some(ACCESS_TOKEN) {
            return Err(Refused::Type);
        }
        self.held(way, key, issued, is_bound, None)
    }

    /// An assertion for the server's issuer, by whom people sign in at (ID-JAG §4).
    async fn assertion(
        &self,
        way: &Way,
        subject: Option<&Subject>,
        resource: &str,
        scopes: &str,
    ) -> Result<Secret, Refused> {
        let subject = subject.ok_or(Refused::Callerless)?;
        let (idp, client) = way.idp.as_ref().ok_or(Refused::Discovery("nobody asserts"))?;
        let server = self.server(idp).await?;
        let is_bound = is_bound(way, &server)?;
        let mut params = vec![
            ("grant_type", TOKEN_EXCHANGE),
            ("requested_token_type", ID_JAG),
            ("subject_token", subject.token.expose()),
            ("subject_token_type", subject.token_type),
            ("resource", resource),
        ];
        match (way.is_own, &subject.proof) {
            (true, Some(proof)) => params.push(("subject_token_proof", proof.expose())),
            (true, None) => {}
            (false, _) => params.extend(way.issuer.as_deref().map(|issuer| ("audience", issuer))),
        }
        if !scopes.is_empty() {
            params.push(("scope", scopes));
        }
        let issued = self.ask(&server, Identity::of(client, &server)?, &params, is_bound).await?;
        let is_assertion =
            issued.what.as_deref() == Some(ID_JAG) && issued.token_type.eq_ignore_ascii_case("N_A");
        if !is_assertion {
            return Err(Refused::Type);
        }
        // `N_A` says nothing of the key: a silent downgrade is visible in the assertion alone.
        if is_bound && !is_bound_to(&issued.token, &self.key.public().thumbprint().0) {
            return Err(Refused::Unbound);
        }
        Ok(issued.token)
    }

    /// Checks that what was issued is what was asked for.
    pub(super) fn held(
        &self,
        way: &Way,
        key: &Key,
        issued: Issued,
        is_bound: bool,
        before: Option<&Held>,
    ) -> Result<Held, Refused> {
        let scheme = match issued.token_type.to_ascii_lowercase().as_str() {
            "bearer" => Scheme::Bearer,
            "dpop" if is_bound => Scheme::Dpop,
            _ => return Err(Refused::Type),
        };
        if is_bound && scheme == Scheme::Bearer {
            return Err(Refused::Unbound);
        }
        if let Some(claims) = claims(&issued.token) {
            let jkt = claims.get("cnf").and_then(|cnf| cnf.get("jkt")).and_then(Value::as_str);
            if is_bound && jkt != Some(&*key.jkt.0) {
                return Err(Refused::Unbound);
            }
            check_audience(way, claims.get("aud"), &key.resource)?;
        }
        if let Some(scopes) = &issued.scopes {
            check_scopes(way, scopes, &key.scopes)?;
        }
        let life_s = issued.life_s.unwrap_or(limits::OUTBOUND_LIFE_S_DEFAULT);
        let life_s = life_s.min(limits::OUTBOUND_LIFE_S_MAX);
        let refresh = issued.refresh.or_else(|| before.and_then(|held| held.refresh.clone()));
        let expires_s = (self.now_s)().saturating_add(life_s);
        Ok(Held { token: issued.token, scheme, expires_s, refresh })
    }
}

/// What is exchanged: the caller's token, or what a file holds.
fn subject(way: &Way, caller: &Caller) -> Result<Option<Subject>, Refused> {
    if let Some(subject) = &way.subject {
        let text = files::private(&subject.path);
        let text = text.map_err(|error| Refused::Own(error.to_string()))?;
        let token = Secret::from(text.trim());
        return Ok(Some(Subject { token, token_type: subject.token_type, proof: None }));
    }
    Ok(match caller {
        Caller::Person(person) => Some(Subject {
            token: person.token.clone(),
            token_type: ACCESS_TOKEN,
            proof: person.proof.clone().filter(|_| way.is_own),
        }),
        Caller::Service => None,
    })
}

/// Whether a token is to be bound to our key.
pub(super) fn is_bound(way: &Way, server: &Arc<Server>) -> Result<bool, Refused> {
    let offers = server.dpop_algorithms.iter().any(|name| name == "ES256");
    match way.dpop {
        Dpop::Never => Ok(false),
        Dpop::Auto => Ok(offers),
        Dpop::Required if offers || server.dpop_algorithms.is_empty() => Ok(true),
        Dpop::Required => Err(Refused::Discovery("its issuer takes no ES256 proofs")),
    }
}

/// Scopes as the provider writes them.
pub(super) fn scope_param(way: &Way, scopes: &BTreeSet<String>) -> String {
    match prefix(way) {
        None => scope::join(scopes),
        Some(prefix) => {
            let all: Vec<_> = scopes.iter().map(|word| format!("{prefix}{word}")).collect();
            all.join(" ")
        }
    }
}

fn prefix(way: &Way) -> Option<String> {
    let form = way.profile.scope_form.strip_prefix("prefix:")?;
    Some(form.replace("{app_id_uri}", way.app_id_uri.as_deref().unwrap_or_default()))
}

/// How the provider is told for which server.
pub(super) fn resource_param<'a>(way: &'a Way, resource: &'a str) -> Vec<(&'a str, &'a str)> {
    match way.profile.resource {
        Asked::Send => vec![("resource", resource)],
        Asked::Omit => Vec::new(),
        Asked::AudienceParam => vec![("audience", resource)],
        Asked::AppIdUri => {
            way.app_id_uri.as_deref().map(|uri| ("resource", uri)).into_iter().collect()
        }
    }
}

fn exchange<'s>(way: &Way, subject: Option<&'s Subject>, params: &mut Vec<(&'s str, &'s str)>) {
    let Some(subject) = subject else { return };
    if way.profile.exchange == Exchange::EntraObo {
        params.push(("grant_type", JWT_BEARER));
        params.push(("assertion", subject.token.expose()));
        params.push(("requested_token_use", "on_behalf_of"));
        return;
    }
    params.push(("grant_type", TOKEN_EXCHANGE));
    params.push(("subject_token", subject.token.expose()));
    params.push(("subject_token_type", subject.token_type));
    if let Some(proof) = &subject.proof {
        params.push(("subject_token_proof", proof.expose()));
    }
}

/// What a JWT says, unverified: it is for the server to verify. Read to see that it says no more than
/// was asked for.
fn claims(token: &Secret) -> Option<serde_json::Map<String, Value>> {
    let mut parts = token.expose().split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    object(&Zeroizing::new(URL_SAFE_NO_PAD.decode(payload).ok()?))
}

fn is_bound_to(token: &Secret, jkt: &str) -> bool {
    let claims = claims(token);
    let cnf = claims.as_ref().and_then(|claims| claims.get("cnf"));
    cnf.and_then(|cnf| cnf.get("jkt")).and_then(Value::as_str) == Some(jkt)
}

/// INVARIANT: a token that others take too is not shown to a server, which could use it there. Of what
/// a provider stamps that names no server, only the number counts.
fn check_audience(way: &Way, aud: Option<&Value>, resource: &str) -> Result<(), Refused> {
    let Some(aud) = aud else { return Ok(()) };
    let all: Vec<Option<&str>> = match aud {
        Value::Array(all) => all.iter().map(Value::as_str).collect(),
        one => vec![one.as_str()],
    };
    let [Some(only)] = all.as_slice() else { return Err(Refused::Audience) };
    let is_named = way.profile.expected_aud == Audience::Resource;
    let is_other = *only != resource && crate::resource::Resource::parse(only).is_ok();
    if is_named && is_other { Err(Refused::Audience) } else { Ok(()) }
}

/// RFC 6749 §5.1: `scope` is there where it differs from what was asked for; it may only be less.
fn check_scopes(
    way: &Way,
    issued: &BTreeSet<String>,
    asked: &BTreeSet<String>,
) -> Result<(), Refused> {
    let prefix = prefix(way).unwrap_or_default();
    let bare = |word: &String| word.strip_prefix(&prefix).unwrap_or(word).to_owned();
    // It gives no authority, and was asked for where the issuer knows it.
    let is_neutral = |word: &str| way.route == Route::SignIn && word == OFFLINE;
    let is_less = asked.is_empty()
        || issued.iter().map(bare).all(|word| asked.contains(&word) || is_neutral(&word));
    if is_less { Ok(()) } else { Err(Refused::Widened) }
}

/// What a refresh token is asked for with (`OpenID` Connect Core §11).
pub(super) const OFFLINE: &str = "offline_access";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
