//! From a difference to a change: where it is in the originals, what it says, what it earns.

mod rank;
pub(crate) mod same;
pub(crate) mod sentence;
pub(crate) mod way;

use std::collections::HashSet;

use serde_json::Value;
use surface::Place;

use crate::catalogue as codes;
use crate::catalogue::Entry;
use crate::change::{Change, Severity};
use crate::novel::{self, Names};
use crate::tripwire::{self, Class};
use same::same_or_absent;
use way::{Found, Side, Step, Way};

/// Collects the changes of one item.
pub(crate) struct Report<'a> {
    pub(crate) item: &'a Place,
    /// The originals; what a person finds.
    before: Option<&'a Value>,
    after: Option<&'a Value>,
    names: &'a Names<'a>,
    /// Texts of the item before: one that only moved inside the item is not new.
    known: Option<HashSet<&'a str>>,
    changes: Vec<Change>,
}

/// A difference between two semantic forms.
#[derive(Clone, Copy)]
pub(crate) struct Difference<'a> {
    pub(crate) way: &'a Way<'a>,
    pub(crate) before: Option<&'a Value>,
    pub(crate) after: Option<&'a Value>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        item: &'a Place,
        before: Option<&'a Value>,
        after: Option<&'a Value>,
        names: &'a Names<'a>,
    ) -> Self {
        Self { item, before, after, names, known: None, changes: Vec::new() }
    }

    /// Adds a change that the table alone describes.
    pub(crate) fn plain(&mut self, entry: &'static Entry, difference: Difference<'_>) {
        self.add(entry, difference, "");
    }

    /// Adds a change with what the comparison found out. Past the bound of one item, changes only
    /// raise the last one, so that many harmless ones hide nothing.
    pub(crate) fn add(&mut self, entry: &'static Entry, difference: Difference<'_>, detail: &str) {
        if self.changes.len() >= CHANGES_MAX {
            return self.overflow(entry, difference);
        }
        let (before, after, pointer) = self.locate(difference);
        let place = format!("{}{pointer}", self.item);
        let sentence = sentence::fill(entry, self.item, &pointer, before, after, detail);
        let mut change = Change {
            code: entry.code(self.item.kind),
            item: self.item.clone(),
            place,
            severity: entry.severity,
            score: 0,
            before: before.cloned(),
            after: after.cloned(),
            sentence,
            because: Vec::new(),
        };
        let judged = self.judge(difference.before, difference.after, &mut change);
        self.judge_names(difference, &mut change);
        // Of two changes that are raised alike, the one that was grave by itself tells more.
        let own = u32::from(entry.severity >= Severity::Warning);
        change.score = own + rank::score(self.item.kind, &pointer, before, after, judged);
        self.changes.push(change);
    }

    /// The rules that a new description meets.
    pub(crate) fn rules_of(&self, described: &Value) -> Vec<&'static str> {
        let text = described.get("description").and_then(Value::as_str);
        let judgement = text.and_then(|text| novel::judge(None, text, self.names));
        judgement.map(|judgement| judgement.rules).unwrap_or_default()
    }

    /// How many changes there are.
    pub(crate) fn len(&self) -> usize {
        self.changes.len()
    }

    /// The item as sent, before and after.
    pub(crate) const fn originals(&self) -> (Option<&'a Value>, Option<&'a Value>) {
        (self.before, self.after)
    }

    /// Whether the original of one side has a value at `way`, also where its semantic form has none.
    pub(crate) fn is_stated(&self, side: Side, way: &Way<'_>) -> bool {
        let item = if side == Side::Before { self.before } else { self.after };
        item.is_some_and(|item| way::find(item, side, &way.steps()).is_some())
    }

    /// The changes.
    pub(crate) fn finish(self) -> Vec<Change> {
        self.changes
    }

    fn overflow(&mut self, entry: &'static Entry, difference: Difference<'_>) {
        let mut last = match self.changes.pop() {
            Some(last) if last.code == codes::TOO_LARGE.code(self.item.kind) => last,
            last => {
                self.changes.extend(last);
                Change {
                    code: codes::TOO_LARGE.code(self.item.kind),
                    item: self.item.clone(),
                    place: self.item.to_string(),
                    severity: codes::TOO_LARGE.severity,
                    score: 0,
                    before: None,
                    after: None,
                    sentence: sentence::fill(&codes::TOO_LARGE, self.item, "", None, None, ""),
                    because: Vec::new(),
                }
            }
        };
        last.severity = last.severity.max(entry.severity);
        let judged = self.judge(difference.before, difference.after, &mut last);
        self.judge_names(difference, &mut last);
        last.score = last.score.max(judged);
        self.changes.push(last);
    }

    /// The original values of a difference and the way to them. Where one side has a value in its
    /// semantic form only, both are given from the nearest place that the originals have.
    fn locate(&self, difference: Difference<'_>) -> (Option<&'a Value>, Option<&'a Value>, String) {
        let mut steps = difference.way.steps();
        let mut must = (difference.before.is_some(), difference.after.is_some());
        loop {
            let before = self.before.and_then(|item| way::find(item, Side::Before, &steps));
            let after = self.after.and_then(|item| way::find(item, Side::After, &steps));
            let is_missing = must.0 && before.is_none() || must.1 && after.is_none();
            if !is_missing || steps.is_empty() {
                return settle(before, after, &steps);
            }
            steps.pop();
            must = (self.before.is_some(), self.after.is_some());
        }
    }

    /// Raises `change` by what its new texts ask for; gives the score that they earned.
    fn judge(&mut self, before: Option<&Value>, after: Option<&Value>, change: &mut Change) -> u32 {
        let Some(after) = after else { return 0 };
        if let (Some(Value::String(before)), Value::String(after)) = (before, after) {
            return self.judge_text(Some(before), after, change);
        }
        let mut old = HashSet::new();
        if let Some(before) = before {
            each_text(before, &mut |text| _ = old.insert(text));
        }
        let mut score = 0;
        each_text(after, &mut |text| {
            if !old.contains(text) {
                score = score.max(self.judge_text(None, text, change));
            }
        });
        score
    }

    fn judge_text(&mut self, before: Option<&str>, after: &str, change: &mut Change) -> u32 {
        if self.known_texts().contains(after) {
            return 0;
        }
        // A new text of an item that was there is an insertion into it.
        let before = before.or(self.before.map(|_| ""));
        let mut judgement = novel::judge(before, after, self.names).unwrap_or_default();
        if is_label(&change.place) {
            judgement.weigh_as_label(after);
        }
        change.severity = change.severity.max(judgement.severity);
        for reason in judgement.because {
            push_reason(change, reason);
        }
        judgement.score
    }

    /// Raises `change` by what only a name can break: the name of the item if it is new, and each
    /// new key.
    fn judge_names(&self, difference: Difference<'_>, change: &mut Change) {
        let steps = difference.way.steps();
        let mut names = Vec::new();
        match steps.last() {
            None if difference.after.is_some() => names.push(self.item.name.as_str()),
            Some(Step::Key(key)) if difference.before.is_none() => names.push(*key),
            _ => {}
        }
        let mut old = HashSet::new();
        if let Some(before) = difference.before {
            each_key(before, &mut |key| _ = old.insert(key));
        }
        if let Some(after) = difference.after {
            each_key(after, &mut |key| names.extend(Some(key).filter(|key| !old.contains(key))));
        }
        // Names in ASCII have one script, and are judged as texts.
        for name in names.into_iter().filter(|name| !name.is_ascii()) {
            for hit in tripwire::scan_name(name) {
                if hit.class == Class::Blocking {
                    change.severity = Severity::Critical;
                    let told = tripwire::sentence_of(hit.rule);
                    push_reason(change, format!("{told}: {}", sentence::quoted(name)));
                }
            }
        }
    }

    fn known_texts(&mut self) -> &HashSet<&'a str> {
        let before = self.before;
        self.known.get_or_insert_with(|| {
            let mut known = HashSet::new();
            if let Some(before) = before {
                each_text(before, &mut |text| _ = known.insert(text));
            }
            known
        })
    }
}

