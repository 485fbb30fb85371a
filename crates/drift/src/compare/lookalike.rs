//! Names that a person or a model takes for another one.
//!
//! Folding is for comparison only: UTS #39 skeleton, without case and without what is not shown.

use std::collections::HashMap;

use crate::lexicon;
use crate::tripwire::look;
use serde_json::Value;
use surface::{Digest, Kind};

/// A name that is in view, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
    /// The other server that it belongs to; `None` for this one.
    pub(crate) server: Option<&'a str>,
    /// It went when the new names came: a rename that only changes a separator is honest.
    pub(crate) is_gone: bool,
    /// The digest of its schema, where it has one that tells it from others.
    pub(crate) schema: Option<Digest>,
}

/// How one name imitates another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// Equal but for case, confusable or invisible characters.
    Disguise,
    /// One character more, less or other.
    OneEdit,
    /// The same schema, and all words of the shorter name are in the longer one.
    Copy,
}

/// The names in view, found in constant time each.
#[derive(Debug, Default)]
pub(crate) struct Index<'a> {
    known: Vec<Known<'a>>,
    /// The words of the names that have a schema.
    words: HashMap<usize, Vec<String>>,
    folded: HashMap<(Kind, String), usize>,
    /// Hashes of each name and of each form of it with one character left out, sorted.
    near: Vec<(Kind, u64, usize)>,
    schemas: HashMap<(Kind, Digest), Vec<usize>>,
}

/// The names of one object in folded form.
#[derive(Debug)]
pub(crate) struct Disguises<'a>(HashMap<String, &'a str>);

impl<'a> Index<'a> {
    /// Puts a name into view.
    pub(crate) fn insert(&mut self, known: Known<'a>) {
        let at = self.known.len();
        self.known.push(known);
        for folded in folds(known.name) {
            self.folded.entry((known.kind, folded)).or_insert(at);
        }
        let hashes = near_hashes(known.kind, known.name);
        self.near.extend(hashes.into_iter().map(|hash| (known.kind, hash, at)));
        if let Some(schema) = known.schema {
            let bucket = self.schemas.entry((known.kind, schema)).or_default();
            if bucket.len() < SCHEMA_BUCKET_MAX {
                bucket.push(at);
                self.words.insert(at, lexicon::words(known.name).collect());
            }
        }
    }

    /// Puts a new name into view, for those that are new with it: new series are honest, new
    /// disguises are not.
    pub(crate) fn insert_disguise(&mut self, kind: Kind, name: &'a str) {
        let at = self.known.len();
        self.known.push(Known { kind, name, server: None, is_gone: false, schema: None });
        for folded in folds(name) {
            self.folded.entry((kind, folded)).or_insert(at);
        }
    }

    /// Makes the index ready to be asked.
    pub(crate) fn sort(&mut self) {
        self.near.sort_unstable();
    }

    /// A name in view that `name` imitates, and how. The same name is no imitation.
    pub(crate) fn imitated(
        &self,
        kind: Kind,
        name: &str,
        schema: Option<Digest>,
    ) -> Option<(Likeness, Known<'a>)> {
        let get = |at: &usize| self.known.get(*at).copied();
        for folded in folds(name) {
            let twin = self.folded.get(&(kind, folded)).and_then(get);
            if let Some(twin) = twin.filter(|twin| twin.name != name) {
                return Some((Likeness::Disguise, twin));
            }
        }
        for hash in near_hashes(kind, name) {
            let from = self.near.partition_point(|(of, other, _)| (*of, *other) < (kind, hash));
            let bucket = self.near.iter().skip(from).take(BUCKET_MAX);
            let bucket = bucket.take_while(|(of, other, _)| (*of, *other) == (kind, hash));
            let is_near = |near: &Known<'_>| {
                let is_respelt = near.is_gone && without_separators(near.name, name);
                is_one_edit(near.name, name) && !is_respelt
            };
            if let Some(near) = bucket.filter_map(|(.., at)| get(at)).find(is_near) {
                return Some((Likeness::OneEdit, near));
            }
        }
        let words: Vec<_> = lexicon::words(name).collect();
        let shares = |at: &&usize| self.words.get(*at).is_some_and(|of| shares_words(of, &words));
        let mut bucket = self.schemas.get(&(kind, schema?)).into_iter().flatten();
        bucket.find(shares).and_then(get).map(|known| (Likeness::Copy, known))
    }
}

impl<'a> Disguises<'a> {
    /// Of some names.
    pub(crate) fn of(names: impl IntoIterator<Item = &'a str>) -> Self {
        let folded = |name| folds(name).into_iter().map(move |folded| (folded, name));
        Self(names.into_iter().flat_map(folded).collect())
    }

    /// Of the keys of an object.
    pub(crate) fn of_keys(object: Option<&'a Value>) -> Self {
        let members = object.and_then(Value::as_object).into_iter().flatten();
        Self::of(members.map(|(key, _)| key.as_str()))
    }

    /// The name that `name` is a disguise of.
    pub(crate) fn twin_of(&self, name: &str) -> Option<&'a str> {
        let twins = folds(name).into_iter().filter_map(|folded| self.0.get(&folded).copied());
        twins.into_iter().find(|twin| *twin != name)
    }
}

/// The characters beyond ASCII that only `name` has, for a sentence: ` (U+043E)`.
pub(crate) fn odd_characters(name: &str, twin: &str) -> String {
    let odd = name.chars().filter(|c| !c.is_ascii() && !twin.contains(*c));
    let odd: Vec<_> = odd.take(4).map(|c| format!("U+{:04X}", u32::from(c))).collect();
    if odd.is_empty() { String::new() } else { format!(" ({})", odd.join(", ")) }
}

