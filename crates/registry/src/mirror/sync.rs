//! One walk, from its first question to what it found.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use futures_util::stream::{FuturesUnordered, TryStreamExt};
use seal::statement::{Finding, Predicate};
use tokio::task::JoinHandle;

use super::judge::{self, Circumstances, Saying};
use super::ledger::{Known, Ledger, Listed, Mark, Progress, Stored, mark};
use super::manners::Answer;
use super::page::{self, Entry, Page, RefusedRow, Row};
use super::walk::{Step, Walk};
use super::{Mirror, MirrorError, Report, Scope, now_us};
use crate::service::time::{rfc3339_of_us, us_of_rfc3339};
use crate::{Service, limits};

pub(super) async fn sync(mirror: &Mirror, scope: Scope) -> Result<Report, MirrorError> {
    let mut run = Run::begin(mirror, scope).await?;
    let walked = run.walk().await;
    // Whatever stopped the walk, what was stated is remembered with its page.
    let settled = run.settle(0).await;
    if let Err(error) = walked.and(settled) {
        if !error.is_transient() {
            run.progress.is_running = false;
            run.ledger.set_progress(&run.progress).await?;
        }
        return Err(error);
    }
    run.finish().await
}

struct Run<'m> {
    mirror: &'m Mirror,
    ledger: Ledger,
    progress: Progress,
    circumstances: Circumstances,
    listed: Listed,
    /// The pages of this walk that were stored before it went on.
    stored: Vec<Stored>,
    /// What this walk listed.
    seen: HashSet<Mark>,
    /// Pages whose statements are on their way into the log, in order.
    in_flight: VecDeque<(Stored, JoinHandle<Result<(), MirrorError>>)>,
    pages_stored: usize,
    /// Entries called the latest while a newer one was: whether that one still counts is known at
    /// the end.
    deferred: Vec<Entry>,
    newest: Newest,
    report: Report,
}

impl<'m> Run<'m> {
    async fn begin(mirror: &'m Mirror, scope: Scope) -> Result<Self, MirrorError> {
        let ledger = Ledger::new(mirror.service.database().clone(), mirror.name.clone());
        let mut progress = ledger.progress().await?;
        let now_us = now_us(&mirror.service);
        let is_fresh = now_us - progress.started_us < duration_us(limits::WALK_AGE_MAX);
        let fits = progress.since.is_none() || scope == Scope::Recent;
        if !(progress.is_running && is_fresh && fits) {
            progress.walk += 1;
            progress.is_running = true;
            progress.started_us = now_us;
            progress.since = since(&progress, scope);
            ledger.set_progress(&progress).await?;
        }
        let stored = ledger.pages(progress.walk).await?;
        let listed = ledger.listed().await?;
        let vanished = listed.vanished_count();
        let circumstances = Circumstances {
            upstream: mirror.name.clone(),
            time: seal::time::format(mirror.service.now_s()).unwrap_or_default(),
            is_first: progress.sweeps == 0,
            is_reset: is_reset(vanished, vanished + listed.live().count()),
        };
        let scope = if progress.since.is_some() { Scope::Recent } else { Scope::Everything };
        let report = Report {
            scope,
            pages: 0,
            pages_unchanged: 0,
            rows: 0,
            stated: 0,
            findings: BTreeMap::new(),
        };
        let mut newest = Newest { time: None, latest_us: now_us + SKEW_US };
        newest.hear(progress.newest.as_deref());
        for page in &stored {
            newest.hear(page.newest.as_deref());
        }
        Ok(Self {
            mirror,
            ledger,
            progress,
            circumstances,
            listed,
            seen: stored.iter().flat_map(|page| page.seen.iter().copied()).collect(),
            in_flight: VecDeque::new(),
            pages_stored: stored.len(),
            stored,
            deferred: Vec::new(),
            newest,
            report,
        })
    }

    async fn walk(&mut self) -> Result<(), MirrorError> {
        let mirror = self.mirror;
        let since = self.progress.since.clone();
        let stored = std::mem::take(&mut self.stored);
        let earlier = match since {
            None if self.progress.swept > 0 => self.ledger.pages(self.progress.swept).await?,
            _ => Vec::new(),
        };
        let mut earlier: HashMap<String, Stored> = earlier
            .into_iter()
            .filter(|page| page.etag.is_some())
            .map(|page| (page.cursor.clone(), page))
            .collect();
        let (upstream, own_key) = (&mirror.upstream, mirror.own_key.as_str());
        let mut walk = Walk::new(&mirror.asker, upstream, since.as_deref(), own_key, &stored);
        while let Some(cursor) = walk.cursor().map(str::to_owned) {
            let before = earlier.remove(&cursor);
            let etag = before.as_ref().and_then(|page| page.etag.as_deref());
            let step = walk.step(etag).await?;
            self.report.pages += 1;
            match (step, before) {
                (Step::Unchanged, Some(page)) => {
                    walk.turn_to(page.next.clone(), page.seen.is_empty())?;
                    self.report.pages_unchanged += 1;
                    self.seen.extend(&page.seen);
                    self.newest.hear(page.newest.as_deref());
                    self.append(page, Vec::new());
                }
                (Step::Unchanged, None) => return Err(MirrorError::Stopped),
                (Step::Page(page, etag), _) => self.read(cursor, page, etag).await?,
            }
            self.settle(limits::PAGES_IN_FLIGHT_MAX).await?;
        }
        Ok(())
    }

