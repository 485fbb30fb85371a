#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod hostile;
mod upstream;

use std::sync::Arc;
use std::time::Instant;

use drift::Severity;
use seal::statement::{Observed, Predicate};
use seal::{Envelope, Statement};
use serde_json::json;
use surface::Digest;

use self::upstream::{Upstream, listed};
use super::*;
use crate::net::{Rules, System};
use crate::projection::StateChange;
use crate::service::fixture::Fixture;

/// A registry, an upstream on loopback, and a mirror between them.
struct Pair {
    upstream: Upstream,
    registry: Fixture,
    mirror: Mirror,
}

impl Pair {
    async fn new(rows: Vec<upstream::Listed>) -> Self {
        Self::polite(rows, 10_000).await
    }

    async fn polite(rows: Vec<upstream::Listed>, requests_per_second: u32) -> Self {
        let upstream = Upstream::start(rows).await;
        let registry = Fixture::new().await;
        let mirror = mirror(&registry, &upstream, requests_per_second);
        Self { upstream, registry, mirror }
    }

    async fn sweep(&self) -> Report {
        self.mirror.sync(Scope::Everything).await.expect("a sweep")
    }

    async fn statements(&self) -> Vec<Statement> {
        let size = *self.registry.service.log().sizes().borrow();
        let mut statements = Vec::new();
        for start in (0..size).step_by(256) {
            let entries = self.registry.service.log().entries(start, size).await.unwrap();
            let said = entries.iter().filter_map(|entry| Envelope::parse(entry).ok());
            statements.extend(said.map(|envelope| envelope.statement().clone()));
        }
        statements
    }

    /// The feed as (code, severity, server, version).
    async fn feed(&self) -> Vec<(String, Severity, String, String)> {
        let query = format!("SELECT {} FROM changes ORDER BY id", StateChange::COLUMNS);
        let query = sqlx::query(sqlx::AssertSqlSafe(query));
        let rows = query.fetch_all(self.registry.service.database().pool()).await.unwrap();
        let changes = rows.iter().map(|row| StateChange::from_row(row).unwrap());
        changes
            .map(|it| (it.code, it.severity, it.server, it.version.unwrap_or_default()))
            .collect()
    }

    /// The codes of the feed since `seen` rows.
    async fn codes_since(&self, seen: usize) -> Vec<(String, Severity)> {
        let feed = self.feed().await;
        feed.into_iter().skip(seen).map(|(code, severity, ..)| (code, severity)).collect()
    }
}

fn mirror(registry: &Fixture, upstream: &Upstream, requests_per_second: u32) -> Mirror {
    let address = upstream.server.address;
    let config = Config {
        url: format!("http://{address}/").parse().unwrap(),
        poll_minutes: 60,
        sweep_hours: 24,
        requests_per_second,
        exceptions: vec![address],
    };
    let rules = Rules { exceptions: config.exceptions.clone(), ..Rules::default() };
    let client = Client::new(rules, Arc::new(System)).unwrap();
    Mirror::new(registry.service.clone(), client, config)
}

fn many(count: u32) -> Vec<upstream::Listed> {
    (0..count).map(|n| listed(&format!("io.github.acme/s{n}"), "1.0.0", n)).collect()
}

fn is(code: &str, severity: Severity) -> (String, Severity) {
    (code.to_owned(), severity)
}

#[tokio::test]
async fn the_first_sweep_states_every_entry_and_alerts_nobody() {
    let pair = Pair::new(many(7)).await;
    let report = pair.sweep().await;
    assert_eq!((report.pages, report.rows, report.stated), (3, 7, 7));
    assert_eq!(pair.feed().await, []);
    let statements = pair.statements().await;
    assert_eq!(statements.len(), 7);
    for statement in &statements {
        let Predicate::Observation(it) = &statement.predicate else { panic!() };
        let Observed::Entry { entry, object, status, upstream, .. } = &it.of else { panic!() };
        let row = pair.upstream.state.lock().unwrap();
        let row = row.rows.iter().find(|row| row.server["name"] == statement.server).unwrap();
        assert_eq!(*entry, Some(Digest::of(&row.server)));
        assert_eq!(status, "active");
        assert_eq!(*upstream, format!("http://{}", pair.upstream.server.address));
        assert!(object.is_some() && it.changes.is_empty());
    }
    let again = pair.sweep().await;
    assert_eq!((again.rows, again.stated), (7, 0));
    assert_eq!(pair.statements().await.len(), 7);
    assert_eq!(pair.feed().await, []);
}

