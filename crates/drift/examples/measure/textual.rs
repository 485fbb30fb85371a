//! Temporary: the textual half alone.

use drift::{Change, Names, Severity};
use serde_json::Value;
use std::collections::BTreeMap;
use surface::{Digests, Surface};

fn leaves(v: &Value, path: String, out: &mut BTreeMap<String, String>) {
    match v {
        Value::String(s) => {
            out.insert(path, s.clone());
        }
        Value::Array(a) => {
            for (i, x) in a.iter().enumerate() {
                leaves(x, format!("{path}/{i}"), out)
            }
        }
        Value::Object(o) => {
            for (k, x) in o {
                leaves(x, format!("{path}/{k}"), out)
            }
        }
        _ => {}
    }
}

pub(crate) fn compare(
    before: &Surface,
    after: &Surface,
    neighbours: &[drift::Neighbour],
) -> Vec<Change> {
    let own: Vec<&str> = after.items.keys().map(|p| p.name.as_str()).collect();
    let others: Vec<&str> = neighbours.iter().map(|n| n.place.name.as_str()).collect();
    let names = Names { own: &own, others: &others };
    let mut out = Vec::new();
    for (place, new) in &after.items {
        let old = before.items.get(place);
        if old.is_some_and(|old| {
            Digests::of_item(place.kind, old).semantic == Digests::of_item(place.kind, new).semantic
        }) {
            continue;
        }
        let mut a = BTreeMap::new();
        let mut b = BTreeMap::new();
        leaves(new, String::new(), &mut a);
        if let Some(old) = old {
            leaves(old, String::new(), &mut b);
        }
        let mut worst: Option<drift::Judgement> = None;
        let mut wherep = String::new();
        for (path, text) in &a {
            let was = b.get(path).map(String::as_str);
            if was == Some(text) {
                continue;
            }
            if was.is_none() && b.values().any(|v| v == text) {
                continue;
            }
            if let Some(j) = drift::judge(was, text, &names) {
                if worst.as_ref().is_none_or(|w| (w.severity, w.score) < (j.severity, j.score)) {
                    worst = Some(j);
                    wherep = path.clone();
                }
            }
        }
        let (severity, score, because) =
            worst.map_or((Severity::Info, 0, vec![]), |j| (j.severity, j.score, j.because));
        out.push(Change {
            code: if old.is_some() { "changed" } else { "added" },
            item: place.clone(),
            place: format!("{place}{wherep}"),
            severity,
            score,
            before: None,
            after: None,
            sentence: String::new(),
            because,
        });
    }
    out
}
