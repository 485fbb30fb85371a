//! Probes 8 to 16 and 18: tokens, asked for by a client of the issuer.

mod request;

use serde_json::Value;
use url::Url;

pub(in crate::provider) use request::sensitive;
pub(super) use request::{Answer, Desk, Issued};

use super::finding::{self, Finding};
use super::{Doctor, Issuer, Registered, Seen};
use crate::provider::profile::{Asked, Profile, Token};
use crate::resource::Resource;
use crate::token::{Algorithm, Claims, Jwt, Signer, scope};
use crate::{limits, provider::Server};

/// Tokens that were issued, for the probes at the server.
pub(super) struct Held {
    /// A token for the server that may be shown to it.
    pub(super) bearer: Option<Issued>,
    /// The same, bound to a key.
    pub(super) bound: Option<(Issued, Signer)>,
    /// A token for the other server.
    pub(super) foreign: Option<Issued>,
}

/// What the probes of one issuer work with.
struct Round<'a> {
    doctor: &'a Doctor,
    resource: &'a Resource,
    issuer: &'a str,
    profile: &'a Profile,
    server: &'a Server,
    keys: Option<&'a crate::token::KeySet>,
    desk: Desk<'a>,
}

/// Asks for tokens and judges them.
pub(super) async fn probe(
    doctor: &Doctor,
    resource: Option<&Resource>,
    seen: &mut Seen,
    tell: &(dyn Fn(&str) + Sync),
) -> Option<Held> {
    let issuers = std::mem::take(&mut seen.issuers);
    let held = match allowed(doctor, resource, &issuers) {
        Ok((client, resource, issuer, server, endpoint)) => {
            tell(&format!("asking {} for tokens", client.issuer));
            let round = Round {
                doctor,
                resource,
                issuer: &client.issuer,
                profile: &issuer.profile,
                server,
                keys: issuer.keys.as_ref(),
                desk: Desk::new(&doctor.client, endpoint, client, server, doctor.now_s),
            };
            Some(round.go(seen).await)
        }
        Err(why) => {
            for (probe, what) in NEED_A_TOKEN {
                seen.unverified(*probe, what, why);
            }
            None
        }
    };
    seen.issuers = issuers;
    held
}

type Allowed<'a> = (&'a Registered, &'a Resource, &'a Issuer, &'a Server, Url);

/// Whether the secret may be used, and where.
///
/// INVARIANT: the issuer is the one that the client is known to, and its own origin said where its
/// endpoints are; a server that names somebody else's learns nothing.
fn allowed<'a>(
    doctor: &'a Doctor,
    resource: Option<&'a Resource>,
    issuers: &'a [Issuer],
) -> Result<Allowed<'a>, &'static str> {
    let client = doctor.options.client.as_ref().ok_or("it needs a client: `--client-id`")?;
    let resource = resource.ok_or("it needs a server, not an issuer")?;
    let issuer = issuers.iter().find(|it| it.discovery.issuer == client.issuer);
    let issuer =
        issuer.ok_or("the server does not name the client's issuer; no secret was sent")?;
    let server = issuer.discovery.server();
    let server = server.ok_or("the issuer's metadata does not count; no secret was sent")?;
    if !issuer.discovery.is_of_own_origin() {
        return Err("the metadata came from another origin; no secret was sent");
    }
    let endpoint = server.token_endpoint.as_deref().and_then(|url| url.parse().ok());
    let endpoint = endpoint.ok_or("the issuer has no token endpoint")?;
    Ok((client, resource, issuer, server, endpoint))
}

