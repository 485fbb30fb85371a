//! An assertion of another domain becomes a grant and a token of ours (RFC 7523 §2.1, ID-JAG §5). No
//! refresh token: the domain that asserts decides each time.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::super::answer::Refusal;
use super::super::request::{Form, Shown};
use super::super::{Sts, UNAVAILABLE};
use crate::edge::{Edges, Server};
use crate::exchange::Record;
use crate::federation::{Assertion, AssertionError};
use crate::grant::Grant;
use crate::limits;
use crate::token::proof::Expected;
use crate::token::{
    Confirmation, JwtError, Proof, ProofError, ReplayError, Secret, Subject, Thumbprint, scope,
};

impl Sts {
    /// Answers a `jwt-bearer` request.
    ///
    /// # Errors
    /// X1, the proof, or the first check of the assertion that fails.
    pub(super) async fn redeem(&self, form: &mut Form, shown: Shown) -> Result<Value, Refusal> {
        let now_s = self.now_s();
        let edges = self.inner.exchange.edges();
        let mut record = Record::new(edges.digest(), shown.traceparent.as_deref(), now_s);
        let done = self.redeemed(form, shown, &edges, &mut record, now_s).await;
        match &done {
            Ok(issued) => record.issued(issued.token.expose()),
            Err(refusal) => record.code = Some(refusal.code),
        }
        match (done, self.inner.exchange.keep(&record).await) {
            (Ok(issued), Ok(())) => Ok(json!({
                "access_token": issued.token.expose(), "token_type": "DPoP",
                "expires_in": issued.life_s, "scope": issued.scope,
            })),
            // No record, no token.
            (Ok(_), Err(error)) => Err(error.into()),
            // A refusal stays what it is, whether or not it is recorded.
            (Err(refusal), _) => Err(refusal),
        }
    }

    async fn redeemed(
        &self,
        form: &mut Form,
        shown: Shown,
        edges: &Edges,
        record: &mut Record,
        now_s: u64,
    ) -> Result<Issued, Refusal> {
        let assertion = form.secret("assertion");
        let (asked, resources) = (form.text("scope"), form.resource());
        let has_audience = !form.audience().is_empty();
        let request = super::client(form, shown);
        let endpoint = format!("{}/token", self.inner.issuer);
        let client = self.inner.exchange.authenticate(&request, &endpoint, now_s).await?;
        record.actor = Some(client.clone());
        record.passed("X1");
        let jkt = self.presenter(request.proof.as_ref(), &endpoint, now_s).await?;
        record.passed("X8");
        let resource = match resources.as_slice() {
            [] => None,
            [one] if !has_audience => Some(one.as_str()),
            _ => return Err(refused(AssertionError::Resource)),
        };
        let text = assertion.as_ref().map(Secret::expose).unwrap_or_default();
        let asserters = &self.inner.asserters;
        let us = &self.inner.issuer;
        let verify = || Assertion::verify(text, asserters, us, &client, resource, now_s);
        let read = match verify() {
            Err(AssertionError::Key(JwtError::UnknownKey)) if self.renewed(text).await => verify(),
            read => read,
        };
        let read = read.map_err(refused)?;
        if !read.is_for(&Confirmation::Jkt(jkt.clone())) {
            return Err(refused(AssertionError::Holder));
        }
        record.pth = Some(read.hash.0.clone());
        record.aud = Some(read.resource.to_string());
        record.passed("assertion");
        let server = edges.server(&read.resource);
        let server = server.ok_or_else(|| refused(AssertionError::Resource))?;
        let asks = asked.as_deref().and_then(scope::parse).unwrap_or_default();
        record.requested = asks.intersection(&server.scopes).cloned().collect();
        let scopes = granted(&read, asked.as_deref(), server)?;
        record.requested.clone_from(&scopes);
        record.passed("X5");
        // Last, so that only an assertion that gives something is used up.
        self.shown(&read).await?;
        let grant = self.found(&read, &client, &scopes, edges).await?;
        record.txn = Some(grant.txn.clone());
        record.depth = Some(0);
        grant.live(now_s).map_err(|_| refused(AssertionError::Replayed))?;
        record.passed("X12");
        let presented = Presented { client: &client, jkt: &jkt, scopes };
        let issued = self.issue(&read, &grant, &presented, now_s)?;
        record.passed("X10");
        record.granted = presented.scopes;
        Ok(issued)
    }