    /// Judges the rows of a page, and sends what there is to say on its way.
    async fn read(
        &mut self,
        cursor: String,
        page: Page,
        etag: Option<String>,
    ) -> Result<(), MirrorError> {
        let mut stored = Stored { cursor, next: page.next, etag, newest: None, seen: Vec::new() };
        let mut newest = Newest { time: None, latest_us: self.newest.latest_us };
        let mut sayings = Vec::new();
        for row in page.rows {
            self.report.rows += 1;
            match row {
                Row::Refused(row) => sayings.extend(self.refused(&row)),
                Row::Entry(entry) => {
                    let mark = mark(&entry.name, &entry.version);
                    // Listed twice in one walk: the first counts, and the next walk sees the other.
                    if !self.seen.insert(mark) {
                        continue;
                    }
                    stored.seen.push(mark);
                    newest.hear(entry.official.updated_at.as_deref());
                    if self.is_deferred(&entry) {
                        // Not stated with its page: unless the walk ends, it has to come again.
                        stored.etag = None;
                        self.deferred.push(*entry);
                    } else {
                        sayings.extend(self.entry(&entry).await?);
                    }
                }
            }
        }
        stored.newest = newest.text();
        self.newest.hear(stored.newest.as_deref());
        self.append(stored, sayings);
        Ok(())
    }

    fn is_deferred(&self, entry: &Entry) -> bool {
        let known = self.listed.get(&entry.name, &entry.version);
        let other = self.listed.other_latest(&entry.name, &entry.version);
        other.is_some() && judge::is_latest_again(entry, known)
    }

    /// What there is to say of an entry; from then on it is known.
    async fn entry(&mut self, entry: &Entry) -> Result<Option<Saying>, MirrorError> {
        let known = self.listed.get(&entry.name, &entry.version);
        let before = match known {
            Some(Known { entry: digest, object: Some(object), .. })
                if *digest != Some(entry.digest) =>
            {
                let raw = self.mirror.service.object(object).await?;
                raw.and_then(|raw| page::server_of(&raw, &self.mirror.own_key))
            }
            _ => None,
        };
        let other_latest = self.listed.other_latest(&entry.name, &entry.version);
        let is_reset = self.circumstances.is_reset;
        let changes = judge::changes(entry, known, before.as_ref(), other_latest, is_reset);
        let Some(changes) = changes else { return Ok(None) };
        let saying = self.circumstances.entry(entry, known, changes);
        let known = Known {
            entry: Some(entry.digest),
            object: saying.objects.first().map(store::Object::digest),
            status: entry.official.status.clone(),
            message: entry.official.message.clone(),
            is_latest: entry.official.is_latest,
            published_at: entry.official.published_at.clone(),
            position: None,
        };
        self.listed.insert(&entry.name, &entry.version, known);
        Ok(Some(saying))
    }

    fn refused(&mut self, row: &RefusedRow) -> Option<Saying> {
        let is_new = self.listed.unreadable.insert(judge::refused_digest(row));
        is_new.then(|| self.circumstances.refused(row))
    }

    /// Sends a page's statements on their way into the log.
    fn append(&mut self, page: Stored, sayings: Vec<Saying>) {
        for saying in &sayings {
            self.report.stated += 1;
            for code in codes(saying) {
                *self.report.findings.entry(code).or_default() += 1;
            }
        }
        let service = self.mirror.service.clone();
        self.in_flight.push_back((page, tokio::spawn(append(service, sayings))));
    }

