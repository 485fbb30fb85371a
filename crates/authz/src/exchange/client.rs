//! X1: who asks. Confidential clients only, and no shared secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::sync::watch;
use wire::{Document, Policy};

use super::{Exchange, ExchangeError, Request};
use crate::limits;
use crate::token::proof::Expected;
use crate::token::{Claims, Jwt, KeySet, Proof, ProofError, ReplayError};

/// A client that may ask.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its public keys now.
    pub keys: Arc<watch::Sender<KeySet>>,
    /// Whether its DPoP key is among them, so that its proof says who it is (ours).
    pub by_proof: bool,
}

/// The clients, by `client_id`.
#[derive(Debug, Clone, Default)]
pub struct Clients(BTreeMap<String, Client>);

impl Clients {
    /// Adds a client; one of the same name goes.
    pub fn add(&mut self, client: Client) {
        self.0.insert(client.id.clone(), client);
    }

    /// A client.
    pub fn find(&self, id: &str) -> Option<&Client> {
        self.0.get(id)
    }
}

impl Client {
    /// A client that signs assertions (`private_key_jwt`, RFC 7523 §3).
    pub fn new(id: &str, keys: KeySet) -> Self {
        Self { id: id.to_owned(), keys: Arc::new(watch::Sender::new(keys)), by_proof: false }
    }

    /// A client whose metadata document (CIMD) is at its `client_id` and is read again and again: these are
    /// its keys.
    pub fn at(id: &str, keys: Arc<watch::Sender<KeySet>>) -> Self {
        Self { id: id.to_owned(), keys, by_proof: true }
    }

    /// A client by its metadata document (CIMD), which was fetched from `url`: its `jwks` has the key
    /// of its proofs, or of its assertions.
    ///
    /// # Errors
    /// Text that is no such document, is another client's, or has no keys of its own.
    pub fn from_document(url: &str, bytes: &[u8]) -> Result<Self, DocumentError> {
        let keys = Self::keys_of_document(url, bytes)?;
        Ok(Self::at(url, Arc::new(watch::Sender::new(keys))))
    }

    /// The keys in the metadata document of the client `url`.
    ///
    /// # Errors
    /// As [`from_document`](Self::from_document).
    pub fn keys_of_document(url: &str, bytes: &[u8]) -> Result<KeySet, DocumentError> {
        let policy = Policy { bytes_max: limits::CLIENT_DOCUMENT_BYTES_MAX, ..Policy::default() };
        let document = Document::parse(bytes, &policy);
        let value = document.and_then(|document| surface::json::exact(document.root()));
        let value = value.map_err(|_| DocumentError("it is not strict JSON"))?;
        if value.get("client_id").and_then(Value::as_str) != Some(url) {
            return Err(DocumentError("its `client_id` is not where it was fetched from"));
        }
        match value.get("token_endpoint_auth_method").map(Value::as_str) {
            None | Some(Some("private_key_jwt")) => {}
            _ => {
                return Err(DocumentError("`token_endpoint_auth_method` is not `private_key_jwt`"));
            }
        }
        let keys = value.get("jwks").ok_or(DocumentError("add its public keys as `jwks`"))?;
        let keys = KeySet::from_value(keys).map_err(|_| DocumentError("its `jwks` is none"))?;
        if keys.0.is_empty() {
            return Err(DocumentError("its `jwks` has no key for signatures"));
        }
        Ok(keys)
    }
}

/// Why a document describes no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("reading a client's metadata: {0}")]
pub struct DocumentError(&'static str);

/// A client that proved who it is.
pub(super) struct Presenter<'c> {
    pub(super) client: &'c Client,
    /// Its proof, if that is what proved it: verified, and used.
    pub(super) proof: Option<Proof>,
}

