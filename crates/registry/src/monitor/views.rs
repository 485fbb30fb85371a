//! Whether a server shows one thing to all, and if not, what that is: an update, a roll-out, chance,
//! or two faces.
//!
//! Servers sign nothing, so a look is testimony of whoever looked; two vantages of one operator are
//! one witness. Comparable are only looks at one endpoint, in one authorization class, with one
//! protocol version, each a complete walk: the caller groups them.

use std::collections::{BTreeMap, BTreeSet};

use surface::Digest;

use crate::limits;

/// One look at a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look<'l> {
    /// When, in microseconds since 1970.
    pub time_us: i64,
    /// The semantic digest of what was shown.
    pub shown: Digest,
    /// From where.
    pub vantage: &'l str,
    /// As whom: the `clientInfo` that was shown.
    pub client: &'l str,
    /// The index of the signed observation.
    pub index: u64,
}

/// What the looks amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// Everybody saw the same.
    One,
    /// One surface took the place of another, for everybody.
    Update,
    /// Two surfaces were shown for a while, and now one is.
    RollOut,
    /// Two surfaces are shown, not for long enough to say what that is.
    Open,
    /// Whoever asks twice in the same way may see another surface: reported, nobody is accused.
    Nondeterministic,
    /// Vantages see different surfaces, again and again.
    SplitView(Evidence),
    /// What is shown depends on who seems to ask.
    Cloaking(Evidence),
}

/// The signed observations that contradict each other: the newest of each side, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Their indices in the log.
    pub observations: Vec<u64>,
    /// What was shown, in the order of the digests.
    pub shown: BTreeSet<Digest>,
}

/// How long surfaces may be mixed before that is no roll-out.
pub fn window_us(ttl_ms: Option<u64>) -> i64 {
    let mixed_us = i64::try_from(ttl_ms.unwrap_or_default().saturating_mul(3_000));
    mixed_us.unwrap_or(i64::MAX).clamp(limits::MIXED_US_MIN, limits::MIXED_US_MAX)
}

/// Judges looks in the order of their times.
pub fn judge(looks: &[Look<'_>], window_us: i64, now_us: i64) -> View {
    let runs = runs(looks);
    let Some((first, last)) = returns(&runs) else {
        return if runs.len() > 1 { View::Update } else { View::One };
    };
    // Mixed from the first look at the other surface to the last that went back to one seen before.
    let (from_us, to_us) = (start(&runs, first + 1), start(&runs, last));
    if to_us - from_us <= window_us {
        return if now_us - to_us > window_us { View::RollOut } else { View::Open };
    }
    let mixed: Vec<Look<'_>> =
        runs.iter().take(last + 1).skip(first).flat_map(|run| run.iter().copied()).collect();
    if last - first < limits::ALTERNATIONS_MIN {
        return View::Update;
    }
    let by = |of: fn(&Look<'_>) -> (String, String)| shown_by(&mixed, of);
    let observers = by(|look| (look.vantage.to_owned(), look.client.to_owned()));
    if observers.values().any(|shown| changes_back(shown)) {
        return View::Nondeterministic;
    }
    let clients = by(|look| (String::new(), look.client.to_owned()));
    let vantages = by(|look| (look.vantage.to_owned(), String::new()));
    let evidence = evidence(&mixed);
    // With each vantage asking as a client of its own, nobody can tell which of the two it is.
    if is_told_apart(&clients) && !is_told_apart(&vantages) {
        View::Cloaking(evidence)
    } else {
        View::SplitView(evidence)
    }
}

/// Looks after one another that saw the same.
fn runs<'r, 'l>(looks: &'r [Look<'l>]) -> Vec<&'r [Look<'l>]> {
    looks.chunk_by(|a, b| a.shown == b.shown).collect()
}

fn start(runs: &[&[Look<'_>]], run: usize) -> i64 {
    runs.get(run).and_then(|run| run.first()).map_or(0, |look| look.time_us)
}

/// The first run whose surface comes again, and the last one that is such a coming again.
fn returns(runs: &[&[Look<'_>]]) -> Option<(usize, usize)> {
    let shown: Vec<_> = runs.iter().filter_map(|run| run.first()).map(|look| look.shown).collect();
    let comes_again =
        |(at, digest): (usize, &Digest)| shown.iter().skip(at + 1).any(|d| d == digest);
    let came_before = |(at, digest): (usize, &Digest)| shown.iter().take(at).any(|d| d == digest);
    let first = shown.iter().enumerate().position(comes_again)?;
    let last = shown.iter().enumerate().rposition(came_before)?;
    Some((first, last))
}

fn shown_by(
    looks: &[Look<'_>],
    of: fn(&Look<'_>) -> (String, String),
) -> BTreeMap<(String, String), Vec<Digest>> {
    let mut shown: BTreeMap<_, Vec<Digest>> = BTreeMap::new();
    for look in looks {
        shown.entry(of(look)).or_default().push(look.shown);
    }
    shown
}

/// Whether one observer saw a surface, another, and the first again.
fn changes_back(shown: &[Digest]) -> bool {
    let runs: Vec<_> = shown.chunk_by(|a, b| a == b).filter_map(|run| run.first()).collect();
    runs.iter().collect::<BTreeSet<_>>().len() < runs.len()
}

/// Whether there are several groups, and no surface was shown to two of them.
fn is_told_apart(shown: &BTreeMap<(String, String), Vec<Digest>>) -> bool {
    let mut seen = BTreeSet::new();
    shown.len() > 1
        && shown.values().all(|digests| {
            let digests: BTreeSet<_> = digests.iter().collect();
            digests.into_iter().all(|digest| seen.insert(*digest))
        })
}

fn evidence(looks: &[Look<'_>]) -> Evidence {
    let newest: BTreeMap<Digest, u64> = looks.iter().map(|look| (look.shown, look.index)).collect();
    let mut observations: Vec<u64> = newest.values().copied().collect();
    observations.sort_unstable();
    Evidence { observations, shown: newest.into_keys().collect() }
}

#[cfg(test)]
mod tests;
