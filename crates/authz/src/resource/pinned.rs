//! What a pinned surface asks of callers (G13), and what policy says of their calls (G14). The live
//! surface is never asked: a server that weakens what it says of its tools changes nothing here.

mod mapping;
mod requirement;

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use policy::Policies;
use serde_json::Value;
use surface::{Kind, Place, Surface};
use wire::request::Subject;

use self::mapping::Mapping;
use self::requirement::Requirement;
use super::{Protection, Refused};
use crate::edge::Edges;
use crate::exchange::engine::{Called, Engine, EngineError, What};
use crate::token::{Access, Confirmation, Scheme};

/// The policies of a protected server, and the edges that they may speak of.
#[derive(Debug)]
pub struct Policing {
    /// The policies.
    pub policies: Policies,
    /// Edges, and the token service that names their clients.
    pub edges: Option<(Edges, String)>,
}

/// What a pinned surface asks of callers, read once.
#[derive(Debug)]
pub struct Pinned {
    items: BTreeMap<Place, Item>,
    engine: Option<Engine>,
}

#[derive(Debug)]
struct Item {
    requirement: Requirement,
    mapping: Option<Mapping>,
    is_destructive: bool,
}

/// A request that acts on something the server has.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// What it acts on.
    pub subject: &'a Subject<'a>,
    /// The pinned items that it may touch.
    pub places: &'a [Place],
    /// Its parameters.
    pub params: Option<wire::Value<'a>>,
}

/// A call that is not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// What its caller hears.
    pub refused: Refused,
    /// What decided, for the record alone.
    pub why: String,
}

/// Why a pinned surface cannot be enforced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct PinnedError {
    /// The item, and where in it.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: &'static str,
}

/// What is wrong inside of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    at: String,
    what: &'static str,
}

impl PinnedError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        "authz.guard.pin-malformed"
    }

    fn of(place: &Place, fault: &Fault) -> Self {
        Self { place: format!("{place}{}", fault.at), what: fault.what.to_owned(), fix: FIX }
    }
}

impl Protection {
    /// Reads what a pinned surface asks of callers.
    ///
    /// # Errors
    /// The first scheme or mapping that cannot be enforced as it is written.
    pub fn pinned(&self, surface: &Surface) -> Result<Pinned, PinnedError> {
        let mut items = BTreeMap::new();
        for (place, item) in &surface.items {
            if matches!(place.kind, Kind::Server | Kind::Page) {
                continue;
            }
            let refused = |fault| PinnedError::of(place, &fault);
            let mapping = mapping::declared(item).filter(|_| self.policing.is_some());
            let item = Item {
                requirement: Requirement::of(item).map_err(refused)?,
                mapping: mapping.map(Mapping::read).transpose().map_err(refused)?,
                is_destructive: may_destroy(item),
            };
            items.insert(place.clone(), item);
        }
        let engine = self.policing.as_ref().map(|policing| self.engine(policing, &items));
        let engine = engine.transpose().map_err(|error| PinnedError {
            place: "the pinned surface".to_owned(),
            what: error.to_string(),
            fix: "keep to the bounds of policies",
        })?;
        Ok(Pinned { items, engine })
    }

    /// G13 and G14: whether a call that a token let in may go on.
    ///
    /// # Errors
    /// What it lacks, or that policy says no.
    pub fn permit(
        &self,
        pinned: &Pinned,
        access: &Access,
        call: &Call<'_>,
    ) -> Result<(), Box<Forbidden>> {
        let mut items = Vec::new();
        for place in call.places {
            items.extend(pinned.items.get(place));
        }
        if items.is_empty() && matches!(call.subject, Subject::Tool(_) | Subject::Prompt(_)) {
            let what = "nobody approved what is asked for, so nothing says what it needs";
            return Err(self
                .forbid(access, &self.scopes, SCOPE_MISSING, what, what.to_owned())
                .into());
        }
        let mut needs = self.scopes.clone();
        for item in &items {
            needs.extend(item.requirement.nearest(&access.scopes).iter().cloned());
        }
        let missing: BTreeSet<_> = needs.difference(&access.scopes).map(String::as_str).collect();
        if !missing.is_empty() {
            let listed = missing.into_iter().collect::<Vec<_>>().join("`, `");
            let what = format!("the token lacks the scopes that this call needs: `{listed}`");
            return Err(self.forbid(access, &needs, SCOPE_MISSING, &what, what.clone()).into());
        }
        let Some(engine) = &pinned.engine else { return Ok(()) };
        self.decide(engine, access, call, &needs, &items)
    }