#[tokio::test]
async fn an_edit_in_place_is_found_once_by_a_sweep_although_nothing_moved() {
    let pair = Pair::new(many(7)).await;
    pair.sweep().await;
    pair.upstream.change(|rows| {
        rows[4].server["packages"][0]["identifier"] = json!("@evil/x");
        rows[5].server["description"] = json!("y");
    });
    let recent = pair.mirror.sync(Scope::Recent).await.unwrap();
    assert_eq!((recent.scope, recent.stated > 0), (Scope::Recent, true), "the overlap sees some");
    let swept = pair.sweep().await;
    assert_eq!(recent.stated + swept.stated, 2);
    let feed = pair.feed().await;
    let of = |server: &str| {
        let of = feed.iter().filter(|(_, _, name, _)| name == server);
        let mut of: Vec<_> = of.map(|(code, severity, ..)| is(code, *severity)).collect();
        of.sort();
        of
    };
    let critical = Severity::Critical;
    assert_eq!(
        of("io.github.acme/s4"),
        [is("entry.repointed", critical), is("entry.rewritten", critical)]
    );
    assert_eq!(of("io.github.acme/s5"), [is("entry.rewritten", Severity::Warning)]);
    assert_eq!(feed.len(), 3);
    pair.sweep().await;
    assert_eq!(pair.feed().await.len(), 3, "what was told is not told again");
}

#[tokio::test]
async fn what_is_recent_is_asked_from_what_was_received_and_never_from_our_clock() {
    let pair = Pair::new(many(100)).await;
    pair.sweep().await;
    pair.upstream.change(|rows| {
        rows.push(listed("io.github.acme/new", "1.0.0", 120));
        let future = json!("9999-01-01T00:00:00Z");
        rows[0].official["updatedAt"] = future;
    });
    pair.upstream.asked();
    let report = pair.mirror.sync(Scope::Recent).await.unwrap();
    let asked = pair.upstream.asked();
    // The newest of a hundred minutes is 01:39.
    let since = "updated_since=2026-01-01T01%3A24%3A00";
    assert!(asked[0].query().unwrap().contains(since), "{}", asked[0]);
    assert!(!asked[0].query().unwrap().contains("include_deleted"));
    assert_eq!(report.findings, BTreeMap::from([("entry.added".to_owned(), 1)]));
    // A row of the year 9999 hides nothing that comes before it.
    pair.mirror.sync(Scope::Recent).await.unwrap();
    let since = "updated_since=2026-01-01T01%3A45%3A00";
    assert!(pair.upstream.asked()[0].query().unwrap().contains(since));
}

#[tokio::test]
async fn an_entry_is_gone_after_two_sweeps_and_two_answers_that_say_so() {
    let pair = Pair::new(many(20)).await;
    pair.sweep().await;
    let gone = pair.upstream.state.lock().unwrap().rows[3].clone();
    pair.upstream.change(|rows| {
        rows.remove(3);
    });
    pair.upstream.asked();
    pair.sweep().await;
    let looked_up = |asked: Vec<Url>| {
        let urls = asked.into_iter().map(String::from);
        urls.filter(|url| url.contains("/servers/io.github.acme%2Fs3/versions/1.0.0")).count()
    };
    assert_eq!(looked_up(pair.upstream.asked()), 1);
    assert_eq!(pair.feed().await, [], "once is not enough");
    pair.sweep().await;
    assert_eq!(pair.codes_since(0).await, [is("entry.vanished", Severity::Warning)]);
    pair.sweep().await;
    assert_eq!(pair.feed().await.len(), 1);
    // Back again, and with other content: both are said.
    pair.upstream.change(|rows| rows.push(gone));
    pair.sweep().await;
    assert_eq!(pair.codes_since(1).await, [is("entry.restored", Severity::Notice)]);
}

