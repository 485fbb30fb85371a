//! References replaced by what they name, so that neither the names of definitions nor the choice
//! to define or to repeat leaves a trace.
//!
//! A local `$ref` becomes its target. One that leads back to a schema it stands in becomes the
//! number of schemas to go up: `{"$ref": 2}`. Constraints beside a `$ref` keep it as
//! `{"$ref": <target>, …}`; annotations join the target when it has none of their kind. Definitions
//! of the root go when something names them; the others stay, and so do those whose names could
//! carry a sentence. Remote references stay as text: nothing is ever fetched.
//!
//! The whole schema is left as sent when a reference dangles, uses an anchor, or may be moved by an
//! `$id` below the root, and when the result would outgrow its bounds.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::keyword::{self, Holds, holds};
use super::schema;
use crate::limits;

/// `schema` without local references; `None` when it must be left as sent.
pub(super) fn inline(schema: &Value) -> Option<Value> {
    if !has_reference(schema) {
        return Some(schema.clone());
    }
    let budget =
        limits::INLINE_WEIGHT_MIN.max(weight(schema).saturating_mul(limits::INLINE_GROWTH_MAX));
    let mut inliner = Inliner { root: schema, path: Vec::new(), named: BTreeSet::new(), budget };
    let mut whole = inliner.expand(schema, 0)?;
    for container in DEFINITIONS {
        let rest = inliner.unnamed(container)?;
        if !rest.is_empty() {
            let whole = whole.as_object_mut().filter(|whole| !whole.contains_key(container))?;
            whole.insert(container.to_owned(), Value::Object(rest));
        }
    }
    Some(whole)
}

/// What a `$ref` leads to.
enum Target<'s> {
    Local(&'s Value),
    Remote,
}

struct Inliner<'s> {
    root: &'s Value,
    /// The schemas that are being expanded, outermost first, each with its level in the result.
    path: Vec<(&'s Value, usize)>,
    /// The schemas that references have named, by address.
    named: BTreeSet<*const Value>,
    /// What may still be written, in units of [`weight`].
    budget: usize,
}

impl<'s> Inliner<'s> {
    fn expand(&mut self, schema: &'s Value, level: usize) -> Option<Value> {
        let Value::Object(node) = schema else { return self.copy(schema) };
        let is_root = std::ptr::eq(schema, self.root);
        if self.path.len() >= limits::INLINE_DEPTH_MAX || moves_references(node, is_root) {
            return None;
        }
        self.path.push((schema, level));
        let expanded = match node.get("$ref") {
            None => self.members(node, level).map(Value::Object),
            Some(Value::String(reference)) => match self.resolve(reference)? {
                Target::Local(target) => self.reference(node, target, level),
                Target::Remote => self.members(node, level).map(Value::Object),
            },
            Some(_) => None,
        };
        self.path.pop();
        expanded
    }

    /// A node with a `$ref` to `target`.
    fn reference(
        &mut self,
        node: &'s Map<String, Value>,
        target: &'s Value,
        level: usize,
    ) -> Option<Value> {
        self.named.insert(target);
        let mut beside = self.members(node, level)?;
        beside.remove("$ref");
        schema::drop_idle(&mut beside);
        let open = self.path.iter().rev().find(|(open, _)| std::ptr::eq(*open, target));
        let replacement = if let Some((_, open_level)) = open {
            (level - open_level).into()
        } else if joins(&beside, target) {
            let mut joined = self.expand(target, level)?;
            if let Value::Object(members) = &mut joined {
                members.append(&mut beside);
            }
            return Some(joined);
        } else {
            self.expand(target, level + 1)?
        };
        beside.insert("$ref".to_owned(), replacement);
        Some(Value::Object(beside))
    }

