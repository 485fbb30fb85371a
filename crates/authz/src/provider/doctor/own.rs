//! Probe 13, and the probes that attack: tokens shown to the server under examination.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use url::Url;

use super::call::{Called, call};
use super::finding::{self, Finding, Kind};
use super::token::{Held, Issued, NOT_OWN, sensitive};
use super::{Doctor, Seen};
use crate::resource::Resource;
use crate::token::{Proof, Secret, Signer, TokenHash};

/// What the probes at the server work with.
struct Round<'a> {
    doctor: &'a Doctor,
    resource: &'a Resource,
    url: Url,
}

/// Shows tokens to the server.
pub(super) async fn probe(
    doctor: &Doctor,
    resource: Option<&Resource>,
    held: Option<&Held>,
    seen: &mut Seen,
    tell: &(dyn Fn(&str) + Sync),
) {
    let Some(resource) = resource else { return };
    let Ok(url) = resource.as_str().parse::<Url>() else { return };
    let round = Round { doctor, resource, url };
    // A server that lets everybody in says nothing by letting a token in.
    let is_closed = seen.called.as_ref().is_some_and(|called| called.status == 401);
    if !is_closed {
        return seen.unverified(8, ATTACKS, "the server does not ask for a token");
    }
    if let Some(bearer) = held.and_then(|held| held.bearer.as_ref()) {
        tell("calling with a token");
        round.welcome(bearer, seen).await;
    }
    if !doctor.options.is_own {
        return seen.unverified(8, ATTACKS, NOT_OWN);
    }
    tell("attacking the server with tokens that it has to refuse");
    round.forged(seen).await;
    if let Some(held) = held {
        round.misused(held, seen).await;
    } else {
        seen.unverified(8, "tokens for others, in the query, without proof", "it needs a client");
    }
    seen.unverified(8, "tokens passed on to others", "only what is behind the server can tell");
}

