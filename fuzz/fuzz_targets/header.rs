//! Headers written as the specification says pass; and what passes says what the body says.
//!
//! Input: lines `name: value`, an empty line, a message, an empty line, an input schema.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::header::{self, ParamHeader};
use wire::json::{Document, Policy};
use wire::rpc::{Frame, Message};

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
    if header::check(headers.iter().copied(), &message, &params).is_err() {
        return;
    }
    let values = |name: &str| {
        let named = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim_ascii()).collect::<Vec<_>>()
    };
    let method = values("Mcp-Method");
    match &message {
        Message::Request(request) => assert_eq!(method, [request.method.as_bytes()]),
        Message::Notification(n) => assert!(method.is_empty() || method == [n.method.as_bytes()]),
        Message::Response(_) => return,
    }
    // A stranger's reading of the same rules: what was accepted decodes to the body's name.
    let Some(name) = message.params().and_then(|params| params.get("name")) else { return };
    let needs = matches!(message.method(), Some("tools/call" | "prompts/get"));
    if needs && matches!(message, Message::Request(_)) {
        let [value] = values("Mcp-Name")[..] else { panic!("one Mcp-Name must stand") };
        let is_encoded = value.starts_with(b"=?base64?") && value.ends_with(b"?=");
        let name = name.as_str().expect("a checked name");
        assert!(is_encoded || value == name.as_bytes());
    }
});

/// What lies before and after the first `separator`.
fn split<'d>(data: &'d [u8], separator: &[u8]) -> Option<(&'d [u8], &'d [u8])> {
    let at = data.windows(separator.len()).position(|window| window == separator)?;
    Some((&data[..at], &data[at + separator.len()..]))
}
