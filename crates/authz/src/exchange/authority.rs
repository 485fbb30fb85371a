//! X5: what the new token may do. Never more than the map of what is held, the grant's ceiling and the
//! target's own scopes.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use wire::{Document, Policy};

use super::{Case, ExchangeError, Request};
use crate::edge::{Edge, Server};
use crate::grant::Grant;
use crate::limits;
use crate::resource::Resource;
use crate::token::{Access, Detail, scope};

/// What is asked for, and what could be.
#[derive(Debug)]
pub(super) struct Authority {
    /// Given: what was asked for.
    pub(super) scopes: BTreeSet<String>,
    /// What could have been asked for.
    pub(super) allowed: BTreeSet<String>,
    /// The tools that the new token is limited to; empty = by scopes alone.
    pub(super) details: Vec<Detail>,
    /// Whether a tool within reach may destroy.
    pub(super) is_destructive: bool,
}

/// X5.
pub(super) fn authority(
    case: &Case<'_>,
    edge: &Edge,
    request: &Request,
    access: &Access,
    grant: &Grant,
) -> Result<Authority, ExchangeError> {
    let target = case.target.ok_or(ExchangeError::Edge("none is declared"))?;
    let held = held(case.server, &access.scopes)?;
    let mut allowed = edge.map(&held);
    let none = BTreeSet::new();
    let ceiling = grant.ceiling.get(&edge.to).unwrap_or(&none);
    // That the target knows what a map gives, an edge file is checked for; said here once more, because
    // the ceiling may be of an older file.
    allowed.retain(|scope| ceiling.contains(scope) && target.scopes.contains(scope));
    let asked = details(request, &edge.to, target)?;
    let scopes = requested(request, &asked, target)?;
    if !scopes.is_subset(&allowed) {
        return Err(ExchangeError::Authority("a scope is beyond edge, ceiling or target"));
    }
    let details = narrowed(asked, &grant.details, &edge.to)?;
    let is_destructive = is_destructive(target, &scopes, &details);
    Ok(Authority { scopes, allowed, details, is_destructive })
}

/// What is held, without what says nothing here. A scope that the hop does not know refuses: nobody
/// said what it gives.
fn held(server: &Server, scopes: &BTreeSet<String>) -> Result<BTreeSet<String>, ExchangeError> {
    let held = scopes.difference(&server.neutral);
    let held: BTreeSet<String> = held.cloned().collect();
    let is_known = held.is_subset(&server.scopes);
    is_known.then_some(held).ok_or(ExchangeError::Authority("a scope held is unknown to the hop"))
}

/// The `scope` asked for; without one, what the tools named require.
fn requested(
    request: &Request,
    details: &[Detail],
    target: &Server,
) -> Result<BTreeSet<String>, ExchangeError> {
    let scopes = match &request.scope {
        Some(text) => scope::parse(text).ok_or(ExchangeError::Authority("`scope` is no list"))?,
        None => needed(details, target).cloned().collect(),
    };
    let is_some = !scopes.is_empty();
    is_some.then_some(scopes).ok_or(ExchangeError::Authority("neither scope nor tool is asked for"))
}

fn needed<'t>(details: &[Detail], target: &'t Server) -> impl Iterator<Item = &'t String> {
    details.iter().filter_map(|it| target.tools.get(&it.tool)).flat_map(|tool| &tool.scopes)
}

/// The details asked for: each names a tool of the target that is known.
fn details(
    request: &Request,
    to: &Resource,
    target: &Server,
) -> Result<Vec<Detail>, ExchangeError> {
    let Some(text) = &request.authorization_details else { return Ok(Vec::new()) };
    let none = ExchangeError::Details("they are not a list of `mcp_tool`");
    let policy = Policy { bytes_max: limits::TOKEN_CHARS_MAX, ..Policy::default() };
    let document = Document::parse(text.as_bytes(), &policy);
    let Ok(value) = document.and_then(|document| surface::json::exact(document.root())) else {
        return Err(none);
    };
    let details = Detail::parse(&value).map_err(|_| none)?;
    for detail in &details {
        if !is_at(detail, to) {
            return Err(ExchangeError::Details("they name another server than the target"));
        }
        if !target.tools.contains_key(&detail.tool) {
            return Err(ExchangeError::Details("they name a tool that is not known"));
        }
    }
    Ok(details)
}

/// What a grant says of the target's tools limits the new token: what is asked for is within it, and
/// who asks for nothing gets no more than it.
fn narrowed(
    asked: Vec<Detail>,
    ceiling: &[Detail],
    to: &Resource,
) -> Result<Vec<Detail>, ExchangeError> {
    let limits: Vec<&Detail> = ceiling.iter().filter(|detail| is_at(detail, to)).collect();
    if asked.is_empty() {
        return Ok(limits.into_iter().cloned().collect());
    }
    let is_within = |asked: &Detail| limits.iter().any(|limit| is_narrower(asked, limit));
    if limits.is_empty() || asked.iter().all(is_within) {
        return Ok(asked);
    }
    Err(ExchangeError::Details("they are wider than the grant's"))
}

fn is_at(detail: &Detail, server: &Resource) -> bool {
    Resource::parse(&detail.server).is_ok_and(|at| at == *server)
}

/// Same tool, and each constraint equal or going from absent or `enum` to a smaller `enum` or `const`.
fn is_narrower(asked: &Detail, limit: &Detail) -> bool {
    asked.tool == limit.tool
        && limit.arguments.iter().all(|(name, wide)| {
            asked.arguments.get(name).is_some_and(|narrow| is_smaller(narrow, wide))
        })
}

fn is_smaller(narrow: &Value, wide: &Value) -> bool {
    let (Some(narrow), Some(wide)) = (values(narrow), values(wide)) else { return false };
    narrow.iter().all(|value| wide.contains(value))
}

/// The values that a constraint allows.
fn values(constraint: &Value) -> Option<&[Value]> {
    let members: &Map<String, Value> = constraint.as_object()?;
    match (members.get("const"), members.get("enum")) {
        (Some(one), None) => Some(std::slice::from_ref(one)),
        (None, Some(Value::Array(list))) => Some(list),
        _ => None,
    }
}

/// Whether a tool that the token reaches may destroy. Of a server whose tools nobody listed, one may.
fn is_destructive(target: &Server, scopes: &BTreeSet<String>, details: &[Detail]) -> bool {
    let mut reached = target.tools.iter().filter(|(name, tool)| {
        let is_named = details.is_empty() || details.iter().any(|it| it.tool == **name);
        is_named && tool.scopes.is_subset(scopes)
    });
    target.tools.is_empty() || reached.any(|(_, tool)| tool.is_destructive)
}