#[tokio::test]
async fn what_a_list_leaves_out_and_its_address_still_gives_is_not_gone() {
    let pair = Pair::new(many(20)).await;
    pair.sweep().await;
    // The row moves to a page that was read already: its address answers all the same.
    pair.upstream.misbehave(|_, url| {
        let is_list = url.path() == "/v0.1/servers";
        let is_first = is_list && !url.query().unwrap().contains("cursor");
        let page = r#"{"servers":[],"metadata":{}}"#;
        is_first.then(|| harness::http::server::answer("200 OK", "", page.as_bytes()))
    });
    for _ in 0..3 {
        pair.sweep().await;
    }
    assert_eq!(pair.feed().await, []);
    // A failure is no absence.
    pair.upstream.behave();
    pair.upstream.change(|rows| {
        rows.remove(3);
    });
    pair.upstream.misbehave(|_, url| {
        let is_one = url.path().contains("/versions/");
        is_one.then(|| harness::http::server::answer("503 Service Unavailable", "", b""))
    });
    for _ in 0..3 {
        let error = pair.mirror.sync(Scope::Everything).await.expect_err("a sweep without its end");
        assert_eq!(error.code(), "mirror.status");
    }
    assert_eq!(pair.feed().await, []);
}

#[tokio::test]
async fn a_mass_vanishing_is_one_warning() {
    let pair = Pair::new(many(60)).await;
    pair.sweep().await;
    let before = pair.upstream.state.lock().unwrap().rows.clone();
    pair.upstream.change(|rows| rows.truncate(20));
    pair.sweep().await;
    pair.sweep().await;
    let codes = pair.codes_since(0).await;
    assert_eq!(codes.len(), 41);
    let loud: Vec<_> = codes.iter().filter(|(_, severity)| *severity > Severity::Info).collect();
    assert_eq!(loud, [&is("upstream.reset", Severity::Warning)]);
    assert_eq!(codes.iter().filter(|(code, _)| code == "entry.vanished").count(), 40);
    // What comes back after it is no alarm for each row either.
    pair.upstream.change(|rows| *rows = before);
    pair.sweep().await;
    let back = pair.codes_since(41).await;
    assert_eq!(back, vec![is("entry.restored", Severity::Info); 40]);
}

#[tokio::test]
async fn statuses_deletions_and_latest_that_moves_back_are_told() {
    let mut rows =
        vec![listed("io.github.acme/a", "1.0.0", 0), listed("io.github.acme/a", "2.0.0", 1)];
    rows[0].official["isLatest"] = json!(false);
    let pair = Pair::new(rows).await;
    pair.sweep().await;
    pair.upstream.change(|rows| {
        rows[0].official["status"] = json!("deprecated");
        rows[0].official["statusMessage"] = json!("use 2");
    });
    pair.sweep().await;
    assert_eq!(pair.codes_since(0).await, [is("entry.status", Severity::Notice)]);
    // The newer one still counts, and the older one is called the latest.
    pair.upstream.change(|rows| {
        rows[0].official["isLatest"] = json!(true);
        rows[1].official["isLatest"] = json!(false);
    });
    pair.sweep().await;
    assert_eq!(pair.codes_since(1).await, [is("entry.latest-moved-back", Severity::Warning)]);
    // Forward again is no news; that it moves back because the newer one is deleted is none either.
    pair.upstream.change(|rows| {
        rows[0].official["isLatest"] = json!(false);
        rows[1].official["isLatest"] = json!(true);
    });
    pair.sweep().await;
    pair.upstream.change(|rows| {
        rows[0].official["isLatest"] = json!(true);
        rows[1].official["isLatest"] = json!(false);
        rows[1].official["status"] = json!("deleted");
    });
    pair.sweep().await;
    assert_eq!(pair.codes_since(2).await, [is("entry.status", Severity::Warning)]);
}

