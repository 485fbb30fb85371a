//! The way from an item to a value inside it.

use serde_json::Value;

/// One step: a member of an object, or an element of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// A member by its key, or an element by its `name` or `uri`.
    Key(&'a str),
    /// An element by its index, which may differ between the two sides.
    Index { before: usize, after: usize },
}

/// Which of the two originals is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

/// A list of steps on the stack, innermost first, so that walking allocates nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way<'a> {
    up: Option<&'a Way<'a>>,
    step: Option<Step<'a>>,
}

impl<'a> Way<'a> {
    /// The way to the item itself.
    pub(crate) const ROOT: Way<'static> = Way { up: None, step: None };

    pub(crate) const fn key(&'a self, key: &'a str) -> Way<'a> {
        Way { up: Some(self), step: Some(Step::Key(key)) }
    }

    pub(crate) const fn index(&'a self, before: usize, after: usize) -> Way<'a> {
        Way { up: Some(self), step: Some(Step::Index { before, after }) }
    }

    /// The steps, outermost first.
    pub(crate) fn steps(&self) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        let mut at = Some(*self);
        while let Some(way) = at {
            steps.extend(way.step);
            at = way.up.copied();
        }
        steps.reverse();
        steps
    }
}

/// A value of an original item, and how it is reached there.
#[derive(Debug, Clone)]
pub(crate) struct Found<'v> {
    pub(crate) value: &'v Value,
    pub(crate) pointer: String,
}

/// Follows `steps` through `item` as sent. Where the semantic form had a definition inlined, the
/// step leads through the `$ref`. `None` when the original has no such value.
pub(crate) fn find<'v>(item: &'v Value, side: Side, steps: &[Step<'_>]) -> Option<Found<'v>> {
    let mut at = item;
    // The innermost schema document: what a `#/…` reference starts from.
    let mut document = (item, String::new());
    let mut pointer = String::new();
    for step in steps {
        let mut hops = 0;
        while step_into(at, side, *step).is_none() {
            let target = at.get("$ref").and_then(Value::as_str)?.strip_prefix('#')?;
            hops += 1;
            if hops > REFERENCES_MAX {
                return None;
            }
            at = document.0.pointer(target)?;
            pointer = format!("{}{target}", document.1);
        }
        at = step_into(at, side, *step)?;
        push(&mut pointer, side, *step);
        if matches!(step, Step::Key("inputSchema" | "outputSchema")) {
            document = (at, pointer.clone());
        }
    }
    Some(Found { value: at, pointer })
}

/// The steps as a JSON pointer (RFC 6901).
pub(crate) fn pointer(steps: &[Step<'_>]) -> String {
    let mut pointer = String::new();
    for step in steps {
        push(&mut pointer, Side::After, *step);
    }
    pointer
}

fn step_into<'v>(value: &'v Value, side: Side, step: Step<'_>) -> Option<&'v Value> {
    match (value, step) {
        (Value::Object(members), Step::Key(key)) => members.get(key),
        (Value::Array(elements), Step::Key(key)) => {
            elements.iter().find(|element| key_of(element) == Some(key))
        }
        (Value::Array(elements), Step::Index { before, after }) => {
            elements.get(if side == Side::Before { before } else { after })
        }
        _ => None,
    }
}

/// What an element of a list is known by.
pub(crate) fn key_of(element: &Value) -> Option<&str> {
    element.get("name").or_else(|| element.get("uri"))?.as_str()
}

fn push(pointer: &mut String, side: Side, step: Step<'_>) {
    pointer.push('/');
    match step {
        Step::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
        Step::Index { before, after } => {
            let index = if side == Side::Before { before } else { after };
            pointer.push_str(&index.to_string());
        }
    }
}

/// Most references followed for one step; a longer chain is a loop or a game.
const REFERENCES_MAX: usize = 16;
