//! Headers written as the specification says pass; and what passes says what the body says.
//!
//! Input: lines `name: value`, an empty line, a message, an empty line, an input schema.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use wire::header::{self, ParamHeader};
use wire::json::{Document, Kind, Policy, Value};
use wire::request;
use wire::rpc::{Frame, Message, Request};

fuzz_target!(|data: &[u8]| {
    let Some((headers, rest)) = split(data, b"\n\n") else { return };
    let (body, schema) = split(rest, b"\n\n").unwrap_or((rest, b"{}"));
    let headers: Vec<(&str, &[u8])> = headers
        .split(|b| *b == b'\n')
        .filter_map(|line| split(line, b":"))
        .filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value)))
        .collect();
    let (Ok(body), Ok(schema)) =
        (Document::parse(body, &Policy::default()), Document::parse(schema, &Policy::default()))
    else {
        return;
    };
    let params = header::params_of(schema.root()).unwrap_or_default();
    for (index, param) in params.iter().enumerate() {
        assert!(!param.name.is_empty() && !param.path.is_empty() && param.name.is_ascii());
        let same = |other: &ParamHeader| other.name.eq_ignore_ascii_case(&param.name);
        assert!(!params[..index].iter().any(same));
    }
    let Ok(Frame::One(message)) = Frame::read(&body) else { return };
    let Message::Request(request) = &message else { return };
    let expected = written(request, &params);
    if let Some(expected) = &expected {
        let as_sent = expected.iter().map(|(name, value)| (&name[..], value.as_bytes()));
        assert_eq!(header::check(as_sent, &message, &params), Ok(()));
    }
    if header::check(headers.iter().copied(), &message, &params).is_err() {
        return;
    }
    assert!(values(&headers, "Mcp-Method") == [request.method.as_bytes()]);
    for (name, value) in expected.iter().flatten() {
        let [sent] = values(&headers, name)[..] else { panic!("one {name} must stand") };
        // Numbers may be written in several forms; every other value in two.
        let is_number = value.parse::<i64>().is_ok();
        assert!(
            is_number || sent == value.as_bytes() || sent == encoded(&decoded(value)).as_bytes()
        );
    }
});

/// The headers that a client writes for `request`; `None` when it can write none.
fn written(request: &Request<'_>, params: &[ParamHeader]) -> Option<Vec<(String, String)>> {
    let version = request::protocol_version(request.params).ok()??;
    let is_visible = |text: &str| text.bytes().all(|b| matches!(b, b' '..=b'~'));
    if !is_visible(&version) || !is_visible(&request.method) || version.trim() != version {
        return None;
    }
    if request.method.trim() != request.method {
        return None;
    }
    let mut all = vec![
        ("mcp-protocol-version".to_owned(), version.into_owned()),
        ("mcp-method".to_owned(), request.method.to_string()),
    ];
    if !matches!(&*request.method, "tools/call" | "prompts/get" | "resources/read") {
        return None;
    }
    let subject = request::subject(&request.method, request.params).ok()??;
    all.push(("mcp-name".to_owned(), as_header(&subject.into_name())));
    if request.method == "tools/call" {
        let arguments = request.params?.member("arguments").ok()?;
        for param in params {
            let mut value = arguments;
            for key in &param.path {
                value = value.map_or(Ok(None), |value| value.member(key)).ok()?;
            }
            let Some(value) = value.filter(|value| !value.is_null()) else { continue };
            all.push((format!("mcp-param-{}", param.name), argument(value)?));
        }
    }
    Some(all)
}

fn argument(value: Value<'_>) -> Option<String> {
    match value.kind() {
        Kind::String => value.as_str().map(|text| as_header(&text)),
        Kind::Number => value.as_integer().map(|integer| integer.to_string()),
        Kind::Bool => value.as_bool().map(|truth| truth.to_string()),
        _ => None,
    }
}

fn as_header(text: &str) -> String {
    let is_plain = text.bytes().all(|b| matches!(b, b' '..=b'~')) && text.trim() == text;
    if is_plain && !text.starts_with("=?base64?") { text.to_owned() } else { encoded(text) }
}

fn encoded(text: &str) -> String {
    format!("=?base64?{}?=", STANDARD.encode(text))
}

fn decoded(value: &str) -> String {
    let base64 = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    base64.map_or(value.to_owned(), |base64| {
        String::from_utf8(STANDARD.decode(base64).expect("Base64")).expect("UTF-8")
    })
}

fn values<'h>(headers: &[(&str, &'h [u8])], name: &str) -> Vec<&'h [u8]> {
    let named = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    named.map(|(_, value)| trimmed(value)).collect()
}

/// Without the white space of HTTP around it.
fn trimmed(value: &[u8]) -> &[u8] {
    let text = std::str::from_utf8(value).expect("an accepted value is ASCII");
    text.trim_matches([' ', '\t']).as_bytes()
}

/// What lies before and after the first `separator`.
fn split<'d>(data: &'d [u8], separator: &[u8]) -> Option<(&'d [u8], &'d [u8])> {
    let at = data.windows(separator.len()).position(|window| window == separator)?;
    Some((&data[..at], &data[at + separator.len()..]))
}