#[tokio::test]
async fn a_walk_that_was_interrupted_goes_on_where_it_was() {
    let pair = Pair::new(many(15)).await;
    pair.upstream.misbehave(|request, _| (request > 3).then(upstream::torn));
    let error = pair.mirror.sync(Scope::Everything).await.expect_err("the upstream dies");
    assert_eq!(error.code(), "net.unreachable");
    assert_eq!(pair.statements().await.len(), 9, "three pages stand");
    pair.upstream.behave();
    pair.upstream.asked();
    // Another process, the same registry.
    let mirror = mirror(&pair.registry, &pair.upstream, 10_000);
    let report = mirror.sync(Scope::Everything).await.unwrap();
    let asked = pair.upstream.asked();
    assert!(asked[0].query().unwrap().ends_with("cursor=9"), "{}", asked[0]);
    assert_eq!((report.pages, report.stated), (2, 6));
    assert_eq!(pair.statements().await.len(), 15);
    // What the first half listed is not missed by the second.
    pair.sweep().await;
    pair.sweep().await;
    assert_eq!(pair.feed().await, []);
}

#[tokio::test]
async fn a_row_that_strict_json_refuses_is_logged_with_its_bytes_and_once() {
    let pair = Pair::new(many(4)).await;
    pair.sweep().await;
    let raw = r#"{"server":{"name":"io.github.acme/two","version":"1","version":"2"}}"#;
    pair.upstream.change(|rows| rows[1].raw = Some(raw.to_owned()));
    pair.sweep().await;
    let statements = pair.statements().await;
    let Predicate::Observation(it) = &statements.last().unwrap().predicate else { panic!() };
    let digest = Digest::of_bytes(raw.as_bytes());
    let Observed::Entry { entry: None, object, status, .. } = &it.of else { panic!("{it:?}") };
    assert_eq!((*object, status.as_str()), (Some(digest), "unreadable"));
    assert_eq!(it.changes[0].place, "wire.json.duplicate-key");
    let kept = pair.registry.service.object(&digest).await.unwrap();
    assert_eq!(kept.as_deref(), Some(raw.as_bytes()));
    let codes = pair.codes_since(0).await;
    assert_eq!(codes, [is("entry.unreadable", Severity::Warning)]);
    pair.sweep().await;
    let codes = pair.codes_since(1).await;
    // The entry that the row was before can no more be read: its own address gives the same bytes.
    assert_eq!(codes, []);
}

#[tokio::test]
async fn pages_that_did_not_change_are_not_sent_again() {
    let pair = Pair::new(many(10)).await;
    pair.upstream.state.lock().unwrap().etags = true;
    assert_eq!(pair.sweep().await.pages_unchanged, 0);
    pair.upstream.change(|rows| rows[5].server["description"] = json!("y"));
    let report = pair.sweep().await;
    assert_eq!((report.pages, report.pages_unchanged, report.stated), (4, 3, 1));
    let report = pair.sweep().await;
    assert_eq!((report.pages_unchanged, report.stated), (4, 0));
    // Rows of pages that were not sent are listed, not missing.
    pair.sweep().await;
    assert_eq!(pair.codes_since(0).await, [is("entry.rewritten", Severity::Warning)]);
}

#[tokio::test]
async fn an_upstream_is_asked_as_often_as_it_was_agreed() {
    let pair = Pair::polite(many(12), 10).await;
    let start = Instant::now();
    assert_eq!(pair.sweep().await.pages, 4);
    assert!(start.elapsed() >= Duration::from_millis(290), "{:?}", start.elapsed());
}

#[test]
fn a_section_of_the_configuration_is_read_strictly() {
    let section = json!({ "url": "https://registry.example" });
    let config: Config = serde_json::from_value(section).unwrap();
    assert_eq!((config.poll_minutes, config.sweep_hours, config.requests_per_second), (60, 24, 2));
    for wrong in [json!({}), json!({ "url": "x" }), json!({ "url": "https://a.b", "urls": 1 })] {
        assert!(serde_json::from_value::<Config>(wrong).is_err());
    }
}