impl Exchange {
    /// X1: finds who asks `uri`, by an assertion or by a proof of a known key.
    pub(super) async fn presenter(
        &self,
        request: &Request,
        uri: &str,
        now_s: u64,
    ) -> Result<Presenter<'_>, ExchangeError> {
        let Some(assertion) = &request.client_assertion else {
            return self.presenter_by_proof(request, uri, now_s).await;
        };
        let jwt = Jwt::parse(assertion.expose(), limits::TOKEN_CHARS_MAX);
        let jwt = jwt.map_err(|_| ExchangeError::Client("its assertion is malformed"))?;
        let id = jwt.issuer_unverified().unwrap_or_default();
        let client = self.config.clients.find(id);
        let client = client.ok_or(ExchangeError::Client("it is not known"))?;
        if request.client_id.as_ref().is_some_and(|id| *id != client.id) {
            return Err(ExchangeError::Client("`client_id` is another than the assertion's"));
        }
        if !matches!(jwt.typ(), None | Some("jwt" | "client-authentication+jwt")) {
            return Err(ExchangeError::Client("its assertion is of another type"));
        }
        if jwt.jwk().is_some() {
            return Err(ExchangeError::Client("its assertion brings a key"));
        }
        let claims = jwt.verify_by(&client.keys.borrow());
        let claims =
            claims.map_err(|_| ExchangeError::Client("its assertion is not signed by it"))?;
        let (jti, until_s) = self.assertion(client, &claims, now_s)?;
        self.once(&jti, until_s, "its assertion was used before").await?;
        Ok(Presenter { client, proof: None })
    }

    /// RFC 7523 §3: `iss` and `sub` are the client, `aud` is us, the time is now. Gives what is
    /// remembered of it, and until when.
    fn assertion(
        &self,
        client: &Client,
        claims: &Claims,
        now_s: u64,
    ) -> Result<(String, u64), ExchangeError> {
        if claims.text("sub") != Some(&client.id) {
            return Err(ExchangeError::Client("`sub` is not the client"));
        }
        if claims.audience() != Some(&self.config.issuer) {
            return Err(ExchangeError::Client("`aud` is not this service alone"));
        }
        let time = |name| match claims.0.get(name) {
            None => Ok(None),
            Some(_) => {
                claims.seconds(name).map(Some).ok_or(ExchangeError::Client("a time is none"))
            }
        };
        let expires_s = time("exp")?.ok_or(ExchangeError::Client("`exp` is missing"))?;
        if expires_s.saturating_add(limits::SKEW_S_MAX) <= now_s {
            return Err(ExchangeError::Client("its assertion is over"));
        }
        if expires_s > now_s.saturating_add(limits::ASSERTION_LIFE_S_MAX) {
            return Err(ExchangeError::Client("its assertion lives too long"));
        }
        let latest_s = now_s.saturating_add(limits::SKEW_S_MAX);
        for name in ["iat", "nbf"] {
            if time(name)?.is_some_and(|at_s| at_s > latest_s) {
                return Err(ExchangeError::Client("its assertion is of the future"));
            }
        }
        let jti = claims.text("jti").filter(|jti| (1..=limits::JTI_BYTES_MAX).contains(&jti.len()));
        let jti = jti.ok_or(ExchangeError::Client("`jti` is missing"))?;
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in ["assertion", &client.id, jti] {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let until_s = expires_s.saturating_add(limits::SKEW_S_MAX);
        Ok((URL_SAFE_NO_PAD.encode(hash.finish()), until_s))
    }

    async fn presenter_by_proof(
        &self,
        request: &Request,
        uri: &str,
        now_s: u64,
    ) -> Result<Presenter<'_>, ExchangeError> {
        let id = request.client_id.as_deref();
        let id = id.ok_or(ExchangeError::Client("there is neither assertion nor `client_id`"))?;
        let client = self.config.clients.find(id).filter(|client| client.by_proof);
        let client = client.ok_or(ExchangeError::Client("it does not say who it is by proofs"))?;
        let proof = self.own_proof(request, uri, now_s);
        let proof = proof.map_err(|_| ExchangeError::Client("its proof does not count"))?;
        let proof = proof.ok_or(ExchangeError::Client("there is no proof"))?;
        if !client.keys.borrow().0.iter().any(|key| key.thumbprint() == proof.jkt) {
            return Err(ExchangeError::Client("its proof is by a key that is not its own"));
        }
        let until_s = now_s.saturating_add(limits::PROOF_MEMORY_S);
        self.once(&proof.use_key(uri), until_s, "its proof was used before").await?;
        // Only now: whoever has not its key learns not even that it is known.
        self.nonced(&proof, now_s)?;
        Ok(Presenter { client, proof: Some(proof) })
    }

    async fn once(
        &self,
        name: &str,
        until_s: u64,
        used: &'static str,
    ) -> Result<(), ExchangeError> {
        match self.config.grants.once(name, until_s).await {
            Ok(()) => Ok(()),
            Err(ReplayError::Used) => Err(ExchangeError::Client(used)),
            Err(error) => Err(ExchangeError::unavailable("recording a use", error)),
        }
    }

    /// The presenter's own proof, if there is one, valid at `uri` by its time or by a nonce of ours.
    pub(super) fn own_proof(
        &self,
        request: &Request,
        uri: &str,
        now_s: u64,
    ) -> Result<Option<Proof>, ProofError> {
        let Some(text) = &request.proof else { return Ok(None) };
        let expected = Expected {
            method: "POST",
            uri,
            token: None,
            age_s_max: limits::SKEW_S_MAX,
            nonce: None,
        };
        self.by_time_or_nonce(text.expose(), &expected, now_s).map(Some)
    }

    /// Where a proof of now has to have a nonce of ours: whether it has.
    pub(super) fn nonced(&self, proof: &Proof, now_s: u64) -> Result<(), ExchangeError> {
        let is_fresh = proof.nonce.as_ref().is_some_and(|nonce| {
            self.config.nonces.is_fresh(nonce, limits::NONCE_AGE_S_MAX, now_s)
        });
        if self.config.needs_nonce && !is_fresh { Err(ExchangeError::Nonce) } else { Ok(()) }
    }

    /// Verifies a proof whose `iat` is of now, or which has a nonce of ours that is: a client's wrong
    /// clock does no harm then.
    pub(super) fn by_time_or_nonce(
        &self,
        text: &str,
        expected: &Expected<'_>,
        now_s: u64,
    ) -> Result<Proof, ProofError> {
        match Proof::verify(text, expected, now_s) {
            Err(ProofError::Time) => {
                let expected = Expected { nonce: Some(&self.config.nonces), ..*expected };
                Proof::verify(text, &expected, now_s).map_err(|error| match error {
                    ProofError::Nonce => ProofError::Time,
                    error => error,
                })
            }
            done => done,
        }
    }
}
