use serde_json::json;
use wire::{Code, Document};

use super::*;
use crate::model::Kind;

fn read_text(text: &str) -> Result<Observation, DocumentError> {
    let document = Document::parse(text.as_bytes(), &POLICY)?;
    read_observation(document.root())
}

fn read_value(value: &Value) -> Result<Observation, DocumentError> {
    read_text(&value.to_string())
}

fn places(value: &Value) -> Vec<String> {
    let observation = read_value(value).expect("a surface");
    observation.surface.items.keys().map(Place::to_string).collect()
}

fn response(result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "result": result })
}

fn example() -> Surface {
    let document = json!({
        "initialize": {
            "protocolVersion": "2025-11-25", "capabilities": { "tools": {} },
            "serverInfo": { "name": "a", "version": "1" }, "instructions": "be kind",
        },
        "tools": [{ "name": "send/~", "description": "sends", "inputSchema": { "type": "object" } }],
        "resources/list": { "resources": [{ "uri": "file:///a" }], "x": 1.5 },
    });
    read_value(&document).expect("a surface").surface
}

#[test]
fn every_spelling_of_the_same_lists_reads_the_same() {
    let tools = json!({ "tools": [{ "name": "a" }] });
    let prompts = json!({ "prompts": [{ "name": "p" }] });
    let opening = json!({ "capabilities": {}, "instructions": "be kind" });
    let spellings = [
        json!({ "tools": tools["tools"], "prompts": prompts["prompts"], "initialize": opening }),
        json!({ "tools": tools, "prompts/list": response(&prompts), "initialize": opening }),
        json!({
            "tools/list": tools, "prompts": prompts["prompts"], "skills": null,
            "capabilities": {}, "instructions": "be kind", "capturedBy": "somebody",
        }),
        json!({ "tools/list": response(&tools), "prompts": response(&prompts),
            "initialize": response(&opening) }),
        response(&json!({ "tools": tools, "prompts": prompts, "initialize": opening })),
    ];
    let expected = ["server/capabilities", "server/instructions", "tools/a", "prompts/p"];
    for spelling in &spellings {
        assert_eq!(places(spelling), expected, "{spelling}");
    }
}

#[test]
fn what_stands_beside_one_list_is_surface_but_not_in_a_record() {
    let mut document = json!({ "tools": [{ "name": "a" }], "x": 1, "server": "s" });
    assert_eq!(places(&document), ["tools/a", "pages/tools/list"]);
    assert_eq!(places(&response(&document)), ["tools/a", "pages/tools/list"]);
    document["source"] = "a crawl".into();
    assert_eq!(places(&document), ["tools/a"]);
}

#[test]
fn the_era_shows_in_the_answers() {
    let info = json!({ "io.modelcontextprotocol/serverInfo": { "name": "a" } });
    let modern = [
        json!({ "tools": [], "ttlMs": 1 }),
        json!({ "tools": [], "_meta": info }),
        json!({ "tools/list": response(&json!({ "tools": [], "resultType": "complete" })) }),
        json!({ "server/discover": { "capabilities": {} } }),
        json!({ "tools": [], "supportedVersions": ["2026-07-28"] }),
    ];
    for document in &modern {
        let observation = read_value(document).expect("a surface");
        assert_eq!(observation.surface.era, Era::Modern, "{document}");
        assert_eq!(observation.cache_scope, CacheScope::Private);
    }
    for document in
        [json!({ "tools": [] }), json!({ "tools": [], "protocolVersion": "x", "ttlMs": 1 })]
    {
        assert_eq!(read_value(&document).expect("a surface").surface.era, Era::Legacy);
    }
    assert_eq!(places(&modern[1]), ["server/serverInfo"]);
}

#[test]
fn other_documents_are_refused() {
    for document in [json!([]), json!({}), json!({ "tools": null }), json!({ "name": "x" })] {
        assert!(matches!(read_value(&document), Err(DocumentError::Unrecognised)), "{document}");
    }
    let paged = json!({ "tools": [], "nextCursor": "" });
    assert!(matches!(read_value(&paged), Err(DocumentError::Incomplete("tools/list"))));
    let failed =
        json!({ "tools/list": { "jsonrpc": "2.0", "id": 1, "error": { "message": "no" } } });
    assert!(matches!(read_value(&failed), Err(DocumentError::Answered(text)) if text == "no"));
    let twice = json!({ "tools": [{ "name": "a" }], "tools/list": { "tools": [{ "name": "a" }] } });
    let Err(DocumentError::Assembly(AssemblyError::Duplicate { .. })) = read_value(&twice) else {
        panic!("listed twice")
    };
    assert!(read_value(&json!({ "tools": "a" })).is_err());
    let unsafe_integer = r#"{"tools":[{"name":"a","n":9007199254740993}]}"#;
    let Err(DocumentError::Refused(refusal)) = read_text(unsafe_integer) else {
        panic!("read differently by parsers")
    };
    assert_eq!(refusal.code, Code::Integer);
}

