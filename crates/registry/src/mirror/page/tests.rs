#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::json;

use super::*;

const OWN: &str = "com.example.registry/countersign";

fn page(text: impl AsRef<[u8]>) -> Result<Page, PageError> {
    read(&Bytes::copy_from_slice(text.as_ref()), OWN)
}

fn entries(page: &Page) -> Vec<&Entry> {
    let entry = |row: &'_ Row| matches!(row, Row::Entry(_));
    assert!(page.rows.iter().all(entry), "{page:?}");
    let entries = page.rows.iter().filter_map(|row| match row {
        Row::Entry(entry) => Some(entry.as_ref()),
        Row::Refused(_) => None,
    });
    entries.collect()
}

fn reason(row: &[u8]) -> &'static str {
    let text = [b"{\"servers\":[", row, b"]}"].concat();
    match &page(text).unwrap().rows[..] {
        [Row::Refused(refused)] => {
            assert_eq!(refused.raw.as_ref(), row, "the bytes are kept");
            refused.reason
        }
        rows => panic!("{rows:?}"),
    }
}

#[test]
fn a_page_gives_its_rows_as_they_came() {
    let first = r#"{ "server": {"name": "a/b", "version": "1"},  "_meta": {
        "io.modelcontextprotocol.registry/official": {"status": "deprecated", "isLatest": true,
        "statusMessage": "old", "publishedAt": "2025-01-01T00:00:00Z", "updatedAt": "2025-01-02T00:00:00Z"}}}"#;
    let second = r#"{"server":{"name":"a/c","version":"2","packages":["},{",{"]":"\\\""}]}}"#;
    let text = format!(
        r#" {{"note": "\"servers\": [", "servers" : [ {first} ,{second}
 ], "metadata": {{"count": 900, "nextCursor": "c,1"}} }} "#
    );
    let page = page(&text).unwrap();
    let entries = entries(&page);
    assert_eq!(entries[0].raw.as_ref(), first.as_bytes());
    assert_eq!(entries[1].raw.as_ref(), second.as_bytes());
    assert_eq!((entries[0].name.as_str(), entries[1].version.as_str()), ("a/b", "2"));
    assert_eq!(entries[0].digest, Digest::of(&json!({ "name": "a/b", "version": "1" })));
    let official = Official {
        status: "deprecated".into(),
        message: "old".into(),
        published_at: Some("2025-01-01T00:00:00Z".into()),
        updated_at: Some("2025-01-02T00:00:00Z".into()),
        is_latest: true,
    };
    assert_eq!(entries[0].official, official);
    assert_eq!(entries[1].official, Official { status: "active".into(), ..Official::default() });
    assert_eq!(page.next.as_deref(), Some("c,1"));
}