    /// G14.
    fn decide(
        &self,
        engine: &Engine,
        access: &Access,
        call: &Call<'_>,
        needs: &BTreeSet<String>,
        items: &[&Item],
    ) -> Result<(), Box<Forbidden>> {
        let denied = |why: String| {
            let what = "policy does not permit this call";
            self.forbid(access, &BTreeSet::new(), POLICY_DENIED, what, why)
        };
        let questions = items.iter().filter_map(|item| item.mapping.as_ref());
        let questions = questions.map(|mapping| mapping.ask(access, call.params));
        let questions: Result<Vec<_>, _> = questions.collect();
        let questions = questions.map_err(|what| {
            let why = format!("the pinned x-authzen-mapping cannot be followed: {what}");
            self.forbid(access, &BTreeSet::new(), MAPPING_FAILED, MAPPING_SENTENCE, why)
        })?;
        let mut mapped: Vec<_> = questions.into_iter().flatten().map(Some).collect();
        if mapped.is_empty() {
            mapped.push(None);
        }
        for mapped in mapped {
            let called = Called {
                access,
                server: &self.resource,
                what: what_of(call.subject),
                needs,
                mapped: mapped.as_ref(),
                // INVARIANT: a bound token came with a proof or certificate that G7 to G9 verified.
                is_proven: access.confirmation.is_some(),
                is_destructive: items.iter().any(|item| item.is_destructive),
            };
            let verdict = engine.call(&called, false, (self.now_s)());
            if !verdict.is_allowed() {
                let code = verdict.code().unwrap_or("policy.denied");
                return Err(denied(format!("{verdict} [{code}]")).into());
            }
        }
        Ok(())
    }

    /// The engine over this server, with what its pinned tools need in any case.
    fn engine(
        &self,
        policing: &Policing,
        items: &BTreeMap<Place, Item>,
    ) -> Result<Engine, EngineError> {
        let tools = items.iter().filter(|(place, _)| place.kind == Kind::Tool);
        let tools: BTreeMap<_, _> = tools
            .map(|(place, item)| {
                let always = item.requirement.always().into_iter();
                (place.name.clone(), always.chain(self.scopes.iter().cloned()).collect())
            })
            .collect();
        let known = items.values().flat_map(|item| item.requirement.all());
        let server = policy::Server {
            resource: self.resource.to_string(),
            audience: self.verifier.audience.clone(),
            scopes: self.scopes.iter().chain(known).cloned().collect(),
            tools,
        };
        let edges = policing.edges.as_ref().map(|(edges, issuer)| (edges, issuer.as_str()));
        Engine::of_server(policing.policies.clone(), server, edges)
    }

    fn forbid(
        &self,
        access: &Access,
        scopes: &BTreeSet<String>,
        code: &'static str,
        what: &str,
        why: String,
    ) -> Forbidden {
        let is_dpop = matches!(access.confirmation, Some(Confirmation::Jkt(_)));
        let scheme = if is_dpop { Scheme::Dpop } else { Scheme::Bearer };
        // RFC 6750 §3.1: all that the call needs; none, where no scope would help.
        let challenge = super::Challenge {
            scope: scopes.clone(),
            ..self.challenge(scheme, "insufficient_scope")
        };
        let challenge = challenge.text().ok().filter(|_| !scopes.is_empty());
        let (status, sentence) = (StatusCode::FORBIDDEN, what.to_owned());
        let refused = Refused { status, code, sentence, challenge, nonce: None };
        Forbidden { refused, why }
    }
}

fn what_of<'a>(subject: &'a Subject<'a>) -> What<'a> {
    match subject {
        Subject::Tool(name) => What::Tool(name),
        Subject::Prompt(name) => What::Prompt(name),
        Subject::Resource(uri) | Subject::Template(uri) | Subject::Skill(uri) => {
            What::Resource(uri)
        }
    }
}

/// Whether a pinned tool may destroy: unless it says that it does not.
fn may_destroy(item: &Value) -> bool {
    let hint = |name| item.get("annotations").and_then(|of| of.get(name)?.as_bool());
    hint("readOnlyHint") != Some(true) && hint("destructiveHint") != Some(false)
}

const SCOPE_MISSING: &str = "authz.guard.scope-missing";
const POLICY_DENIED: &str = "authz.guard.policy-denied";
const MAPPING_FAILED: &str = "authz.guard.mapping-failed";
const MAPPING_SENTENCE: &str = "the arguments are not those that authorization rests on";
const FIX: &str = "have the server say it as docs/guide/authorize.md has it, and pin it again";

#[cfg(test)]
mod tests;
