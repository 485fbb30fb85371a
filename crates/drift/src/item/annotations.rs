//! The hints of a tool, and whether what the tool does speaks against them.

use serde_json::Value;

use super::{each_member, title, walk};
use crate::catalogue as codes;
use crate::lexicon::{self, Effect};
use crate::report::way::Side;
use crate::report::{Difference, Report};

/// One hint.
struct Hint {
    name: &'static str,
    /// Its value when absent.
    default: bool,
    /// The value that claims less risk.
    harmless: bool,
    /// What the tool cannot do if that value is true.
    denies: &'static [Effect],
}

/// Reports what differs between the annotations of a tool.
pub(super) fn of_tool(report: &mut Report<'_>, annotations: Difference<'_>) {
    if !annotations.is_of_objects() {
        return report.plain(&codes::ANNOTATION, annotations);
    }
    each_member(annotations, |key, member| {
        if let Some(hint) = HINTS.iter().find(|hint| hint.name == key) {
            compare_hint(report, hint, member);
        } else if key == "title" {
            title(report, member);
        } else {
            walk(report, member, &codes::ANNOTATION);
        }
    });
}

fn compare_hint(report: &mut Report<'_>, hint: &Hint, member: Difference<'_>) {
    let claim = |value: Option<&Value>| value.map_or(Some(hint.default), Value::as_bool);
    let (Some(before), Some(after)) = (claim(member.before), claim(member.after)) else {
        return report.plain(&codes::ANNOTATION, member);
    };
    if before == after {
        report.plain(&codes::ANNOTATION, member);
    } else if after == hint.harmless {
        lowered(report, hint, member);
    } else if member.after.is_none() && !report.is_stated(Side::After, member.way) {
        report.plain(&codes::HINT_REMOVED, member);
    } else {
        report.plain(&codes::RISK_RAISED, member);
    }
}

/// Less risk is claimed: what the tool gained, what it is called, or what its text said when it
/// claimed more, may say otherwise.
fn lowered(report: &mut Report<'_>, hint: &Hint, member: Difference<'_>) {
    let speaks_against = |effect: &&Effect| hint.denies.contains(*effect);
    let (before, after) = report.originals();
    let (old, new) = (effects(before), effects(after));
    let mut gained = new.iter().filter(|effect| !old.contains(effect));
    if let Some(effect) = gained.find(speaks_against) {
        let detail = format!("its text or schema now speaks of a way to {}", effect.as_str());
        return report.add(&codes::RISK_CONTRADICTED, member, &detail);
    }
    // What runs something need not destroy it: only a name that says so counts.
    let is_named = |effect: &&Effect| speaks_against(effect) && !is_loose(hint, **effect);
    if let Some(effect) = lexicon::effects(&report.item.name).iter().find(is_named) {
        let detail = format!("its name says that it can {}", effect.as_str());
        return report.add(&codes::RISK_DOUBTFUL, member, &detail);
    }
    // Nearly no real tool takes back that it writes.
    let takes_back = hint.name == "readOnlyHint" && report.is_stated(Side::Before, member.way);
    match new.iter().find(speaks_against).filter(|_| takes_back) {
        Some(effect) => {
            let detail = format!("its text still speaks of a way to {}", effect.as_str());
            report.add(&codes::RISK_DOUBTFUL, member, &detail);
        }
        None => report.plain(&codes::RISK_LOWERED, member),
    }
}

fn is_loose(hint: &Hint, effect: Effect) -> bool {
    hint.name == "destructiveHint" && effect == Effect::Execute
}

/// The effects that the text and schema of a tool name.
fn effects(tool: Option<&Value>) -> Vec<Effect> {
    let mut all = String::new();
    for key in ["name", "description", "inputSchema"] {
        collect(tool.and_then(|tool| tool.get(key)), &mut all);
    }
    lexicon::effects(&all)
}

fn collect(value: Option<&Value>, out: &mut String) {
    match value {
        Some(Value::String(text)) => {
            out.push_str(text);
            out.push(' ');
        }
        Some(Value::Array(elements)) => {
            for element in elements {
                collect(Some(element), out);
            }
        }
        Some(Value::Object(members)) => {
            for (key, member) in members {
                out.push_str(key);
                out.push(' ');
                collect(Some(member), out);
            }
        }
        _ => {}
    }
}

/// Defaults as in `ToolAnnotations` (2025-03-26 and later).
const HINTS: [Hint; 4] = [
    Hint { name: "readOnlyHint", default: false, harmless: true, denies: &Effect::ALL },
    Hint {
        name: "destructiveHint",
        default: true,
        harmless: false,
        denies: &[Effect::Delete, Effect::Execute],
    },
    Hint { name: "idempotentHint", default: false, harmless: true, denies: &[] },
    Hint { name: "openWorldHint", default: true, harmless: false, denies: &[Effect::Send] },
];