    /// Waits until at most `in_flight_max` pages are on their way. A page is stored once all that was
    /// said of it is in the log.
    async fn settle(&mut self, in_flight_max: usize) -> Result<(), MirrorError> {
        while self.in_flight.len() > in_flight_max {
            let Some((page, appending)) = self.in_flight.pop_front() else { break };
            appending.await.map_err(|_| MirrorError::Stopped)??;
            self.ledger.add_page(self.progress.walk, self.pages_stored, &page).await?;
            self.pages_stored += 1;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Report, MirrorError> {
        let mut sayings = Vec::new();
        for entry in std::mem::take(&mut self.deferred) {
            sayings.extend(self.entry(&entry).await?);
        }
        if self.report.scope == Scope::Everything {
            sayings.extend(self.absent().await?);
        }
        for saying in &sayings {
            self.report.stated += 1;
            for code in codes(saying) {
                *self.report.findings.entry(code).or_default() += 1;
            }
        }
        append(self.mirror.service.clone(), sayings).await?;
        self.progress.is_running = false;
        self.progress.newest = self.newest.text();
        if self.report.scope == Scope::Everything {
            self.progress.sweeps += 1;
            self.progress.swept = self.progress.walk;
            self.progress.swept_us = now_us(&self.mirror.service);
        }
        self.ledger.set_progress(&self.progress).await?;
        self.ledger.forget_pages(self.progress.swept).await?;
        Ok(self.report)
    }

    /// What a complete sweep did not list: what it says after the second one in a row, each time with
    /// a 404 for the entry itself.
    async fn absent(&mut self) -> Result<Vec<Saying>, MirrorError> {
        let live: Vec<_> = self.listed.live().collect();
        let of = live.len();
        let absent: Vec<(String, String, Option<u64>)> = live
            .into_iter()
            .filter(|(name, version, _)| !self.seen.contains(&mark(name, version)))
            .map(|(name, version, known)| (name.to_owned(), version.to_owned(), known.position))
            .collect();
        let is_reset = is_reset(absent.len(), of);
        let before = self.ledger.missing().await?;
        let (mut missing, mut sayings) = (HashMap::new(), Vec::new());
        let mut gone = 0;
        let probes = if is_reset { limits::RESET_PROBES } else { usize::MAX };
        for (probe, (name, version, position)) in absent.into_iter().enumerate() {
            if probe < probes {
                match self.look_up(&name, &version).await? {
                    Found::Gone => {}
                    Found::There(saying) => {
                        sayings.extend(saying.map(|saying| *saying));
                        continue;
                    }
                }
            }
            let key = (name, version);
            let sweeps = before.get(&key).copied().unwrap_or_default() + 1;
            if sweeps < limits::MISSED_SWEEPS {
                missing.insert(key, sweeps);
                continue;
            }
            gone += 1;
            sayings.push(self.circumstances.vanished(&key.0, &key.1, position, is_reset));
        }
        if is_reset && gone > 0 {
            sayings.insert(0, self.circumstances.reset(gone, of));
        }
        self.ledger.set_missing(&missing).await?;
        Ok(sayings)
    }

    /// Asks for one version.
    async fn look_up(&mut self, name: &str, version: &str) -> Result<Found, MirrorError> {
        let url = self.mirror.upstream.version(name, version);
        let Answer::Body(body, _) = self.mirror.asker.ask(&url, None).await? else {
            return Ok(Found::Gone);
        };
        match page::row(body, &self.mirror.own_key) {
            Row::Entry(entry) if entry.name == name && entry.version == version => {
                Ok(Found::There(self.entry(&entry).await?.map(Box::new)))
            }
            // An answer about another entry, or none that can be read, says nothing about this one.
            _ => Ok(Found::There(None)),
        }
    }
}

enum Found {
    Gone,
    There(Option<Box<Saying>>),
}

/// Appends statements, many at a time.
async fn append(service: Service, sayings: Vec<Saying>) -> Result<(), MirrorError> {
    let states = sayings.into_iter().map(|saying| {
        let service = service.clone();
        async move { service.state(saying.statement, saying.objects).await.map(drop) }
    });
    let states: FuturesUnordered<_> = states.collect();
    Ok(states.try_collect::<()>().await?)
}

/// The codes of a statement's findings, each once.
fn codes(saying: &Saying) -> Vec<String> {
    let Predicate::Observation(observation) = &saying.statement.predicate else {
        return Vec::new();
    };
    let mut codes: Vec<String> =
        observation.changes.iter().map(|Finding { code, .. }| code.clone()).collect();
    codes.dedup();
    codes
}

/// The newest `updatedAt`. One in the future moves nothing: it would hide what comes before it.
struct Newest {
    time: Option<i64>,
    latest_us: i64,
}

impl Newest {
    fn hear(&mut self, updated_at: Option<&str>) {
        let us = updated_at.and_then(us_of_rfc3339).filter(|us| *us <= self.latest_us);
        self.time = self.time.max(us);
    }

    fn text(&self) -> Option<String> {
        self.time.map(rfc3339_of_us)
    }
}

/// From when on what is recent is asked for; `None` for everything.
fn since(progress: &Progress, scope: Scope) -> Option<String> {
    let newest = progress.newest.as_deref().and_then(us_of_rfc3339);
    let is_recent = scope == Scope::Recent && progress.sweeps > 0;
    newest.filter(|_| is_recent).map(|us| rfc3339_of_us(us - duration_us(limits::OVERLAP)))
}

fn is_reset(gone: usize, of: usize) -> bool {
    gone > limits::RESET_ROWS_MIN && gone * 100 > of * limits::RESET_PERCENT
}

fn duration_us(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

const SKEW_US: i64 = 300_000_000;
