#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::response::Response;
use futures_util::StreamExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::service::fixture::Fixture;

async fn ask(router: &Router, query: &str, last: Option<&str>) -> Response {
    let mut request = http::Request::builder().uri(format!("{PATH}{query}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn json(router: &Router, query: &str) -> (u16, Value) {
    let answer = ask(router, query, None).await;
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

fn ids(page: &Value) -> Vec<i64> {
    page["changes"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()).collect()
}

/// Two servers with a version each.
async fn two() -> (Fixture, Router, i64) {
    let fixture = Fixture::new().await;
    fixture.publish("com.example/a", "1.0.0").await;
    fixture.publish("com.example_/b", "2.0.0").await;
    let router = router(fixture.service.clone());
    let newest = newest(&fixture.service).await.unwrap();
    assert!(newest >= 4, "each is declared and countersigned: {newest}");
    (fixture, router, newest)
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let (_fixture, router, newest) = two().await;
    let (mut since, mut found) = (0, Vec::new());
    loop {
        let (status, page) = json(&router, &format!("?since={since}&limit=1")).await;
        assert_eq!(status, 200);
        found.extend(ids(&page));
        since = page["next"].as_i64().unwrap();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(found, (1..=newest).collect::<Vec<_>>());
    let (_, page) = json(&router, &format!("?since={newest}")).await;
    assert_eq!((ids(&page), &page["next"]), (vec![], &newest.into()));
}

#[tokio::test]
async fn a_page_and_a_webhook_filter_alike() {
    let (_fixture, router, newest) = two().await;
    let (_, all) = json(&router, "").await;
    let all: Vec<Change> = serde_json::from_value(all["changes"].clone()).unwrap();
    for (query, filter, is_empty) in [
        ("?server=com.example/a", Filter::parse(Some("com.example/a"), None, None), false),
        // An underscore is itself, as it is nowhere in LIKE.
        ("?server=com.example_/*", Filter::parse(Some("com.example_/*"), None, None), false),
        ("?server=com.exampl/*", Filter::parse(Some("com.exampl/*"), None, None), true),
        ("?severity=info", Filter::parse(None, Some("info"), None), false),
        ("?severity=critical", Filter::parse(None, Some("critical"), None), true),
        ("?kind=publish", Filter::parse(None, None, Some("publish")), false),
        ("?kind=publish.declared", Filter::parse(None, None, Some("publish.declared")), false),
        ("?kind=publi", Filter::parse(None, None, Some("publi")), true),
    ] {
        let filter = filter.unwrap();
        let wanted = all.iter().filter(|change| filter.matches(change)).map(|change| change.id);
        let wanted: Vec<_> = wanted.collect();
        assert_eq!(wanted.is_empty(), is_empty, "{query}");
        let (status, page) = json(&router, query).await;
        assert_eq!((status, ids(&page)), (200, wanted), "{query}");
        assert_eq!(page["next"], newest, "what is filtered out is not looked at twice: {query}");
    }
}

#[tokio::test]
async fn what_means_nothing_is_refused_with_a_code() {
    let (_fixture, router, _) = two().await;
    for (query, code) in [
        ("?server=*", "feed.server"),
        ("?server=a*b", "feed.server"),
        ("?severity=grave", "feed.severity"),
        ("?kind=Entry", "feed.kind"),
        ("?kind=entry.", "feed.kind"),
        ("?since=-1", "feed.since"),
        ("?since=9223372036854775808", "feed.since"),
        ("?limit=0", "feed.limit"),
        ("?limit=501", "feed.limit"),
    ] {
        let (status, refusal) = json(&router, query).await;
        assert_eq!((status, &refusal["code"]), (400, &code.into()), "{query}");
    }
    assert_eq!(json(&router, "?limit=500").await.0, 200, "the limit itself");
}

/// Reads a stream until some event has this id.
async fn until(stream: &mut BodyDataStream, id: i64) -> String {
    let (mut text, wanted) = (String::new(), format!("id: {id}\nevent: change\n"));
    while !text.contains(&wanted) {
        let chunk = tokio::time::timeout(Duration::from_secs(20), stream.next()).await;
        text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap().unwrap()).unwrap());
    }
    text
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_came() {
    let (fixture, router, newest) = two().await;
    // The header counts more than the query: a browser repeats its URL when it comes again.
    let answer = ask(&router, "/stream?since=0", Some("2")).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut stream = answer.into_body().into_data_stream();
    let text = until(&mut stream, newest).await;
    assert!(!text.contains("id: 1\n") && !text.contains("id: 2\nevent"), "{text}");
    assert!(text.contains("id: 3\nevent: change\ndata: {\"id\":3,"), "{text}");
    // What happens while somebody listens comes too.
    fixture.publish("com.example/a", "1.1.0").await;
    until(&mut stream, newest + 1).await;
    // Who names no number hears of what is new, and learns the number at once.
    let known = super::newest(&fixture.service).await.unwrap();
    let mut stream = ask(&router, "/stream", None).await.into_body().into_data_stream();
    let first = stream.next().await.unwrap().unwrap();
    assert!(first.ends_with(format!("id: {known}\n\n").as_bytes()), "{first:?}");
}

#[tokio::test]
async fn a_json_feed_is_newest_first_and_leads_on() {
    let (_fixture, router, newest) = two().await;
    let (status, feed) = json(&router, "/feed.json?limit=2").await;
    assert_eq!((status, &feed["version"]), (200, &"https://jsonfeed.org/version/1.1".into()));
    let of = |feed: &Value| -> Vec<i64> {
        let items = feed["items"].as_array().unwrap();
        items.iter().map(|item| item["_countersign"]["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(of(&feed), [newest, newest - 1]);
    for member in ["id", "url", "title", "content_text", "date_published"] {
        assert!(feed["items"][0][member].is_string(), "{member}");
    }
    let next = feed["next_url"].as_str().unwrap().split_once(PATH).unwrap().1.to_owned();
    let (_, feed) = json(&router, &next).await;
    assert_eq!(of(&feed), [newest - 2, newest - 3]);
}

#[tokio::test]
async fn so_many_streams_are_served_and_no_more() {
    let (_fixture, router, _) = two().await;
    let mut streams = Vec::new();
    for _ in 0..limits::STREAMS_MAX {
        streams.push(ask(&router, "/stream", None).await);
    }
    assert!(streams.iter().all(|answer| answer.status() == 200));
    let (status, refusal) = json(&router, "/stream").await;
    assert_eq!((status, &refusal["code"]), (503, &"feed.busy".into()));
    // Whoever goes makes room, long before a heartbeat would find out.
    streams.pop();
    let again = async {
        while ask(&router, "/stream", None).await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(limits::HEARTBEAT / 3, again).await.unwrap();
}
