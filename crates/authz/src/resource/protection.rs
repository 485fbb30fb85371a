//! What a protected server asks of each request: checks G1 to G9, G12, and of G13 what all its tools
//! need alike.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use super::{Challenge, Metadata, Policing, Resource};
use crate::limits;
use crate::token::proof::{ALGORITHMS, Expected};
use crate::token::{
    Access, Actor, Credential, Holder, HolderError, Nonces, ProofError, Replay, Scheme, Verifier,
    credential,
};

/// A server and whom it lets in.
#[derive(Debug)]
pub struct Protection {
    /// What clients ask tokens for; proofs name it too, never `Host`.
    pub resource: Resource,
    /// Whose tokens count, and for which audience.
    pub verifier: Verifier,
    /// The scopes that every request needs.
    pub scopes: BTreeSet<String>,
    /// Whether a token has to be bound to a key.
    pub must_be_bound: bool,
    /// The nonces that proofs have to have; nothing without.
    pub nonces: Option<Nonces>,
    /// Who may not act, wherever in the chain.
    pub denied: BTreeSet<Actor>,
    /// What decides on each call, if anything beside tokens and scopes does.
    pub policing: Option<Policing>,
    /// The proofs that were used.
    pub replay: Arc<dyn Replay>,
    /// The time, in seconds since 1970.
    pub now_s: fn() -> u64,
}

/// Why a request is not let in, and how it could be. It holds no credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// 400, 401 or 403.
    pub status: StatusCode,
    /// `authz.guard.<word>`.
    pub code: &'static str,
    /// For people.
    pub sentence: String,
    /// The value of `WWW-Authenticate`.
    pub challenge: Option<String>,
    /// The value of `DPoP-Nonce`.
    pub nonce: Option<String>,
}

impl Protection {
    /// Checks a request by its method and headers.
    ///
    /// # Errors
    /// The first check that fails, with its challenge.
    pub async fn admit(&self, method: &str, headers: &HeaderMap) -> Result<Access, Refused> {
        let now_s = (self.now_s)();
        let credential = self.credential(headers)?;
        let access = self.verifier.verify(credential.token.expose(), now_s).map_err(|error| {
            let scheme = credential.scheme;
            self.refuse(scheme, "invalid_token", error.code(), error.to_string())
        })?;
        self.held(&access, &credential, method, now_s).await?;
        if access.actors.iter().any(|actor| self.denied.contains(actor)) {
            let sentence = "an actor of the token's chain may not act here".to_owned();
            let code = "authz.guard.actor-denied";
            let refused = self.refuse(credential.scheme, "insufficient_scope", code, sentence);
            return Err(Refused { status: StatusCode::FORBIDDEN, challenge: None, ..refused });
        }
        if !self.scopes.is_subset(&access.scopes) {
            let sentence = "the token lacks a scope that every request needs".to_owned();
            let code = "authz.guard.scope-missing";
            let refused = self.refuse(credential.scheme, "insufficient_scope", code, sentence);
            return Err(Refused { status: StatusCode::FORBIDDEN, ..refused });
        }
        Ok(access)
    }

    /// What it says of itself (RFC 9728).
    pub fn metadata(&self) -> Metadata {
        Metadata {
            resource: self.resource.to_string(),
            authorization_servers: self
                .verifier
                .issuers
                .iter()
                .map(|one| one.iss.clone())
                .collect(),
            scopes: self.scopes.iter().cloned().collect(),
            dpop_algorithms: ALGORITHMS.split(' ').map(str::to_owned).collect(),
            is_dpop_required: self.must_be_bound,
            ..Metadata::default()
        }
    }

    /// G1.
    fn credential(&self, headers: &HeaderMap) -> Result<Credential, Refused> {
        let values = |name| headers.get_all(name).iter().map(http::HeaderValue::as_bytes);
        let scheme = if self.must_be_bound { Scheme::Dpop } else { Scheme::Bearer };
        let shown = Credential::parse(values(AUTHORIZATION.as_str()), values("dpop"));
        let shown = shown.map_err(|error: credential::CredentialError| {
            let refused = self.refuse(scheme, "invalid_request", error.code(), error.to_string());
            Refused { status: StatusCode::BAD_REQUEST, ..refused }
        })?;
        shown.ok_or_else(|| {
            // RFC 6750 §3.1: who shows nothing is told nothing of what is wrong.
            let challenge = Challenge { error: None, ..self.challenge(scheme, "") };
            Refused {
                status: StatusCode::UNAUTHORIZED,
                code: "authz.guard.credential-malformed",
                sentence: "the request shows no token".to_owned(),
                challenge: challenge.text().ok(),
                nonce: None,
            }
        })
    }

    /// G7 to G9: shown by its holder, with a proof that was never used.
    async fn held(
        &self,
        access: &Access,
        credential: &Credential,
        method: &str,
        now_s: u64,
    ) -> Result<(), Refused> {
        let holder = Holder {
            credential,
            certificate: None,
            expected: Expected {
                method,
                uri: self.resource.as_str(),
                token: None,
                age_s_max: limits::SKEW_S_MAX,
                nonce: self.nonces.as_ref(),
            },
            must_be_bound: self.must_be_bound,
        };
        let proof = access.held_by(&holder, now_s).map_err(|error| self.not_held(error, now_s))?;
        let Some(proof) = proof else { return Ok(()) };
        let until_s = now_s.saturating_add(limits::PROOF_MEMORY_S);
        let used = self.replay.once(&proof.use_key(self.resource.as_str()), until_s).await;
        used.map_err(|error| {
            let sentence = format!("the proof does not count: {error}");
            let code = "authz.guard.proof-invalid";
            self.refuse(Scheme::Dpop, "invalid_dpop_proof", code, sentence)
        })
    }

    fn not_held(&self, error: HolderError, now_s: u64) -> Refused {
        let (scheme, word) = match error {
            HolderError::Proof(ProofError::Nonce) => (Scheme::Dpop, "use_dpop_nonce"),
            HolderError::Proof(_) => (Scheme::Dpop, "invalid_dpop_proof"),
            HolderError::Missing(_) => (Scheme::Dpop, "invalid_token"),
            HolderError::Certificate => (Scheme::Bearer, "invalid_token"),
        };
        let nonce = self.nonces.as_ref().filter(|_| word == "use_dpop_nonce");
        let nonce = nonce.map(|nonces| nonces.issue(now_s));
        Refused { nonce, ..self.refuse(scheme, word, error.code(), error.to_string()) }
    }

    fn refuse(&self, scheme: Scheme, error: &str, code: &'static str, sentence: String) -> Refused {
        let challenge = self.challenge(scheme, error).text().ok();
        Refused { status: StatusCode::UNAUTHORIZED, code, sentence, challenge, nonce: None }
    }

    pub(super) fn challenge(&self, scheme: Scheme, error: &str) -> Challenge {
        let is_dpop = scheme == Scheme::Dpop;
        Challenge {
            error: Some(error.to_owned()),
            scope: self.scopes.clone(),
            resource_metadata: Some(self.resource.metadata_uri()),
            algs: ALGORITHMS.split(' ').filter(|_| is_dpop).map(str::to_owned).collect(),
            ..Challenge::new(scheme)
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
