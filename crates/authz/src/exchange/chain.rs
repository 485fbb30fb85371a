//! X4, X6, X7, X11: the edge, and who acts along it.

use super::assertion::{is_asked, is_given};
use super::{Case, Exchange, ExchangeError, Request, State};
use crate::edge::Edge;
use crate::grant::Grant;
use crate::limits;
use crate::token::{Access, Actor, Confirmation};

/// X4: an edge leads from the server that asks to the target, is ours to give what is asked for, and has the
/// assurance that it asks for. That it names the client, the edge file has been checked for: a client
/// acts for one server.
pub(super) fn edge<'c>(
    case: &Case<'c>,
    request: &Request,
    access: &Access,
    now_s: u64,
) -> Result<&'c Edge, ExchangeError> {
    let edge = case.edge.ok_or(ExchangeError::Edge("none is declared"))?;
    if !is_given(edge, is_asked(request)) {
        return Err(ExchangeError::Edge("another service gives tokens for it"));
    }
    if edge.assurance.bound && access.confirmation.is_none() {
        return Err(ExchangeError::Edge("the subject token has to be bound to a key"));
    }
    if let Some(max_s) = edge.assurance.auth_age_s_max {
        let age_s = access.auth_time_s.map(|at_s| now_s.saturating_sub(at_s));
        if age_s.is_none_or(|age_s| age_s > max_s) {
            return Err(ExchangeError::Edge("the person signed in too long ago"));
        }
    }
    Ok(edge)
}

/// X6: the chain of the new token, the presenter outermost. A root token without a chain counts as one
/// of its client.
pub(super) fn chain(
    presenter: Actor,
    access: &Access,
    grant: &Grant,
) -> Result<Vec<Actor>, ExchangeError> {
    let mut chain = vec![presenter];
    if access.actors.is_empty() {
        if access.txn.is_some() {
            return Err(ExchangeError::Chain("a token of ours has none"));
        }
        chain.push(grant.root_client.clone());
    }
    chain.extend(access.actors.iter().cloned());
    if chain.len() > usize::from(grant.depth_max) + 1 {
        return Err(ExchangeError::Chain("it would be too deep"));
    }
    let act = super::issue::act(&chain).to_string();
    if act.len() > limits::ACT_BYTES_MAX {
        return Err(ExchangeError::Chain("it would be too large"));
    }
    Ok(chain)
}

/// X7: neither the server that asks nor the target acted before, under its client's name or its own.
/// Whoever names them counts: to refuse one chain too many harms less.
pub(super) fn cycle(
    case: &Case<'_>,
    edge: &Edge,
    client: &str,
    behind: &[Actor],
) -> Result<(), ExchangeError> {
    let target = case.target.and_then(|target| target.client.as_deref());
    let names = [Some(client), Some(edge.from.as_str()), target, Some(edge.to.as_str())];
    let acted = behind.iter().any(|actor| names.contains(&Some(&actor.sub)));
    if acted && !edge.may_cycle { Err(ExchangeError::Cycle) } else { Ok(()) }
}

impl Exchange {
    /// X11: an actor token is by the subject token's issuer, for us, this client's, and names whom the
    /// subject or the edge lets act. Gives what it is bound to.
    pub(super) async fn actor(
        &self,
        state: &State,
        request: &Request,
        access: &Access,
        (edge, client): (&Edge, &str),
        now_s: u64,
    ) -> Result<Option<Confirmation>, ExchangeError> {
        let token = match (&request.actor_token, request.actor_token_type.as_deref()) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(ExchangeError::Actor("there is a type and no token")),
            (Some(_), None) => return Err(ExchangeError::Actor("there is a token and no type")),
            (Some(token), Some(super::ACCESS_TOKEN)) => token,
            (Some(_), Some(_)) => return Err(ExchangeError::Actor("its type is another one")),
        };
        let actor = self.verified(&state.actors, token, now_s).await;
        let actor = actor.map_err(|_| ExchangeError::Actor("it does not verify"))?;
        if actor.subject.iss != access.subject.iss {
            return Err(ExchangeError::Actor("its issuer is not the subject token's"));
        }
        if actor.client_id != client {
            return Err(ExchangeError::Actor("it was issued to another client"));
        }
        let is_named = access.may_act.as_ref() == Some(&actor.subject)
            || edge.actors.contains(&actor.subject.sub);
        let bound = actor.confirmation;
        is_named.then_some(bound).ok_or(ExchangeError::Actor("nobody lets it act"))
    }
}

/// X11: a bound actor token is in the presenter's hands.
pub(super) fn actor_bound(
    bound: Option<&Confirmation>,
    binding: &Confirmation,
) -> Result<(), ExchangeError> {
    let is_held = bound.is_none_or(|bound| bound == binding);
    is_held.then_some(()).ok_or(ExchangeError::Actor("it is bound to another key"))
}
