//! Bodies: strict JSON in, decisions out. Unknown members are passed over (§10.1.1).

use policy::{RequestError, Verdict};
use serde_json::{Map, Value, json};
use wire::{Document, Refusal};

use crate::exchange::Decide;
use crate::limits::{EVALUATION_DEPTH_MAX, EVALUATIONS_BYTES_MAX, EVALUATIONS_MAX};

/// What a request asks.
#[derive(Debug)]
pub(super) struct Evaluations {
    requests: Vec<Result<policy::Request, RequestError>>,
    semantic: Semantic,
    /// One evaluation has one decision as its answer, not a list of one.
    is_single: bool,
}

/// When evaluation ends (§7.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Semantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

/// Why a body asks nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    /// No JSON that can be read in one way only.
    #[error("the body cannot be read: {0}")]
    Json(#[from] Refusal),
    /// A member that is missing or of another type.
    #[error("{0}")]
    Form(String),
    /// More evaluations than the bound.
    #[error("there are more than {EVALUATIONS_MAX} evaluations")]
    Many,
}

/// The value that a body is.
pub(super) fn value(bytes: &[u8]) -> Result<Value, Malformed> {
    let rules = wire::Policy {
        bytes_max: EVALUATIONS_BYTES_MAX,
        depth_max: EVALUATION_DEPTH_MAX,
        ..wire::Policy::default()
    };
    let document = Document::parse(bytes, &rules)?;
    let value = surface::json::exact(document.root())?;
    let form = || Malformed::Form("the body has to be an object".to_owned());
    if value.is_object() { Ok(value) } else { Err(form()) }
}

impl Evaluations {
    /// One evaluation. What it lacks is refused whole; what policies do not know is denied.
    pub(super) fn single(body: &Value) -> Result<Self, Malformed> {
        let request = policy::Request::from_json(body);
        if let Err(error @ RequestError::Form { .. }) = &request {
            return Err(Malformed::Form(error.to_string()));
        }
        let requests = vec![request];
        Ok(Self { requests, semantic: Semantic::ExecuteAll, is_single: true })
    }

    /// Evaluations, with what they share; without any, one.
    pub(super) fn read(body: &Value) -> Result<Self, Malformed> {
        let form = |says: &str| Malformed::Form(says.to_owned());
        let items = match body.get("evaluations") {
            None => &[][..],
            Some(Value::Array(items)) => items,
            Some(_) => return Err(form("`evaluations` has to be an array")),
        };
        if items.len() > EVALUATIONS_MAX {
            return Err(Malformed::Many);
        }
        let semantic = semantic(body).ok_or_else(|| {
            form("`options.evaluations_semantic` has to be execute_all, deny_on_first_deny or permit_on_first_permit")
        })?;
        if items.is_empty() {
            return Self::single(body);
        }
        let requests = items.iter().map(|item| {
            let item = item.as_object().ok_or_else(|| form("an evaluation has to be an object"))?;
            Ok(policy::Request::from_json(&with_defaults(item, body)))
        });
        let requests = requests.collect::<Result<_, Malformed>>()?;
        Ok(Self { requests, semantic, is_single: false })
    }

    /// The answer.
    pub(super) fn decide(&self, engine: &dyn Decide) -> Value {
        let mut decisions = Vec::new();
        for request in &self.requests {
            let (is_allowed, decision) = match request {
                Ok(request) => decided(&engine.decide(request)),
                Err(error) => (false, failed(error)),
            };
            decisions.push(decision);
            match self.semantic {
                Semantic::DenyOnFirstDeny if !is_allowed => break,
                Semantic::PermitOnFirstPermit if is_allowed => break,
                _ => {}
            }
        }
        match decisions.pop() {
            Some(only) if self.is_single => only,
            last => {
                decisions.extend(last);
                json!({ "evaluations": decisions })
            }
        }
    }
}

fn decided(verdict: &Verdict) -> (bool, Value) {
    let mut context = json!({ "reason": verdict.to_string(), "policies": verdict.policies() });
    if let (Some(code), Some(context)) = (verdict.code(), context.as_object_mut()) {
        context.insert("code".to_owned(), json!(code));
    }
    let is_allowed = verdict.is_allowed();
    (is_allowed, json!({ "decision": is_allowed, "context": context }))
}

/// What is wrong with one evaluation denies that one alone (§7.2.1).
fn failed(error: &RequestError) -> Value {
    let (code, reason) = (error.code(), error.to_string());
    let status = if matches!(error, RequestError::Unknown { .. }) { 404 } else { 400 };
    let error = json!({ "status": status, "message": reason });
    json!({ "decision": false, "context": { "code": code, "reason": reason, "error": error } })
}

fn semantic(body: &Value) -> Option<Semantic> {
    let options = match body.get("options") {
        None => return Some(Semantic::ExecuteAll),
        Some(options) => options.as_object()?,
    };
    match options.get("evaluations_semantic").map(Value::as_str) {
        None | Some(Some("execute_all")) => Some(Semantic::ExecuteAll),
        Some(Some("deny_on_first_deny")) => Some(Semantic::DenyOnFirstDeny),
        Some(Some("permit_on_first_permit")) => Some(Semantic::PermitOnFirstPermit),
        Some(_) => None,
    }
}

fn with_defaults(item: &Map<String, Value>, body: &Value) -> Value {
    let members = ["subject", "action", "resource", "context"].into_iter().filter_map(|name| {
        let member = item.get(name).or_else(|| body.get(name))?;
        Some((name.to_owned(), member.clone()))
    });
    Value::Object(members.collect())
}
