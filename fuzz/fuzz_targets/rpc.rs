//! An accepted envelope is what a case-sensitive and a case-folding reader both make of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use wire::json::{Document, Policy};
use wire::request;
use wire::rpc::{Frame, IdKey, Message, Outcome};

fuzz_target!(|data: &[u8]| {
    let Ok(document) = Document::parse(data, &Policy::default()) else { return };
    let frame = match Frame::read(&document) {
        Ok(frame) => frame,
        Err(refusal) => return assert!(refusal.offset <= data.len(), "{refusal}"),
    };
    match &frame {
        Frame::One(message) => one(message),
        Frame::Batch(messages) => {
            assert!(!messages.is_empty());
            assert_eq!(messages.len(), document.root().elements().count());
            messages.iter().for_each(one);
        }
    }
});

fn one(message: &Message<'_>) {
    let whole = match message {
        Message::Request(request) => request.whole,
        Message::Notification(notification) => notification.whole,
        Message::Response(response) => response.whole,
    };
    // Payloads may hold what serde_json refuses; envelopes may not.
    let Ok(theirs) = serde_json::from_slice::<Value>(whole.raw()) else { return };
    let folded = |name: &str| {
        let members = theirs.as_object().expect("an object");
        let mut found = members.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let first = found.next().map(|(_, value)| value);
        assert!(found.next().is_none(), "two members read as {name}");
        first
    };
    assert_eq!(folded("jsonrpc"), Some(&Value::from("2.0")));
    assert_eq!(folded("method").and_then(Value::as_str), message.method());
    assert_eq!(folded("params").is_some(), message.params().is_some());
    match message {
        Message::Request(request) => {
            same_id(&request.id.key(), folded("id").expect("an id"));
            let _ = request::subject(&request.method, request.params);
            let _ = request::cursor(request.params);
            let _ = request::protocol_version(request.params);
            let _ = request::progress_token(request.params);
        }
        Message::Notification(notification) => {
            assert_eq!(folded("id"), None);
            let _ = request::cancelled(notification.params);
        }
        Message::Response(response) => {
            match &response.id {
                Some(id) => same_id(&id.key(), folded("id").expect("an id")),
                None => assert!(folded("id").is_none_or(Value::is_null)),
            }
            let is_error = matches!(response.outcome, Outcome::Error(_));
            assert_eq!(
                (folded("result").is_some(), folded("error").is_some()),
                (!is_error, is_error)
            );
            if let Outcome::Result(result) = response.outcome {
                let _ = wire::result::result_type(result);
                let _ = wire::result::next_cursor(result);
                let _ = wire::result::server_info(result);
            }
        }
    }
}

fn same_id(ours: &IdKey, theirs: &Value) {
    match ours {
        IdKey::Text(text) => assert_eq!(theirs.as_str(), Some(&text[..])),
        IdKey::Number(number) => assert_eq!(theirs.as_f64(), Some(*number as f64)),
    }
}
