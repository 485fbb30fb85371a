//! One keyword of two schemas.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::Value;
use surface::canonical;

use super::{Comparison, Flow, Turn, each_value, is_remote, names};
use crate::catalogue as codes;
use crate::item::{each_member, security};
use crate::report::Difference;
use crate::report::sentence::{list, value};

impl Comparison<'_, '_> {
    /// One keyword that differs; `parent` are the schemas that hold it.
    pub(super) fn keyword(&mut self, key: &str, member: Difference<'_>, parent: Difference<'_>) {
        match key {
            "properties" => self.properties(member, parent),
            "required" => self.required(member, parent),
            "type" => self.types(member),
            "enum" | "const" => self.values(member),
            "anyOf" | "oneOf" | "allOf" => self.branches(key, member),
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties"
            | "minContains" => self.bound(member, Turn::Narrower),
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties"
            | "maxContains" => self.bound(member, Turn::Wider),
            "uniqueItems" => self.flag(member),
            "pattern"
            | "format"
            | "multipleOf"
            | "contentEncoding"
            | "contentMediaType"
            | "contentSchema"
            | "contains"
            | "propertyNames"
            | "dependentRequired"
            | "dependencies"
            | "unevaluatedProperties"
            | "unevaluatedItems" => {
                self.constraint(member);
            }
            "items" | "additionalProperties" | "additionalItems" => self.subschema(member),
            "patternProperties" | "dependentSchemas" => self.subschemas(member),
            "$defs" | "definitions" => self.definitions(member),
            "prefixItems" => self.tuple(member),
            "not" | "if" | "then" | "else" => self.directed(Turn::Undecided, member, &told(member)),
            "$ref" | "$dynamicRef" | "$recursiveRef" => self.reference(key, member),
            "$schema" | "$id" | "$anchor" | "$dynamicAnchor" | "$vocabulary" => {
                self.directed(Turn::Undecided, member, &told(member));
            }
            "description" | "title" | "$comment" | "examples" | "example" => {
                self.documentation(member);
            }
            "default" => {
                if !self.dangerous(member) {
                    self.hint(member, &told(member));
                }
            }
            "x-mcp-header" if self.flow == Flow::Input => self.header(member),
            "x-authzen-mapping" if self.flow == Flow::Input => {
                security::compare(self.report, member);
            }
            _ => self.hint(member, &told(member)),
        }
    }

