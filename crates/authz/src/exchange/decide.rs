//! X14: what policy says.

use policy::{Asked, Facts, Name, RequestError, Verdict};

use super::issue::Claims;
use super::{Exchange, ExchangeError, Record};
use crate::token::{Actor, Subject};

/// Decides by policy.
pub trait Decide: Send + Sync + std::fmt::Debug {
    /// The verdict on an exchange whose other checks passed. Whatever goes wrong denies.
    fn decide(&self, request: &policy::Request) -> Verdict;
}

impl Decide for super::engine::Engine {
    fn decide(&self, request: &policy::Request) -> Verdict {
        Self::decide(self, request)
    }
}

impl Exchange {
    /// X14: policy allows it, without an error.
    pub(super) fn decide(
        &self,
        policy: &dyn Decide,
        record: &mut Record,
        it: &Claims<'_>,
        now_s: u64,
    ) -> Result<(), ExchangeError> {
        let request = self.question(it, now_s);
        let request = request.map_err(|error| ExchangeError::Policy(error.to_string()))?;
        let verdict = policy.decide(&request);
        record.policies = verdict.policies().into_iter().map(str::to_owned).collect();
        if verdict.is_allowed() {
            return Ok(());
        }
        Err(ExchangeError::Policy(verdict.code().unwrap_or("denied").to_owned()))
    }

    fn question(&self, it: &Claims<'_>, now_s: u64) -> Result<policy::Request, RequestError> {
        let named = |actor: &Actor| Name::new(&actor.iss, &actor.sub);
        let Subject { iss, sub } = &it.grant.subject;
        let facts = Facts {
            agent: Name::new(&self.config.issuer, it.client)?,
            depth: (it.chain.len() as u64).saturating_sub(1),
            chain: it.chain.iter().map(named).collect::<Result<_, _>>()?,
            requested: it.authority.scopes.clone(),
            allowed: it.authority.allowed.clone(),
            parent_bound: it.access.confirmation.is_some(),
            // INVARIANT: X8 gives nothing else.
            child_bound: true,
            auth_age_s: it.access.auth_age_s(now_s),
            // INVARIANT: X12 passed.
            revoked: false,
            destructive: it.authority.is_destructive,
            mapped: None,
        };
        let (from, to) = (it.edge.from.to_string(), it.edge.to.to_string());
        let subject = policy::Subject::Principal(Name::new(iss, sub)?);
        Ok(policy::Request { subject, asked: Asked::Exchange { from, to }, facts })
    }
}
