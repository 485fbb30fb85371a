//! When what is known of a server is too old to decide by.

use std::time::{Duration, Instant};

use surface::List;

use crate::capture::Scope;
use crate::limits;

/// What was listed when, and what has been doubted since.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    whole: Option<Listed>,
    lists: [Option<Listed>; List::ALL.len()],
    /// Counts `list_changed` and whatever else says that a list is not what it was.
    doubts: u64,
}

#[derive(Debug, Clone, Copy)]
struct Listed {
    at: Instant,
    holds_for: Duration,
}

impl Listed {
    fn is_fresh(self) -> bool {
        self.at.elapsed() <= self.holds_for
    }
}

impl Freshness {
    /// What has to be listed before a request that needs `list` may be decided; `None` needs no
    /// list in particular.
    pub(crate) fn wanted(&self, list: Option<List>) -> Option<Scope> {
        if !self.whole.is_some_and(Listed::is_fresh) {
            return Some(Scope::Everything);
        }
        let list = list?;
        let is_fresh =
            self.lists.get(list as usize).copied().flatten().is_some_and(Listed::is_fresh);
        (!is_fresh).then_some(Scope::One(list))
    }

    /// Something says that `list`, or anything at all, is not what it was.
    pub(crate) fn doubt(&mut self, list: Option<List>) {
        self.doubts += 1;
        match list {
            Some(list) => self.set(list, None),
            None => self.lists = [None; List::ALL.len()],
        }
        // A new item may point at a body that no list holds.
        self.whole = None;
    }

    /// How many doubts there were.
    pub(crate) const fn doubts(&self) -> u64 {
        self.doubts
    }

    /// `scope` was listed, for a request that needs `list`, when there were `doubts`; its cost makes
    /// it hold for `by_cost`.
    pub(crate) fn listed(
        &mut self,
        scope: Scope,
        list: Option<List>,
        by_cost: Duration,
        ttl: Option<Duration>,
        doubts: u64,
    ) {
        if self.doubts != doubts {
            return;
        }
        let listed = |holds_for: Duration, age_max| {
            Some(Listed { at: Instant::now(), holds_for: holds_for.min(age_max) })
        };
        if scope == Scope::Everything {
            let by_ttl = ttl.unwrap_or(limits::LISTING_AGE_MAX);
            self.whole = listed(by_cost.max(by_ttl), limits::LISTING_AGE_MAX);
            // The first call that needs a list has it listed for itself, whenever that is.
            self.lists = [None; List::ALL.len()];
        }
        if let Some(list) = list {
            self.set(list, listed(by_cost, limits::LIST_AGE_MAX));
        }
    }

    fn set(&mut self, list: List, listed: Option<Listed>) {
        if let Some(slot) = self.lists.get_mut(list as usize) {
            *slot = listed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_during_a_listing_outlives_it() {
        let mut freshness = Freshness::default();
        let (by_cost, before) = (Duration::from_secs(1), freshness.doubts());
        freshness.listed(Scope::Everything, None, by_cost, None, before);
        assert_eq!(freshness.wanted(None), None);
        freshness.doubt(Some(List::Tools));
        assert_eq!(freshness.wanted(None), Some(Scope::Everything));
        freshness.listed(Scope::Everything, None, by_cost, None, before);
        assert_eq!(freshness.wanted(None), Some(Scope::Everything));
    }

    #[test]
    fn a_list_ages_with_what_listing_costs() {
        let mut freshness = Freshness::default();
        let tools = Some(List::Tools);
        freshness.listed(Scope::Everything, tools, Duration::from_millis(1), None, 0);
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(freshness.wanted(tools), Some(Scope::One(List::Tools)));
        freshness.listed(Scope::One(List::Tools), tools, Duration::from_secs(20), None, 0);
        assert_eq!(freshness.wanted(tools), None);
    }

    #[test]
    fn the_first_call_of_a_list_is_preceded_by_a_listing_of_its_own() {
        let mut freshness = Freshness::default();
        freshness.listed(Scope::Everything, None, Duration::from_secs(5), None, 0);
        assert_eq!(freshness.wanted(None), None);
        assert_eq!(freshness.wanted(Some(List::Prompts)), Some(Scope::One(List::Prompts)));
    }
}