impl Round<'_> {
    /// A fresh token for the server is let in, or what is missing is said (probe 13).
    async fn welcome(&self, bearer: &Issued, seen: &mut Seen) {
        let about = self.resource.as_str();
        let Some(called) = self.show("Bearer", &bearer.token, None, None).await else { return };
        let said = || {
            let error = called.challenge().and_then(|challenge| challenge.error.clone());
            format!(
                "status {}{}",
                called.status,
                error.map(|it| format!(" {it}")).unwrap_or_default()
            )
        };
        match called.status {
            401 => seen.find(Finding::new(finding::TOKEN_REFUSED, about, about).said(said())),
            403 => {
                let is_complete = |challenge: &crate::resource::Challenge| {
                    challenge.error.as_deref() == Some("insufficient_scope")
                        && !challenge.scope.is_empty()
                };
                let list = called.challenges.as_deref().unwrap_or_default();
                if list.iter().filter(|it| is_complete(it)).count() != 1 {
                    let finding = Finding::new(finding::STEP_UP_INCOMPLETE, about, about);
                    seen.find(finding.said(said()));
                }
            }
            _ => seen.unverified(13, "step-up", "the token is enough for a first call"),
        }
    }

    /// Tokens that nobody signed.
    async fn forged(&self, seen: &mut Seen) {
        let Some(issuer) = seen.issuers.first() else {
            return seen.unverified(8, "forged tokens", "no issuer is known");
        };
        let now_s = (self.doctor.now_s)();
        let audience = self.doctor.audience(&issuer.profile, self.resource);
        let claims = json!({
            "iss": issuer.discovery.issuer, "sub": "countersign-doctor",
            "aud": audience.unwrap_or_else(|| self.resource.as_str().to_owned()),
            "client_id": "countersign-doctor", "jti": now_s.to_string(),
            "iat": now_s, "exp": now_s.saturating_add(60), "scope": "openid",
        });
        let keys = issuer.keys.as_ref().map(crate::token::KeySet::jwks);
        let jwk = keys.as_ref().and_then(|keys| keys.get("keys")?.get(0).cloned());
        self.refused(&none(&claims), finding::ACCEPTS_FORGED, "alg none", seen).await;
        match jwk.as_ref().and_then(|jwk| Some((jwk, spki_pem(jwk)?))) {
            Some((jwk, pem)) => {
                let forged = hs256(&claims, jwk, pem.as_bytes());
                self.refused(&forged, finding::ACCEPTS_FORGED, "HS256, the public key", seen).await;
            }
            None => seen.unverified(8, "HS256 with the public key", "the key is not of P-256"),
        }
    }

    /// Real tokens in ways that no server may accept.
    async fn misused(&self, held: &Held, seen: &mut Seen) {
        match &held.foreign {
            Some(foreign) if !foreign.is_opaque() => {
                let kind = finding::ACCEPTS_FOREIGN;
                self.refused(&foreign.token, kind, "a token for another server", seen).await;
            }
            _ => seen.unverified(8, "a token for another server", "`--foreign` names none"),
        }
        if let Some(bearer) = &held.bearer {
            self.query(bearer, seen).await;
        }
        if let Some((bound, signer)) = &held.bound {
            let kind = finding::ACCEPTS_BOUND_AS_BEARER;
            self.refused(&bound.token, kind, "a bound token as Bearer", seen).await;
            self.replayed(bound, signer, seen).await;
        }
    }

    async fn query(&self, bearer: &Issued, seen: &mut Seen) {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("access_token", bearer.token.expose());
        let called = call(&self.doctor.client, &url, HeaderMap::new()).await;
        if called.is_ok_and(|called| called.is_let_in()) {
            let about = self.resource.as_str();
            seen.find(Finding::new(finding::ACCEPTS_QUERY, about, "query"));
        }
    }

    async fn replayed(&self, bound: &Issued, signer: &Signer, seen: &mut Seen) {
        let first = self.show("DPoP", &bound.token, Some(signer), None).await;
        let nonce = first.filter(|called| called.status == 401).and_then(|called| called.nonce);
        let hash = TokenHash::of(bound.token.expose());
        let now_s = (self.doctor.now_s)();
        let uri = self.resource.as_str();
        let proof = Proof::make(signer, "POST", uri, Some(&hash), nonce.as_deref(), now_s);
        let Ok(proof) = proof else { return };
        let mut is_in = Vec::new();
        for _ in 0..2 {
            let called = self.show("DPoP", &bound.token, None, Some(&proof)).await;
            is_in.push(called.is_some_and(|called| called.is_let_in()));
        }
        match is_in.as_slice() {
            [true, true] => {
                seen.find(Finding::new(finding::ACCEPTS_REPLAY, uri, "a proof shown twice"));
            }
            [true, false] => {}
            _ => seen.unverified(14, "a replayed proof", "the server takes no bound token"),
        }
    }

    async fn refused(&self, token: &Secret, kind: Kind, how: &str, seen: &mut Seen) {
        let called = self.show("Bearer", token, None, None).await;
        if called.is_some_and(|called| called.is_let_in()) {
            seen.find(Finding::new(kind, self.resource.as_str(), how));
        }
    }

    async fn show(
        &self,
        scheme: &str,
        token: &Secret,
        signer: Option<&Signer>,
        proof: Option<&Secret>,
    ) -> Option<Called> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, sensitive(&format!("{scheme} {}", token.expose()))?);
        let made = signer.map(|signer| {
            let (uri, hash) = (self.resource.as_str(), TokenHash::of(token.expose()));
            Proof::make(signer, "POST", uri, Some(&hash), None, (self.doctor.now_s)())
        });
        let made = made.transpose().ok()?;
        if let Some(proof) = proof.or(made.as_ref()) {
            headers.insert("dpop", sensitive(proof.expose())?);
        }
        call(&self.doctor.client, &self.url, headers).await.ok()
    }
}

pub(in crate::provider) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(surface::canonical::to_vec(value));
    format!("{}.{}", part(header), part(claims))
}

fn none(claims: &Value) -> Secret {
    format!("{}.", unsigned(&json!({ "alg": "none", "typ": "at+jwt" }), claims)).into()
}

fn hs256(claims: &Value, jwk: &Value, secret: &[u8]) -> Secret {
    let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": jwk.get("kid") });
    shared(&header, claims, secret)
}

/// Signed with a secret that others know.
pub(in crate::provider) fn shared(header: &Value, claims: &Value, secret: &[u8]) -> Secret {
    let signed = unsigned(header, claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{tag}").into()
}

/// A P-256 key as libraries that confuse keys read it: `SubjectPublicKeyInfo` in PEM (RFC 5480).
pub(in crate::provider) fn spki_pem(jwk: &Value) -> Option<String> {
    let coordinate = |name: &str| {
        let text = jwk.get(name)?.as_str()?;
        URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32)
    };
    if jwk.get("crv")?.as_str()? != "P-256" {
        return None;
    }
    let der = [P256_SPKI, &coordinate("x")?, &coordinate("y")?].concat();
    Some(seal::key::pem::write("PUBLIC KEY", &der))
}

const ATTACKS: &str = "whether the server refuses tokens that are forged or for others";

/// What precedes the two coordinates (RFC 5480 §2).
const P256_SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
