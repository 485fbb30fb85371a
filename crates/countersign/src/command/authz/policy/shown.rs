//! What was decided, for people and for scripts.

use std::fmt::Write as _;

use policy::{Considered, Explanation, LoadError, Outcome, Verdict};
use serde_json::{Value, json};

use super::cases::{Case, Decision};
use crate::output::{safe, style};

/// What is wrong with policies, as JSON.
pub(super) fn faults(error: &LoadError) -> Vec<Value> {
    let faults = error.faults.iter().map(|fault| {
        json!({
            "code": fault.code, "file": fault.file, "line": fault.line, "column": fault.column,
            "what": fault.what, "fix": fault.fix,
        })
    });
    faults.collect()
}

/// The same, a line for each, as compilers write it.
pub(super) fn faults_text(error: &LoadError) -> String {
    error.faults.iter().fold(String::new(), |mut text, fault| {
        let _ = writeln!(text, "{} [{}]", safe::line(&fault.to_string()), fault.code);
        text
    })
}

/// One result, as JSON.
pub(super) fn result(case: &Case, verdict: &Verdict) -> Value {
    json!({
        "name": case.name,
        "passed": case.is_met(verdict),
        "expected": { "decision": case.expected.word(), "policies": case.policies },
        "decision": Decision::of(verdict).word(),
        "policies": verdict.policies(),
        "code": verdict.code(),
        "reason": verdict.to_string(),
    })
}

/// All results, in columns.
pub(super) fn table(results: &[(&Case, Verdict)]) -> String {
    let width = results.iter().map(|(case, _)| case.name.chars().count()).max().unwrap_or(0);
    results.iter().fold(String::new(), |mut text, (case, verdict)| {
        let name = safe::line(&case.name);
        let is_met = case.is_met(verdict);
        let (look, word) = if is_met { (style::SAME, "ok  ") } else { (style::ERROR, "FAIL") };
        let mark = style::paint(look, word);
        let decision = Decision::of(verdict).word();
        let reason = safe::line(&verdict.to_string());
        let _ = write!(text, "{mark}  {name:width$}  {decision:5}  {reason}");
        if !is_met {
            let by = case.policies.as_ref().map(|ids| format!(" by `{}`", ids.join("`, `")));
            let by = safe::line(&by.unwrap_or_default());
            let _ = write!(text, "; expected {}{by}", case.expected.word());
        }
        text.push('\n');
        text
    })
}

/// An explanation, as JSON.
pub(super) fn explanation(case: &Case, explanation: &Explanation) -> Value {
    let Explanation { verdict, considered } = explanation;
    let considered: Vec<_> = considered.iter().map(considered_json).collect();
    json!({
        "schema": "countersign.policy-explain/1",
        "case": case.name,
        "decision": Decision::of(verdict).word(),
        "policies": verdict.policies(),
        "code": verdict.code(),
        "reason": verdict.to_string(),
        "considered": considered,
    })
}

fn considered_json(policy: &Considered) -> Value {
    let conditions = policy.conditions.iter().map(|condition| {
        let (outcome, error) = outcome_json(&condition.outcome);
        json!({ "condition": condition.text, "outcome": outcome, "error": error })
    });
    let attributes = policy.attributes.iter();
    let attributes = attributes.map(|(name, value)| (name.clone(), json!(value))).collect();
    let (outcome, error) = outcome_json(&policy.outcome);
    json!({
        "id": policy.id,
        "effect": effect(policy),
        "outcome": outcome,
        "error": error,
        "conditions": conditions.collect::<Vec<_>>(),
        "attributes": Value::Object(attributes),
    })
}

fn outcome_json(outcome: &Outcome) -> (&'static str, Option<&str>) {
    match outcome {
        Outcome::Holds => ("holds", None),
        Outcome::Fails => ("fails", None),
        Outcome::Errs(what) => ("errs", Some(what)),
    }
}

const fn effect(policy: &Considered) -> &'static str {
    if policy.permits { "permit" } else { "forbid" }
}

/// An explanation, for a person.
pub(super) fn explanation_text(case: &Case, explanation: &Explanation) -> String {
    let Explanation { verdict, considered } = explanation;
    let decision = match Decision::of(verdict) {
        Decision::Allow => style::paint(style::SAME, "allow"),
        Decision::Deny => style::paint(style::ERROR, "deny"),
    };
    let code = verdict.code().map(|code| format!(" [{code}]")).unwrap_or_default();
    let name = style::paint(style::NAME, safe::line(&case.name));
    let mut text = format!("{name}: {decision}, {}{code}\n", safe::line(&verdict.to_string()));
    for policy in considered {
        let applies = match &policy.outcome {
            Outcome::Holds => "applies".to_owned(),
            Outcome::Fails => "does not apply".to_owned(),
            Outcome::Errs(what) => format!("could not be evaluated: {}", safe::line(what)),
        };
        let id = style::paint(style::NAME, safe::line(&policy.id));
        let _ = writeln!(text, "\n{} {id}: {applies}", effect(policy));
        for condition in &policy.conditions {
            let mark = match &condition.outcome {
                Outcome::Holds => style::paint(style::SAME, "true "),
                Outcome::Fails => style::paint(style::ERROR, "false"),
                Outcome::Errs(_) => style::paint(style::ERROR, "error"),
            };
            let _ = writeln!(text, "  {mark}  {}", safe::line(&condition.text));
        }
        for (path, value) in &policy.attributes {
            let line = safe::line(&format!("{path} = {value}"));
            let _ = writeln!(text, "         {}", style::paint(style::FAINT, line));
        }
    }
    text
}
