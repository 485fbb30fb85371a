//! `anyOf`, `oneOf` and `allOf`: branches that are equal are matched, the rest is compared.

use serde_json::Value;

use super::{Comparison, Turn};
use crate::report::Difference;
use crate::report::same::same;

impl Comparison<'_, '_> {
    pub(super) fn branches(&mut self, key: &str, member: Difference<'_>) {
        let (old, new) = match (member.before, member.after) {
            (Some(Value::Array(old)), Some(Value::Array(new))) => (old, new),
            (None, _) => return self.directed(Turn::Narrower, member, "a choice is new"),
            (_, None) => return self.directed(Turn::Wider, member, "a choice is gone"),
            _ => return self.directed(Turn::Undecided, member, "the choice changed"),
        };
        if old.len().max(new.len()) > BRANCHES_MAX {
            return self.directed(Turn::Undecided, member, "a long choice changed");
        }
        let (removed, added) = unmatched(old, new);
        if removed.is_empty() && added.is_empty() {
            return self.hint(member, "the same branches in another order");
        }
        if removed.len() == added.len() {
            let outer = self.is_uncertain;
            self.is_uncertain |= key == "oneOf";
            for (&before, &after) in removed.iter().zip(&added) {
                let way = member.way.index(before, after);
                self.node(Difference::new(&way, old.get(before), new.get(after)));
            }
            self.is_uncertain = outer;
            return;
        }
        let turn = match (key, removed.is_empty(), added.is_empty()) {
            ("anyOf", true, false) | ("allOf", false, true) => Turn::Wider,
            ("anyOf", false, true) | ("allOf", true, false) => Turn::Narrower,
            _ => Turn::Undecided,
        };
        let detail = format!("{} of the choices new, {} gone", added.len(), removed.len());
        self.directed(turn, member, &detail);
        for &index in &added {
            if let Some(schema) = new.get(index) {
                self.inspect_new(schema, &member.way.index(index, index));
            }
        }
    }
}

/// Indices of the branches that the other side does not have, each counted once.
fn unmatched(old: &[Value], new: &[Value]) -> (Vec<usize>, Vec<usize>) {
    let mut added: Vec<_> = (0..new.len()).collect();
    let mut removed = Vec::new();
    for (index, branch) in old.iter().enumerate() {
        let twin = added.iter().position(|&at| new.get(at).is_some_and(|new| same(branch, new)));
        match twin {
            Some(at) => _ = added.remove(at),
            None => removed.push(index),
        }
    }
    (removed, added)
}

/// Longest choice that is matched branch by branch: pairs are counted in its square.
const BRANCHES_MAX: usize = 128;