    /// The members of a node; those of the root without its definitions.
    fn members(
        &mut self,
        node: &'s Map<String, Value>,
        level: usize,
    ) -> Option<Map<String, Value>> {
        let is_root = self.path.last().is_some_and(|(node, _)| std::ptr::eq(*node, self.root));
        let mut members = Map::new();
        for (keyword, value) in node {
            if is_root && DEFINITIONS.contains(&keyword.as_str()) && value.is_object() {
                continue;
            }
            self.spend(keyword.len())?;
            let value = match (holds(keyword), value) {
                (Holds::Schemas, Value::Array(list)) => {
                    let list = list.iter().map(|child| self.expand(child, level + 1));
                    Value::Array(list.collect::<Option<_>>()?)
                }
                (Holds::Schemas, one) => self.expand(one, level + 1)?,
                (Holds::Named, Value::Object(named)) => self.named_schemas(named.iter(), level)?,
                _ => self.copy(value)?,
            };
            members.insert(keyword.clone(), value);
        }
        Some(members)
    }

    fn named_schemas(
        &mut self,
        named: impl Iterator<Item = (&'s String, &'s Value)>,
        level: usize,
    ) -> Option<Value> {
        let mut schemas = Map::new();
        for (name, child) in named {
            self.spend(name.len())?;
            schemas.insert(name.clone(), self.expand(child, level + 1)?);
        }
        Some(Value::Object(schemas))
    }

    /// The definitions of the root that must stay: nothing names them, or their own name says
    /// something.
    fn unnamed(&mut self, container: &str) -> Option<Map<String, Value>> {
        let mut rest = Map::new();
        let Some(Value::Object(definitions)) = self.root.get(container) else { return Some(rest) };
        self.path.push((self.root, 0));
        // By name, for one can name the next: which order a serialiser wrote them in decides nothing.
        let mut definitions: Vec<_> = definitions.iter().collect();
        definitions.sort_unstable_by_key(|(name, _)| *name);
        for (name, definition) in definitions {
            let is_named = self.named.contains(&std::ptr::from_ref(definition));
            if !(is_named && is_identifier(name)) {
                self.spend(name.len())?;
                rest.insert(name.clone(), self.expand(definition, 1)?);
            }
        }
        self.path.pop();
        Some(rest)
    }

    /// What a reference names; `None` when it cannot be followed.
    fn resolve(&self, reference: &str) -> Option<Target<'s>> {
        let Some(pointer) = reference.strip_prefix('#') else { return Some(Target::Remote) };
        let target = self.root.pointer(pointer).filter(|_| !pointer.contains('%'))?;
        (target.is_object() || target.is_boolean()).then_some(Target::Local(target))
    }

    fn copy(&mut self, value: &Value) -> Option<Value> {
        self.spend(weight(value))?;
        Some(value.clone())
    }

    fn spend(&mut self, weight: usize) -> Option<()> {
        self.budget = self.budget.checked_sub(weight + 1)?;
        Some(())
    }
}

/// Whether what stands beside a `$ref` can join its target without hiding or changing either.
fn joins(beside: &Map<String, Value>, target: &Value) -> bool {
    if beside.is_empty() {
        return true;
    }
    target.as_object().is_some_and(|target| {
        let can_join = |keyword: &String| {
            keyword::is_annotation(keyword) && !target.contains_key(keyword.as_str())
        };
        !target.contains_key("$ref") && beside.keys().all(can_join)
    })
}

/// Whether references inside lead elsewhere than their text says.
fn moves_references(node: &Map<String, Value>, is_root: bool) -> bool {
    node.contains_key("$dynamicRef")
        || node.contains_key("$recursiveRef")
        || !is_root && node.contains_key("$id")
}

fn has_reference(schema: &Value) -> bool {
    let Value::Object(node) = schema else { return false };
    node.contains_key("$ref") || keyword::children(node).any(has_reference)
}

/// Whether a name is too short and plain to say anything.
fn is_identifier(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.$".contains(&byte);
    name.len() <= 64 && name.bytes().all(is_plain)
}

/// How much a value costs to copy: one for each value, and the bytes of its text.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::String(text) => 1 + text.len(),
        Value::Array(elements) => 1 + elements.iter().map(weight).sum::<usize>(),
        Value::Object(members) => {
            1 + members.iter().map(|(key, member)| key.len() + weight(member)).sum::<usize>()
        }
    }
}

const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];