impl Round<'_> {
    async fn go(&self, seen: &mut Seen) -> Held {
        let mut held = Held { bearer: None, bound: None, foreign: None };
        let Some(issued) = self.ask(self.resource.as_str(), None, seen, true).await else {
            for (probe, what) in NEED_A_TOKEN.iter().filter(|(probe, _)| *probe > 8) {
                seen.unverified(*probe, what, "no token was issued");
            }
            return held;
        };
        if !issued.is_no_store {
            let finding = Finding::new(finding::TOKEN_CACHEABLE, self.issuer, self.desk.place());
            seen.find(finding.paste("Cache-Control: no-store"));
        }
        let may_be_shown = self.judge(&issued, seen).await;
        self.unknown_resource(seen).await;
        held.bound = self.bound(seen).await;
        if let Some(foreign) = self.doctor.options.foreign.as_ref() {
            held.foreign = self.ask(foreign.as_str(), None, seen, false).await;
        }
        if let Some((bound, _)) = &held.bound {
            self.exchange(bound, seen).await;
        }
        held.bearer = may_be_shown.then_some(issued);
        // A bound token is for the server by the same rule as one that is not.
        held.bound = held.bound.filter(|_| may_be_shown);
        held
    }

    /// A token for `resource`.
    async fn ask(
        &self,
        resource: &str,
        proof: Option<&Signer>,
        seen: &mut Seen,
        is_judged: bool,
    ) -> Option<Issued> {
        let mut params = vec![("grant_type", "client_credentials")];
        let scopes = scope::join(&self.doctor.options.scopes);
        if !scopes.is_empty() {
            params.push(("scope", &scopes));
        }
        params.extend(self.targets(resource));
        let said = match self.desk.ask(&params, proof).await {
            Ok(Answer::Issued(issued)) => return Some(issued),
            Ok(Answer::Refused { status, error }) => format!("{status} {error}"),
            Ok(Answer::Odd(why)) => why.to_owned(),
            Err(error) => format!("{error} [{}]", error.code()),
        };
        if is_judged {
            let kind = finding::TOKEN_REQUEST_REFUSED;
            seen.find(Finding::new(kind, self.issuer, self.desk.place()).said(said));
        }
        None
    }

    fn targets<'r>(&self, resource: &'r str) -> Vec<(&'static str, &'r str)> {
        match self.profile.resource {
            Asked::Send => vec![("resource", resource)],
            Asked::AudienceParam => vec![("resource", resource), ("audience", resource)],
            Asked::Omit | Asked::AppIdUri => Vec::new(),
        }
    }

    /// Probes 8, 10, 11 and 12. Whether the token may be shown to the server.
    async fn judge(&self, issued: &Issued, seen: &mut Seen) -> bool {
        if issued.is_opaque() {
            return self.introspected(issued, seen).await;
        }
        let Some(claims) = self.verified(issued, seen) else { return false };
        self.claims(&claims, issued, seen);
        self.audience(&claims.0, "aud", seen)
    }

    /// The claims, once the signature holds: nothing is learned from a token that does not verify.
    fn verified(&self, issued: &Issued, seen: &mut Seen) -> Option<Claims> {
        let Some(keys) = self.keys else {
            seen.unverified(10, "signature and claims", "the issuer's keys cannot be used");
            return None;
        };
        let jwt = Jwt::parse(issued.token.expose(), limits::TOKEN_CHARS_MAX);
        let typ = jwt.as_ref().ok().and_then(|jwt| jwt.typ().map(str::to_owned));
        match jwt.and_then(|jwt| jwt.verify_by(keys)) {
            Ok(claims) => {
                let typ = typ.unwrap_or_else(|| "none".to_owned());
                let is_known = |known: &String| known.eq_ignore_ascii_case(&typ);
                let known = &self.profile.typ;
                if !known.is_empty() && !known.iter().any(is_known) {
                    let finding = Finding::new(finding::TOKEN_TYPE, self.issuer, "typ");
                    seen.find(finding.said(typ));
                }
                Some(claims)
            }
            Err(error) => {
                let finding = Finding::new(finding::TOKEN_SIGNATURE, self.issuer, "signature");
                seen.find(finding.said(error.to_string()));
                None
            }
        }
    }

    /// Probes 10 and 12.
    fn claims(&self, claims: &Claims, issued: &Issued, seen: &mut Seen) {
        let mut find = |kind, place: &str, said: &str| {
            seen.find(Finding::new(kind, self.issuer, place).said(said));
        };
        if claims.text("iss") != Some(self.issuer) {
            find(finding::TOKEN_ISSUER, "iss", claims.text("iss").unwrap_or("none"));
        }
        let now_s = (self.doctor.now_s)();
        let is_over = |at: u64| at.saturating_add(limits::SKEW_S_MAX) <= now_s;
        let is_ahead = |at: u64| at > now_s.saturating_add(limits::SKEW_S_MAX);
        match claims.seconds("exp") {
            None => find(finding::TOKEN_TIME, "exp", "no whole number of seconds"),
            Some(at) if is_over(at) => find(finding::TOKEN_TIME, "exp", "it is over"),
            Some(_) => {}
        }
        if ["iat", "nbf"].iter().any(|name| claims.seconds(name).is_some_and(is_ahead)) {
            find(finding::TOKEN_TIME, "iat, nbf", "it is of the future");
        }
        let clients = &self.profile.client_claim;
        if !clients.is_empty() && clients.iter().all(|name| claims.text(name).is_none()) {
            find(finding::TOKEN_CLAIMS, &clients.join(", "), "no client");
        }
        let asked = &self.doctor.options.scopes;
        let claim = claims.0.get(&self.profile.scope_claim);
        let granted = claim.map(scopes_of).unwrap_or_default();
        if !asked.is_empty() && claim.is_none() {
            find(finding::TOKEN_CLAIMS, &self.profile.scope_claim, "no scopes");
        }
        let is_other = granted != *asked && !asked.is_empty();
        let told = issued.scope.as_deref().and_then(scope::parse);
        if is_other && told.as_ref() != Some(&granted) {
            let said =
                format!("asked for {}, granted {}", scope::join(asked), scope::join(&granted));
            find(finding::SCOPE_SILENT, "scope", &said);
        }
    }

    /// Probe 8. Whether the token names the server, so that it may be shown to it.
    fn audience(
        &self,
        members: &serde_json::Map<String, Value>,
        place: &str,
        seen: &mut Seen,
    ) -> bool {
        let expected = self.doctor.audience(self.profile, self.resource);
        let paste = |aud: &str| {
            format!("resource = \"{}\"\nexpected_aud = \"{aud}\"", self.resource.as_str())
        };
        let said = match members.get("aud") {
            None => {
                seen.find(Finding::new(finding::AUDIENCE_MISSING, self.issuer, place));
                return false;
            }
            Some(Value::Array(list)) if list.len() > 1 => {
                let said = Value::Array(list.clone()).to_string();
                let finding = Finding::new(finding::AUDIENCE_MULTIPLE, self.issuer, place);
                seen.find(finding.said(said));
                return false;
            }
            Some(Value::Array(list)) => list.first().and_then(Value::as_str).unwrap_or_default(),
            Some(one) => one.as_str().unwrap_or_default(),
        };
        match expected {
            None => {
                let why = "the deployment's audience is configured: `--expect-audience`";
                seen.unverified(8, "audience", why);
                false
            }
            Some(expected) if expected == said => {
                // A value that others could expect too is shown where its owner says so, alone.
                let is_named = said == self.resource.as_str();
                is_named || self.doctor.options.audience.is_some() || self.doctor.options.is_own
            }
            Some(expected) => {
                let finding = Finding::new(finding::AUDIENCE_MISMATCH, self.issuer, place);
                seen.find(finding.said(said).paste(paste(&expected)));
                false
            }
        }
    }

    /// Probe 11. Whether the token may be shown to the server.
    async fn introspected(&self, issued: &Issued, seen: &mut Seen) -> bool {
        let endpoint = self.server.introspection_endpoint.as_deref();
        let Some(endpoint) = endpoint.and_then(|url| url.parse::<Url>().ok()) else {
            let place = "introspection_endpoint";
            seen.find(Finding::new(finding::INTROSPECTION_MISSING, self.issuer, place));
            if self.profile.token != Token::Opaque {
                seen.find(Finding::new(finding::AUDIENCE_MISSING, self.issuer, "opaque token"));
            }
            return false;
        };
        let params = [("token", issued.token.expose()), ("token_type_hint", "access_token")];
        let members = match self.desk.post(&endpoint, &params, None).await {
            Ok((200, Some(members), _)) => members,
            Ok((status, ..)) => {
                let kind = finding::INTROSPECTION_INCOMPLETE;
                let finding = Finding::new(kind, self.issuer, crate::net::shown(&endpoint));
                seen.find(finding.said(format!("it answers {status}")));
                return false;
            }
            Err(error) => {
                seen.missed(self.issuer, &endpoint, &error);
                return false;
            }
        };
        let is_active = members.get("active") == Some(&Value::Bool(true));
        let missing = ["aud", "client_id"].into_iter().filter(|name| !members.contains_key(*name));
        let missing: Vec<_> = missing.collect();
        if !is_active || !missing.is_empty() {
            let said = if is_active { missing.join(", ") } else { "not active".to_owned() };
            let kind = finding::INTROSPECTION_INCOMPLETE;
            seen.find(Finding::new(kind, self.issuer, crate::net::shown(&endpoint)).said(said));
        }
        is_active && self.audience(&members, "aud of introspection", seen)
    }

    /// Probe 9.
    async fn unknown_resource(&self, seen: &mut Seen) {
        if self.targets(UNKNOWN).is_empty() {
            return seen.unverified(9, "an unknown resource", "the deployment takes no `resource`");
        }
        let mut params = vec![("grant_type", "client_credentials")];
        params.extend(self.targets(UNKNOWN));
        let Ok(Answer::Issued(issued)) = self.desk.ask(&params, None).await else { return };
        let claims = self.keys.and_then(|keys| {
            let jwt = Jwt::parse(issued.token.expose(), limits::TOKEN_CHARS_MAX).ok()?;
            jwt.verify_by(keys).ok()
        });
        let is_stamped = claims.is_some_and(|claims| match claims.0.get("aud") {
            Some(Value::Array(list)) => list.iter().any(|one| one == UNKNOWN),
            one => one.is_some_and(|one| one == UNKNOWN),
        });
        let kind = if is_stamped {
            finding::UNKNOWN_RESOURCE_ISSUED
        } else {
            finding::UNKNOWN_RESOURCE_IGNORED
        };
        seen.find(Finding::new(kind, self.issuer, self.desk.place()).said(UNKNOWN));
    }

    /// Probe 14.
    async fn bound(&self, seen: &mut Seen) -> Option<(Issued, Signer)> {
        if !self.server.dpop_algorithms.iter().any(|name| name == "ES256") {
            seen.unverified(14, "bound tokens", "the issuer does not advertise DPoP with ES256");
            return None;
        }
        let signer = Signer::generate(Algorithm::Es256).ok()?;
        let issued = self.ask(self.resource.as_str(), Some(&signer), seen, false).await;
        let Some(issued) = issued else {
            let finding = Finding::new(finding::DPOP_IGNORED, self.issuer, self.desk.place());
            seen.find(finding.said("it refuses a request with a proof"));
            return None;
        };
        let jkt = self.keys.filter(|_| !issued.is_opaque()).and_then(|keys| {
            let jwt = Jwt::parse(issued.token.expose(), limits::TOKEN_CHARS_MAX).ok()?;
            let claims = jwt.verify_by(keys).ok()?;
            claims.0.get("cnf")?.get("jkt")?.as_str().map(str::to_owned)
        });
        let is_bound = issued.is_opaque() || jkt == Some(signer.public().thumbprint().0);
        if issued.is_type("dpop") && is_bound {
            return Some((issued, signer));
        }
        let said = format!("token_type {}", issued.token_type);
        seen.find(Finding::new(finding::DPOP_IGNORED, self.issuer, "cnf.jkt").said(said));
        None
    }

    /// Probe 16: what a thief of the bound token would ask for.
    async fn exchange(&self, bound: &Issued, seen: &mut Seen) {
        let is_offered = self.server.grant_types.iter().any(|grant| grant == TOKEN_EXCHANGE);
        if !is_offered || !self.doctor.options.is_own {
            let why = if is_offered { NOT_OWN } else { "the issuer offers no exchange" };
            return seen.unverified(16, "exchange without the holder", why);
        }
        let mut params = vec![
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token", bound.token.expose()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ];
        let target = self.doctor.options.foreign.as_ref().unwrap_or(self.resource);
        params.push(("resource", target.as_str()));
        if let Ok(Answer::Issued(issued)) = self.desk.ask(&params, None).await {
            let said = format!("token_type {}", issued.token_type);
            let place = self.desk.place();
            seen.find(Finding::new(finding::EXCHANGE_UNBOUND, self.issuer, place).said(said));
        }
    }
}

/// The scopes of a claim: one text, or a list.
fn scopes_of(claim: &Value) -> std::collections::BTreeSet<String> {
    let scopes = match claim {
        Value::String(text) => scope::parse(text),
        Value::Array(list) => scope::collect(list.iter().filter_map(Value::as_str)),
        _ => None,
    };
    scopes.unwrap_or_default()
}

/// Probes that need a token, each in a few words.
const NEED_A_TOKEN: &[(u8, &str)] = &[
    (8, "audience of a token"),
    (9, "an unknown resource"),
    (10, "claims of a token"),
    (11, "introspection"),
    (12, "granted scopes"),
    (13, "a call with a token, and step-up"),
    (14, "bound tokens"),
    (16, "exchange without the holder"),
    (18, "headers of token responses"),
];

pub(super) const NOT_OWN: &str = "it attacks: only on a server that is declared `--own`";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// RFC 6761 §6.4: nobody's.
const UNKNOWN: &str = "https://unknown.countersign.invalid/mcp";
