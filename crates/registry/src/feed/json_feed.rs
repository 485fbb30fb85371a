//! JSON Feed 1.1: what feed readers read.

use serde_json::{Value, json};

use super::{Change, PATH};
use crate::Service;
use crate::api::Query;

/// A feed of some changes, newest first.
pub(super) fn render(
    service: &Service,
    query: &Query,
    changes: &[Change],
    limit: usize,
) -> Vec<u8> {
    let base = format!("{}{PATH}", service.public_url());
    let feed_url = format!("{base}/feed.json");
    let kept = ["server", "severity", "kind", "limit"];
    let kept = kept.iter().filter_map(|name| Some((*name, query.text(name)?)));
    let kept: Vec<_> = kept.map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
    let kept = kept.concat();
    let mut feed = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": format!("State changes of {}", service.operator()),
        "home_page_url": service.public_url(),
        "feed_url": with(&feed_url, &kept),
        "description": "What changed about MCP servers, newest first.",
        "items": changes.iter().map(|change| item(&base, change)).collect::<Vec<_>>(),
    });
    let last = changes.last().filter(|change| changes.len() >= limit && change.id > 1);
    if let Some((last, feed)) = last.zip(feed.as_object_mut()) {
        let next = with(&feed_url, &format!("&before={}{kept}", last.id));
        feed.insert("next_url".to_owned(), next.into());
    }
    serde_json::to_vec(&feed).unwrap_or_default()
}

fn item(base: &str, change: &Change) -> Value {
    let url = format!("{base}?since={}&limit=1", change.id - 1);
    let version = change.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    json!({
        "id": url,
        "url": url,
        "title": format!("{}: {}{version} ({})", change.severity, change.server, change.code),
        "content_text": change.summary,
        "date_published": change.time,
        "tags": [change.severity, change.code],
        "_countersign": change,
    })
}

fn with(url: &str, parameters: &str) -> String {
    match parameters.strip_prefix('&') {
        Some(parameters) => format!("{url}?{parameters}"),
        None => url.to_owned(),
    }
}

fn encoded(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    let byte = |b: u8| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(byte).collect()
}
