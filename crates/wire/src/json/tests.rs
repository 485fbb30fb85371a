use proptest::prelude::*;

use super::*;

fn refusal(text: &str) -> Option<(Code, usize)> {
    Document::parse(text.as_bytes(), &Policy::default()).err().map(|r| (r.code, r.offset))
}

fn notes(text: &str) -> Vec<(Code, usize)> {
    let document = Document::parse(text.as_bytes(), &Policy::default()).unwrap();
    document.notes().iter().map(|note| (note.code, note.offset)).collect()
}

#[test]
fn refuses_structure_with_code_and_offset() {
    for (text, code, offset) in [
        ("", Code::Truncated, 0),
        (" ", Code::Truncated, 1),
        ("{\"a\":1", Code::Truncated, 6),
        ("\"abc", Code::Truncated, 4),
        ("\"a\\", Code::Truncated, 3),
        ("tru", Code::Truncated, 3),
        ("trux", Code::Syntax, 3),
        ("{} {}", Code::Trailing, 3),
        ("1 2", Code::Trailing, 2),
        ("[1,]", Code::Syntax, 3),
        ("[,1]", Code::Syntax, 1),
        ("{\"a\" 1}", Code::Syntax, 5),
        ("{a:1}", Code::Syntax, 1),
        ("{\"a\":1,}", Code::Syntax, 7),
        ("01", Code::Syntax, 1),
        ("-", Code::Truncated, 1),
        ("1.", Code::Truncated, 2),
        ("1.x", Code::Syntax, 2),
        ("+1", Code::Syntax, 0),
        ("NaN", Code::Syntax, 0),
        ("\"\t\"", Code::Syntax, 1),
        ("\"\\x\"", Code::Syntax, 2),
        ("\"\\u12g4\"", Code::Syntax, 5),
        ("\u{feff}{}", Code::Syntax, 0),
        ("{\"a\":1,\"a\":2}", Code::DuplicateKey, 7),
        ("{\"a\":1,\"\\u0061\":2}", Code::DuplicateKey, 7),
        ("{\"\\ud800\":1,\"\\uD800\":2}", Code::DuplicateKey, 12),
    ] {
        assert_eq!(refusal(text), Some((code, offset)), "{text}");
    }
}

#[test]
fn refuses_bytes_that_are_not_utf8() {
    let refused = Document::parse(b"\"a\xff\"", &Policy::default()).unwrap_err();
    assert_eq!((refused.code, refused.offset), (Code::Utf8, 2));
}

#[test]
fn finds_a_duplicate_among_many_keys() {
    let members: Vec<_> = (0..100).map(|n| format!("\"k{n}\":0")).collect();
    let text = format!("{{{},\"k42\":1,\"k7\":1}}", members.join(","));
    assert_eq!(refusal(&text), Some((Code::DuplicateKey, text.find(",\"k42\":1").unwrap() + 1)));
}