    fn required<'v>(&mut self, member: Difference<'_>, parent: Difference<'v>) {
        let listed = |schema| -> HashSet<_> { names(schema, "required").into_iter().collect() };
        let (old, new) = (listed(parent.before), listed(parent.after));
        let has = |schema: Option<&Value>, name: &str| {
            schema.and_then(|schema| schema.get("properties")?.get(name)).is_some()
        };
        // A property that came or went is reported as such.
        let stays = |name: &&str| has(parent.before, name) == has(parent.after, name);
        let only_in = |one: &HashSet<&'v str>, other: &HashSet<&'v str>| -> Vec<&'v str> {
            let mut only: Vec<_> = one.difference(other).copied().filter(stays).collect();
            only.sort_unstable();
            only
        };
        let (added, removed) = (only_in(&new, &old), only_in(&old, &new));
        if !added.is_empty() {
            self.directed(Turn::Narrower, member, &format!("{} is now required", list(added)));
        }
        if !removed.is_empty() {
            let detail = format!("{} is no longer required", list(removed));
            self.directed(Turn::Wider, member, &detail);
        }
    }

    fn types(&mut self, member: Difference<'_>) {
        let (old, new) = (each_value(member.before), each_value(member.after));
        let covers = |of: &[&Value], one: &Value| {
            of.contains(&one) || one == "integer" && of.iter().any(|other| *other == "number")
        };
        let turn = match (member.before, member.after) {
            (None, _) => Turn::Narrower,
            (_, None) => Turn::Wider,
            _ if old.len().max(new.len()) > TYPES_MAX => Turn::Undecided,
            _ if new.iter().all(|one| covers(&old, one)) => Turn::Narrower,
            _ if old.iter().all(|one| covers(&new, one)) => Turn::Wider,
            _ => Turn::Undecided,
        };
        self.directed(turn, member, &format!("type {}", told(member)));
    }

    fn values(&mut self, member: Difference<'_>) {
        let (old, new) = (each_value(member.before), each_value(member.after));
        let missing = |from: &[&Value], of: &[&Value]| -> Vec<String> {
            let known: HashSet<_> = from.iter().map(|value| canonical::to_vec(value)).collect();
            let missing = of.iter().filter(|value| !known.contains(&canonical::to_vec(value)));
            missing.map(|one| value(Some(one))).collect()
        };
        let (removed, added) = (missing(&new, &old), missing(&old, &new));
        self.dangerous(member);
        match (member.before, member.after) {
            (None, _) => self.directed(Turn::Narrower, member, &told(member)),
            (_, None) => self.directed(Turn::Wider, member, "any value now"),
            _ if removed.is_empty() && added.is_empty() => {
                self.hint(member, "the same values in another order");
            }
            _ if removed.is_empty() => {
                self.directed(Turn::Wider, member, &format!("also {}", some(&added)));
            }
            _ if added.is_empty() => {
                self.directed(Turn::Narrower, member, &format!("no longer {}", some(&removed)));
            }
            _ => {
                let detail = format!("also {}, no longer {}", some(&added), some(&removed));
                self.directed(Turn::Undecided, member, &detail);
            }
        }
    }

    /// A bound; `when_higher` is the direction in which a higher one turns.
    fn bound(&mut self, member: Difference<'_>, when_higher: Turn) {
        let number = |value: Option<&Value>| value.and_then(Value::as_f64);
        let opposite = if when_higher == Turn::Wider { Turn::Narrower } else { Turn::Wider };
        let turn = match (member.before, member.after) {
            (None, _) => Turn::Narrower,
            (_, None) => Turn::Wider,
            _ => match (number(member.before), number(member.after)) {
                (Some(before), Some(after)) if after > before => when_higher,
                (Some(_), Some(_)) => opposite,
                _ => Turn::Undecided,
            },
        };
        self.directed(turn, member, &told(member));
    }

    fn flag(&mut self, member: Difference<'_>) {
        let is_on = |value: Option<&Value>| value == Some(&Value::Bool(true));
        let turn = match (is_on(member.before), is_on(member.after)) {
            (false, true) => Turn::Narrower,
            (true, false) => Turn::Wider,
            _ => return self.hint(member, &told(member)),
        };
        self.directed(turn, member, &told(member));
    }

    /// A constraint that can be added and removed, but not compared.
    fn constraint(&mut self, member: Difference<'_>) {
        let turn = match (member.before, member.after) {
            (None, _) => Turn::Narrower,
            (_, None) => Turn::Wider,
            _ => Turn::Undecided,
        };
        self.directed(turn, member, &told(member));
    }

    fn subschema(&mut self, member: Difference<'_>) {
        match (member.before, member.after) {
            (Some(Value::Array(_)), Some(Value::Array(_))) => self.tuple(member),
            (None, Some(schema)) => {
                self.constraint(member);
                self.inspect_new(schema, member.way);
            }
            (_, None) => self.constraint(member),
            _ => self.node(member),
        }
    }

    fn subschemas(&mut self, member: Difference<'_>) {
        if !member.is_of_objects() {
            return self.directed(Turn::Undecided, member, &told(member));
        }
        each_member(member, |_, schema| self.subschema(schema));
    }

    /// Definitions constrain only where they are used, and there in no known direction.
    fn definitions(&mut self, member: Difference<'_>) {
        let outer = std::mem::replace(&mut self.is_uncertain, true);
        self.subschemas(member);
        self.is_uncertain = outer;
    }

    fn tuple(&mut self, member: Difference<'_>) {
        match (member.before, member.after) {
            (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
                for (index, (old, new)) in old.iter().zip(new).enumerate() {
                    let way = member.way.index(index, index);
                    self.node(Difference::new(&way, Some(old), Some(new)));
                }
            }
            _ => self.constraint(member),
        }
    }

    fn reference(&mut self, key: &str, member: Difference<'_>) {
        match member.after {
            Some(target) if is_remote(key, target) => {
                self.report.plain(&codes::REMOTE_REFERENCE, member);
            }
            _ => self.directed(Turn::Undecided, member, &told(member)),
        }
    }

    fn header(&mut self, member: Difference<'_>) {
        let entry = match (member.before, member.after) {
            (None, _) => &codes::HEADER_ADDED,
            (_, None) => &codes::HEADER_REMOVED,
            _ => &codes::HEADER_CHANGED,
        };
        self.report.plain(entry, member);
    }
}

/// Both values, in words.
fn told(member: Difference<'_>) -> String {
    format!("{} now, {} before", value(member.after), value(member.before))
}

/// The first of some values.
fn some(values: &[String]) -> String {
    let mut told = values.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    if values.len() > SHOWN_MAX {
        let _ = write!(told, " and {} more", values.len() - SHOWN_MAX);
    }
    told
}

const SHOWN_MAX: usize = 4;

/// Most types that are compared pair by pair; JSON Schema has seven.
const TYPES_MAX: usize = 16;