/// The folded forms of a name. Case and skeleton do not commute (`I` is like `l`, `i` is not), so
/// a name with capitals has two.
fn folds(name: &str) -> Vec<String> {
    if name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        return vec![ascii_skeleton(name)];
    }
    let mut folds = vec![look(&name.to_lowercase()), look(name)];
    folds.dedup();
    folds
}

/// The skeleton of lower-case letters, digits and `_`: three of them have another prototype.
fn ascii_skeleton(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        match c {
            '0' => out.push('o'),
            '1' => out.push('l'),
            'm' => out.push_str("rn"),
            c => out.push(c),
        }
    }
    out
}

/// Whether two names are equal but for separators of words.
fn without_separators(a: &str, b: &str) -> bool {
    let letters = |name: &str| name.replace(['-', '_', '.', ' '], "");
    letters(a) == letters(b)
}

/// Whether one character inserted, removed or replaced makes `b` of `a`. Numbers at the same place
/// and a plural are how honest names differ.
fn is_one_edit(a: &str, b: &str) -> bool {
    let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    if long.len() - short.len() > 1 || short.len() < NEAR_CHARS_MIN || short == long {
        return false;
    }
    let prefix = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let (short_rest, long_rest) =
        (short.get(prefix..).unwrap_or_default(), long.get(prefix..).unwrap_or_default());
    let (edited, same_after) = if short.len() == long.len() {
        (short_rest.first(), short_rest.get(1..) == long_rest.get(1..))
    } else {
        (None, Some(short_rest) == long_rest.get(1..))
    };
    let is_honest = |c: &char| c.is_numeric() || *c == 's' && long_rest.len() == 1;
    let is_honest =
        long_rest.first().is_some_and(is_honest) && edited.is_none_or(|c| c.is_numeric());
    same_after && !is_honest
}

/// Whether all words of the shorter name are in the longer one.
fn shares_words(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    !short.is_empty() && short.iter().all(|word| long.contains(word))
}

/// Hashes of a name and of each form of it with one character left out. Two names at distance one
/// share at least one of them.
fn near_hashes(kind: Kind, name: &str) -> Vec<u64> {
    let is_named = matches!(kind, Kind::Tool | Kind::Prompt);
    let chars: Vec<u64> = name.chars().map(|c| u64::from(u32::from(c)) + 1).collect();
    if !is_named || chars.len() + 1 < NEAR_CHARS_MIN || chars.len() > NEAR_CHARS_MAX {
        return Vec::new();
    }
    // hash = sum of char[i] * BASE^(n-1-i); leaving one out joins the sums on either side of it.
    let mut powers = vec![1_u64];
    let mut heads = vec![0_u64];
    for c in &chars {
        let (power, head) = (last(&powers), last(&heads));
        powers.push(power.wrapping_mul(BASE));
        heads.push(head.wrapping_mul(BASE).wrapping_add(*c));
    }
    let whole = last(&heads);
    let mut hashes = vec![whole];
    let mut tail = 0_u64;
    for (index, c) in chars.iter().enumerate().rev() {
        let power = powers.get(chars.len() - 1 - index).copied().unwrap_or(1);
        let head = heads.get(index).copied().unwrap_or_default();
        hashes.push(head.wrapping_mul(power).wrapping_add(tail));
        tail = tail.wrapping_add(c.wrapping_mul(power));
    }
    hashes
}

fn last(values: &[u64]) -> u64 {
    values.last().copied().unwrap_or_default()
}

/// Shortest name for which one other character is suspicious: `get` and `set` are not.
const NEAR_CHARS_MIN: usize = 5;

/// Longest name that is searched for at distance one; the protocol allows 128 characters.
const NEAR_CHARS_MAX: usize = 128;

/// Most names under one hash; more are series, such as `step_a`, `step_b`.
const BUCKET_MAX: usize = 8;

/// Most names under one schema: servers have dozens of tools with the same two parameters.
const SCHEMA_BUCKET_MAX: usize = 64;

/// An odd multiplier with no short cycle.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_are_equal_after_folding() {
        for (a, b) in [
            ("send_email", "Send_Email"),
            ("send_email", "send_ema1l"),
            ("send_email", "s\u{435}nd_email"),
            ("send_email", "send\u{200b}_email"),
            ("send_email", "send_ernail"),
            ("tool", "t0ol"),
            ("table", "tabIe"),
            ("getIssue", "getissue"),
            ("paypal", "\u{440}aypal"),
        ] {
            let is_expected = a != "send_email" || b != "send_ema1l";
            assert_eq!(Disguises::of([a]).twin_of(b).is_some(), is_expected, "{a} {b}");
        }
        assert_eq!(Disguises::of(["send_email"]).twin_of("send_mail"), None);
        assert_eq!(Disguises::of(["same"]).twin_of("same"), None);
    }

    #[test]
    fn one_edit_is_found_and_honest_series_are_not() {
        let mut index = Index::default();
        for name in ["send_email", "get_issue", "step1", "list"] {
            let known =
                Known { kind: Kind::Tool, name, server: None, is_gone: false, schema: None };
            index.insert(known);
        }
        index.sort();
        let found =
            |name| index.imitated(Kind::Tool, name, None).map(|(how, known)| (how, known.name));
        for name in ["send_emall", "send_emai", "send__email", "end_email"] {
            assert_eq!(found(name), Some((Likeness::OneEdit, "send_email")), "{name}");
        }
        for name in ["get_issues", "step2", "step12", "lost", "send_email", "send_emails"] {
            assert_eq!(found(name), None, "{name}");
        }
    }

    #[test]
    fn the_quick_skeleton_is_the_skeleton() {
        for c in ('a'..='z').chain('0'..='9').chain(['_']) {
            assert_eq!(ascii_skeleton(&c.to_string()), look(&c.to_string()), "{c}");
        }
    }
}