    /// The key of the presenter, by its own proof (RFC 9449 §5).
    async fn presenter(
        &self,
        proof: Option<&Secret>,
        endpoint: &str,
        now_s: u64,
    ) -> Result<Thumbprint, Refusal> {
        let expected = Expected {
            method: "POST",
            uri: endpoint,
            token: None,
            age_s_max: limits::SKEW_S_MAX,
            nonce: self.inner.needs_nonce.then_some(&self.inner.nonces),
        };
        let bad = |error: &'static str, says: String| {
            let code = "authz.exchange.binding-downgrade";
            Refusal::new(StatusCode::BAD_REQUEST, error, code, says)
        };
        let proof = proof.ok_or_else(|| {
            bad("invalid_dpop_proof", "a token is bound: show a DPoP proof".to_owned())
        })?;
        let proof =
            Proof::verify(proof.expose(), &expected, now_s).map_err(|error| match error {
                ProofError::Nonce => bad("use_dpop_nonce", error.to_string()),
                error => bad("invalid_dpop_proof", error.to_string()),
            })?;
        let until_s = now_s.saturating_add(limits::PROOF_MEMORY_S);
        match self.inner.grants.once(&proof.use_key(endpoint), until_s).await {
            Ok(()) => Ok(proof.jkt),
            Err(ReplayError::Used) => {
                Err(bad("invalid_dpop_proof", "the proof was used before".to_owned()))
            }
            Err(ReplayError::Store(source)) => Err(unavailable(&*source)),
        }
    }

    /// An assertion counts once, unless its issuer's may return.
    async fn shown(&self, read: &Assertion) -> Result<(), Refusal> {
        if read.may_return {
            return Ok(());
        }
        let key = format!("id-jag {} {}", read.subject.iss, read.jti);
        let until_s = read.expires_s.saturating_add(limits::SKEW_S_MAX);
        match self.inner.grants.once(&key, until_s).await {
            Ok(()) => Ok(()),
            Err(ReplayError::Used) => Err(refused(AssertionError::Replayed)),
            Err(ReplayError::Store(source)) => Err(unavailable(&*source)),
        }
    }

    async fn found(
        &self,
        read: &Assertion,
        client: &str,
        scopes: &BTreeSet<String>,
        edges: &Edges,
    ) -> Result<Grant, Refusal> {
        let depth_max = self.inner.lifetimes.depth_max;
        let mut ceiling: BTreeMap<_, _> = edges.closure(&read.resource, scopes, depth_max);
        ceiling.insert(read.resource.clone(), scopes.clone());
        let grant = Grant {
            txn: random()?,
            root: read.hash.clone(),
            subject: read.subject.clone(),
            root_client: Subject { iss: self.inner.issuer.clone(), sub: client.to_owned() },
            ceiling,
            details: read.details.clone(),
            expires_s: read.expires_s,
            depth_max,
            root_issued_s: read.issued_s,
            revoked: None,
        };
        self.inner.grants.found(grant).await.map_err(|error| Refusal::store(&error))
    }

    fn issue(
        &self,
        read: &Assertion,
        grant: &Grant,
        to: &Presented<'_>,
        now_s: u64,
    ) -> Result<Issued, Refusal> {
        let us = &self.inner.issuer;
        let expires_s = grant.expires_s.min(now_s.saturating_add(self.inner.lifetimes.token_s));
        let life_s = expires_s.saturating_sub(now_s);
        if life_s < limits::LIFE_LEFT_S_MIN {
            return Err(refused(AssertionError::Time));
        }
        let scope = scope::join(&to.scopes);
        let claims = json!({
            "iss": us, "sub": self.inner.names.of(&read.subject), "aud": read.resource.as_str(), "client_id": to.client,
            "scope": scope, "act": { "iss": us, "sub": to.client }, "cnf": { "jkt": to.jkt.0 },
            "txn": grant.txn, "pth": read.hash.0, "jti": random()?, "iat": now_s, "exp": expires_s,
        });
        let claims = with(claims, read);
        let token = self.inner.keys.signer().sign("at+jwt", &claims);
        let token = token.map_err(|error| unavailable(&error))?;
        tracing::info!(
            txn = grant.txn,
            client = to.client,
            issuer = read.subject.iss,
            root = read.hash.0,
            token = crate::token::TokenHash::of(token.expose()).0,
            scope,
            "an assertion founded a grant"
        );
        Ok(Issued { token, scope, life_s })
    }
}

/// What is issued.
struct Issued {
    token: Secret,
    scope: String,
    life_s: u64,
}

/// Who gets a token, and for what.
struct Presented<'a> {
    client: &'a str,
    jkt: &'a Thumbprint,
    scopes: BTreeSet<String>,
}

/// What of the assertion stands in the token too.
fn with(mut claims: Value, read: &Assertion) -> Value {
    let optional: [(&str, Option<Value>); 3] = [
        ("acr", read.acr.clone().map(Value::from)),
        ("auth_time", read.auth_time_s.map(Value::from)),
        (
            "authorization_details",
            (!read.details.is_empty())
                .then(|| read.details.iter().map(crate::token::Detail::to_value).collect()),
        ),
    ];
    let members: &mut Map<String, Value> = match claims.as_object_mut() {
        Some(members) => members,
        None => return claims,
    };
    for (name, value) in optional {
        members.extend(value.map(|value| (name.to_owned(), value)));
    }
    claims
}

/// What is given: what is asked for, else all that is asserted; never more than that, or than the
/// server knows.
fn granted(
    read: &Assertion,
    asked: Option<&str>,
    server: &Server,
) -> Result<BTreeSet<String>, Refusal> {
    let exceeded = || {
        let code = "authz.exchange.authority-exceeded";
        let says = "the assertion does not give these scopes, or none is named";
        Refusal::new(StatusCode::BAD_REQUEST, "invalid_scope", code, says)
    };
    let asked = asked.map(|text| scope::parse(text).ok_or_else(exceeded)).transpose()?;
    let scopes = match (&read.scopes, asked) {
        (Some(limit), Some(asked)) if asked.is_subset(limit) => asked,
        (Some(limit), None) => limit.clone(),
        // An assertion without scopes gives none by itself.
        _ => return Err(exceeded()),
    };
    if scopes.is_empty() || !scopes.is_subset(&server.scopes) {
        Err(exceeded())
    } else {
        Ok(scopes)
    }
}

/// RFC 7523 §3.1: an assertion that does not count is an `invalid_grant`.
fn refused(error: AssertionError) -> Refusal {
    tracing::warn!(code = error.code(), "an assertion is refused: {error}");
    let word = match error {
        AssertionError::Resource => "invalid_target",
        _ => "invalid_grant",
    };
    Refusal::new(StatusCode::BAD_REQUEST, word, error.code(), error.to_string())
}

fn unavailable(error: &dyn std::error::Error) -> Refusal {
    tracing::error!("an assertion cannot be redeemed: {error}");
    let says = "the service cannot do its work now";
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Refusal::new(status, "temporarily_unavailable", UNAVAILABLE, says)
}

/// 128 random bits.
fn random() -> Result<String, Refusal> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|error| unavailable(&error))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
