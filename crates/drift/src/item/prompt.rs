//! The arguments of a prompt, by name.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{each_member, text, walk};
use crate::catalogue as codes;
use crate::compare::lookalike::Disguises;
use crate::lexicon;
use crate::report::sentence::quoted;
use crate::report::way::key_of;
use crate::report::{Difference, Report};

/// Reports what differs between two lists of arguments.
pub(super) fn arguments(report: &mut Report<'_>, list: Difference<'_>) {
    let (Some(old), Some(new)) = (named(list.before), named(list.after)) else {
        return walk(report, list, &codes::FIELD);
    };
    let had = report.len();
    let twins = Disguises::of(old.keys().copied());
    for (&name, &argument) in &new {
        let before = old.get(name).copied();
        let way = list.way.key(name);
        let difference = Difference::new(&way, before, Some(argument));
        match before {
            None => added(report, name, argument, twins.twin_of(name), difference),
            Some(before) if difference.differs() => changed(report, before, argument, difference),
            Some(_) => {}
        }
    }
    for (&name, &argument) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
        let way = list.way.key(name);
        report.plain(&codes::ARGUMENT_REMOVED, Difference::new(&way, Some(argument), None));
    }
    if report.len() == had {
        report.plain(&codes::ARGUMENTS_REORDERED, list);
    }
}

fn added(
    report: &mut Report<'_>,
    name: &str,
    argument: &Value,
    twin: Option<&str>,
    difference: Difference<'_>,
) {
    if let Some(twin) = twin {
        return report.add(&codes::PARAMETER_LOOK_ALIKE, difference, &quoted(twin));
    }
    let is_required = is_required(argument);
    let rules = report.rules_of(argument);
    match lexicon::asks_for(name, argument, is_required, &rules) {
        Some(what) if is_required => report.add(&codes::SIDE_CHANNEL_REQUIRED, difference, what),
        Some(what) => report.add(&codes::SIDE_CHANNEL, difference, what),
        None if is_required => report.plain(&codes::ARGUMENT_REQUIRED, difference),
        None => report.plain(&codes::ARGUMENT_ADDED, difference),
    }
}

fn changed(report: &mut Report<'_>, before: &Value, after: &Value, argument: Difference<'_>) {
    each_member(argument, |key, member| match key {
        "required" => match (is_required(before), is_required(after)) {
            (false, true) => report.plain(&codes::ARGUMENT_REQUIRED, argument),
            (true, false) => report.plain(&codes::ARGUMENT_OPTIONAL, argument),
            _ => report.plain(&codes::FIELD, member),
        },
        "description" | "title" => text(report, member, &codes::ARGUMENT_TEXT),
        _ => walk(report, member, &codes::FIELD),
    });
}

fn is_required(argument: &Value) -> bool {
    argument.get("required").and_then(Value::as_bool).unwrap_or(false)
}

/// The arguments by name; `None` when it is no list of objects with names of their own.
fn named(list: Option<&Value>) -> Option<BTreeMap<&str, &Value>> {
    let Some(list) = list else { return Some(BTreeMap::new()) };
    let arguments = list.as_array()?;
    let by_name = arguments
        .iter()
        .map(|argument| argument.is_object().then_some((key_of(argument)?, argument)))
        .collect::<Option<BTreeMap<_, _>>>()?;
    (by_name.len() == arguments.len() && by_name.len() <= ARGUMENTS_MAX).then_some(by_name)
}

/// Most arguments that are paired; more are compared by position.
const ARGUMENTS_MAX: usize = 256;
