//! The ambiguity corpus (`tests/ambiguity/`): what two parsers read differently is refused with the
//! code that stands beside it; what is only odd passes with its bytes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "outside `#[test]` functions, yet a test")]

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Entry;
use wire::frame::lines::Lines;
use wire::frame::sse::Events;
use wire::header::{self, HeaderMismatch};
use wire::json::{Document, Policy, Value};
use wire::rpc::{Frame, Message};
use wire::{Code, Refusal, limits, request};

#[test]
fn every_message_that_two_parsers_read_differently_is_refused() {
    let entries = corpus("refused.jsonl");
    assert!(entries.len() >= 60, "{} messages", entries.len());
    for entry in entries {
        let code = read(&entry).err().map(Code::as_str);
        assert_eq!(code, entry["code"].as_str(), "{}", entry["name"]);
    }
}

#[test]
fn every_odd_but_harmless_message_passes() {
    let entries = corpus("accepted.jsonl");
    assert!(entries.len() >= 20, "{} messages", entries.len());
    for entry in entries {
        let seen = read(&entry).unwrap_or_else(|code| panic!("{}: {code}", entry["name"]));
        for (count, seen) in [("notes", seen.notes), ("messages", seen.messages)] {
            let expected = entry[count].as_u64();
            assert!(expected.is_none_or(|n| n == seen as u64), "{}: {seen} {count}", entry["name"]);
        }
    }
}

fn corpus(file: &str) -> Vec<Entry> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/ambiguity").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What was found in an entry of which nothing is refused.
struct Seen {
    messages: usize,
    notes: usize,
}

fn read(entry: &Entry) -> Result<Seen, Code> {
    let bytes = bytes(entry);
    match entry["layer"].as_str().unwrap() {
        "message" => message(&bytes),
        "surface" => surface(&bytes).map(|()| Seen { messages: 1, notes: 0 }),
        "header" => headers(entry, &bytes).map_err(|error| error.code),
        "lines" => all(lines(&bytes)),
        "sse" => all(sse(&bytes)),
        other => panic!("no layer {other}"),
    }
}

fn bytes(entry: &Entry) -> Vec<u8> {
    let bytes = match &entry["base64"] {
        Entry::String(base64) => STANDARD.decode(base64).unwrap(),
        _ => entry["bytes"].as_str().unwrap().as_bytes().to_vec(),
    };
    let grow = entry["grow"].as_u64().map(|n| "x".repeat(usize::try_from(n).unwrap()));
    grow.map_or(bytes.clone(), |text| {
        String::from_utf8(bytes).unwrap().replace('@', &text).into_bytes()
    })
}

/// Everything that a relay reads of a message before it decides.
fn message(bytes: &[u8]) -> Result<Seen, Code> {
    let document = Document::parse(bytes, &Policy::default()).map_err(code)?;
    let messages = match Frame::read(&document).map_err(code)? {
        Frame::One(message) => vec![message],
        Frame::Batch(messages) => messages,
    };
    for message in &messages {
        let Some(method) = message.method() else { continue };
        let params = message.params();
        request::protocol_version(params).map_err(code)?;
        request::progress_token(params).map_err(code)?;
        request::subject(method, params).map_err(code)?;
        request::cursor(params).map_err(code)?;
        request::cancelled(params).map_err(code)?;
    }
    let whole = document.root().raw();
    assert_eq!(whole, bytes.trim_ascii(), "the bytes are the evidence");
    Ok(Seen { messages: messages.len(), notes: document.notes().len() })
}

/// A message whose result is digested.
fn surface(bytes: &[u8]) -> Result<(), Code> {
    let document = Document::parse(bytes, &Policy::default()).map_err(code)?;
    document.root().exact().and_then(Value::distinct).map(drop).map_err(code)
}

fn headers(entry: &Entry, body: &[u8]) -> Result<Seen, HeaderMismatch> {
    let document = Document::parse(body, &Policy::default()).unwrap();
    let Ok(Frame::One(message @ Message::Request(_))) = Frame::read(&document) else {
        panic!("{} has no request", entry["name"]);
    };
    let schema = entry["schema"].as_str().unwrap_or("{}");
    let schema = Document::parse(schema.as_bytes(), &Policy::default()).unwrap();
    let params = header::params_of(schema.root()).unwrap();
    let headers = entry["headers"].as_array().unwrap();
    let headers = headers
        .iter()
        .map(|header| (header[0].as_str().unwrap(), header[1].as_str().unwrap().as_bytes()));
    header::check(headers, &message, &params)?;
    Ok(Seen { messages: 1, notes: document.notes().len() })
}

fn lines(stream: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut lines = Lines::new(limits::MESSAGE_BYTES_MAX);
    lines.buffer().extend_from_slice(stream);
    let mut all = Vec::new();
    while let Some(line) = lines.next_line()? {
        all.push(line.to_vec());
    }
    all.extend(lines.rest()?.map(Vec::from));
    Ok(all)
}

fn sse(stream: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut events = Events::new(limits::MESSAGE_BYTES_MAX);
    events.buffer().extend_from_slice(stream);
    let mut all = Vec::new();
    while let Some(event) = events.next_event()? {
        all.extend(event.data.filter(|data| !data.is_empty()).map(Vec::from));
    }
    Ok(all)
}

/// Reads each message that a stream carries.
fn all(messages: Result<Vec<Vec<u8>>, Refusal>) -> Result<Seen, Code> {
    let mut seen = Seen { messages: 0, notes: 0 };
    for bytes in messages.map_err(code)? {
        let one = message(&bytes)?;
        seen.messages += one.messages;
        seen.notes += one.notes;
    }
    Ok(seen)
}

const fn code(refusal: Refusal) -> Code {
    refusal.code
}
