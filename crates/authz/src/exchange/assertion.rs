//! What leaves for another domain: an assertion (ID-JAG) in the place of a hop token, after the same
//! checks and with the same record.

use super::issue::Claims;
use super::{Exchange, ExchangeError, Issued, Request};
use crate::edge::{Edge, Via};
use crate::federation::{Asserted, Domain};
use crate::resource::Resource;
use crate::token::{Confirmation, scope};

/// The type of an assertion for another domain.
pub const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";

impl Exchange {
    /// The same exchange, which makes assertions for these domains too.
    #[must_use]
    pub fn with_domains(mut self, domains: Vec<Domain>) -> Self {
        self.domains = domains;
        self
    }

    /// The domain that a server is of.
    pub fn domain_of(&self, to: &Resource) -> Option<&Domain> {
        self.domains.iter().find(|domain| domain.resources.contains(to))
    }

    /// Signs an assertion.
    ///
    /// INVARIANT: it is bound. The answer's `token_type` is `N_A`, so whoever gets it sees only by its
    /// `cnf` that it is.
    pub(super) fn assert(&self, claims: &Claims<'_>, now_s: u64) -> Result<Issued, ExchangeError> {
        let to = &claims.edge.to;
        let domain = self.domain_of(to).ok_or(ExchangeError::Edge("no domain has the target"))?;
        let client = domain.clients.get(claims.client);
        let client = client.ok_or(ExchangeError::Edge("the client has no name in that domain"))?;
        let Confirmation::Jkt(jkt) = claims.binding else {
            return Err(ExchangeError::Binding("an assertion is bound to a key: show a proof"));
        };
        let scope = scope::join(&claims.authority.scopes);
        let asserted = Asserted {
            subject: &claims.grant.subject,
            client,
            resource: to,
            scope: &scope,
            details: &claims.authority.details,
            jkt,
            acr: claims.access.acr.as_deref(),
            auth_time_s: claims.access.auth_time_s,
            expires_s: claims.expires_s,
        };
        let made = domain.assert(&self.config.signer, &self.config.issuer, &asserted, now_s);
        let token = made.map_err(|error| ExchangeError::unavailable("signing a token", error))?;
        Ok(Issued {
            token,
            is_dpop: false,
            is_assertion: true,
            scope,
            authorization_details: super::issue::details(claims.authority),
            expires_in_s: claims.expires_s.saturating_sub(now_s),
        })
    }
}

/// Whether an assertion is asked for.
pub(super) fn is_asked(request: &Request) -> bool {
    request.requested_token_type.as_deref() == Some(ID_JAG)
}

/// Whether the edge gives what is asked for.
pub(super) const fn is_given(edge: &Edge, is_assertion: bool) -> bool {
    match edge.via {
        Via::Local => !is_assertion,
        Via::IdJag(_) => is_assertion,
        _ => false,
    }
}
