//! Two JSON Schemas (2020-12), keyword by keyword: what differs, where, and in which direction.
//!
//! An input schema may accept more without breaking anybody, an output schema may promise more.
//! Not decided: whether two patterns, conditionals or negations are ordered. Absent on purpose:
//! validation, and fetching; a `$ref` that leaves the item is a change of its own.

mod branches;
mod keyword;

use std::collections::HashSet;

use serde_json::Value;

use crate::catalogue as codes;
use crate::catalogue::Entry;
use crate::compare::lookalike::Disguises;
use crate::item::{each_member, text};
use crate::lexicon;
use crate::report::same::same_or_absent;
use crate::report::sentence::{quoted, value};
use crate::report::way::Way;
use crate::report::{Difference, Report};

/// Whether a schema describes what goes in or what comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Input,
    Output,
}

/// What a difference does to the set of valid values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Narrower,
    Wider,
    Undecided,
}

/// A comparison of two schemas.
struct Comparison<'r, 'a> {
    report: &'r mut Report<'a>,
    flow: Flow,
    /// Below `oneOf`, `not` and conditionals, where a wider part may make a narrower whole.
    is_uncertain: bool,
}

/// Reports what differs between the schemas of one tool.
pub(crate) fn compare(report: &mut Report<'_>, flow: Flow, schemas: Difference<'_>) {
    match (flow, schemas.before, schemas.after) {
        (Flow::Output, None, Some(after)) => {
            report.plain(&codes::OUTPUT_ADDED, schemas);
            Comparison::new(report, flow).inspect_new(after, schemas.way);
        }
        (Flow::Output, Some(_), None) => report.plain(&codes::OUTPUT_REMOVED, schemas),
        _ => Comparison::new(report, flow).node(schemas),
    }
}

/// Reports what a schema of a new tool brings along, wherever it stands.
pub(crate) fn inspect_new(report: &mut Report<'_>, schema: &Value, way: &Way<'_>) {
    remote_references(report, schema, way);
}

impl<'r, 'a> Comparison<'r, 'a> {
    fn new(report: &'r mut Report<'a>, flow: Flow) -> Self {
        Self { report, flow, is_uncertain: false }
    }

