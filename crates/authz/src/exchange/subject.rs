//! X2, X3, X12, X9: whose authority is exchanged, whether it lives, and whether its holder called.

use super::{Case, Exchange, ExchangeError, Request, State, random};
use crate::edge::{BoundSubject, Edge};
use crate::grant::{Grant, GrantError, Once, ProofOf};
use crate::limits;
use crate::net::Renewals;
use crate::resource::protection::opaque::{Opaque, OpaqueError};
use crate::token::proof::Expected;
use crate::token::{
    Access, AccessError, Confirmation, IntrospectionError, Secret, Subject, Verifier,
};

fn refused(error: AccessError) -> ExchangeError {
    match error {
        AccessError::Audience => ExchangeError::NotForRequester,
        AccessError::Actors(why) => ExchangeError::Chain(why),
        error => ExchangeError::Subject(error),
    }
}

impl Exchange {
    /// The same exchange, which looks for keys that nobody knows where their issuers publish them.
    #[must_use]
    pub fn with_renewals(mut self, renewals: Renewals) -> Self {
        self.renewals = Some(renewals);
        self
    }

    /// The same exchange, where one issuer has opaque tokens and is asked about them (RFC 7662).
    #[must_use]
    pub fn with_opaque(mut self, opaque: Option<Opaque>) -> Self {
        self.opaque = opaque;
        self
    }

    /// X2: an access token of a trusted issuer, valid now. X3: for the server that asks, alone.
    pub(super) async fn subject(
        &self,
        case: &Case<'_>,
        token: &Secret,
        now_s: u64,
    ) -> Result<Access, ExchangeError> {
        let by = case.verifiers;
        match self.verified(&by.others, token, now_s).await {
            Err(ExchangeError::Subject(AccessError::Issuer)) => {
                by.own.verify(token.expose(), now_s).map_err(refused)
            }
            read => read,
        }
    }

    /// What a verifier says of a token: by what its issuer publishes now, or says of it.
    ///
    /// # Errors
    /// X2 and X3, or an issuer that cannot be asked.
    pub async fn verified(
        &self,
        verifier: &Verifier,
        token: &Secret,
        now_s: u64,
    ) -> Result<Access, ExchangeError> {
        let text = token.expose();
        let read = match &self.renewals {
            Some(renewals) => renewals.verify(verifier, text, now_s).await,
            None => verifier.verify(text, now_s),
        };
        match (read, &self.opaque) {
            // The start of every JWT's header: what is malformed in one is not for its issuer to mend.
            (Err(AccessError::Malformed(_)), Some(opaque)) if !text.starts_with("eyJ") => {
                opaque.access(verifier, token, now_s).await.map_err(|error| match error {
                    OpaqueError::Refused(IntrospectionError::Access(error)) => refused(error),
                    OpaqueError::Refused(error) => ExchangeError::Opaque(error),
                    error => ExchangeError::unavailable("asking about a token", error),
                })
            }
            (read, _) => read.map_err(refused),
        }
    }

    /// X12: the grant that the token belongs to, or that it founds, and which lives.
    pub(super) async fn live_grant(
        &self,
        state: &State,
        access: &Access,
        client: &str,
        now_s: u64,
    ) -> Result<Grant, ExchangeError> {
        let grant = self.founded_by(state, access, client, now_s).await?;
        grant.live(now_s)?;
        Ok(grant)
    }

    /// The grant that a verified token of the server behind `client` belongs to. A token of ours names
    /// it; any other founds one, at its first sight.
    ///
    /// # Errors
    /// A store that fails, or a grant that is no more.
    pub async fn founded(
        &self,
        access: &Access,
        client: &str,
        now_s: u64,
    ) -> Result<Grant, GrantError> {
        self.founded_by(&self.state(), access, client, now_s).await
    }

    async fn founded_by(
        &self,
        state: &State,
        access: &Access,
        client: &str,
        now_s: u64,
    ) -> Result<Grant, GrantError> {
        if access.subject.iss == self.config.issuer {
            let txn = access.txn.as_deref().ok_or(GrantError::Dead("the token names none"))?;
            let grant = self.config.grants.grant(txn).await?;
            return grant.ok_or(GrantError::Dead("there is none"));
        }
        let from = state.edges.server_of(client);
        let (from, _) = from.ok_or(GrantError::Dead("the client acts for no server"))?;
        let depth_max = self.config.depth_max.min(limits::DEPTH_MAX);
        let txn = random().map_err(GrantError::store)?;
        let grant = Grant {
            txn,
            root: access.hash.clone(),
            subject: access.subject.clone(),
            root_client: Subject { iss: access.subject.iss.clone(), sub: access.client_id.clone() },
            ceiling: state.edges.closure(from, &access.scopes, depth_max),
            details: access.details.clone(),
            expires_s: access.expires_s,
            depth_max,
            root_issued_s: access.issued_s.min(now_s),
            revoked: None,
        };
        self.config.grants.found(grant).await
    }

    /// X9: the holder of a bound token called the server that asks just now, and their proof, relayed,
    /// says so. Gives what must not have been used.
    pub(super) fn holder(
        &self,
        case: &Case<'_>,
        request: &Request,
        access: &Access,
        edge: Option<&Edge>,
        now_s: u64,
    ) -> Result<Option<Once>, ExchangeError> {
        let mode = edge.map_or(BoundSubject::Relay, |edge| edge.bound_subject);
        let jkt = match (&access.confirmation, mode) {
            (None, _) | (Some(_), BoundSubject::AudienceOnly) => return Ok(None),
            (Some(_), BoundSubject::Refuse) => {
                return Err(ExchangeError::Holder("the edge takes no bound token"));
            }
            (Some(Confirmation::X5t(_)), BoundSubject::Relay) => {
                return Err(ExchangeError::Holder("of a certificate there is nothing to relay"));
            }
            (Some(Confirmation::Jkt(jkt)), BoundSubject::Relay) => jkt,
        };
        let text = request.subject_token_proof.as_ref();
        let text = text.ok_or(ExchangeError::Holder("there is no relayed proof"))?;
        let expected = Expected {
            method: "POST",
            uri: case.from.as_str(),
            token: Some(&access.hash),
            age_s_max: limits::RELAY_AGE_S_MAX,
            nonce: None,
        };
        let proof = self.by_time_or_nonce(text.expose(), &expected, now_s);
        let proof = proof.map_err(ExchangeError::HolderProof)?;
        proof.is_of(jkt).map_err(ExchangeError::HolderProof)?;
        let target = case.to.as_ref().map_or("", |to| to.as_str());
        Ok(Some(Once {
            of: ProofOf::Holder,
            name: proof.use_key(&format!("relayed to {target}")),
            until_s: now_s.saturating_add(limits::PROOF_MEMORY_S),
        }))
    }
}