#[test]
fn a_row_that_parsers_read_differently_is_refused_alone() {
    let text = r#"{"servers":[
        {"server":{"name":"a/b","version":"1"}},
        {"server":{"name":"a/b","version":"2","version":"3"}},
        {"server":{"name":"a/c","version":"1"}}]}"#;
    let page = page(text).unwrap();
    let reasons = page.rows.iter().map(|row| match row {
        Row::Entry(entry) => entry.name.as_str(),
        Row::Refused(refused) => refused.reason,
    });
    assert_eq!(reasons.collect::<Vec<_>>(), ["a/b", "wire.json.duplicate-key", "a/c"]);
    for (row, expected) in [
        (
            &br#"{"server":{"name":"a/b","version":"1","x":"\ud800"}}"#[..],
            "wire.json.lone-surrogate",
        ),
        (br#"{"server":{"name":"a/b","version":"1","x":9007199254740993}}"#, "wire.json.integer"),
        (br#"{"server":{"name":"a/b","version":"1","Name":"c"}}"#, "wire.json.folded-key"),
        (b"{\"server\":{\"name\":\"a/\xff\",\"version\":\"1\"}}", "wire.json.utf8"),
        (br#"{"server":{"name":"a/b","version":"1"}}{}"#, "wire.json.trailing"),
        (br#"{"server":{"name":"a/b"}}"#, "entry.version"),
        (br#"{"server":{"name":"","version":"1"}}"#, "entry.name"),
        (br#"{"server":{"name":"a\n/b","version":"1"}}"#, "entry.name"),
        ("{\"server\":{\"name\":\"а/b\",\"version\":\"1\"}}".as_bytes(), "entry.name"),
        (br#"{"server":{"name":"a/b","version":"1\n"}}"#, "entry.version"),
        (br#"{"server":{"name":7,"version":"1"}}"#, "entry.name"),
        (br#"{"server":[]}"#, "entry.not-an-object"),
        (b"\x0c", "wire.json.syntax"),
        (br#"["server"]"#, "entry.not-an-object"),
        (b"null", "entry.not-an-object"),
    ] {
        assert_eq!(reason(row), expected, "{}", String::from_utf8_lossy(row));
    }
}

#[test]
fn what_is_no_page_is_refused_whole() {
    for (text, expected) in [
        ("", PageError::NoServers),
        ("<html></html>", PageError::NoServers),
        ("[]", PageError::NoServers),
        (r#"{"servers":{}}"#, PageError::NoServers),
        (r#"{"metadata":{"servers":[]}}"#, PageError::NoServers),
        (r#"{"servers":[],"servers":[]}"#, PageError::NoServers),
        (r#"{"servers":[{"a":1}"#, PageError::NoServers),
        (r#"{"servers":[{},]}"#, PageError::NoServers),
        (r#"{"servers":[,{}]}"#, PageError::NoServers),
        (r#"{"servers":[]]}"#, PageError::NoServers),
        (
            r#"{"servers":[{"server":{"name":"a/b","version":"1"}}},"metadata":{}}"#,
            PageError::NoServers,
        ),
        (r#"{"servers":[],"metadata":{"nextCursor":7}}"#, PageError::Cursor),
    ] {
        assert_eq!(page(text), Err(expected), "{text}");
    }
    for (text, code) in [
        (
            r#"{"servers":[],"metadata":{"nextCursor":"a","nextCursor":"b"}}"#,
            "wire.json.duplicate-key",
        ),
        (r#"{"servers":[],"metadata":{"nextcursor":"a"}}"#, "wire.rpc.key-form"),
        (r#"{"servers":[]} x"#, "wire.json.trailing"),
    ] {
        let Err(PageError::Refused(refusal)) = page(text) else { panic!("{text}") };
        assert_eq!(refusal.code.as_str(), code, "{text}");
    }
    for last in [r#"{"servers":[]}"#, r#"{"servers":[ ],"metadata":{"nextCursor":""}}"#] {
        assert_eq!(page(last), Ok(Page { rows: Vec::new(), next: None }), "{last}");
    }
}

#[test]
fn the_bounds_hold_at_the_limit_and_one_past_it() {
    let cursor = |length: usize| {
        page(format!(r#"{{"servers":[],"metadata":{{"nextCursor":"{}"}}}}"#, "c".repeat(length)))
    };
    assert!(cursor(limits::CURSOR_BYTES_MAX).is_ok());
    assert_eq!(cursor(limits::CURSOR_BYTES_MAX + 1), Err(PageError::Cursor));
    let rows = |count: usize| page(format!(r#"{{"servers":[{}]}}"#, vec!["1"; count].join(",")));
    assert_eq!(rows(limits::PAGE_ROWS_MAX).unwrap().rows.len(), limits::PAGE_ROWS_MAX);
    assert_eq!(rows(limits::PAGE_ROWS_MAX + 1), Err(PageError::TooManyRows));
    for (name, version, is_entry) in [
        (seal::limits::SERVER_BYTES_MAX, seal::limits::VERSION_CHARS_MAX, true),
        (seal::limits::SERVER_BYTES_MAX + 1, 1, false),
        (1, seal::limits::VERSION_CHARS_MAX + 1, false),
    ] {
        let server = json!({ "name": "n".repeat(name), "version": "1".repeat(version) });
        let row = row(json!({ "server": server }).to_string().into(), OWN);
        assert_eq!(matches!(row, Row::Entry(_)), is_entry, "{name} {version}");
    }
}

#[test]
fn what_an_upstream_says_is_kept_in_forms_that_a_statement_takes() {
    let said = |official: Value| {
        let row_text =
            json!({ "server": { "name": "a/b", "version": "1" }, "_meta": { OFFICIAL: official } });
        let Row::Entry(entry) = row(row_text.to_string().into(), OWN) else { panic!() };
        entry.official
    };
    assert_eq!(said(json!({ "status": "deleted" })).status, "deleted");
    assert_eq!(said(json!({ "status": "active\u{1b}[2J" })).status, "other");
    let message = "a\u{0}b".to_owned() + &"c".repeat(limits::STATUS_CHARS_MAX);
    let message = said(json!({ "statusMessage": message })).message;
    assert_eq!((&message[..3], message.len()), ("abc", limits::STATUS_CHARS_MAX));
    assert!(!said(json!({ "isLatest": "true" })).is_latest);
}

#[test]
fn our_own_key_is_forged_wherever_it_comes_from_outside() {
    let forged = json!({ "server": { "name": "a/b", "version": "1",
        "_meta": { OWN: { "state": "countersigned" }, "other": [{ OWN: 1, "kept": 2 }] } } });
    let Row::Entry(entry) = row(forged.to_string().into(), OWN) else { panic!() };
    let clean = json!({ "name": "a/b", "version": "1", "_meta": { "other": [{ "kept": 2 }] } });
    assert_eq!((entry.digest, &entry.server), (Digest::of(&clean), &clean));
    assert_eq!(server_of(&entry.raw, OWN), Some(clean));
}
