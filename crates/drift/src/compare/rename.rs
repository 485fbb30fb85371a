//! Which item that went and which that came are the same under two names.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use serde_json::{Map, Value};
use surface::{Digest, Kind, Place, semantic};

/// An item without a counterpart of the same name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Single<'a> {
    pub(crate) place: &'a Place,
    pub(crate) item: &'a Value,
}

/// The digest of what tells an item from others apart from its name; `None` when it has nothing
/// of the kind, such as a tool without parameters.
pub(crate) fn shape(kind: Kind, item: &Value) -> Option<Digest> {
    match kind {
        Kind::Tool => {
            let schema = semantic::normalize(kind, item).get_mut("inputSchema")?.take();
            let Value::Object(mut schema) = schema else { return None };
            // Generators name the root after the tool.
            schema.remove("title");
            let has_parameters =
                schema.get("properties")?.as_object().is_some_and(|p| !p.is_empty());
            has_parameters.then(|| Digest::of(&Value::Object(schema)))
        }
        Kind::Prompt => part(item, &["arguments"]),
        Kind::Resource | Kind::Template => part(item, &["name", "description", "mimeType"]),
        Kind::Ui => part(item, &["text", "blob"]),
        Kind::Skill => part(item, &["frontmatter"]),
        Kind::Server | Kind::Page => None,
    }
}

/// Pairs `(removed, added)`, each item in at most one pair.
pub(crate) fn pair(
    kind: Kind,
    removed: &[Single<'_>],
    added: &[Single<'_>],
) -> Vec<(usize, usize)> {
    let mut pairs = by_shape(kind, removed, added);
    let is_free = |taken: HashSet<usize>, count: usize| -> Vec<usize> {
        (0..count).filter(|index| !taken.contains(index)).collect()
    };
    let free_removed = is_free(pairs.iter().map(|(removed, _)| *removed).collect(), removed.len());
    let free_added = is_free(pairs.iter().map(|(_, added)| *added).collect(), added.len());
    pairs.extend(by_description(removed, &free_removed, added, &free_added));
    pairs
}

/// Items whose shape occurs once on either side.
fn by_shape(kind: Kind, removed: &[Single<'_>], added: &[Single<'_>]) -> Vec<(usize, usize)> {
    let unique = |of: &[Single<'_>]| {
        let mut unique: HashMap<Digest, Option<usize>> = HashMap::new();
        for (index, single) in of.iter().enumerate() {
            if let Some(shape) = shape(kind, single.item) {
                unique.entry(shape).and_modify(|at| *at = None).or_insert(Some(index));
            }
        }
        unique
    };
    if removed.is_empty() || added.is_empty() {
        return Vec::new();
    }
    let (old, new) = (unique(removed), unique(added));
    let both = old.iter().filter_map(|(shape, at)| Some(((*at)?, (*new.get(shape)?)?)));
    let mut pairs: Vec<_> = both.collect();
    pairs.sort_unstable();
    pairs
}

/// The best pairs of at least the least similarity, the most similar first.
fn by_description(
    removed: &[Single<'_>],
    free_removed: &[usize],
    added: &[Single<'_>],
    free_added: &[usize],
) -> Vec<(usize, usize)> {
    if free_removed.len().saturating_mul(free_added.len()) > PAIRS_MAX {
        return Vec::new();
    }
    let state = RandomState::new();
    let shingled = |of: &[Single<'_>], free: &[usize]| -> Vec<(usize, HashSet<u64>)> {
        let single = |index: &usize| Some((*index, shingles(of.get(*index)?.item, &state)));
        free.iter().filter_map(single).filter(|(_, shingles)| !shingles.is_empty()).collect()
    };
    let (old, new) = (shingled(removed, free_removed), shingled(added, free_added));
    let mut candidates = Vec::new();
    for (before, old) in &old {
        for (after, new) in &new {
            let similarity = per_mille(old, new);
            if similarity >= SIMILAR_PER_MILLE {
                candidates.push((std::cmp::Reverse(similarity), *before, *after));
            }
        }
    }
    candidates.sort_unstable();
    let (mut taken_old, mut taken_new) = (HashSet::new(), HashSet::new());
    let mut pairs = Vec::new();
    for (_, before, after) in candidates {
        if !taken_old.contains(&before) && !taken_new.contains(&after) {
            taken_old.insert(before);
            taken_new.insert(after);
            pairs.push((before, after));
        }
    }
    pairs
}

/// Whether the description of `copy` holds nearly all of the description of `item`.
pub(crate) fn is_described_by(copy: &Value, item: &Value) -> bool {
    if item.get("description") == copy.get("description") {
        return true;
    }
    let state = RandomState::new();
    let (item, copy) = (shingles(item, &state), shingles(copy, &state));
    let common = item.iter().filter(|shingle| copy.contains(shingle)).count();
    !item.is_empty() && common * 1_000 >= item.len() * SIMILAR_PER_MILLE
}

/// The share of shingles that two texts have in common (Jaccard), in thousandths.
fn per_mille(a: &HashSet<u64>, b: &HashSet<u64>) -> usize {
    let (small, large) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if small.len() * 1_000 < large.len() * SIMILAR_PER_MILLE {
        return 0;
    }
    let common = small.iter().filter(|shingle| large.contains(shingle)).count();
    common * 1_000 / (a.len() + b.len() - common).max(1)
}

/// Hashes of each run of three words of a description; a shorter one has none.
fn shingles(item: &Value, state: &RandomState) -> HashSet<u64> {
    let description = item.get("description").and_then(Value::as_str).unwrap_or_default();
    let words: Vec<_> = description.split_whitespace().take(WORDS_MAX).collect();
    words.windows(SHINGLE_WORDS).map(|run| state.hash_one(run)).collect()
}

fn part(item: &Value, keys: &[&str]) -> Option<Digest> {
    let members: Map<_, _> =
        keys.iter().filter_map(|key| Some(((*key).to_owned(), item.get(*key)?.clone()))).collect();
    let is_empty = |value: &Value| {
        value.as_array().is_some_and(Vec::is_empty) || value.as_str().is_some_and(str::is_empty)
    };
    let is_telling = members.values().any(|value| !is_empty(value));
    is_telling.then(|| Digest::of(&Value::Object(members)))
}

/// Most pairs whose descriptions are compared.
const PAIRS_MAX: usize = 10_000;

/// Similarity from which two descriptions are one, in thousandths.
const SIMILAR_PER_MILLE: usize = 800;

const SHINGLE_WORDS: usize = 3;

/// Most words of a description that are compared.
const WORDS_MAX: usize = 512;
