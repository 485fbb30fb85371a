//! What each policy made of a request, as far as Cedar says: it names the policies that determined a
//! decision and nothing of those that did not match, so each condition is asked again on its own.

use std::collections::BTreeSet;

use cedar_policy::{
    Authorizer, Decision, Effect, Expression, Policy, PolicyId, PolicySet, eval_expression,
};
use serde_json::{Value, json};

use crate::limits::SHOWN_CHARS_MAX;
use crate::policies::Policies;
use crate::request::Request;
use crate::verdict::{Reason, Verdict};
use crate::world::World;

/// A verdict, and what each policy made of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The verdict.
    pub verdict: Verdict,
    /// Every policy whose scope the request is in, sorted by `@id`; empty for a request that is none.
    pub considered: Vec<Considered>,
}

/// What one policy made of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// Its `@id`.
    pub id: String,
    /// Whether it permits; else it forbids.
    pub permits: bool,
    /// Whether it applies.
    pub outcome: Outcome,
    /// Each of its conditions.
    pub conditions: Vec<Condition>,
    /// The attributes that it reads and their values now, sorted.
    pub attributes: Vec<(String, String)>,
}

/// One condition of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// As Cedar writes it, which turns `unless` and `>` around.
    pub text: String,
    /// Whether it holds.
    pub outcome: Outcome,
}

/// How a policy or one of its conditions came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// It could not be evaluated.
    Errs(String),
}

impl Policies {
    /// The answer to a request, and what each policy made of it.
    pub fn explain(&self, world: &World, request: &Request) -> Explanation {
        let request = match request.cedar(&self.words) {
            Ok(request) => request,
            Err(error) => {
                let (code, what) = (error.code(), error.to_string());
                let verdict = Verdict { reason: Reason::Refused { code, what } };
                return Explanation { verdict, considered: Vec::new() };
            }
        };
        let verdict = self.answer(world, &request);
        let look = Look { world, request: &request };
        let mut considered: Vec<_> =
            self.set.policies().filter_map(|policy| look.at(policy)).collect();
        considered.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Explanation { verdict, considered }
    }
}

struct Look<'a> {
    world: &'a World,
    request: &'a cedar_policy::Request,
}

impl Look<'_> {
    /// What a policy makes of the request; nothing if it is not about it.
    fn at(&self, policy: &Policy) -> Option<Considered> {
        let form = policy.to_json().ok()?;
        let mut scope = form.clone();
        *scope.get_mut("conditions")? = json!([]);
        if self.outcome(scope) != Outcome::Holds {
            return None;
        }
        let mut conditions = Vec::new();
        let mut paths = BTreeSet::new();
        for condition in form.get("conditions")?.as_array()? {
            let body = condition.get("body")?;
            read_paths(body, &mut paths);
            let kind = condition.get("kind")?.as_str()?;
            let parts = if kind == "when" { conjuncts(body) } else { vec![body] };
            conditions.extend(parts.into_iter().map(|part| self.condition(kind, part)));
        }
        let attributes = paths.into_iter().filter_map(|path| {
            let value = self.value(&path)?;
            Some((path, value))
        });
        Some(Considered {
            id: policy.id().to_string(),
            permits: policy.effect() == Effect::Permit,
            outcome: self.outcome(form),
            conditions,
            attributes: attributes.collect(),
        })
    }

    fn condition(&self, kind: &str, body: &Value) -> Condition {
        let all = json!({"op": "All"});
        let form = json!({
            "effect": "permit", "principal": all, "action": all, "resource": all,
            "conditions": [{"kind": kind, "body": body}],
        });
        let text = Policy::from_json(None, form.clone()).ok().and_then(|p| p.to_cedar());
        let text = text.as_deref().map(condition_text).unwrap_or_default();
        Condition { text, outcome: self.outcome(form) }
    }

    /// Whether one policy alone applies, whatever its effect.
    fn outcome(&self, mut form: Value) -> Outcome {
        if let Some(effect) = form.get_mut("effect") {
            *effect = json!("permit");
        }
        let policy = Policy::from_json(Some(PolicyId::new("part")), form);
        let set = policy.map_err(|error| error.to_string()).and_then(|policy| {
            PolicySet::from_policies([policy]).map_err(|error| error.to_string())
        });
        let set = match set {
            Ok(set) => set,
            Err(what) => return Outcome::Errs(what),
        };
        let response = Authorizer::new().is_authorized(self.request, &set, &self.world.entities);
        let error = response.diagnostics().errors().next().map(|error| {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
            error.inner().to_string()
        });
        match (error, response.decision()) {
            (Some(what), _) => Outcome::Errs(what),
            (None, Decision::Allow) => Outcome::Holds,
            (None, Decision::Deny) => Outcome::Fails,
        }
    }

    fn value(&self, path: &str) -> Option<String> {
        let expression: Expression = path.parse().ok()?;
        let value = eval_expression(self.request, &self.world.entities, &expression).ok()?;
        let value = value.to_string();
        let shown: String = value.chars().take(SHOWN_CHARS_MAX).collect();
        Some(if shown.len() < value.len() { format!("{shown}…") } else { shown })
    }
}

/// The parts of `a && b && c`. Recursion is bounded by Cedar's own parser.
fn conjuncts(body: &Value) -> Vec<&Value> {
    match body.get("&&").map(|and| (and.get("left"), and.get("right"))) {
        Some((Some(left), Some(right))) => [conjuncts(left), conjuncts(right)].concat(),
        _ => vec![body],
    }
}

/// Each `context.a`, `resource.b.c` that an expression reads, the longest alone.
fn read_paths(body: &Value, paths: &mut BTreeSet<String>) {
    if let Some(path) = path_of(body) {
        paths.insert(path);
        return;
    }
    match body {
        Value::Object(members) => members.values().for_each(|member| read_paths(member, paths)),
        Value::Array(elements) => elements.iter().for_each(|element| read_paths(element, paths)),
        _ => {}
    }
}

fn path_of(body: &Value) -> Option<String> {
    let access = body.get(".")?;
    let attribute = access.get("attr")?.as_str()?;
    let left = access.get("left")?;
    let root = left.get("Var").and_then(Value::as_str).map(str::to_owned);
    Some(format!("{}.{attribute}", root.or_else(|| path_of(left))?))
}

/// The condition of `permit(principal, action, resource) when { … };` alone, on one line.
fn condition_text(policy: &str) -> String {
    let one_line = policy.split_whitespace().collect::<Vec<_>>().join(" ");
    let condition = one_line.split_once(')').map_or(one_line.as_str(), |(_, rest)| rest);
    condition.trim().trim_end_matches(';').trim().to_owned()
}