impl<'a> Difference<'a> {
    pub(crate) const fn new(
        way: &'a Way<'a>,
        before: Option<&'a Value>,
        after: Option<&'a Value>,
    ) -> Self {
        Self { way, before, after }
    }

    /// Whether the two sides differ at all.
    pub(crate) fn differs(&self) -> bool {
        !same_or_absent(self.before, self.after)
    }

    /// Whether each side is an object or absent.
    pub(crate) fn is_of_objects(&self) -> bool {
        let is_object = |value: Option<&Value>| value.is_none_or(Value::is_object);
        is_object(self.before) && is_object(self.after)
    }
}

fn settle<'v>(
    before: Option<Found<'v>>,
    after: Option<Found<'v>>,
    steps: &[Step<'_>],
) -> (Option<&'v Value>, Option<&'v Value>, String) {
    let pointer = after.as_ref().or(before.as_ref()).map(|found| found.pointer.clone());
    let pointer = pointer.unwrap_or_else(|| way::pointer(steps));
    (before.map(|found| found.value), after.map(|found| found.value), pointer)
}

fn push_reason(change: &mut Change, reason: String) {
    if change.because.len() < REASONS_MAX && !change.because.contains(&reason) {
        change.because.push(reason);
    }
}

/// Every key inside a value.
fn each_key<'v>(value: &'v Value, visit: &mut impl FnMut(&'v str)) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| each_key(element, visit)),
        Value::Object(members) => {
            for (key, member) in members {
                visit(key);
                each_key(member, visit);
            }
        }
        _ => {}
    }
}

/// Whether a text at `place` is a label: a few words, never prose.
fn is_label(place: &str) -> bool {
    matches!(place.rsplit('/').next(), Some("title" | "icons" | "enum" | "const"))
}

/// Every string of a value: keys and values.
pub(crate) fn each_text<'v>(value: &'v Value, visit: &mut impl FnMut(&'v str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(elements) => elements.iter().for_each(|element| each_text(element, visit)),
        Value::Object(members) => {
            for (key, member) in members {
                visit(key);
                each_text(member, visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Most changes of one item that are told one by one.
const CHANGES_MAX: usize = 256;

/// Most reasons that one change lists.
const REASONS_MAX: usize = 8;