    /// Two schemas at the same place; an absent one has no keywords.
    fn node<'s>(&mut self, schemas: Difference<'s>) {
        if !schemas.differs() {
            return;
        }
        if !schemas.is_of_objects() {
            return self.whole(schemas);
        }
        let had = self.report.len();
        if let Some(keys) = Self::reshaped(schemas) {
            let detail = format!("{} changed together", crate::report::sentence::list(keys));
            self.directed(Turn::Undecided, schemas, &detail);
            for key in ["enum", "const"] {
                let of = |schema: Option<&'s Value>| schema.and_then(|schema| schema.get(key));
                let way = schemas.way.key(key);
                self.dangerous(Difference::new(&way, of(schemas.before), of(schemas.after)));
            }
        }
        let is_reshaped = self.report.len() > had;
        each_member(schemas, |key, member| {
            if !(is_reshaped && SHAPE.contains(&key)) {
                self.keyword(key, member, schemas);
            }
        });
        if self.report.len() == had {
            // Only what the properties would have told: an order, or a name without a property.
            self.hint(schemas, "only in form");
        }
    }

    /// Schemas of which one is `true`, `false` or no schema at all.
    fn whole(&mut self, schemas: Difference<'_>) {
        let turn = match (schemas.before, schemas.after) {
            (Some(Value::Bool(false)), _) | (_, Some(Value::Bool(true))) => Turn::Wider,
            (Some(Value::Bool(true)) | None, _) | (_, Some(Value::Bool(false))) => Turn::Narrower,
            (_, None) => Turn::Wider,
            _ => Turn::Undecided,
        };
        let detail = format!("{} now, {} before", value(schemas.after), value(schemas.before));
        self.directed(turn, schemas, &detail);
    }

    /// The keywords that give a value its shape, when two or more changed: each alone would point
    /// in a direction that they do not have together.
    fn reshaped(schemas: Difference<'_>) -> Option<Vec<&'static str>> {
        let differs = |key: &&str| {
            let before = schemas.before.and_then(|schema| schema.get(key));
            let after = schemas.after.and_then(|schema| schema.get(key));
            !same_or_absent(before, after)
        };
        let changed: Vec<_> = SHAPE.iter().copied().filter(differs).collect();
        (changed.len() >= 2).then_some(changed)
    }

    fn properties(&mut self, all: Difference<'_>, parent: Difference<'_>) {
        if !all.is_of_objects() {
            return self.whole(all);
        }
        let required: HashSet<_> = names(parent.after, "required").into_iter().collect();
        let mut twins = None;
        each_member(all, |name, property| match (property.before, property.after) {
            (None, Some(schema)) => {
                let twins = twins.get_or_insert_with(|| Disguises::of_keys(all.before));
                let is_required = required.contains(name);
                self.property_added(name, schema, is_required, property, twins.twin_of(name));
                self.inspect_new(schema, property.way);
            }
            (Some(_), None) if self.flow == Flow::Input => {
                self.report.plain(&codes::PARAMETER_REMOVED, property);
            }
            (Some(_), None) => {
                let detail = format!("{} is no longer promised", quoted(name));
                self.directed(Turn::Wider, property, &detail);
            }
            _ => self.node(property),
        });
    }

    fn property_added(
        &mut self,
        name: &str,
        schema: &Value,
        is_required: bool,
        property: Difference<'_>,
        twin: Option<&str>,
    ) {
        if self.flow == Flow::Output {
            let detail = format!("{} is described", quoted(name));
            return self.directed(Turn::Narrower, property, &detail);
        }
        if let Some(twin) = twin {
            return self.report.add(&codes::PARAMETER_LOOK_ALIKE, property, &quoted(twin));
        }
        let rules = self.report.rules_of(schema);
        match (lexicon::asks_for(name, schema, is_required, &rules), is_required) {
            (Some(what), true) => self.report.add(&codes::SIDE_CHANNEL_REQUIRED, property, what),
            (Some(what), false) => self.report.add(&codes::SIDE_CHANNEL, property, what),
            (None, true) => self.report.plain(&codes::REQUIRED_ADDED, property),
            (None, false) => self.report.plain(&codes::PARAMETER_ADDED, property),
        }
    }

    /// What matters in a schema where there was none: headers, references, dangerous values.
    fn inspect_new(&mut self, schema: &Value, way: &Way<'_>) {
        remote_references(self.report, schema, way);
        if self.flow == Flow::Output {
            return;
        }
        if let Some(header) = schema.get("x-mcp-header") {
            let way = way.key("x-mcp-header");
            self.report.plain(&codes::HEADER_ADDED, Difference::new(&way, None, Some(header)));
        }
        for key in ["default", "const", "enum"] {
            if let Some(value) = schema.get(key) {
                let way = way.key(key);
                self.dangerous(Difference::new(&way, None, Some(value)));
            }
        }
        if let Some(Value::Object(properties)) = schema.get("properties") {
            let way = way.key("properties");
            for (name, property) in properties {
                self.inspect_new(property, &way.key(name));
            }
        }
    }

    /// Reports values that were not there and are a path, an address or a command; whether any.
    fn dangerous(&mut self, values: Difference<'_>) -> bool {
        if self.flow == Flow::Output {
            return false;
        }
        let before: HashSet<_> =
            each_value(values.before).into_iter().filter_map(Value::as_str).collect();
        let is_gained = |value: &&Value| value.as_str().is_some_and(|text| !before.contains(text));
        let gained = each_value(values.after).into_iter().filter(is_gained);
        let mut dangers = gained.filter_map(|value| Some((lexicon::danger(value)?, value)));
        let Some((what, example)) = dangers.next() else { return false };
        let detail = format!("{what}, {}", value(Some(example)));
        self.report.add(&codes::DANGEROUS_VALUE, values, &detail);
        true
    }

    fn directed(&mut self, turn: Turn, difference: Difference<'_>, detail: &str) {
        let turn = if self.is_uncertain { Turn::Undecided } else { turn };
        let entry: &'static Entry = match (self.flow, turn) {
            (Flow::Input, Turn::Narrower) => &codes::INPUT_NARROWED,
            (Flow::Input, Turn::Wider) => &codes::INPUT_WIDENED,
            (Flow::Input, Turn::Undecided) => &codes::INPUT_UNDECIDED,
            (Flow::Output, Turn::Narrower) => &codes::OUTPUT_NARROWED,
            (Flow::Output, Turn::Wider) => &codes::OUTPUT_WIDENED,
            (Flow::Output, Turn::Undecided) => &codes::OUTPUT_UNDECIDED,
        };
        self.report.add(entry, difference, detail);
    }

    fn documentation(&mut self, difference: Difference<'_>) {
        let entry = match self.flow {
            Flow::Input => &codes::INPUT_TEXT,
            Flow::Output => &codes::OUTPUT_TEXT,
        };
        text(self.report, difference, entry);
    }

    fn hint(&mut self, difference: Difference<'_>, detail: &str) {
        let entry = match self.flow {
            Flow::Input => &codes::INPUT_HINT,
            Flow::Output => &codes::OUTPUT_HINT,
        };
        self.report.add(entry, difference, detail);
    }
}

/// Reports each `$ref` of a new schema that leaves the item.
fn remote_references(report: &mut Report<'_>, schema: &Value, way: &Way<'_>) {
    match schema {
        Value::Object(members) => {
            for (key, member) in members {
                let way = way.key(key);
                if is_remote(key, member) {
                    report
                        .plain(&codes::REMOTE_REFERENCE, Difference::new(&way, None, Some(member)));
                } else {
                    remote_references(report, member, &way);
                }
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                remote_references(report, element, &way.index(index, index));
            }
        }
        _ => {}
    }
}

/// Whether a member is a reference to something outside the schema document.
fn is_remote(key: &str, member: &Value) -> bool {
    let is_reference = matches!(key, "$ref" | "$dynamicRef" | "$recursiveRef");
    is_reference && member.as_str().is_some_and(|target| !target.starts_with('#'))
}

/// The strings of a list of names; empty for anything else.
fn names<'v>(schema: Option<&'v Value>, key: &str) -> Vec<&'v str> {
    let list = schema.and_then(|schema| schema.get(key)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The elements of a list, or the value itself.
fn each_value(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(elements)) => elements.iter().collect(),
        value => value.into_iter().collect(),
    }
}

/// The keywords that give a value its shape.
const SHAPE: [&str; 7] = ["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"];
