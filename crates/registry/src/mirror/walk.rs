//! One walk through the pages of an upstream.

use std::collections::HashSet;

use url::Url;

use super::MirrorError;
use super::ledger::Stored;
use super::manners::{Answer, Asker};
use super::page::{self, Page};
use crate::limits;

/// Where the pages of an upstream are.
#[derive(Debug, Clone)]
pub(super) struct Upstream {
    base: Url,
}

/// A walk. It never ends by a cursor that comes again, an empty page that has one, or pages without
/// end: each is an error, so that what was not listed is never taken for gone.
pub(super) struct Walk<'a> {
    asker: &'a Asker,
    upstream: &'a Upstream,
    since: Option<&'a str>,
    own_key: &'a str,
    cursors: HashSet<String>,
    next: Option<String>,
    pages: u32,
}

/// A page, or that it is as it was.
pub(super) enum Step {
    /// The page, and its validator.
    Page(Page, Option<String>),
    /// The page that the validator was for.
    Unchanged,
}

impl Upstream {
    pub(super) fn new(base: &Url) -> Self {
        Self { base: base.clone() }
    }

    /// The page at `cursor`: everything, deleted entries included, or what changed `since`.
    fn page(&self, cursor: &str, since: Option<&str>) -> Url {
        let mut url = self.under(&[]);
        let mut query = url.query_pairs_mut();
        query.append_pair("limit", limits::PAGE_ROWS_ASKED);
        match since {
            Some(since) => query.append_pair("updated_since", since),
            None => query.append_pair("include_deleted", "true"),
        };
        if !cursor.is_empty() {
            query.append_pair("cursor", cursor);
        }
        drop(query);
        url
    }

    /// One version, deleted or not.
    pub(super) fn version(&self, name: &str, version: &str) -> Url {
        let mut url = self.under(&[name, "versions", version]);
        url.query_pairs_mut().append_pair("include_deleted", "true");
        url
    }

    fn under(&self, rest: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v0.1", "servers"]).extend(rest);
        }
        url
    }
}

impl<'a> Walk<'a> {
    /// A walk that goes on after the pages that are stored.
    pub(super) fn new(
        asker: &'a Asker,
        upstream: &'a Upstream,
        since: Option<&'a str>,
        own_key: &'a str,
        stored: &[Stored],
    ) -> Self {
        let next = stored.last().map_or_else(|| Some(String::new()), |page| page.next.clone());
        let cursors = stored.iter().map(|page| page.cursor.clone()).collect();
        let pages = u32::try_from(stored.len()).unwrap_or(u32::MAX);
        Self { asker, upstream, since, own_key, cursors, next, pages }
    }

    /// The cursor of the page that comes next; `None` after the last.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// Asks for the page at [`Walk::cursor`].
    pub(super) async fn step(&mut self, etag: Option<&str>) -> Result<Step, MirrorError> {
        let cursor = self.next.clone().unwrap_or_default();
        if !self.cursors.insert(cursor.clone()) {
            return Err(MirrorError::CursorLoop);
        }
        self.pages = self.pages.saturating_add(1);
        if self.pages > limits::PAGES_MAX {
            return Err(MirrorError::TooManyPages);
        }
        let url = self.upstream.page(&cursor, self.since);
        match self.asker.ask(&url, etag).await? {
            Answer::Body(body, etag) => {
                let page = page::read(&body, self.own_key).map_err(MirrorError::Page)?;
                self.turn_to(page.next.clone(), page.rows.is_empty())?;
                Ok(Step::Page(page, etag))
            }
            Answer::Unchanged if etag.is_some() => Ok(Step::Unchanged),
            Answer::Unchanged => Err(MirrorError::Status { status: 304, retry_after: None }),
            Answer::Absent => Err(MirrorError::Status { status: 404, retry_after: None }),
        }
    }

    /// Goes on to the page that a page leads to.
    pub(super) fn turn_to(
        &mut self,
        next: Option<String>,
        is_empty: bool,
    ) -> Result<(), MirrorError> {
        if is_empty && next.is_some() {
            return Err(MirrorError::EmptyPage);
        }
        self.next = next;
        Ok(())
    }
}