#[test]
fn hostile_keys_take_linear_time() {
    let keys: Vec<_> = (0..200_000).map(|n| format!(r#""\u006dé{n}":0"#)).collect();
    let text = format!("{{{}}}", keys.join(","));
    let begun = std::time::Instant::now();
    let document = Document::parse(text.as_bytes(), &Policy::default()).unwrap();
    assert_eq!(document.root().member("method").unwrap().map(Value::raw), None);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn refuses_folded_keys_only_by_policy() {
    let policy = Policy { fold_keys: true, ..Policy::default() };
    for text in [
        r#"{"name":1,"Name":2}"#,
        r#"{"name":1,"\u004eame":2}"#,
        "{\"é\":1,\"e\u{301}\":2}",
        "{\"ſ\":1,\"s\":2}",
        "{\"ß\":1,\"ẞ\":2}",
    ] {
        assert_eq!(refusal(text), None, "{text}");
        let refused = Document::parse(text.as_bytes(), &policy).unwrap_err();
        assert_eq!(refused.code, Code::FoldedKey, "{text}");
    }
}

#[test]
fn limits_hold_at_the_limit_and_refuse_one_past_it() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(refusal(&nested(limits::DEPTH_MAX)), None);
    assert_eq!(refusal(&nested(limits::DEPTH_MAX + 1)), Some((Code::Depth, limits::DEPTH_MAX)));
    let long = |bytes| format!("\"{}\"", "a".repeat(bytes - 2));
    assert_eq!(refusal(&long(limits::MESSAGE_BYTES_MAX)), None);
    let past = refusal(&long(limits::MESSAGE_BYTES_MAX + 1));
    assert_eq!(past, Some((Code::Size, limits::MESSAGE_BYTES_MAX)));
}

#[test]
fn notes_scalars_that_parsers_read_differently() {
    for (text, code) in [
        ("\"\\ud83d\"", Code::LoneSurrogate),
        ("\"\\ude00\\ud83d\"", Code::LoneSurrogate),
        ("9007199254740992", Code::Integer),
        ("-9007199254740993", Code::Integer),
        ("12345678901234567890", Code::Integer),
        ("1e20", Code::Integer),
        ("-9007199254740992.0", Code::Integer),
        ("1e400", Code::Number),
        ("1e-400", Code::Number),
        ("9007199254740993e0", Code::Number),
        ("0.1000000000000000055511151231257827", Code::Number),
        ("2228288888881818.3", Code::Number),
    ] {
        assert_eq!(notes(text).first().map(|note| note.0), Some(code), "{text}");
        let strict = Policy { strict_scalars: true, ..Policy::default() };
        assert_eq!(Document::parse(text.as_bytes(), &strict).unwrap_err().code, code, "{text}");
    }
    for text in [
        "9007199254740991",
        "-9007199254740991",
        "0.1",
        "-0",
        "0e5",
        "100e-2",
        "1.7976931348623157e+308",
        "5e-324",
        "\"\\ud83d\\ude00\"",
        "1.10",
        "2228288888881818.2",
        "1e21",
        "1.5e-7",
    ] {
        assert_eq!(notes(text), [], "{text}");
    }
}

#[test]
fn strict_scalars_refuse_the_first_of_several() {
    let policy = Policy { strict_scalars: true, ..Policy::default() };
    let refused = Document::parse(br#"["\udc00\udc00",1e400]"#, &policy).unwrap_err();
    assert_eq!((refused.code, refused.offset), (Code::LoneSurrogate, 2));
}

#[test]
fn exact_refuses_only_what_lies_inside() {
    let text = r#"{"safe":{"n":1},"odd":[1,"\ud83d"]}"#;
    let document = Document::parse(text.as_bytes(), &Policy::default()).unwrap();
    assert!(document.root().get("safe").unwrap().exact().is_ok());
    assert_eq!(document.root().get("odd").unwrap().exact().unwrap_err().offset, 26);
    assert!(document.root().exact().is_err());
}

#[test]
fn distinct_refuses_merged_keys_but_not_names_of_properties() {
    let refusal = |text: &str| {
        let document = Document::parse(text.as_bytes(), &Policy::default()).unwrap();
        document.root().distinct().err().map(|refusal| (refusal.code, refusal.offset))
    };
    for (text, at) in [
        (r#"{"name":1,"Name":2}"#, 10),
        (r#"[{"a":{"\u0041":1,"a":2}}]"#, 18),
        (r#"{"properties":{"url":{"type":1,"TYPE":2}}}"#, 31),
        (r#"{"properties":{"properties":{"a":1,"A":2}}}"#, 35),
        ("{\"é\":1,\"e\u{301}\":2}", 8),
    ] {
        assert_eq!(refusal(text), Some((Code::FoldedKey, at)), "{text}");
    }
    for text in [
        r#"{"properties":{"url":1,"URL":2},"$defs":{"a":1,"A":2}}"#,
        r#"{"default":{"a":1,"A":{"b":1,"B":2}}}"#,
        r#"{"properties":{"default":{"a":1}}}"#,
        "7",
    ] {
        assert_eq!(refusal(text), None, "{text}");
    }
    let many: Vec<_> = (0..20).map(|n| format!(r#""k{n}":0"#)).collect();
    assert!(refusal(&format!(r#"{{{},"K3":0}}"#, many.join(","))).is_some());
}

#[test]
fn values_give_the_bytes_as_received() {
    let text = " { \"a\" : [1.0, \"\\u00e9\" ] , \"b\\u0063\" : {\"d\": null} } ";
    let document = Document::parse(text.as_bytes(), &Policy::default()).unwrap();
    let root = document.root();
    assert_eq!(root.raw(), text.trim().as_bytes());
    let elements: Vec<_> = root.get("a").unwrap().elements().collect();
    assert_eq!(elements[0].as_number(), Some("1.0"));
    assert_eq!(elements[1].as_str().unwrap(), "é");
    assert_eq!(elements[1].raw(), b"\"\\u00e9\"");
    assert!(root.get("bc").unwrap().get("d").unwrap().is_null());
    assert_eq!(root.members().count(), 2);
}

proptest! {
    #[test]
    fn agrees_with_serde_json_on_what_both_accept(text in "[\\[\\]{}\",:0-9a-z\\\\u. \\-eE]{0,40}") {
        let ours = Document::parse(text.as_bytes(), &Policy::default());
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        if let (Ok(document), Ok(value)) = (&ours, &theirs) {
            prop_assert_eq!(document.root().members().count(), value.as_object().map_or(0, serde_json::Map::len));
        }
        if ours.as_ref().is_ok_and(|document| document.notes().is_empty()) {
            prop_assert!(theirs.is_ok());
        }
        if theirs.is_ok() && ours.is_err() {
            prop_assert_eq!(ours.unwrap_err().code, Code::DuplicateKey);
        }
    }

    #[test]
    fn strings_decode_as_serde_json_decodes_them(text in "\\PC*") {
        let encoded = serde_json::to_string(&text).unwrap();
        let document = Document::parse(encoded.as_bytes(), &Policy::default()).unwrap();
        prop_assert_eq!(document.root().as_str().unwrap(), text);
    }
}

/// `cargo test --release -p countersign-wire --lib -- --ignored --nocapture scan_speed`
#[test]
#[ignore = "measures, and means something only in release"]
fn scan_speed() {
    let call = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":
        {"query":"a plain question about nothing","limit":10,"tags":["a","b"],"deep":{"x":1.5}}}}"#;
    let text = "The quick brown fox jumps over the lazy dog.\\n".repeat(86);
    let result =
        format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"content":[{{"text":"{text}"}}]}}}}"#);
    let property =
        r#""field":{"type":"string","description":"What the field holds.","minLength":1}"#;
    let tool =
        format!(r#"{{"name":"make","description":"Makes it.","inputSchema":{{{property}}}}}"#);
    let tools = format!(
        r#"{{"jsonrpc":"2.0","id":7,"result":{{"tools":[{}]}}}}"#,
        vec![tool; 29].join(",")
    );
    for (name, message) in [("call", call), ("text result", &result), ("tools/list", &tools)] {
        // The fastest of many short batches: a busy machine slows only the others.
        let batch = || {
            let begun = std::time::Instant::now();
            for _ in 0..100 {
                let bytes = std::hint::black_box(message.as_bytes());
                Document::parse(bytes, &Policy::default()).unwrap();
            }
            begun.elapsed().as_nanos()
        };
        let fastest_ns = (0..5_000).map(|_| batch()).min().unwrap();
        let speed = message.len() as u128 * 100 * 1_000 / fastest_ns;
        println!("{name}: {} bytes, {speed} MB/s", message.len());
    }
}
