//! What a protected server asks of each request: checks G1 to G12, and of G13 what all its tools need
//! alike.

pub mod ended;
pub mod opaque;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use tokio::task::JoinSet;

use self::ended::{Ended, EndedError};
use self::opaque::{Opaque, OpaqueError};
use super::{Challenge, Metadata, Policing, Resource, Terminator};
use crate::limits;
use crate::net::Renewals;
use crate::token::proof::{ALGORITHMS, Expected};
use crate::token::{
    Access, AccessError, Actor, Credential, Holder, HolderError, Nonces, ProofError, Replay,
    Scheme, Verifier, credential,
};

/// A server and whom it lets in.
#[derive(Debug)]
pub struct Protection {
    /// What clients ask tokens for; proofs name it too, never `Host`.
    pub resource: Resource,
    /// Whose tokens count, and for which audience.
    pub verifier: Verifier,
    /// The keys of issuers that are not pinned in files.
    pub renewals: Renewals,
    /// Who says what an opaque token is; without it there are none.
    pub opaque: Option<Opaque>,
    /// Who sees the certificates of clients; without it no token is bound to one.
    pub terminator: Option<Terminator>,
    /// Which grants ended before their time; without it nobody asks.
    pub ended: Option<Arc<Ended>>,
    /// The scopes that every request needs.
    pub scopes: BTreeSet<String>,
    /// Whether a token has to be bound to a key.
    pub must_be_bound: bool,
    /// The nonces that proofs have to have; nothing without.
    pub nonces: Option<Nonces>,
    /// Who alone may act, as the outermost of the chain; nothing if everybody may.
    pub allowed: Option<BTreeSet<Actor>>,
    /// Who may not act, wherever in the chain.
    pub denied: BTreeSet<Actor>,
    /// Whether a refused call of a tool is answered as its result, with the challenge in `_meta`.
    pub is_for_apps: bool,
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
    /// 400, 401, 403 or 503.
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

impl Refused {
    /// The challenge as clients of Apps want it: with an error and its description, always.
    pub fn for_apps(&self) -> Option<String> {
        let challenge = Challenge::parse([self.challenge.as_ref()?.as_bytes()]).ok()?.pop()?;
        let error = challenge.error.clone().unwrap_or_else(|| "invalid_token".to_owned());
        let description = Some(self.sentence.clone());
        let error = Some(error);
        Challenge { error, error_description: description, ..challenge }.text().ok()
    }
}

impl Protection {
    /// Keeps what has to be fetched as it is elsewhere, keys and what ended, for as long as the tasks
    /// run: until it was fetched nobody of it is let in.
    pub fn tasks(&self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        self.renewals.follow(&mut tasks);
        if let Some(ended) = &self.ended {
            tasks.spawn(Arc::clone(ended).follow(self.now_s));
        }
        tasks
    }

    /// Checks a request by its method, its headers and the address that it came from.
    ///
    /// # Errors
    /// The first check that fails, with its challenge.
    pub async fn admit(
        &self,
        method: &str,
        headers: &HeaderMap,
        peer: IpAddr,
    ) -> Result<Access, Refused> {
        let now_s = (self.now_s)();
        let credential = self.credential(headers)?;
        let access = self.verified(&credential, now_s).await?;
        // What cannot be read is none: a token that is bound to one is refused.
        let certificate = self.terminator.as_ref();
        let certificate = certificate.and_then(|it| it.certificate(Some(peer), headers).ok()?);
        self.held(&access, &credential, certificate.as_deref(), method, now_s).await?;
        self.is_alive(&access, credential.scheme, now_s)?;
        self.may_act(&access, credential.scheme)?;
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
            // With certificates there is another way to be bound.
            is_dpop_required: self.must_be_bound && self.terminator.is_none(),
            is_certificate_bound: self.terminator.is_some(),
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

    /// G2 to G6, G10: what the token is, by its issuer's keys or its issuer's word.
    async fn verified(&self, credential: &Credential, now_s: u64) -> Result<Access, Refused> {
        let text = credential.token.expose();
        let read = self.renewals.verify(&self.verifier, text, now_s).await;
        let refused =
            |code, sentence| self.refuse(credential.scheme, "invalid_token", code, sentence);
        let error = match (read, &self.opaque) {
            (Ok(access), _) => return Ok(access),
            // The start of every JWT's header: what is malformed in one is not for its issuer to mend.
            (Err(AccessError::Malformed(_)), Some(opaque)) if !text.starts_with("eyJ") => {
                let asked = opaque.access(&self.verifier, &credential.token, now_s).await;
                return asked.map_err(|error| match error {
                    OpaqueError::Refused(error) => refused(error.code(), error.to_string()),
                    OpaqueError::Unavailable(why) => {
                        tracing::warn!(why, "the issuer of opaque tokens cannot be asked");
                        unavailable("the issuer of the token cannot be asked")
                    }
                });
            }
            (Err(error), _) => error,
        };
        Err(refused(error.code(), error.to_string()))
    }

    /// G11.
    fn is_alive(&self, access: &Access, scheme: Scheme, now_s: u64) -> Result<(), Refused> {
        let Some(ended) = &self.ended else { return Ok(()) };
        ended.check(access, now_s).map_err(|error| match error {
            EndedError::Dead => {
                let code = "authz.guard.grant-dead";
                self.refuse(scheme, "invalid_token", code, error.to_string())
            }
            EndedError::Unknown => unavailable(&error.to_string()),
        })
    }

    /// G12. A token without `act` is its client's: the chain of one.
    fn may_act(&self, access: &Access, scheme: Scheme) -> Result<(), Refused> {
        let client = Actor { iss: access.subject.iss.clone(), sub: access.client_id.clone() };
        let outermost = access.actors.first().unwrap_or(&client);
        let is_denied = access.actors.iter().chain([&client]).any(|it| self.denied.contains(it));
        let is_allowed = self.allowed.as_ref().is_none_or(|allowed| allowed.contains(outermost));
        if is_allowed && !is_denied {
            return Ok(());
        }
        let sentence = "an actor of the token's chain may not act here".to_owned();
        let refused =
            self.refuse(scheme, "insufficient_scope", "authz.guard.actor-denied", sentence);
        // No token of theirs would be let in: there is nothing to ask for.
        Err(Refused { status: StatusCode::FORBIDDEN, challenge: None, ..refused })
    }

    /// G7 to G9: shown by its holder, with a proof that was never used.
    async fn held(
        &self,
        access: &Access,
        credential: &Credential,
        certificate: Option<&str>,
        method: &str,
        now_s: u64,
    ) -> Result<(), Refused> {
        let holder = Holder {
            credential,
            certificate,
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

/// Nobody is let in, and no other token would help.
fn unavailable(sentence: &str) -> Refused {
    Refused {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "authz.guard.unavailable",
        sentence: sentence.to_owned(),
        challenge: None,
        nonce: None,
    }
}

#[cfg(test)]
pub(super) mod tests;
