//! Upstreams that lie: each is refused by its code, and nothing is taken for gone because of it.

use std::sync::atomic::Ordering;

use super::super::walk::{Step, Upstream as Pages, Walk};
use super::super::{ledger::Stored, manners::Asker};
use super::*;
use harness::http::server::{CHUNKS_WITHOUT_END, answer};

/// What a sweep of an upstream that misbehaves so is refused with. Before, it was swept twice, and
/// nothing may vanish.
async fn refusal(
    how: impl Fn(usize, &Url) -> Option<Vec<u8>> + Send + 'static,
) -> (&'static str, Pair) {
    let pair = Pair::new(many(9)).await;
    pair.sweep().await;
    pair.upstream.misbehave(how);
    let mut code = "";
    for _ in 0..3 {
        code = pair.mirror.sync(Scope::Everything).await.expect_err("a refusal").code();
    }
    assert_eq!(pair.feed().await, [], "{code}");
    pair.upstream.behave();
    pair.sweep().await;
    assert_eq!(pair.feed().await, [], "{code}, and the next sweep is whole");
    (code, pair)
}

fn page(rows: &str, next: &str) -> Vec<u8> {
    let body = format!(r#"{{"servers":[{rows}],"metadata":{{"nextCursor":"{next}"}}}}"#);
    answer("200 OK", "", body.as_bytes())
}

#[tokio::test]
async fn a_cursor_that_leads_back_ends_the_walk() {
    let (code, _) = refusal(|request, _| {
        (request > 1).then(|| {
            page(
                &listed("io.github.acme/s1", "1.0.0", 1).text(),
                if request % 2 == 0 { "3" } else { "6" },
            )
        })
    })
    .await;
    assert_eq!(code, "mirror.cursor-loop");
}

#[tokio::test]
async fn an_empty_page_that_leads_on_ends_the_walk() {
    let (code, _) = refusal(|request, _| Some(page("", &request.to_string()))).await;
    assert_eq!(code, "mirror.empty-page");
}

#[tokio::test]
async fn a_gigabyte_is_not_read() {
    let (code, pair) = refusal(|_, _| Some(CHUNKS_WITHOUT_END.to_vec())).await;
    assert_eq!(code, "net.too-large");
    let sent = pair.upstream.server.bytes_sent.load(Ordering::Relaxed);
    assert!(sent < 3 * 4 * limits::PAGE_BYTES_MAX, "{sent} bytes were taken");
}

#[tokio::test]
async fn a_redirect_is_not_followed_inward_or_anywhere() {
    let (code, _) =
        refusal(|_, _| Some(answer("302 Found", "location: http://127.0.0.1:1/admin\r\n", b"")))
            .await;
    assert_eq!(code, "net.redirect");
}

#[tokio::test]
async fn a_compressed_page_is_refused() {
    let (code, _) =
        refusal(|_, _| Some(answer("200 OK", "content-encoding: gzip\r\n", &[0x1f, 0x8b]))).await;
    assert_eq!(code, "net.encoded");
}

#[tokio::test]
async fn what_is_no_page_ends_the_walk() {
    let (code, _) = refusal(|_, _| Some(answer("200 OK", "", b"<html>parked</html>"))).await;
    assert_eq!(code, "mirror.page");
}

#[tokio::test]
async fn an_upstream_that_fails_is_asked_a_few_times_and_nothing_is_gone() {
    let (code, _) = refusal(|_, _| Some(answer("500 Internal Server Error", "", b""))).await;
    assert_eq!(code, "mirror.status");
    let (code, _) = refusal(|_, _| Some(answer("404 Not Found", "", b""))).await;
    assert_eq!(code, "mirror.status");
    let (code, _) = refusal(|request, _| (request > 1).then(upstream::torn)).await;
    assert_eq!(code, "net.unreachable");
}

#[tokio::test]
async fn too_many_requests_are_waited_out_or_left_for_later() {
    let pair = Pair::new(many(9)).await;
    pair.upstream.misbehave(|request, _| {
        (request % 2 == 1).then(|| answer("429 Too Many Requests", "retry-after: 0\r\n", b""))
    });
    assert_eq!(pair.sweep().await.pages, 3);
    assert_eq!(pair.upstream.asked().len(), 6);
    let (code, _) =
        refusal(|_, _| Some(answer("429 Too Many Requests", "retry-after: 86400\r\n", b""))).await;
    assert_eq!(code, "mirror.rate-limited");
    let (code, pair) = refusal(|_, _| {
        Some(answer("429 Too Many Requests", "retry-after: Wed, 01 Jan 2099 00:00:00 GMT\r\n", b""))
    })
    .await;
    assert_eq!(code, "mirror.rate-limited");
    drop(pair);
}

#[tokio::test]
async fn pages_without_end_end() {
    let upstream = Upstream::start(many(9)).await;
    let address = upstream.server.address;
    let rules = Rules { exceptions: vec![address], ..Rules::default() };
    let client = Client::new(rules, Arc::new(System)).unwrap();
    let asker = Asker::new(client, 10_000);
    let pages = Pages::new(&format!("http://{address}").parse().unwrap());
    let stored = |count: u32| -> Vec<Stored> {
        let page = |at: u32| Stored {
            cursor: format!("c{at}"),
            next: Some("3".to_owned()),
            ..Stored::default()
        };
        (0..count).map(page).collect()
    };
    let before = stored(limits::PAGES_MAX - 1);
    let mut last = Walk::new(&asker, &pages, None, "own", &before);
    assert!(matches!(last.step(None).await, Ok(Step::Page(..))), "the last page that is read");
    assert_eq!(last.step(None).await.err().unwrap().code(), "mirror.too-many-pages");
}
