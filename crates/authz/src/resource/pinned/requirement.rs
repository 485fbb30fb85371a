//! `securitySchemes` (SEP-1488, and the Apps documentation, which repeats them under `_meta`): any
//! one of them lets a caller in.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Fault;
use crate::limits;
use crate::token::scope;

/// The ways in that an item names, each by its scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requirement {
    /// INVARIANT: never empty. An item that names none, or `noauth`, has one without scopes: what
    /// every request here needs is asked for all the same.
    ways: Vec<BTreeSet<String>>,
}

impl Requirement {
    /// What an item asks for.
    ///
    /// # Errors
    /// Schemes that are not understood whole: what is passed over could be a limit.
    pub(super) fn of(item: &Value) -> Result<Self, Fault> {
        let own = item.get(MEMBER).map(|schemes| read(schemes, "")).transpose()?;
        let meta = item.get("_meta").and_then(|meta| meta.get(MEMBER));
        let meta = meta.map(|schemes| read(schemes, "/_meta")).transpose()?;
        let ways = match (own, meta) {
            (Some(own), Some(meta)) if own != meta => {
                let what = "not the same as in `_meta`: readers would disagree";
                return Err(Fault { at: format!("/{MEMBER}"), what });
            }
            (own, meta) => own.or(meta).unwrap_or_else(|| vec![BTreeSet::new()]),
        };
        Ok(Self { ways })
    }

    /// The way that `held` comes nearest to; the first of those.
    pub(super) fn nearest(&self, held: &BTreeSet<String>) -> &BTreeSet<String> {
        let lacks = |way: &&BTreeSet<String>| way.difference(held).count();
        self.ways.iter().min_by_key(lacks).unwrap_or(const { &BTreeSet::new() })
    }

    /// What every way asks for.
    pub(super) fn always(&self) -> BTreeSet<String> {
        let mut ways = self.ways.iter();
        let first = ways.next().cloned().unwrap_or_default();
        ways.fold(first, |common, way| &common & way)
    }

    /// Every scope that any way names.
    pub(super) fn all(&self) -> impl Iterator<Item = &String> {
        self.ways.iter().flatten()
    }
}

fn read(schemes: &Value, before: &str) -> Result<Vec<BTreeSet<String>>, Fault> {
    let place = format!("{before}/{MEMBER}");
    let list = schemes.as_array().filter(|list| !list.is_empty());
    let list = list.filter(|list| list.len() <= limits::SCHEMES_MAX);
    let what = "a list of schemes, neither empty nor long, belongs here";
    let list = list.ok_or(Fault { at: place.clone(), what })?;
    let ways = list.iter().enumerate().map(|(index, one)| {
        scheme(one).map_err(|(member, what)| Fault { at: format!("{place}/{index}{member}"), what })
    });
    ways.collect()
}

/// The scopes of one scheme; else what is wrong, and where in it.
fn scheme(scheme: &Value) -> Result<BTreeSet<String>, (&'static str, &'static str)> {
    let members = scheme.as_object().ok_or(("", "a scheme is an object"))?;
    let is_known = |name: &String| ["type", "scopes", "description"].contains(&name.as_str());
    if !members.keys().all(is_known) {
        return Err(("", "it has a member that is not known here, and could be a limit"));
    }
    let scopes = members.get("scopes");
    match members.get("type").and_then(Value::as_str) {
        Some("noauth") if scopes.is_none() => Ok(BTreeSet::new()),
        Some("noauth") => Err(("/scopes", "`noauth` has no scopes")),
        Some("oauth2") => scopes.map_or_else(|| Ok(BTreeSet::new()), listed),
        _ => Err(("/type", "a type that is neither `oauth2` nor `noauth`")),
    }
}

fn listed(scopes: &Value) -> Result<BTreeSet<String>, (&'static str, &'static str)> {
    let words = scopes.as_array().map(|list| list.iter().map(Value::as_str).collect());
    let words: Option<Vec<&str>> = words.flatten();
    words
        .and_then(scope::collect)
        .ok_or(("/scopes", "a list of scopes, one word each, belongs here"))
}

const MEMBER: &str = "securitySchemes";
