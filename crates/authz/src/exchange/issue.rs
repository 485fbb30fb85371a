//! X8, X10, and the hop token itself (RFC 9068, with our `txn` and `pth`).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::authority::Authority;
use super::client::Presenter;
use super::{Exchange, ExchangeError, Issued, Request, random};
use crate::edge::Edge;
use crate::grant::{Grant, Once, ProofOf};
use crate::limits;
use crate::token::{Access, Actor, Confirmation, ProofError, Subject, scope};

/// How subjects are named in our tokens. Those of our own domain keep their names; those of others get
/// pairwise ones, so that equal names of two issuers are never one person.
#[derive(Clone)]
pub struct Names {
    home: Option<String>,
    key: hmac::Key,
}

impl Names {
    /// `home` is the issuer whose subjects keep their names; `key` makes the others'.
    pub fn new(home: Option<String>, key: [u8; 32]) -> Self {
        let key = zeroize::Zeroizing::new(key);
        Self { home, key: hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()) }
    }

    /// The `sub` of a subject.
    pub fn of(&self, subject: &Subject) -> String {
        if self.home.as_ref() == Some(&subject.iss) {
            return subject.sub.clone();
        }
        let mut context = hmac::Context::with_key(&self.key);
        for part in ["countersign subject", &subject.iss, &subject.sub] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(context.sign())
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").field("home", &self.home).finish_non_exhaustive()
    }
}

/// Everything that a hop token says.
pub(super) struct Claims<'c> {
    pub(super) client: &'c str,
    pub(super) access: &'c Access,
    pub(super) grant: &'c Grant,
    pub(super) edge: &'c Edge,
    pub(super) chain: &'c [Actor],
    pub(super) authority: &'c Authority,
    pub(super) binding: &'c Confirmation,
    pub(super) expires_s: u64,
}

impl Exchange {
    /// X8: the new token is bound to the presenter, who proves a key of its own or shows a certificate,
    /// whatever the parent is bound to.
    pub(super) fn binding(
        &self,
        presenter: &Presenter<'_>,
        request: &Request,
        now_s: u64,
    ) -> Result<(Confirmation, Option<Once>), ExchangeError> {
        if let Some(proof) = &presenter.proof {
            return Ok((Confirmation::Jkt(proof.jkt.clone()), None));
        }
        let endpoint = &self.config.endpoint;
        let proof = self.own_proof(request, endpoint, now_s).map_err(|error| match error {
            ProofError::Time => ExchangeError::Binding("the proof is not of now"),
            ProofError::Claim(_) => ExchangeError::Binding("the proof is not for this service"),
            _ => ExchangeError::Binding("the proof does not verify"),
        })?;
        if let Some(proof) = proof {
            self.nonced(&proof, now_s)?;
            let once = Once {
                of: ProofOf::Presenter,
                name: proof.use_key(endpoint),
                until_s: now_s.saturating_add(limits::PROOF_MEMORY_S),
            };
            return Ok((Confirmation::Jkt(proof.jkt), Some(once)));
        }
        match &request.certificate {
            Some(hash) => Ok((Confirmation::X5t(hash.clone()), None)),
            None => Err(ExchangeError::Binding("there is neither proof nor certificate")),
        }
    }

    /// Signs the hop token.
    pub(super) fn issue(&self, claims: &Claims<'_>, now_s: u64) -> Result<Issued, ExchangeError> {
        let value = self.claims(claims, now_s)?;
        let token = self.config.signer.sign("at+jwt", &value);
        let token = token.map_err(|error| ExchangeError::unavailable("signing a token", error))?;
        if token.expose().len() > limits::TOKEN_CHARS_MAX {
            return Err(ExchangeError::Authority("the token would be too large"));
        }
        Ok(Issued {
            token,
            is_dpop: matches!(claims.binding, Confirmation::Jkt(_)),
            is_assertion: false,
            scope: scope::join(&claims.authority.scopes),
            authorization_details: details(claims.authority),
            expires_in_s: claims.expires_s.saturating_sub(now_s),
        })
    }

    fn claims(&self, it: &Claims<'_>, now_s: u64) -> Result<Value, ExchangeError> {
        let jti = random().map_err(|it| ExchangeError::unavailable("drawing a name", it))?;
        let cnf = match it.binding {
            Confirmation::Jkt(jkt) => json!({ "jkt": jkt.0 }),
            Confirmation::X5t(hash) => json!({ "x5t#S256": hash }),
        };
        let mut value = json!({
            "iss": self.config.issuer,
            "sub": self.config.names.of(&it.grant.subject),
            "aud": it.edge.to.as_str(),
            "client_id": it.client,
            "scope": scope::join(&it.authority.scopes),
            "act": act(it.chain),
            "cnf": cnf,
            "txn": it.grant.txn,
            "pth": it.access.hash.0,
            "jti": jti,
            "iat": now_s,
            "exp": it.expires_s,
        });
        let optional = [
            ("authorization_details", details(it.authority)),
            ("acr", it.access.acr.as_ref().map(|acr| json!(acr))),
            ("auth_time", it.access.auth_time_s.map(|at_s| json!(at_s))),
        ];
        if let Some(members) = value.as_object_mut() {
            let there = optional.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it?)));
            members.extend(there);
        }
        Ok(value)
    }
}

/// X10: no longer than the parent, the grant, what the edge and the service say, and what any hop token
/// may; no skew is added.
pub(super) fn expiry(
    access: &Access,
    grant: &Grant,
    life_s_max: u64,
    now_s: u64,
) -> Result<u64, ExchangeError> {
    let own_s = now_s.saturating_add(life_s_max.min(limits::HOP_TOKEN_LIFE_S));
    let expires_s = own_s.min(access.expires_s).min(grant.expires_s);
    let is_enough = expires_s >= now_s.saturating_add(limits::LIFE_LEFT_S_MIN);
    is_enough.then_some(expires_s).ok_or(ExchangeError::Lifetime)
}

/// A chain as `act`, the outermost first (RFC 8693 §4.1).
pub(super) fn act(chain: &[Actor]) -> Value {
    let mut act = Value::Null;
    for actor in chain.iter().rev() {
        let mut level = json!({ "iss": actor.iss, "sub": actor.sub });
        if let (Value::Object(members), false) = (&mut level, act.is_null()) {
            members.insert("act".to_owned(), act);
        }
        act = level;
    }
    act
}

pub(super) fn details(authority: &Authority) -> Option<Value> {
    let details = &authority.details;
    (!details.is_empty()).then(|| details.iter().map(crate::token::Detail::to_value).collect())
}
