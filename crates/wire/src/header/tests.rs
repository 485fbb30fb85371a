use super::*;
use crate::json::{Document, Policy};
use crate::limits;
use crate::rpc::Frame;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;

type Headers<'a> = &'a [(&'a str, &'a str)];

const BASE: Headers<'static> =
    &[("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "a")];

/// The code and header of the refusal of `body` under `headers`.
fn refused(headers: Headers<'_>, body: &str, params: &[ParamHeader]) -> Option<(Code, String)> {
    let document = Document::parse(body.as_bytes(), &Policy::default()).unwrap();
    let Ok(Frame::One(message)) = Frame::read(&document) else { panic!("{body}") };
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    check(headers, &message, params).err().map(|error| (error.code, error.header))
}

fn request(method: &str, params: &str) -> String {
    let comma = if params.is_empty() { "" } else { "," };
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}{comma}{META}}}}}"#)
}

/// `BASE`, with `header` in place of the one with its name, or added; an empty value removes.
fn with<'a>(headers: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let is_named = |name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    let mut all: Vec<_> = BASE.iter().copied().filter(|(name, _)| !is_named(name)).collect();
    all.extend(headers.iter().filter(|(_, value)| *value != "-"));
    all
}

#[test]
fn headers_that_repeat_the_body_pass() {
    let call = request("tools/call", r#""name":"a""#);
    for headers in [
        vec![("x", "y")],
        vec![("mcp-name", "a")],
        vec![("MCP-NAME", "  a\t")],
        vec![("Mcp-Name", "=?base64?YQ==?=")],
        vec![("Mcp-Param-Unknown", "1"), ("Mcp-Param-Unknown", "2")],
    ] {
        assert_eq!(refused(&with(&headers), &call, &[]), None, "{headers:?}");
    }
    let headers = with(&[("Mcp-Method", "tools/list"), ("Mcp-Name", "-")]);
    assert_eq!(refused(&headers, &request("tools/list", ""), &[]), None);
    let headers = with(&[("Mcp-Method", "tasks/get"), ("Mcp-Name", "t")]);
    assert_eq!(refused(&headers, &request("tasks/get", r#""taskId":"t""#), &[]), None);
    let headers = with(&[("Mcp-Method", "resources/read"), ("Mcp-Name", "=?base64?eDrDvA==?=")]);
    assert_eq!(refused(&headers, &request("resources/read", r#""uri":"x:ü""#), &[]), None);
}

#[test]
fn headers_that_say_another_thing_are_refused() {
    let call = request("tools/call", r#""name":"a""#);
    for (header, value, code) in [
        ("MCP-Protocol-Version", "-", Code::HeaderMissing),
        ("MCP-Protocol-Version", "2025-11-25", Code::HeaderMismatch),
        ("Mcp-Method", "-", Code::HeaderMissing),
        ("Mcp-Method", "Tools/Call", Code::HeaderMismatch),
        ("Mcp-Method", "=?base64?dG9vbHMvY2FsbA==?=", Code::HeaderMismatch),
        ("Mcp-Name", "-", Code::HeaderMissing),
        ("Mcp-Name", "A", Code::HeaderMismatch),
        ("Mcp-Name", "", Code::HeaderMismatch),
        ("Mcp-Name", "a, a", Code::HeaderMismatch),
        ("Mcp-Name", "a\u{7f}", Code::HeaderMalformed),
        ("Mcp-Name", "ä", Code::HeaderMalformed),
        ("Mcp-Name", "=?BASE64?YQ==?=", Code::HeaderMismatch),
        ("Mcp-Name", "=?base64?YQ?=", Code::HeaderMalformed),
        ("Mcp-Name", "=?base64?YR==?=", Code::HeaderMalformed),
        ("Mcp-Name", "=?base64? YQ==?=", Code::HeaderMalformed),
        ("Mcp-Name", "=?base64?/w==?=", Code::HeaderMalformed),
        ("Mcp-Name", "=?base64?=", Code::HeaderMalformed),
        // Encoded twice: the decoded value is the text `=?base64?YQ==?=`, not `a`.
        ("Mcp-Name", "=?base64?PT9iYXNlNjQ/WVE9PT89?=", Code::HeaderMismatch),
    ] {
        let refusal = refused(&with(&[(header, value)]), &call, &[]);
        assert_eq!(refusal, Some((code, header.to_owned())), "{header}: {value}");
    }
    let twice = with(&[("Mcp-Name", "a"), ("mcp-name", "a")]);
    assert_eq!(refused(&twice, &call, &[]), Some((Code::HeaderRepeated, NAME.to_owned())));
    let headers = with(&[("Mcp-Method", "tools/list")]);
    let refusal = refused(&headers, &request("tools/list", ""), &[]);
    assert_eq!(refusal, Some((Code::HeaderMismatch, NAME.to_owned())));
    let legacy = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#;
    assert_eq!(refused(BASE, legacy, &[]), Some((Code::HeaderMismatch, VERSION.to_owned())));
    let odd = request("tools/call", r#""name":"a","Name":"b""#);
    assert_eq!(refused(BASE, &odd, &[]), Some((Code::HeaderMismatch, NAME.to_owned())));
}

#[test]
fn a_notification_needs_no_header_but_must_not_contradict_one() {
    let notification =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(refused(&[], notification, &[]), None);
    let headers =
        [("Mcp-Method", "notifications/cancelled"), ("MCP-Protocol-Version", "2026-07-28")];
    assert_eq!(refused(&headers, notification, &[]), None);
    let modern = format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{{{META}}}}}"#);
    let refusal = refused(&[("MCP-Protocol-Version", "2025-11-25")], &modern, &[]);
    assert_eq!(refusal, Some((Code::HeaderMismatch, VERSION.to_owned())));
    let refusal = refused(&[("Mcp-Method", "tools/call")], notification, &[]);
    assert_eq!(refusal, Some((Code::HeaderMismatch, METHOD.to_owned())));
    let response = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(refused(BASE, response, &[]), None);
}

#[test]
fn an_argument_and_its_header_say_the_same() {
    let params = [ParamHeader { name: "X".to_owned(), path: vec!["o".to_owned(), "x".to_owned()] }];
    let missing = Some((Code::HeaderMissing, "Mcp-Param-X".to_owned()));
    let mismatch = Some((Code::HeaderMismatch, "Mcp-Param-X".to_owned()));
    let malformed = Some((Code::HeaderMalformed, "Mcp-Param-X".to_owned()));
    for (argument, header, refusal) in [
        (r#"{"x":"v"}"#, "v", &None),
        (r#"{"x":"v"}"#, "V", &mismatch),
        (r#"{"x":"v"}"#, "-", &missing),
        (r#"{"x":""}"#, "", &None),
        (r#"{"x":""}"#, "=?base64??=", &None),
        (r#"{"x":""}"#, "-", &missing),
        (r#"{"x":"München"}"#, "=?base64?TcO8bmNoZW4=?=", &None),
        (r#"{"x":" p "}"#, " p ", &mismatch),
        (r#"{"x":" p "}"#, "=?base64?IHAg?=", &None),
        (r#"{"x":"=?base64?literal?="}"#, "=?base64?literal?=", &malformed),
        (r#"{"x":"=?base64?literal?="}"#, "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", &None),
        (r#"{"x":"\ud800"}"#, "x", &mismatch),
        (r#"{"x":42}"#, "42.0", &None),
        (r#"{"x":42.0}"#, "42", &None),
        (r#"{"x":-7}"#, "=?base64?LTc=?=", &None),
        (r#"{"x":42}"#, "042", &mismatch),
        (r#"{"x":42}"#, "+42", &mismatch),
        (r#"{"x":42}"#, "0x2A", &mismatch),
        (r#"{"x":42}"#, "42 43", &mismatch),
        (r#"{"x":"42"}"#, "42.0", &mismatch),
        (r#"{"x":9007199254740993}"#, "9007199254740993", &mismatch),
        (r#"{"x":1.5}"#, "1.5", &mismatch),
        (r#"{"x":true}"#, "true", &None),
        (r#"{"x":true}"#, "True", &mismatch),
        (r#"{"x":false}"#, "0", &mismatch),
        (r#"{"x":null}"#, "-", &None),
        (r#"{"x":null}"#, "null", &mismatch),
        ("{}", "-", &None),
        ("7", "-", &None),
        ("{}", "v", &mismatch),
        (r#"{"x":[1]}"#, "1", &mismatch),
        (r#"{"X":"v"}"#, "-", &mismatch),
    ] {
        let call = request("tools/call", &format!(r#""name":"a","arguments":{{"o":{argument}}}"#));
        let headers = with(&[("mcp-param-x", header)]);
        assert_eq!(&refused(&headers, &call, &params), refusal, "{argument} {header}");
    }
}

fn annotated(schema: &str) -> Result<Vec<(String, String)>, String> {
    let document = Document::parse(schema.as_bytes(), &Policy::default()).unwrap();
    let params = params_of(document.root()).map_err(|error| {
        assert_eq!(error.code, Code::HeaderMalformed);
        error.header
    })?;
    Ok(params.into_iter().map(|param| (param.name, param.path.join("/"))).collect())
}

#[test]
fn annotations_on_plain_properties_are_found() {
    let schema = r#"{"type":"object","properties":{
        "region":{"type":"string","x-mcp-header":"Region"},
        "x-mcp-header":{"type":"string"},
        "where":{"type":"object","default":{"x-mcp-header":"a b"},"properties":{
            "zone":{"type":"integer","x-mcp-header":"Zone"}}}},
        "examples":[{"x-mcp-header":1}]}"#;
    let found = |name: &str, path: &str| (name.to_owned(), path.to_owned());
    assert_eq!(annotated(schema), Ok(vec![found("Region", "region"), found("Zone", "where/zone")]));
    assert_eq!(annotated("true"), Ok(vec![]));
}

#[test]
fn annotations_for_which_clients_drop_the_tool_are_refused() {
    let property = |schema: &str| format!(r#"{{"properties":{{"p":{schema}}}}}"#);
    for (schema, says) in [
        (property(r#"{"type":"string","x-mcp-header":""}"#), "p"),
        (property(r#"{"type":"string","x-mcp-header":7}"#), "p"),
        (property(r#"{"type":"string","x-mcp-header":"a b"}"#), "a b"),
        (property(r#"{"type":"string","x-mcp-header":"a\r\nX: y"}"#), "a\r\nX: y"),
        (property(r#"{"type":"string","x-mcp-header":"ä"}"#), "ä"),
        (property(r#"{"type":"string","X-MCP-Header":"A"}"#), "A"),
        (property(r#"{"type":"number","x-mcp-header":"A"}"#), "A"),
        (property(r#"{"type":"object","x-mcp-header":"A"}"#), "A"),
        (property(r#"{"type":["string","null"],"x-mcp-header":"A"}"#), "A"),
        (property(r#"{"x-mcp-header":"A"}"#), "A"),
        (property(r#"{"items":{"type":"string","x-mcp-header":"A"}}"#), "A"),
        (property(r#"{"anyOf":[{"type":"string","x-mcp-header":"A"}]}"#), "A"),
        (property(r#"{"items":{"properties":{"q":{"type":"string","x-mcp-header":"A"}}}}"#), "A"),
        (property(r#"{"x-vendor":{"type":"string","x-mcp-header":"A"}}"#), "A"),
        (r#"{"type":"string","x-mcp-header":"A"}"#.to_owned(), "A"),
        (r#"{"$defs":{"d":{"type":"string","x-mcp-header":"A"}}}"#.to_owned(), "A"),
        (
            r#"{"properties":{"p":{"type":"string","x-mcp-header":"A"},
                "q":{"type":"string","x-mcp-header":"a"}}}"#
                .to_owned(),
            "a",
        ),
    ] {
        assert_eq!(annotated(&schema), Err(says.to_owned()), "{schema}");
    }
}

#[test]
fn limits_hold_at_the_limit_and_refuse_one_past_it() {
    let schema = |count: usize| {
        let property = |n| format!(r#""p{n}":{{"type":"string","x-mcp-header":"H{n}"}}"#);
        format!(
            r#"{{"properties":{{{}}}}}"#,
            (0..count).map(property).collect::<Vec<_>>().join(",")
        )
    };
    assert_eq!(
        annotated(&schema(limits::PARAM_HEADERS_MAX)).unwrap().len(),
        limits::PARAM_HEADERS_MAX
    );
    assert!(annotated(&schema(limits::PARAM_HEADERS_MAX + 1)).is_err());
    let named = |bytes| {
        let name = "n".repeat(bytes);
        let call = request("tools/call", &format!(r#""name":"{name}""#));
        refused(&with(&[("Mcp-Name", &name)]), &call, &[]).map(|(code, _)| code)
    };
    assert_eq!(named(limits::HEADER_BYTES_MAX), None);
    assert_eq!(named(limits::HEADER_BYTES_MAX + 1), Some(Code::HeaderMalformed));
}