#[test]
fn what_is_printed_reads_back() {
    let surface = example();
    for detail in [Detail::Items, Detail::Fields] {
        for cache_scope in [CacheScope::Private, CacheScope::Public] {
            let text = write(&surface, cache_scope, detail).to_string();
            let back = read_text(&text).expect("what was printed");
            assert_eq!(back, Observation { surface: surface.clone(), cache_scope, ttl: None });
        }
    }
}

#[test]
fn a_printed_field_has_its_own_digest() {
    let printed = write(&example(), CacheScope::Private, Detail::Fields);
    let fields = &printed["items"]["tools/send/~"]["fields"];
    assert_eq!(fields["/description"], json!(digest::Digest::of(&json!("sends"))));
    assert_eq!(fields.as_object().expect("an object").len(), 3);
}

#[test]
fn a_changed_print_is_refused() {
    let printed = write(&example(), CacheScope::Private, Detail::Fields);
    let zero = "sha256:".to_owned() + &"0".repeat(64);
    let changes = [
        ("/items/tools~1send~1~0/value/description", json!("steals"), "exact"),
        ("/items/tools~1send~1~0/digests/semantic", json!(zero), "semantic"),
        ("/items/tools~1send~1~0/fields/~1description", json!(zero), "field"),
        ("/digests/exact", json!(zero), "exact"),
        ("/era", json!("modern"), "exact"),
    ];
    for (pointer, value, which) in changes {
        let mut forged = printed.clone();
        *forged.pointer_mut(pointer).expect("it is printed") = value;
        let Err(DocumentError::Mismatch { which: found, .. }) = read_value(&forged) else {
            panic!("{pointer}")
        };
        assert_eq!(found, which, "{pointer}");
    }
    let mut lacking = printed.clone();
    lacking["items"].as_object_mut().expect("an object").remove("server/instructions");
    assert!(matches!(
        read_value(&lacking),
        Err(DocumentError::Mismatch { of, .. }) if of == "surface"
    ));
}

#[test]
fn a_print_must_be_whole_and_of_this_version() {
    let printed = write(&example(), CacheScope::Private, Detail::Items);
    for name in ["era", "cacheScope", "digests", "items"] {
        let mut lacking = printed.clone();
        lacking.as_object_mut().expect("an object").remove(name);
        assert!(matches!(read_value(&lacking), Err(DocumentError::Unreadable(n)) if n == name));
    }
    let mut other = printed.clone();
    other["schema"] = "countersign.surface/2".into();
    assert!(matches!(read_value(&other), Err(DocumentError::UnknownSchema(_))));
    let mut nowhere = printed;
    nowhere["items"]["elsewhere"] = json!({});
    assert!(matches!(read_value(&nowhere), Err(DocumentError::Place(_))));
}

#[test]
fn a_print_is_bound_in_items_and_a_file_in_bytes_and_depth() {
    let mut surface = Surface::empty(Era::Legacy);
    for n in 0..limits::ITEMS_MAX {
        surface.items.insert(Place::new(Kind::Tool, n.to_string()), Value::Null);
    }
    let print = |surface: &Surface| write(surface, CacheScope::Private, Detail::Items);
    read_value(&print(&surface)).expect("at the limit");
    surface.items.insert(Place::new(Kind::Tool, "one more"), Value::Null);
    assert!(matches!(
        read_value(&print(&surface)),
        Err(DocumentError::Assembly(AssemblyError::PastLimit { .. }))
    ));

    let mut text = r#"{"tools":[]}"#.to_owned();
    text.push_str(&" ".repeat(limits::FILE_BYTES_MAX - text.len()));
    read_text(&text).expect("at the limit");
    text.push(' ');
    assert!(matches!(read_text(&text), Err(DocumentError::Refused(r)) if r.code == Code::Size));

    let nested = |depth: usize| {
        let inner = depth - 3;
        let (open, close) = ("[".repeat(inner), "]".repeat(inner));
        read_text(&format!(r#"{{"tools":[{{"name":"a","x":{open}{close}}}]}}"#))
    };
    nested(limits::FILE_DEPTH_MAX).expect("at the limit");
    assert!(matches!(
        nested(limits::FILE_DEPTH_MAX + 1),
        Err(DocumentError::Refused(r)) if r.code == Code::Depth
    ));
}
